package io.thalweg.input;

import com.fasterxml.jackson.core.io.NumberInput;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A scanner of JSON as programs usually write it: names and texts in ASCII without escapes, and no lists.
 * It is several times as fast as a parser of all JSON, because it copies nothing. Whatever is not as usual it leaves to
 * that parser: it {@linkplain #isUnusual says so}, and never accepts what the parser would not. Not thread-safe.
 */
final class PlainJson {
    /** The kinds of values. */
    enum PlainValue {
        OBJECT,
        TEXT,
        WHOLE,
        FRACTION,
        TRUE,
        FALSE,
        NULL,
        /** What has to be left to the parser. */
        UNUSUAL
    }

    /** The most digits of a whole number, which then fits into a long. */
    private static final int MOST_DIGITS = 18;

    /** The most digits of a number with a fraction: as an integer it then is a double, and so is the power of ten. */
    private static final int MOST_EXACT = 15;

    /** The most characters of a number with more digits than that, or an exponent. Doubles are written with fewer. */
    private static final int LONGEST_NUMBER = 64;

    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final long ONES = 0x0101010101010101L;
    private static final long HIGH_BITS = 0x80 * ONES;
    private static final long QUOTES = '"' * ONES;
    private static final long ESCAPES = '\\' * ONES;
    private static final long SPACES = ' ' * ONES;

    private static final double[] POWERS_OF_TEN = new double[MOST_EXACT + 1];

    static {
        for (int i = 0; i < POWERS_OF_TEN.length; i++) {
            POWERS_OF_TEN[i] = Double.parseDouble("1e" + i);
        }
    }

    /** How many bytes of an {@link ExpectedName} precede the name: the comma and the quote. */
    private static final int BEFORE_NAME = 2;

    private byte[] bytes = {};
    private int at;
    private int end;
    private boolean unusual;

    private boolean asExpected;
    private int textFrom;
    private int textLength;
    private long whole;
    private double fraction;
    private final char[] characters = new char[LONGEST_NUMBER];

    /**
     * A name as it is between two values of an object: after a comma, in quotes, and with the colon. It is compared
     * eight bytes at a time.
     */
    static class ExpectedName {
        private final byte[] text;
        private final int length;
        private final long head;
        private final long mask;
        private final long tail;

        /** @param name has no effect if it has to be escaped or is not in ASCII: then nothing is as expected */
        ExpectedName(String name) {
            boolean isPlain = name.chars().allMatch(c -> c >= ' ' && c < 0x7f && c != '"' && c != '\\');
            text = isPlain ? (",\"" + name + "\":").getBytes(StandardCharsets.US_ASCII) : new byte[0];
            length = text.length;
            mask = text.length < Long.BYTES ? (1L << Byte.SIZE * text.length) - 1 : -1;
            head = (long) LONG.get(Arrays.copyOf(text, Math.max(text.length, Long.BYTES)), 0);
            tail = text.length < Long.BYTES ? 0 : (long) LONG.get(text, text.length - Long.BYTES);
        }

        /** Whether the name is at a place in a value, and something follows. */
        private boolean isAt(byte[] bytes, int at, int end) {
            if (length == 0 || end - at <= Math.max(length, Long.BYTES)) {
                return false;
            }
            return ((long) LONG.get(bytes, at) & mask) == head
                    && (length <= Long.BYTES
                            || (long) LONG.get(bytes, at + length - Long.BYTES) == tail
                                    && (length <= 2 * Long.BYTES || isAt(bytes, at, 0, end)));
        }

        /** Whether the name is at a place in a value, without what precedes it, and something follows. */
        private boolean isAt(byte[] bytes, int at, int without, int end) {
            int rest = length - without;
            return rest > 0 && end - at > rest && Arrays.equals(bytes, at, at + rest, text, without, length);
        }
    }

    /** Starts with a part of a value. */
    void reset(byte[] value, int from, int to) {
        bytes = value;
        at = from;
        end = to;
        unusual = false;
    }

    /** Whether something was met that has to be left to the parser. Nothing that was read then counts. */
    boolean isUnusual() {
        return unusual;
    }

    /** The value that is read, for texts. */
    byte[] bytes() {
        return bytes;
    }

    /** Where the last name or text begins. */
    int textFrom() {
        return textFrom;
    }

    /** The length of the last name or text. */
    int textLength() {
        return textLength;
    }

    /** The last whole number. */
    long whole() {
        return whole;
    }

    /** The last number with a fraction. */
    double fraction() {
        return fraction;
    }

    /** The next byte that is not white space; 0 at the end. */
    private byte next() {
        while (at < end) {
            byte b = bytes[at++];
            if (b > ' ' || b != ' ' && b != '\n' && b != '\r' && b != '\t') {
                return b;
            }
        }
        return 0;
    }

    /** Passes the beginning of an object. */
    void beginObject() {
        unusual |= next() != '{';
    }

    /** Whether nothing follows. */
    boolean isAtEnd() {
        // not next(), which does not tell the end from a byte 0
        while (at < end && isSpace(bytes[at])) {
            at++;
        }
        return at == end;
    }

    /**
     * Reads the next name of an object, and the colon behind it.
     *
     * @param isFirst whether it is the first
     * @param expected what the name probably is; null if that is not known
     * @return whether there is one; if not, the object has ended, or something {@link #isUnusual}
     */
    boolean nextName(boolean isFirst, @Nullable ExpectedName expected) {
        asExpected = false;
        if (!isFirst && expected != null && expected.isAt(bytes, at, end)) {
            asExpected = true;
            at += expected.length;
            return true;
        }
        if (!beginName(isFirst)) {
            return false;
        }
        if (expected != null && expected.isAt(bytes, at, BEFORE_NAME, end)) {
            asExpected = true;
            at += expected.length - BEFORE_NAME;
            return true;
        } else if (!readText()) {
            return false;
        }
        if (next() != ':') {
            unusual = true;
            return false;
        }
        return true;
    }

    /** Passes what precedes a name, up to its first quote. */
    private boolean beginName(boolean isFirst) {
        byte b = next();
        if (b == '}') {
            return false;
        }
        if (!isFirst) {
            if (b != ',') {
                unusual = true;
                return false;
            }
            b = next();
        }
        unusual |= b != '"';
        return b == '"';
    }

    /** Whether the last name is the one that was expected. */
    boolean isAsExpected() {
        return asExpected;
    }

    /** Reads text up to the quote that ends it. */
    private boolean readText() {
        textFrom = at;
        int i = at;
        // eight bytes at a time, up to one that ends the text or is unusual
        while (end - i >= Long.BYTES) {
            long eight = (long) LONG.get(bytes, i);
            long quotes = eight ^ QUOTES;
            long escapes = eight ^ ESCAPES;
            long found =
                    (eight | quotes - ONES & ~quotes | escapes - ONES & ~escapes | eight - SPACES & ~eight) & HIGH_BITS;
            if (found != 0) {
                i += Long.numberOfTrailingZeros(found) >>> 3;
                break;
            }
            i += Long.BYTES;
        }
        while (i < end) {
            byte b = bytes[i];
            if (b == '"') {
                textLength = i - at;
                at = i + 1;
                return true;
            }
            // beyond ASCII, a byte is below 0
            if (b < ' ' || b == '\\') {
                break;
            }
            i++;
        }
        unusual = true;
        return false;
    }

    /** Reads a value, or the beginning of an object. */
    PlainValue nextValue() {
        byte b = next();
        return switch (b) {
            case '"' -> readText() ? PlainValue.TEXT : PlainValue.UNUSUAL;
            case '{' -> PlainValue.OBJECT;
            case 't' -> word("true", PlainValue.TRUE);
            case 'f' -> word("false", PlainValue.FALSE);
            case 'n' -> word("null", PlainValue.NULL);
            case '-' -> at < end ? number(bytes[at++], true) : leave();
            default -> number(b, false);
        };
    }

    private PlainValue leave() {
        unusual = true;
        return PlainValue.UNUSUAL;
    }

    private PlainValue word(String word, PlainValue kind) {
        int rest = word.length() - 1;
        if (end - at < rest) {
            return leave();
        }
        for (int i = 0; i < rest; i++) {
            if (bytes[at + i] != word.charAt(i + 1)) {
                return leave();
            }
        }
        at += rest;
        return ends() ? kind : leave();
    }

    /** Reads a number. The place is behind its first byte, apart from a minus. */
    private PlainValue number(byte first, boolean isNegative) {
        if (!isDigit(first)) {
            return leave();
        }
        byte[] from = bytes;
        int to = end;
        int begin = at - 1;
        // with more digits than fit in, it is not used
        long digits = first - '0';
        int i = at;
        for (; i < to && isDigit(from[i]); i++) {
            digits = 10 * digits + from[i] - '0';
        }
        int count = i - begin;
        if (first == '0' && count > 1) {
            return leave();
        }
        int decimals = 0;
        if (i < to && from[i] == '.') {
            int point = i++;
            for (; i < to && isDigit(from[i]); i++) {
                digits = 10 * digits + from[i] - '0';
            }
            decimals = i - point - 1;
            count += decimals;
            if (decimals == 0) {
                return leave();
            }
        }
        at = i;
        boolean hasExponent = i < to && (from[i] == 'e' || from[i] == 'E');
        if (hasExponent && !passExponent() || !ends()) {
            return leave();
        } else if (decimals == 0 && !hasExponent) {
            whole = isNegative ? -digits : digits;
            return count > MOST_DIGITS ? leave() : PlainValue.WHOLE;
        } else if (hasExponent || count > MOST_EXACT) {
            return inexact(begin, isNegative);
        }
        // both numbers are exact doubles, so the quotient is rounded once
        double quotient = digits / POWERS_OF_TEN[decimals];
        fraction = isNegative ? -quotient : quotient;
        return PlainValue.FRACTION;
    }

    /** Passes an exponent. Returns whether it has digits. */
    private boolean passExponent() {
        at++;
        if (at < end && (bytes[at] == '+' || bytes[at] == '-')) {
            at++;
        }
        int from = at;
        while (at < end && isDigit(bytes[at])) {
            at++;
        }
        return at > from;
    }

    /** Takes a number that ends at the place, and that is more than one division of exact numbers. */
    private PlainValue inexact(int begin, boolean isNegative) {
        int length = at - begin;
        if (length > characters.length) {
            return leave();
        }
        for (int i = 0; i < length; i++) {
            characters[i] = (char) bytes[begin + i];
        }
        double parsed = NumberInput.parseDouble(characters, 0, length, true);
        fraction = isNegative ? -parsed : parsed;
        return PlainValue.FRACTION;
    }

    private static boolean isSpace(byte b) {
        return b == ' ' || b == '\n' || b == '\r' || b == '\t';
    }

    private static boolean isDigit(byte b) {
        return b >= '0' && b <= '9';
    }

    /** Whether a word or a number ends here. */
    private boolean ends() {
        if (at == end) {
            return false;
        }
        byte b = bytes[at];
        return b == ',' || b == '}' || b == ' ' || b == '\n' || b == '\r' || b == '\t';
    }
}
