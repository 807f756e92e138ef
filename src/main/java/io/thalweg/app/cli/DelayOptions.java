package io.thalweg.app.cli;

import io.thalweg.app.view.Figures;
import io.thalweg.config.ThalwegConfig;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.TypeConversionException;

/** The options for labels in a file that come later than their events. */
final class DelayOptions {
    /** How far apart rows without times are. */
    static final long ROW_MS = 1000;

    @Option(
            names = "--label-delay",
            paramLabel = "DURATION",
            converter = Durations.class,
            description = "How much later than its event each label comes: 30s, 5m, 2h, 1d. The labels.* settings say"
                    + " what is learned until then, and from events whose labels do not come in time. The figures"
                    + " compare what was predicted at first with the labels in the file, however late.")
    private Long delay;

    @Option(
            names = "--label-time",
            paramLabel = "COLUMN",
            description = "The column with the time at which the label came, as in --time. Where it is empty, the label"
                    + " never came. If labels.label is a number, such as 1 for clicks, every label that came is"
                    + " that, and no column with labels is needed.")
    private String labelTime;

    @Option(
            names = "--time",
            paramLabel = "COLUMN",
            description = "The column with the time of the event: milliseconds since 1970, or such as"
                    + " 2026-05-01T12:00:00Z. It is not a feature, unless a setting names it too. Without it, rows"
                    + " are one second apart.")
    private String time;

    /** Parses a duration into milliseconds. */
    static final class Durations implements ITypeConverter<Long> {
        private static final Pattern WORDS = Pattern.compile("(?<number>\\d{1,9})(?<unit>ms|s|m|h|d)|0");
        private static final Map<String, Long> UNITS =
                Map.of("ms", 1L, "s", 1000L, "m", 60_000L, "h", 3_600_000L, "d", 86_400_000L);

        @Override
        public Long convert(String text) {
            Matcher words = WORDS.matcher(text);
            if (!words.matches()) {
                throw new TypeConversionException("'" + text + "' is not a duration such as 500ms, 30s, 5m, 2h or 1d");
            }
            return words.group("unit") == null
                    ? 0
                    : Long.parseLong(words.group("number")) * UNITS.get(words.group("unit"));
        }
    }

    /** Whether labels come later. */
    boolean isGiven() {
        return delay != null || labelTime != null;
    }

    /** How much later each label comes, in milliseconds; null if each has a time of its own. */
    Long delay() {
        return delay;
    }

    /** The column with the time of the label; null if there is none. */
    String labelTime() {
        return labelTime;
    }

    /** The column with the time of the event; null if there is none. */
    String time() {
        return time;
    }

    /** Refuses options that do not go together. */
    void check(CommandLine command) {
        if (delay != null && labelTime != null) {
            throw new ParameterException(command, "--label-delay and --label-time exclude each other");
        }
        if (labelTime != null && time == null) {
            throw new ParameterException(command, "--label-time needs the times of the events; give --time");
        }
        if (time != null && !isGiven()) {
            throw new ParameterException(
                    command, "--time is for labels that come later; give --label-delay or --label-time");
        }
    }

    /** The settings, with a topic of labels if labels come later. @param defaults those that the command begins with */
    ThalwegConfig withTopicOfLabels(SettingsOptions settings, Map<String, String> defaults) {
        if (!isGiven()) {
            return settings.config(defaults);
        }
        Map<String, String> all = new HashMap<>(defaults);
        all.put(ThalwegConfig.LABELS_TOPIC, "labels");
        ThalwegConfig config = settings.config(all);
        return config.hasLateLabels() ? config : config.with(ThalwegConfig.LABELS_TOPIC, "labels");
    }

    /** When labels come, and what is done until then, in one line. */
    String words(ThalwegConfig config) {
        String policy = config.getString(ThalwegConfig.LABELS_POLICY);
        return "%s%s; %s = %s, %s = %s%s"
                .formatted(
                        delay == null
                                ? "labels come at the times in " + labelTime
                                : "labels come " + Figures.duration(delay) + " after their events",
                        time == null ? ", which are one second apart, because --time is not given" : "",
                        ThalwegConfig.LABELS_POLICY,
                        policy,
                        ThalwegConfig.LABELS_WAIT_MS,
                        config.getLong(ThalwegConfig.LABELS_WAIT_MS),
                        policy.equals("provisional")
                                ? ""
                                : ", " + ThalwegConfig.LABELS_MISSING + " = "
                                        + config.getString(ThalwegConfig.LABELS_MISSING));
    }
}
