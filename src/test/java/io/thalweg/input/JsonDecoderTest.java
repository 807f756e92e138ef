package io.thalweg.input;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.mapping.Mapping;
import io.thalweg.mapping.MappingException;
import io.thalweg.math.Example;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import io.thalweg.testing.Seeded;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Seeded
class JsonDecoderTest {
    private final Map<String, String> settings = new HashMap<>(Map.of("label", "y"));
    private final Example x = new Example();

    private Mapping mapping() {
        return Mapping.of(settings::get);
    }

    private Map<String, Double> features(String json) throws Rejection {
        return features(json.getBytes(StandardCharsets.UTF_8));
    }

    private Map<String, Double> features(byte[] value) throws Rejection {
        new JsonDecoder(mapping(), true).decode(value, new RecordHeaders(), x);
        Map<String, Double> features = new LinkedHashMap<>();
        for (int k = 0; k < x.size(); k++) {
            features.put(x.name(k), x.value(k));
        }
        return features;
    }

    private Rejection rejection(String json) {
        return catchThrowableOfType(Rejection.class, () -> features(json));
    }

    // ---- the same as from Avro

    /** One event in both formats. */
    private record Event(byte[] avro, String json) {}

    private static final Schema EVENT = new Schema.Parser().parse("""
            {"type":"record","name":"shop.Event","fields":[
              {"name":"id","type":["null","string"]},
              {"name":"amount","type":"double"},
              {"name":"count","type":"long"},
              {"name":"city","type":["null","string"]},
              {"name":"zip","type":"int"},
              {"name":"text","type":"string"},
              {"name":"flag","type":"boolean"},
              {"name":"at","type":"string"},
              {"name":"user","type":{"type":"record","name":"User","fields":[
                {"name":"age","type":["null","int"]},
                {"name":"tier","type":"string"}]}},
              {"name":"tags","type":{"type":"array","items":["null","string"]}},
              {"name":"scores","type":{"type":"array","items":"double"}},
              {"name":"more","type":{"type":"map","values":"double"}},
              {"name":"weight","type":["null","double"]},
              {"name":"y","type":["null","boolean"]}]}""");

    private static final List<String> WORDS =
            List.of("", "a", "b=c", "\\=", "Zürich", "日本", "\uD83D\uDE00", "x\"y", "line\nbreak", "\u0001", "12");

