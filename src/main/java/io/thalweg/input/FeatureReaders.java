package io.thalweg.input;

import io.thalweg.input.FieldReader.FastPath;
import io.thalweg.input.ValueSinks.MissingSink;
import io.thalweg.mapping.FeatureCollector;
import io.thalweg.mapping.FieldEncoder;
import io.thalweg.mapping.FieldKind;
import io.thalweg.mapping.Mapping;
import io.thalweg.mapping.TimeParts;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.jspecify.annotations.Nullable;

/** Creates the readers of the fields that are features: of single values, arrays and maps. */
final class FeatureReaders {
    private final Mapping mapping;
    private final SchemaFields fields;
    private final SkipReaders skip;
    private final TimeReaders times;
    private final FeatureCollector collector;
    private final FieldSinks sinks;

    FeatureReaders(Mapping mapping, SchemaFields fields, SkipReaders skip, MappedRecord record, FieldSinks sinks) {
        this.mapping = mapping;
        this.fields = fields;
        this.skip = skip;
        this.sinks = sinks;
        times = new TimeReaders(fields, skip, record);
        collector = record.features();
    }

    /** Creates a reader of a field. It skips the field if it is excluded or cannot be a feature. */
    FieldReader of(String field, Schema schema) {
        if (!mapping.isWanted(field)) {
            if (!mapping.isModelOnly()) {
                fields.kinds().add(field, FieldKind.EXCLUDED);
            }
            return new FieldReader(skip.of(schema));
        }
        TimeParts time = mapping.times(field);
        return time == null ? feature(field, schema) : times.of(field, schema, time);
    }

    private FieldReader feature(String field, Schema schema) {
        FieldEncoder encoder = collector.feature(field);
        MissingSink missing = encoder::missing;
        ValueSinks sinks = this.sinks.feature(field, encoder);
        boolean[] used = {false};
        List<String> unused = new ArrayList<>();
        ValueReader reader = skip.orSkip(schema, branch -> {
            ValueReader one = values(field, branch, encoder, sinks);
            if (branch.getType() != Schema.Type.NULL) {
                used[0] |= one != null;
                if (one == null) {
                    unused.add(whyNot(field, branch));
                }
            }
            return one;
        });
        if (!used[0]) {
            leaveOut(field, unused.isEmpty() ? "always null" : unused.get(0));
            return new FieldReader(skip.of(schema));
        }
        if (mapping.bucketWords(field) != null && !fields.kinds().hasNumbers(field)) {
            fields.addProblem("%s: field %s holds no numbers; where it is text of numbers, name it in %s"
                    .formatted(Mapping.BUCKETS, field, Mapping.NUMERIC));
        }
        return new FieldReader(reader, Map.of(field, missing), fastPath(field, schema), encoder);
    }

    private void leaveOut(String field, String why) {
        fields.kinds().leaveOut(field, why);
        String setting = mapping.fields().get(field);
        if (setting != null && !setting.equals(Mapping.EXCLUDE)) {
            fields.addProblem("%s: field %s is %s, which cannot be a feature".formatted(setting, field, why));
        }
    }

    private static String whyNot(String field, Schema schema) {
        String why = SchemaWords.words(schema);
        if (schema.getLogicalType() != null
                && TimeReaders.canHoldTime(schema)
                && schema.getType() != Schema.Type.STRING) {
            return why + "; features.time=" + field + ":"
                    + (schema.getLogicalType().getName().equals("date") ? "weekday" : "hour")
                    + " takes parts of it";
        }
        return why;
    }

    /** Creates a reader of a value that may contain several; null if it cannot be used. */
    private @Nullable ValueReader values(String field, Schema schema, FieldEncoder encoder, ValueSinks sinks) {
        return switch (schema.getType()) {
            case NULL -> ValueReaders.of(schema, sinks);
            case ARRAY -> array(field, schema.getElementType(), encoder, sinks);
            case MAP -> map(field, schema.getValueType(), encoder, sinks);
            default -> {
                if (!isUsable(field, schema)) {
                    yield null;
                }
                addKind(field, schema);
                yield ValueReaders.of(schema, sinks);
            }
        };
    }

