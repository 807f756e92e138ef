/**
 * The proof, from topics alone, that a learner works correctly. Every committed example has exactly one prediction or
 * dead letter, and a replay of the input gives every prediction and the last weights, bit for bit.
 *
 * <p>The replay starts from nothing. It shares with the learner the state machine of a partition, which is what is
 * repeated. It does not share the changelog, the processor or Kafka Streams, which are what is checked.
 */
package io.thalweg.audit;