    private static Event event(Random random) {
        Schema users = EVENT.getField("user").schema();
        GenericRecord user = new GenericData.Record(users);
        user.put("age", random.nextInt(4) == 0 ? null : random.nextInt(100));
        user.put("tier", word(random));
        GenericRecord record = new GenericData.Record(EVENT);
        record.put("id", random.nextInt(4) == 0 ? null : word(random) + "i");
        record.put("amount", random.nextInt(3) == 0 ? random.nextInt(100) : random.nextGaussian() * 1e6);
        record.put("amount", ((Number) record.get("amount")).doubleValue());
        record.put("count", random.nextLong() >> random.nextInt(64));
        record.put("city", random.nextInt(4) == 0 ? null : word(random));
        record.put("zip", random.nextInt());
        record.put("text", random.nextBoolean() ? " " + random.nextInt(1000) + ".5" : "");
        record.put("flag", random.nextBoolean());
        record.put(
                "at", "2026-0%d-1%dT0%d:00:00Z".formatted(1 + random.nextInt(9), random.nextInt(9), random.nextInt(9)));
        record.put("user", user);
        List<String> tags = new ArrayList<>();
        for (int i = random.nextInt(6); i > 0; i--) {
            tags.add(random.nextInt(5) == 0 ? null : word(random));
        }
        record.put("tags", tags);
        record.put("scores", random.doubles(random.nextInt(4)).boxed().toList());
        Map<String, Double> more = new LinkedHashMap<>();
        for (int i = random.nextInt(3); i > 0; i--) {
            more.put("k" + i, random.nextDouble());
        }
        record.put("more", more);
        record.put("weight", random.nextInt(3) == 0 ? null : random.nextDouble());
        record.put("y", random.nextInt(5) == 0 ? null : random.nextBoolean());
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(new byte[] {0, 0, 0, 0, 7});
        BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
        try {
            new GenericDatumWriter<>(EVENT).write(record, encoder);
            encoder.flush();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        return new Event(out.toByteArray(), json(record));
    }

    private static String word(Random random) {
        return WORDS.get(random.nextInt(WORDS.size()));
    }

    /** JSON as simple programs write it, written here so that nothing of the project is used. */
    private static String json(Object value) {
        if (value instanceof GenericRecord record) {
            StringBuilder json = new StringBuilder("{");
            for (Schema.Field field : record.getSchema().getFields()) {
                json.append(json.length() == 1 ? "" : ", ")
                        .append(json(field.name()))
                        .append(":")
                        .append(json(record.get(field.pos())));
            }
            return json.append("}").toString();
        } else if (value instanceof Map<?, ?> map) {
            StringBuilder json = new StringBuilder("{");
            map.forEach((key, of) -> json.append(json.length() == 1 ? "" : ",")
                    .append(json(key))
                    .append(":")
                    .append(json(of)));
            return json.append("}").toString();
        } else if (value instanceof List<?> list) {
            return "["
                    + String.join(",", list.stream().map(JsonDecoderTest::json).toList()) + "]";
        } else if (value instanceof CharSequence text) {
            StringBuilder json = new StringBuilder("\"");
            for (char c : text.toString().toCharArray()) {
                json.append(c < ' ' || c == '"' || c == '\\' ? "\\u%04x".formatted((int) c) : String.valueOf(c));
            }
            return json.append("\"").toString();
        }
        return String.valueOf(value);
    }

    @Test
    void eventsBecomeTheSameExamplesAsInAvro(Random random) throws Rejection {
        settings.putAll(Map.of(
                "id.field", "id",
                "importance.field", "weight",
                "features.categorical", "zip",
                "features.numeric", "text, flag",
                "features.time", "at[iso]:hour|month",
                "features.buckets", "user.age:18|40",
                "features.exclude", "user.tier",
                "features.cross", "city*user.tier, city*tags, count*more"));
        MappedDecoder ofAvro = new MappedDecoder(id -> EVENT, mapping());
        JsonDecoder ofJson = new JsonDecoder(mapping(), true);
        Example expected = new Example();
        for (int i = 0; i < 2000; i++) {
            Event event = event(random);
            ofAvro.decode(event.avro, expected);
            byte[] json = event.json.getBytes(StandardCharsets.UTF_8);
            if (i % 2 == 0) {
                byte[] framed = new byte[json.length + 5];
                ByteBuffer.wrap(framed).put((byte) 0).putInt(random.nextInt()).put(json);
                json = framed;
            }

            ofJson.decode(json, new RecordHeaders(), x);

            assertThat(text(x)).as(event.json).isEqualTo(text(expected));
        }
    }

    /** Everything in an example, with the bits of its numbers. */
    private static String text(Example example) {
        StringBuilder text = new StringBuilder();
        text.append(example.id() == null ? "-" : new String(example.id(), StandardCharsets.UTF_8))
                .append(example.labelled() ? example.label() : "-")
                .append(' ')
                .append(example.importance());
        for (int k = 0; k < example.size(); k++) {
            text.append('\n').append(example.name(k)).append(' ').append(Double.doubleToLongBits(example.value(k)));
        }
        return text.toString();
    }

    // ---- what JSON has and Avro has not

    @Test
    void numbersMayBeInQuotesAndObjectsNested() throws Rejection {
        settings.putAll(Map.of("features.numeric", "n", "importance.field", "w", "id.field", "i"));

        assertThat(features("""
                {"y": "1", "n": "15e-1", "w": "2.5", "i": 123456789012345678901234567890,
                 "a": {"b": {"c": true, "d": null}}, "e": [1, null, "x"], "f": ["u", "v", "u"],
                 "g": [{"h": 1}], "z": {}}
                """))
                .containsExactly(
                        Map.entry("n", 1.5),
                        Map.entry("a.b.c=true", 1.0),
                        Map.entry("a.b.d:missing", 1.0),
                        Map.entry("e[0]", 1.0),
                        Map.entry("e[1]:missing", 1.0),
                        Map.entry("e[2]=x", 1.0),
                        Map.entry("f=u", 1.0),
                        Map.entry("f=v", 1.0));
        assertThat(x.label()).isEqualTo(1);
        assertThat(x.importance()).isEqualTo(2.5);
        assertThat(x.id()).asString().isEqualTo("123456789012345678901234567890");
    }

    @Test
    void aNameMayBeInSeveralObjectsThatAreNotUsed() throws Rejection {
        settings.putAll(Map.of("features.exclude", "unused", "features.categorical", "map"));

        assertThat(features("""
                {"y": 1, "a": [{"b": 1, "c": [{"b": 2}]}, {"b": 3}, 4, "x", null, []], "unused": [[{"b": 1}], {"b": {}}],
                 "map": {"k": {"b": 1}, "l": [{"b": 2}], "m": 3}}
                """)).containsExactly(Map.entry("map.m=3", 1.0));
    }

    @Test
    void whatPythonWritesForNoNumberIsMissing() throws Rejection {
        assertThat(features("{\"y\": 1, \"a\": NaN, \"b\": 1e999}"))
                .containsExactly(Map.entry("a:missing", 1.0), Map.entry("b", Double.POSITIVE_INFINITY));
    }

    @Test
    void anEventNeedsTheFieldOfTheLabelButItMayBeNull() throws Rejection {
        assertThat(features("{\"y\": null, \"a\": 1}")).containsOnlyKeys("a");
        assertThat(x.labelled()).isFalse();
        assertThat(rejection("{\"a\": 1}").reason()).isEqualTo(Reason.NO_LABEL_FIELD);
        // the field of the value before does not count
        JsonDecoder decoder = new JsonDecoder(mapping(), true);
        decoder.decode("{\"y\": 1, \"a\": 1}".getBytes(StandardCharsets.UTF_8), new RecordHeaders(), x);
        assertThatThrownBy(() -> decoder.decode("{\"a\": 1}".getBytes(StandardCharsets.UTF_8), new RecordHeaders(), x))
                .isInstanceOf(Rejection.class);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "null",
                "7",
                "[1]",
                "\"text\"",
                "{\"y\": 1",
                "{\"y\": 1}}",
                "{\"y\": 1} {\"y\": 1}",
                "{\"y\": 1, \"a\": 1, \"a\": 1}",
                "{\"y\": 1, \"a\": {\"b\": 1, \"b\": 2}}",
                "{\"y\": 1, \"a\": {\"b\": 1}, \"a.b\": 2}",
                // also where nothing of the value is used
                "{\"y\": 1, \"unused\": {\"b\": 1, \"b\": 2}}",
                "{\"y\": 1, \"unused\": [{\"b\": 1, \"b\": 2}]}",
                "{\"y\": 1, \"unused\": [[1, {\"b\": 1, \"c\": {}, \"d\": 3, \"b\": 2}]]}",
                "{\"y\": 1, \"a\": [{\"b\": 1, \"b\": 2}]}",
                "{\"y\": 1, \"a\": [{\"b\": 1}, {\"c\": {\"b\": 1, \"b\": 2}}]}",
                "{\"y\": 1, \"a\": [[{\"b\": 1, \"b\": 2}]]}",
                "{\"y\": 1, \"map\": {\"k\": {\"b\": 1, \"b\": 2}}}",
                "{\"y\": 1, \"map\": {\"k\": [{\"b\": 1, \"b\": 2}]}}",
                "{\"y\": 1, \"a\": \"\\ud800\"}",
                "{\"y\": 1, \"a\": \"\\ud800x\"}",
                "{\"y\": 1, \"\\ud800\": 1}",
                "{\"y\": 1, \"a\\udc00b\": \"x\"}",
                "{\"y\": 1, \"a\": {\"\\ud800\\ud800\\udc00\": [1]}}",
                "{\"y\": 1, \"map\": {\"\\ud800\": 1}}",
                "{\"y\": 1, 'a': 1}",
                "{\"y\": 1, \"a\": 01}",
                "{\"y\": 1, \"a\": tru}",
                "{\"y\": 1, \"a\": \"unescaped \n\"}",
                "{\"y\": 1, /* comment */ \"a\": 1}",
                "{\"y\": 1, \"a\": 1,}",
                "{\"y\": 1, \"a\": 1}\0",
                "{\"y\": 1, \"a\": 1} \0",
            })
    void whatIsNotOneObjectWithEachNameOnceIsUnreadable(String json) {
        settings.putAll(Map.of("features.exclude", "unused", "features.categorical", "map"));

        assertThat(rejection(json)).satisfies(rejection -> {
            assertThat(rejection.reason()).isEqualTo(Reason.UNREADABLE);
            assertThat(rejection.getMessage()).hasLineCount(1).doesNotContain("Feature", "StreamRead");
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"{\"y\": [1]}", "{\"y\": {\"z\": 1}}", "{\"y\": \"maybe\"}", "{\"y\": 1, \"i\": 1.5}"})
    void aFieldThatIsNotAFeatureHasASingleValueOfItsType(String json) {
        settings.put("id.field", "i");

        assertThat(rejection(json).reason()).isEqualTo(Reason.BAD_VALUE);
    }

    /** Of the two parsers, which of them reads depends on the values before. */
    @ParameterizedTest
    @ValueSource(strings = {"fresh", "used", "example"})
    void aNameThatIsNoTextIsUnreadable(String kind) throws Rejection {
        boolean isExample = kind.equals("example");
        ValueDecoder decoder = isExample ? new JsonExampleDecoder() : new JsonDecoder(mapping(), true);
        for (int i = 0; i < 10_000 && kind.equals("used"); i++) {
            decoder.decode("{\"y\":1,\"n%d\":1}".formatted(i).getBytes(StandardCharsets.UTF_8), new RecordHeaders(), x);
        }
        String form = isExample ? "{\"label\": 1, \"features\": {\"%s\": 1}}" : "{\"y\": 1, \"%s\": 1}";
        for (String half :
                List.of("\\ud83d", "\\ude00", "a\\ud83db", "\\ud83d\\ud83d\\ude00", "\\ud83d\\ude00\\ude00")) {
            byte[] whole = form.formatted("\\ud83d\\ude00").getBytes(StandardCharsets.UTF_8);
            decoder.decode(whole, new RecordHeaders(), x);
            assertThat(x.name(0)).isEqualTo("\uD83D\uDE00");
            assertThat(outcome(decoder, form.formatted(half).getBytes(StandardCharsets.UTF_8)))
                    .as(half)
                    .isEqualTo("UNREADABLE");
            String unused = "{\"y\": 1, \"a\": [{\"%s\": 1}]}".formatted(half);
            assertThat(outcome(decoder, unused.getBytes(StandardCharsets.UTF_8)))
                    .as(unused)
                    .isEqualTo("UNREADABLE");
        }
    }

    // ---- hostile values

    @Test
    void depthAndDigitsAndFieldsAreLimited() throws Rejection {
        assertThat(rejection("{\"y\":1,\"a\":" + "[".repeat(100_000)).reason()).isEqualTo(Reason.UNREADABLE);
        assertThat(rejection("{\"y\":1" + ",\"a\":{\"b\":1".repeat(100_000)).reason())
                .isEqualTo(Reason.UNREADABLE);
        assertThat(rejection("{\"y\":1,\"a\":" + "9".repeat(1000) + "}").reason())
                .isEqualTo(Reason.UNREADABLE);
        assertThat(rejection("{\"y\":1,\"a\":1." + "9".repeat(1000) + "}").reason())
                .isEqualTo(Reason.UNREADABLE);
        StringBuilder wide = new StringBuilder("{\"y\":1");
        for (int i = 0; i < 70_000; i++) {
            wide.append(",\"").append(i).append("\":1");
        }
        assertThat(rejection(wide.append("}").toString()).reason()).isEqualTo(Reason.TOO_LARGE);
        assertThat(rejection("{\"y\":1,\"a\":[1" + ",1".repeat(70_000) + "]}").reason())
                .isEqualTo(Reason.TOO_LARGE);
        String nested = "{\"" + "n".repeat(9000) + "\":";
        assertThat(rejection("{\"y\":1,\"a\":" + nested.repeat(100) + "1" + "}".repeat(101))
                        .reason())
                .isEqualTo(Reason.TOO_LARGE);
    }

    @Test
    void namesThatAreDataDoNotFillTheMemory() throws Rejection {
        JsonDecoder decoder = new JsonDecoder(mapping(), true);
        // names of 20 MB together, of which a bounded part is kept; the heap of tests would not hold their encoders
        String rest = "k".repeat(900);
        for (int i = 0; i < 20_000; i++) {
            decoder.decode(
                    "{\"y\":1,\"%s%d\":1}".formatted(rest, i).getBytes(StandardCharsets.UTF_8), new RecordHeaders(), x);
            assertThat(x.size()).isEqualTo(1);
        }
        assertThat(decoder.rememberedFields()).isLessThan(70_000);
        assertThat(decoder.categories()).hasSizeLessThanOrEqualTo(decoder.rememberedFields());
        // the fields of values that are rejected count as well
        for (int i = 0; i < 20_000; i++) {
            byte[] value = "{\"y\":1,\"n%d\":1,\"z\":}".formatted(i).getBytes(StandardCharsets.UTF_8);
            assertThatThrownBy(() -> decoder.decode(value, new RecordHeaders(), x))
                    .isInstanceOf(Rejection.class);
        }
        assertThat(decoder.categories()).hasSizeLessThanOrEqualTo(decoder.rememberedFields());
        assertThat(decoder.rememberedFields()).isLessThan(10_000);
        // what is still there is looked at again
        for (int i = 0; i < 100; i++) {
            decoder.decode(
                    "{\"y\":1,\"c\":\"v%d\"}".formatted(i).getBytes(StandardCharsets.UTF_8), new RecordHeaders(), x);
        }
        assertThat(decoder.categories().get("c").isAllDifferent()).isTrue();
    }

    /** A value must be read in the same way whatever was read before it, or a replay would not agree. */
    @Test
    void whatIsNotUtf8IsUnreadableWhateverCameBefore() throws Rejection {
        JsonDecoder fresh = new JsonDecoder(mapping(), true);
        JsonDecoder used = new JsonDecoder(mapping(), true);
        for (int i = 0; i < 10_000; i++) {
            used.decode("{\"y\":1,\"n%d\":1}".formatted(i).getBytes(StandardCharsets.UTF_8), new RecordHeaders(), x);
        }
        // overlong, half of a surrogate pair, beyond Unicode, and half of a character
        for (byte[] bad : new byte[][] {
            {(byte) 0xc1, (byte) 0x81},
            {(byte) 0xed, (byte) 0xa0, (byte) 0x80},
            {(byte) 0xf5, (byte) 0x80, (byte) 0x80, (byte) 0x80},
            {(byte) 0xe2, (byte) 0x82}
        }) {
            for (String place :
                    List.of("{\"y\":1,\"a|b\":1}", "{\"y\":1,\"a\":\"c|d\"}", "{\"y\":1,\"a\":[{\"e\":\"|\"}]}")) {
                ByteArrayOutputStream value = new ByteArrayOutputStream();
                value.writeBytes(place.substring(0, place.indexOf('|')).getBytes(StandardCharsets.UTF_8));
                value.writeBytes(bad);
                value.writeBytes(place.substring(place.indexOf('|') + 1).getBytes(StandardCharsets.UTF_8));
                assertThat(outcome(fresh, value.toByteArray())).isEqualTo("UNREADABLE");
                assertThat(outcome(used, value.toByteArray())).isEqualTo("UNREADABLE");
            }
        }
        String longName = "{\"y\":1,\"%s\":1}".formatted("ä".repeat(60_000));
        byte[] value = longName.getBytes(StandardCharsets.UTF_8);
        assertThat(outcome(used, value)).isEqualTo(outcome(fresh, value)).contains("ä");
    }

    @Test
    void damagedValuesAreRejectedAndAffectNoOther(Random random) throws Rejection {
        int count = Integer.getInteger("thalweg.fuzz", 3000);
        settings.putAll(Map.of("id.field", "id", "features.cross", "city*tags", "features.numeric", "text"));
        JsonDecoder decoder = new JsonDecoder(mapping(), true);
        JsonDecoder undisturbed = new JsonDecoder(mapping(), true);
        JsonDecoder parsing = JsonDecoder.withoutShortcut(mapping());
        int read = 0;
        int rejected = 0;
        for (int i = 0; i < count; i++) {
            String json = event(random).json;
            byte[] whole = json.getBytes(StandardCharsets.UTF_8);
            byte[] damaged = damage(random, whole);
            String expected = outcome(parsing, damaged);
            try {
                decoder.decode(damaged, new RecordHeaders(), x);
                read++;
                assertThat(text(x)).isEqualTo(expected);
            } catch (Rejection e) {
                rejected++;
                assertThat(e.reason().toString()).isEqualTo(expected);
            }
            decoder.decode(whole, new RecordHeaders(), x);
            String after = text(x);
            undisturbed.decode(whole, new RecordHeaders(), x);
            assertThat(after).isEqualTo(text(x));
        }
        assertThat(read + rejected).isEqualTo(count);
        assertThat(rejected).isGreaterThan(count / 4);
    }

    private static byte[] damage(Random random, byte[] whole) {
        byte[] damaged = whole.clone();
        switch (random.nextInt(4)) {
            case 0 -> damaged = Arrays.copyOf(whole, random.nextInt(whole.length));
            case 1 -> {
                for (int i = 0; i <= random.nextInt(4); i++) {
                    damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
                }
            }
            case 2 -> {
                String signs = "{}[]\",:0eE-+.\\u\0\u007f";
                damaged[random.nextInt(damaged.length)] = (byte) signs.charAt(random.nextInt(signs.length()));
            }
            default -> {
                int from = random.nextInt(whole.length);
                int length = random.nextInt(whole.length - from);
                System.arraycopy(whole, from, damaged, random.nextInt(whole.length - length), length);
            }
        }
        return damaged;
    }

    @Test
    void aNameWithADotInOneObjectIsNotTheFieldOfAnother() throws Rejection {
        JsonDecoder decoder = new JsonDecoder(mapping(), true);
        // each order of the two ways to the same name, so that each is expected where the other comes
        for (String json : List.of(
                "{\"y\":1,\"a\":{\"b\":1,\"c\":2},\"d\":3}",
                "{\"y\":1,\"a.b\":1,\"a.c\":2,\"d\":3}",
                "{\"y\":1,\"a\":{\"b\":1,\"c\":2},\"d\":3}",
                "{\"y\":1,\"a.b\":1,\"c\":2,\"d\":3}",
                "{\"y\":1,\"a.b\":1,\"a.c\":2,\"d\":3}")) {
            decoder.decode(json.getBytes(StandardCharsets.UTF_8), new RecordHeaders(), x);
            String read = text(x);
            JsonDecoder.withoutShortcut(mapping())
                    .decode(json.getBytes(StandardCharsets.UTF_8), new RecordHeaders(), x);
            assertThat(read).isEqualTo(text(x));
        }
    }

    /** The scanner of plain JSON must read nothing in another way than the parser does. */
    @Test
    void whatIsReadWithoutTheParserIsWhatTheParserReads(Random random) {
        settings.putAll(Map.of("id.field", "id", "importance.field", "w", "features.numeric", "n"));
        JsonDecoder decoder = new JsonDecoder(mapping(), true);
        JsonDecoder parsing = JsonDecoder.withoutShortcut(mapping());
        String[] names = {
            "id",
            "w",
            "n",
            "a",
            "b",
            "a.b",
            "y",
            "",
            "q\\\"",
            "\\u0061",
            "ä",
            "\\u00e4",
            "größe€",
            // eight bytes are compared at once: those around multiples of eight, and the same but for one byte
            "four",
            "fivee",
            "number0",
            "number1",
            "twelve-bytes",
            "twelve-bytez",
            "thirteen-byte",
            "a-name-of-more-than-sixteen-bytes",
            "a-name-of-more-thaN-sixteen-bytes",
            "a-name-of-more-than-sixteen-bytez"
        };
        String[] values = {
            "0",
            "-0",
            "-0.0",
            "1",
            "-1",
            "01",
            "1.",
            ".5",
            "-",
            "1.50",
            "123456789012345678",
            "1234567890123456789",
            "0.1",
            "3.14159",
            "0.000000000000001",
            "123456789012345.6",
            "12345678901234.5",
            "1e5",
            "1E-3",
            "true",
            "false",
            "null",
            "tru",
            "nullx",
            "NaN",
            "\"\"",
            "\"x\"",
            "\"1.5\"",
            "\"a\\nb\"",
            "\"ü\"",
            "\"\\u00fc\"",
            "\"\\u00FC\\\"\"",
            "\"\\ud83d\\ude00\"",
            "\"\\ud83d\"",
            "\"\\ude00\"",
            "\"\\ud83d\\u0041\"",
            "\"\\u00g0\"",
            "\"\\x\"",
            "\"\\u00\"",
            "\"\\/\\b\\f\\n\\r\\t\\\\\"",
            "\"\\",
            "\"\\u0000\"",
            "\"\u007f\"",
            "\"\t\"",
            "[1]",
            "{}",
            "{\"a\":1}",
            "{\"a\":{\"b\":2}}",
            "+1",
            "1 2",
            "-a",
            "1.5.5",
            "0.50",
            // below the parser's limit, and above it
            "0." + "0".repeat(400),
            "0." + "0".repeat(600),
            "1e" + "0".repeat(600),
            "1." + "5".repeat(600)
        };
        int count = Integer.getInteger("thalweg.fuzz", 20_000);
        List<String> order = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            StringBuilder json = new StringBuilder(random.nextInt(20) == 0 ? " " : "").append("{");
            // mostly in the order of the value before, which the scanner expects
            if (random.nextInt(4) == 0) {
                order.clear();
                random.ints(1 + random.nextInt(5), 0, names.length).forEach(name -> order.add(names[name]));
            }
            boolean isSpaced = random.nextInt(4) == 0;
            for (int k = 0; k < order.size(); k++) {
                String space = random.nextInt(10) == 0 ? " \n\t\r".substring(random.nextInt(4)) : isSpaced ? " " : "";
                json.append(k == 0 ? "" : ",")
                        .append(space)
                        .append('"')
                        .append(order.get(k))
                        .append('"')
                        .append(random.nextInt(10) == 0 ? space : "")
                        .append(':')
                        .append(space)
                        .append(
                                random.nextInt(3) == 0
                                        ? number(random)
                                        : random.nextInt(5) == 0 ? text(random) : values[random.nextInt(values.length)])
                        .append(random.nextInt(10) == 0 ? space : "");
            }
            json.append(random.nextInt(20) == 0 ? "" : "}").append(random.nextInt(20) == 0 ? "x" : "");
            byte[] value = json.toString().getBytes(StandardCharsets.UTF_8);
            if (random.nextInt(10) == 0 && value.length > 1) {
                value = damage(random, value);
            }

            assertThat(outcome(decoder, value)).as("%s", json).isEqualTo(outcome(parsing, value));
        }
    }

