package io.thalweg.app.view;

import io.thalweg.avro.Share;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Formats numbers and times for people. */
public final class Figures {
    /** Stands for a value that is missing or unknown. */
    public static final String NONE = "–";

    private static final int SHARES_SHOWN = 3;
    private static final double SHARE_SHOWN = 0.05;

    private static final String EIGHTHS = " ▏▎▍▌▋▊▉";
    private static final DateTimeFormatter DATE =
            DateTimeFormatter.ofPattern("yyyy-MM-dd", Locale.ROOT).withZone(ZoneId.systemDefault());
    private static final DateTimeFormatter TIME =
            DateTimeFormatter.ofPattern("HH:mm:ss", Locale.ROOT).withZone(ZoneId.systemDefault());

    private Figures() {}

    static String date(long millis) {
        return millis < 0 ? NONE : DATE.format(Instant.ofEpochMilli(millis));
    }

    /** Formats the time of day. */
    static String time(long millis) {
        return millis < 0 ? NONE : TIME.format(Instant.ofEpochMilli(millis));
    }

    /** Formats a count. */
    public static String count(long count) {
        return String.format(Locale.ROOT, "%,d", count);
    }

    /** Formats a fraction or a loss, with four decimals. */
    static String fraction(Double fraction) {
        return fraction == null || fraction.isNaN() ? NONE : String.format(Locale.ROOT, "%.4f", fraction);
    }

    /** Formats a number of any size, with its sign. */
    public static String signed(double number) {
        double size = Math.abs(number);
        boolean plain = size == 0 || size >= 0.001 && size < 1e6;
        return String.format(Locale.ROOT, plain ? "%+.4f" : "%+.3e", number);
    }

    /** Formats a setting or a label, as short as possible. */
    public static String brief(Double number) {
        if (number == null || number.isNaN()) {
            return NONE;
        }
        return number == Math.rint(number) && Math.abs(number) < 1e6
                ? String.valueOf(number.longValue())
                : String.valueOf(number);
    }

    /** Formats what a model mixes: the parts with most of the weight, the heaviest first. */
    public static String mixture(List<Share> mixture) {
        return mixture.stream()
                .filter(share -> share.getShare() >= SHARE_SHOWN)
                .sorted(Comparator.comparingDouble(Share::getShare).reversed())
                .limit(SHARES_SHOWN)
                .map(share -> String.format(
                        Locale.ROOT,
                        "%s %s %.0f%%",
                        Printable.of(share.getKind()),
                        brief(share.getLearningRate()),
                        share.getShare() * 100))
                .collect(Collectors.joining(", "));
    }

    /**
     * Draws a bar.
     *
     * @param share the fraction of the width, 0 to 1; larger ones are cut off
     * @param width the full width in characters
     */
    public static String bar(double share, int width) {
        int eighths = (int) Math.round(Math.max(0, Math.min(1, share)) * width * 8);
        String part = eighths % 8 == 0 ? "" : EIGHTHS.substring(eighths % 8, eighths % 8 + 1);
        String bar = "█".repeat(eighths / 8) + part;
        return bar + " ".repeat(width - bar.length());
    }

    /** Formats a time span with its two largest units, such as 2 h 5 min. @param millis null if there is none */
    public static String duration(Long millis) {
        if (millis == null) {
            return NONE;
        }
        if (millis < 0) {
            return "−" + duration(-millis);
        }
        Duration span = Duration.ofMillis(millis);
        if (span.toDays() > 0) {
            return span.toDays() + " d " + span.toHoursPart() + " h";
        }
        if (span.toHours() > 0) {
            return span.toHours() + " h " + span.toMinutesPart() + " min";
        }
        if (span.toMinutes() > 0) {
            return span.toMinutes() + " min " + span.toSecondsPart() + " s";
        }
        return span.toSeconds() >= 10 ? span.toSeconds() + " s" : millis + " ms";
    }

    static String bytes(long bytes) {
        return count(bytes) + " B";
    }
}
