package io.thalweg.input;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.Example;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LabelReaderTest {
    private static final Schema LABEL = SchemaBuilder.record("Truth")
            .fields()
            .optionalString("id")
            .optionalDouble("label")
            .optionalDouble("weight")
            .endRecord();

    private final Example x = new Example();

    private String read(GenericRecord label, Map<String, String> more) throws Rejection {
        Map<String, String> settings = new HashMap<>(more);
        settings.put("labels.topic", "labels");
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(ByteBuffer.allocate(5).putInt(1, 7).array());
        BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
        try {
            new GenericDatumWriter<GenericRecord>(LABEL).write(label, encoder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return new LabelReader(id -> LABEL, new ThalwegConfig(settings), "default")
                .read(
                        InputRecord.produced(
                                        new TopicPartition("labels", 0),
                                        3,
                                        4,
                                        "m".getBytes(StandardCharsets.UTF_8),
                                        out.toByteArray(),
                                        new RecordHeaders())
                                .asLabel(),
                        x);
    }

    private static GenericRecord label(String id, Double label, Double weight) {
        return new GenericRecordBuilder(LABEL)
                .set("id", id)
                .set("label", label)
                .set("weight", weight)
                .build();
    }

    @Test
    void aLabelWithoutAnImportanceLeavesItToItsEvent() throws Rejection {
        x.importance(3);

        assertThat(read(label("a", 1.0, 2.0), Map.of())).isEqualTo("m");
        assertThat(x.id()).asString(StandardCharsets.UTF_8).isEqualTo("a");
        assertThat(x.label()).isEqualTo(1);
        assertThat(x.importance()).as("no setting names the field").isNaN();

        read(label("a", 1.0, 2.0), Map.of("labels.importance.field", "weight"));
        assertThat(x.importance()).isEqualTo(2);
        read(label("a", 0.5, null), Map.of("labels.importance.field", "weight"));
        assertThat(x.importance()).as("null").isNaN();
        assertThat(x.label()).isEqualTo(0.5);
    }

    @Test
    void aNumberIsTheLabelOfAllRecords() throws Rejection {
        read(label("a", null, null), Map.of("labels.label", "1"));

        assertThat(x.label()).isEqualTo(1);
        assertThat(x.importance()).isNaN();
    }

    @ParameterizedTest
    @CsvSource({
        ", 1, 1, NO_ID",
        "a, , 1, BAD_VALUE",
        "a, 1.5, 1, LABEL_OUT_OF_RANGE",
        "a, -0.5, 1, LABEL_OUT_OF_RANGE",
        "a, 1, -1, NEGATIVE_IMPORTANCE",
        "a, 1, Infinity, NOT_FINITE",
    })
    void whatNoModelCanLearnFromIsRejected(String id, Double label, Double weight, Reason reason) {
        assertThatThrownBy(() -> read(label(id, label, weight), Map.of("labels.importance.field", "weight")))
                .isInstanceOfSatisfying(
                        Rejection.class,
                        rejection -> assertThat(rejection.reason()).isEqualTo(reason));
    }
}
