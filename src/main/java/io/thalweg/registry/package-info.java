/**
 * The connection to a Confluent Schema Registry. {@link io.thalweg.registry.ConfluentSchemas} looks up the schemas of
 * records that are read and the ids of schemas of records that are written. It retries while the registry gives no
 * answer, and says what to do when it refuses.
 *
 * <p>It implements the interfaces that {@code input} and {@code output} declare. The library depends neither on it nor
 * on Confluent's client.
 */
package io.thalweg.registry;