    private static String number(Random random) {
        StringBuilder digits = new StringBuilder(random.nextInt(4) == 0 ? "-" : "");
        random.ints(1 + random.nextInt(20), 0, 10).forEach(digits::append);
        if (random.nextInt(3) > 0) {
            digits.insert(random.nextInt(digits.length() + 1), '.');
        }
        if (random.nextInt(4) == 0) {
            digits.append(random.nextBoolean() ? "e" : "E")
                    .append(List.of("", "+", "-", "--").get(random.nextInt(4)))
                    .append(random.nextInt(10) == 0 ? "" : random.nextInt(400));
        }
        if (random.nextInt(50) == 0) {
            digits.append("7".repeat(random.nextInt(80)));
        }
        return random.nextInt(4) == 0 ? String.valueOf(random.nextGaussian()) : digits.toString();
    }

    /** Text of any length up to three times eight bytes, with some characters that can be anything. */
    private static String text(Random random) {
        StringBuilder text = new StringBuilder("abcdefghijklmnopqrstuvwxyz".substring(random.nextInt(27)));
        for (int i = random.nextInt(4); i > 0; i--) {
            int most = List.of(0x180, 0x900, 0x10000, 0x110000).get(random.nextInt(4));
            String any = Character.toString(random.nextInt(most));
            // half of a surrogate pair can only be written with an escape
            boolean isEscaped = random.nextBoolean() || any.length() == 1 && Character.isSurrogate(any.charAt(0));
            String written =
                    isEscaped ? any.chars().mapToObj("\\u%04x"::formatted).collect(Collectors.joining()) : any;
            text.insert(random.nextInt(text.length() + 1), written);
        }
        return "\"" + text + "\"";
    }

