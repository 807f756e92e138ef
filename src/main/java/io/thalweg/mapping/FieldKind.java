package io.thalweg.mapping;

/** The kinds of fields: what a mapping uses a field as. */
public enum FieldKind {
    LABEL,
    MODEL,
    ID,
    IMPORTANCE,
    EXCLUDED,
    NUMBER,
    CATEGORY,
    TIME,
    /** The timestamp of the record, and not a feature. */
    TIMESTAMP,
    /** The time at which the label came, in a file. */
    LABEL_TIME,
    /** Not a feature by itself, but part of a cross. */
    CROSSED,
    /** Of a type that cannot be a feature, or only if a setting says how. */
    LEFT_OUT
}
