package io.thalweg.input;

import java.util.HashMap;
import java.util.Map;
import java.util.function.Function;
import org.apache.avro.Schema;
import org.jspecify.annotations.Nullable;

/** Creates readers that skip values. */
final class SkipReaders {
    private final MappedRecord record;
    private final Map<String, ValueReader[]> records = new HashMap<>();

    SkipReaders(MappedRecord record) {
        this.record = record;
    }

    /**
     * Creates a reader of a value, or of a union of values.
     *
     * @param byBranch creates the reader of each branch; null if the branch is to be skipped
     */
    ValueReader orSkip(Schema schema, Function<Schema, @Nullable ValueReader> byBranch) {
        if (schema.getType() != Schema.Type.UNION) {
            ValueReader only = byBranch.apply(schema);
            return only == null ? of(schema) : only;
        }
        return ValueReaders.union(schema.getTypes().stream()
                .map(branch -> {
                    ValueReader one = byBranch.apply(branch);
                    return one == null ? of(branch) : one;
                })
                .toArray(ValueReader[]::new));
    }

    /** Creates a reader that skips a value. */
    ValueReader of(Schema schema) {
        return switch (schema.getType()) {
            case NULL -> in -> {};
            case BOOLEAN -> in -> in.skipFixed(1);
            case INT, LONG, ENUM -> BoundedDecoder::readLong;
            case FLOAT -> in -> in.skipFixed(4);
            case DOUBLE -> in -> in.skipFixed(8);
            case STRING, BYTES -> BoundedDecoder::skipBytes;
            case FIXED -> {
                int size = schema.getFixedSize();
                yield in -> in.skipFixed(size);
            }
            case ARRAY -> {
                ValueReader item = of(schema.getElementType());
                yield in -> {
                    for (long n = in.skipArray(); n > 0; n = in.skipArray()) {
                        for (long i = 0; i < n; i++) {
                            item.read(in);
                        }
                    }
                };
            }
            case MAP -> {
                ValueReader value = of(schema.getValueType());
                yield in -> {
                    for (long n = in.skipMap(); n > 0; n = in.skipMap()) {
                        for (long i = 0; i < n; i++) {
                            in.skipBytes();
                            value.read(in);
                        }
                    }
                };
            }
            case UNION ->
                ValueReaders.union(schema.getTypes().stream().map(this::of).toArray(ValueReader[]::new));
            case RECORD -> ofRecord(schema);
        };
    }

    /** A record may contain others of its own type, so its readers are looked up before all of them exist. */
    private ValueReader ofRecord(Schema schema) {
        String name = schema.getFullName();
        if (!records.containsKey(name)) {
            ValueReader[] readers = new ValueReader[schema.getFields().size()];
            records.put(name, readers);
            for (Schema.Field field : schema.getFields()) {
                readers[field.pos()] = of(field.schema());
            }
        }
        ValueReader[] readers = records.get(name);
        return in -> {
            record.enter();
            for (ValueReader reader : readers) {
                reader.read(in);
            }
            record.leave();
        };
    }
}
