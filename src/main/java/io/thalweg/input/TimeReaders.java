package io.thalweg.input;

import io.thalweg.mapping.FieldKind;
import io.thalweg.mapping.Mapping;
import io.thalweg.mapping.MappingException;
import io.thalweg.mapping.TimeEncoder;
import io.thalweg.mapping.TimeParts;
import java.util.Map;
import org.apache.avro.Schema;
import org.jspecify.annotations.Nullable;

/** Creates the readers of fields that are times: logical types, and text and numbers that follow a pattern. */
final class TimeReaders {
    private final SchemaFields fields;
    private final SkipReaders skip;
    private final MappedRecord record;

    TimeReaders(SchemaFields fields, SkipReaders skip, MappedRecord record) {
        this.fields = fields;
        this.skip = skip;
        this.record = record;
    }

    /**
     * Creates a reader of a field.
     *
     * @param times the parts of the time that are features
     */
    FieldReader of(String field, Schema schema, TimeParts times) {
        fields.kinds().add(field, FieldKind.TIME);
        TimeEncoder sink = record.features().times(times);
        ValueReader reader = skip.orSkip(schema, branch -> {
            if (branch.getType() == Schema.Type.NULL) {
                return SchemaMarks.isAbsent(branch) ? null : in -> sink.missing();
            }
            ValueReader one = time(branch, times, sink);
            if (one == null) {
                fields.addProblem("%s: field %s is %s; %s"
                        .formatted(
                                Mapping.TIME,
                                field,
                                SchemaWords.a(branch),
                                canHoldTime(branch)
                                        ? ("specify its format, such as %1$s[iso]:hour, %1$s[yyyyMMddHHmm]:hour or"
                                                        + " %1$s[seconds]:hour")
                                                .formatted(field)
                                        : "that is not a time"));
            }
            return one;
        });
        return new FieldReader(reader, Map.of(field, sink::missing));
    }

    /** Whether a value of this type can be a time if there is a pattern for it. */
    static boolean canHoldTime(Schema schema) {
        return switch (schema.getType()) {
            case STRING, INT, LONG, DOUBLE -> true;
            default -> false;
        };
    }

    /** Creates a reader of a time; null if the value is not one. */
    private @Nullable ValueReader time(Schema schema, TimeParts times, TimeEncoder sink) {
        if (times.hasPattern()) {
            return byPattern(schema, times, sink);
        }
        if (schema.getLogicalType() == null) {
            return null;
        }
        try {
            return byLogicalType(schema, times, sink);
        } catch (MappingException e) {
            fields.addProblem(String.valueOf(e.getMessage()));
            return skip.of(schema);
        }
    }

    private static @Nullable ValueReader byPattern(Schema schema, TimeParts times, TimeEncoder sink) {
        // seconds since 1970 do not fit into a float
        return schema.getType() == Schema.Type.FLOAT ? null : ValueReaders.of(schema, FieldSinks.time(times, sink));
    }

    private static @Nullable ValueReader byLogicalType(Schema schema, TimeParts times, TimeEncoder sink) {
        return switch (schema.getLogicalType().getName()) {
            case "date" -> {
                times.check(TimeParts.Holds.DAY_ONLY);
                yield in -> sink.millis(in.readLong() * 86_400_000);
            }
            case "time-millis" -> {
                times.check(TimeParts.Holds.TIME_ONLY);
                yield in -> sink.millis(in.readLong());
            }
            case "time-micros" -> {
                times.check(TimeParts.Holds.TIME_ONLY);
                yield in -> sink.millis(Math.floorDiv(in.readLong(), 1000L));
            }
            case "timestamp-millis", "local-timestamp-millis" -> in -> sink.millis(in.readLong());
            case "timestamp-micros", "local-timestamp-micros" -> in -> sink.millis(Math.floorDiv(in.readLong(), 1000L));
            case "timestamp-nanos", "local-timestamp-nanos" ->
                in -> sink.millis(Math.floorDiv(in.readLong(), 1_000_000L));
            default -> null;
        };
    }
}
