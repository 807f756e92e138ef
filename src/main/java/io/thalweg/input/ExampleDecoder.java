package io.thalweg.input;

import io.thalweg.math.Example;
import io.thalweg.math.FeatureForm;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;
import org.apache.avro.io.Decoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.ResolvingDecoder;
import org.apache.avro.util.Utf8;
import org.apache.kafka.common.header.Headers;
import org.jspecify.annotations.Nullable;

/**
 * Decodes the value of a record that a schema registry's serializer wrote, directly
 * into the arrays of an {@link Example}. No Avro object is created, and features keep the order that they have in the
 * record.
 *
 * <p>A record written with the current Example schema is read directly. A record written with another version, or with
 * any schema that Avro can resolve to it, is read through Avro's schema resolution. Not thread-safe.
 */
public final class ExampleDecoder implements ValueDecoder {
    private static final Schema EXAMPLE = io.thalweg.avro.Example.getClassSchema();
    private static final String CANONICAL = SchemaNormalization.toParsingForm(EXAMPLE);
    private static final Schema SPARSE = io.thalweg.avro.SparseFeatures.getClassSchema();

    private static final int ID = EXAMPLE.getField("id").pos();
    private static final int LABEL = EXAMPLE.getField("label").pos();
    private static final int IMPORTANCE = EXAMPLE.getField("importance").pos();
    private static final int FEATURES = EXAMPLE.getField("features").pos();
    private static final int[] AS_WRITTEN = {ID, LABEL, IMPORTANCE, FEATURES};
    private static final int INDICES = SPARSE.getField("indices").pos();
    private static final int VALUES = SPARSE.getField("values").pos();
    private static final int[] SPARSE_AS_WRITTEN = {INDICES, VALUES};

    private static final Schema.Type[] FORMS = EXAMPLE.getField("features").schema().getTypes().stream()
            .map(Schema::getType)
            .toArray(Schema.Type[]::new);

    private final SchemaSource schemas;
    private final BoundedDecoder bytes = new BoundedDecoder();
    private final SchemaLocator locator = SchemaLocator.ofValues(false);
    private final Map<SchemaKey, ReadPlan> plans = new HashMap<>();
    private @Nullable ReadPlan plan;
    private final Utf8 text = new Utf8();

    /**
     * How records of one writer's schema are read.
     *
     * @param resolving resolves the schema; null if records are read directly
     */
    private record ReadPlan(
            SchemaKey key, Schema writer, @Nullable ResolvingDecoder resolving) {}

    public ExampleDecoder(SchemaSource schemas) {
        this.schemas = schemas;
    }

    @Override
    public void decode(byte[] value, Headers headers, Example x) throws Rejection {
        locator.locate(value, headers);
        ReadPlan chosen = choosePlan();
        x.clear();
        bytes.reset(value, locator.begin());
        try {
            ResolvingDecoder resolving = chosen.resolving;
            if (resolving == null) {
                read(bytes, AS_WRITTEN, false, x);
            } else {
                resolving.configure(bytes);
                read(resolving, order(resolving), true, x);
                resolving.drain();
            }
        } catch (IOException | AvroRuntimeException | IndexOutOfBoundsException | ClassCastException e) {
            throw new Rejection(
                    Reason.UNREADABLE,
                    "the value cannot be read as an Example with " + chosen.key + " ("
                            + brief(chosen.writer.getFullName()) + "): " + brief(e.getMessage()));
        }
        if (bytes.remaining() > 0) {
            throw new Rejection(
                    Reason.UNREADABLE,
                    "the value has " + bytes.remaining() + " bytes left over after an Example with " + chosen.key);
        }
    }

