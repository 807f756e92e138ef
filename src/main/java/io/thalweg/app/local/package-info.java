/**
 * A Kafka broker and a schema registry inside the process, for {@code local}, {@code demo}, the benchmarks and tests.
 * {@link io.thalweg.app.local.EmbeddedBroker} is a Kafka broker on one node, and
 * {@link io.thalweg.app.local.EmbeddedRegistry} answers the part of Confluent's HTTP interface that clients use.
 *
 * <p>This is the only package that knows the broker's classes. It uses no other package of this project.
 */
package io.thalweg.app.local;
