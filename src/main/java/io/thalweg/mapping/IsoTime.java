package io.thalweg.mapping;

import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.LocalDate;
import java.util.OptionalLong;

/**
 * A parser of times in ISO 8601: calendar, ordinal and week dates, with or without a time of day, in the extended or
 * the basic format, with or without a fraction and an offset; without one they are in UTC. It also takes what programs
 * write instead: a space for the T, UTC for the Z, and the name of the zone after the offset. The only object that it
 * makes for a time is a date. Not thread-safe.
 */
public final class IsoTime {
    /** How exactly a date is given. */
    private enum Precision {
        NONE,
        YEAR,
        MONTH,
        DAY
    }

    private static final long DAY = 86_400_000;
    private static final long HOUR = 3_600_000;
    private static final long MINUTE = 60_000;
    private static final long SECOND = 1000;
    private static final int MOST_DIGITS = 9;

    private byte[] text = {};
    private int at;
    private int end;

    private Precision precision = Precision.NONE;
    private boolean hasTime;
    private boolean hasOffset;
    private long millis;

    /**
     * Parses a timestamp.
     *
     * @return milliseconds since 1970; empty if the text is not a date with a time of day and an offset
     */
    public static OptionalLong timestamp(String text) {
        IsoTime time = new IsoTime();
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        return time.read(utf8, 0, utf8.length) && time.precision == Precision.DAY && time.hasOffset
                ? OptionalLong.of(time.millis)
                : OptionalLong.empty();
    }

    /**
     * Reads a time. If it is one, {@link #millis} has it until the next call.
     *
     * @param utf8 contains it
     * @return whether it is one
     */
    boolean read(byte[] utf8, int from, int length) {
        text = utf8;
        at = from;
        end = from + length;
        precision = Precision.NONE;
        hasTime = false;
        hasOffset = false;
        millis = 0;
        try {
            return readAll();
        } catch (DateTimeException e) {
            return false;
        }
    }

    /** The time in milliseconds since 1970, or since midnight if it is a time of day. */
    long millis() {
        return millis;
    }

    /** Whether the text says enough for a part of a time. */
    boolean has(TimePart part) {
        return switch (part) {
            case HOUR, MINUTE -> hasTime;
            case WEEKDAY, DAY -> precision == Precision.DAY;
            case MONTH -> precision == Precision.DAY || precision == Precision.MONTH;
            case YEAR -> precision != Precision.NONE;
        };
    }

    private boolean readAll() {
        boolean timeOnly = at < end && (text[at] | 0x20) == 't' || end - at > 2 && text[at + 2] == ':';
        if (!timeOnly && !readDate()) {
            return false;
        }
        if (at == end) {
            return true;
        }
        if (timeOnly ? take('T') || take('t') : !(take('T') || take('t') || take(' '))) {
            // a time of day may begin without a T
            return timeOnly && readTime() && readZone();
        }
        return (timeOnly || precision == Precision.DAY) && readTime() && readZone();
    }

