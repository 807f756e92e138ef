package io.thalweg.app.benchmark;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.ProtobufSchema;
import io.thalweg.input.RecordReader;
import io.thalweg.input.SchemaSource;
import io.thalweg.math.Example;
import io.thalweg.math.Rejection;
import io.thalweg.registry.ProtobufParser;
import java.util.Map;
import org.apache.avro.Schema;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class WorkloadTest {
    /** Otherwise rows of different formats could not be compared. */
    @ParameterizedTest
    @EnumSource(names = {"MAPPED_JSON", "MAPPED_PROTOBUF"})
    void theEventsAreTheSameInEachFormat(Workload other) throws Rejection {
        RecordReader ofAvro = reader(Workload.MAPPED);
        RecordReader ofOther = reader(other);
        Workload.RecordValues avro = Workload.MAPPED.values(1);
        Workload.RecordValues values = other.values(1);
        for (int i = 0; i < 1000; i++) {
            assertThat(text(ofOther, values.next())).isEqualTo(text(ofAvro, avro.next()));
        }
    }

    static SchemaSource schemas(Workload workload) {
        return new SchemaSource() {
            @Override
            public Schema writerSchema(int id) {
                return workload.schema();
            }

            @Override
            public ProtobufSchema protobufSchema(int id) {
                return ProtobufParser.parse(Workload.protobufSchema(), Map.of());
            }
        };
    }

    private static RecordReader reader(Workload workload) {
        return new RecordReader(schemas(workload), new ThalwegConfig(workload.settings()), "m");
    }

    private static String text(RecordReader reader, byte[] value) throws Rejection {
        Example x = new Example();
        reader.example(value, "m", x);
        StringBuilder text = new StringBuilder().append(x.label());
        for (int k = 0; k < x.size(); k++) {
            text.append(' ').append(x.name(k)).append(' ').append(x.value(k));
        }
        return text.toString();
    }
}
