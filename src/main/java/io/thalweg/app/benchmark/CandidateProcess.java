package io.thalweg.app.benchmark;

import com.sun.management.OperatingSystemMXBean;
import io.thalweg.app.benchmark.Candidate.Program;
import io.thalweg.app.benchmark.ProcessCommand.Limits;
import io.thalweg.app.benchmark.ProcessCommand.What;
import io.thalweg.app.benchmark.ProcessEvent.Event;
import io.thalweg.app.page.PageEndpoints;
import io.thalweg.app.serve.Serving;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.RecordReader;
import io.thalweg.input.UnknownSchemaException;
import io.thalweg.math.Example;
import io.thalweg.math.Rejection;
import io.thalweg.output.OutputSerializer;
import io.thalweg.registry.Registry;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.runtime.LearnerRuntime;
import io.thalweg.runtime.RestoreTimer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.text.ParseException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import jdk.jfr.Configuration;
import jdk.jfr.Recording;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DatumReader;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.Topology;

/**
 * The main class of a candidate's process, which is separate so that its processor time does not include that of the
 * broker. It does what the lines on its standard input ask for, reports events on standard output, and ends when its
 * standard input does.
 *
 * <p>It can run its program several times, one run after the other; code that was compiled in one run stays compiled in
 * the next.
 */
public final class CandidateProcess {
    private static final Duration POLL = Duration.ofMillis(100);
    /** The longest time that a process may take, as a multiple of its processor time. */
    private static final int PATIENCE = 10;

    /** A program is warm when compiling took no more than this share of its processor time in the recent past. */
    private static final double LITTLE = 0.1;

    private static final long LOOK_BACK_NANOS = TimeUnit.SECONDS.toNanos(5);
    /** A program also counts as warm after this processor time, because some code is compiled again and again. */
    private static final long WARM_NANOS = TimeUnit.SECONDS.toNanos(90);

    /** How far a position may be from the end of a changelog, because the last offsets are transaction markers. */
    private static final int MARKERS = 10;

    /** A setting of Kafka Streams 4.4, of which earlier versions do not have the constant. */
    private static final String TRANSACTIONAL_STORES = "enable.transactional.statestores";

    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(10);
    private static final OperatingSystemMXBean SYSTEM =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    /** Processor time and compilation time during the warm-up. */
    private static final Deque<long[]> SEEN = new ArrayDeque<>();

    private static final BlockingQueue<ProcessCommand> PROGRAMS = new LinkedBlockingQueue<>();
    private static volatile boolean stopAsked;
    private static volatile boolean roleAsked;
    private static volatile boolean collectAsked;

    private final Program program;
    private final ProcessCommand command;
    private final Limits limits;

    private CandidateProcess(Program program, ProcessCommand command) {
        this.program = program;
        this.command = command;
        Limits asked = command.limits();
        // a consumer starts over when the records end, and does not have to be measured for as long
        limits = program == Program.CONSUMER || program == Program.GENERIC_RECORD
                ? new Limits(Long.MAX_VALUE, asked.before(), asked.beforeMs(), asked.measuredMs() / 2)
                : asked;
    }

    /** @param args the name of the program */
    public static void main(String[] args) throws InterruptedException {
        listen();
        Program program = Program.valueOf(args[0]);
        ProcessCommand command;
        do {
            command = PROGRAMS.take();
            CandidateProcess candidate = new CandidateProcess(program, command);
            if (command.recording() == null) {
                candidate.run();
            } else {
                candidate.runRecorded(Path.of(command.recording()));
            }
            say(Event.ENDED, 0, Map.of());
        } while (command.what() != What.RUN);
        System.exit(0);
    }

