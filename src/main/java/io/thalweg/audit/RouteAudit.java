package io.thalweg.audit;

import io.thalweg.audit.ClusterView.Records;
import io.thalweg.avro.DeadLetter;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.InputRecord;
import io.thalweg.input.RecordReader;
import io.thalweg.input.SchemaSource;
import io.thalweg.input.SourceCoordinates;
import io.thalweg.math.Example;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import io.thalweg.output.OutputTopic;
import io.thalweg.store.KeyPartitioner;
import io.thalweg.store.PastLayout;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;

/**
 * Checks the routing of events to the partitions of their models. The routed topic must contain every committed event
 * once, with the same bytes, in its model's partition, and in the order of the partition that it came from. Events that
 * name no model, or are too large, must be dead letters.
 *
 * <p>The order between events of different partitions is arbitrary, so it cannot be checked. Therefore a hash is
 * compared for the events of each source partition, target partition and range of offsets.
 */
final class RouteAudit {
    private static final int STRETCH = 4096;

    private final ClusterView cluster;
    private final ThalwegConfig config;
    private final FindingLog findings;
    private final SchemaSource schemas;
    private final RecordReader reader;
    private final boolean isOfLabels;
    private final Map<TopicPartition, Long> committed;
    private final Map<TopicPartition, Long> ends;
    private final List<PastRoutes> past = new ArrayList<>();
    private final Map<Way, Sum> expected = new TreeMap<>();
    private final Map<Way, Sum> found = new TreeMap<>();

    /**
     * The events that went from one partition to another.
     *
     * @param from the source partition
     * @param to the target partition
     * @param stretch the range of offsets in the source partition
     */
    private record Way(int from, int to, long stretch) implements Comparable<Way> {
        @Override
        public int compareTo(Way other) {
            int first = Integer.compare(from, other.from);
            int second = Long.compare(stretch, other.stretch);
            return first != 0 ? first : second != 0 ? second : Integer.compare(to, other.to);
        }
    }

    /**
     * The records that were sent on in a layout that the learner had before.
     *
     * @param partitions how many partitions they were sent to; 0 if they were learned from where they are
     * @param ends the offsets up to which they were
     */
    private record PastRoutes(int partitions, Map<TopicPartition, Long> ends) {}

    /** The number of events and a hash over them. */
    private static final class Sum {
        private final MessageDigest digest = sha256();
        private long count;

        void add(ConsumerRecord<byte[], byte[]> record, SourceCoordinates coordinates, byte[] model) {
            count++;
            digest.update(ByteBuffer.allocate(Long.BYTES).putLong(0, coordinates.offset()));
            add(model);
            add(coordinates.key());
            add(record.value());
            for (Header header : coordinates.headers()) {
                add(header.key().getBytes(StandardCharsets.UTF_8));
                add(header.value());
            }
        }

