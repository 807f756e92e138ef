/**
 * The state machine of one partition. {@link io.thalweg.fold.LearningTask} applies input records, in order, to the
 * models of a task, and publishes the results. Validating, predicting, learning, publishing and storing come together
 * here and nowhere else.
 *
 * <p>Nothing here knows Kafka Streams. The processor of the running learner, the audit and {@code evaluate} are
 * adapters around it.
 */
@NullMarked
package io.thalweg.fold;

import org.jspecify.annotations.NullMarked;
