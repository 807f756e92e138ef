package io.thalweg.config;

import java.util.Locale;
import java.util.stream.Stream;

/** The formats in which keys lie on topics. */
public enum KeyFormat {
    /** Text in UTF-8. */
    STRING,
    /** A whole number of 8 bytes, as Kafka's LongSerializer writes it. */
    LONG,
    /** JSON: text, a whole number, or an object with one field that is one of these. */
    JSON,
    /** Avro whose schema is text, a whole number, or a record with one field that is one of these. */
    AVRO;

    /** The word for it in settings. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }

    static String[] words() {
        return Stream.of(values()).map(KeyFormat::toString).toArray(String[]::new);
    }
}
