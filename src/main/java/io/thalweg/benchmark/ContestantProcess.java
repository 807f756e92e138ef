package io.thalweg.benchmark;

import com.sun.management.OperatingSystemMXBean;
import io.thalweg.avro.Metrics;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.Weights;
import io.thalweg.benchmark.Contestant.Program;
import io.thalweg.benchmark.Mark.Event;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.Intake;
import io.thalweg.input.UnknownSchemaException;
import io.thalweg.math.Example;
import io.thalweg.math.Rejection;
import io.thalweg.output.Emission.Kind;
import io.thalweg.output.EmissionSerializer;
import io.thalweg.registry.ConfluentSchemas;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.runtime.LearnerRuntime;
import io.thalweg.runtime.StrictClients;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.apache.avro.Schema;
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
 * A contestant in a process of its own, so that its processor time is known apart from the broker's. It says on standard output when
 * the measuring begins and ends, or when it runs, and ends when its standard input does.
 */
public final class ContestantProcess {
    /** What can be said to it on its standard input: that it is to stop. */
    static final int STOP = '.';

    /** That it is to say whether it works on the state or stands by, once it has a copy of the state. */
    static final int ROLE = '?';

    /** That it is to collect its garbage and say how much of the heap is in use then. */
    static final int COLLECT = 'c';

    private static final Duration POLL = Duration.ofMillis(100);
    /** How many times its processor time a process may take at most. */
    private static final int PATIENCE = 10;

    /** At the end of a changelog are marks of transactions, which no position needs to have passed. */
    private static final int MARKERS = 10;

    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(10);
    private static final Map<Kind, Schema> SCHEMAS = Map.of(
            Kind.PREDICTION, Prediction.getClassSchema(),
            Kind.WEIGHTS, Weights.getClassSchema(),
            Kind.METRICS, Metrics.getClassSchema());
    private static final OperatingSystemMXBean SYSTEM =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    private static volatile boolean stopAsked;
    private static volatile boolean roleAsked;
    private static volatile boolean collectAsked;

    private ContestantProcess() {}

    /**
     * When to measure. Times are processor time of the process, so that a machine with much else to do gives no cold figures.
     *
     * @param records how many there are to process; 0 to run until told to end
     * @param warmUpRecords how many to pass over before the measuring begins
     * @param warmUpMs or after so long, if that is sooner
     * @param measuredMs how long to measure at most
     */
    record Limits(long records, long warmUpRecords, long warmUpMs, long measuredMs) {
        /** No measuring: run until told to end. */
        static final Limits NONE = new Limits(0, 0, 0, 0);

        static Limits parse(String text) {
            String[] parts = text.split(",");
            return new Limits(
                    Long.parseLong(parts[0]),
                    Long.parseLong(parts[1]),
                    Long.parseLong(parts[2]),
                    Long.parseLong(parts[3]));
        }

        @Override
        public String toString() {
            return records + "," + warmUpRecords + "," + warmUpMs + "," + measuredMs;
        }
    }

    /** @param args the program; the limits; settings, each as name=value */
    public static void main(String[] args) {
        endWithParent();
        Program program = Program.valueOf(args[0]);
        Limits limits = Limits.parse(args[1]);
        Map<String, String> settings = new LinkedHashMap<>();
        for (String arg : List.of(args).subList(2, args.length)) {
            int equals = arg.indexOf('=');
            settings.put(arg.substring(0, equals), arg.substring(equals + 1));
        }
        ThalwegConfig config = new ThalwegConfig(settings);
        try (ConfluentSchemas schemas = new ConfluentSchemas(
                config.registry(), Duration.ofMillis(config.getLong(ThalwegConfig.REGISTRY_RETRY_MAX_MS)))) {
            switch (program) {
                case CONSUMER -> consume(config, new Decoding(config, schemas), limits);
                case GENERIC_RECORD -> consume(config, new GenericReading(schemas), limits);
                case LEARNER -> {
                    try (LearnerRuntime learner = LearnerRuntime.start(config, schemas, schemas)) {
                        follow(learner.streams(), limits, () -> restoring(learner));
                    }
                }
                case FLOOR -> {
                    Topology topology = Sinks.<byte[]>around(
                            () -> new Floor(config, schemas), config, (kind, topic) -> new ByteArraySerializer());
                    run(topology, config, limits);
                }
                case ROCKSDB -> {
                    Topology topology = Sinks.around(
                            StoredWeights.supplier(config, schemas),
                            config,
                            (kind, topic) -> new EmissionSerializer(schemas.idFor(topic, SCHEMAS.get(kind))));
                    run(topology, config, limits);
                }
            }
        }
        System.exit(0);
    }

    private static void endWithParent() {
        Thread watch = new Thread(
                () -> {
                    try {
                        for (int said = System.in.read(); said >= 0; said = System.in.read()) {
                            stopAsked |= said == STOP;
                            roleAsked |= said == ROLE;
                            collectAsked |= said == COLLECT;
                        }
                    } catch (IOException e) {
                        // gone as well
                    }
                    Runtime.getRuntime().halt(1);
                },
                "end-with-parent");
        watch.setDaemon(true);
        watch.start();
    }

