package io.thalweg.input;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.thalweg.avro.SparseFeatures;
import io.thalweg.math.Example;
import io.thalweg.math.Examples;
import io.thalweg.math.FeatureForm;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import io.thalweg.testing.Seeded;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.util.Utf8;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;

@Seeded
class ExampleDecoderTest {
    private static final Schema TODAY = io.thalweg.avro.Example.getClassSchema();
    private static final Schema SPARSE = SparseFeatures.getClassSchema();
    private static final String SPARSE_TODAY = SPARSE.toString();

    private final Map<Integer, Schema> registry = new HashMap<>(Map.of(1, TODAY));
    private int asked;
    private final ExampleDecoder decoder = new ExampleDecoder(id -> {
        asked++;
        if (!registry.containsKey(id)) {
            throw new UnknownSchemaException(id);
        }
        return registry.get(id);
    });
    private final Example x = new Example();

    // ---- written

    static byte[] encode(int id, Schema schema, Object datum) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(ByteBuffer.allocate(5).put((byte) 0).putInt(id).array());
        BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
        try {
            new GenericDatumWriter<>(schema, SpecificData.get()).write(datum, encoder);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        return out.toByteArray();
    }

    private static Schema parse(String json) {
        return new Schema.Parser().parse(json);
    }

    // ---- and read: by Avro

    /** What Avro's own reader makes of it, put into an example by hand. */
    private static Example byAvro(Schema writer, byte[] value) throws IOException {
        BinaryDecoder in = DecoderFactory.get().binaryDecoder(value, 5, value.length - 5, null);
        io.thalweg.avro.Example read = new SpecificDatumReader<io.thalweg.avro.Example>(writer, TODAY).read(null, in);
        Example into = new Example();
        into.clear();
        into.importance(read.getImportance());
        if (read.getId() != null) {
            into.id(utf8(read.getId()));
        }
        if (read.getLabel() != null) {
            into.label(read.getLabel());
        }
        if (read.getFeatures() instanceof List<?> values) {
            into.form(FeatureForm.DENSE);
            values.forEach(v -> into.addValue((Double) v));
        } else if (read.getFeatures() instanceof SparseFeatures sparse) {
            into.form(FeatureForm.SPARSE);
            sparse.getIndices().forEach(into::addIndex);
            sparse.getValues().forEach(into::addValue);
        } else if (read.getFeatures() instanceof Map<?, ?> map) {
            into.form(FeatureForm.NAMED);
            map.forEach((name, v) -> {
                byte[] utf8 = utf8((CharSequence) name);
                into.addNamed(utf8, 0, utf8.length, (Double) v);
            });
        }
        return into;
    }

    private static byte[] utf8(CharSequence text) {
        return text instanceof Utf8 utf8
                ? Arrays.copyOf(utf8.getBytes(), utf8.getByteLength())
                : text.toString().getBytes(StandardCharsets.UTF_8);
    }

    private void assertReadAsAvroDoes(Schema writer, byte[] value) throws IOException {
        int id = ByteBuffer.wrap(value, 1, 4).getInt();
        registry.put(id, writer);
        try {
            decoder.decode(value, x);
        } catch (Rejection e) {
            throw new AssertionError(e);
        }
        assertThat(bits(x)).isEqualTo(bits(byAvro(writer, value)));
    }

    /** Without regard to the order of a map, which Avro's own reader loses. */
    private static String bits(Example x) {
        String bits = Examples.bits(x);
        return x.form() == FeatureForm.NAMED && x.size() > 1
                ? bits.chars().sorted().boxed().toList().toString()
                : bits;
    }

    private Rejection rejected(byte[] value) {
        Rejection rejection = catchThrowableOfType(Rejection.class, () -> decoder.decode(value, x));
        assertThat(rejection).as("should be rejected").isNotNull();
        assertThat(rejection.getMessage()).doesNotContain("\n").hasSizeLessThan(1000);
        return rejection;
    }

