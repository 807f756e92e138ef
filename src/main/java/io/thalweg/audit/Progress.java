package io.thalweg.audit;

/**
 * The progress of a verification.
 *
 * @param records how many input records have been replayed
 * @param total approximately how many there are: the sum of the last committed offsets
 */
public record Progress(long records, long total) {}
