package io.thalweg.input;

import io.thalweg.mapping.FeatureCollector;
import io.thalweg.mapping.FieldEncoder;
import io.thalweg.mapping.FieldKind;
import io.thalweg.mapping.Label;
import io.thalweg.mapping.Mapping;
import io.thalweg.mapping.Numbers;
import io.thalweg.mapping.TimeEncoder;
import io.thalweg.mapping.TimeParts;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Creates the sinks of fields: what becomes of the values of a field, as the mapping says. The rules are here, whatever
 * the format that the values come in.
 */
final class FieldSinks {
    /** What a label can be, for messages. */
    static final String LABEL_NEEDS = "a label is a boolean, a number or text that is compared";

    private static final String ID_NEEDS = "an id is text or a whole number";
    private static final String IMPORTANCE_NEEDS = "an importance is a number";
    private static final String MODEL_NEEDS = "a model id is text or a whole number";

    private final Mapping mapping;
    private final MappedRecord record;

    FieldSinks(Mapping mapping, MappedRecord record) {
        this.mapping = mapping;
        this.record = record;
    }

    /**
     * The role of a field that is not a feature.
     *
     * @param setting the setting that gives it the role
     * @param needs which values the field may have, for messages
     */
    record FieldRole(FieldKind kind, String setting, String needs, ValueSinks sinks) {}

    /** Returns the role of a field; null if it is not the label, id, importance or model. */
    @Nullable
    FieldRole role(String field) {
        Label label = mapping.label();
        if (label != null && field.equals(label.field())) {
            return new FieldRole(FieldKind.LABEL, mapping.setting(Mapping.LABEL), LABEL_NEEDS, label(field, label));
        } else if (field.equals(mapping.id())) {
            return new FieldRole(
                    FieldKind.ID,
                    mapping.setting(Mapping.ID),
                    ID_NEEDS,
                    new ValueSinks(
                            null,
                            number -> record.id(digits(number)),
                            record::id,
                            ValueSinks.asText(record::id),
                            record::id,
                            ValueSinks.IGNORED));
        } else if (field.equals(mapping.importance())) {
            return new FieldRole(
                    FieldKind.IMPORTANCE,
                    mapping.setting(Mapping.IMPORTANCE),
                    IMPORTANCE_NEEDS,
                    new ValueSinks(record::importance, record::importance, null, null, null, ValueSinks.IGNORED));
        } else if (field.equals(mapping.modelField())) {
            return new FieldRole(
                    FieldKind.MODEL,
                    mapping.setting(Mapping.MODEL),
                    MODEL_NEEDS,
                    new ValueSinks(
                            null,
                            number -> record.model(digits(number)),
                            record::model,
                            ValueSinks.asText(record::model),
                            record::model,
                            ValueSinks.IGNORED));
        }
        return null;
    }

    private ValueSinks label(String field, Label label) {
        return new ValueSinks(
                number -> label(field, label.y(number)),
                number -> label(field, label.y((double) number)),
                null,
                flag -> label(field, label.y(flag)),
                (utf8, from, length) -> label(field, label, utf8, from, length),
                ValueSinks.IGNORED);
    }

    private void label(String field, double y) throws Rejection {
        if (Double.isNaN(y)) {
            throw new Rejection(
                    Reason.BAD_VALUE,
                    "field " + field + " is not a finite number"
                            + (mapping.label().isComparison()
                                    ? ", but is compared with one; the label is " + mapping.label()
                                    : "; if it is text, compare it, such as with " + mapping.setting(Mapping.LABEL)
                                            + " = " + Label.suggestion(field, "yes")));
        }
        record.label(y);
    }

    private void label(String field, Label label, byte[] utf8, int from, int length) throws Rejection {
        double y = label.y(utf8, from, length);
        // text such as NA is as good as null
        if (!Double.isNaN(y) || !label.isMissing(new String(utf8, from, length, StandardCharsets.UTF_8))) {
            label(field, y);
        }
    }

    private static byte[] digits(long number) {
        return Long.toString(number).getBytes(StandardCharsets.UTF_8);
    }

    /** Returns the sinks of a field that is a feature. @param encoder from {@link FeatureCollector#feature} */
    ValueSinks feature(String field, FieldEncoder encoder) {
        boolean categorical = mapping.isCategorical(field);
        boolean numeric = mapping.isNumeric(field);
        return new ValueSinks(
                categorical ? encoder::category : encoder::number,
                categorical ? encoder::category : encoder::number,
                // two ids that make the same double are two categories
                categorical ? encoder::category : null,
                numeric ? flag -> encoder.number(flag ? 1 : 0) : ValueSinks.asText(encoder::category),
                numeric ? (utf8, from, length) -> parse(encoder, utf8, from, length) : encoder::category,
                encoder::missing);
    }

    private static void parse(FieldEncoder encoder, byte[] utf8, int from, int length) throws Rejection {
        String text = new String(utf8, from, length, StandardCharsets.UTF_8);
        if (text.isBlank()) {
            encoder.missing();
        } else {
            encoder.parse(text);
        }
    }

    /** Returns the sinks of a field that is a time with a pattern. */
    static ValueSinks time(TimeParts times, TimeEncoder encoder) {
        return new ValueSinks(
                encoder::number,
                encoder::number,
                null,
                null,
                (utf8, from, length) -> time(times, encoder, utf8, from, length),
                encoder::missing);
    }

    private static void time(TimeParts times, TimeEncoder encoder, byte[] utf8, int from, int length) throws Rejection {
        if (length == 0) {
            encoder.missing();
        } else if (times.isOfText()) {
            encoder.text(utf8, from, length);
        } else {
            encoder.number(Numbers.parse(new String(utf8, from, length, StandardCharsets.UTF_8)));
        }
    }
}
