package io.thalweg.input;

import com.google.protobuf.DescriptorProtos.DescriptorProto;
import com.google.protobuf.DescriptorProtos.EnumDescriptorProto;
import com.google.protobuf.DescriptorProtos.EnumValueDescriptorProto;
import com.google.protobuf.DescriptorProtos.FieldDescriptorProto;
import com.google.protobuf.DescriptorProtos.FieldDescriptorProto.Label;
import com.google.protobuf.DescriptorProtos.FieldDescriptorProto.Type;
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.DescriptorProtos.MessageOptions;
import com.google.protobuf.DescriptorProtos.OneofDescriptorProto;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.DescriptorValidationException;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.Message;
import com.google.protobuf.StructProto;
import com.google.protobuf.TimestampProto;
import com.google.protobuf.WrappersProto;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;

/**
 * Events of a shop in Protobuf, written by Google's own library. Its descriptors are made here by hand, so that they do
 * not come from the text that the decoder under test parses.
 */
final class ProtobufEvents {
    /** The schema as it is in a registry. */
    static final String TEXT = """
            syntax = "proto3";
            package shop;
            import "google/protobuf/timestamp.proto";
            import "google/protobuf/wrappers.proto";
            import "google/protobuf/struct.proto";
            import "confluent/meta.proto";
            option java_package = "shop.events";

            message Before { int32 n = 1; }

            // an event
            message Event {
              option (confluent.message_meta).doc = "an event";
              optional string id = 1 [(confluent.field_meta).doc = "its name"];
              double amount = 2;
              int64 count = 3;
              optional string city = 4;
              sint32 zip = 5;
              string text = 6;
              bool flag = 7;
              string at = 8;
              message User { optional int32 age = 1; string tier = 2; }
              User user = 9;
              repeated string tags = 10;
              repeated double scores = 11;
              map<string, double> more = 12;
              optional double weight = 13;
              optional bool y = 14;
              enum Color { NONE = 0; RED = 1; BLUE = 5; }
              Color color = 15;
              google.protobuf.Timestamp time = 16;
              google.protobuf.StringValue wrapped = 17;
              oneof pay {
                string card = 18;
                User payer = 19;
              }
              fixed64 serial = 20;
              repeated sint64 numbers = 21;
              google.protobuf.Struct attributes = 22;
              repeated User users = 23;
              map<sint32, Color> colors = 24;
              float ratio = 300;
              reserved 100 to 110, 200;
              reserved "gone";
            }
            """;

    /** The same fields in Avro, without those that Avro has nothing like. */
    static final Schema AVRO = new Schema.Parser().parse("""
            {"type":"record","name":"shop.Event","fields":[
              {"name":"id","type":["null","string"]},
              {"name":"amount","type":"double"},
              {"name":"count","type":"long"},
              {"name":"city","type":["null","string"]},
              {"name":"zip","type":"int"},
              {"name":"text","type":"string"},
              {"name":"flag","type":"boolean"},
              {"name":"at","type":"string"},
              {"name":"user","type":["null",{"type":"record","name":"User","fields":[
                {"name":"age","type":["null","int"]},
                {"name":"tier","type":"string"}]}]},
              {"name":"tags","type":{"type":"array","items":"string"}},
              {"name":"scores","type":{"type":"array","items":"double"}},
              {"name":"more","type":{"type":"map","values":"double"}},
              {"name":"weight","type":["null","double"]},
              {"name":"y","type":["null","boolean"]},
              {"name":"color","type":{"type":"enum","name":"Color","symbols":["NONE","RED","BLUE"]}},
              {"name":"time","type":["null",{"type":"long","logicalType":"timestamp-micros"}]},
              {"name":"wrapped","type":["null","string"]},
              {"name":"serial","type":"long"},
              {"name":"numbers","type":{"type":"array","items":"long"}},
              {"name":"ratio","type":"float"}]}""");

    static final Descriptor EVENT = event();

    private ProtobufEvents() {}

