package io.thalweg.input;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.thalweg.config.KeyFormat;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.RecordReader.InputKind;
import io.thalweg.math.Example;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Change events of Debezium, in all the ways in which they are written, and the keys that come with them. */
class ChangeEventsTest {
    /** How change events are written. */
    private enum Form {
        AVRO,
        JSON,
        /** With the schema beside the payload. */
        JSON_WITH_SCHEMA
    }

    private static final Schema ENVELOPE = new Schema.Parser().parse("""
            {"type":"record","name":"shop.orders.Envelope","fields":[
              {"name":"before","type":["null",{"type":"record","name":"Value","fields":[
                {"name":"id","type":"long"},{"name":"amount","type":"double"},
                {"name":"returned","type":["null","boolean"]}]}],"default":null},
              {"name":"after","type":["null","Value"],"default":null},
              {"name":"source","type":{"type":"record","name":"Source","fields":[
                {"name":"version","type":"string"},{"name":"ts_ms","type":"long"}]}},
              {"name":"op","type":"string"},
              {"name":"ts_ms","type":["null","long"],"default":null}]}""");

    private final Map<String, String> settings = new HashMap<>(
            Map.of("label", "returned", "id.field", "id", "events.unwrap", "after", "model.from", "fixed:m"));
    private final Example x = new Example();
    private RecordReader reader;

    private InputKind read(byte[] key, byte[] value) throws Rejection {
        reader = new RecordReader(id -> ENVELOPE, new ThalwegConfig(settings), "");
        return reader.read(InputRecord.produced(new TopicPartition("t", 0), 0, 0, key, value, new RecordHeaders()), x);
    }

    /** @param before the amount before; null for no row */
    private InputKind read(Form form, String op, Double before, Double after) throws Rejection {
        settings.put("examples.format", form == Form.AVRO ? "avro" : "json");
        return read(null, form == Form.AVRO ? avro(op, before, after) : json(form, op, before, after));
    }

    private static byte[] json(Form form, String op, Double before, Double after) {
        String event =
                "{\"before\": %s, \"after\": %s, \"source\": {\"after\": {}, \"op\": 1}, \"op\": \"%s\", \"ts_ms\": 3}"
                        .formatted(row(before), row(after), op);
        return utf8(
                form == Form.JSON
                        ? event
                        : "{\"schema\": {\"type\": \"struct\", \"op\": \"x\"}, \"payload\": " + event + "}");
    }

    private static String row(Double amount) {
        return amount == null ? "null" : "{\"id\": 7, \"amount\": %s, \"returned\": true}".formatted(amount);
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] avro(String op, Double before, Double after) {
        GenericRecord source =
                new GenericData.Record(ENVELOPE.getField("source").schema());
        source.put("version", "3");
        source.put("ts_ms", 3L);
        GenericRecord event = new GenericData.Record(ENVELOPE);
        event.put("before", avroRow(before));
        event.put("after", avroRow(after));
        event.put("source", source);
        event.put("op", op);
        return encode(ENVELOPE, event);
    }

    private static GenericRecord avroRow(Double amount) {
        if (amount == null) {
            return null;
        }
        GenericRecord row = new GenericData.Record(
                ENVELOPE.getField("after").schema().getTypes().get(1));
        row.put("id", 7L);
        row.put("amount", amount);
        row.put("returned", true);
        return row;
    }

    private static byte[] encode(Schema schema, Object datum) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(new byte[] {0, 0, 0, 0, 1});
        BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
        try {
            new GenericDatumWriter<>(schema).write(datum, encoder);
            encoder.flush();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        return out.toByteArray();
    }

    private void assertRow(double amount) {
        assertThat(x.size()).isEqualTo(1);
        assertThat(x.name(0)).isEqualTo("amount");
        assertThat(x.value(0)).isEqualTo(amount);
        assertThat(x.label()).isEqualTo(1);
        assertThat(x.id()).asString().isEqualTo("7");
    }

    @ParameterizedTest
    @EnumSource
    void aRowIsLearnedFromAsItIsAfterwards(Form form) throws Rejection {
        for (String op : new String[] {"c", "u", "r"}) {
            assertThat(read(form, op, 1.0, 2.0)).isEqualTo(InputKind.EXAMPLE);
            assertRow(2.0);
            assertThat(read(form, op, null, 3.0)).isEqualTo(InputKind.EXAMPLE);
            assertRow(3.0);
        }
        assertThat(reader.modelId()).isEqualTo("m");
    }

