package io.thalweg.app.serve;

import io.thalweg.app.cli.Thalweg;
import io.thalweg.app.local.EmbeddedBroker;
import io.thalweg.app.local.EmbeddedRegistry;
import io.thalweg.app.page.PageEndpoints;
import io.thalweg.avro.Example;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.fold.LearningTask;
import io.thalweg.fold.OutputSink;
import io.thalweg.input.InputRecord;
import io.thalweg.math.Learner;
import io.thalweg.math.Model;
import io.thalweg.math.PredictionResult;
import io.thalweg.math.Rejection;
import io.thalweg.output.OutputTopic;
import io.thalweg.registry.Registry;
import io.thalweg.runtime.CommittedRecords;
import io.thalweg.runtime.ExampleSender;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.runtime.Topics;
import io.thalweg.store.TaskState;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.apache.avro.specific.SpecificRecordBase;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Headers;

/** A learner with its own name and its own topics, and its server on any free port. */
final class ServedLearner implements AutoCloseable {
    final ThalwegConfig config;
    final Registry schemas;
    private Serving serving;

    /** A prediction that the server gave: that of a model for a probe. */
    record Served(String model, int partition, long offset, long version, long logitBits, int probe) {}

    ServedLearner(EmbeddedBroker broker, EmbeddedRegistry registry, String name, Object... more) {
        Map<String, Object> settings = new LinkedHashMap<>();
        settings.put("bootstrap.servers", broker.bootstrapServers());
        settings.put("schema.registry.url", registry.url());
        settings.put("application.id", name);
        for (String topic : List.of("examples", "predictions", "weights", "metrics", "dead.letters", "outcomes")) {
            settings.put(topic + ".topic", name + "-" + topic);
        }
        settings.put("http.listen", "127.0.0.1:0");
        for (int i = 0; i < more.length; i += 2) {
            settings.put((String) more[i], more[i + 1]);
        }
        config = new ThalwegConfig(settings);
        schemas = Registry.of(config, Duration.ofMillis(config.getLong(ThalwegConfig.REGISTRY_RETRY_MAX_MS)));
    }

    void createTopics() {
        try (Admin admin = KafkaSettings.admin(config)) {
            new Topics(config, admin).create();
        }
    }

    Http start() {
        return start(PageEndpoints::new);
    }

    Http start(Serving.PageFactory ofPage) {
        serving = Serving.start(config, schemas, ofPage);
        return new Http(serving.port());
    }

    /**
     * Starts the learner as a process of its own.
     *
     * @param port where its server listens
     * @param log the file that it prints to
     * @param options of the JVM, with the class path
     */
    Process startProcess(int port, Path log, String... options) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of(options));
        command.addAll(List.of(Thalweg.class.getName(), "run"));
        config.originals().forEach((name, value) -> {
            if (!name.equals("http.listen")) {
                command.addAll(List.of("--set", name + "=" + value));
            }
        });
        command.addAll(List.of("--set", "http.listen=127.0.0.1:" + port));
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
    }

    Serving serving() {
        return serving;
    }

    void stop() {
        serving.close();
    }

    void send(int count, Function<Integer, String> model, Function<Integer, Example> example) {
        try (ExampleSender sender = ExampleSender.open(config, schemas)) {
            for (int i = 0; i < count; i++) {
                sender.send(model.apply(i), example.apply(i));
            }
            sender.flush();
        }
    }

    /**
     * Checks served predictions: replays each partition up to the offset of each, and predicts there.
     *
     * @return what differs
     */
    List<String> differences(List<Served> served, IntStream partitions, List<io.thalweg.math.Example> probes) {
        List<String> differences = new ArrayList<>();
        partitions.forEach(partition -> differences.addAll(differences(
                served.stream()
                        .filter(each -> each.partition == partition)
                        .sorted(Comparator.comparingLong(Served::offset))
                        .toList(),
                partition,
                probes)));
        return differences;
    }

    private List<String> differences(List<Served> served, int partition, List<io.thalweg.math.Example> probes) {
        List<String> differences = new ArrayList<>();
        LearningTask replay = new LearningTask(config, schemas, "", TaskState.inMemory());
        Learner learner = new Learner(config.learner());
        TopicPartition from = new TopicPartition(config.getString(ThalwegConfig.EXAMPLES_TOPIC), partition);
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(new KafkaSettings(config).reader())) {
            long end = consumer.endOffsets(List.of(from)).get(from);
            CommittedRecords records = new CommittedRecords(consumer, from, 0, end);
            long next = 0;
            for (Served each : served) {
                while (next < each.offset && records.hasNext()) {
                    InputRecord record = InputRecord.produced(records.next());
                    replay.apply(record, NOTHING);
                    next = record.offset() + 1;
                }
                Model model = replay.model(each.model);
                if (next != each.offset || model == null || model.version() != each.version) {
                    differences.add("%s: the replay is at %d with version %s"
                            .formatted(each, next, model == null ? "none" : model.version()));
                    continue;
                }
                PredictionResult result = new PredictionResult();
                try {
                    learner.resolve(probes.get(each.probe), model);
                    learner.predict(model, probes.get(each.probe), result);
                } catch (Rejection e) {
                    throw new AssertionError(e);
                }
                if (Double.doubleToLongBits(result.logit()) != each.logitBits) {
                    differences.add("%s: the replay has %s".formatted(each, result.logit()));
                }
            }
        }
        return differences;
    }

    private static final OutputSink NOTHING = new OutputSink() {
        @Override
        public boolean wants(OutputTopic topic) {
            return false;
        }

        @Override
        public void publish(OutputTopic topic, byte[] key, SpecificRecordBase value, long timestamp, Headers headers) {
            throw new AssertionError("nothing is wanted");
        }
    };

    @Override
    public void close() {
        if (serving != null) {
            serving.close();
        }
        schemas.close();
    }
}