    private boolean readDate() {
        if (digits(at) < 4) {
            return false;
        }
        int run = digits(at);
        int year = number(4);
        boolean dashed = take('-');
        if (take('W')) {
            return readWeek(year, dashed);
        }
        int rest = dashed ? digits(at) : run - 4;
        switch (rest) {
            case 0 -> {
                if (dashed) {
                    return false;
                }
                date(LocalDate.of(year, 1, 1), Precision.YEAR);
            }
            case 2 -> {
                if (!dashed) {
                    return false;
                }
                int month = number(2);
                if (take('-')) {
                    if (digits(at) != 2) {
                        return false;
                    }
                    date(LocalDate.of(year, month, number(2)), Precision.DAY);
                } else {
                    date(LocalDate.of(year, month, 1), Precision.MONTH);
                }
            }
            case 3 -> date(LocalDate.ofYearDay(year, number(3)), Precision.DAY);
            case 4 -> {
                if (dashed) {
                    return false;
                }
                date(LocalDate.of(year, number(2), number(2)), Precision.DAY);
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private boolean readWeek(int year, boolean dashed) {
        if (digits(at) < 2) {
            return false;
        }
        int week = number(2);
        long day = firstMonday(year) + (week - 1) * 7L;
        if (week < 1 || day >= firstMonday(year + 1)) {
            return false;
        }
        boolean hasDay = dashed ? take('-') : digits(at) > 0;
        if (!hasDay) {
            return true;
        }
        int weekday = digits(at) == 1 ? number(1) : 0;
        millis = (day + weekday - 1) * DAY;
        precision = Precision.DAY;
        return weekday >= 1 && weekday <= 7;
    }

    /** The Monday of the first week of a year, which is the week with 4 January, in days since 1970. */
    private static long firstMonday(int year) {
        LocalDate fourth = LocalDate.of(year, 1, 4);
        return fourth.toEpochDay() - (fourth.getDayOfWeek().getValue() - 1);
    }

    private void date(LocalDate date, Precision exactness) {
        millis = date.toEpochDay() * DAY;
        precision = exactness;
    }

    private boolean readTime() {
        int run = digits(at);
        if (run != 2 && run != 4 && run != 6) {
            return false;
        }
        int hour = number(2);
        long unit = HOUR;
        int minute = 0;
        int second = 0;
        if (run > 2 || take(':')) {
            if (digits(at) < 2 || run == 2 && digits(at) != 2) {
                return false;
            }
            minute = number(2);
            unit = MINUTE;
            if (run > 4 || run == 2 && take(':')) {
                if (digits(at) != 2) {
                    return false;
                }
                second = number(2);
                unit = SECOND;
            }
        }
        // a leap second is 60, and 24:00 is the end of a day
        if (hour > 24 || minute > 59 || second > 60 || hour == 24 && minute + second > 0) {
            return false;
        }
        millis += hour * HOUR + minute * MINUTE + Math.min(second, 59) * SECOND;
        hasTime = true;
        return readFraction(unit, hour);
    }

    private boolean readFraction(long unit, int hour) {
        if (!take('.') && !take(',')) {
            return true;
        }
        int length = digits(at);
        if (length == 0) {
            return false;
        }
        int kept = Math.min(length, MOST_DIGITS);
        long fraction = number(kept);
        at += length - kept;
        long of = 1;
        for (int i = 0; i < kept; i++) {
            of *= 10;
        }
        millis += fraction * unit / of;
        return hour < 24 || fraction == 0;
    }

    /** Takes the minus sign U+2212, which the standard prefers to a hyphen. */
    private boolean takeMinus() {
        boolean isThere =
                end - at >= 3 && text[at] == (byte) 0xE2 && text[at + 1] == (byte) 0x88 && text[at + 2] == (byte) 0x92;
        at += isThere ? 3 : 0;
        return isThere;
    }

    private boolean readZone() {
        hasOffset = true;
        take(' ');
        if (take('Z') || take('z')) {
            return readName();
        }
        if (end - at == 3 && text[at] == 'U' && text[at + 1] == 'T' && text[at + 2] == 'C') {
            return true;
        }
        boolean east = take('+');
        if (!east && !take('-') && !takeMinus()) {
            hasOffset = false;
            return at == end && text[end - 1] != ' ';
        }
        int run = digits(at);
        if (run != 2 && run != 4) {
            return false;
        }
        int hours = number(2);
        int minutes = 0;
        if (run == 4 || take(':')) {
            if (digits(at) != 2) {
                return false;
            }
            minutes = number(2);
        }
        long offset = hours * HOUR + minutes * MINUTE;
        millis += east ? -offset : offset;
        return hours < 24 && minutes < 60 && readName();
    }

    /** Reads the name of a zone, as Java writes it: {@code [Europe/Paris]}. The offset before it counts. */
    private boolean readName() {
        return at == end || text[at] == '[' && text[end - 1] == ']';
    }

    private boolean take(char c) {
        if (at < end && text[at] == c) {
            at++;
            return true;
        }
        return false;
    }

    /** How many digits begin at a position. */
    private int digits(int from) {
        int last = from;
        while (last < end && text[last] >= '0' && text[last] <= '9') {
            last++;
        }
        return last - from;
    }

    /** Reads a number of that many digits, which must be there. */
    private int number(int digits) {
        int number = 0;
        for (int i = 0; i < digits; i++) {
            number = number * 10 + text[at++] - '0';
        }
        return number;
    }
}
