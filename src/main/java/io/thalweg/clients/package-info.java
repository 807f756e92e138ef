/**
 * The Kafka clients that a Kafka Streams application with a learner must use: {@link io.thalweg.clients.StrictClients}. With them, a
 * call that times out ends the stream thread, which aborts its transaction; Kafka's own would let it go on and pass over records. They
 * also hand records to the producer on a thread of its own.
 *
 * <p>This package depends on Kafka and on nothing else of this project.
 */
package io.thalweg.clients;
