package io.thalweg.output;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.thalweg.avro.DeadLetter;
import io.thalweg.testing.Seeded;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.avro.Schema;
import org.apache.avro.generic.IndexedRecord;
import org.apache.avro.specific.SpecificData;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Seeded
class OutputJsonTest {
    private static final double[] DOUBLES = {
        0, -0.0, 1, 0.1, Double.MIN_VALUE, Double.MAX_VALUE, Double.NaN, Double.POSITIVE_INFINITY, -1e-17, 1e300 / 3
    };

    @ParameterizedTest
    @EnumSource(OutputTopic.class)
    void whatIsReadIsWhatWasWrittenToTheLastBit(OutputTopic topic, Random random) throws IOException {
        for (int i = 0; i < 500; i++) {
            IndexedRecord record = (IndexedRecord) random(topic.schema(), random);
            byte[] json = OutputJson.write(record);

            assertThat(OutputJson.isJson(json)).isTrue();
            IndexedRecord read = OutputJson.read(json, topic.schema());

            assertThat(read).isInstanceOf(topic.type());
            // equals of generated classes compares doubles with their bits
            assertThat(SpecificData.get().compare(read, record, topic.schema())).isZero();
            assertThat(OutputJson.write(read)).isEqualTo(json);
            JsonNode tree = new JsonMapper().readTree(json);
            assertThat(tree.size()).isEqualTo(topic.schema().getFields().size());
        }
    }

    private static Object random(Schema schema, Random random) {
        return switch (schema.getType()) {
            case RECORD -> {
                IndexedRecord record = (IndexedRecord) SpecificData.get().newRecord(null, schema);
                schema.getFields().forEach(field -> record.put(field.pos(), random(field.schema(), random)));
                yield record;
            }
            case UNION -> {
                Schema branch =
                        schema.getTypes().get(random.nextInt(schema.getTypes().size()));
                yield branch.getType() == Schema.Type.NULL ? null : random(branch, random);
            }
            case ARRAY -> {
                List<Object> items = new ArrayList<>();
                for (int i = random.nextInt(3); i > 0; i--) {
                    items.add(random(schema.getElementType(), random));
                }
                yield items;
            }
            case STRING ->
                List.of("", "a\"\\", "\u0000\n", "日本", "\uD83D\uDE00").get(random.nextInt(5));
            case ENUM ->
                SpecificData.get()
                        .createEnum(
                                schema.getEnumSymbols()
                                        .get(random.nextInt(
                                                schema.getEnumSymbols().size())),
                                schema);
            case BYTES -> {
                byte[] bytes = new byte[random.nextInt(5)];
                random.nextBytes(bytes);
                yield ByteBuffer.wrap(bytes);
            }
            case INT -> random.nextInt();
            case LONG -> random.nextLong();
            case DOUBLE -> DOUBLES[random.nextInt(DOUBLES.length)];
            case BOOLEAN -> random.nextBoolean();
            default -> throw new AssertionError("no output has a " + schema.getType());
        };
    }

    @Test
    void fieldsOfLaterVersionsArePassedOverAndDamageIsSaid() throws IOException {
        Schema schema = DeadLetter.getClassSchema();
        String letter = "{\"reason\":\"r\",\"detail\":\"d\",\"topic\":\"t\",\"partition\":1,\"offset\":2,"
                + "\"timestamp\":3,\"new\":{\"a\":[1]},\"value\":\"AAE=\"}";

        DeadLetter read = (DeadLetter) OutputJson.read(letter.getBytes(StandardCharsets.UTF_8), schema);

        assertThat(read.getKey()).isNull();
        assertThat(read.getValue()).isEqualTo(ByteBuffer.wrap(new byte[] {0, 1}));
        for (String damaged : List.of(
                letter.substring(0, 30),
                letter + "x",
                letter.replace("\"partition\":1,", ""),
                letter.replace("\"partition\":1", "\"partition\":1.5"),
                letter.replace("AAE=", "?"))) {
            assertThatThrownBy(() -> OutputJson.read(damaged.getBytes(StandardCharsets.UTF_8), schema))
                    .as(damaged)
                    .isInstanceOfAny(IOException.class, RuntimeException.class);
        }
    }
}
