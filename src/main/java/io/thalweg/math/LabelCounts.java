package io.thalweg.math;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;

/** What has come of the events and labels of a model: how many of each, and how late labels were. */
public final class LabelCounts {
    /** What is counted. */
    public enum Count {
        /** Events that were remembered. */
        REMEMBERED,
        /** Events whose label came in time. */
        IN_TIME,
        /** Events that were given up. */
        GIVEN_UP,
        /** Labels whose event did not come. */
        UNKNOWN,
        /** Labels that were the same as one before. */
        REPEATED,
        /** Labels that replaced another one. */
        CORRECTED,
        /** Labels that came after their event was given up. */
        TOO_LATE
    }

    private static final Count[] COUNTS = Count.values();

    private final long[] counts = new long[COUNTS.length];
    private DelayHistogram delays = new DelayHistogram();

    /** Counts one. */
    public void add(Count what) {
        counts[what.ordinal()]++;
    }

    /** Counts one less. */
    public void takeBack(Count what) {
        counts[what.ordinal()]--;
    }

    /** Counts an event whose label came in time. @param delay from the event to its label, in milliseconds */
    public void addInTime(long delay) {
        add(Count.IN_TIME);
        delays.add(delay);
    }

    /** Undoes {@link #addInTime}. */
    public void takeBackInTime(long delay) {
        takeBack(Count.IN_TIME);
        delays.remove(delay);
    }

    /** Returns how many there were. */
    public long get(Count what) {
        return counts[what.ordinal()];
    }

    /** Returns how many events wait for their labels. */
    public long waiting() {
        return get(Count.REMEMBERED) - get(Count.IN_TIME) - get(Count.GIVEN_UP);
    }

    /** Returns the delays of the labels that came in time. */
    public DelayHistogram delays() {
        return delays;
    }

    /**
     * Returns the share of events whose label came in time, among those that do not wait.
     *
     * @return from 0 to 1; NaN if all wait
     */
    public double shareInTime() {
        return (double) get(Count.IN_TIME) / (get(Count.IN_TIME) + get(Count.GIVEN_UP));
    }

    /** Writes the counts; {@link #read} reads them. */
    public void write(DataOutput out) throws IOException {
        out.writeByte(counts.length);
        for (long count : counts) {
            out.writeLong(count);
        }
        delays.write(out);
    }

    /** Reads counts that {@link #write} wrote. */
    public static LabelCounts read(DataInput in) throws IOException {
        LabelCounts read = new LabelCounts();
        int length = in.readByte();
        for (int i = 0; i < length; i++) {
            read.counts[i] = in.readLong();
        }
        read.delays = DelayHistogram.read(in);
        return read;
    }
}
