package io.thalweg.mapping;

import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;

/** Conversions between text and numbers that give the same result on every machine. */
public final class Numbers {
    /** Possessive, so that matching long digits takes no more time than their length. */
    private static final Pattern NUMBER = Pattern.compile("[+-]?(\\d++(\\.\\d*+)?|\\.\\d++)([eE][+-]?\\d++)?");
    /** The longest text that can be a number. */
    private static final int LONGEST = 512;

    /** Up to this number every whole number is a double of its own. */
    private static final double WHOLE = 1L << 53;
    /** The number of digits that distinguishes any two doubles. */
    private static final int DIGITS = 17;

    /**
     * How programs write that there is no number: those that pandas knows, and those of Java, SQL, Python,
     * JavaScript, Excel, ARFF and Visual C++.
     */
    private static final Set<String> MISSING = Set.of(
            "nan",
            "+nan",
            "-nan",
            "nan(ind)",
            "-nan(ind)",
            "1.#qnan",
            "-1.#qnan",
            "1.#ind",
            "-1.#ind",
            "1.#inf",
            "-1.#inf",
            "nat",
            "na",
            "n/a",
            "<na>",
            "#n/a",
            "#n/a n/a",
            "#na",
            "null",
            "(null)",
            "<null>",
            "[null]",
            "nil",
            "?",
            "n.a.",
            "missing",
            "undefined",
            "#div/0!",
            "#num!",
            "#value!",
            "#ref!",
            "#null!",
            "#name?",
            "\\n",
            "none",
            "inf",
            "+inf",
            "-inf",
            "infinity",
            "+infinity",
            "-infinity",
            "\u221e",
            "+\u221e",
            "-\u221e");

    /** What stands for no number in tables that are made for people, and in SAS. It can be a class, as + and - are. */
    private static final Set<String> MARKS = Set.of("-", "--", "\u2013", "\u2014", ".");

    private static final int LONGEST_MISSING =
            MISSING.stream().mapToInt(String::length).max().orElseThrow();

    private Numbers() {}

    /** Whether text in place of a number says that there is none: NaN, NA or null, or infinity, in any spelling. */
    public static boolean isMissing(String text) {
        return text.length() <= LONGEST_MISSING && MISSING.contains(text.toLowerCase(Locale.ROOT));
    }

    /** Whether text in place of a number says that there is none, or is a mark such as a dash. */
    public static boolean isNone(String text) {
        return isMissing(text) || MARKS.contains(text);
    }

    /**
     * Parses a number, which may be too large for a double and so infinite.
     *
     * @return NaN if the text is not a number, or has more than 512 characters
     */
    public static double parse(String text) {
        return text.length() <= LONGEST && NUMBER.matcher(text).matches() ? Double.parseDouble(text) : Double.NaN;
    }

    /**
     * Writes a number as the shortest text that is parsed as the same number. The text that Java itself writes depends
     * on its version.
     */
    public static String text(double number) {
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

    /**
     * Writes a whole number as text.
     *
     * @return how many bytes were written at the start of {@code into}, at most 20
     */
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
