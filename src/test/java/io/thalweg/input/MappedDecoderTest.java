package io.thalweg.input;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.thalweg.mapping.Mapping;
import io.thalweg.mapping.MappingException;
import io.thalweg.math.Example;
import io.thalweg.math.FeatureForm;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import io.thalweg.testing.Seeded;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.avro.NameValidator;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.LoggerFactory;

@Seeded
class MappedDecoderTest {
    private final Map<Integer, Schema> registry = new HashMap<>();
    private final SchemaSource schemas = id -> {
        if (!registry.containsKey(id)) {
            throw new UnknownSchemaException(id);
        }
        return registry.get(id);
    };
    private final Map<String, String> settings = new HashMap<>(Map.of("label", "y"));
    private final Example x = new Example();

    // ---- written by Avro

    private static byte[] encode(int id, Schema schema, Object datum) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(ByteBuffer.allocate(5).put((byte) 0).putInt(id).array());
        // the blocking encoder writes arrays and maps in blocks that say how long they are
        BinaryEncoder encoder = id % 2 == 0
                ? EncoderFactory.get().blockingBinaryEncoder(out, null)
                : EncoderFactory.get().directBinaryEncoder(out, null);
        try {
            new GenericDatumWriter<>(schema).write(datum, encoder);
            encoder.flush();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        return out.toByteArray();
    }

    /** A schema of one record with these fields, each {@code "name": type}, and the label y. */
    private static Schema schema(String... fields) {
        StringBuilder json = new StringBuilder("{\"type\":\"record\",\"name\":\"shop.Event\",\"fields\":[");
        for (String field : fields) {
            int colon = field.indexOf(':');
            json.append(
                    "{\"name\":\"%s\",\"type\":%s},".formatted(field.substring(0, colon), field.substring(colon + 1)));
        }
        json.append("{\"name\":\"y\",\"type\":[\"null\",\"double\"]}]}");
        return new Schema.Parser().parse(json.toString());
    }

    private static GenericRecord record(Schema schema, Object... values) {
        GenericRecord record = new GenericData.Record(schema);
        for (int i = 0; i < values.length; i++) {
            record.put(i, values[i]);
        }
        return record;
    }

    private Mapping mapping() {
        return Mapping.of(settings::get);
    }

    /** What a record with these values and label 1 becomes. */
    private Map<String, Double> features(Schema schema, Object... values) throws Rejection {
        Map<String, Double> features = null;
        for (int id = 1; id <= 2; id++) {
            Object[] all = Arrays.copyOf(values, values.length + 1);
            all[values.length] = 1.0;
            Map<String, Double> those = decode(id, schema, record(schema, all));
            assertThat(features == null || features.equals(those)).isTrue();
            features = those;
        }
        return features;
    }

    private Map<String, Double> decode(int id, Schema schema, GenericRecord record) throws Rejection {
        registry.put(id, schema);
        new MappedDecoder(schemas, mapping()).decode(encode(id, schema, record), x);
        return named(x);
    }

    private static Map<String, Double> named(Example x) {
        assertThat(x.form()).isEqualTo(FeatureForm.NAMED);
        Map<String, Double> features = new LinkedHashMap<>();
        for (int k = 0; k < x.size(); k++) {
            assertThat(features.put(x.name(k), x.value(k))).as(x.name(k)).isNull();
        }
        return features;
    }

    private Rejection rejection(Schema schema, Object... values) {
        return catchThrowableOfType(Rejection.class, () -> features(schema, values));
    }

    // ---- what becomes of each type

    @Test
    void numbersAreFeaturesAndTextIsACategory() throws Rejection {
        Schema schema = schema(
                "i:\"int\"",
                "l:\"long\"",
                "f:\"float\"",
                "d:\"double\"",
                "s:\"string\"",
                "e:{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"RED\",\"BLUE\"]}",
                "b:\"boolean\"",
                "n:\"null\"");
        GenericData.EnumSymbol blue =
                new GenericData.EnumSymbol(schema.getField("e").schema(), "BLUE");

        assertThat(features(schema, -3, 1L << 40, 0.5f, -0.25, "grün", blue, true, null))
                .containsExactly(
                        Map.entry("i", -3.0),
                        Map.entry("l", (double) (1L << 40)),
                        Map.entry("f", 0.5),
                        Map.entry("d", -0.25),
                        Map.entry("s=grün", 1.0),
                        Map.entry("e=BLUE", 1.0),
                        Map.entry("b=true", 1.0));
        assertThat(x.labelled()).isTrue();
        assertThat(x.label()).isEqualTo(1);
        assertThat(x.importance()).isEqualTo(1);
        assertThat(x.id()).isNull();
    }

    @Test
    void aNullIsMissingInAUnionOfEitherOrder() throws Rejection {
        Schema schema = schema(
                "a:[\"null\",\"int\"]", "b:[\"int\",\"null\"]", "c:[\"null\",\"string\"]", "d:[\"string\",\"null\"]");

        assertThat(features(schema, 1, 2, "x", ""))
                .containsExactly(Map.entry("a", 1.0), Map.entry("b", 2.0), Map.entry("c=x", 1.0), Map.entry("d=", 1.0));
        assertThat(features(schema, null, null, null, null))
                .containsExactly(
                        Map.entry("a:missing", 1.0),
                        Map.entry("b:missing", 1.0),
                        Map.entry("c:missing", 1.0),
                        Map.entry("d:missing", 1.0));
    }

    @Test
    void aUnionOfSeveralTypesIsWhatItHolds() throws Rejection {
        Schema schema = schema("a:[\"string\",\"null\",\"long\",\"bytes\"]");

        assertThat(features(schema, "x")).containsOnlyKeys("a=x");
        assertThat(features(schema, 7L)).containsExactly(Map.entry("a", 7.0));
        assertThat(features(schema, (Object) null)).containsOnlyKeys("a:missing");
        assertThat(features(schema, ByteBuffer.wrap(new byte[] {1, 2}))).isEmpty();
    }

