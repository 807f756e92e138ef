package io.thalweg.mapping;

import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import java.time.DateTimeException;
import java.time.LocalDate;
import java.util.Arrays;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The format of text or numbers that are times, in UTC.
 *
 * <p>A pattern consists of y, M, d, H, m, s and S, each repeated once for each digit, and of other characters that
 * stand for themselves; letters that stand for themselves are put in quotes. {@code seconds}, {@code millis} and {@code
 * micros} are numbers since 1970, and {@code iso} is what an {@link IsoTime} reads.
 */
final class TimePattern {
    /** How many bytes of scratch space reading a time needs. */
    static final int SCRATCH = 20;

    private static final String LETTERS = "yMdHmsS";
    /** How many digits a long has at most. */
    private static final int DIGITS = 19;
    /** The microseconds in a second. */
    private static final long SECOND = 1_000_000;
    /** Up to this number every whole number is a double of its own. */
    private static final double WHOLE = 1L << 53;

    private final String field;
    private final String pattern;
    /** The year for a pattern without one; 0 if none is given. */
    private final int year;
    /** Whether the pattern has a year of four digits, which cannot be 0000. A year of two digits can be 00. */
    private final boolean hasFullYear;

    /**
     * For each byte of the text: the letter whose digit it is, or 0 if it must be the character in {@code literals}.
     */
    private final char[] letters;

    private final char[] literals;
    /** The shortest length of a text that may have lost its leading zeros, as numbers do. */
    private final int shortest;
    /** The microseconds in a unit since 1970; 0 if this is a pattern of digits. */
    private final long unit;
    /** Whether times are written in ISO 8601. */
    private final boolean isIso;
    /** The parts that are computed from it. */
    private final Set<TimePart> parts;

    /**
     * Parses a pattern.
     *
     * @param field the field that it is for, for messages
     * @param year the year of times that are written without one; null if none is given
     * @param parts the parts that must be computed from it
     * @throws MappingException if it cannot be understood, or lacks what the parts need
     */
    TimePattern(String field, String pattern, String year, Set<TimePart> parts) {
        this.field = field;
        this.pattern = pattern;
        this.parts = parts;
        isIso = pattern.equals("iso");
        unit = switch (pattern) {
            case "seconds" -> SECOND;
            case "millis" -> 1000;
            case "micros" -> 1;
            default -> 0;
        };
        if (unit > 0 || isIso) {
            letters = null;
            literals = null;
            shortest = 0;
            this.year = 0;
            hasFullYear = false;
            if (year != null) {
                throw wrong("only a pattern of digits can be given a year");
            }
            return;
        }
        StringBuilder letter = new StringBuilder();
        StringBuilder literal = new StringBuilder();
        read(letter, literal);
        if (letter.isEmpty()) {
            throw wrong("it is empty");
        }
        letters = letter.toString().toCharArray();
        literals = literal.toString().toCharArray();
        hasFullYear = letter.indexOf("yyyy") >= 0;
        shortest = letter.indexOf("\0") >= 0 || letters.length > DIGITS
                ? letters.length
                : switch (letters[0]) {
                    case 'y' -> letters.length;
                    case 'M', 'd' -> letters.length - 1;
                    default -> 1;
                };
        if (year != null && (has('y') || !year.matches("(?!0+$)\\d{1,4}"))) {
            throw wrong(has('y') ? "it has a year already" : year + " is not a year");
        }
        this.year = year == null ? 0 : Integer.parseInt(year);
        for (TimePart part : parts) {
            requireLettersOf(part, year != null);
        }
    }

    private void read(StringBuilder letter, StringBuilder literal) {
        boolean quoted = false;
        for (char c : pattern.toCharArray()) {
            if (c == '\'') {
                quoted = !quoted;
            } else if (!quoted && LETTERS.indexOf(c) >= 0) {
                if (letter.indexOf(String.valueOf(c)) >= 0 && letter.charAt(letter.length() - 1) != c) {
                    throw wrong("it has " + c + " twice");
                }
                letter.append(c);
                literal.append('0');
            } else if (c > 127 || !quoted && Character.isLetter(c)) {
                throw wrong("a pattern consists of y, M, d, H, m, s and S, one for each digit; put other letters in"
                        + " quotes, or write iso for times in ISO 8601, or seconds, millis or micros for numbers since"
                        + " 1970");
            } else {
                letter.append('\0');
                literal.append(c);
            }
        }
        for (char c : LETTERS.toCharArray()) {
            long digits = letter.chars().filter(l -> l == c).count();
            if (digits > (c == 'y' ? 4 : c == 'S' ? 9 : 2)) {
                throw wrong("it has too many " + c);
            }
        }
    }

    private void requireLettersOf(TimePart part, boolean yearIsGiven) {
        String needed = switch (part) {
            case HOUR -> "H";
            case MINUTE -> "m";
            case DAY -> "d";
            case MONTH -> "M";
            case YEAR -> yearIsGiven ? "" : "y";
            case WEEKDAY -> yearIsGiven ? "Md" : "yMd";
        };
        for (char c : needed.toCharArray()) {
            if (!has(c)) {
                throw wrong(part.word() + " needs " + c
                        + (c == 'y' ? ", or a year after a semicolon: [" + pattern + ";2001]" : ""));
            }
        }
    }