    private String outcome(ValueDecoder decoder, byte[] value) {
        try {
            decoder.decode(value, new RecordHeaders(), x);
            return text(x);
        } catch (Rejection e) {
            // of two faults, one may see the other first
            return e.reason().toString();
        }
    }

    // ---- settings

    @Test
    void fieldsAreDescribedFromSomeValues() {
        settings.putAll(Map.of("id.field", "id", "features.exclude", "e"));
        List<byte[]> values = List.of(
                "{\"id\": 1, \"y\": 1, \"n\": null, \"e\": 5}".getBytes(StandardCharsets.UTF_8),
                "not JSON".getBytes(StandardCharsets.UTF_8),
                "{\"id\": 2, \"y\": 0, \"n\": 2, \"c\": \"x\", \"o\": {\"p\": 1}}".getBytes(StandardCharsets.UTF_8));

        assertThat(JsonDecoder.summary(values, mapping(), null).orElseThrow().lines())
                .containsExactly("label: y", "id: id", "numbers: n, o.p", "categories: c", "excluded: e");
        settings.put("features.exclude", "");
        assertThat(JsonDecoder.summary(
                                List.of("{\"id\": 1, \"y\": \"yes\", \"n\": 5}".getBytes(StandardCharsets.UTF_8)),
                                mapping(),
                                null)
                        .orElseThrow()
                        .lines())
                .first()
                .asString()
                .startsWith("label: y (text such as true or yes is 1");
    }

