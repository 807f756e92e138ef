/**
 * The records that a learner writes. {@link io.thalweg.output.OutputTopic} says which topics there are and what holds for each; the
 * other classes make their records, from the results and models of {@code math} and the records of {@code input}, and encode them in
 * Confluent's wire format.
 *
 * <p>Who sends them is not decided here: {@code fold} hands them to {@code topology}, and an audit compares them with what is on the
 * topics. Nothing here knows Kafka Streams.
 */
package io.thalweg.output;