    static io.thalweg.avro.Example random(Random random) {
        int n = random.nextInt(6);
        List<Double> values = random.doubles(n, -5, 5).boxed().toList();
        Map<CharSequence, Double> named = new LinkedHashMap<>();
        values.forEach(v -> named.put("näme " + named.size(), v));
        Object features = switch (random.nextInt(4)) {
            case 0 -> null;
            case 1 -> values;
            case 2 -> new SparseFeatures(random.ints(n, -5, 1 << 24).boxed().toList(), values);
            default -> named;
        };
        return new io.thalweg.avro.Example(
                random.nextBoolean() ? null : "id " + random.nextInt(),
                random.nextBoolean() ? null : Double.valueOf(random.nextInt(5) / 4.0),
                random.nextInt(8) / 4.0,
                features);
    }

    // ---- today's schema

    @Test
    void readsEveryFormAsAvroDoes(Random random) throws IOException {
        for (int run = 0; run < 3000; run++) {
            assertReadAsAvroDoes(TODAY, encode(1, TODAY, random(random)));
        }
        assertThat(asked).as("a schema is asked for once").isEqualTo(1);
    }

    @Test
    void keepsTheOrderOfAMap() throws Rejection {
        Map<String, Double> map = new LinkedHashMap<>();
        for (String name : List.of("z", "a", "m", "b")) {
            map.put(name, (double) map.size());
        }
        decoder.decode(encode(1, TODAY, new io.thalweg.avro.Example(null, null, 1.0, map)), x);
        assertThat(Examples.bits(x)).isEqualTo(Examples.bits(Examples.named(null, "z", 0, "a", 1, "m", 2, "b", 3)));
    }

