package io.thalweg.config;

import java.util.Locale;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The formats in which values lie on topics. */
public enum ValueFormat {
    /** Avro in the frame of a schema registry. */
    AVRO,
    /** JSON, one object in each value. */
    JSON,
    /** Protobuf in the frame of a schema registry. */
    PROTOBUF;

    /** The word for it in settings. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** The words for formats. @param formats null for an empty word */
    static String[] words(@Nullable ValueFormat... formats) {
        return Stream.of(formats)
                .map(format -> format == null ? "" : format.toString())
                .toArray(String[]::new);
    }

    static ValueFormat of(String word) {
        return valueOf(word.toUpperCase(Locale.ROOT));
    }
}
