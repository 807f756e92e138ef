package io.thalweg.input;

import io.thalweg.mapping.FieldKind;
import io.thalweg.mapping.Label;
import io.thalweg.mapping.Mapping;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import java.nio.charset.StandardCharsets;
import org.apache.avro.Schema;
import org.jspecify.annotations.Nullable;

/** Creates the readers of the fields that are not features: label, id, importance and model. */
final class RoleReaders {
    private final Mapping mapping;
    private final SchemaFields fields;
    private final SkipReaders skip;
    private final MappedRecord record;
    private boolean hasLabel;

    RoleReaders(Mapping mapping, SchemaFields fields, SkipReaders skip, MappedRecord record) {
        this.mapping = mapping;
        this.fields = fields;
        this.skip = skip;
        this.record = record;
    }

    /** Creates a reader of a field that has one of these roles; null if it has none. */
    @Nullable
    FieldReader of(String field, Schema schema) {
        if (mapping.label() != null && field.equals(mapping.label().field())) {
            return label(field, schema);
        } else if (field.equals(mapping.id())) {
            return id(field, schema);
        } else if (field.equals(mapping.importance())) {
            return importance(field, schema);
        } else if (field.equals(mapping.modelField())) {
            return model(field, schema);
        }
        return null;
    }

    /** Whether there is a field that the label can be computed from. */
    boolean hasLabel() {
        return hasLabel;
    }

    private FieldReader label(String field, Schema schema) {
        Label label = mapping.label();
        fields.kinds().add(field, FieldKind.LABEL);
        ValueSinks sinks = new ValueSinks(
                number -> label(field, label.y(number)),
                number -> label(field, label.y((double) number)),
                flag -> label(field, label.y(flag)),
                (utf8, from, length) -> label(field, label, utf8, from, length),
                ValueSinks.IGNORED);
        for (Schema symbols : ValueReaders.branchesOf(schema)) {
            if (symbols.getType() == Schema.Type.ENUM
                    && symbols.getEnumSymbols().stream().anyMatch(symbol -> Double.isNaN(label.y(symbol)))) {
                fields.addProblem("%s: field %s is an enum of %s; compare it, such as %s == '%s'"
                        .formatted(
                                mapping.setting(Mapping.LABEL),
                                field,
                                String.join(", ", symbols.getEnumSymbols()),
                                field,
                                symbols.getEnumSymbols().get(0)));
            }
        }
        hasLabel = ValueReaders.branchesOf(schema).stream().anyMatch(branch -> ValueReaders.of(branch, sinks) != null);
        return single(
                mapping.setting(Mapping.LABEL),
                field,
                schema,
                "a label is a boolean, a number or text that is compared",
                sinks);
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

    private FieldReader id(String field, Schema schema) {
        fields.kinds().add(field, FieldKind.ID);
        return single(
                mapping.setting(Mapping.ID),
                field,
                schema,
                "an id is text or a whole number",
                new ValueSinks(
                        null,
                        number -> record.id(digits(number)),
                        ValueSinks.asText(record::id),
                        record::id,
                        ValueSinks.IGNORED));
    }

    private FieldReader importance(String field, Schema schema) {
        fields.kinds().add(field, FieldKind.IMPORTANCE);
        return single(
                mapping.setting(Mapping.IMPORTANCE),
                field,
                schema,
                "an importance is a number",
                new ValueSinks(record::importance, record::importance, null, null, ValueSinks.IGNORED));
    }

    private FieldReader model(String field, Schema schema) {
        fields.kinds().add(field, FieldKind.MODEL);
        return single(
                mapping.setting(Mapping.MODEL),
                field,
                schema,
                "a model id is text or a whole number",
                new ValueSinks(
                        null,
                        number -> record.model(digits(number)),
                        ValueSinks.asText(record::model),
                        record::model,
                        ValueSinks.IGNORED));
    }

    private static byte[] digits(long number) {
        return Long.toString(number).getBytes(StandardCharsets.UTF_8);
    }

    /**
     * Creates a reader of a field that must be a single value.
     *
     * @param need which values it may have, for messages
     */
    private FieldReader single(String setting, String field, Schema schema, String need, ValueSinks sinks) {
        for (Schema branch : ValueReaders.branchesOf(schema)) {
            if (branch.getType() != Schema.Type.NULL && ValueReaders.of(branch, sinks) == null) {
                fields.addProblem("%s: field %s is %s; %s".formatted(setting, field, SchemaWords.a(branch), need));
            }
        }
        return new FieldReader(skip.orSkip(schema, branch -> ValueReaders.of(branch, sinks)));
    }
}
