package io.thalweg.input;

import io.thalweg.input.ValueSinks.MissingSink;
import io.thalweg.mapping.FieldEncoder;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The reader of one field of a record; if the field is a record itself, of all fields in it.
 *
 * @param missing what is done for each of these fields, by name, if a record that contains it is null
 * @param fastPath how the loop over the fields of a record can read this field without calling the reader
 * @param encoder takes the value on the fast path; null if there is none
 */
record FieldReader(
        ValueReader reader,
        Map<String, MissingSink> missing,
        FastPath fastPath,
        @Nullable FieldEncoder encoder) {
    /**
     * The most common kinds of field, which the loop over the fields of a record reads itself. Calls of {@link
     * ValueReader} are not inlined there, because it has too many implementations.
     */
    enum FastPath {
        NONE,
        WHOLE,
        FLOAT,
        DOUBLE,
        TEXT
    }

    FieldReader(ValueReader reader, Map<String, MissingSink> missing) {
        this(reader, missing, FastPath.NONE, null);
    }

    /** Creates the reader of a field for which nothing is done if a record that contains it is null. */
    FieldReader(ValueReader reader) {
        this(reader, Map.of());
    }
}
