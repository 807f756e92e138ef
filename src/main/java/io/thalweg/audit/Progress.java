package io.thalweg.audit;

/**
 * How far a verification has come.
 *
 * @param records input records that have been replayed
 * @param total the last committed offsets added up: about how many there are
 */
public record Progress(long records, long total) {}
