package io.thalweg.mapping;

/** The kind of a field: what a mapping takes it for. */
public enum FieldKind {
    LABEL,
    MODEL,
    ID,
    IMPORTANCE,
    EXCLUDED,
    NUMBER,
    CATEGORY,
    TIME,
    /** No feature by itself, but part of a cross. */
    CROSSED,
    /** Of a type that cannot be a feature, or only if a setting says how. */
    LEFT_OUT
}