    private static Descriptor event() {
        DescriptorProto user = DescriptorProto.newBuilder()
                .setName("User")
                .addField(optional("age", 1, Type.TYPE_INT32, 0))
                .addField(field("tier", 2, Type.TYPE_STRING))
                .addOneofDecl(OneofDescriptorProto.newBuilder().setName("_age"))
                .build();
        DescriptorProto event = DescriptorProto.newBuilder()
                .setName("Event")
                .addNestedType(user)
                .addNestedType(
                        entry("MoreEntry", field("key", 1, Type.TYPE_STRING), field("value", 2, Type.TYPE_DOUBLE)))
                .addNestedType(entry(
                        "ColorsEntry",
                        field("key", 1, Type.TYPE_SINT32),
                        field("value", 2, Type.TYPE_ENUM).setTypeName(".shop.Event.Color")))
                .addEnumType(EnumDescriptorProto.newBuilder()
                        .setName("Color")
                        .addValue(symbol("NONE", 0))
                        .addValue(symbol("RED", 1))
                        .addValue(symbol("BLUE", 5)))
                .addOneofDecl(OneofDescriptorProto.newBuilder().setName("pay"))
                .addOneofDecl(OneofDescriptorProto.newBuilder().setName("_id"))
                .addOneofDecl(OneofDescriptorProto.newBuilder().setName("_city"))
                .addOneofDecl(OneofDescriptorProto.newBuilder().setName("_weight"))
                .addOneofDecl(OneofDescriptorProto.newBuilder().setName("_y"))
                .addField(optional("id", 1, Type.TYPE_STRING, 1))
                .addField(field("amount", 2, Type.TYPE_DOUBLE))
                .addField(field("count", 3, Type.TYPE_INT64))
                .addField(optional("city", 4, Type.TYPE_STRING, 2))
                .addField(field("zip", 5, Type.TYPE_SINT32))
                .addField(field("text", 6, Type.TYPE_STRING))
                .addField(field("flag", 7, Type.TYPE_BOOL))
                .addField(field("at", 8, Type.TYPE_STRING))
                .addField(message("user", 9, ".shop.Event.User"))
                .addField(field("tags", 10, Type.TYPE_STRING).setLabel(Label.LABEL_REPEATED))
                .addField(field("scores", 11, Type.TYPE_DOUBLE).setLabel(Label.LABEL_REPEATED))
                .addField(message("more", 12, ".shop.Event.MoreEntry").setLabel(Label.LABEL_REPEATED))
                .addField(optional("weight", 13, Type.TYPE_DOUBLE, 3))
                .addField(optional("y", 14, Type.TYPE_BOOL, 4))
                .addField(field("color", 15, Type.TYPE_ENUM).setTypeName(".shop.Event.Color"))
                .addField(message("time", 16, ".google.protobuf.Timestamp"))
                .addField(message("wrapped", 17, ".google.protobuf.StringValue"))
                .addField(field("card", 18, Type.TYPE_STRING).setOneofIndex(0))
                .addField(message("payer", 19, ".shop.Event.User").setOneofIndex(0))
                .addField(field("serial", 20, Type.TYPE_FIXED64))
                .addField(field("numbers", 21, Type.TYPE_SINT64).setLabel(Label.LABEL_REPEATED))
                .addField(message("attributes", 22, ".google.protobuf.Struct"))
                .addField(message("users", 23, ".shop.Event.User").setLabel(Label.LABEL_REPEATED))
                .addField(message("colors", 24, ".shop.Event.ColorsEntry").setLabel(Label.LABEL_REPEATED))
                .addField(field("ratio", 300, Type.TYPE_FLOAT))
                .build();
        return file(FileDescriptorProto.newBuilder()
                        .setName("event.proto")
                        .setSyntax("proto3")
                        .setPackage("shop")
                        .addDependency("google/protobuf/timestamp.proto")
                        .addDependency("google/protobuf/wrappers.proto")
                        .addDependency("google/protobuf/struct.proto")
                        .addMessageType(event)
                        .build())
                .findMessageTypeByName("Event");
    }

    static FileDescriptor file(FileDescriptorProto file) {
        try {
            return FileDescriptor.buildFrom(file, new FileDescriptor[] {
                TimestampProto.getDescriptor(), WrappersProto.getDescriptor(), StructProto.getDescriptor()
            });
        } catch (DescriptorValidationException e) {
            throw new AssertionError(e);
        }
    }

    static FieldDescriptorProto.Builder field(String name, int number, Type type) {
        return FieldDescriptorProto.newBuilder()
                .setName(name)
                .setNumber(number)
                .setType(type)
                .setLabel(Label.LABEL_OPTIONAL);
    }

    private static FieldDescriptorProto.Builder optional(String name, int number, Type type, int oneof) {
        return field(name, number, type).setProto3Optional(true).setOneofIndex(oneof);
    }

    static FieldDescriptorProto.Builder message(String name, int number, String type) {
        return field(name, number, Type.TYPE_MESSAGE).setTypeName(type);
    }

    private static DescriptorProto entry(
            String name, FieldDescriptorProto.Builder key, FieldDescriptorProto.Builder value) {
        return DescriptorProto.newBuilder()
                .setName(name)
                .setOptions(MessageOptions.newBuilder().setMapEntry(true))
                .addField(key)
                .addField(value)
                .build();
    }

    private static EnumValueDescriptorProto symbol(String name, int number) {
        return EnumValueDescriptorProto.newBuilder()
                .setName(name)
                .setNumber(number)
                .build();
    }

    /** An event in both formats. */
    record Event(DynamicMessage protobuf, GenericRecord avro) {}

    private static final String[] WORDS = {"", "a", "b=c", "Zürich", "日本", "\uD83D\uDE00", "line\nbreak", "\0", "12"};

