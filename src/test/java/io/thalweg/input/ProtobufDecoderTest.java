package io.thalweg.input;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.protobuf.Any;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.DescriptorProtos.DescriptorProto;
import com.google.protobuf.DescriptorProtos.FieldDescriptorProto.Label;
import com.google.protobuf.DescriptorProtos.FieldDescriptorProto.Type;
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Duration;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.ListValue;
import com.google.protobuf.Message;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import com.google.protobuf.WireFormat;
import io.thalweg.config.ChangeEvents;
import io.thalweg.mapping.Mapping;
import io.thalweg.math.Example;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import io.thalweg.registry.ProtobufParser;
import io.thalweg.testing.Seeded;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Seeded
class ProtobufDecoderTest {
    private static final int ID = 7;
    private static final UUID GUID = UUID.fromString("89791762-2336-186f-9674-180a8e2d306b");
    /** The frame of an Event, which is the second message of the schema: one index, 1. */
    private static final byte[] FRAME = {0, 0, 0, 0, ID, 2, 2};

    private final Map<String, String> settings = new HashMap<>(Map.of("label", "y"));
    private final Example x = new Example();

    /** A registry that has one schema. */
    private record OneSchema(ProtobufSchema schema) implements SchemaSource {
        @Override
        public org.apache.avro.Schema writerSchema(int id) throws UnknownSchemaException {
            throw new UnknownSchemaException(id);
        }

        @Override
        public ProtobufSchema protobufSchema(int id) throws UnknownSchemaException {
            if (id != ID) {
                throw new UnknownSchemaException(id);
            }
            return schema;
        }

        @Override
        public ProtobufSchema protobufSchema(UUID guid) {
            return schema;
        }
    }

    private Mapping mapping() {
        return Mapping.of(settings::get);
    }

    private MappedDecoder decoder(String schema) {
        return new MappedDecoder(new OneSchema(ProtobufParser.parse(schema, Map.of())), mapping(), true, null, true);
    }

    private MappedDecoder decoder() {
        return decoder(ProtobufEvents.TEXT);
    }

