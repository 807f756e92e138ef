package io.thalweg.mapping;

import java.math.BigDecimal;
import java.util.Arrays;

/**
 * The ranges that the numbers of a field are sorted into. A range includes its lower edge and not its upper one: {@code
 * 25..40}, {@code ..18} for everything below the first edge, and {@code 65..} for everything from the last edge on.
 * With {@code log2} the edges are the powers of two, and negative numbers mirror positive ones: {@code 8..16}, {@code
 * -16..-8}, and {@code 0} for zero.
 */
final class Buckets {
    private static final int EXPONENTS = Double.MAX_EXPONENT - Double.MIN_EXPONENT + 2;

    private final double[] edges;
    private final byte[][] names;

    private Buckets(double[] edges, byte[][] names) {
        this.edges = edges;
        this.names = names;
    }

    /**
     * Parses ranges.
     *
     * @param words {@code log2}, or rising edges separated by bars
     * @throws MappingException if it is neither
     */
    static Buckets of(String field, String words) {
        if (words.equals("log2")) {
            return new Buckets(null, new byte[2 * EXPONENTS + 1][]);
        }
        String[] parts = words.split("\\|", -1);
        double[] edges = new double[parts.length];
        byte[][] names = new byte[parts.length + 1][];
        for (int i = 0; i < parts.length; i++) {
            edges[i] = Numbers.parse(parts[i].strip());
            if (!Double.isFinite(edges[i]) || i > 0 && edges[i] <= edges[i - 1]) {
                throw new MappingException(Mapping.BUCKETS
                        + ": field %s needs log2, or rising edges such as 18|25|40; \"%s\" is neither"
                                .formatted(field, words));
            }
            names[i] = Numbers.ascii((i == 0 ? "" : Numbers.text(edges[i - 1])) + ".." + Numbers.text(edges[i]));
        }
        names[parts.length] = Numbers.ascii(Numbers.text(edges[parts.length - 1]) + "..");
        return new Buckets(edges, names);
    }

    /**
     * The name of the range that holds a number, as UTF-8.
     *
     * @param number a finite number
     * @return not to be changed
     */
    byte[] of(double number) {
        if (edges == null) {
            return power(number);
        }
        int place = Arrays.binarySearch(edges, number + 0.0);
        return names[place >= 0 ? place + 1 : -place - 1];
    }

    private byte[] power(double number) {
        // subnormal numbers have one exponent, which is one below that of the smallest normal number
        int exponent = Math.getExponent(number);
        int place = number == 0 ? 2 * EXPONENTS : exponent - Double.MIN_EXPONENT + 1 + (number < 0 ? EXPONENTS : 0);
        if (names[place] == null) {
            names[place] = Numbers.ascii(
                    number == 0
                            ? "0"
                            : number > 0
                                    ? power(exponent) + ".." + power(exponent + 1)
                                    : "-" + power(exponent + 1) + "..-" + power(exponent));
        }
        return names[place];
    }

    private static String power(int exponent) {
        if (exponent < Double.MIN_EXPONENT) {
            return "0";
        }
        if (exponent < -10 || exponent > 30) {
            return "2^" + exponent;
        }
        return exponent >= 0
                ? String.valueOf(1L << exponent)
                : new BigDecimal(Math.scalb(1.0, exponent)).toPlainString();
    }
}
