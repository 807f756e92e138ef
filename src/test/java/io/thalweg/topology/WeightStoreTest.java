package io.thalweg.topology;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.thalweg.avro.Example;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.fold.LearningTask;
import io.thalweg.store.TaskState;
import java.nio.file.Path;
import java.util.Map;
import org.apache.kafka.streams.state.StoreBuilder;
import org.junit.jupiter.api.Test;

class WeightStoreTest {
    @Test
    void theChangelogCannotBeTurnedOff() {
        StoreBuilder<WeightStore> builder = WeightStore.builder(
                "weights",
                () -> new LearningTask(
                        new ThalwegConfig(Map.of()),
                        id -> Example.getClassSchema(),
                        "default",
                        TaskState.logged("weights", Path.of("target"))),
                null);
        assertThatThrownBy(builder::withLoggingDisabled).isInstanceOf(UnsupportedOperationException.class);
        assertThat(builder.loggingEnabled()).isTrue();
        assertThat(builder.build().persistent()).isFalse();
    }
}
