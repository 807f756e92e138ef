package io.thalweg.input;

import java.math.BigInteger;

/**
 * The doubles that are nearest to decimal numbers, by the algorithm of Eisel and Lemire: D. Lemire, "Number parsing at
 * a gigabyte per second", Software: Practice and Experience 51 (2021). It multiplies the digits by the first 128 bits
 * of a power of ten, and is certain for nearly all numbers.
 */
final class DecimalNumber {
    /** The most digits that fit into a long without a sign. */
    static final int MOST_DIGITS = 19;

    /** The largest power of ten, and, negative, the smallest. All results are normal numbers then. */
    private static final int LARGEST = 64;

    /** The least power whose bits are rounded up, because 1 / 5<sup>-power</sup> is then certain. */
    private static final int LEAST_ROUNDED_UP = -27;

    /**
     * Numbers with fewer bits are divided. A double has more, but about half of all random doubles are written with
     * digits that fit into one, so the processor could not tell in advance which way they go.
     */
    private static final int SHORT_BITS = 40;

    /** How many bits a double has, apart from the first, which is always 1. */
    private static final int BITS = 52;

    /** The bits of a product that a double and its rounding do not need. */
    private static final long REST = -1L >>> BITS + 3;

    private static final int BIAS = 1023;

    /** The powers of ten that are doubles. */
    private static final double[] EXACT = new double[23];

    private static final long[] HIGH = new long[2 * LARGEST + 1];
    private static final long[] LOW = new long[2 * LARGEST + 1];

    static {
        for (int power = 0; power < EXACT.length; power++) {
            EXACT[power] = Double.parseDouble("1e" + power);
        }
        BigInteger five = BigInteger.valueOf(5);
        for (int power = -LARGEST; power <= LARGEST; power++) {
            BigInteger of = five.pow(Math.abs(power));
            int length = of.bitLength();
            BigInteger bits = power < 0
                    ? BigInteger.ONE.shiftLeft(length + 127).divide(of)
                    : of.shiftLeft(128).shiftRight(length);
            if (power < 0 && power >= LEAST_ROUNDED_UP) {
                bits = bits.add(BigInteger.ONE);
            }
            LOW[power + LARGEST] = bits.longValue();
            HIGH[power + LARGEST] = bits.shiftRight(Long.SIZE).longValue();
        }
    }

    private DecimalNumber() {}

    /**
     * Returns the double that is nearest to digits · 10<sup>power</sup>; of two, the even one.
     *
     * @param digits an unsigned number
     * @return not a number if this algorithm cannot tell
     */
    static double toDouble(long digits, int power) {
        if (digits >>> SHORT_BITS == 0 && power <= 0 && power > -EXACT.length) {
            // both are doubles, so the quotient is rounded once
            return digits / EXACT[-power];
        } else if (digits == 0) {
            return 0;
        } else if (power < -LARGEST || power > LARGEST) {
            return Double.NaN;
        }
        int zeros = Long.numberOfLeadingZeros(digits);
        long scaled = digits << zeros;
        long factor = HIGH[power + LARGEST];
        long high = multiplyHigh(scaled, factor);
        long low = scaled * factor;
        if ((high & REST) == REST) {
            // the other bits of the power can still carry
            long carry = multiplyHigh(scaled, LOW[power + LARGEST]);
            low += carry;
            if (Long.compareUnsigned(low, carry) < 0) {
                high++;
            }
            if (low == -1) {
                return Double.NaN;
            }
        }
        int first = (int) (high >>> 63);
        int shift = first + 64 - BITS - 3;
        // with one bit more, for the rounding
        long bits = high >>> shift;
        // half way between two doubles, if nothing is left of the product; only then can that be
        if (Long.compareUnsigned(low, 1) <= 0
                && power >= -4
                && power <= 23
                && (bits & 3) == 1
                && bits << shift == high) {
            bits &= ~1L;
        }
        bits = bits + (bits & 1) >>> 1;
        // 217706 / 2^16 is log2(10), and the first bit, if rounding made one more, adds 1 to the exponent
        int exponent = (217706 * power >> 16) + 63 + first - zeros + BIAS;
        return Double.longBitsToDouble(((long) exponent << BITS) + (bits - (1L << BITS)));
    }

    /** The higher half of the product of two unsigned numbers. @param a has 1 as its first bit */
    private static long multiplyHigh(long a, long b) {
        return Math.multiplyHigh(a, b) + b + (b >> Long.SIZE - 1 & a);
    }
}
