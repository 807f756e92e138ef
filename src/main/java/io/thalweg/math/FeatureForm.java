package io.thalweg.math;

/** How an example says its features. The first labelled example of a model fixes it for that model. */
public enum FeatureForm {
    /** The value of every feature, always as many. */
    DENSE,
    /** The numbers and the values of those that are not zero. */
    SPARSE,
    /** Names and values. */
    NAMED
}