    @Test
    void readsArraysAndMapsInSeveralBlocks() throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        BinaryEncoder encoder = EncoderFactory.get().blockingBinaryEncoder(out, null);
        out.writeBytes(new byte[] {0, 0, 0, 0, 1});
        List<Double> values = new Random(1).doubles(100_000).boxed().toList();
        new GenericDatumWriter<Object>(TODAY, SpecificData.get())
                .write(new io.thalweg.avro.Example(null, 1.0, 1.0, values), encoder);
        encoder.flush();
        assertReadAsAvroDoes(TODAY, out.toByteArray());
        assertThat(x.size()).isEqualTo(100_000);
    }

    @Test
    void leavesNothingOfTheExampleBefore() throws Rejection {
        decoder.decode(
                encode(
                        1,
                        TODAY,
                        new io.thalweg.avro.Example("x", 1.0, 3.0, new SparseFeatures(List.of(1), List.of(2.0)))),
                x);
        decoder.decode(encode(1, TODAY, new io.thalweg.avro.Example(null, null, 1.0, null)), x);
        assertThat(Examples.bits(x)).isEqualTo(Examples.bits(Examples.begin(null, null)));
    }

    // ---- other schemas

    private static String schema(String name, String... fields) {
        return "{\"type\":\"record\",\"name\":\"%s\",\"namespace\":\"io.thalweg.avro\",\"fields\":[%s]}"
                .formatted(name, String.join(",", fields));
    }

    private static final String ID = "{\"name\":\"id\",\"type\":[\"null\",\"string\"],\"default\":null}";
    private static final String LABEL = "{\"name\":\"label\",\"type\":[\"null\",\"double\"],\"default\":null}";
    private static final String IMPORTANCE = "{\"name\":\"importance\",\"type\":\"double\",\"default\":1.0}";
    private static final String FEATURES =
            "{\"name\":\"features\",\"type\":[\"null\",{\"type\":\"array\",\"items\":\"double\"}," + SPARSE_TODAY
                    + ",{\"type\":\"map\",\"values\":\"double\"}],\"default\":null}";

    @Test
    void readsFieldsInAnotherOrder() throws IOException {
        Schema writer = parse(schema("Example", FEATURES, IMPORTANCE, LABEL, ID));
        GenericData.Record datum = new GenericData.Record(writer);
        datum.put("features", new SparseFeatures(List.of(5, 3), List.of(1.0, 2.0)));
        datum.put("importance", 2.0);
        datum.put("label", 1.0);
        datum.put("id", "x");
        assertReadAsAvroDoes(writer, encode(2, writer, datum));
        assertThat(x.id()).isEqualTo("x".getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void readsASparseRecordWithItsFieldsInAnotherOrderAndOneMore() throws IOException {
        Schema writer = parse(schema(
                "Example",
                "{\"name\":\"features\",\"type\":"
                        + schema(
                                "SparseFeatures",
                                "{\"name\":\"values\",\"type\":{\"type\":\"array\",\"items\":\"float\"}}",
                                "{\"name\":\"unit\",\"type\":\"string\"}",
                                "{\"name\":\"indices\",\"type\":{\"type\":\"array\",\"items\":\"int\"}}")
                        + "}"));
        GenericData.Record sparse =
                new GenericData.Record(writer.getField("features").schema());
        sparse.put("values", List.of(1.5f, 2.5f));
        sparse.put("unit", "cm");
        sparse.put("indices", List.of(7, 9));
        GenericData.Record datum = new GenericData.Record(writer);
        datum.put("features", sparse);
        assertReadAsAvroDoes(writer, encode(2, writer, datum));
        assertThat(x.form()).isEqualTo(FeatureForm.SPARSE);
        assertThat(x.size()).isEqualTo(2);
    }

    @Test
    void readsNarrowerNumbers() throws IOException {
        Schema writer = parse(schema(
                "Example",
                "{\"name\":\"label\",\"type\":\"int\"}",
                "{\"name\":\"importance\",\"type\":\"float\"}",
                "{\"name\":\"features\",\"type\":{\"type\":\"array\",\"items\":\"long\"}}"));
        GenericData.Record datum = new GenericData.Record(writer);
        datum.put("label", 1);
        datum.put("importance", 0.1f);
        datum.put("features", List.of(1L, -(1L << 60)));
        assertReadAsAvroDoes(writer, encode(2, writer, datum));
        assertThat(x.label()).isEqualTo(1);
        assertThat(x.importance()).isEqualTo(0.1f);
        assertThat(x.size()).isEqualTo(2);
    }

    @Test
    void readsAnOlderExampleWithoutSomeFieldsAndBranches() throws IOException {
        Schema writer = parse(schema(
                "Example",
                LABEL,
                "{\"name\":\"features\",\"type\":[{\"type\":\"map\",\"values\":\"double\"},"
                        + "{\"type\":\"array\",\"items\":\"double\"}]}"));
        for (Object features : new Object[] {Map.of("a", 1.0), List.of(1.0, 2.0)}) {
            GenericData.Record datum = new GenericData.Record(writer);
            datum.put("features", features);
            assertReadAsAvroDoes(writer, encode(2, writer, datum));
            assertThat(x.importance()).isEqualTo(1);
            assertThat(x.id()).isNull();
        }
    }

    @Test
    void readsANewerExampleWithMoreFields() throws IOException {
        Schema writer = parse(schema(
                "Example",
                "{\"name\":\"first\",\"type\":{\"type\":\"array\",\"items\":\"string\"}}",
                ID,
                LABEL,
                "{\"name\":\"middle\",\"type\":{\"type\":\"map\",\"values\":\"bytes\"}}",
                IMPORTANCE,
                FEATURES,
                "{\"name\":\"last\",\"type\":[\"null\",{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}]}"));
        GenericData.Record datum = new GenericData.Record(writer);
        datum.put("first", List.of("some", "thing"));
        datum.put("id", "x");
        datum.put("label", 0.0);
        datum.put("middle", Map.of("k", ByteBuffer.wrap(new byte[3])));
        datum.put("importance", 1.0);
        datum.put("features", Map.of("a", 1.0));
        datum.put(
                "last",
                new GenericData.Fixed(
                        writer.getField("last").schema().getTypes().get(1), new byte[3]));
        assertReadAsAvroDoes(writer, encode(2, writer, datum));
    }

    @Test
    void readsStringsThatAreJavaStringsAndSchemasThatDifferInWordsOnly() throws IOException {
        Schema writer = parse(TODAY.toString()
                .replace("[\"null\",\"string\"]", "[\"null\",{\"type\":\"string\",\"avro.java.string\":\"String\"}]")
                .replace(
                        "{\"type\":\"map\",\"values\":\"double\"}",
                        "{\"type\":\"map\",\"values\":\"double\",\"avro.java.string\":\"String\"}")
                .replace("\"doc\":\"", "\"doc\":\"Other. "));
        assertThat(writer).isNotEqualTo(TODAY);
        GenericData.Record datum = new GenericData.Record(writer);
        datum.put("id", "x");
        datum.put("importance", 1.0);
        datum.put("features", Map.of("ä", 1.0));
        byte[] value = encode(2, writer, datum);
        assertReadAsAvroDoes(
                TODAY,
                encode(
                        1,
                        TODAY,
                        SpecificData.get()
                                .deepCopy(TODAY, new io.thalweg.avro.Example("x", null, 1.0, Map.of("ä", 1.0)))));
        String expected = Examples.bits(x);
        registry.put(2, writer);
        try {
            decoder.decode(value, x);
        } catch (Rejection e) {
            throw new AssertionError(e);
        }
        assertThat(Examples.bits(x)).isEqualTo(expected);
    }

    @Test
    void readsAnIdThatIsBytes() throws IOException {
        Schema writer = parse(schema("Example", "{\"name\":\"id\",\"type\":\"bytes\"}", FEATURES));
        for (String id : List.of("first", "a second that is longer", "")) {
            GenericData.Record datum = new GenericData.Record(writer);
            datum.put("id", ByteBuffer.wrap(id.getBytes(StandardCharsets.UTF_8)));
            datum.put("features", List.of(1.0));
            assertReadAsAvroDoes(writer, encode(2, writer, datum));
            assertThat(x.id()).isEqualTo(id.getBytes(StandardCharsets.UTF_8));
        }
    }

    @Test
    void readsAnExampleInsideAUnion() throws IOException {
        Schema writer = Schema.createUnion(Schema.create(Schema.Type.STRING), TODAY);
        assertReadAsAvroDoes(writer, encode(2, writer, new io.thalweg.avro.Example("x", 1.0, 1.0, List.of(1.0))));
        assertThat(rejected(encode(2, writer, "text")).reason()).isEqualTo(Reason.UNREADABLE);
        // and it goes on after that
        assertReadAsAvroDoes(writer, encode(2, writer, new io.thalweg.avro.Example("x", 1.0, 1.0, Map.of("a", 1.0))));
    }

    @Test
    void refusesASchemaThatIsNotAnExample() {
        registry.put(2, parse("\"string\""));
        assertThat(rejected(encode(2, parse("\"string\""), "hello").clone()).reason())
                .isEqualTo(Reason.UNREADABLE);
        Schema wrong = parse(schema("Example", "{\"name\":\"label\",\"type\":\"string\"}"));
        registry.put(3, wrong);
        GenericData.Record datum = new GenericData.Record(wrong);
        datum.put("label", "yes");
        assertThat(rejected(encode(3, wrong, datum)).reason()).isEqualTo(Reason.UNREADABLE);
        String longName = "N".repeat(20_000);
        Schema named = parse(schema(longName, "{\"name\":\"label\",\"type\":\"string\"}"));
        registry.put(4, named);
        GenericData.Record other = new GenericData.Record(named);
        other.put("label", "yes");
        assertThat(rejected(encode(4, named, other)).reason()).isEqualTo(Reason.UNREADABLE);
    }

    @Test
    void anIdThatTheRegistryDoesNotKnowIsBadInput() {
        byte[] value = encode(99, TODAY, new io.thalweg.avro.Example(null, null, 1.0, List.of(1.0)));
        Rejection rejection = rejected(value);
        assertThat(rejection.reason()).isEqualTo(Reason.UNKNOWN_SCHEMA);
        assertThat(rejection).hasMessageContaining("99");
    }

    @Test
    void aRegistryThatDoesNotAnswerIsNotBadInput() {
        ExampleDecoder unanswered = new ExampleDecoder(id -> {
            throw new SchemaSourceException("down", null);
        });
        assertThatThrownBy(() -> unanswered.decode(new byte[10], x)).isInstanceOf(SchemaSourceException.class);
    }

    // ---- damaged

    @Test
    void refusesWhatIsNotInTheWireFormat() {
        for (byte[] value :
                new byte[][] {{}, {0}, {0, 0, 0, 0}, {1, 0, 0, 0, 1, 0}, "{\"a\":1}".getBytes(StandardCharsets.UTF_8)
                }) {
            assertThat(rejected(value).reason()).isEqualTo(Reason.UNREADABLE);
        }
        assertThat(rejected(new byte[] {0, 0, 0, 0, 1}).reason()).isEqualTo(Reason.UNREADABLE);
        assertThat(asked).isEqualTo(1);
    }

    @Test
    void refusesWhatIsCutShortAnywhereAndWhatHasBytesLeftOver() throws IOException {
        Schema older = parse(schema("Example", FEATURES, ID));
        GenericData.Record datum = new GenericData.Record(older);
        datum.put("features", Map.of("a", 1.0, "b", 2.0));
        datum.put("id", "x");
        registry.put(2, older);
        for (byte[] whole : List.of(
                encode(1, TODAY, new io.thalweg.avro.Example("x", 1.0, 1.0, Map.of("a", 1.0, "b", 2.0))),
                encode(2, older, datum))) {
            for (int length = 0; length < whole.length; length++) {
                assertThat(rejected(Arrays.copyOf(whole, length)).reason()).isEqualTo(Reason.UNREADABLE);
            }
            Rejection rejection = rejected(Arrays.copyOf(whole, whole.length + 3));
            assertThat(rejection.reason()).isEqualTo(Reason.UNREADABLE);
            assertThat(rejection).hasMessageContaining("3 bytes left over");
        }
    }

    @Test
    void refusesABranchThatAUnionDoesNotHave() {
        byte[] whole = encode(1, TODAY, new io.thalweg.avro.Example(null, null, 1.0, null));
        assertThat(whole).hasSize(5 + 1 + 1 + 8 + 1);
        for (int union : new int[] {5, 6, 15}) {
            for (int branch : new int[] {-1, 4, 5, 63}) {
                byte[] damaged = whole.clone();
                damaged[union] = (byte) (branch << 1 ^ branch >> 31);
                assertThat(rejected(damaged).reason())
                        .as("%s at %s", branch, union)
                        .isEqualTo(Reason.UNREADABLE);
            }
        }
    }

    /** Whatever is accepted is what Avro's own reader makes of it; whatever is not is rejected and nothing else. */
    @Test
    void neverThrowsAnythingElse(Random random) throws IOException {
        Schema other = parse(schema(
                "Example",
                "{\"name\":\"more\",\"type\":{\"type\":\"array\",\"items\":[\"null\",\"string\"]}}",
                FEATURES,
                "{\"name\":\"id\",\"type\":\"bytes\"}",
                "{\"name\":\"label\",\"type\":[\"null\",\"float\",\"int\"],\"default\":null}"));
        registry.put(2, other);
        int accepted = 0;
        int refused = 0;
        for (int run = 0; run < 40_000; run++) {
            io.thalweg.avro.Example example = random(random);
            byte[] value;
            if (run % 2 == 0) {
                value = encode(1, TODAY, example);
            } else {
                GenericData.Record datum = new GenericData.Record(other);
                datum.put("more", Arrays.asList("a", null, "b"));
                datum.put("features", example.getFeatures());
                datum.put("id", ByteBuffer.wrap(new byte[random.nextInt(4)]));
                datum.put("label", 0.5f);
                value = encode(2, other, datum);
            }
            for (int i = 1 + random.nextInt(4); i > 0; i--) {
                int at = 5 + random.nextInt(value.length - 5);
                switch (random.nextInt(4)) {
                    case 0 -> value[at] = (byte) random.nextInt();
                    case 1 -> value[at] ^= (byte) (1 << random.nextInt(8));
                    case 2 -> value = Arrays.copyOf(value, Math.max(6, value.length - random.nextInt(4)));
                    default -> {
                        // a length that is wrong by powers of two
                        byte[] longer = Arrays.copyOf(value, value.length + 9);
                        System.arraycopy(value, at, longer, at + 9, value.length - at);
                        Arrays.fill(longer, at, at + 9, (byte) 0xff);
                        value = longer;
                    }
                }
            }
            try {
                decoder.decode(value, x);
            } catch (Rejection e) {
                refused++;
                continue;
            } catch (RuntimeException | Error e) {
                throw new AssertionError(Arrays.toString(value), e);
            }
            accepted++;
            boolean namesClash = x.form() == FeatureForm.NAMED;
            if (!namesClash) {
                assertThat(bits(x)).isEqualTo(bits(byAvro(run % 2 == 0 ? TODAY : other, value)));
            }
        }
        assertThat(accepted).isGreaterThan(1000);
        assertThat(refused).isGreaterThan(1000);
    }

    @Test
    void aLengthThatIsWrongTakesNoMemory() throws IOException {
        for (long length : new long[] {1L << 31, 1L << 40, Long.MAX_VALUE, -1, Long.MIN_VALUE}) {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            out.writeBytes(new byte[] {0, 0, 0, 0, 1});
            BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
            encoder.writeIndex(1);
            encoder.writeLong(length);
            encoder.writeFixed(new byte[20]);
            assertThat(rejected(out.toByteArray()).reason()).isEqualTo(Reason.UNREADABLE);
        }
    }

    /** Items of no bytes: a count of 2^60 of them would be passed over one by one. */
    @Test
    void aCountOfNothingsTakesNoTime() throws IOException {
        Schema writer = parse(
                schema("Example", "{\"name\":\"more\",\"type\":{\"type\":\"array\",\"items\":\"null\"}}", FEATURES));
        registry.put(2, writer);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(new byte[] {0, 0, 0, 0, 2});
        BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
        encoder.writeLong(1L << 60);
        encoder.writeLong(0);
        encoder.writeIndex(0);
        Reason reason = Assertions.assertTimeoutPreemptively(
                Duration.ofSeconds(20), () -> rejected(out.toByteArray()).reason());
        assertThat(reason).isEqualTo(Reason.UNREADABLE);
    }

    @Test
    void remembersManySchemas() throws IOException {
        List<byte[]> values = new ArrayList<>();
        for (int id = 10; id < 30; id++) {
            Schema writer = parse(schema("Example", FEATURES, "{\"name\":\"f%d\",\"type\":\"int\"}".formatted(id)));
            GenericData.Record datum = new GenericData.Record(writer);
            datum.put("features", List.of((double) id));
            datum.put("f" + id, id);
            values.add(encode(id, writer, datum));
            registry.put(id, writer);
        }
        for (int round = 0; round < 3; round++) {
            for (byte[] value : values) {
                assertReadAsAvroDoes(registry.get(ByteBuffer.wrap(value, 1, 4).getInt()), value);
            }
        }
        assertThat(asked).isEqualTo(20);
    }
}