    @Test
    void onlyFieldsThatEveryEventNeedsMustBeInSomeValue() {
        settings.putAll(Map.of(
                "id.field",
                "id",
                "features.exclude",
                "e",
                "features.numeric",
                "n",
                "features.categorical",
                "list, map, nested, c",
                "features.buckets",
                "b:1",
                "features.cross",
                "c*d",
                "features.time",
                "at[iso]:hour",
                "importance.field",
                "i"));
        // a list or map without items is there
        List<byte[]> values = List.of("{\"id\": 1, \"y\": 1, \"list\": [], \"map\": {}, \"nested\": {\"k\": []}}"
                .getBytes(StandardCharsets.UTF_8));

        JsonSummary summary = JsonDecoder.summary(values, mapping(), null).orElseThrow();

        assertThat(summary.missing())
                .containsExactlyInAnyOrderEntriesOf(Map.of(
                        "e",
                        "features.exclude",
                        "n",
                        "features.numeric",
                        "c",
                        "features.categorical",
                        "b",
                        "features.buckets",
                        "d",
                        "features.cross",
                        "at",
                        "features.time",
                        "i",
                        "importance.field"));
        assertThat(summary.lines()).last().isEqualTo("always empty: list, map, nested");
        for (String setting : new String[] {"label", "id.field", "model.from"}) {
            Map<String, String> before = Map.copyOf(settings);
            settings.put(setting, setting.equals("model.from") ? "field:gone" : "gone");
            assertThatThrownBy(() -> JsonDecoder.summary(values, mapping(), null))
                    .isInstanceOf(MappingException.class)
                    .hasMessageContaining(setting + ": there is no field gone; the event has id, y, list");
            settings.putAll(before);
            settings.keySet().retainAll(before.keySet());
        }
    }

    @Test
    void settingsThatNeedASchemaAreRefused() {
        Map<String, String> json = new HashMap<>(Map.of("label", "y", "examples.format", "json"));
        assertThat(new ThalwegConfig(json).replayedSettings("")).containsEntry("examples.format", "json");
        assertThat(new ThalwegConfig(Map.of("label", "y")).replayedSettings(""))
                .doesNotContainKeys("examples.format", "labels.format");
        json.put("events.types", "Order");
        assertThatThrownBy(() -> new ThalwegConfig(json))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("events.types");
        json.remove("events.types");
        json.put("features.time", "at:hour");
        assertThatThrownBy(() -> new ThalwegConfig(json))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("at[iso]:hour");
    }
}
