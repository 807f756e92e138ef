package io.thalweg.mapping;

import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import java.time.DateTimeException;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The parts that are taken of a time, in UTC: {@code hour|weekday} of a logical timestamp, {@code [MMddHHmm;2001]:hour|weekday} of
 * text or of a number written like that.
 *
 * <p>A pattern is made of y, M, d, H, m, s and S, each as often as it has digits, and of other characters that stand for themselves;
 * letters that do are put in quotes. {@code seconds}, {@code millis} and {@code micros} are numbers since 1970.
 */
public final class Times {
    private static final long DAY = 86_400_000;
    /** The most that a long has. */
    private static final int DIGITS = 19;

    /** The parts. */
    public enum Part {
        HOUR,
        MINUTE,
        WEEKDAY,
        DAY,
        MONTH,
        YEAR;

        /** As it is written in settings and in names of features. */
        public String word() {
            return name().toLowerCase(Locale.ROOT);
        }

        boolean isOfDay() {
            return this != HOUR && this != MINUTE;
        }
    }

    /** What a field holds. */
    public enum Holds {
        /** A day and a time of day. */
        BOTH,
        /** A day. */
        DAY_ONLY,
        /** A time of day. */
        TIME_ONLY
    }

    private static final byte[][] NUMBERS = Stream.iterate(0, i -> i + 1)
            .limit(60)
            .map(i -> Numbers.ascii(String.valueOf(i)))
            .toArray(byte[][]::new);
    private static final byte[][] WEEKDAYS = Stream.of("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
            .map(Numbers::ascii)
            .toArray(byte[][]::new);

    private final String field;
    private final String pattern;
    private final Set<Part> parts;
    private final int year;
    /** Whether the pattern has a year of four digits: 0000 is none. A year of two digits may well be 00. */
    private final boolean hasFullYear;

    /** For each byte of a text: the letter whose digit it is, or 0 and it is what {@code literals} says. */
    private final char[] letters;

    private final char[] literals;
    /** How short a text may be that has lost its leading zeros, as it does where it once was a number. */
    private final int shortest;
    /** Microseconds in a unit since 1970; 0 if it has a pattern of digits, or none. */
    private final long unit;

    private Times(String field, String pattern, String year, Set<Part> parts) {
        this.field = field;
        this.pattern = pattern;
        this.parts = parts;
        unit = pattern == null
                ? 0
                : switch (pattern) {
                    case "seconds" -> 1_000_000;
                    case "millis" -> 1000;
                    case "micros" -> 1;
                    default -> 0;
                };
        if (pattern == null || unit > 0) {
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
        read(pattern, letter, literal);
        if (letter.isEmpty()) {
            throw wrong("it is empty");
        }
        letters = letter.toString().toCharArray();
        literals = literal.toString().toCharArray();
        boolean hasYear = letter.indexOf("y") >= 0;
        hasFullYear = letter.indexOf("yyyy") >= 0;
        shortest = letter.indexOf("\0") >= 0 || letters.length > DIGITS
                ? letters.length
                : switch (letters[0]) {
                    case 'y' -> letters.length;
                    case 'M', 'd' -> letters.length - 1;
                    default -> 1;
                };
        if (year != null && (hasYear || !year.matches("(?!0+$)\\d{1,4}"))) {
            throw wrong(hasYear ? "it has a year already" : year + " is no year");
        }
        this.year = year == null ? 0 : Integer.parseInt(year);
        for (Part part : parts) {
            String needed = switch (part) {
                case HOUR -> "H";
                case MINUTE -> "m";
                case DAY -> "d";
                case MONTH -> "M";
                case YEAR -> year == null ? "y" : "";
                case WEEKDAY -> year == null ? "yMd" : "Md";
            };
            needed.chars()
                    .filter(c -> letter.indexOf(String.valueOf((char) c)) < 0)
                    .forEach(c -> {
                        throw wrong(part.word() + " needs " + (char) c
                                + (c == 'y' ? ", or a year after a semicolon: [" + pattern + ";2001]" : ""));
                    });
        }
    }

    /** @param words what follows the name of the field: {@code :hour}, {@code [pattern]:hour|weekday}, {@code [pattern;year]:hour} */
    static Times of(String field, String pattern, String year, String words) {
        Set<Part> parts = EnumSet.noneOf(Part.class);
        for (String word : words.split("\\|", -1)) {
            parts.add(Stream.of(Part.values())
                    .filter(part -> part.word().equals(word.strip()))
                    .findFirst()
                    .orElseThrow(() -> new MappingException(Mapping.TIME
                            + ": field %s has no part \"%s\"; the parts are %s"
                                    .formatted(
                                            field,
                                            word.strip(),
                                            Stream.of(Part.values())
                                                    .map(Part::word)
                                                    .collect(Collectors.joining(", "))))));
        }
        return new Times(field, pattern, year, parts);
    }

    private void read(String pattern, StringBuilder letter, StringBuilder literal) {
        boolean quoted = false;
        for (char c : pattern.toCharArray()) {
            if (c == '\'') {
                quoted = !quoted;
            } else if (!quoted && "yMdHmsS".indexOf(c) >= 0) {
                if (letter.indexOf(String.valueOf(c)) >= 0 && letter.charAt(letter.length() - 1) != c) {
                    throw wrong("it has " + c + " twice");
                }
                letter.append(c);
                literal.append('0');
            } else if (c > 127 || !quoted && Character.isLetter(c)) {
                throw wrong(
                        "a pattern is made of y, M, d, H, m, s and S, one for each digit; put other letters in quotes,"
                                + " or write seconds, millis or micros for numbers since 1970");
            } else {
                letter.append('\0');
                literal.append(c);
            }
        }
        for (char c : "yMdHmsS".toCharArray()) {
            long digits = letter.chars().filter(l -> l == c).count();
            if (digits > (c == 'y' ? 4 : c == 'S' ? 9 : 2)) {
                throw wrong("it has too many " + c);
            }
        }
    }

    private MappingException wrong(String what) {
        return new MappingException(Mapping.TIME + ": field " + field + ", pattern [" + pattern + "]: " + what);
    }

    /** Whether it says how text or plain numbers are to be read. */
    public boolean hasPattern() {
        return pattern != null;
    }

    /** Whether text can be read with it. */
    public boolean isOfText() {
        return letters != null;
    }

    /** @throws MappingException if parts are wanted that such a field has not */
    public void check(Holds holds) {
        for (Part part : parts) {
            if (holds == Holds.DAY_ONLY && !part.isOfDay() || holds == Holds.TIME_ONLY && part.isOfDay()) {
                throw new MappingException(Mapping.TIME + ": field " + field + " has no " + part.word() + ", it holds "
                        + (holds == Holds.DAY_ONLY ? "a day" : "a time of day") + " only");
            }
        }
    }

    Set<Part> parts() {
        return parts;
    }

    /** The names of the features that come of it. */
    public List<String> names() {
        return parts.stream().map(part -> field + "." + part.word()).toList();
    }

    /** A field on its way to the parts of its time. */
    public static final class Sink {
        private final Times times;
        private final Part[] parts;
        private final FieldEncoder[] features;
        private final byte[] digits = new byte[20];

        Sink(Times times, List<FieldEncoder> features) {
            this.times = times;
            this.features = features.toArray(FieldEncoder[]::new);
            parts = times.parts.toArray(Part[]::new);
        }

        /** Takes milliseconds since 1970, or, of a time of day, since midnight. */
        public void millis(long millis) throws Rejection {
            long day = Math.floorDiv(millis, DAY);
            int ofDay = (int) Math.floorMod(millis, DAY);
            LocalDate date = null;
            for (int i = 0; i < parts.length; i++) {
                if (parts[i].isOfDay() && parts[i] != Part.WEEKDAY && date == null) {
                    date = LocalDate.ofEpochDay(day);
                }
                byte[] value = switch (parts[i]) {
                    case HOUR -> NUMBERS[ofDay / 3_600_000];
                    case MINUTE -> NUMBERS[ofDay / 60_000 % 60];
                    // 1 January 1970 was a Thursday
                    case WEEKDAY -> WEEKDAYS[(int) Math.floorMod(day + 3, 7L)];
                    case DAY -> NUMBERS[date.getDayOfMonth()];
                    case MONTH -> NUMBERS[date.getMonthValue()];
                    case YEAR -> null;
                };
                if (value == null) {
                    features[i].category(digits, 0, Numbers.write(date.getYear(), digits));
                } else {
                    features[i].category(value, 0, value.length);
                }
            }
        }

        /** Takes a number that is like the pattern; leading zeros may have been lost. */
        public void number(long number) throws Rejection {
            if (times.unit > 0) {
                long millis = times.unit == 1 ? Math.floorDiv(number, 1000L) : number * (times.unit / 1000);
                if (times.unit > 1 && millis / (times.unit / 1000) != number) {
                    reject();
                }
                millis(millis);
                return;
            }
            if (number < 0) {
                reject();
            }
            text(digits, 0, Numbers.write(number, digits));
        }

        /** Takes text that is like the pattern. */
        public void text(byte[] utf8, int from, int length) throws Rejection {
            char[] letters = times.letters;
            int lost = letters.length - length;
            if (lost < 0 || length < times.shortest) {
                reject();
            }
            if (lost > 0) {
                System.arraycopy(utf8, from, digits, lost, length);
                Arrays.fill(digits, 0, lost, (byte) '0');
                text(digits, 0, letters.length);
                return;
            }
            int year = 0;
            int month = 0;
            int day = 0;
            int hour = 0;
            int minute = 0;
            for (int i = 0; i < length; i++) {
                int digit = utf8[from + i] - '0';
                char letter = letters[i];
                if (letter == 0 ? utf8[from + i] != times.literals[i] : digit < 0 || digit > 9) {
                    reject();
                }
                switch (letter) {
                    case 'y' -> year = year * 10 + digit;
                    case 'M' -> month = month * 10 + digit;
                    case 'd' -> day = day * 10 + digit;
                    case 'H' -> hour = hour * 10 + digit;
                    case 'm' -> minute = minute * 10 + digit;
                    default -> {
                        // no part is made of it
                    }
                }
            }
            if (hour > 23 || minute > 59 || times.hasFullYear && year == 0) {
                reject();
            }
            take(year, month, day, hour, minute);
        }

        private void take(int year, int month, int day, int hour, int minute) throws Rejection {
            // a pattern without a year has no part that depends on it, and then 29 February must be a day
            int inYear = times.year > 0 ? times.year : year > 0 ? year : 2000;
            try {
                long days = LocalDate.of(
                                inYear, month > 0 || times.has('M') ? month : 1, day > 0 || times.has('d') ? day : 1)
                        .toEpochDay();
                millis(days * DAY + hour * 3_600_000L + minute * 60_000L);
            } catch (DateTimeException e) {
                reject();
            }
        }

        /** Takes what is null or empty. */
        public void missing() throws Rejection {
            for (FieldEncoder encoder : features) {
                encoder.missing();
            }
        }

        private void reject() throws Rejection {
            throw new Rejection(Reason.BAD_VALUE, "field " + times.field + " is no time like [" + times.pattern + "]");
        }
    }

    private boolean has(char letter) {
        for (char l : letters) {
            if (l == letter) {
                return true;
            }
        }
        return false;
    }

    /** For messages. */
    @Override
    public String toString() {
        List<String> words = new ArrayList<>();
        parts.forEach(part -> words.add(part.word()));
        return String.join("|", words);
    }
}
