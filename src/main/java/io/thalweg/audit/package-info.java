/**
 * The proof, from topics alone, that a learner did what it says: every committed example has exactly one prediction or dead letter,
 * and a replay of the input through the pure learning step gives every prediction and the last weights, bit for bit.
 *
 * <p>The replay is a fold of its own over the input, from nothing. With the learner it shares the mathematics and the way from a
 * record to an example, which are what is repeated, and not the store, the processor or Kafka Streams, which are what is on trial.
 */
package io.thalweg.audit;