    private ReadPlan choosePlan() throws Rejection {
        if (plan != null && locator.isAt(plan.key)) {
            return plan;
        }
        SchemaKey key = locator.key();
        ReadPlan found = plans.get(key);
        if (found == null) {
            try {
                Schema writer = key.in(schemas);
                // schemas with the same canonical form encode records the same way, whatever
                // their defaults and properties
                boolean same = SchemaNormalization.toParsingForm(writer).equals(CANONICAL);
                found = new ReadPlan(key, writer, same ? null : resolving(writer));
            } catch (UnknownSchemaException e) {
                throw new Rejection(Reason.UNKNOWN_SCHEMA, brief(e.getMessage()));
            } catch (IOException | AvroRuntimeException e) {
                throw new Rejection(Reason.UNREADABLE, key + " cannot be read as an Example: " + brief(e.getMessage()));
            }
            plans.put(key, found);
        }
        plan = found;
        return found;
    }

    private static ResolvingDecoder resolving(Schema writer) throws IOException {
        return DecoderFactory.get().resolvingDecoder(Schema.applyAliases(writer, EXAMPLE), EXAMPLE, null);
    }

    private static int[] order(ResolvingDecoder in) throws IOException {
        return Arrays.stream(in.readFieldOrder()).mapToInt(Schema.Field::pos).toArray();
    }

    /**
     * The first line of a message, cut to fit into the headers of a dead letter: Avro's messages can contain whole
     * schemas.
     */
    static String brief(@Nullable String message) {
        String line = message == null ? "" : message.lines().findFirst().orElse("");
        return line.isEmpty() ? "it is damaged" : line.length() > 200 ? line.substring(0, 200) + "…" : line;
    }

    private void read(Decoder in, int[] order, boolean resolving, Example x) throws IOException {
        for (int field : order) {
            if (field == ID) {
                if (isThere(in)) {
                    // not always the object that was passed: bytes that are read as a string come in a new one
                    Utf8 id = in.readString(text);
                    x.id(Arrays.copyOf(id.getBytes(), id.getByteLength()));
                }
            } else if (field == LABEL) {
                if (isThere(in)) {
                    x.label(in.readDouble());
                }
            } else if (field == IMPORTANCE) {
                x.importance(in.readDouble());
            } else {
                readFeatures(in, resolving, x);
            }
        }
    }

    /** Reads which branch of a union of null and another type follows. */
    private static boolean isThere(Decoder in) throws IOException {
        int branch = in.readIndex();
        if (branch < 0 || branch > 1) {
            throw new AvroRuntimeException("it claims branch " + branch + " of a union of two");
        }
        if (branch == 0) {
            in.readNull();
        }
        return branch == 1;
    }

    private void readFeatures(Decoder in, boolean resolving, Example x) throws IOException {
        switch (FORMS[in.readIndex()]) {
            case NULL -> in.readNull();
            case ARRAY -> {
                x.form(FeatureForm.DENSE);
                readValues(in, x);
            }
            case RECORD -> {
                x.form(FeatureForm.SPARSE);
                for (int field : resolving ? order((ResolvingDecoder) in) : SPARSE_AS_WRITTEN) {
                    if (field == INDICES) {
                        for (long n = in.readArrayStart(); n > 0; n = in.arrayNext()) {
                            for (long i = 0; i < n; i++) {
                                x.addIndex(in.readInt());
                            }
                        }
                    } else {
                        readValues(in, x);
                    }
                }
            }
            case MAP -> {
                x.form(FeatureForm.NAMED);
                for (long n = in.readMapStart(); n > 0; n = in.mapNext()) {
                    for (long i = 0; i < n; i++) {
                        Utf8 name = in.readString(text);
                        x.addNamed(name.getBytes(), 0, name.getByteLength(), in.readDouble());
                    }
                }
            }
            default -> throw new AvroRuntimeException("features have no such form");
        }
    }

    private static void readValues(Decoder in, Example x) throws IOException {
        for (long n = in.readArrayStart(); n > 0; n = in.arrayNext()) {
            for (long i = 0; i < n; i++) {
                x.addValue(in.readDouble());
            }
        }
    }
}