    static String word(Random random) {
        return WORDS[random.nextInt(WORDS.length)];
    }

    /** A random event. */
    static Event event(Random random) {
        DynamicMessage.Builder event = DynamicMessage.newBuilder(EVENT);
        GenericRecord avro = new GenericData.Record(AVRO);
        for (Schema.Field field : AVRO.getFields()) {
            Object value = value(random, field);
            avro.put(field.pos(), avro(field, value));
            FieldDescriptor of = EVENT.findFieldByName(field.name());
            if (value == null) {
                continue;
            }
            switch (field.name()) {
                case "user" -> event.setField(of, user(of, (GenericRecord) value));
                case "tags", "scores", "numbers" ->
                    ((Iterable<?>) value).forEach(item -> event.addRepeatedField(of, item));
                case "more" ->
                    ((Map<?, ?>) value).forEach((key, number) -> event.addRepeatedField(of, entry(of, key, number)));
                case "color" -> event.setField(of, of.getEnumType().findValueByName(value.toString()));
                case "time" -> {
                    long micros = (long) value;
                    event.setField(
                            of,
                            DynamicMessage.newBuilder(of.getMessageType())
                                    .setField(
                                            of.getMessageType().findFieldByName("seconds"),
                                            Math.floorDiv(micros, 1_000_000L))
                                    .setField(
                                            of.getMessageType().findFieldByName("nanos"),
                                            (int) Math.floorMod(micros, 1_000_000L) * 1000 + random.nextInt(1000))
                                    .build());
                }
                case "wrapped" -> event.setField(of, wrapped(of, value));
                default -> event.setField(of, value);
            }
        }
        return new Event(event.build(), avro);
    }

    static Message entry(FieldDescriptor map, Object key, Object value) {
        return DynamicMessage.newBuilder(map.getMessageType())
                .setField(map.getMessageType().findFieldByName("key"), key)
                .setField(map.getMessageType().findFieldByName("value"), value)
                .build();
    }

    private static Message wrapped(FieldDescriptor field, Object value) {
        return DynamicMessage.newBuilder(field.getMessageType())
                .setField(field.getMessageType().findFieldByName("value"), value)
                .build();
    }

    private static Message user(FieldDescriptor field, GenericRecord user) {
        DynamicMessage.Builder message = DynamicMessage.newBuilder(field.getMessageType());
        if (user.get("age") != null) {
            message.setField(field.getMessageType().findFieldByName("age"), user.get("age"));
        }
        return message.setField(field.getMessageType().findFieldByName("tier"), user.get("tier"))
                .build();
    }

    private static Object avro(Schema.Field field, Object value) {
        return field.name().equals("color") ? new GenericData.EnumSymbol(field.schema(), value) : value;
    }

    private static Object value(Random random, Schema.Field field) {
        boolean isNull = random.nextInt(4) == 0;
        return switch (field.name()) {
            case "id", "wrapped", "city" -> isNull ? null : word(random) + "i";
            case "amount" -> random.nextInt(3) == 0 ? (double) random.nextInt(10) : random.nextGaussian() * 1e6;
            case "count" -> random.nextLong() >> random.nextInt(64);
            case "zip" -> random.nextInt();
            case "text" -> random.nextBoolean() ? " " + random.nextInt(1000) + ".5" : "";
            case "flag" -> random.nextBoolean();
            case "at" ->
                "2026-0%d-1%dT0%d:00:00Z".formatted(1 + random.nextInt(9), random.nextInt(9), random.nextInt(9));
            case "user" -> {
                GenericRecord user =
                        new GenericData.Record(field.schema().getTypes().get(1));
                user.put("age", random.nextInt(4) == 0 ? null : random.nextInt(100) - 1);
                user.put("tier", word(random));
                yield isNull ? null : user;
            }
            case "tags" ->
                random.ints(random.nextInt(6)).mapToObj(any -> word(random)).toList();
            case "scores" -> random.doubles(random.nextInt(4)).boxed().toList();
            case "numbers" -> random.longs(random.nextInt(4)).boxed().toList();
            case "more" -> {
                Map<String, Double> more = new LinkedHashMap<>();
                for (int i = random.nextInt(3); i > 0; i--) {
                    more.put("k" + i, random.nextInt(3) == 0 ? 0.0 : random.nextDouble());
                }
                yield more;
            }
            case "weight" -> isNull ? null : random.nextDouble();
            case "y" -> isNull ? null : random.nextBoolean();
            case "color" -> new String[] {"NONE", "RED", "BLUE"}[random.nextInt(3)];
            case "time" -> isNull ? null : random.nextLong() % 60_000_000_000_000_000L;
            case "serial" -> random.nextLong() >>> 1 + random.nextInt(63);
            case "ratio" -> random.nextFloat();
            default -> throw new AssertionError(field);
        };
    }
}
