package io.thalweg.input;

import io.thalweg.mapping.CategorySample;
import io.thalweg.math.Example;
import io.thalweg.math.Rejection;
import java.util.Map;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;

/** Decodes the values of records into examples. There is one implementation for each format. Not thread-safe. */
interface ValueDecoder {
    /** For records that have none. */
    Headers NO_HEADERS = new RecordHeaders();

    /**
     * Decodes a value.
     *
     * @param value the value of a record, not null
     * @param headers the headers of the record, which can name the schema of the value
     * @param x is cleared and filled; unusable after a rejection
     * @throws Rejection if the value cannot be read or used, or the registry does not know its schema
     * @throws SchemaSourceException if the registry does not answer
     */
    void decode(byte[] value, Headers headers, Example x) throws Rejection;

    /** Decodes a value of a record without headers, as above. */
    default void decode(byte[] value, Example x) throws Rejection {
        decode(value, NO_HEADERS, x);
    }

    /** Whether values can be passed over, so that {@link #isPassedOver} must be asked. */
    default boolean canPassOver() {
        return false;
    }

    /**
     * Returns whether a value is an event that is passed over.
     *
     * @throws Rejection if that cannot be found out, or the registry does not know its schema
     */
    default boolean isPassedOver(byte[] value, Headers headers) throws Rejection {
        return false;
    }

    /** The model that the last record names, as UTF-8; only the first {@link #modelLength} bytes count. */
    default byte[] model() {
        return new byte[0];
    }

    /** The length of the model's name; below 0 if the record does not name one. */
    default int modelLength() {
        return -1;
    }

    /** What the first categories of each field are like; empty if fields are not mapped. */
    default Map<String, CategorySample> categories() {
        return Map.of();
    }
}