    private static final String ADDRESS =
            "{\"type\":\"record\",\"name\":\"Address\",\"fields\":[{\"name\":\"city\",\"type\":\"string\"},"
                    + "{\"name\":\"floor\",\"type\":[\"null\",\"int\"]}]}";

    @Test
    void recordsInRecordsHaveDots() throws Rejection {
        Schema schema = schema(
                "a:{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"home\",\"type\":[\"null\"," + ADDRESS
                        + "]},{\"name\":\"n\",\"type\":\"int\"}]}",
                "after:\"int\"");
        Schema a = schema.getField("a").schema();
        Schema address = a.getField("home").schema().getTypes().get(1);

        assertThat(features(schema, record(a, record(address, "Rom", 4), 1), 2))
                .containsExactly(
                        Map.entry("a.home.city=Rom", 1.0),
                        Map.entry("a.home.floor", 4.0),
                        Map.entry("a.n", 1.0),
                        Map.entry("after", 2.0));
        assertThat(features(schema, record(a, null, 1), 2))
                .as("of a record that is null, every field is")
                .containsExactly(
                        Map.entry("a.home.city:missing", 1.0),
                        Map.entry("a.home.floor:missing", 1.0),
                        Map.entry("a.n", 1.0),
                        Map.entry("after", 2.0));
        settings.put("features.exclude", "a.home");
        assertThat(features(schema, record(a, record(address, "Rom", 4), 1), 2)).containsOnlyKeys("a.n", "after");
    }

    @Test
    void aUnionOfRecordsHasTheFieldsOfEither() throws Rejection {
        Schema schema =
                schema("a:[\"null\",{\"type\":\"record\",\"name\":\"P\",\"fields\":[{\"name\":\"p\",\"type\":\"int\"},"
                        + "{\"name\":\"q\",\"type\":\"int\"}]},"
                        + "{\"type\":\"record\",\"name\":\"Q\",\"fields\":[{\"name\":\"q\",\"type\":\"string\"}]},"
                        + "\"string\"]");
        List<Schema> branches = schema.getField("a").schema().getTypes();

        assertThat(features(schema, record(branches.get(1), 1, 2))).containsOnlyKeys("a.p", "a.q");
        assertThat(features(schema, record(branches.get(2), "x"))).containsOnlyKeys("a.q=x");
        assertThat(features(schema, "x")).containsOnlyKeys("a=x");
        assertThat(features(schema, (Object) null)).containsOnlyKeys("a.p:missing", "a.q:missing", "a:missing");
    }

    @Test
    void arraysOfTextAreSetsAndThoseOfNumbersHavePlaces() throws Rejection {
        Schema schema = schema(
                "tags:{\"type\":\"array\",\"items\":[\"null\",\"string\"]}",
                "colours:{\"type\":\"array\",\"items\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"RED\","
                        + "\"BLUE\"]}}",
                "scores:{\"type\":\"array\",\"items\":\"double\"}",
                "codes:{\"type\":\"array\",\"items\":\"int\"}",
                "none:[\"null\",{\"type\":\"array\",\"items\":\"string\"}]",
                "after:\"int\"");
        settings.put("features.categorical", "codes");
        Schema colour = schema.getField("colours").schema().getElementType();
        GenericData.EnumSymbol red = new GenericData.EnumSymbol(colour, "RED");

        assertThat(features(
                        schema,
                        Arrays.asList("a", null, "bb", "a", "", null),
                        List.of(red, red),
                        List.of(0.5, 0.25),
                        List.of(70, 7, 70),
                        null,
                        9))
                .containsExactly(
                        Map.entry("tags=a", 1.0),
                        Map.entry("tags:missing", 1.0),
                        Map.entry("tags=bb", 1.0),
                        Map.entry("tags=", 1.0),
                        Map.entry("colours=RED", 1.0),
                        Map.entry("scores[0]", 0.5),
                        Map.entry("scores[1]", 0.25),
                        Map.entry("codes=70", 1.0),
                        Map.entry("codes=7", 1.0),
                        Map.entry("none:missing", 1.0),
                        Map.entry("after", 9.0));
        assertThat(features(schema, List.of(), List.of(), List.of(), List.of(), List.of(), 9))
                .containsOnlyKeys("after");
    }

    @Test
    void aLongSetHasEachValueOnce(Random random) throws Rejection {
        Schema schema = schema("tags:{\"type\":\"array\",\"items\":\"string\"}");
        List<String> tags = new ArrayList<>();
        for (int i = 0; i < 20_000; i++) {
            tags.add("t" + random.nextInt(5000));
        }

        assertThat(features(schema, tags).keySet())
                .containsExactlyElementsOf(
                        tags.stream().distinct().map(tag -> "tags=" + tag).toList());
    }

    @Test
    void mapsHaveTheirKeysInTheName() throws Rejection {
        Schema schema = schema(
                "counts:{\"type\":\"map\",\"values\":[\"null\",\"long\"]}",
                "words:{\"type\":\"map\",\"values\":\"string\"}",
                "after:\"int\"");
        Map<String, Long> counts = new LinkedHashMap<>();
        counts.put("a", 1L);
        counts.put("long key", 2L);
        counts.put("none", null);

        assertThat(features(schema, counts, Map.of("k", "v"), 9))
                .isEqualTo(Map.of(
                        "counts.a",
                        1.0,
                        "counts.long key",
                        2.0,
                        "counts.none:missing",
                        1.0,
                        "words.k=v",
                        1.0,
                        "after",
                        9.0));
    }

