package io.thalweg.audit;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.fold.LearningTask;
import io.thalweg.fold.OutputSink;
import io.thalweg.output.OutputTopic;
import io.thalweg.store.TaskState;
import io.thalweg.testing.Seeded;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.avro.specific.SpecificRecordBase;
import org.apache.kafka.common.header.Headers;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A task with labels that come later, restored from its changelog again and again. */
@Seeded
class LateLabelsRestartTest {
    @TempDir
    Path directory;

    /** Remembers all that was published. */
    private static final class Published implements OutputSink {
        final List<String> records = new ArrayList<>();

        @Override
        public boolean wants(OutputTopic topic) {
            return true;
        }

        @Override
        public void publish(OutputTopic topic, byte[] key, SpecificRecordBase value, long timestamp, Headers headers) {
            records.add(topic + " " + new String(key, java.nio.charset.StandardCharsets.UTF_8) + " " + value);
        }
    }

    /**
     * A task that is restored after random commits, each time from what compaction leaves, publishes the same as one
     * that never ends. The weights' recent movement is not kept over a restart and is left out.
     */
    @ParameterizedTest
    @MethodSource("io.thalweg.audit.LateLabelsVerificationTest#settings")
    void isTheSameTaskAfterARestart(Map<String, String> settings, Random random) {
        LateLabelsLog log = new LateLabelsLog(random, 1500, settings);
        List<String> whole = run(log, random, false);
        List<String> restarted = run(log, random, true);
        assertThat(whole).hasSizeGreaterThan(2000);
        assertThat(restarted).isEqualTo(whole);
    }

    private List<String> run(LateLabelsLog log, Random random, boolean restarts) {
        Published published = new Published();
        Map<ByteBuffer, byte[]> changelog = new LinkedHashMap<>();
        LearningTask task = task(log, changelog);
        for (var input : log.applied) {
            task.apply(input, published);
            if (restarts && random.nextInt(25) == 0) {
                task.commit((key, value) -> {
                    // as compaction has it: in the order of the last values
                    changelog.remove(ByteBuffer.wrap(key));
                    if (value != null) {
                        changelog.put(ByteBuffer.wrap(key), value);
                    }
                });
                if (random.nextInt(3) == 0) {
                    task = task(log, changelog);
                }
            }
        }
        return published.records.stream()
                .map(record -> record.replaceAll("\"moved(Steps)?\": [^,}]*", "\"moved\": -"))
                .map(record -> record.replaceAll("\"change\": [^,}]*", "\"change\": -"))
                .toList();
    }

    private LearningTask task(LateLabelsLog log, Map<ByteBuffer, byte[]> changelog) {
        LearningTask task =
                new LearningTask(log.config, log.schemas, "default", TaskState.logged("weights", directory));
        task.clear(true);
        changelog.forEach((key, value) -> task.restore(key.array(), value));
        task.begin();
        return task;
    }
}
