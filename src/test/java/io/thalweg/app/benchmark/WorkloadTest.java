package io.thalweg.app.benchmark;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.RecordReader;
import io.thalweg.math.Example;
import io.thalweg.math.Rejection;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class WorkloadTest {
    /** Otherwise rows of different formats could not be compared. */
    @ParameterizedTest
    @EnumSource(names = "MAPPED_JSON")
    void theEventsAreTheSameInEachFormat(Workload other) throws Rejection {
        RecordReader ofAvro = reader(Workload.MAPPED);
        RecordReader ofOther = reader(other);
        Workload.RecordValues avro = Workload.MAPPED.values(1);
        Workload.RecordValues values = other.values(1);
        for (int i = 0; i < 1000; i++) {
            assertThat(text(ofOther, values.next())).isEqualTo(text(ofAvro, avro.next()));
        }
    }

    private static RecordReader reader(Workload workload) {
        return new RecordReader(id -> workload.schema(), new ThalwegConfig(workload.settings()), "m");
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
