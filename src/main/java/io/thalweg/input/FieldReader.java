package io.thalweg.input;

import io.thalweg.input.ValueSinks.MissingSink;
import io.thalweg.mapping.FieldEncoder;
import java.util.Map;

/**
 * How one field of a record is read, with all the fields in it if it is a record itself.
 *
 * @param missing what is done for each of these fields, by name, where a record that it is in is null
 * @param fastPath how the record can read the field without the reader
 * @param encoder where the value goes on the fast path; null if there is none
 */
record FieldReader(ValueReader reader, Map<String, MissingSink> missing, FastPath fastPath, FieldEncoder encoder) {
    /**
     * The most common kinds of field, which the loop over a record's fields reads itself. A call of a
     * {@link ValueReader} would not be inlined there, because there are too many kinds of them.
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

    /** A field of which nothing is said where a record that it is in is null. */
    FieldReader(ValueReader reader) {
        this(reader, Map.of());
    }
}