    /**
     * How the loop over the fields of a record can read the field: directly if it is just a number or text that is a
     * feature as it is.
     */
    private FastPath fastPath(String field, Schema schema) {
        if (mapping.isCategorical(field)
                || mapping.isNumeric(field)
                || !isUsable(field, schema)
                || SchemaMarks.isUnsigned(schema)) {
            return FastPath.NONE;
        }
        return switch (schema.getType()) {
            case INT, LONG -> FastPath.WHOLE;
            case FLOAT -> FastPath.FLOAT;
            case DOUBLE -> FastPath.DOUBLE;
            case STRING -> FastPath.TEXT;
            default -> FastPath.NONE;
        };
    }

    private void addKind(String field, Schema schema) {
        fields.kinds().add(field, isNumber(field, schema) ? FieldKind.NUMBER : FieldKind.CATEGORY);
    }

    /** Whether a single value of this type becomes a number. */
    private boolean isNumber(String field, Schema schema) {
        boolean isWord = switch (schema.getType()) {
            case STRING, BOOLEAN, ENUM -> true;
            default -> false;
        };
        return mapping.isNumber(field, isWord);
    }

    private boolean isUsable(String field, Schema schema) {
        boolean forced = mapping.isNumeric(field) || mapping.isCategorical(field) || mapping.bucketWords(field) != null;
        return switch (schema.getType()) {
            case BOOLEAN, FLOAT, DOUBLE, ENUM -> true;
            case INT, LONG, STRING -> forced || schema.getLogicalType() == null || ValueReaders.isDecimal(schema);
            case BYTES, FIXED -> ValueReaders.isDecimal(schema);
            default -> false;
        };
    }

    /**
     * Adds the kinds of the items of an array or map.
     *
     * @return whether there are any, and all of them can be used
     */
    private boolean addKinds(String field, List<Schema> branches) {
        List<Schema> items = branches.stream()
                .filter(branch -> branch.getType() != Schema.Type.NULL)
                .toList();
        for (Schema item : items) {
            if (!isUsable(field, item)) {
                return false;
            }
            addKind(field, item);
        }
        return !items.isEmpty();
    }

    private @Nullable ValueReader array(String field, Schema items, FieldEncoder encoder, ValueSinks sinks) {
        List<Schema> branches = ValueReaders.branchesOf(items);
        if (!addKinds(field, branches)) {
            return null;
        }
        ValueReader item = skip.orSkip(items, branch -> ValueReaders.of(branch, sinks));
        boolean hasNumbers =
                branches.stream().anyMatch(branch -> branch.getType() != Schema.Type.NULL && isNumber(field, branch));
        return hasNumbers ? list(encoder, item) : set(item, skip.of(items));
    }

    /** A reader of a list, in which each item is a feature of its own, named by its index. */
    private static ValueReader list(FieldEncoder encoder, ValueReader item) {
        return in -> {
            int place = 0;
            try {
                for (long n = in.readArrayStart(); n > 0; n = in.arrayNext()) {
                    for (long i = 0; i < n; i++) {
                        encoder.at(place++);
                        item.read(in);
                    }
                }
            } finally {
                // a record that is rejected must not affect the next one
                encoder.whole();
            }
        };
    }

    /** A reader of a set, in which each item is a feature once. Items are the same if their bytes are. */
    private ValueReader set(ValueReader item, ValueReader pass) {
        return in -> {
            collector.beginSet();
            for (long n = in.readArrayStart(); n > 0; n = in.arrayNext()) {
                for (long i = 0; i < n; i++) {
                    int from = in.position();
                    pass.read(in);
                    if (collector.isNew(in.record(), from, in.position() - from)) {
                        in.back(from);
                        item.read(in);
                    }
                }
            }
        };
    }

    private @Nullable ValueReader map(String field, Schema values, FieldEncoder encoder, ValueSinks sinks) {
        if (!addKinds(field, ValueReaders.branchesOf(values))) {
            return null;
        }
        ValueReader value = skip.orSkip(values, branch -> ValueReaders.of(branch, sinks));
        return in -> {
            try {
                for (long n = in.readMapStart(); n > 0; n = in.mapNext()) {
                    for (long i = 0; i < n; i++) {
                        int from = in.passText();
                        encoder.at(in.record(), from, in.position() - from);
                        value.read(in);
                    }
                }
            } finally {
                encoder.whole();
            }
        };
    }
}
