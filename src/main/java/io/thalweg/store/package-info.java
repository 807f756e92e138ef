/**
 * The state of a task and its stored form: the models, the next input offsets and the settings that were learned under
 * ({@link io.thalweg.store.TaskState}), the journal of steps ({@link io.thalweg.store.Journal}), and the format of the
 * records in the changelog ({@link io.thalweg.store.ChangelogFormat}).
 *
 * <p>State is kept on the heap. A step takes time in proportion to the features of its example. What has changed is
 * written once for each commit, inside the transaction of that commit, and restored after a crash. The caller decides
 * when: nothing here knows Kafka Streams.
 */
@NullMarked
package io.thalweg.store;

import org.jspecify.annotations.NullMarked;
