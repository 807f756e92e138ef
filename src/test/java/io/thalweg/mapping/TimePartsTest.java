package io.thalweg.mapping;

import static io.thalweg.mapping.Events.utf8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.TextStyle;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TimePartsTest {
    private static final String ALL = ":year|month|day|weekday|hour|minute";

    private final Random random = new Random(1);

    /** The field t, which is a time, and the events that it is in. */
    private record TimeField(Events events, TimeEncoder encoder) {
        static TimeField of(String setting) {
            Events events = new Events("features.time", setting);
            return new TimeField(events, events.collector.times(events.mapping.times("t")));
        }

        List<String> millis(long millis) throws Rejection {
            return events.features(() -> encoder.millis(millis));
        }

        List<String> number(long number) throws Rejection {
            return events.features(() -> encoder.number(number));
        }

        List<String> text(String text) throws Rejection {
            byte[] bytes = utf8("<" + text + ">");
            return events.features(() -> encoder.text(bytes, 1, bytes.length - 2));
        }
    }

    /** The features as Java's calendar gives them. */
    private static List<String> parts(LocalDateTime time) {
        return List.of(
                "t.hour=" + time.getHour(),
                "t.minute=" + time.getMinute(),
                "t.weekday=" + time.getDayOfWeek().getDisplayName(TextStyle.SHORT, Locale.ENGLISH),
                "t.day=" + time.getDayOfMonth(),
                "t.month=" + time.getMonthValue(),
                "t.year=" + time.getYear());
    }

    private LocalDateTime between(int year, int end) {
        LocalDateTime from = LocalDateTime.of(year, 1, 1, 0, 0);
        return from.plusSeconds((long) (random.nextDouble() * ChronoUnit.SECONDS.between(from, from.withYear(end))));
    }

    private static void assertRejected(TimeField field, String text) {
        Rejection rejection = catchThrowableOfType(Rejection.class, () -> field.text(text));
        assertThat(rejection).as(text).isNotNull();
        assertThat(rejection.reason()).isEqualTo(Reason.BAD_VALUE);
        assertThat(rejection).hasMessageContaining("field t");
    }

    @Test
    void millisecondsHaveThePartsThatTheCalendarGives() throws Rejection {
        TimeField field = TimeField.of("t" + ALL);
        for (int i = 0; i < 2000; i++) {
            LocalDateTime time = between(1700, 2300);
            assertThat(field.millis(time.toEpochSecond(ZoneOffset.UTC) * 1000 + random.nextInt(1000)))
                    .isEqualTo(parts(time));
        }
    }

    @ParameterizedTest
    @CsvSource({"seconds, 1", "millis, 1000", "micros, 1000000"})
    void numbersSince1970AreTimes(String unit, long perSecond) throws Rejection {
        TimeField field = TimeField.of("t[" + unit + "]" + ALL);
        for (int i = 0; i < 500; i++) {
            LocalDateTime time = between(1950, 2100);
            long fraction = random.nextInt((int) perSecond);
            assertThat(field.number(time.toEpochSecond(ZoneOffset.UTC) * perSecond + fraction))
                    .isEqualTo(parts(time));
        }
    }

    @ParameterizedTest
    @CsvSource({"seconds, 1e3", "millis, 1", "micros, 1e-3"})
    void numbersWithAFractionAreTimesToo(String unit, double perUnit) throws Rejection {
        TimeField field = TimeField.of("t[" + unit + "]" + ALL);
        for (int i = 0; i < 500; i++) {
            LocalDateTime time = between(1950, 2100);
            double number = (time.toEpochSecond(ZoneOffset.UTC) * 1000 + 0.5) / perUnit;
            assertThat(field.events.features(() -> field.encoder.number(number)))
                    .isEqualTo(parts(time));
        }
        for (double none : new double[] {Double.NaN, Double.POSITIVE_INFINITY, 1e300}) {
            assertThat(catchThrowableOfType(Rejection.class, () -> field.encoder.number(none))
                            .reason())
                    .isEqualTo(Reason.BAD_VALUE);
        }
    }

    /** The formats that Java has for ISO 8601, and those that other programs write. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "yyyy-MM-dd'T'HH:mm:ss'Z'",
                "yyyy-MM-dd'T'HH:mm:ss.S'Z'",
                "yyyy-MM-dd'T'HH:mm:ss.SSSSSSSSS'Z'",
                "yyyy-MM-dd'T'HH:mm:ss,SSS",
                "yyyy-MM-dd'T'HH:mm",
                "yyyy-MM-dd HH:mm:ss",
                "yyyy-MM-dd HH:mm:ss 'UTC'",
                "yyyy-MM-dd't'HH:mm:ss'z'",
                "yyyyMMdd'T'HHmmss'Z'",
                "yyyyMMdd'T'HHmm",
                "yyyy-DDD'T'HH:mm:ss'Z'",
                "yyyyDDD'T'HHmmss",
                "YYYY-'W'ww-e'T'HH:mm:ss'Z'",
                "YYYY'W'wwe'T'HHmm'Z'",
                "yyyy-MM-dd'T'HH:mm:ssXXX",
                "yyyy-MM-dd'T'HH:mm:ss.SSSXX",
                "yyyy-MM-dd HH:mm:ssX",
                "yyyy-MM-dd HH:mm:ss XX",
                "yyyy-MM-dd'T'HH:mmXXX'['VV']'",
            })
    void timesInIso8601AreReadAsJavaWritesThem(String pattern) throws Rejection {
        TimeField field = TimeField.of("t[iso]" + ALL);
        // weeks begin on Monday
        DateTimeFormatter format = DateTimeFormatter.ofPattern(pattern, Locale.UK);
        boolean hasOffset = pattern.contains("X");
        for (int i = 0; i < 300; i++) {
            LocalDateTime time = between(1700, 2300);
            ZoneOffset offset = hasOffset ? ZoneOffset.ofHours(random.nextInt(-14, 15)) : ZoneOffset.UTC;
            String text =
                    time.atOffset(ZoneOffset.UTC).atZoneSameInstant(offset).format(format);
            assertThat(field.text(text)).as(text).isEqualTo(parts(time));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "2026-05-01T23:59:60Z, 23, 59, 1, 5",
        "2026-04-30T24:00, 0, 0, 1, 5",
        "2026-04-30T22:00\u221202:00, 0, 0, 1, 5",
        "2026-05-01T12.5Z, 12, 30, 1, 5",
        "'2026-05-01T12:30,5+00', 12, 30, 1, 5",
        "2026-05-01T00:30:00+05:30, 19, 0, 30, 4",
        "2026-04-30T20-05, 1, 0, 1, 5",
    })
    void whatIsRareInIso8601IsReadToo(String text, int hour, int minute, int day, int month) throws Rejection {
        assertThat(TimeField.of("t[iso]:hour|minute|day|month").text(text))
                .containsExactly("t.hour=" + hour, "t.minute=" + minute, "t.day=" + day, "t.month=" + month);
    }

    @ParameterizedTest
    @CsvSource({
        "2026-05-01, weekday, Fri", "20260501, day, 1", "2026-05, month, 5", "2026, year, 2026", "2026-121, month, 5",
        "10:15, hour, 10", "T10:15:59Z, minute, 15", "101559, year, ''", "2026-W18, year, ''", "2026-05, day, ''",
        "2026-05-01, hour, ''", "10:15, day, ''"
    })
    void aTimeInIso8601HasThePartsThatItSays(String text, String part, String value) throws Rejection {
        TimeField field = TimeField.of("t[iso]:" + part);
        if (value.isEmpty()) {
            assertRejected(field, text);
        } else {
            assertThat(field.text(text)).containsExactly("t." + part + "=" + value);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "x",
                "2026",
                "2026-05-01T",
                "2026-05-01T1",
                "2026-05-01T10:",
                "2026-05-01T10:1",
                "2026-02-29T00:00",
                "2026-13-01T00:00",
                "2026-05-01T25:00",
                "2026-05-01T10:60",
                "2026-05-01T10:00:61",
                "2026-05-01T24:01",
                "2026-05-01T10:00Zx",
                "2026-05-01T10:00+",
                "2026-05-01T10:00+1",
                "2026-05-01T10:00+25:00",
                "2026-05-01T10:00:00.",
                "2026-05-01T10:00 ",
                "2026-W54-1T10:00",
                "2026-W01-8T10:00",
                "2026-366T10:00",
                "01.05.2026 10:00",
                "2026-05-01T10:00[x",
                "2026/05/01 10:00",
                "20260501101500"
            })
    void whatIsNotIso8601IsRejected(String text) {
        assertRejected(TimeField.of("t[iso]:hour|day"), text);
    }

    @Test
    void secondsThatHaveNoMillisecondsAreRejected() throws Rejection {
        TimeField field = TimeField.of("t[seconds]:year");

        assertThat(field.number(Long.MAX_VALUE / 1000)).containsExactly("t.year=292278994");
        assertThat(catchThrowableOfType(Rejection.class, () -> field.number(Long.MAX_VALUE / 1000 + 1))
                        .reason())
                .isEqualTo(Reason.BAD_VALUE);
    }

    /** Patterns that mean the same to Java. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "yyyyMMddHHmmss",
                "yyyyMMddHHmmssSSS",
                "yyyy-MM-dd HH:mm",
                "yyyy-MM-dd'T'HH:mm:ss.SSSSSSSSS'Z'",
                "'at 'HH'h'mm', 'dd/MM/yyyy"
            })
    void textIsReadAsJavaWritesIt(String pattern) throws Rejection {
        TimeField field = TimeField.of("t[" + pattern + "]" + ALL);
        DateTimeFormatter formatter = DateTimeFormatter.ofPattern(pattern, Locale.ROOT);
        for (int i = 0; i < 500; i++) {
            LocalDateTime time = between(1, 9999);
            assertThat(field.text(time.format(formatter))).isEqualTo(parts(time));
        }
    }

    @Test
    void leadingZerosMayBeLost() throws Rejection {
        TimeField field = TimeField.of("t[MMddHHmm;2001]" + ALL);
        DateTimeFormatter formatter = DateTimeFormatter.ofPattern("MMddHHmm", Locale.ROOT);
        for (int i = 0; i < 500; i++) {
            LocalDateTime time = between(2001, 2002);
            long number = Long.parseLong(time.format(formatter));

            assertThat(field.number(number)).isEqualTo(parts(time));
            assertThat(field.text(String.valueOf(number))).isEqualTo(parts(time));
        }
        assertThat(TimeField.of("t[HHmm]:hour|minute").number(5)).containsExactly("t.hour=0", "t.minute=5");
        assertRejected(field, "1030405".substring(1));
        assertRejected(TimeField.of("t[HH:mm]:hour"), "7:30");
        assertRejected(TimeField.of("t[yyyyMMdd]:day"), "1990203");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "2001-02-03 04:0",
                "2001-02-03 04:055",
                "2001-02-03T04:05",
                "2001-02-30 04:05",
                "2001-02-29 04:05",
                "2001-00-03 04:05",
                "2001-02-00 04:05",
                "2001-13-03 04:05",
                "2001-02-03 24:05",
                "2001-02-03 04:60",
                "0000-02-03 04:05",
                "2001-02-03 0a:05",
                "2001-02-03 ٠٤:05",
            })
    void otherTextIsRejected(String text) {
        assertRejected(TimeField.of("t[yyyy-MM-dd HH:mm]:hour"), text);
    }

    @Test
    void aDayThatOnlyLeapYearsHaveNeedsOne() throws Rejection {
        assertThat(TimeField.of("t[yyyyMMdd]:day").text("20040229")).containsExactly("t.day=29");
        assertThat(TimeField.of("t[MMdd]:day").text("0229")).containsExactly("t.day=29");
        assertThat(TimeField.of("t[MMdd;2004]:weekday").text("0229")).containsExactly("t.weekday=Sun");
        assertRejected(TimeField.of("t[MMdd;2001]:day"), "0229");
    }

    @Test
    void negativeNumbersAreTimesSince1970Only() throws Rejection {
        assertThat(TimeField.of("t[seconds]:year|hour").number(-1)).containsExactly("t.hour=23", "t.year=1969");
        assertThat(catchThrowableOfType(
                                Rejection.class,
                                () -> TimeField.of("t[HHmm]:hour").number(-1))
                        .reason())
                .isEqualTo(Reason.BAD_VALUE);
    }

    @Test
    void everyPartIsMissingWhereTheTimeIs() throws Rejection {
        TimeField field = TimeField.of("t:weekday|hour");

        assertThat(field.events().features(field.encoder()::missing))
                .containsExactly("t.hour:missing", "t.weekday:missing");
    }

    @Test
    void aPartCanBeExcludedAndStillBeCrossed() throws Rejection {
        Events events = new Events(
                "features.time", "t:hour|weekday|day",
                "features.exclude", "t.hour, t.day",
                "features.cross", "t.hour*a");
        TimeEncoder time = events.collector.times(events.mapping.times("t"));
        FieldEncoder a = events.collector.feature("a");

        // 1 January 1970 was a Thursday
        assertThat(events.features(() -> {
                    a.number(2);
                    time.millis(3_600_000);
                }))
                .containsExactly("a 2.0", "t.weekday=Thu", "t.hour=1*a 2.0");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '~',
            quoteCharacter = '`',
            value = {
                "t:second ~ no part \"second\"",
                "t: ~ no part \"\"",
                "t[]:hour ~ it is empty",
                "t[HH:mm HH]:hour ~ it has H twice",
                "t[HHH]:hour ~ too many H",
                "t[yyyyy]:year ~ too many y",
                "t[SSSSSSSSSS]:hour ~ too many S",
                "t[hh]:hour ~ a pattern consists of",
                "t[HHé]:hour ~ a pattern consists of",
                "t[mm]:hour ~ hour needs H",
                "t[HH]:minute ~ minute needs m",
                "t[MMdd]:year ~ year needs y",
                "t[MMdd]:weekday ~ weekday needs y, or a year after a semicolon: [MMdd;2001]",
                "t[yyyyMM]:weekday ~ weekday needs d",
                "t[yyyyMMdd;2001]:day ~ it has a year already",
                "t[MMdd;0000]:day ~ 0000 is not a year",
                "t[MMdd;20011]:day ~ 20011 is not a year",
                "t[MMdd;]:day ~ is not a year",
                "t[seconds;2001]:day ~ only a pattern of digits can be given a year",
            })
    void aPatternThatDoesNotGiveThePartsIsAnError(String setting, String complaint) {
        assertThatThrownBy(() -> TimeField.of(setting))
                .isInstanceOf(MappingException.class)
                .hasMessageStartingWith("features.time: field t")
                .hasMessageContaining(complaint);
    }

    @Test
    void aFieldThatHoldsADayOrATimeOfDayOnlyHasNoOtherParts() {
        TimeParts hour = TimeField.of("t:hour|minute").events().mapping.times("t");
        TimeParts day =
                TimeField.of("t:weekday|day|month|year").events().mapping.times("t");

        hour.check(TimeParts.Holds.TIME_ONLY);
        day.check(TimeParts.Holds.DAY_ONLY);
        assertThatThrownBy(() -> hour.check(TimeParts.Holds.DAY_ONLY))
                .isInstanceOf(MappingException.class)
                .hasMessageContaining("has no hour");
        assertThatThrownBy(() -> day.check(TimeParts.Holds.TIME_ONLY))
                .isInstanceOf(MappingException.class)
                .hasMessageContaining("has no weekday");
    }
}
