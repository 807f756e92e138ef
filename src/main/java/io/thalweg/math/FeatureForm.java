package io.thalweg.math;

/**
 * The form in which an example gives its features. The first labeled example of a model fixes the form for that model.
 */
public enum FeatureForm {
    /** The value of every feature, in order; always the same number of them. */
    DENSE,
    /** The numbers and the values of the features that are not zero. */
    SPARSE,
    /** The names and the values of features. */
    NAMED
}