        private void add(byte[] part) {
            digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(0, part == null ? -1 : part.length));
            if (part != null) {
                digest.update(part);
            }
        }
    }

    /**
     * Creates an audit.
     *
     * @param layouts the layouts that the learner had before, oldest first
     * @param committed the committed offsets of the topic that is routed, read before the ends
     * @param ends the ends of all other topics
     * @param isOfLabels whether labels are routed, and not events
     */
    RouteAudit(
            ClusterView cluster,
            ThalwegConfig config,
            SchemaSource schemas,
            FindingLog findings,
            List<PastLayout> layouts,
            Map<TopicPartition, Long> committed,
            Map<TopicPartition, Long> ends,
            boolean isOfLabels) {
        this.cluster = cluster;
        this.config = config;
        this.schemas = schemas;
        this.findings = findings;
        this.committed = committed;
        this.ends = ends;
        this.isOfLabels = isOfLabels;
        for (PastLayout layout : layouts) {
            int count = layout.parts().size();
            Map<TopicPartition, Long> pastEnds = new HashMap<>();
            layout.parts().forEach(part -> pastEnds.putAll(part.next()));
            boolean isSentOn = isOfLabels ? config.areLabelsRouted(count) : config.isRouted(count);
            past.add(new PastRoutes(isSentOn ? count : 0, pastEnds));
        }
        reader = isOfLabels ? RecordReader.ofModelsOfLabels(schemas, config) : RecordReader.ofModels(schemas, config);
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    /**
     * Runs the audit.
     *
     * @param examples the partitions of the examples topic
     * @param routed the partitions of the routed topic
     */
    void run(List<TopicPartition> examples, List<TopicPartition> routed) {
        for (TopicPartition to : routed) {
            try (Records records = cluster.read(to, 0, ends.get(to))) {
                while (records.hasNext()) {
                    take(to, records.next());
                }
            }
        }
        for (TopicPartition from : examples) {
            expect(from, routed.size());
        }
        compare(examples, routed);
    }

    private void take(TopicPartition to, ConsumerRecord<byte[], byte[]> record) {
        SourceCoordinates coordinates = SourceCoordinates.of(record.headers());
        TopicPartition from =
                coordinates == null ? null : new TopicPartition(coordinates.topic(), coordinates.partition());
        if (coordinates == null || !coordinates.topic().equals(sourceTopic())) {
            findings.add(
                    FindingKind.ROUTED_DIFFERS,
                    to,
                    record.offset(),
                    to,
                    record.offset(),
                    null,
                    ("%s@%d has no headers with the record of %s that it is a copy of; only the learner"
                                    + " may write to that topic")
                            .formatted(to, record.offset(), sourceTopic()));
        } else if (coordinates.offset() < committed.getOrDefault(from, 0L)) {
            add(found, to.partition(), record, coordinates, record.key());
        }
    }

    private String sourceTopic() {
        return config.getString(isOfLabels ? ThalwegConfig.LABELS_TOPIC : ThalwegConfig.EXAMPLES_TOPIC);
    }

    private static void add(
            Map<Way, Sum> sums,
            int to,
            ConsumerRecord<byte[], byte[]> record,
            SourceCoordinates coordinates,
            byte[] model) {
        sums.computeIfAbsent(new Way(coordinates.partition(), to, coordinates.offset() / STRETCH), way -> new Sum())
                .add(record, coordinates, model);
    }

    private void expect(TopicPartition from, int partitions) {
        long begin = sentOnFrom(from);
        long end = committed.getOrDefault(from, 0L);
        TopicPartition output = new TopicPartition(OutputTopic.DEAD_LETTERS.nameIn(config), from.partition());
        LetterAudit letters;
        try (Records in = cluster.read(output, 0, ends.get(output))) {
            letters = new LetterAudit(
                    from,
                    output,
                    false,
                    letter -> letter.getOffset() >= begin
                            && (!config.hasLateLabels()
                                    || isOfLabels
                                            == config.isOfLabels(
                                                    letter.getTopic().toString())),
                    end,
                    in,
                    new OutputDecoder<DeadLetter>(DeadLetter.getClassSchema(), schemas),
                    findings);
        }
        Example nothing = new Example();
        try (Records records = cluster.read(from, begin, end)) {
            while (records.hasNext()) {
                ConsumerRecord<byte[], byte[]> record = records.next();
                try {
                    if (letters.saysSchemaUnknown(record.offset())) {
                        throw new Rejection(Reason.UNKNOWN_SCHEMA, "as its dead letter says");
                    }
                    String named = reader.model(record.key(), record.value(), record.headers(), nothing);
                    if (named == null) {
                        letters.expectNone(record.offset(), "it is of a type that is passed over");
                        continue;
                    }
                    byte[] model = named.getBytes(StandardCharsets.UTF_8);
                    letters.expectNone(record.offset(), "it names a model");
                    SourceCoordinates coordinates = new SourceCoordinates(
                            record.topic(), record.partition(), record.offset(), record.key(), record.headers());
                    add(
                            expected,
                            KeyPartitioner.MURMUR2.partition(model, partitionsAt(from, record.offset(), partitions)),
                            record,
                            coordinates,
                            model);
                } catch (Rejection rejection) {
                    letters.expect(InputRecord.produced(record), rejection, config);
                }
            }
        }
        letters.finish();
    }

    /** Returns how many partitions a record was sent to; 0 if it was learned from where it is. */
    private int partitionsAt(TopicPartition from, long offset, int present) {
        for (PastRoutes routes : past) {
            if (offset < routes.ends.getOrDefault(from, 0L)) {
                return routes.partitions;
            }
        }
        return present;
    }

    /** Returns the offset from which on a partition is sent on. */
    private long sentOnFrom(TopicPartition from) {
        return past.stream()
                .filter(routes -> routes.partitions == 0)
                .mapToLong(routes -> routes.ends.getOrDefault(from, 0L))
                .max()
                .orElse(0);
    }

    private void compare(List<TopicPartition> examples, List<TopicPartition> routed) {
        Map<Way, Sum> all = new TreeMap<>(expected);
        all.putAll(found);
        all.keySet().forEach(way -> {
            Sum wanted = expected.getOrDefault(way, new Sum());
            Sum there = found.getOrDefault(way, new Sum());
            if (wanted.count != there.count || !MessageDigest.isEqual(wanted.digest.digest(), there.digest.digest())) {
                TopicPartition from = examples.get(0);
                TopicPartition source = new TopicPartition(from.topic(), way.from);
                findings.add(
                        FindingKind.ROUTED_DIFFERS,
                        source,
                        way.stretch * STRETCH,
                        routed.get(way.to),
                        Finding.NONE,
                        null,
                        "of the records of %s from offset %d to %d, %s must have %d and has %d%s"
                                .formatted(
                                        source,
                                        way.stretch * STRETCH,
                                        (way.stretch + 1) * STRETCH - 1,
                                        routed.get(way.to),
                                        wanted.count,
                                        there.count,
                                        wanted.count == there.count ? ", in another order or with other bytes" : ""));
            }
        });
    }
}
