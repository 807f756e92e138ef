package io.thalweg.input;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.Example;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class RecordReaderTest {
    private static final int LIMIT = 10_000;
    private static final byte[] VALUE = new byte[10];
    private static final Headers NONE = new RecordHeaders();

    private final RecordReader reader =
            new RecordReader(id -> io.thalweg.avro.Example.getClassSchema(), "default", LIMIT);
    private final RecordReader keyed = new RecordReader(id -> io.thalweg.avro.Example.getClassSchema(), "", LIMIT);

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static Rejection rejected(RecordReader reader, byte[] key, byte[] value, Headers headers) {
        Rejection rejection = catchThrowableOfType(Rejection.class, () -> reader.modelId(key, value, headers));
        assertThat(rejection).as("should be rejected").isNotNull();
        return rejection;
    }

    @ParameterizedTest
    @ValueSource(strings = {"m", "a model", "Zürich", "模型", "😀", " ", "\n", "\u0001"})
    void aKeyIsAModelId(String key) throws Rejection {
        assertThat(reader.modelId(utf8(key), VALUE, NONE)).isEqualTo(key);
        assertThat(reader.modelId(utf8(key), null, NONE)).isEqualTo(key);
    }

    @Test
    void oneKeyAfterAnother() throws Rejection {
        for (String key : new String[] {"a", "b", "b", "a", "c"}) {
            assertThat(reader.modelId(utf8(key), VALUE, NONE)).isEqualTo(key);
        }
        // a bad one between two good ones changes neither
        rejected(reader, new byte[0], VALUE, NONE);
        assertThat(reader.modelId(utf8("c"), VALUE, NONE)).isEqualTo("c");
        assertThat(reader.modelId(null, VALUE, NONE)).isEqualTo("default");
        assertThat(reader.modelId(utf8("c"), VALUE, NONE)).isEqualTo("c");
    }

    static Stream<Arguments> badKeys() {
        return Stream.of(
                Arguments.of("empty", new byte[0]),
                Arguments.of("NUL", utf8("a\0b")),
                Arguments.of("only NUL", new byte[1]),
                Arguments.of("1025 bytes", utf8("x".repeat(1025))),
                Arguments.of("1026 bytes of two each", utf8("ä".repeat(513))),
                Arguments.of("a stray continuation", new byte[] {'a', (byte) 0x80}),
                Arguments.of("cut short", new byte[] {(byte) 0xc3}),
                Arguments.of("overlong", new byte[] {(byte) 0xc0, (byte) 0xaf}),
                Arguments.of("overlong NUL", new byte[] {(byte) 0xc0, (byte) 0x80}),
                Arguments.of("a surrogate", new byte[] {(byte) 0xed, (byte) 0xa0, (byte) 0x80}),
                Arguments.of("beyond Unicode", new byte[] {(byte) 0xf4, (byte) 0x90, (byte) 0x80, (byte) 0x80}),
                Arguments.of("an int, as Kafka's IntegerSerializer writes it", new byte[] {0, 0, 1, 7}),
                Arguments.of("the bytes of a UUID", new byte[] {
                    0x5c, (byte) 0xe3, 0x1b, 0x7f, 0x41, 0x6a, 0x4d, 0x0e, (byte) 0x9b, 1, 2, 3, 4, 5, 6, 7
                }),
                Arguments.of("a long, as Kafka's LongSerializer writes it", new byte[] {0, 0, 0, 0, 0, 0, 0, 7}));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("badKeys")
    void aKeyThatIsNot(String what, byte[] key) {
        for (RecordReader each : new RecordReader[] {reader, keyed}) {
            assertThat(rejected(each, key, VALUE, NONE).reason()).isEqualTo(Reason.BAD_KEY);
            assertThat(rejected(each, key, null, NONE).reason()).isEqualTo(Reason.BAD_KEY);
        }
    }

    @Test
    void aKeyOf1024Bytes() throws Rejection {
        assertThat(reader.modelId(utf8("x".repeat(1024)), VALUE, NONE)).hasSize(1024);
        assertThat(reader.modelId(utf8("ä".repeat(512)), VALUE, NONE)).hasSize(512);
        // what is a replacement character already is UTF-8
        assertThat(reader.modelId(utf8("\ufffd"), VALUE, NONE)).isEqualTo("\ufffd");
    }

    @Test
    void noKeyMeansTheModelOfTheSettingOrNone() throws Rejection {
        assertThat(reader.modelId(null, VALUE, NONE)).isEqualTo("default");
        assertThat(reader.modelId(null, null, NONE)).isEqualTo("default");
        assertThat(rejected(keyed, null, VALUE, NONE).reason()).isEqualTo(Reason.NO_KEY);
        assertThat(rejected(keyed, null, null, NONE).reason()).isEqualTo(Reason.NO_KEY);
    }

    private Rejection unreadable(byte[] value, Headers headers) {
        Rejection rejection = catchThrowableOfType(
                Rejection.class,
                () -> reader.read(
                        InputRecord.produced(new TopicPartition("t", 0), 0, 0, utf8("m"), value, headers),
                        new Example()));
        assertThat(rejection.reason()).isEqualTo(Reason.UNREADABLE);
        return rejection;
    }

    @Test
    void aForeignFrameIsNamedForWhatItIs() {
        assertThat(unreadable(utf8("{\"a\": 1}"), NONE))
                .hasMessage("the value looks like JSON, and examples.format is avro; if the topic holds JSON, set"
                        + " examples.format=json");
        assertThat(unreadable(utf8("[1]"), NONE)).hasMessageContaining("looks like a JSON list, which is not read");
        assertThat(unreadable(
                        ByteBuffer.allocate(30).put((byte) 3).put((byte) 5).array(), NONE))
                .hasMessageContaining("AWS Glue");
        for (int length : new int[] {0, 4, 6, 17}) {
            Headers headers = new RecordHeaders().add("__value_schema_id", new byte[length]);
            assertThat(unreadable(new byte[30], headers))
                    .hasMessageContaining("the header __value_schema_id has neither");
        }
        assertThat(unreadable(utf8("text"), NONE)).hasMessageContaining("does not begin with a zero byte");
    }

    private static Rejection unreadable(Map<String, String> settings, InputRecord record) {
        RecordReader of = new RecordReader(id -> null, new ThalwegConfig(settings), "m");
        Rejection rejection = catchThrowableOfType(Rejection.class, () -> of.read(record, new Example()));
        assertThat(rejection.reason()).isEqualTo(Reason.UNREADABLE);
        return rejection;
    }

    private static InputRecord record(byte[] value, Headers headers) {
        return InputRecord.produced(new TopicPartition("t", 0), 0, 0, null, value, headers);
    }

    @Test
    void aValueInAnotherFormatNamesTheSettingOfItsTopic() {
        Map<String, String> late = Map.of("labels.topic", "l", "id.field", "id", "labels.id.field", "id");
        Map<String, String> labelsInJson = new HashMap<>(late);
        labelsInJson.put("labels.format", "json");
        InputRecord json = record(utf8("{\"id\": 1}"), NONE);
        InputRecord framed = record(new byte[] {0, 0, 0, 0, 1, 2, 3}, NONE);
        InputRecord headed = record(new byte[] {2, 3}, new RecordHeaders().add("__value_schema_id", new byte[5]));
        assertThat(unreadable(late, json.asLabel())).hasMessageEndingWith("set labels.format=json");
        for (InputRecord avro : new InputRecord[] {framed, headed}) {
            assertThat(unreadable(labelsInJson, avro.asLabel()))
                    .hasMessageContaining("not JSON")
                    .hasMessageEndingWith("it names a schema, so if the topic holds Avro, set labels.format=avro");
            for (Map<String, String> events : List.of(
                    Map.of("examples.format", "json"),
                    Map.of("examples.format", "json", "label", "y"),
                    Map.of("examples.format", "json", "label", "y", "events.unwrap", "after"))) {
                assertThat(unreadable(events, avro)).hasMessageEndingWith("set examples.format=avro");
            }
        }
        for (Headers headers : List.of(NONE, new RecordHeaders().add("__value_schema_id", new byte[5]))) {
            assertThat(unreadable(Map.of("examples.format", "json", "label", "y"), record(utf8("{\"id\": "), headers)))
                    .hasMessage("the value is not JSON: it ends early");
        }
    }

    @Test
    void theSchemaInAHeaderComesBeforeWhatLooksLikeAFrame() throws Exception {
        UUID guid = UUID.fromString("01234567-89ab-cdef-0123-456789abcdef");
        Schema number = SchemaBuilder.record("A")
                .fields()
                .requiredLong("first")
                .requiredBoolean("clicked")
                .endRecord();
        SchemaSource source = new SchemaSource() {
            @Override
            public Schema writerSchema(int id) throws UnknownSchemaException {
                if (id != 7) {
                    throw new UnknownSchemaException(id);
                }
                return number;
            }

            @Override
            public Schema writerSchema(UUID asked) throws UnknownSchemaException {
                if (!asked.equals(guid)) {
                    throw new UnknownSchemaException(asked);
                }
                return number;
            }
        };
        RecordReader mapped =
                new RecordReader(source, new ThalwegConfig(Map.of("label", "clicked", "model.from", "fixed:m")), "");
        // 0, which is also the first byte of a frame, and true; the same with a frame
        byte[] bare = {0, 1};
        byte[] framed = {0, 0, 0, 0, 7, 0, 1};
        Headers byGuid = headerWith(guid);
        Headers byId = new RecordHeaders().add("__value_schema_id", new byte[] {0, 0, 0, 0, 7});
        Example x = new Example();
        for (int i = 0; i < 3; i++) {
            for (Headers headers : List.of(byGuid, byId, NONE)) {
                mapped.read(
                        InputRecord.produced(
                                new TopicPartition("t", 0), 0, 0, null, headers == NONE ? framed : bare, headers),
                        x);
                assertThat(x.label()).isEqualTo(1);
                assertThat(x.name(0)).isEqualTo("first");
                assertThat(x.value(0)).isZero();
            }
        }
        Headers unknown = new RecordHeaders()
                .add("__value_schema_id", new byte[] {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
        Rejection rejection = catchThrowableOfType(
                Rejection.class,
                () -> mapped.read(InputRecord.produced(new TopicPartition("t", 0), 0, 0, null, bare, unknown), x));
        assertThat(rejection.reason()).isEqualTo(Reason.UNKNOWN_SCHEMA);
        assertThat(rejection).hasMessageContaining("GUID 01010101-0101-0101-0101-010101010101");
    }

    /** Knows the JSON Schemas 7 and {@link #KNOWN}, and counts how often it is asked. */
    private static final class JsonSchemas implements SchemaSource {
        private static final UUID KNOWN = UUID.fromString("01234567-89ab-cdef-0123-456789abcdef");
        private final List<Object> asked = new ArrayList<>();
        private boolean isDown;

        @Override
        public Schema writerSchema(int id) {
            throw new AssertionError("asked for an Avro schema");
        }

        @Override
        public void checkJsonSchema(int id) throws UnknownSchemaException {
            ask(id);
            if (id != 7) {
                throw new UnknownSchemaException(id);
            }
        }

        @Override
        public void checkJsonSchema(UUID guid) throws UnknownSchemaException {
            ask(guid);
            if (!guid.equals(KNOWN)) {
                throw new UnknownSchemaException(guid);
            }
        }

        private void ask(Object idOrGuid) {
            asked.add(idOrGuid);
            if (isDown) {
                throw new SchemaSourceException("down", null);
            }
        }
    }

    private static Headers headerWith(UUID guid) {
        return new RecordHeaders()
                .add(
                        "__value_schema_id",
                        ByteBuffer.allocate(17)
                                .put((byte) 1)
                                .putLong(guid.getMostSignificantBits())
                                .putLong(guid.getLeastSignificantBits())
                                .array());
    }

    private static byte[] framed(int id, String json) {
        byte[] text = utf8(json);
        return ByteBuffer.allocate(5 + text.length)
                .put((byte) 0)
                .putInt(id)
                .put(text)
                .array();
    }

    @ParameterizedTest
    @MethodSource("settingsOfJson")
    void theIdOfAJsonSchemaIsLookedUpIfAsked(Map<String, String> settings, boolean isLabel, String json)
            throws Exception {
        JsonSchemas schemas = new JsonSchemas();
        Map<String, String> lookup = new HashMap<>(settings);
        lookup.put("json.schema.lookup", "true");
        RecordReader asking = new RecordReader(schemas, new ThalwegConfig(lookup), "m");
        Example x = new Example();
        InputRecord[] named = {
            record(framed(7, json), NONE),
            record(utf8(json), new RecordHeaders().add("__value_schema_id", new byte[] {0, 0, 0, 0, 7})),
            record(utf8(json), headerWith(JsonSchemas.KNOWN))
        };
        for (InputRecord record : named) {
            for (int i = 0; i < 2; i++) {
                asking.read(isLabel ? record.asLabel() : record, x);
                assertThat(x.label()).isEqualTo(1);
            }
        }
        // once for each, as the one in the frame and the one in the header are the same
        assertThat(schemas.asked).containsExactly(7, JsonSchemas.KNOWN);
        InputRecord plain = record(utf8(json), NONE);
        asking.read(isLabel ? plain.asLabel() : plain, x);
        assertThat(schemas.asked).hasSize(2);

        for (InputRecord record :
                new InputRecord[] {record(framed(8, json), NONE), record(utf8(json), headerWith(new UUID(1, 2)))}) {
            Rejection rejection =
                    catchThrowableOfType(Rejection.class, () -> asking.read(isLabel ? record.asLabel() : record, x));
            assertThat(rejection.reason()).isEqualTo(Reason.UNKNOWN_SCHEMA);
            assertThat(rejection).hasMessageStartingWith("the schema registry has no schema with ");
        }
        // a replay does not ask again, although the registry knows it by now
        schemas.asked.clear();
        InputRecord before = named[0].withUnknownSchema();
        assertThat(catchThrowableOfType(Rejection.class, () -> asking.read(isLabel ? before.asLabel() : before, x))
                        .reason())
                .isEqualTo(Reason.UNKNOWN_SCHEMA);
        assertThat(schemas.asked).isEmpty();

        schemas.isDown = true;
        assertThatThrownBy(() -> asking.read(isLabel ? named[0].asLabel() : named[0], x))
                .isInstanceOf(SchemaSourceException.class);

        schemas.asked.clear();
        RecordReader notAsking = new RecordReader(schemas, new ThalwegConfig(settings), "m");
        InputRecord unknown = record(framed(8, json), NONE);
        notAsking.read(isLabel ? unknown.asLabel() : unknown, x);
        assertThat(schemas.asked).isEmpty();
    }

    static Stream<Arguments> settingsOfJson() {
        return Stream.of(
                arguments(Map.of("examples.format", "json"), false, "{\"label\": 1, \"features\": [1.5]}"),
                arguments(Map.of("examples.format", "json", "label", "y"), false, "{\"y\": true, \"a\": 1}"),
                arguments(
                        Map.of("examples.format", "json", "label", "y", "events.unwrap", "after"),
                        false,
                        "{\"op\": \"c\", \"before\": null, \"after\": {\"y\": true, \"a\": 1}}"),
                arguments(
                        Map.of(
                                "labels.format", "json",
                                "labels.topic", "l",
                                "id.field", "id",
                                "labels.id.field", "id",
                                "labels.label", "y"),
                        true,
                        "{\"id\": \"e\", \"y\": 1}"));
    }

    @Test
    void aKeyThatIsANumberNamesTheSettingThatHelps() {
        RecordReader mapped = new RecordReader(
                id -> io.thalweg.avro.Example.getClassSchema(), new ThalwegConfig(Map.of("label", "clicked")), "");
        assertThat(rejected(mapped, new byte[] {0, 0, 0, 0, 0, 0, 0, 7}, VALUE, NONE))
                .hasMessageContaining("model.from=fixed:NAME")
                .hasMessageContaining("model.from=field:NAME");
    }

    @Test
    void theLimitIsOnKeyValueAndHeadersTogether() throws Rejection {
        byte[] key = utf8("model");
        reader.modelId(key, new byte[LIMIT - 5], NONE);
        assertThat(rejected(reader, key, new byte[LIMIT - 4], NONE).reason()).isEqualTo(Reason.TOO_LARGE);
        assertThat(rejected(reader, null, new byte[LIMIT + 1], NONE).reason()).isEqualTo(Reason.TOO_LARGE);

        // as on the wire: a header is its key and its value, each after its length in one byte or more
        Headers headers = new RecordHeaders().add("name", new byte[50]).add("none", null);
        int size = (1 + 4 + 1 + 50) + (1 + 4 + 1);
        reader.modelId(key, new byte[LIMIT - 5 - size], headers);
        assertThat(rejected(reader, key, new byte[LIMIT - 4 - size], headers).reason())
                .isEqualTo(Reason.TOO_LARGE);
        assertThat(rejected(reader, key, null, new RecordHeaders().add("h", new byte[LIMIT]))
                        .reason())
                .isEqualTo(Reason.TOO_LARGE);
    }

    @ParameterizedTest
    @CsvSource({"63,1", "64,2", "8191,2", "8192,3", "1048575,3", "1048576,4"})
    void aLengthHasAsManyBytesAsOnTheWire(int length, int bytes) {
        Headers headers = new RecordHeaders().add("h", new byte[length]);
        assertThat(RecordReader.size(null, null, headers)).isEqualTo(1 + 1 + bytes + length);
    }

    @Test
    void aHeaderCountsAsTheBytesThatItHas() {
        assertThat(rejected(reader, null, null, new RecordHeaders().add("€".repeat(LIMIT / 3), null))
                        .reason())
                .isEqualTo(Reason.TOO_LARGE);
        Headers many = new RecordHeaders();
        for (int i = 0; i < LIMIT / 2; i++) {
            many.add("h", null);
        }
        assertThat(rejected(reader, null, null, many).reason()).isEqualTo(Reason.TOO_LARGE);
    }
}