    private MappingException wrong(String what) {
        return new MappingException(Mapping.TIME + ": field " + field + ", pattern [" + pattern + "]: " + what);
    }

    private boolean has(char letter) {
        for (char l : letters) {
            if (l == letter) {
                return true;
            }
        }
        return false;
    }

    /** Whether it can be used for text. */
    boolean isOfText() {
        return letters != null || isIso;
    }

    /**
     * Converts a number that may have a fraction.
     *
     * @param scratch {@value #SCRATCH} bytes that it may write to
     * @param iso reads the time if it is in ISO 8601
     * @return milliseconds since 1970
     * @throws Rejection if the number is not such a time
     */
    long millis(double number, byte[] scratch, IsoTime iso) throws Rejection {
        double whole = Math.floor(number);
        if (!(Math.abs(number) < WHOLE) || unit == 0 && whole != number) {
            throw rejection();
        }
        long millis = millis((long) whole, scratch, iso);
        return unit == SECOND ? millis + (long) ((number - whole) * 1000) : millis;
    }

    /**
     * Converts a number, which may have lost leading zeros.
     *
     * @param scratch {@value #SCRATCH} bytes that it may write to
     * @param iso reads the time if it is in ISO 8601
     * @return milliseconds since 1970
     * @throws Rejection if the number is not such a time
     */
    long millis(long number, byte[] scratch, IsoTime iso) throws Rejection {
        if (unit == 1) {
            return Math.floorDiv(number, 1000L);
        }
        if (unit > 0) {
            long millis = number * (unit / 1000);
            if (millis / (unit / 1000) != number) {
                throw rejection();
            }
            return millis;
        }
        if (number < 0) {
            throw rejection();
        }
        return millis(scratch, 0, Numbers.write(number, scratch), scratch, iso);
    }

    /**
     * Converts text, which may have lost leading zeros.
     *
     * @param utf8 contains the text as UTF-8
     * @param scratch {@value #SCRATCH} bytes that it may write to
     * @param iso reads the time if it is in ISO 8601
     * @return milliseconds since 1970
     * @throws Rejection if the text is not such a time
     */
    long millis(byte[] utf8, int from, int length, byte[] scratch, IsoTime iso) throws Rejection {
        if (isIso) {
            return isoMillis(utf8, from, length, iso);
        }
        int lost = letters.length - length;
        if (lost < 0 || length < shortest) {
            throw rejection();
        }
        if (lost == 0) {
            return millis(utf8, from);
        }
        System.arraycopy(utf8, from, scratch, lost, length);
        Arrays.fill(scratch, 0, lost, (byte) '0');
        return millis(scratch, 0);
    }

    private long isoMillis(byte[] utf8, int from, int length, IsoTime iso) throws Rejection {
        boolean read = iso.read(utf8, from, length);
        for (TimePart part : parts) {
            read = read && iso.has(part);
        }
        if (!read) {
            throw new Rejection(
                    Reason.BAD_VALUE,
                    "field " + field + " is not a time in ISO 8601 with "
                            + parts.stream().map(TimePart::word).collect(Collectors.joining(", ")));
        }
        return iso.millis();
    }

    private long millis(byte[] utf8, int from) throws Rejection {
        int writtenYear = 0;
        int month = 0;
        int day = 0;
        int hour = 0;
        int minute = 0;
        for (int i = 0; i < letters.length; i++) {
            int digit = utf8[from + i] - '0';
            char letter = letters[i];
            if (letter == 0 ? utf8[from + i] != literals[i] : digit < 0 || digit > 9) {
                throw rejection();
            }
            switch (letter) {
                case 'y' -> writtenYear = writtenYear * 10 + digit;
                case 'M' -> month = month * 10 + digit;
                case 'd' -> day = day * 10 + digit;
                case 'H' -> hour = hour * 10 + digit;
                case 'm' -> minute = minute * 10 + digit;
                default -> {
                    // not part of any feature
                }
            }
        }
        if (hour > 23 || minute > 59 || hasFullYear && writtenYear == 0) {
            throw rejection();
        }
        // a pattern without a year has no part that depends on the year, and 29 February must be valid
        int inYear = year > 0 ? year : writtenYear > 0 ? writtenYear : 2000;
        try {
            long days = LocalDate.of(inYear, month > 0 || has('M') ? month : 1, day > 0 || has('d') ? day : 1)
                    .toEpochDay();
            return days * 86_400_000 + hour * 3_600_000L + minute * 60_000L;
        } catch (DateTimeException e) {
            throw rejection();
        }
    }

    private Rejection rejection() {
        return new Rejection(Reason.BAD_VALUE, "field " + field + " is not a time like [" + pattern + "]");
    }
}