    private static byte[] concat(byte[]... parts) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            all.writeBytes(part);
        }
        return all.toByteArray();
    }

    private static byte[] framed(Message message) {
        return concat(FRAME, message.toByteArray());
    }

    /** A value of the first message of its schema. */
    private static byte[] first(byte[] message) {
        return concat(new byte[] {0, 0, 0, 0, ID, 0}, message);
    }

    private Map<String, Double> features(MappedDecoder decoder, byte[] value) throws Rejection {
        decoder.decode(value, x);
        Map<String, Double> features = new LinkedHashMap<>();
        for (int k = 0; k < x.size(); k++) {
            features.put(x.name(k), x.value(k));
        }
        assertThat(features).as("no feature is there twice").hasSize(x.size());
        return features;
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

    private Rejection rejection(MappedDecoder decoder, byte[] value) {
        return catchThrowableOfType(Rejection.class, () -> decoder.decode(value, x));
    }

    // ---- the same as from Avro

    @Test
    void eventsBecomeTheSameExamplesAsInAvro(Random random) throws Exception {
        settings.putAll(Map.of(
                "id.field", "id",
                "importance.field", "weight",
                "features.categorical", "zip",
                "features.numeric", "text, flag",
                "features.time", "at[iso]:hour|month, time:hour|weekday",
                "features.buckets", "user.age:18|40",
                "features.exclude", "user.tier, attributes",
                "features.cross", "city*user.tier, city*tags, count*more"));
        Map<String, String> ofAvroToo = new HashMap<>(settings);
        ofAvroToo.put("features.exclude", "user.tier");
        MappedDecoder ofAvro = new MappedDecoder(id -> ProtobufEvents.AVRO, Mapping.of(ofAvroToo::get));
        MappedDecoder ofProtobuf = decoder();
        Example expected = new Example();
        for (int i = 0; i < 2000; i++) {
            ProtobufEvents.Event event = ProtobufEvents.event(random);
            ofAvro.decode(avro(event.avro()), expected);

            ofProtobuf.decode(framed(event.protobuf()), x);

            assertThat(text(x)).as("%s", event.avro()).isEqualTo(text(expected));
        }
    }

    private static byte[] avro(GenericRecord record) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(new byte[] {0, 0, 0, 0, ID});
        BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
        new GenericDatumWriter<GenericRecord>(record.getSchema()).write(record, encoder);
        encoder.flush();
        return out.toByteArray();
    }

    // ---- the wire format, against Google's reader

    private static final List<Type> SCALARS = List.of(
            Type.TYPE_DOUBLE,
            Type.TYPE_FLOAT,
            Type.TYPE_INT32,
            Type.TYPE_INT64,
            Type.TYPE_UINT32,
            Type.TYPE_UINT64,
            Type.TYPE_SINT32,
            Type.TYPE_SINT64,
            Type.TYPE_FIXED32,
            Type.TYPE_FIXED64,
            Type.TYPE_SFIXED32,
            Type.TYPE_SFIXED64,
            Type.TYPE_BOOL);

    @Test
    void numbersOfAllTypesAreReadAloneAndInLists(Random random) throws Rejection {
        StringBuilder schema = new StringBuilder("syntax = \"proto3\"; message N { optional bool y = 1;\n");
        DescriptorProto.Builder message = DescriptorProto.newBuilder().setName("N");
        message.addField(ProtobufEvents.field("y", 1, Type.TYPE_BOOL));
        for (int i = 0; i < SCALARS.size(); i++) {
            String type = SCALARS.get(i).name().substring("TYPE_".length()).toLowerCase(Locale.ROOT);
            schema.append("%s one_%1$s = %d; repeated %1$s many_%1$s = %d;%n".formatted(type, 10 + i, 400 + i));
            message.addField(ProtobufEvents.field("one_" + type, 10 + i, SCALARS.get(i)));
            message.addField(ProtobufEvents.field("many_" + type, 400 + i, SCALARS.get(i))
                    .setLabel(Label.LABEL_REPEATED));
        }
        Descriptor descriptor = ProtobufEvents.file(FileDescriptorProto.newBuilder()
                        .setName("n.proto")
                        .setSyntax(random.nextBoolean() ? "proto3" : "proto2")
                        .addMessageType(message)
                        .build())
                .findMessageTypeByName("N");
        settings.put("features.numeric", "one_bool, many_bool");
        MappedDecoder decoder = decoder(schema.append("}").toString());
        for (int i = 0; i < 500; i++) {
            DynamicMessage.Builder numbers = DynamicMessage.newBuilder(descriptor);
            Map<String, Double> expected = new LinkedHashMap<>();
            for (FieldDescriptor field : descriptor.getFields()) {
                if (field.getName().equals("y")) {
                    continue;
                } else if (!field.isRepeated()) {
                    Object number = number(random, field);
                    numbers.setField(field, number);
                    expected.put(field.getName(), asDouble(field, number));
                    continue;
                }
                for (int k = random.nextInt(4); k > 0; k--) {
                    Object number = number(random, field);
                    expected.put(
                            field.getName() + "[" + numbers.getRepeatedFieldCount(field) + "]",
                            asDouble(field, number));
                    numbers.addRepeatedField(field, number);
                }
            }

            assertThat(features(decoder, first(numbers.build().toByteArray()))).containsExactlyEntriesOf(expected);
        }
    }

    private static Object number(Random random, FieldDescriptor field) {
        long bits = random.nextLong() >> random.nextInt(64);
        return switch (field.getJavaType()) {
            case INT -> (int) bits;
            case LONG -> bits;
            case FLOAT -> random.nextFloat();
            case DOUBLE -> random.nextDouble();
            case BOOLEAN -> random.nextBoolean();
            default -> throw new AssertionError(field);
        };
    }

    private static double asDouble(FieldDescriptor field, Object number) {
        return switch (field.getType()) {
            case BOOL -> (boolean) number ? 1 : 0;
            case UINT32, FIXED32 -> Integer.toUnsignedLong((int) number);
            case UINT64, FIXED64 -> Double.parseDouble(Long.toUnsignedString((long) number));
            default -> ((Number) number).doubleValue();
        };
    }

    /** A message that is written in two parts is merged, as the definition of the wire format says. */
    @Test
    void partsAreMergedAsGooglesReaderMergesThem(Random random) throws Exception {
        settings.put("id.field", "id");
        MappedDecoder decoder = decoder();
        for (int i = 0; i < 1000; i++) {
            byte[] both = concat(
                    ProtobufEvents.event(random).protobuf().toByteArray(),
                    more(random).toByteArray(),
                    ProtobufEvents.event(random).protobuf().toByteArray(),
                    more(random).toByteArray());
            decoder.decode(concat(FRAME, both), x);
            String merged = text(x);

            DynamicMessage whole = DynamicMessage.parseFrom(ProtobufEvents.EVENT, both);
            // of the entries with one key, Google's untyped reader keeps all
            decoder.decode(framed(lastEntries(whole, "more", "colors")), x);

            assertThat(merged).isEqualTo(text(x));
        }
    }

    private static Message lastEntries(DynamicMessage message, String... maps) {
        DynamicMessage.Builder last = message.toBuilder();
        for (String map : maps) {
            FieldDescriptor field = ProtobufEvents.EVENT.findFieldByName(map);
            FieldDescriptor key = field.getMessageType().findFieldByName("key");
            List<?> entries = (List<?>) message.getField(field);
            last.clearField(field);
            for (int i = 0; i < entries.size(); i++) {
                Object of = ((Message) entries.get(i)).getField(key);
                if (entries.subList(i + 1, entries.size()).stream()
                        .noneMatch(later -> ((Message) later).getField(key).equals(of))) {
                    last.addRepeatedField(field, entries.get(i));
                }
            }
        }
        return last.build();
    }

    /** The fields that events in Avro do not have. */
    private static Message more(Random random) {
        DynamicMessage.Builder more = DynamicMessage.newBuilder(ProtobufEvents.EVENT);
        FieldDescriptor card = field("card");
        FieldDescriptor payer = field("payer");
        FieldDescriptor tier = payer.getMessageType().findFieldByName("tier");
        FieldDescriptor age = payer.getMessageType().findFieldByName("age");
        switch (random.nextInt(4)) {
            case 0 -> more.setField(card, ProtobufEvents.word(random));
            case 1 ->
                more.setField(
                        payer,
                        DynamicMessage.newBuilder(payer.getMessageType())
                                .setField(tier, "gold")
                                .build());
            case 2 ->
                more.setField(
                        payer,
                        DynamicMessage.newBuilder(payer.getMessageType())
                                .setField(age, 5)
                                .build());
            default -> {}
        }
        for (int i = random.nextInt(3); i > 0; i--) {
            FieldDescriptor colors = field("colors");
            more.addRepeatedField(
                    colors,
                    ProtobufEvents.entry(
                            colors,
                            random.nextInt(5) - 2,
                            colors.getMessageType()
                                    .findFieldByName("value")
                                    .getEnumType()
                                    .findValueByNumberCreatingIfUnknown(random.nextInt(7))));
            more.addRepeatedField(
                    field("users"),
                    DynamicMessage.newBuilder(payer.getMessageType())
                            .setField(age, 7)
                            .build());
        }
        if (random.nextBoolean()) {
            more.setField(
                    field("attributes"),
                    Struct.newBuilder()
                            .putFields(
                                    "n",
                                    Value.newBuilder()
                                            .setNumberValue(random.nextDouble())
                                            .build())
                            .build());
        }
        return more.build();
    }

    private static FieldDescriptor field(String name) {
        return ProtobufEvents.EVENT.findFieldByName(name);
    }

    @Test
    void listsArePackedOrNotOrBoth() throws Exception {
        byte[] value = write(out -> {
            out.writeBool(1, true);
            out.writeDouble(2, 1);
            out.writeByteArray(2, bytes(of -> {
                of.writeDoubleNoTag(2);
                of.writeDoubleNoTag(3);
            }));
            out.writeByteArray(3, bytes(of -> {
                of.writeSInt64NoTag(-4);
                of.writeSInt64NoTag(Long.MIN_VALUE);
            }));
            out.writeSInt64(3, 5);
            out.writeByteArray(3, new byte[0]);
        });

        assertThat(features(
                        decoder("message M { optional bool y = 1; repeated double d = 2; repeated sint64 s = 3; }"),
                        first(value)))
                .isEqualTo(Map.of("d[0]", 1.0, "d[1]", 2.0, "d[2]", 3.0, "s[0]", -4.0, "s[1]", -0x1p63, "s[2]", 5.0));
    }

    /** Writes fields. */
    private interface FieldWriter {
        void write(CodedOutputStream out) throws IOException;
    }

    private static byte[] write(FieldWriter fields) throws IOException {
        return bytes(fields);
    }

    private static byte[] bytes(FieldWriter fields) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        CodedOutputStream out = CodedOutputStream.newInstance(bytes);
        fields.write(out);
        out.flush();
        return bytes.toByteArray();
    }

    @Test
    void unknownFieldsAreIgnoredAndGroupsAreMessages() throws Exception {
        byte[] value = write(out -> {
            out.writeInt64(900, Long.MIN_VALUE);
            out.writeTag(77, WireFormat.WIRETYPE_START_GROUP);
            out.writeString(1, "unknown");
            out.writeTag(3, WireFormat.WIRETYPE_START_GROUP);
            out.writeTag(3, WireFormat.WIRETYPE_END_GROUP);
            out.writeTag(77, WireFormat.WIRETYPE_END_GROUP);
            out.writeBool(1, true);
            out.writeTag(2, WireFormat.WIRETYPE_START_GROUP);
            out.writeInt32(5, 8);
            out.writeInt32(6, 9);
            out.writeTag(2, WireFormat.WIRETYPE_END_GROUP);
            out.writeFixed32(901, 1);
            out.writeFixed64(902, 1);
            out.writeByteArray(903, new byte[3]);
        });

        assertThat(features(
                        decoder("syntax = \"proto2\"; message M { required bool y = 1;"
                                + " optional group Result = 2 { optional int32 rank = 5; } }"),
                        first(value)))
                .isEqualTo(Map.of("result.rank", 8.0));
    }

    // ---- presence

    private static final String PRESENCE = """
            syntax = "proto3";
            message M {
              optional bool y = 1;
              int32 implicit = 2;
              optional int32 explicit = 3;
              string text = 4;
              optional string maybe = 5;
              enum E { ZERO = 0; ONE = 1; UNO = 1 [deprecated = true]; option allow_alias = true; }
              E e = 6;
              optional E f = 7;
              Inner inner = 8;
              oneof choice { int32 number = 9; string word = 10; Inner chosen = 11; E which = 12; }
              bytes raw = 13;
              M self = 14;
              repeated E es = 15;
            }
            message Inner { int32 n = 1; oneof c { int32 a = 2; } }
            """;

    @Test
    void whatIsAbsentHasItsDefaultOrIsMissingOrSaysNothing() throws Exception {
        assertThat(features(decoder(PRESENCE), first(new byte[0])))
                .containsExactlyInAnyOrderEntriesOf(Map.of(
                        "implicit",
                        0.0,
                        "explicit:missing",
                        1.0,
                        "text=",
                        1.0,
                        "maybe:missing",
                        1.0,
                        "e=ZERO",
                        1.0,
                        "f:missing",
                        1.0,
                        "inner.n:missing",
                        1.0));
        assertThat(x.labelled()).isFalse();

        assertThat(features(decoder(PRESENCE), first(write(out -> {
                    out.writeInt32(3, 0);
                    out.writeEnum(6, 1);
                    // the schema does not name it
                    out.writeEnum(7, 9);
                    out.writeByteArray(8, new byte[0]);
                    out.writeString(10, "overwritten");
                    out.writeInt32(9, 0);
                    // a message in itself is not mapped
                    out.writeByteArray(14, new byte[] {16, 5});
                    out.writeEnum(15, 1);
                    out.writeEnum(15, 0);
                    out.writeEnum(15, 1);
                }))))
                .containsExactlyInAnyOrderEntriesOf(Map.ofEntries(
                        Map.entry("implicit", 0.0),
                        Map.entry("explicit", 0.0),
                        Map.entry("text=", 1.0),
                        Map.entry("maybe:missing", 1.0),
                        Map.entry("e=ONE", 1.0),
                        Map.entry("f:missing", 1.0),
                        Map.entry("inner.n", 0.0),
                        Map.entry("number", 0.0),
                        Map.entry("es=ONE", 1.0),
                        Map.entry("es=ZERO", 1.0)));
    }

    @Test
    void requiredFieldsMustBeThereAndDefaultsOfProto2AreMissing() throws Exception {
        String schema = "message M { required bool y = 1; optional int32 n = 2 [default = 5]; }";
        assertThat(features(decoder(schema), first(write(out -> out.writeBool(1, true)))))
                .isEqualTo(Map.of("n:missing", 1.0));
        Rejection rejection = rejection(decoder(schema), first(new byte[0]));
        assertThat(rejection.reason()).isEqualTo(Reason.UNREADABLE);
        assertThat(rejection).hasMessageContaining("lacks field y of M, which is required");
    }

    @Test
    void idsWithoutASignHaveAllTheirDigits() throws Exception {
        settings.put("id.field", "i");
        MappedDecoder decoder = decoder("syntax = \"proto3\"; message M { optional bool y = 1; fixed64 i = 2; }");

        decoder.decode(first(write(out -> out.writeFixed64(2, -1))), x);
        assertThat(x.id()).asString().isEqualTo("18446744073709551615");
        decoder.decode(first(write(out -> out.writeFixed64(2, 12))), x);
        assertThat(x.id()).asString().isEqualTo("12");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "0",
                "9007199254740991",
                "9007199254740993",
                "9223372036854775807",
                "9223372036854775808",
                "18446744073709551614",
                "18446744073709551615"
            })
    void aWholeNumberIsTheSameCategoryAsInJson(String digits) throws Exception {
        settings.put("features.categorical", "i, list");
        long bits = Long.parseUnsignedLong(digits);
        List<String> expected = List.of("i=" + digits, "list=" + digits, "list=7");
        for (String type : List.of("uint64", "fixed64")) {
            MappedDecoder decoder =
                    decoder(("syntax = \"proto3\"; message M { optional bool y = 1; optional %1$s i = 2;"
                                    + " repeated %1$s list = 3; }")
                            .formatted(type));
            byte[] value = first(write(out -> {
                out.writeBool(1, true);
                for (int field = 2; field <= 3; field++) {
                    if (type.equals("uint64")) {
                        out.writeUInt64(field, bits);
                    } else {
                        out.writeFixed64(field, bits);
                    }
                }
                if (type.equals("uint64")) {
                    out.writeUInt64(3, 7);
                } else {
                    out.writeFixed64(3, 7);
                }
            }));
            assertThat(features(decoder, value).keySet()).containsExactlyElementsOf(expected);
        }
        byte[] json = "{\"y\": true, \"i\": %1$s, \"list\": [%1$s, 7, %1$s]}"
                .formatted(digits)
                .getBytes(StandardCharsets.UTF_8);
        new JsonDecoder(mapping(), true).decode(json, new RecordHeaders(), x);
        assertThat(IntStream.range(0, x.size()).mapToObj(x::name)).containsExactlyElementsOf(expected);
    }

    // ---- well-known types

    @Test
    void structsAreMapsAndWhatIsInThemIsLeftOut() throws Exception {
        settings.put(
                "features.exclude",
                ProtobufEvents.EVENT.getFields().stream()
                        .map(FieldDescriptor::getName)
                        .filter(name -> !List.of("y", "attributes", "users").contains(name))
                        .collect(Collectors.joining(",")));
        Struct attributes = Struct.newBuilder()
                .putFields("n", Value.newBuilder().setNumberValue(2.5).build())
                .putFields("t", Value.newBuilder().setStringValue("v").build())
                .putFields("b", Value.newBuilder().setBoolValue(true).build())
                .putFields("none", Value.newBuilder().setNullValueValue(0).build())
                .putFields(
                        "list",
                        Value.newBuilder()
                                .setListValue(ListValue.newBuilder()
                                        .addValues(Value.newBuilder().setNumberValue(1)))
                                .build())
                .putFields(
                        "object",
                        Value.newBuilder()
                                .setStructValue(Struct.newBuilder()
                                        .putFields(
                                                "x",
                                                Value.newBuilder()
                                                        .setNumberValue(1)
                                                        .build()))
                                .build())
                .build();
        DynamicMessage event = DynamicMessage.newBuilder(ProtobufEvents.EVENT)
                .setField(field("attributes"), attributes)
                .build();

        assertThat(features(decoder(), framed(event)))
                .isEqualTo(Map.of(
                        "attributes.n",
                        2.5,
                        "attributes.t=v",
                        1.0,
                        "attributes.b=true",
                        1.0,
                        "attributes.none:missing",
                        1.0));
    }

    @Test
    void durationsAreSecondsAndWhatAnyHoldsIsNotRead() throws Exception {
        String schema = """
                syntax = "proto3";
                import "google/protobuf/duration.proto";
                import "google/protobuf/any.proto";
                message M { optional bool y = 1; google.protobuf.Duration took = 2; google.protobuf.Any any = 3; }
                """;
        byte[] value = write(out -> {
            out.writeMessage(
                    2,
                    Duration.newBuilder().setSeconds(-3).setNanos(-500_000_000).build());
            out.writeMessage(3, Any.newBuilder().setTypeUrl("a/b.C").build());
        });

        assertThat(features(decoder(schema), first(value))).isEqualTo(Map.of("took", -3.5, "any.type_url=a/b.C", 1.0));
    }

    /** Serializers do not register these files. */
    @Test
    void typesThatEveryReaderKnowsNeedNoReference() throws Exception {
        String schema = """
                syntax = "proto3";
                import "google/type/money.proto";
                import "google/type/dayofweek.proto";
                import "confluent/type/decimal.proto";
                message M {
                  optional bool y = 1;
                  google.type.Money price = 2;
                  google.type.DayOfWeek day = 3;
                  confluent.type.Decimal exact = 4;
                }
                """;
        byte[] money = bytes(out -> {
            out.writeString(1, "EUR");
            out.writeInt64(2, 12);
        });
        byte[] value = write(out -> {
            out.writeByteArray(2, money);
            out.writeEnum(3, 7);
            out.writeByteArray(4, new byte[] {10, 1, 5, 24, 2});
        });

        assertThat(features(decoder(schema), first(value)))
                .isEqualTo(Map.of(
                        "price.currency_code=EUR",
                        1.0,
                        "price.units",
                        12.0,
                        "price.nanos",
                        0.0,
                        "day=SUNDAY",
                        1.0,
                        "exact",
                        0.05));
    }

    @ParameterizedTest
    @ValueSource(longs = {253_402_300_800L, -62_135_596_801L, Long.MAX_VALUE})
    void whatIsNoTimeIsRejected(long seconds) throws Exception {
        settings.put("features.time", "time:hour");
        byte[] time = bytes(out -> out.writeInt64(1, seconds));
        Rejection rejection = rejection(decoder(), concat(FRAME, bytes(out -> out.writeByteArray(16, time))));
        assertThat(rejection.reason()).isEqualTo(Reason.UNREADABLE);
        assertThat(rejection).hasMessageContaining("which is no time");
    }

    // ---- change events

    @Test
    void changeEventsAreUnwrapped() throws Exception {
        String schema = """
                syntax = "proto3";
                message Envelope { Row before = 1; Row after = 2; Source source = 3; string op = 4; }
                message Row { optional bool y = 1; int32 n = 2; }
                message Source { string db = 1; }
                """;
        MappedDecoder decoder = new MappedDecoder(
                new OneSchema(ProtobufParser.parse(schema, Map.of())),
                mapping(),
                true,
                new ChangeEvents(true, true),
                true);
        byte[] before = bytes(out -> out.writeInt32(2, 3));
        byte[] after = bytes(out -> out.writeInt32(2, 4));
        byte[] updated = first(write(out -> {
            // fields in any order
            out.writeString(4, "u");
            out.writeByteArray(2, after);
            out.writeByteArray(1, before);
        }));
        byte[] deleted = first(write(out -> {
            out.writeByteArray(1, before);
            out.writeString(4, "d");
        }));

        assertThat(decoder.isPassedOver(updated, new RecordHeaders())).isFalse();
        assertThat(features(decoder, updated)).isEqualTo(Map.of("n", 4.0));
        assertThat(features(decoder, deleted)).isEqualTo(Map.of("n", 3.0));
        assertThat(decoder.isPassedOver(first(write(out -> out.writeString(4, "t"))), new RecordHeaders()))
                .isTrue();
        assertThat(rejection(decoder, first(write(out -> out.writeString(4, "c")))))
                .hasMessageContaining("after");
    }

    // ---- which message it is

    private static final String NESTED = """
            syntax = "proto3";
            message A { optional bool y = 1; int32 a = 2; message B { optional bool y = 1; int32 b = 2;
              message C { optional bool y = 1; int32 c = 2; message D { optional bool y = 1; int32 d = 2; } } } }
            enum NotCounted { ZERO = 0; }
            message Z { optional bool y = 1; int32 z = 2; }
            """;

    private static final byte[] FIVE = {16, 5};

    private static byte[] frame(int... indexes) {
        byte[] frame = {0, 0, 0, 0, ID};
        for (int index : indexes) {
            frame = concat(frame, new byte[] {(byte) (index << 1)});
        }
        return frame;
    }

    @Test
    void indexesSayWhichMessageItIs() throws Exception {
        MappedDecoder decoder = decoder(NESTED);
        for (int i = 0; i < 2; i++) {
            assertThat(features(decoder, concat(frame(0), FIVE))).containsKey("a");
            assertThat(features(decoder, concat(frame(1, 0), FIVE))).containsKey("a");
            assertThat(features(decoder, concat(frame(1, 1), FIVE))).containsKey("z");
            assertThat(features(decoder, concat(frame(2, 0, 0), FIVE))).containsKey("b");
            assertThat(features(decoder, concat(frame(3, 0, 0, 0), FIVE))).containsKey("c");
            assertThat(features(decoder, concat(frame(4, 0, 0, 0, 0), FIVE))).containsKey("d");
            // without indexes, as kafkajs's client writes
            assertThat(features(decoder, concat(frame(), FIVE))).containsKey("a");
            assertThat(features(decoder, frame())).containsKey("a");
        }
    }

    @Test
    void aHeaderHasTheIndexesToo() throws Exception {
        MappedDecoder decoder = decoder(NESTED);
        byte[] guid = ByteBuffer.allocate(17)
                .put((byte) 1)
                .putLong(GUID.getMostSignificantBits())
                .putLong(GUID.getLeastSignificantBits())
                .array();
        decoder.decode(FIVE, header(concat(guid, new byte[] {4, 0, 0})), x);
        assertThat(x.name(0)).isEqualTo("b");
        decoder.decode(FIVE, header(concat(guid, new byte[] {0})), x);
        assertThat(x.name(0)).isEqualTo("a");
        decoder.decode(FIVE, header(concat(frame(), new byte[] {2, 2})), x);
        assertThat(x.name(0)).isEqualTo("z");
        decoder.decode(FIVE, header(concat(guid, new byte[] {8, 0, 0, 0, 0})), x);
        assertThat(x.name(0)).isEqualTo("d");
        for (byte[] bad : List.of(
                concat(guid, new byte[] {2}), concat(guid, new byte[] {0, 0}), Arrays.copyOf(guid, 16), new byte[0])) {
            Rejection rejection = catchThrowableOfType(Rejection.class, () -> decoder.decode(FIVE, header(bad), x));
            assertThat(rejection).as("%s", Arrays.toString(bad)).isNotNull();
            assertThat(rejection.reason()).isEqualTo(Reason.UNREADABLE);
        }
    }

    private static RecordHeaders header(byte[] id) {
        RecordHeaders headers = new RecordHeaders();
        headers.add("__value_schema_id", id);
        return headers;
    }

    @Test
    void indexesWithoutAMessageAreRejected() {
        MappedDecoder decoder = decoder(NESTED);
        for (byte[] frame : List.of(
                frame(1, 2),
                frame(1, 63),
                frame(2, 1, 0),
                frame(3, 0, 0, 1),
                frame(1),
                concat(frame(), new byte[] {2, 1}),
                concat(frame(), new byte[] {2, -1, -1, -1, -1, -1, -1}))) {
            Rejection rejection = rejection(decoder, frame);
            assertThat(rejection).as("%s", Arrays.toString(frame)).isNotNull();
            assertThat(rejection.reason()).isEqualTo(Reason.UNREADABLE);
            assertThat(rejection).hasMessageContaining("indexes");
        }
        assertThat(rejection(decoder, new byte[] {0, 0, 0, 0, 9, 0}).reason()).isEqualTo(Reason.UNKNOWN_SCHEMA);
        assertThat(rejection(decoder, "{\"y\": true}".getBytes(StandardCharsets.UTF_8)))
                .hasMessageContaining("looks like JSON, and examples.format is protobuf;");
    }

    // ---- hostile values

    @Test
    void eachFaultIsNamed() throws Exception {
        assertThat(rejection(decoder(), concat(FRAME, bytes(out -> out.writeString(2, "text")))))
                .hasMessageContaining("field amount of shop.Event is written as wire type 2, not as double");
        assertThat(rejection(decoder(), concat(FRAME, new byte[] {10, 127})))
                .hasMessageContaining("it claims 127 bytes where 0 are left");
        assertThat(rejection(decoder(), concat(FRAME, new byte[] {10, -1, -1, -1, -1, -1, -1, -1, -1, -1, 1})))
                .hasMessageContaining("it claims 18446744073709551615 bytes");
        assertThat(rejection(decoder(), concat(FRAME, new byte[] {24, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 1})))
                .hasMessageContaining("more than 64 bits");
        assertThat(rejection(decoder(), concat(FRAME, new byte[] {17, 0, 0, 0})))
                .hasMessageContaining("ends early");
        assertThat(rejection(decoder(), concat(FRAME, new byte[] {0, 0})))
                .hasMessageContaining("a field with the number 0");
        assertThat(rejection(decoder(), concat(FRAME, new byte[] {(byte) 0xf7, 1})))
                .hasMessageContaining("wire type 7, which does not exist");
        assertThat(rejection(decoder(), concat(FRAME, bytes(out -> out.writeTag(77, 4)))))
                .hasMessageContaining("wire type 4");
        assertThat(rejection(decoder(), concat(FRAME, new byte[] {90, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1})))
                .hasMessageContaining("field scores ends early");
    }

    @Test
    void deepGroupsAndMessagesDoNotExhaustTheStack() throws Exception {
        byte[] groups = bytes(out -> {
            for (int i = 0; i < 100_000; i++) {
                out.writeTag(77, WireFormat.WIRETYPE_START_GROUP);
            }
        });
        assertThat(rejection(decoder(), concat(FRAME, groups))).hasMessageContaining("more than 100 groups");

        byte[] inner = new byte[0];
        for (int i = 0; i < 1000; i++) {
            byte[] within = inner;
            inner = bytes(out -> out.writeByteArray(14, within));
        }
        assertThat(features(decoder(PRESENCE), first(inner))).containsKey("implicit");
    }

    @Test
    void aMapOfAMillionEntriesAndAMessageInAMillionPartsTakeLittleTime() throws Exception {
        byte[] entry = bytes(out -> out.writeByteArray(12, new byte[] {10, 1, 'k'}));
        ByteArrayOutputStream map = new ByteArrayOutputStream();
        byte[] part = bytes(out -> out.writeByteArray(9, new byte[] {8, 3}));
        for (int i = 0; i < 300_000; i++) {
            map.writeBytes(entry);
            map.writeBytes(part);
        }

        assertThat(features(decoder(), concat(FRAME, map.toByteArray())))
                .containsEntry("more.k", 0.0)
                .containsEntry("user.age", 3.0);
    }

    @Test
    void damagedValuesAreRejectedOrReadAsGooglesReaderReadsThem(Random random) throws Exception {
        int count = Integer.getInteger("thalweg.fuzz", 5000);
        settings.putAll(Map.of("id.field", "id", "features.cross", "city*tags", "features.time", "time:hour"));
        MappedDecoder decoder = decoder();
        MappedDecoder undisturbed = decoder();
        int read = 0;
        int rejected = 0;
        for (int i = 0; i < count; i++) {
            byte[] whole = concat(
                    ProtobufEvents.event(random).protobuf().toByteArray(),
                    more(random).toByteArray());
            byte[] damaged = damage(random, whole);
            DynamicMessage expected = google(damaged);
            try {
                decoder.decode(concat(FRAME, damaged), x);
                read++;
                String features = text(x);
                if (expected != null) {
                    undisturbed.decode(framed(lastEntries(expected, "more", "colors")), x);
                    assertThat(features).as("%s", Arrays.toString(damaged)).isEqualTo(text(x));
                }
            } catch (Rejection e) {
                rejected++;
                assertThat(e.reason()).isIn(Reason.UNREADABLE, Reason.BAD_VALUE);
            }
            decoder.decode(concat(FRAME, whole), x);
            String after = text(x);
            undisturbed.decode(concat(FRAME, whole), x);
            assertThat(after).isEqualTo(text(x));
        }
        assertThat(read + rejected).isEqualTo(count);
        assertThat(rejected).isGreaterThan(count / 5);
        assertThat(read).isGreaterThan(count / 20);
    }

    /** Reads a message with Google's reader. @return null if it cannot be read, or has text that is not UTF-8 */
    private static DynamicMessage google(byte[] message) {
        try {
            return DynamicMessage.parseFrom(ProtobufEvents.EVENT, message);
        } catch (InvalidProtocolBufferException e) {
            return null;
        }
    }

    private static byte[] damage(Random random, byte[] whole) {
        byte[] damaged = whole.clone();
        switch (random.nextInt(5)) {
            case 0 -> damaged = Arrays.copyOf(whole, random.nextInt(whole.length));
            case 1 -> {
                for (int i = 0; i <= random.nextInt(4); i++) {
                    damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
                }
            }
            case 2 -> damaged[random.nextInt(damaged.length)] ^= (byte) (1 << random.nextInt(8));
            case 3 -> {
                int from = random.nextInt(whole.length);
                int length = random.nextInt(whole.length - from);
                System.arraycopy(whole, from, damaged, random.nextInt(whole.length - length), length);
            }
            default -> {
                damaged = new byte[random.nextInt(40)];
                random.nextBytes(damaged);
            }
        }
        return damaged;
    }
}