    /** With the clients and settings that the learner has. */
    private static void run(Topology topology, ThalwegConfig config, Limits limits) {
        Properties properties = new Properties();
        properties.putAll(new KafkaSettings(config).streams());
        try (KafkaStreams streams = new KafkaStreams(topology, properties, new StrictClients())) {
            streams.start();
            follow(streams, limits, () -> Mark.Restoring.NONE);
            streams.close(CloseOptions.timeout(CLOSE_TIMEOUT)
                    .withGroupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP));
        }
    }

    private static void follow(KafkaStreams streams, Limits limits, Supplier<Mark.Restoring> restoring) {
        while (streams.state() != KafkaStreams.State.RUNNING) {
            if (streams.state().hasCompletedShutdown()) {
                throw new IllegalStateException("it stopped before it ran");
            }
            pause();
        }
        say(Event.RUNNING, 0, Map.of(), 0, restoring.get());
        if (limits.records() == 0) {
            runUntilAsked(streams);
            return;
        }
        Metric processed = null;
        while (processed == null) {
            pause();
            processed = streams.metrics().entrySet().stream()
                    .filter(entry -> is(entry.getKey(), "stream-thread-metrics", "process-total"))
                    .map(Map.Entry::getValue)
                    .findFirst()
                    .orElse(null);
        }
        Metric total = processed;
        measure(() -> ((Double) total.metricValue()).longValue(), () -> sentBytes(streams), limits);
    }

    private static void runUntilAsked(KafkaStreams streams) {
        while (!stopAsked) {
            if (streams.state().hasCompletedShutdown()) {
                throw new IllegalStateException("it stopped before it was asked to");
            }
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
                say(Event.COLLECTED, 0, Map.of(), collected(), Mark.Restoring.NONE);
            }
            pause();
        }
    }

    private static Mark.Restoring restoring(LearnerRuntime learner) {
        double bytes = learner.streams().metrics().entrySet().stream()
                .filter(entry -> is(entry.getKey(), "consumer-metrics", "incoming-byte-total"))
                .filter(entry -> entry.getKey().tags().get("client-id").endsWith("-restore-consumer"))
                .mapToDouble(entry -> (Double) entry.getValue().metricValue())
                .sum();
        return new Mark.Restoring(learner.restored().toNanos() / 1e9, bytes);
    }

    private static long collected() {
        System.gc();
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    }

    /** Whether it has a copy of all that another instance has. */
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

    private static void measure(LongSupplier processed, Supplier<Map<String, Double>> sentBytes, Limits limits) {
        while (processed.getAsLong() == 0) {
            pause();
        }
        awaitRecordsOrTime(processed, limits.warmUpRecords(), limits.warmUpMs());
        say(Event.BEGIN, processed.getAsLong(), sentBytes.get());
        awaitRecordsOrTime(processed, limits.records(), limits.measuredMs());
        say(Event.END, processed.getAsLong(), sentBytes.get());
    }

    private static void awaitRecordsOrTime(LongSupplier processed, long records, long millis) {
        long begin = System.nanoTime();
        long cpuBegin = SYSTEM.getProcessCpuTime();
        while (processed.getAsLong() < records
                && SYSTEM.getProcessCpuTime() - cpuBegin < TimeUnit.MILLISECONDS.toNanos(millis)
                && System.nanoTime() - begin < TimeUnit.MILLISECONDS.toNanos(millis * PATIENCE)) {
            pause();
        }
    }

    private static void say(Event event, long records, Map<String, Double> sentBytes) {
        say(event, records, sentBytes, 0, Mark.Restoring.NONE);
    }

    private static void say(
            Event event, long records, Map<String, Double> sentBytes, long heapUsed, Mark.Restoring restoring) {
        Mark mark = new Mark(
                event,
                records,
                System.nanoTime(),
                SYSTEM.getProcessCpuTime(),
                sentBytes,
                Runtime.getRuntime().maxMemory(),
                heapUsed,
                restoring);
        System.out.println(mark.line());
    }

    private static void pause() {
        try {
            Thread.sleep(2);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Reads the topic again and again, until the measuring has ended. */
    private static void consume(ThalwegConfig config, Reading reading, Limits limits) {
        AtomicLong count = new AtomicLong();
        Thread reader = new Thread(() -> read(config, reading, count), "reader");
        reader.setDaemon(true);
        reader.start();
        // it may well come to the end of the input before it is warm
        measure(
                count::get,
                Map::of,
                new Limits(Long.MAX_VALUE, limits.warmUpRecords(), limits.warmUpMs(), limits.measuredMs() / 2));
    }

    /** Does something with the value of a record. */
    private interface Reading {
        void read(byte[] value);
    }

    private static final class Decoding implements Reading {
        private final Intake intake;
        private final Example x = new Example();

        Decoding(ThalwegConfig config, ConfluentSchemas schemas) {
            intake = new Intake(schemas, config, "");
        }

        @Override
        public void read(byte[] value) {
            try {
                intake.example(value, "", x);
            } catch (Rejection e) {
                throw new IllegalStateException("the benchmark's own example: " + e.getMessage(), e);
            }
        }
    }

    /** As Confluent's deserializer does it: a new record each time. */
    private static final class GenericReading implements Reading {
        private static final int HEADER = 5;

        private final ConfluentSchemas schemas;
        private DatumReader<GenericRecord> reader;
        private BinaryDecoder decoder;

        GenericReading(ConfluentSchemas schemas) {
            this.schemas = schemas;
        }

        @Override
        public void read(byte[] value) {
            try {
                if (reader == null) {
                    // all records have the same
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

    private static void read(ThalwegConfig config, Reading reading, AtomicLong count) {
        TopicPartition partition = new TopicPartition(config.getString(ThalwegConfig.EXAMPLES_TOPIC), 0);
        try (Consumer<byte[], byte[]> consumer = new KafkaConsumer<>(new KafkaSettings(config).reader())) {
            consumer.assign(List.of(partition));
            long end = consumer.endOffsets(List.of(partition)).get(partition);
            while (true) {
                consumer.seekToBeginning(List.of(partition));
                for (long next = 0; next < end; ) {
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