    @Test
    void decimalsAreNumbers(Random random) throws Rejection {
        Schema schema = schema(
                "b:{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":40,\"scale\":2}",
                "f:{\"type\":\"fixed\",\"name\":\"F\",\"size\":6,\"logicalType\":\"decimal\",\"precision\":12,"
                        + "\"scale\":3}");
        Schema fixed = schema.getField("f").schema();
        for (int i = 0; i < 1000; i++) {
            BigInteger large = new BigInteger(1 + random.nextInt(120), random);
            BigInteger small = BigInteger.valueOf(random.nextLong() >> 20);
            large = random.nextBoolean() ? large.negate() : large;
            byte[] six = new byte[6];
            Arrays.fill(six, (byte) (small.signum() < 0 ? -1 : 0));
            byte[] bytes = small.toByteArray();
            System.arraycopy(bytes, 0, six, 6 - bytes.length, bytes.length);

            assertThat(features(schema, ByteBuffer.wrap(large.toByteArray()), new GenericData.Fixed(fixed, six)))
                    .isEqualTo(Map.of(
                            "b", Double.parseDouble(new BigDecimal(large, 2).toString()),
                            "f", Double.parseDouble(new BigDecimal(small, 3).toString())));
        }
    }

    @Test
    void decimalsWithoutPlacesAreCategoriesWithAllDigits(Random random) throws Rejection {
        settings.put("features.categorical", "b, f");
        Schema schema = schema(
                "b:{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":40}",
                "f:{\"type\":\"fixed\",\"name\":\"F\",\"size\":9,\"logicalType\":\"decimal\",\"precision\":20}");
        Schema fixed = schema.getField("f").schema();
        BigInteger id = new BigInteger("18446744073709551615");
        for (int i = 0; i < 200; i++) {
            BigInteger any = new BigInteger(random.nextInt(120), random);
            any = random.nextBoolean() ? any.negate() : any;
            byte[] nine = id.subtract(BigInteger.valueOf(i)).toByteArray();

            assertThat(features(schema, ByteBuffer.wrap(any.toByteArray()), new GenericData.Fixed(fixed, nine)))
                    .containsOnlyKeys("b=" + any, "f=" + id.subtract(BigInteger.valueOf(i)));
        }
    }

    @Test
    void whatCannotBeAFeatureIsPassedOverAndSaid() throws Rejection {
        Schema schema = schema(
                "raw:\"bytes\"",
                "hash:{\"type\":\"fixed\",\"name\":\"H\",\"size\":4}",
                "items:{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"Item\","
                        + "\"fields\":[{\"name\":\"n\",\"type\":\"int\"},"
                        + "{\"name\":\"part\",\"type\":[\"null\",\"Item\"]}]}}",
                "tree:{\"type\":\"record\",\"name\":\"Tree\",\"fields\":[{\"name\":\"n\",\"type\":\"int\"},"
                        + "{\"name\":\"left\",\"type\":[\"null\",\"Tree\"]}]}",
                "deep:{\"type\":\"map\",\"values\":{\"type\":\"map\",\"values\":\"int\"}}",
                "at:{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}",
                "uuid:{\"type\":\"string\",\"logicalType\":\"uuid\"}",
                "after:\"int\"");
        Schema item = schema.getField("items").schema().getElementType();
        Schema tree = schema.getField("tree").schema();

        assertThat(features(
                        schema,
                        ByteBuffer.wrap(new byte[] {1}),
                        new GenericData.Fixed(schema.getField("hash").schema(), new byte[4]),
                        List.of(record(item, 1, record(item, 2, null)), record(item, 3, null)),
                        record(tree, 5, record(tree, 6, record(tree, 7, null))),
                        Map.of("a", Map.of("b", 1)),
                        123L,
                        "00000000-0000-0000-0000-000000000000",
                        9))
                .containsExactly(Map.entry("tree.n", 5.0), Map.entry("after", 9.0));
        assertThat(MappedDecoder.summary(schema, mapping()))
                .containsExactly(
                        "label: y",
                        "numbers: tree.n, after",
                        "left out: raw (bytes), hash (fixed), items (array of record), tree.left (record), deep (map of"
                                + " map of int), at (timestamp-millis; features.time=at:hour takes parts of it), uuid"
                                + " (uuid)");
    }

    @Test
    void theSummarySaysWhichWordsAreLabels() {
        Schema text = SchemaBuilder.record("E")
                .fields()
                .requiredString("y")
                .requiredInt("a")
                .endRecord();
        Schema symbols = SchemaBuilder.record("E")
                .fields()
                .name("y")
                .type(Schema.createEnum("YN", null, null, List.of("YES", "NO")))
                .noDefault()
                .requiredInt("a")
                .endRecord();
        assertThat(MappedDecoder.summary(text, mapping()))
                .contains("label: y (text such as true or yes is 1, such as false or no is 0)");
        assertThat(MappedDecoder.summary(symbols, mapping())).contains("label: y (YES is 1, NO is 0)");
        settings.put("label", "y == 'YES'");
        assertThat(MappedDecoder.summary(text, mapping())).contains("label: y == 'YES'");
        assertThat(MappedDecoder.summary(symbols, mapping())).contains("label: y == 'YES'");
    }

    @Test
    void numbersAndTextCanBeForced() throws Rejection {
        Schema schema = schema(
                "zip:\"int\"",
                "size:\"double\"",
                "amount:\"string\"",
                "flag:\"boolean\"",
                "at:{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}");
        settings.put("features.categorical", "zip, size");
        settings.put("features.numeric", "amount, flag, at");

        assertThat(features(schema, 90210, 0.1, " 1.5e1 ", true, 7L))
                .containsExactly(
                        Map.entry("zip=90210", 1.0),
                        Map.entry("size=0.1", 1.0),
                        Map.entry("amount", 15.0),
                        Map.entry("flag", 1.0),
                        Map.entry("at", 7.0));
        assertThat(features(schema, -1, -3e300, "", false, 7L))
                .containsOnlyKeys("zip=-1", "size=-3E+300", "amount:missing", "flag", "at");
        Rejection rejection = rejection(schema, 1, 1.0, "much", true, 7L);
        assertThat(rejection.reason()).isEqualTo(Reason.BAD_VALUE);
        assertThat(rejection).hasMessageContaining("field amount").hasMessageNotContaining("much");
    }

    // ---- buckets, times, crosses

    @Test
    void bucketsHoldTheirLowerEdge() throws Rejection {
        Schema schema = schema("age:\"int\"", "amount:\"double\"");
        settings.put("features.buckets", "age:18|25|40.5, amount:log2");

        assertThat(features(schema, 17, 10.0)).containsOnlyKeys("age=..18", "amount=8..16");
        assertThat(features(schema, 18, 8.0)).containsOnlyKeys("age=18..25", "amount=8..16");
        assertThat(features(schema, 40, 0.3)).containsOnlyKeys("age=25..40.5", "amount=0.25..0.5");
        assertThat(features(schema, 41, 0.0)).containsOnlyKeys("age=40.5..", "amount=0");
        assertThat(features(schema, 41, -10.0)).containsOnlyKeys("age=40.5..", "amount=-16..-8");
        assertThat(features(schema, 41, 0x1p40)).containsOnlyKeys("age=40.5..", "amount=2^40..2^41");
        assertThat(rejection(schema, 41, Double.NaN).reason()).isEqualTo(Reason.NOT_FINITE);
    }

    @Test
    void timesHavePartsOnRequest() throws Rejection {
        Schema schema = schema(
                "ms:{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}",
                "us:[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}]",
                "local:{\"type\":\"long\",\"logicalType\":\"local-timestamp-millis\"}",
                "day:{\"type\":\"int\",\"logicalType\":\"date\"}",
                "time:{\"type\":\"int\",\"logicalType\":\"time-millis\"}",
                "text:\"string\"",
                "number:\"int\"",
                "seconds:\"long\"");
        settings.put(
                "features.time",
                "ms:hour|weekday|day|month|year|minute, us:hour, local:weekday, day:weekday|month, time:hour,"
                        + " text[yyyy-MM-dd'T'HH:mm'Z']:hour|day, number[MMddHHmm;2001]:weekday|hour,"
                        + " seconds[seconds]:year");
        Instant instant = Instant.parse("2001-02-03T17:05:59.999Z");
        int day = (int) LocalDate.of(2001, 2, 3).toEpochDay();

        assertThat(features(
                        schema,
                        instant.toEpochMilli(),
                        -1L,
                        instant.toEpochMilli(),
                        day,
                        61 * 60_000,
                        "2001-02-03T04:05Z",
                        1020304,
                        instant.getEpochSecond()))
                .containsExactly(
                        Map.entry("ms.hour=17", 1.0),
                        Map.entry("ms.minute=5", 1.0),
                        Map.entry("ms.weekday=Sat", 1.0),
                        Map.entry("ms.day=3", 1.0),
                        Map.entry("ms.month=2", 1.0),
                        Map.entry("ms.year=2001", 1.0),
                        Map.entry("us.hour=23", 1.0),
                        Map.entry("local.weekday=Sat", 1.0),
                        Map.entry("day.weekday=Sat", 1.0),
                        Map.entry("day.month=2", 1.0),
                        Map.entry("time.hour=1", 1.0),
                        Map.entry("text.hour=4", 1.0),
                        Map.entry("text.day=3", 1.0),
                        Map.entry("number.hour=3", 1.0),
                        Map.entry("number.weekday=Tue", 1.0),
                        Map.entry("seconds.year=2001", 1.0));
        assertThat(features(schema, 0L, null, 0L, 0, 0, "", 1020304, 0L))
                .containsKeys("us.hour:missing", "text.hour:missing", "text.day:missing");
        for (String bad :
                List.of("2001-02-03 04:05Z", "2001-02-30T04:05Z", "2001-02-03T24:05Z", "x", "2001-02-03T04:0aZ")) {
            assertThat(rejection(schema, 0L, 0L, 0L, 0, 0, bad, 1020304, 0L).reason())
                    .as(bad)
                    .isEqualTo(Reason.BAD_VALUE);
        }
    }

    @Test
    void timesAreReadAsInFiles() throws Rejection {
        Schema schema = schema(
                "seconds:\"double\"",
                "text:\"string\"",
                "iso:\"string\"",
                "paid:{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":16,\"scale\":3}");
        settings.put(
                "features.time",
                "seconds[seconds]:hour|minute, text[millis]:hour, iso[iso]:hour|minute, paid[seconds]:year");
        ByteBuffer paid = ByteBuffer.wrap(BigInteger.valueOf(1777593659820L).toByteArray());

        for (String iso : List.of("2026-05-01T00:00:59.820Z", "2026-05-01T00:00:00Z", "2026-05-01T02:00:00+02:00")) {
            assertThat(features(schema, 1777593659.82, "1777593659820", iso, paid))
                    .containsOnlyKeys(
                            "seconds.hour=0",
                            "seconds.minute=0",
                            "text.hour=0",
                            "iso.hour=0",
                            "iso.minute=0",
                            "paid.year=2026");
        }
        assertThat(rejection(schema, Double.NaN, "1", "2026-05-01T00:00Z", paid).reason())
                .isEqualTo(Reason.BAD_VALUE);
        assertThat(rejection(schema, 1.0, "soon", "2026-05-01T00:00Z", paid).reason())
                .isEqualTo(Reason.BAD_VALUE);
        assertThat(rejection(schema, 1.0, "1", "2026-05-01", paid))
                .hasMessage("field iso is not a time in ISO 8601 with hour, minute");
    }

    @ParameterizedTest
    @CsvSource({"-1, y > 0", "2, y == 2", "1.5, y > 0.5"})
    void aLabelThatIsAClassIsRejectedWithTheComparisonThatHelps(double label, String comparison) {
        Schema schema = schema("a:\"int\"");
        Rejection rejection = catchThrowableOfType(Rejection.class, () -> decode(1, schema, record(schema, 1, label)));

        assertThat(rejection.reason()).isEqualTo(Reason.LABEL_OUT_OF_RANGE);
        assertThat(rejection).hasMessageContaining("field y is " + label).hasMessageEndingWith("label = " + comparison);
    }

    @Test
    void keysOfMapsMayHaveAnySigns() throws Rejection {
        Schema schema = schema("words:{\"type\":\"map\",\"values\":[\"null\",\"double\"]}");
        Map<String, Object> words = new HashMap<>(Map.of("a,b", 1.0, "\"q\"", 2.0, "a*b", 3.0, "", 4.0, "a.b", 5.0));
        words.put("n", null);

        assertThat(features(schema, words))
                .containsOnly(
                        Map.entry("words.a,b", 1.0),
                        Map.entry("words.\"q\"", 2.0),
                        Map.entry("words.a*b", 3.0),
                        Map.entry("words.", 4.0),
                        Map.entry("words.a.b", 5.0),
                        Map.entry("words.n:missing", 1.0));
    }

    /** As Debezium and clients of other languages write them, and Avro 1.12 does not. */
    @Test
    void namesMayBeUnusualWhereverTheyAre() throws Rejection {
        Schema schema = new Schema.Parser(NameValidator.NO_VALIDATION)
                .parse("{\"type\":\"record\",\"name\":\"shop-1.public.Event\",\"fields\":["
                        + "{\"name\":\"a.b\",\"type\":\"double\",\"aliases\":[\"old\"]},"
                        + "{\"name\":\"kind\",\"type\":{\"type\":\"enum\",\"name\":\"x-y.Kind\","
                        + "\"symbols\":[\"A-B\",\"1st\",\"\u00fc b\"]}},"
                        + "{\"name\":\"in-ner\",\"type\":{\"type\":\"record\",\"name\":\"n-1.Inner$\",\"fields\":["
                        + "{\"name\":\"2nd\",\"type\":\"int\"},{\"name\":\"x y\",\"type\":\"int\"}]}},"
                        + "{\"name\":\"y\",\"type\":[\"null\",\"double\"]}]}");
        GenericRecord inner = record(schema.getField("in-ner").schema(), 7, 8);
        settings.put("features.exclude", "in-ner.x y");
        Schema kinds = schema.getField("kind").schema();

        assertThat(features(schema, 1.5, new GenericData.EnumSymbol(kinds, "\u00fc b"), inner))
                .containsOnly(Map.entry("a.b", 1.5), Map.entry("kind=\u00fc b", 1.0), Map.entry("in-ner.2nd", 7.0));
        settings.put("features.exclude", "a.b, in-ner");
        assertThat(features(schema, 1.5, new GenericData.EnumSymbol(kinds, "1st"), inner))
                .containsOnly(Map.entry("kind=1st", 1.0));
    }

    @Test
    void eachRecordOfAUnionHasItsOwnLabel() throws Rejection {
        Schema bought = new Schema.Parser()
                .parse("{\"type\":\"record\",\"name\":\"Bought\",\"fields\":["
                        + "{\"name\":\"y\",\"type\":\"boolean\"},{\"name\":\"price\",\"type\":\"double\"}]}");
        Schema seen = new Schema.Parser()
                .parse("{\"type\":\"record\",\"name\":\"Seen\",\"fields\":["
                        + "{\"name\":\"page\",\"type\":\"string\"},{\"name\":\"y\",\"type\":\"string\"}]}");
        Schema union = Schema.createUnion(bought, Schema.create(Schema.Type.NULL), seen);

        assertThat(decode(1, union, record(bought, true, 9.5))).containsOnly(Map.entry("price", 9.5));
        assertThat(x.label()).isEqualTo(1);
        assertThat(decode(1, union, record(seen, "home", "no"))).containsOnly(Map.entry("page=home", 1.0));
        assertThat(x.label()).isZero();
    }

    @Test
    void keysAndValuesOfMapsMayHaveEqualsSigns() throws Rejection {
        Schema schema = schema("words:{\"type\":\"map\",\"values\":\"string\"}");

        assertThat(features(schema, Map.of("a", "b=c", "a=b", "c")))
                .containsOnly(Map.entry("words.a=b=c", 1.0), Map.entry("words.a\\=b=c", 1.0));
    }

    @ParameterizedTest
    @CsvSource({"True, 1", "FALSE, 0", "yes, 1", "No, 0", "t, 1", "f, 0", "NA, ", "NaN, ", "null, "})
    void wordsForLabelsAreTakenAsInFiles(String word, Double label) throws Rejection {
        Schema schema = new Schema.Parser()
                .parse("{\"type\":\"record\",\"name\":\"E\",\"fields\":["
                        + "{\"name\":\"a\",\"type\":\"double\"},{\"name\":\"y\",\"type\":\"string\"}]}");
        decode(1, schema, record(schema, 1.0, word));

        assertThat(x.labelled() ? (Double) x.label() : null).isEqualTo(label);
    }

    @Test
    void crossesMultiplyValuesAndJoinNames() throws Rejection {
        Schema schema = schema(
                "origin:\"string\"",
                "destination:[\"null\",\"string\"]",
                "distance:\"double\"",
                "tags:{\"type\":\"array\",\"items\":\"string\"}",
                "at:{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}");
        settings.put("features.exclude", "destination, at.hour");
        settings.put("features.time", "at:hour");
        settings.put(
                "features.cross",
                "origin*destination, origin*distance, distance*at.hour*origin, tags*origin, destination*distance");

        assertThat(features(schema, "ORD", "LAX", 0.5, List.of("a", "b", "a"), 7_200_000L))
                .containsExactly(
                        Map.entry("origin=ORD", 1.0),
                        Map.entry("distance", 0.5),
                        Map.entry("tags=a", 1.0),
                        Map.entry("tags=b", 1.0),
                        Map.entry("origin=ORD*destination=LAX", 1.0),
                        Map.entry("origin=ORD*distance", 0.5),
                        Map.entry("distance*at.hour=2*origin=ORD", 0.5),
                        Map.entry("tags=a*origin=ORD", 1.0),
                        Map.entry("tags=b*origin=ORD", 1.0),
                        Map.entry("destination=LAX*distance", 0.5));
        assertThat(features(schema, "ORD", null, 0.5, List.of(), 7_200_000L))
                .containsOnlyKeys(
                        "origin=ORD",
                        "distance",
                        "origin=ORD*destination:missing",
                        "origin=ORD*distance",
                        "distance*at.hour=2*origin=ORD",
                        "destination:missing*distance");
    }

    @Test
    void setsThatMultiplyWithoutBoundAreRejected() {
        Schema schema =
                schema("a:{\"type\":\"array\",\"items\":\"string\"}", "b:{\"type\":\"array\",\"items\":\"string\"}");
        settings.put("features.cross", "a*b");
        List<String> many = new ArrayList<>();
        for (int i = 0; i < 1000; i++) {
            many.add("v" + i);
        }

        assertThat(rejection(schema, many, many).reason()).isEqualTo(Reason.TOO_LARGE);
        String large = "x".repeat(100_000);
        assertThat(rejection(schema, many, List.of(large)).reason()).isEqualTo(Reason.TOO_LARGE);
    }

    // ---- label, id, importance, model

    @ParameterizedTest
    @CsvSource({
        "y > 0.5, 0.6, 1",
        "y > 0.5, 0.5, 0",
        "y, 0.25, 0.25",
        "y == 1, 1, 1",
    })
    void theLabelIsTheFieldOrWhatItIsComparedTo(String label, double y, double expected) throws Rejection {
        settings.put("label", label);
        Schema schema = schema("a:\"int\"");
        decode(1, schema, record(schema, 1, y));

        assertThat(x.label()).isEqualTo(expected);
        assertThat(named(x)).containsOnlyKeys("a");
    }

    @Test
    void aLabelCanBeOfAnySingleType() throws Rejection {
        Schema schema = schema(
                "a:\"int\"",
                "bool:\"boolean\"",
                "text:\"string\"",
                "e:{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"OK\",\"FRAUD\"]}",
                "r:[\"null\",{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"delay\",\"type\":\"int\"}]}]");
        GenericData.EnumSymbol fraud =
                new GenericData.EnumSymbol(schema.getField("e").schema(), "FRAUD");
        Schema r = schema.getField("r").schema().getTypes().get(1);
        Map<String, Double> labels = new LinkedHashMap<>();
        labels.put("bool", 1.0);
        labels.put("bool == 'false'", 0.0);
        labels.put("text == 'late '", 1.0);
        labels.put("text != late", 0.0);
        labels.put("e == FRAUD", 1.0);
        labels.put("e == 'OK'", 0.0);
        labels.put("r.delay > 15", 1.0);
        for (Map.Entry<String, Double> label : labels.entrySet()) {
            settings.put("label", label.getKey());
            features(schema, 1, true, " late", fraud, record(r, 16));
            assertThat(x.label()).as(label.getKey()).isEqualTo(label.getValue());
        }
        settings.put("label", "r.delay > 15");
        features(schema, 1, true, "late", fraud, null);
        assertThat(x.labelled()).as("a label that is null").isFalse();
        settings.put("label", "text > 15");
        Rejection rejection = rejection(schema, 1, true, "secret", fraud, null);
        assertThat(rejection.reason()).isEqualTo(Reason.BAD_VALUE);
        assertThat(rejection).hasMessageContaining("field text").hasMessageNotContaining("secret");
    }

    @Test
    void idImportanceAndModelAreNoFeatures() throws Rejection {
        Schema schema = schema("id:\"long\"", "w:[\"null\",\"float\"]", "shop:[\"null\",\"string\"]", "a:\"int\"");
        settings.putAll(Map.of("id.field", "id", "importance.field", "w", "model.from", "field:shop"));
        registry.put(1, schema);
        RecordReader reader = new RecordReader(schemas, mapping(), "", 1000);
        byte[] value = encode(1, schema, record(schema, 17L, 2.5f, "Rom", 3, 1.0));

        assertThat(reader.example(value, null, x)).isEqualTo("Rom");
        assertThat(x.id()).isEqualTo("17".getBytes(StandardCharsets.UTF_8));
        assertThat(x.importance()).isEqualTo(2.5);
        assertThat(named(x)).containsOnlyKeys("a");

        byte[] none = encode(1, schema, record(schema, 17L, null, null, 3, 1.0));
        Rejection noModel = catchThrowableOfType(Rejection.class, () -> reader.example(none, null, x));
        assertThat(noModel.reason()).isEqualTo(Reason.NO_KEY);
        assertThat(noModel).hasMessageContaining("field shop");
        byte[] empty = encode(1, schema, record(schema, 17L, null, "", 3, 1.0));
        assertThat(catchThrowableOfType(Rejection.class, () -> reader.example(empty, null, x))
                        .reason())
                .isEqualTo(Reason.BAD_KEY);
    }

    // ---- evolution

    @Test
    void aNewSchemaIsMappedAnewAndWhatChangedIsLogged() throws Rejection {
        Schema before = schema("a:\"int\"", "b:\"string\"");
        Schema after = schema("c:[\"null\",\"string\"]", "a:\"long\"");
        Schema without = new Schema.Parser()
                .parse("{\"type\":\"record\",\"name\":\"Event\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"}]}");
        registry.putAll(Map.of(1, before, 2, after, 3, without));
        MappedDecoder decoder = new MappedDecoder(schemas, mapping());
        ListAppender<ILoggingEvent> log = new ListAppender<>();
        log.start();
        Logger logger = (Logger) LoggerFactory.getLogger(MappedDecoder.class);
        logger.addAppender(log);
        logger.setLevel(Level.INFO);
        try {
            for (int round = 0; round < 3; round++) {
                decoder.decode(encode(1, before, record(before, 1, "x", 1.0)), x);
                assertThat(named(x)).containsOnlyKeys("a", "b=x");
                decoder.decode(encode(2, after, record(after, "y", 2L, 1.0)), x);
                assertThat(named(x)).containsExactly(Map.entry("c=y", 1.0), Map.entry("a", 2.0));
                Rejection rejection = catchThrowableOfType(
                        Rejection.class, () -> decoder.decode(encode(3, without, record(without, 1)), x));
                assertThat(rejection.reason()).isEqualTo(Reason.NO_LABEL_FIELD);
                assertThat(rejection).hasMessageContaining("schema id 3").hasMessageContaining("no field y");
            }
        } finally {
            logger.detachAppender(log);
            logger.setLevel(null);
        }
        assertThat(log.list)
                .extracting(ILoggingEvent::getFormattedMessage)
                .containsExactly(
                        "records now have schema id 2 (shop.Event), before schema id 1: new features: c, removed: b",
                        "records now have schema id 3 (Event), before schema id 2: no new features, removed: c; it"
                                + " lacks the field y of the label, so its records become dead letters");
    }

    @Test
    void whatASettingNamesMayBeGoneInANewSchema() throws Rejection {
        settings.putAll(Map.of(
                "features.cross", "a*b", "features.buckets", "a:1|2", "features.categorical", "b", "id.field", "id"));
        Schema schema = schema("c:\"int\"");

        assertThat(features(schema, 1)).containsOnlyKeys("c");
    }

    // ---- at start

    @ParameterizedTest
    @CsvSource(delimiter = '~', quoteCharacter = '`', textBlock = """
            label             ~ delay > 15        ~ label: there is no field delay; the event has a, s, r.n, raw, at, y
            label             ~ s                 ~
            label             ~ r > 5             ~ label: field r is a record; name one of its fields: r.n
            label             ~ raw == 5          ~ label: field raw is a bytes; a label is a boolean, a number or text that is compared
            id.field          ~ y                 ~ field y is in label and in id.field; it can only be one of them
            id.field          ~ raw               ~ id.field: field raw is a bytes; an id is text or a whole number
            importance.field  ~ s                 ~ importance.field: field s is a string; an importance is a number
            model.from        ~ field:z           ~ model.from: there is no field z; the event has a, s, r.n, raw, at, y
            model.from        ~ record            ~ model.from must be key, field:NAME or fixed:NAME, not record
            features.exclude  ~ r                 ~
            features.exclude  ~ a,q               ~ features.exclude: there is no field q; the event has a, s, r.n, raw, at, y
            features.numeric  ~ raw               ~ features.numeric: field raw is bytes, which cannot be a feature
            features.numeric  ~ y                 ~ field y is in label and in features.numeric; the label's field cannot be a feature
            features.cross    ~ a*y               ~ field y is in label and in features.cross; the label's field cannot be a feature
            features.cross    ~ a*s.hour          ~ features.cross: there is no field s.hour; the event has a, s, r.n, raw, at, y
            features.cross    ~ a                 ~ features.cross: "a" needs at least two fields; a cross is like origin*destination
            features.cross    ~ a*a               ~ features.cross: "a*a" has a twice
            features.cross    ~ a*                ~ features.cross: "a*" is not like origin*destination
            features.buckets  ~ s:1               ~ features.buckets: field s holds no numbers; where it is text of numbers, name it in features.numeric
            features.buckets  ~ a:2,a:3           ~ features.buckets: a is listed twice
            features.buckets  ~ a:3;2             ~ features.buckets: field a needs log2, or rising edges such as 18|25|40; "3;2" is neither
            features.buckets  ~ a                 ~ features.buckets: "a" is not like age:18|25|40 or amount:log2
            features.time     ~ at:hour           ~
            features.time     ~ at:second         ~ features.time: field at has no part "second"; the parts are hour, minute, weekday, day, month, year
            features.time     ~ at                ~ features.time: "at" is not like departure:hour|weekday or date[yyyyMMddHHmm]:hour
            features.time     ~ s:hour            ~ features.time: field s is a string; specify its format, such as s[iso]:hour, s[yyyyMMddHHmm]:hour or s[seconds]:hour
            features.time     ~ raw:hour          ~ features.time: field raw is a bytes; that is not a time
            features.time     ~ s[MMdd]:weekday   ~ features.time: field s, pattern [MMdd]: weekday needs y, or a year after a semicolon: [MMdd;2001]
            features.time     ~ s[MMdd]:hour      ~ features.time: field s, pattern [MMdd]: hour needs H
            features.time     ~ s[MMM]:month      ~ features.time: field s, pattern [MMM]: it has too many M
            features.time     ~ s[EEE]:weekday    ~ features.time: field s, pattern [EEE]: a pattern consists of y, M, d, H, m, s and S, one for each digit; put other letters in quotes, or write iso for times in ISO 8601, or seconds, millis or micros for numbers since 1970
            """)
    void aMappingThatDoesNotFitIsSaidInOneLine(String setting, String value, String complaint) {
        settings.put(setting, value.replace(';', setting.equals("features.buckets") ? '|' : ';'));
        Schema schema = schema(
                "a:\"int\"",
                "s:\"string\"",
                "r:{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"n\",\"type\":\"int\"}]}",
                "raw:\"bytes\"",
                "at:{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}");
        if (complaint == null) {
            assertThat(MappedDecoder.summary(schema, mapping())).isNotEmpty();
        } else {
            assertThatThrownBy(() -> MappedDecoder.summary(schema, mapping()))
                    .isInstanceOf(MappingException.class)
                    .hasMessage(complaint.replace("\"3;2\"", "\"3|2\""));
        }
    }

    @Test
    void theSummarySaysWhatEachFieldIsTakenFor() {
        Schema schema = schema(
                "id:\"string\"",
                "shop:\"string\"",
                "w:\"double\"",
                "age:\"int\"",
                "zip:\"int\"",
                "note:\"string\"",
                "at:{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}",
                "route:\"string\"",
                "mixed:[\"int\",\"string\"]");
        settings.putAll(Map.of(
                "label", "y > 0.5",
                "id.field", "id",
                "importance.field", "w",
                "model.from", "field:shop",
                "features.buckets", "age:18|25",
                "features.categorical", "zip",
                "features.exclude", "note,route",
                "features.time", "at:weekday|hour",
                "features.cross", "route*at.hour"));

        assertThat(MappedDecoder.summary(schema, mapping()))
                .containsExactly(
                        "label: y > 0.5",
                        "model: shop",
                        "id: id",
                        "importance: w",
                        "numbers: age (18|25)",
                        "categories: zip",
                        "numbers, and categories where they are text: mixed",
                        "times: at (hour|weekday)",
                        "crosses: route*at.hour",
                        "only in crosses: route",
                        "excluded: note");
    }

    // ---- damage

    @Test
    void damagedRecordsAreRejectedWhateverIsInThem(Random random) {
        Schema schema = schema(
                "s:\"string\"",
                "tags:{\"type\":\"array\",\"items\":\"string\"}",
                "m:{\"type\":\"map\",\"values\":\"double\"}",
                "e:{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"RED\",\"BLUE\"]}",
                "tree:{\"type\":\"record\",\"name\":\"Tree\",\"fields\":[{\"name\":\"left\",\"type\":[\"null\","
                        + "\"Tree\"]}]}");
        registry.put(1, schema);
        Schema tree = schema.getField("tree").schema();
        GenericData.EnumSymbol red =
                new GenericData.EnumSymbol(schema.getField("e").schema(), "RED");
        byte[] good = encode(
                1,
                schema,
                record(
                        schema,
                        "some text",
                        List.of("a", "b"),
                        Map.of("k", 1.0),
                        red,
                        record(tree, (Object) null),
                        1.0));
        MappedDecoder decoder = new MappedDecoder(schemas, mapping());
        int rejected = 0;
        for (int i = 0; i < 20_000; i++) {
            byte[] bad =
                    Arrays.copyOf(good, random.nextInt(4) == 0 ? 5 + random.nextInt(good.length - 5) : good.length);
            for (int change = random.nextInt(3); change >= 0 && bad.length > 5; change--) {
                bad[5 + random.nextInt(bad.length - 5)] = (byte) random.nextInt();
            }
            try {
                decoder.decode(bad, x);
            } catch (Rejection e) {
                rejected++;
            }
        }
        assertThat(rejected).isPositive();
    }

    @Test
    void recordsWithinRecordsWithoutEndDoNotExhaustTheStack() {
        Schema schema =
                schema("tree:{\"type\":\"record\",\"name\":\"Tree\",\"fields\":[{\"name\":\"left\",\"type\":[\"null\","
                        + "\"Tree\"]}]}");
        registry.put(1, schema);
        byte[] deep = new byte[900_000];
        Arrays.fill(deep, 5, deep.length, (byte) 2);
        deep[4] = 1;
        Rejection rejection =
                catchThrowableOfType(Rejection.class, () -> new MappedDecoder(schemas, mapping()).decode(deep, x));

        assertThat(rejection.reason()).isEqualTo(Reason.UNREADABLE);
        assertThat(rejection).hasMessageContaining("deep");
    }

    @Test
    void whatIsNoRecordOrUnknownIsRejected() {
        registry.put(1, Schema.create(Schema.Type.STRING));
        MappedDecoder decoder = new MappedDecoder(schemas, mapping());

        assertThat(catchThrowableOfType(Rejection.class, () -> decoder.decode(encode(1, registry.get(1), "x"), x))
                        .reason())
                .isEqualTo(Reason.UNREADABLE);
        assertThat(catchThrowableOfType(Rejection.class, () -> decoder.decode(new byte[] {0, 0, 0, 0, 9, 1}, x))
                        .reason())
                .isEqualTo(Reason.UNKNOWN_SCHEMA);
        assertThat(catchThrowableOfType(Rejection.class, () -> decoder.decode(new byte[] {1}, x))
                        .reason())
                .isEqualTo(Reason.UNREADABLE);
        Schema schema = schema("a:\"int\"");
        registry.put(2, schema);
        byte[] longer = Arrays.copyOf(encode(2, schema, record(schema, 1, 1.0)), 40);
        assertThat(catchThrowableOfType(Rejection.class, () -> decoder.decode(longer, x)))
                .hasMessageContaining("left over");
    }
}