    private static void listen() {
        Thread listener = new Thread(
                () -> {
                    try (BufferedReader lines =
                            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
                        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                            ProcessCommand asked = JsonLine.parse(line, ProcessCommand.class);
                            switch (asked.what()) {
                                case STOP -> stopAsked = true;
                                case ROLE -> roleAsked = true;
                                case COLLECT -> collectAsked = true;
                                case RUN, WARM_UP, MEASURE -> PROGRAMS.add(asked);
                            }
                        }
                    } catch (IOException e) {
                        // gone as well
                    } finally {
                        Runtime.getRuntime().halt(1);
                    }
                },
                "listener");
        listener.setDaemon(true);
        listener.start();
    }

    private void runRecorded(Path file) {
        try (Recording recording = new Recording(Configuration.getConfiguration("profile"))) {
            recording.start();
            run();
            recording.dump(file);
        } catch (IOException | ParseException e) {
            throw new IllegalStateException("cannot write the recording: " + e.getMessage(), e);
        }
    }

    private void run() {
        ThalwegConfig config = new ThalwegConfig(command.settings());
        try (Registry schemas =
                Registry.of(config, Duration.ofMillis(config.getLong(ThalwegConfig.REGISTRY_RETRY_MAX_MS)))) {
            switch (program) {
                case CONSUMER -> consume(config, new Decoding(config, schemas));
                case GENERIC_RECORD -> consume(config, new GenericReading(schemas));
                case LEARNER, AT_ONCE, READ_AHEAD -> {
                    try (Serving serving = Serving.start(config, schemas, PageEndpoints::new)) {
                        LearnerRuntime learner = serving.learner();
                        follow(learner.streams(), () -> restoring(learner.streams(), learner.restored()));
                    }
                }
                case FLOOR -> {
                    if (config.hasLateLabels()) {
                        run(events(config, schemas, false), config);
                        return;
                    }
                    Topology topology = BenchmarkTopology.<byte[]>around(
                            () -> new NoLearningBaseline(config, schemas),
                            config,
                            (kind, topic) -> new ByteArraySerializer());
                    run(topology, config);
                }
                case ROCKSDB -> {
                    Topology topology = BenchmarkTopology.around(
                            StoredWeights.supplier(config, schemas),
                            config,
                            (output, topic) -> OutputSerializer.of(config, output, schemas));
                    run(topology, config);
                }
                case ROCKSDB_EVENTS, ROCKSDB_TRANSACTIONAL ->
                    run(
                            events(config, schemas, true),
                            config,
                            Map.of(TRANSACTIONAL_STORES, program == Program.ROCKSDB_TRANSACTIONAL));
            }
        }
    }

    private static Topology events(ThalwegConfig config, Registry schemas, boolean remembers) {
        return BenchmarkTopology.around(
                StoredEvents.supplier(config, schemas, remembers),
                config,
                (output, topic) -> OutputSerializer.of(config, output, schemas));
    }

    /** Runs a topology with the settings of the learner, and otherwise with Kafka Streams' defaults. */
    private void run(Topology topology, ThalwegConfig config) {
        run(topology, config, Map.of());
    }

    private void run(Topology topology, ThalwegConfig config, Map<String, Object> more) {
        Properties properties = new Properties();
        properties.putAll(new KafkaSettings(config).streams());
        properties.putAll(more);
        try (KafkaStreams streams = new KafkaStreams(topology, properties)) {
            RestoreTimer timer = new RestoreTimer();
            streams.setGlobalStateRestoreListener(timer);
            streams.start();
            follow(streams, () -> restoring(streams, timer.longest()));
            boolean closed = streams.close(CloseOptions.timeout(CLOSE_TIMEOUT)
                    .withGroupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP));
            if (!closed) {
                // what is left of it would be measured with the next run
                System.err.println("it did not stop in time");
                Runtime.getRuntime().halt(1);
            }
        }
    }

    private void follow(KafkaStreams streams, Supplier<ProcessEvent.RestoreStats> restoring) {
        BooleanSupplier lives = () -> !streams.state().hasCompletedShutdown();
        while (streams.state() != KafkaStreams.State.RUNNING) {
            pause(lives);
        }
        say(Event.RUNNING, 0, Map.of(), 0, restoring.get());
        if (command.what() == What.RUN) {
            runUntilAsked(streams, lives);
            return;
        }
        Metric consumed = null;
        while (consumed == null) {
            pause(lives);
            // not what Kafka Streams counts, which is bundles where the learner has any
            consumed = streams.metrics().entrySet().stream()
                    .filter(entry -> is(entry.getKey(), "consumer-fetch-manager-metrics", "records-consumed-total"))
                    .filter(entry -> entry.getKey().tags().keySet().equals(Set.of("client-id")))
                    .filter(entry -> !entry.getKey().tags().get("client-id").endsWith("-restore-consumer"))
                    .map(Map.Entry::getValue)
                    .findFirst()
                    .orElse(null);
        }
        Metric total = consumed;
        watch(() -> ((Double) total.metricValue()).longValue(), () -> sentBytes(streams), lives);
    }

    private static void runUntilAsked(KafkaStreams streams, BooleanSupplier lives) {
        while (!stopAsked) {
            if (roleAsked && streams.state() == KafkaStreams.State.RUNNING) {
                boolean active = streams.metadataForLocalThreads().stream()
                        .anyMatch(thread -> !thread.activeTasks().isEmpty());
                if (active || isUpToDate(streams)) {
                    roleAsked = false;
                    say(active ? Event.ACTIVE : Event.STANDS_BY, 0, Map.of());
                }
            }
            if (collectAsked) {
                collectAsked = false;
                say(Event.COLLECTED, 0, Map.of(), collected(), ProcessEvent.RestoreStats.NONE);
            }
            pause(lives);
        }
    }

    private static ProcessEvent.RestoreStats restoring(KafkaStreams streams, Duration longest) {
        double bytes = streams.metrics().entrySet().stream()
                .filter(entry -> is(entry.getKey(), "consumer-metrics", "incoming-byte-total"))
                .filter(entry -> entry.getKey().tags().get("client-id").endsWith("-restore-consumer"))
                .mapToDouble(entry -> (Double) entry.getValue().metricValue())
                .sum();
        return new ProcessEvent.RestoreStats(longest.toNanos() / 1e9, bytes);
    }

    private static long collected() {
        System.gc();
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    }

    /** Whether it has a copy of everything that another instance has. */
    private static boolean isUpToDate(KafkaStreams streams) {
        return streams.metadataForLocalThreads().stream()
                        .anyMatch(thread -> !thread.standbyTasks().isEmpty())
                && streams.allLocalStorePartitionLags().values().stream()
                        .flatMap(partitions -> partitions.values().stream())
                        .allMatch(lag -> lag.offsetLag() <= MARKERS);
    }

    private static boolean is(MetricName metric, String group, String name) {
        return metric.group().equals(group) && metric.name().equals(name);
    }

    private static Map<String, Double> sentBytes(KafkaStreams streams) {
        Map<String, Double> sent = new HashMap<>();
        streams.metrics().forEach((name, metric) -> {
            if (is(name, "producer-topic-metrics", "byte-total")) {
                sent.merge(name.tags().get("topic"), (Double) metric.metricValue(), Double::sum);
            }
        });
        return sent;
    }

    /** @param lives whether the program is still running */
    private void watch(LongSupplier processed, Supplier<Map<String, Double>> sentBytes, BooleanSupplier lives) {
        if (command.what() == What.WARM_UP) {
            if (warmsUp(processed, lives)) {
                say(Event.WARM, processed.getAsLong(), Map.of());
            }
            return;
        }
        while (processed.getAsLong() == 0) {
            pause(lives);
        }
        awaitRecordsOrTime(processed, limits.before(), limits.beforeMs(), lives);
        say(Event.BEGIN, processed.getAsLong(), sentBytes.get());
        awaitRecordsOrTime(processed, limits.records(), limits.measuredMs(), lives);
        say(Event.END, processed.getAsLong(), sentBytes.get());
    }

    /**
     * Waits until the program is warm.
     *
     * @return false if the records ended before
     */
    private boolean warmsUp(LongSupplier processed, BooleanSupplier lives) {
        while (processed.getAsLong() < limits.records()) {
            long[] now = {
                SYSTEM.getProcessCpuTime(),
                TimeUnit.MILLISECONDS.toNanos(
                        ManagementFactory.getCompilationMXBean().getTotalCompilationTime())
            };
            SEEN.add(now);
            while (now[0] - SEEN.peek()[0] > LOOK_BACK_NANOS) {
                long[] then = SEEN.remove();
                if (now[1] - then[1] <= LITTLE * (now[0] - then[0])) {
                    return true;
                }
            }
            if (now[0] > WARM_NANOS) {
                return true;
            }
            pause(lives);
        }
        return false;
    }

    private static void awaitRecordsOrTime(LongSupplier processed, long records, long millis, BooleanSupplier lives) {
        long begin = System.nanoTime();
        long cpuBegin = SYSTEM.getProcessCpuTime();
        while (processed.getAsLong() < records
                && SYSTEM.getProcessCpuTime() - cpuBegin < TimeUnit.MILLISECONDS.toNanos(millis)
                && System.nanoTime() - begin < TimeUnit.MILLISECONDS.toNanos(millis * PATIENCE)) {
            pause(lives);
        }
    }

    private static void say(Event event, long records, Map<String, Double> sentBytes) {
        say(event, records, sentBytes, 0, ProcessEvent.RestoreStats.NONE);
    }

    private static void say(
            Event event,
            long records,
            Map<String, Double> sentBytes,
            long heapUsed,
            ProcessEvent.RestoreStats restoring) {
        ProcessEvent processEvent = new ProcessEvent(
                event,
                records,
                System.nanoTime(),
                SYSTEM.getProcessCpuTime(),
                sentBytes,
                Runtime.getRuntime().maxMemory(),
                heapUsed,
                restoring);
        System.out.println(JsonLine.of(processEvent));
    }

    private static void pause(BooleanSupplier lives) {
        if (!lives.getAsBoolean()) {
            throw new IllegalStateException("it stopped before it was asked to");
        }
        try {
            Thread.sleep(2);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Reads the topic again and again, until measuring has ended. */
    private void consume(ThalwegConfig config, Reading reading) {
        AtomicLong count = new AtomicLong();
        AtomicBoolean ended = new AtomicBoolean();
        Thread reader = new Thread(() -> read(config, reading, count, ended), "reader");
        reader.setDaemon(true);
        reader.start();
        watch(count::get, Map::of, reader::isAlive);
        ended.set(true);
        try {
            reader.join();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Reads the value of a record. */
    private interface Reading {
        void read(byte[] value);
    }

    private static final class Decoding implements Reading {
        private final RecordReader reader;
        private final Example x = new Example();

        Decoding(ThalwegConfig config, Registry schemas) {
            reader = new RecordReader(schemas, config, "");
        }

        @Override
        public void read(byte[] value) {
            try {
                reader.example(value, "", x);
            } catch (Rejection e) {
                throw new IllegalStateException("the benchmark's own example: " + e.getMessage(), e);
            }
        }
    }

    /** Reads values as Confluent's deserializer does: a new object for each record. */
    private static final class GenericReading implements Reading {
        private static final int HEADER = 5;

        private final Registry schemas;
        private DatumReader<GenericRecord> reader;
        private BinaryDecoder decoder;

        GenericReading(Registry schemas) {
            this.schemas = schemas;
        }

        @Override
        public void read(byte[] value) {
            try {
                if (reader == null) {
                    // all records have the same schema
                    reader = new GenericDatumReader<>(
                            schemas.writerSchema(ByteBuffer.wrap(value, 1, 4).getInt()));
                }
                decoder = DecoderFactory.get().binaryDecoder(value, HEADER, value.length - HEADER, decoder);
                reader.read(null, decoder);
            } catch (IOException | UnknownSchemaException e) {
                throw new IllegalStateException("the benchmark's own record: " + e.getMessage(), e);
            }
        }
    }

    private static void read(ThalwegConfig config, Reading reading, AtomicLong count, AtomicBoolean ended) {
        TopicPartition partition = new TopicPartition(config.getString(ThalwegConfig.EXAMPLES_TOPIC), 0);
        try (Consumer<byte[], byte[]> consumer = new KafkaConsumer<>(new KafkaSettings(config).reader())) {
            consumer.assign(List.of(partition));
            long end = consumer.endOffsets(List.of(partition)).get(partition);
            while (!ended.get()) {
                consumer.seekToBeginning(List.of(partition));
                for (long next = 0; next < end && !ended.get(); ) {
                    int polled = 0;
                    for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
                        reading.read(record.value());
                        next = record.offset() + 1;
                        polled++;
                    }
                    count.addAndGet(polled);
                }
            }
        }
    }
}
