package io.thalweg.app.files;

import io.thalweg.app.view.Printable;
import io.thalweg.mapping.FieldKinds;
import io.thalweg.mapping.Mapping;
import io.thalweg.mapping.MappingException;
import io.thalweg.math.FeatureForm;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.StopException;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * The settings for the columns of a table of examples or of labels.
 *
 * @param settings the settings of the mapping, by name; if there is none for the label, it is the column {@value
 *     #LABEL}, if that exists
 * @param form the form of the features
 * @param time the column that contains the timestamps; null if there is none
 * @param labelTime the column that contains the times at which the labels came, which is never a feature; null if there
 *     is none
 * @param labels the label records that the rows become, and then the other settings have no meaning; null if they
 *     become examples
 * @param dialect how a CSV table is written
 */
public record Columns(
        Map<String, String> settings,
        FeatureForm form,
        String time,
        String labelTime,
        LabelRecords labels,
        CsvDialect dialect) {
    private static final String LABEL = "label";

    /** The default: all columns are features, except {@value #LABEL}. */
    static final Columns DEFAULT = new Columns(Map.of(), FeatureForm.NAMED);

    /** Columns without the times of labels. */
    public Columns(Map<String, String> settings, FeatureForm form, String time, LabelRecords labels) {
        this(settings, form, time, null, labels, CsvDialect.UNKNOWN);
    }

    /** Columns without times that become examples. */
    public Columns(Map<String, String> settings, FeatureForm form) {
        this(settings, form, null, null);
    }

    /** Columns that become label records. @param time the column that contains the timestamps; null if there is none */
    public static Columns ofLabels(LabelRecords labels, String time) {
        return new Columns(Map.of(), FeatureForm.NAMED, time, labels);
    }

    /** The same columns in a table that is written like this. */
    public Columns in(CsvDialect written) {
        return new Columns(settings, form, time, labelTime, labels, written);
    }

    /**
     * A row of a table with these columns.
     *
     * @param kinds receives what each column is used as
     * @param decimal how numbers are written
     */
    Row row(Mapping mapping, FieldKinds kinds, DecimalMark decimal) {
        Row row = labels == null ? new ExampleRow(mapping, form, kinds, decimal) : new LabelRow(labels, kinds, decimal);
        if (labelTime != null) {
            row = TimedRow.ofLabelTimes(row, labelTime, kinds);
        }
        return time == null ? row : TimedRow.ofTimestamps(row, time, mapping, kinds);
    }

    /** The columns that contain times of records or of labels. */
    Set<String> times() {
        Set<String> times = new TreeSet<>();
        if (time != null) {
            times.add(time);
        }
        if (labelTime != null) {
            times.add(labelTime);
        }
        return times;
    }

    /** The columns that a table must have, and the one of the label if it is not named otherwise. */
    Set<String> wanted() {
        Mapping mapping = labels == null ? mapping() : labels.columns();
        Set<String> wanted = new TreeSet<>(mapping.fields().keySet());
        wanted.addAll(times());
        if (labels == null && mapping.label() == null) {
            wanted.add(LABEL);
        }
        return wanted;
    }

    /** Whether the settings say what the label is. */
    boolean isLabelNamed() {
        return !settings.getOrDefault(Mapping.LABEL, "").isBlank();
    }

    /**
     * The mapping as the settings define it.
     *
     * @throws StopException if it is wrong
     */
    Mapping mapping() {
        return mapping(settings);
    }

    /** The mapping for a table with these columns. */
    Mapping in(Collection<String> header) {
        if (labels != null) {
            return labels.columns();
        }
        Map<String, String> complete = new HashMap<>(settings);
        if (header.contains(LABEL) && complete.getOrDefault(Mapping.LABEL, "").isBlank()) {
            complete.put(Mapping.LABEL, LABEL);
        }
        return mapping(complete);
    }

    private Mapping mapping(Map<String, String> words) {
        try {
            Mapping mapping = Mapping.of(words::get);
            if (mapping.needsNames() && form != FeatureForm.NAMED) {
                throw new StopException(
                        ExitCode.BAD_SETTINGS,
                        "%s, %s and %s make named features; drop them, or use --form=named"
                                .formatted(Mapping.TIME, Mapping.BUCKETS, Mapping.CROSS));
            }
            // what the time of a label gives away is not known when its event is predicted
            if (labelTime != null
                    && (labelTime.equals(time)
                            || !mapping.fields()
                                    .getOrDefault(labelTime, Mapping.EXCLUDE)
                                    .equals(Mapping.EXCLUDE))) {
                throw new StopException(
                        ExitCode.BAD_SETTINGS,
                        "column %s is the time of the label; it cannot be anything else as well"
                                .formatted(Printable.of(labelTime)));
            }
            return mapping;
        } catch (MappingException e) {
            throw new StopException(ExitCode.BAD_SETTINGS, Printable.of(e.getMessage()));
        }
    }
}
