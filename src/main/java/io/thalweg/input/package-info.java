/**
 * Reading records of the examples topic. A {@link io.thalweg.input.RecordReader} turns the key, value and headers of a
 * record into a model id and an {@link io.thalweg.math.Example}, or into the {@link io.thalweg.math.Rejection} that
 * makes it a dead letter.
 *
 * <p>Records are either Examples, which {@link io.thalweg.input.ExampleDecoder} reads, or of a schema of their own,
 * which {@link io.thalweg.input.MappedDecoder} reads as the settings of the mapping say. Schemas come from a
 * {@link io.thalweg.input.SchemaSource}. This package may use {@code math}, {@code mapping} and {@code config}, and of
 * Kafka only the classes of its clients; it does not know Kafka Streams.
 */
@NullMarked
package io.thalweg.input;

import org.jspecify.annotations.NullMarked;