    @ParameterizedTest
    @EnumSource
    void deletesSnapshotsAndTombstonesArePassedOverOrNot(Form form) throws Rejection {
        assertThat(read(form, "d", 1.0, null)).isEqualTo(InputKind.OF_OTHER_TYPE);
        assertThat(read(form, "t", null, null)).isEqualTo(InputKind.OF_OTHER_TYPE);
        settings.put("model.from", "key");
        assertThat(read(utf8("no model is deleted"), null)).isEqualTo(InputKind.OF_OTHER_TYPE);
        settings.put("model.from", "fixed:m");

        settings.put("events.unwrap.deletes", "before");
        settings.put("events.unwrap.snapshots", "skip");
        assertThat(read(form, "r", null, 1.0)).isEqualTo(InputKind.OF_OTHER_TYPE);
        assertThat(read(form, "d", 4.0, null)).isEqualTo(InputKind.EXAMPLE);
        assertRow(4.0);
        Rejection rejection = catchThrowableOfType(Rejection.class, () -> read(form, "d", null, null));
        assertThat(rejection.reason()).isEqualTo(Reason.BAD_VALUE);
        assertThat(rejection).hasMessageContaining("before is null or missing", "events.unwrap.deletes=skip");
    }

    @Test
    void aTombstoneOfAConverterWithSchemasIsPassedOver() throws Rejection {
        settings.put("examples.format", "json");

        assertThat(read(null, utf8("{\"schema\": null, \"payload\": null}"))).isEqualTo(InputKind.OF_OTHER_TYPE);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"id\": 7, \"amount\": 1}",
                "{\"op\": \"c\", \"after\": {}, \"after\": {}}",
                "{\"op\": \"c\", \"op\": \"c\", \"after\": {}}",
                "{\"op\": \"c\", \"after\": null, \"after\": {\"id\": 7, \"amount\": 1, \"returned\": true}}",
                "{\"op\": 1, \"op\": \"c\", \"after\": {\"id\": 7, \"amount\": 1, \"returned\": true}}",
                "{\"op\": \"c\", \"after\": {\"id\": 7, \"amount\": 1, \"returned\": true},"
                        + " \"source\": 1, \"source\": 2}",
                "{\"op\": \"c\", \"after\": {\"id\": 7, \"amount\": 1, \"returned\": true},"
                        + " \"source\": {\"a\": 1, \"a\": 2}}",
                "{\"op\": \"c\", \"after\": {\"id\": 7, \"amount\": 1, \"returned\": true},"
                        + " \"before\": {\"a\": 1, \"a\": 2}}",
                "{\"schema\": {\"fields\": [{\"a\": 1, \"a\": 2}]}, \"payload\":"
                        + " {\"op\": \"c\", \"after\": {\"id\": 7, \"amount\": 1, \"returned\": true}}}",
                "{\"op\": 1, \"after\": {}}",
                "{\"op\": \"c\", \"after\": {}",
                "[]"
            })
    void whatIsNoChangeEventIsUnreadable(String json) {
        settings.put("examples.format", "json");

        assertThat(catchThrowableOfType(Rejection.class, () -> read(null, utf8(json)))
                        .reason())
                .isEqualTo(Reason.UNREADABLE);
    }

    @Test
    void anEventCutAnywhereIsUnreadable() {
        for (Form form : Form.values()) {
            settings.put("examples.format", form == Form.AVRO ? "avro" : "json");
            byte[] whole = form == Form.AVRO ? avro("u", 1.0, 2.0) : json(form, "u", 1.0, 2.0);
            for (int length = 0; length < whole.length; length++) {
                byte[] cut = Arrays.copyOf(whole, length);
                assertThat(catchThrowableOfType(Rejection.class, () -> read(null, cut)))
                        .as("%s, %d bytes", form, length)
                        .isNotNull();
            }
        }
    }

    @Test
    void settingsWithoutEffectAreRefused() {
        settings.remove("events.unwrap");
        settings.put("events.unwrap.deletes", "before");
        assertThatThrownBy(() -> new ThalwegConfig(settings))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("events.unwrap.deletes has no effect unless events.unwrap is after");
        settings.put("events.unwrap", "after");
        assertThat(new ThalwegConfig(settings).replayedSettings(""))
                .containsEntry("events.unwrap", "after")
                .containsEntry("events.unwrap.deletes", "before");
        settings.remove("label");
        settings.remove("events.unwrap.deletes");
        assertThatThrownBy(() -> new ThalwegConfig(settings))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("label is not");
    }

    // ---- keys

    private String model(String format, byte[] key) throws Rejection {
        settings.put("model.from", "key");
        settings.put("key.format", format);
        assertThat(read(key, avro("c", null, 1.0))).isEqualTo(InputKind.EXAMPLE);
        return reader.modelId();
    }

    private Rejection badKey(String format, byte[] key) {
        Rejection rejection = catchThrowableOfType(Rejection.class, () -> model(format, key));
        assertThat(rejection.reason()).isEqualTo(Reason.BAD_KEY);
        assertThat(rejection).hasMessageContaining("key.format is " + format);
        return rejection;
    }

    @Test
    void keysNameModelsInEachFormat() throws Rejection {
        assertThat(model("string", utf8("shop"))).isEqualTo("shop");
        assertThat(model("long", ByteBuffer.allocate(8).putLong(-12).array())).isEqualTo("-12");
        assertThat(model("json", utf8("\"shop \\u00e4\""))).isEqualTo("shop ä");
        assertThat(model("json", utf8("12"))).isEqualTo("12");
        assertThat(model("json", utf8("{\"id\": 12}"))).isEqualTo("12");
        assertThat(model("json", utf8("{\"schema\": {\"type\": \"struct\"}, \"payload\": {\"id\": 12}}")))
                .isEqualTo("12");

        badKey("long", utf8("shop"));
        for (String key : new String[] {
            "",
            "shop",
            "{}",
            "[1]",
            "null",
            "1.5",
            "{\"a\": 1, \"b\": 2}",
            "1 2",
            "\"\\ud800\"",
            "{\"schema\": {\"a\": 1, \"a\": 2}, \"payload\": 12}",
            "{\"schema\": {}, \"schema\": {}, \"payload\": 12}"
        }) {
            badKey("json", utf8(key));
        }
        badKey("json", new byte[] {'"', (byte) 0xc1, (byte) 0x81, '"'});
    }

    @ParameterizedTest
    @CsvSource({
        "STRING, shop \"ä\\, true",
        "JSON, shop \"ä\\, true",
        "JSON, 12, true",
        "LONG, -12, true",
        "LONG, 012, false",
        "LONG, shop, false",
        "LONG, 92233720368547758070, false",
        "AVRO, shop, false"
    })
    void aKeyThatIsWrittenIsRead(KeyFormat format, String model, boolean isPossible) throws Rejection {
        KeyEncoder encoder = new KeyEncoder(format);
        if (isPossible) {
            assertThat(model(format.toString(), encoder.encode(model))).isEqualTo(model);
        } else {
            assertThatThrownBy(() -> encoder.encode(model))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("key.format")
                    .hasMessageNotContaining("\n");
        }
    }

    @Test
    void keysInAvroAreTextANumberOrTheOnlyField() throws Rejection {
        Map<Schema, Object> keys = Map.of(
                Schema.create(Schema.Type.STRING),
                "shop",
                Schema.create(Schema.Type.LONG),
                12L,
                new Schema.Parser()
                        .parse("{\"type\":\"record\",\"name\":\"K\",\"fields\":[{\"name\":\"id\",\"type\":\"int\"}]}"),
                12);
        for (Map.Entry<Schema, Object> key : keys.entrySet()) {
            Object datum = key.getValue();
            if (key.getKey().getType() == Schema.Type.RECORD) {
                GenericRecord record = new GenericData.Record(key.getKey());
                record.put(0, datum);
                datum = record;
            }
            byte[] encoded = encode(key.getKey(), datum);
            KeyDecoder decoder = new KeyDecoder(KeyFormat.AVRO, id -> key.getKey());
            assertThat(decoder.decode(encoded, new RecordHeaders()))
                    .asString()
                    .isEqualTo(String.valueOf(key.getValue()));
            // the id can be in a header
            byte[] bare = Arrays.copyOfRange(encoded, 5, encoded.length);
            assertThat(decoder.decode(bare, new RecordHeaders().add("__key_schema_id", new byte[] {0, 0, 0, 0, 1})))
                    .asString()
                    .isEqualTo(String.valueOf(key.getValue()));
            for (int length = 0; length < encoded.length; length++) {
                byte[] cut = Arrays.copyOf(encoded, length);
                assertThat(catchThrowableOfType(Rejection.class, () -> decoder.decode(cut, new RecordHeaders()))
                                .reason())
                        .isEqualTo(Reason.BAD_KEY);
            }
        }
        assertThat(badKey("avro", utf8("shop"))).hasMessageContaining("schema id");
        badKey("avro", encode(ENVELOPE, envelope()));
    }

    private static GenericRecord envelope() {
        GenericRecord source =
                new GenericData.Record(ENVELOPE.getField("source").schema());
        source.put("version", "3");
        source.put("ts_ms", 3L);
        GenericRecord event = new GenericData.Record(ENVELOPE);
        event.put("source", source);
        event.put("op", "c");
        return event;
    }
}
