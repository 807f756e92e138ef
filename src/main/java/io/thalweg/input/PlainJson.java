package io.thalweg.input;

import com.fasterxml.jackson.core.io.NumberInput;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A scanner of JSON as programs usually write it: one object, with objects in it, but without lists. It is several
 * times as fast as a parser of all JSON, because it copies nothing but texts with escapes. Whatever is not as usual it
 * leaves to that parser: it {@linkplain #isUnusual says so}, and never accepts what the parser would not. Not
 * thread-safe.
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

    /** The most characters of a number that is left to the exact parser. Doubles are written with fewer. */
    private static final int LONGEST_NUMBER = 64;

    private static final int LARGE_EXPONENT = 1_000_000;

    /** The longest text with escapes, in bytes. */
    private static final int LONGEST_ESCAPED = 4096;

    /** How many digits the number of an escaped character has. */
    private static final int HEX_DIGITS = 4;

    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final long ONES = 0x0101010101010101L;
    private static final long HIGH_BITS = 0x80 * ONES;
    private static final long QUOTES = '"' * ONES;
    private static final long ESCAPES = '\\' * ONES;
    private static final long SPACES = ' ' * ONES;

    private static final long FIRST_BYTE = 0xff;

    private static final long ZEROS = '0' * ONES;
    /** Makes the high bit of each byte that is above 9. */
    private static final long ABOVE_NINE = (0x80 - 10) * ONES;

    /** What hexadecimal digits are worth; below 0 for all other bytes. */
    private static final byte[] HEX = new byte[256];

    static {
        for (int i = 0; i < HEX.length; i++) {
            HEX[i] = (byte) (i < 0x80 ? Character.digit(i, 16) : -1);
        }
    }

    private static final long[] POWERS_OF_TEN = {1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000};

    private byte[] bytes = {};
    private int at;
    private int end;
    private boolean unusual;

    private boolean asExpected;
    private boolean isUnescaped;
    private int textFrom;
    private int textLength;
    private long whole;
    private double fraction;
    private final char[] characters = new char[LONGEST_NUMBER];
    private final byte[] unescaped = new byte[LONGEST_ESCAPED + 2 * Long.BYTES];
    private int unescapedLength;
    private long digits;
    private int exponent;

    /** A name as it is in an object: in quotes, and with the colon. It is compared eight bytes at a time. */
    static class ExpectedName {
        private final byte[] text;
        private final int length;
        /** How many bytes there have to be at least, so that something follows; more than can be if nothing is. */
        private final int room;

        private final long head;
        private final long mask;
        private final long tail;

        /** @param name has no effect if it has to be escaped: then nothing is as expected */
        ExpectedName(String name) {
            boolean isPlain = name.chars().allMatch(c -> c >= ' ' && c != '"' && c != '\\');
            text = isPlain ? ("\"" + name + "\":").getBytes(StandardCharsets.UTF_8) : new byte[0];
            length = text.length;
            room = isPlain ? Math.max(length, Long.BYTES) : Integer.MAX_VALUE;
            mask = text.length < Long.BYTES ? (1L << Byte.SIZE * text.length) - 1 : -1;
            head = (long) LONG.get(Arrays.copyOf(text, Math.max(text.length, Long.BYTES)), 0);
            tail = text.length < Long.BYTES ? 0 : (long) LONG.get(text, text.length - Long.BYTES);
        }

        /** Whether the name is at a place in a value, and something follows. */
        private boolean isAt(byte[] bytes, int at, int end) {
            if (end - at <= room) {
                return false;
            }
            return ((long) LONG.get(bytes, at) & mask) == head
                    && (length <= Long.BYTES
                            || (long) LONG.get(bytes, at + length - Long.BYTES) == tail
                                    && (length <= 2 * Long.BYTES
                                            || Arrays.equals(bytes, at, at + length, text, 0, length)));
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

    /** What contains the last name or text, as UTF-8. */
    byte[] textIn() {
        return isUnescaped ? unescaped : bytes;
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
        // all that a loop over many values needs is here, so that it can be compiled into the loop
        if (expected != null) {
            int name = isFirst ? at : nameBehindComma();
            if (expected.isAt(bytes, name, end)) {
                asExpected = true;
                at = name + expected.length;
                return true;
            }
        }
        asExpected = false;
        return beginName(isFirst) && readName(expected);
    }

    /** Where the next name begins if a comma and at most one space precede it; the end if not. */
    private int nameBehindComma() {
        int comma = at;
        if (end - comma <= 2 || bytes[comma] != ',') {
            return end;
        }
        return bytes[comma + 1] == ' ' ? comma + 2 : comma + 1;
    }

    /** Reads a name behind its first quote. */
    private boolean readName(@Nullable ExpectedName expected) {
        if (expected != null && expected.isAt(bytes, at - 1, end)) {
            asExpected = true;
            at += expected.length - 1;
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
        int i = passAscii(at);
        if (i == end || bytes[i] != '"') {
            return readRest(i);
        }
        isUnescaped = false;
        textFrom = at;
        textLength = i - at;
        at = i + 1;
        return true;
    }

    /** The place of the next byte that ends a text, has to be looked at, or is not allowed. */
    private int passAscii(int from) {
        int i = from;
        while (end - i >= Long.BYTES) {
            long eight = (long) LONG.get(bytes, i);
            long found = found(eight);
            if (found != 0) {
                return i + (Long.numberOfTrailingZeros(found) >>> 3);
            }
            i += Long.BYTES;
        }
        // beyond ASCII, a byte is below 0
        while (i < end && isUsual(bytes[i])) {
            i++;
        }
        return i;
    }

    /** Marks the first of eight bytes that {@linkplain #isUsual is not usual}; the bits behind it mean nothing. */
    private static long found(long eight) {
        long quotes = eight ^ QUOTES;
        long escapes = eight ^ ESCAPES;
        return (eight | quotes - ONES & ~quotes | escapes - ONES & ~escapes | eight - SPACES & ~eight) & HIGH_BITS;
    }

    /** Whether a byte of a text stands for itself, and is in ASCII: beyond it, a byte is below 0. */
    private static boolean isUsual(byte b) {
        return b >= ' ' && b != '"' && b != '\\';
    }

    /** Reads text beyond ASCII, or with escapes, from its first such character on. */
    private boolean readRest(int first) {
        int i = first;
        while (i < end && bytes[i] < 0) {
            i = passAscii(passCharacter(i));
        }
        if (i < end && bytes[i] == '\\') {
            return readEscaped(i);
        } else if (i == end || bytes[i] != '"') {
            unusual = true;
            return false;
        }
        isUnescaped = false;
        textFrom = at;
        textLength = i - at;
        at = i + 1;
        return true;
    }

    /** Copies text with escapes as what they stand for. */
    private boolean readEscaped(int first) {
        // if an escape comes first, as in text in quotes, the processor need not wait for where it was found
        int i = at;
        int length = 0;
        if (first != at) {
            i = first;
            length = first - at;
            if (length <= Long.BYTES && end - at >= Long.BYTES) {
                LONG.set(unescaped, 0, (long) LONG.get(bytes, at));
            } else if (length <= LONGEST_ESCAPED) {
                System.arraycopy(bytes, at, unescaped, 0, length);
            }
        }
        // as long as there is nothing but ASCII and escaped characters that stand for themselves, such as quotes
        while (end - i > Long.BYTES && length <= LONGEST_ESCAPED) {
            byte b = bytes[i];
            long eight;
            long found;
            if (b == '\\') {
                i++;
                b = bytes[i];
                if (b != '"' && b != '\\' && b != '/') {
                    i--;
                    break;
                }
                eight = (long) LONG.get(bytes, i);
                found = found(eight & ~FIRST_BYTE | ' ');
            } else if (b == '"') {
                return endUnescaped(i, length);
            } else if (b >= ' ') {
                eight = (long) LONG.get(bytes, i);
                found = found(eight);
            } else {
                break;
            }
            LONG.set(unescaped, length, eight);
            // eight if there is none
            int count = Long.numberOfTrailingZeros(found) >>> 3;
            i += count;
            length += count;
        }
        unescapedLength = length;
        return readOtherEscapes(i);
    }

    /** Takes what was copied as the text. Returns true. */
    private boolean endUnescaped(int quote, int length) {
        isUnescaped = true;
        textFrom = 0;
        textLength = length;
        at = quote + 1;
        return true;
    }

    /** Copies the rest of a text with any escapes. */
    private boolean readOtherEscapes(int from) {
        int i = from;
        while (i < end && unescapedLength <= LONGEST_ESCAPED) {
            byte b = bytes[i];
            if (b == '"') {
                return endUnescaped(i, unescapedLength);
            } else if (b == '\\') {
                i = passEscape(i + 1);
            } else if (b < 0) {
                int next = passCharacter(i);
                while (i < next && unescapedLength <= LONGEST_ESCAPED) {
                    unescaped[unescapedLength++] = bytes[i++];
                }
            } else if (b < ' ') {
                break;
            }
            i = copyAscii(i);
        }
        unusual = true;
        return false;
    }

    /** The same as {@link #passAscii}, but adds what it passes to the copy as long as there is room. */
    private int copyAscii(int from) {
        int i = from;
        int length = unescapedLength;
        while (end - i >= Long.BYTES && length <= LONGEST_ESCAPED) {
            long eight = (long) LONG.get(bytes, i);
            LONG.set(unescaped, length, eight);
            long found = found(eight);
            if (found != 0) {
                int count = Long.numberOfTrailingZeros(found) >>> 3;
                unescapedLength = length + count;
                return i + count;
            }
            i += Long.BYTES;
            length += Long.BYTES;
        }
        while (i < end && length <= LONGEST_ESCAPED && isUsual(bytes[i])) {
            unescaped[length++] = bytes[i++];
        }
        unescapedLength = length;
        return i;
    }

    /** Passes what follows a backslash, and adds the character to the copy. Returns the end if there is none. */
    private int passEscape(int from) {
        int c = from == end ? -1 : bytes[from];
        int next = from + 1;
        switch (c) {
            case '"', '\\', '/' -> {}
            case 'b' -> c = '\b';
            case 'f' -> c = '\f';
            case 'n' -> c = '\n';
            case 'r' -> c = '\r';
            case 't' -> c = '\t';
            case 'u' -> {
                c = unit(next);
                next += HEX_DIGITS;
                if (c >= 0 && Character.isHighSurrogate((char) c)) {
                    boolean follows = next + 1 < end && bytes[next] == '\\' && bytes[next + 1] == 'u';
                    int low = follows ? unit(next + 2) : -1;
                    c = low >= 0 && Character.isLowSurrogate((char) low)
                            ? Character.toCodePoint((char) c, (char) low)
                            : -1;
                    next += 2 + HEX_DIGITS;
                } else if (c >= 0 && Character.isLowSurrogate((char) c)) {
                    c = -1;
                }
            }
            default -> c = -1;
        }
        if (c < 0) {
            return end;
        }
        unescapedLength = JsonInput.writeUtf8(c, unescaped, unescapedLength);
        return next;
    }

    /** The number in hexadecimal digits at a place; below 0 if they are not there. */
    private int unit(int from) {
        if (end - from < HEX_DIGITS) {
            return -1;
        }
        return HEX[bytes[from] & 0xff] << 12
                | HEX[bytes[from + 1] & 0xff] << 8
                | HEX[bytes[from + 2] & 0xff] << 4
                | HEX[bytes[from + 3] & 0xff];
    }

    /** Passes a character beyond ASCII. Returns the end if it is not UTF-8. */
    private int passCharacter(int from) {
        int first = bytes[from] & 0xff;
        int length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
        if (first < 0xc0 || end - from < length) {
            return end;
        }
        int point = first & 0x7f >> length;
        for (int i = from + 1; i < from + length; i++) {
            if ((bytes[i] & 0xc0) != 0x80) {
                return end;
            }
            point = point << 6 | bytes[i] & 0x3f;
        }
        boolean isShortest = point >= (length == 2 ? 0x80 : length == 3 ? 0x800 : 0x10000);
        boolean isCharacter = point <= Character.MAX_CODE_POINT
                && (point < Character.MIN_SURROGATE || point > Character.MAX_SURROGATE);
        return first < 0xf8 && isShortest && isCharacter ? from + length : end;
    }

    /** Reads a value, or the beginning of an object. */
    PlainValue nextValue() {
        byte b = next();
        if (b == '"') {
            return readText() ? PlainValue.TEXT : PlainValue.UNUSUAL;
        }
        return isDigit(b) ? number(at - 1, false) : otherValue(b);
    }

    private PlainValue otherValue(byte b) {
        return switch (b) {
            case '{' -> PlainValue.OBJECT;
            case 't' -> word("true", PlainValue.TRUE);
            case 'f' -> word("false", PlainValue.FALSE);
            case 'n' -> word("null", PlainValue.NULL);
            case '-' -> at < end && isDigit(bytes[at]) ? number(at, true) : leave();
            default -> leave();
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

    /** Reads a number whose first digit is at a place. */
    private PlainValue number(int begin, boolean isNegative) {
        // most have few digits before the point, which are read faster one by one; no loop, and a method
        // of less than 325 bytes of code, so that the compiler puts it into the loop over the fields
        long integer = bytes[begin] - '0';
        int i = begin + 1;
        if (isDigitAt(i)) {
            integer = 10 * integer + bytes[i++] - '0';
            if (isDigitAt(i)) {
                integer = 10 * integer + bytes[i++] - '0';
                if (isDigitAt(i)) {
                    digits = integer;
                    i = passMoreDigits(i);
                    integer = digits;
                }
            }
        }
        digits = integer;
        int count = i - begin;
        boolean hasZero = count > 1 && bytes[begin] == '0';
        int decimals = 0;
        if (i < end && bytes[i] == '.') {
            int point = i + 1;
            i = passDigits(point);
            decimals = i - point;
            count += decimals;
        }
        at = i;
        // a comma most often, and nothing else has to be looked at then
        if (i == end || bytes[i] != ',' && !ends() || decimals == 0 || count > DecimalNumber.MOST_DIGITS || hasZero) {
            return otherNumber(begin, decimals, isNegative);
        }
        double parsed = DecimalNumber.toDouble(digits, -decimals);
        if (Double.isNaN(parsed)) {
            return otherNumber(begin, decimals, isNegative);
        }
        fraction = isNegative ? -parsed : parsed;
        return PlainValue.FRACTION;
    }

    /** Takes a number that was read up to its exponent, if it has one, and is perhaps none. */
    private PlainValue otherNumber(int begin, int decimals, boolean isNegative) {
        boolean hasZero = bytes[begin] == '0' && begin + 1 < end && isDigit(bytes[begin + 1]);
        boolean hasPoint = bytes[at - 1] == '.' || decimals > 0;
        boolean hasExponent = at < end && (bytes[at] == 'e' || bytes[at] == 'E');
        int count = at - begin - (hasPoint ? 1 : 0);
        exponent = 0;
        if (hasZero || hasPoint && decimals == 0 || hasExponent && !passExponent() || !ends()) {
            return leave();
        } else if (!hasPoint && !hasExponent) {
            whole = isNegative ? -digits : digits;
            return count > MOST_DIGITS ? leave() : PlainValue.WHOLE;
        } else if (at - begin > LONGEST_NUMBER) {
            // the parser has a limit of its own, which this must not exceed
            return leave();
        }
        boolean isLong = count > DecimalNumber.MOST_DIGITS && significant(begin) > DecimalNumber.MOST_DIGITS;
        double parsed = isLong ? Double.NaN : DecimalNumber.toDouble(digits, exponent - decimals);
        if (Double.isNaN(parsed)) {
            parsed = parse(begin);
        }
        fraction = isNegative ? -parsed : parsed;
        return PlainValue.FRACTION;
    }

    /** Adds digits to {@link #digits}. Returns where they end. What does not fit in is not used. */
    private int passDigits(int from) {
        if (end - from <= 3 * Long.BYTES) {
            return passMoreDigits(from);
        }
        long eight = (long) LONG.get(bytes, from) - ZEROS;
        long others = others(eight);
        if (others != 0) {
            return addDigits(from, digits, eight, others);
        }
        long sum = POWERS_OF_TEN[Long.BYTES] * digits + eightDigits(eight);
        eight = (long) LONG.get(bytes, from + Long.BYTES) - ZEROS;
        others = others(eight);
        if (others != 0) {
            return addDigits(from + Long.BYTES, sum, eight, others);
        }
        sum = POWERS_OF_TEN[Long.BYTES] * sum + eightDigits(eight);
        // not asked whether there are any more, which the processor could not foresee
        eight = (long) LONG.get(bytes, from + 2 * Long.BYTES) - ZEROS;
        others = others(eight);
        return others == 0 ? passMoreDigits(from) : addDigits(from + 2 * Long.BYTES, sum, eight, others);
    }

    /** Marks the first of eight bytes that is not a digit, of which 0 was subtracted. */
    private static long others(long eight) {
        return (eight + ABOVE_NINE | eight) & HIGH_BITS;
    }

    /** Adds the digits before the first other byte. */
    private int addDigits(int from, long sum, long eight, long others) {
        int count = Long.numberOfTrailingZeros(others) >>> 3;
        digits = POWERS_OF_TEN[count] * sum
                + (count <= Integer.BYTES
                        ? fourDigits(eight << Byte.SIZE * (Integer.BYTES - count))
                        : eightDigits(eight << Byte.SIZE * (Long.BYTES - count)));
        return from + count;
    }

    /** The same as {@link #passDigits}, for any number of them. */
    private int passMoreDigits(int from) {
        int i = from;
        long sum = digits;
        while (end - i >= Long.BYTES) {
            long eight = (long) LONG.get(bytes, i) - ZEROS;
            long others = others(eight);
            if (others != 0) {
                return addDigits(i, sum, eight, others);
            }
            sum = POWERS_OF_TEN[Long.BYTES] * sum + eightDigits(eight);
            i += Long.BYTES;
        }
        for (; i < end && isDigit(bytes[i]); i++) {
            sum = 10 * sum + bytes[i] - '0';
        }
        digits = sum;
        return i;
    }

    /** The number that eight digits make, each from 0 to 9 in a byte. The last one is in the highest. */
    private static long eightDigits(long eight) {
        // pairs, and then all at once: 1,000,000 and 100 times the pairs 0 and 2, and 10,000 and 1 times 1 and 3
        long pairs = 10 * eight + (eight >>> 8);
        long mask = 0xff_0000_00ffL;
        return (pairs & mask) * (100L + (1_000_000L << 32)) + (pairs >>> 16 & mask) * (1L + (10_000L << 32)) >>> 32;
    }

    /** The number that the digits in the four lower bytes make. The last one is in the highest of these. */
    private static long fourDigits(long four) {
        long pairs = 10 * four + (four >>> 8);
        return 100 * (pairs & 0xff) + (pairs >>> 16 & 0xff);
    }

    /** The digits of a number without the zeros at its beginning. */
    private int significant(int begin) {
        int count = 0;
        for (int i = begin; i < at && bytes[i] != 'e' && bytes[i] != 'E'; i++) {
            count += isDigit(bytes[i]) && (count > 0 || bytes[i] != '0') ? 1 : 0;
        }
        return count;
    }

    /** Passes an exponent. Returns whether it has digits. */
    private boolean passExponent() {
        at++;
        boolean isNegative = at < end && bytes[at] == '-';
        if (at < end && (bytes[at] == '+' || isNegative)) {
            at++;
        }
        int from = at;
        for (; at < end && isDigit(bytes[at]); at++) {
            // with more digits it is out of every range
            exponent = Math.min(10 * exponent + bytes[at] - '0', LARGE_EXPONENT);
        }
        exponent = isNegative ? -exponent : exponent;
        return at > from;
    }

    /** Parses a number that ends at the place. */
    private double parse(int begin) {
        int length = at - begin;
        for (int i = 0; i < length; i++) {
            characters[i] = (char) bytes[begin + i];
        }
        return NumberInput.parseDouble(characters, 0, length, true);
    }

    private static boolean isSpace(byte b) {
        return b == ' ' || b == '\n' || b == '\r' || b == '\t';
    }

    private boolean isDigitAt(int place) {
        return place < end && isDigit(bytes[place]);
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
