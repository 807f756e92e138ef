package io.thalweg.mapping;

import io.thalweg.math.Rejection;
import java.time.LocalDate;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Turns the values of a field that is a time into features, one for each of its parts. Not thread-safe. */
public final class TimeEncoder {
    private static final long DAY = 86_400_000;
    private static final byte[][] NUMBERS = IntStream.range(0, 60)
            .mapToObj(i -> Numbers.ascii(String.valueOf(i)))
            .toArray(byte[][]::new);
    private static final byte[][] WEEKDAYS = Stream.of("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
            .map(Numbers::ascii)
            .toArray(byte[][]::new);

    private final TimePart[] parts;
    private final TimePattern pattern;
    private final FieldEncoder[] features;
    private final byte[] digits = new byte[TimePattern.SCRATCH];
    private final IsoTime iso = new IsoTime();

    /** @param features one for each part */
    TimeEncoder(TimeParts times, List<FieldEncoder> features) {
        parts = times.parts().toArray(TimePart[]::new);
        pattern = times.pattern();
        this.features = features.toArray(FieldEncoder[]::new);
    }

    /** Adds a time in milliseconds since 1970, or, for a time of day, since midnight. */
    public void millis(long millis) throws Rejection {
        long day = Math.floorDiv(millis, DAY);
        int ofDay = (int) Math.floorMod(millis, DAY);
        LocalDate date = null;
        for (int i = 0; i < parts.length; i++) {
            if (parts[i].isOfDay() && parts[i] != TimePart.WEEKDAY && date == null) {
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

    /** Adds a number that is written like the pattern. It may have lost leading zeros. */
    public void number(long number) throws Rejection {
        millis(pattern.millis(number, digits, iso));
    }

    /** Adds a number that may have a fraction. */
    public void number(double number) throws Rejection {
        millis(pattern.millis(number, digits, iso));
    }

    /** Adds text that is written like the pattern. It may have lost leading zeros. */
    public void text(byte[] utf8, int from, int length) throws Rejection {
        millis(pattern.millis(utf8, from, length, digits, iso));
    }

    /** Adds the features for a time that is null or empty. */
    public void missing() throws Rejection {
        for (FieldEncoder encoder : features) {
            encoder.missing();
        }
    }
}
