package io.thalweg.math;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.Arrays;

/**
 * How often delays of various lengths have occurred. Eight buckets share each power of two, so that a quantile is at
 * most 13% too large.
 */
public final class DelayHistogram {
    private static final int BITS = 3;

    private long[] counts = {};
    private long total;

    /** Adds a delay. @param millis counts as 0 if it is negative */
    public void add(long millis) {
        int bucket = bucket(Math.max(0, millis));
        if (bucket >= counts.length) {
            counts = Arrays.copyOf(counts, bucket + 1);
        }
        counts[bucket]++;
        total++;
    }

    /** Removes a delay that was added. */
    public void remove(long millis) {
        counts[bucket(Math.max(0, millis))]--;
        total--;
    }

    /** Returns how many delays were added. */
    public long total() {
        return total;
    }

    /**
     * Returns the least upper bound of a bucket that so many delays do not exceed.
     *
     * @param share from 0 to 1
     * @return in milliseconds; 0 if there are no delays
     */
    public long quantile(double share) {
        long rank = (long) Math.ceil(share * total);
        long sum = 0;
        for (int bucket = 0; bucket < counts.length; bucket++) {
            sum += counts[bucket];
            if (sum >= rank && sum > 0) {
                return largest(bucket);
            }
        }
        return 0;
    }

    private static int bucket(long millis) {
        if (millis < 1 << BITS) {
            return (int) millis;
        }
        int exponent = Long.SIZE - 1 - Long.numberOfLeadingZeros(millis);
        int within = (int) (millis >>> exponent - BITS) - (1 << BITS);
        return (exponent - BITS + 1 << BITS) + within;
    }

    private static long largest(int bucket) {
        if (bucket < 1 << BITS) {
            return bucket;
        }
        int shift = (bucket >> BITS) - 1;
        long first = (1L << BITS) + (bucket & (1 << BITS) - 1);
        return (first + 1 << shift) - 1;
    }

    /** Writes the counts; {@link #read} reads them. */
    public void write(DataOutput out) throws IOException {
        out.writeShort(counts.length);
        for (long count : counts) {
            // most are 0 or small
            out.writeByte((int) Math.min(count, 255));
            if (count >= 255) {
                out.writeLong(count);
            }
        }
    }

    /** Reads counts that {@link #write} wrote. */
    public static DelayHistogram read(DataInput in) throws IOException {
        DelayHistogram histogram = new DelayHistogram();
        histogram.counts = new long[in.readUnsignedShort()];
        for (int i = 0; i < histogram.counts.length; i++) {
            int count = in.readUnsignedByte();
            histogram.counts[i] = count == 255 ? in.readLong() : count;
            histogram.total += histogram.counts[i];
        }
        return histogram;
    }
}
