package io.thalweg.input;

/** Whether and how often a field of a Protobuf message is there. */
public enum ProtobufPresence {
    /** Always: what is not written has the default of its type. */
    IMPLICIT,
    /** Once or not at all. */
    OPTIONAL,
    /** Once. */
    REQUIRED,
    /** Any number of times. */
    REPEATED,
    /** Any number of times, as the entries of a map. */
    MAP
}
