package io.thalweg.mapping;

import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;

/** Text to numbers and back, the same on every machine. */
public final class Numbers {
    /** Nothing is tried twice, so that long digits cost no more than their length. */
    private static final Pattern NUMBER = Pattern.compile("[+-]?(\\d++(\\.\\d*+)?|\\.\\d++)([eE][+-]?\\d++)?");
    /** Longer text is no number. */
    private static final int LONGEST = 512;

    /** Up to here every whole number is a double of its own. */
    private static final double WHOLE = 1L << 53;
    /** This many digits tell any two doubles apart. */
    private static final int DIGITS = 17;

    private Numbers() {}

    /**
     * The number that a text is, which may be too large and so infinite; NaN if it is none, or has more than
     * 512 characters.
     */
    public static double parse(String text) {
        return text.length() <= LONGEST && NUMBER.matcher(text).matches() ? Double.parseDouble(text) : Double.NaN;
    }

    /**
     * A number as text, as short as it can be and still be read as the same number. What Java's own makes of some
     * numbers depends on its version.
     */
    static String text(double number) {
        if (number == Math.rint(number) && Math.abs(number) <= WHOLE) {
            return Long.toString((long) number);
        }
        if (!Double.isFinite(number)) {
            return Double.toString(number);
        }
        BigDecimal exact = new BigDecimal(number);
        for (int digits = 1; digits < DIGITS; digits++) {
            BigDecimal rounded = exact.round(new MathContext(digits));
            if (rounded.doubleValue() == number) {
                return rounded.stripTrailingZeros().toString();
            }
        }
        return exact.round(new MathContext(DIGITS)).stripTrailingZeros().toString();
    }

    /** A whole number as text. @return how many bytes were written from the start of {@code into} on, at most 20 */
    static int write(long number, byte[] into) {
        if (number < 0) {
            byte[] text = ascii(Long.toString(number));
            System.arraycopy(text, 0, into, 0, text.length);
            return text.length;
        }
        int length = 1;
        for (long rest = number / 10; rest > 0; rest /= 10) {
            length++;
        }
        long rest = number;
        for (int i = length - 1; i >= 0; i--) {
            into[i] = (byte) ('0' + rest % 10);
            rest /= 10;
        }
        return length;
    }

    static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
