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
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
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
    private final Map<TopicPartition, Long> ends;
    private final List<RoutedRange> routes = new ArrayList<>();
    /** The partitions of which records were sent on, and the offsets up to which they were taken. */
    private final Map<TopicPartition, Long> sources = new LinkedHashMap<>();
    /** The partitions that have copies, and the offsets up to which they are looked at. */
    private final Map<TopicPartition, Long> copies = new LinkedHashMap<>();
    /** The topics that the learner learns, or has learned, from. */
    private final Set<String> known = new HashSet<>();

    private final Map<Way, Sum> expected = new TreeMap<>();
    private final Map<Way, Sum> found = new TreeMap<>();

    /**
     * The events that went from one partition to another.
     *
     * @param from the source partition
     * @param to the target partition
     * @param stretch the range of offsets in the source partition
     */
    private record Way(TopicPartition from, TopicPartition to, long stretch) implements Comparable<Way> {
        private static final Comparator<TopicPartition> BY_NAME =
                Comparator.comparing(TopicPartition::topic).thenComparing(TopicPartition::partition);

        @Override
        public int compareTo(Way other) {
            int first = BY_NAME.compare(from, other.from);
            int second = Long.compare(stretch, other.stretch);
            return first != 0 ? first : second != 0 ? second : BY_NAME.compare(to, other.to);
        }
    }

    /**
     * The records that were sent on in a layout.
     *
     * @param to the topic that they were sent to; null if they were learned from where they are
     * @param partitions how many partitions of it
     * @param ends the offsets up to which they were sent on
     */
    private record RoutedRange(String to, int partitions, Map<TopicPartition, Long> ends) {}

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
     * @param partitions how many partitions the learner has now
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
            int partitions,
            Map<TopicPartition, Long> committed,
            Map<TopicPartition, Long> ends,
            boolean isOfLabels) {
        this.cluster = cluster;
        this.config = config;
        this.schemas = schemas;
        this.findings = findings;
        this.ends = ends;
        this.isOfLabels = isOfLabels;
        for (PastLayout layout : layouts) {
            PastTopics topics = new PastTopics(config, layout.parts().get(0));
            Map<TopicPartition, Long> pastEnds = new HashMap<>();
            layout.parts().forEach(part -> pastEnds.putAll(part.next()));
            add(topics.config(), layout.parts().size(), pastEnds, pastEnds);
        }
        add(config, partitions, committed, ends);
        reader = isOfLabels ? RecordReader.ofModelsOfLabels(schemas, config) : RecordReader.ofModels(schemas, config);
    }

    private void add(
            ThalwegConfig then,
            int partitions,
            Map<TopicPartition, Long> taken,
            Map<TopicPartition, Long> endsOfCopies) {
        boolean isSentOn = isOfLabels ? then.areLabelsRouted(partitions) : then.isRouted(partitions);
        String to = isOfLabels ? then.routedLabelsTopic() : then.routedTopic();
        taken.keySet().forEach(partition -> known.add(partition.topic()));
        known.add(then.getString(ThalwegConfig.EXAMPLES_TOPIC));
        known.add(then.getString(ThalwegConfig.LABELS_TOPIC));
        routes.add(new RoutedRange(isSentOn ? to : null, partitions, taken));
        if (isSentOn) {
            String from = then.getString(isOfLabels ? ThalwegConfig.LABELS_TOPIC : ThalwegConfig.EXAMPLES_TOPIC);
            taken.forEach((partition, offset) -> {
                if (partition.topic().equals(from)) {
                    sources.merge(partition, offset, Math::max);
                }
            });
            endsOfCopies.forEach((partition, offset) -> {
                if (partition.topic().equals(to) && offset > 0) {
                    copies.merge(partition, offset, Math::max);
                }
            });
        }
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    /** Returns the partitions of other topics than now of which records were sent on. */
    List<TopicPartition> pastSources() {
        return sources.keySet().stream()
                .filter(partition -> !partition.topic().equals(sourceTopic()))
                .toList();
    }

    /** Runs the audit. */
    void run() {
        copies.forEach((to, end) -> {
            try (Records records = cluster.read(to, 0, end)) {
                while (records.hasNext()) {
                    take(to, records.next());
                }
            }
        });
        sources.keySet().forEach(this::expect);
        compare();
    }

    private void take(TopicPartition to, ConsumerRecord<byte[], byte[]> record) {
        SourceCoordinates coordinates = SourceCoordinates.of(record.headers());
        TopicPartition from =
                coordinates == null ? null : new TopicPartition(coordinates.topic(), coordinates.partition());
        if (coordinates == null || !isSource(coordinates.topic())) {
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
        } else if (coordinates.offset() < sources.getOrDefault(from, 0L)) {
            add(found, to, record, coordinates, record.key());
        }
    }

    private boolean isSource(String topic) {
        return topic.equals(sourceTopic())
                || sources.keySet().stream()
                        .anyMatch(partition -> partition.topic().equals(topic));
    }

    private String sourceTopic() {
        return config.getString(isOfLabels ? ThalwegConfig.LABELS_TOPIC : ThalwegConfig.EXAMPLES_TOPIC);
    }

    private static void add(
            Map<Way, Sum> sums,
            TopicPartition to,
            ConsumerRecord<byte[], byte[]> record,
            SourceCoordinates coordinates,
            byte[] model) {
        TopicPartition from = new TopicPartition(coordinates.topic(), coordinates.partition());
        sums.computeIfAbsent(new Way(from, to, coordinates.offset() / STRETCH), way -> new Sum())
                .add(record, coordinates, model);
    }

    private void expect(TopicPartition from) {
        long end = sources.get(from);
        TopicPartition output = new TopicPartition(OutputTopic.DEAD_LETTERS.nameIn(config), from.partition());
        LetterAudit letters;
        try (Records in = cluster.read(output, 0, ends.get(output))) {
            letters = new LetterAudit(
                    from,
                    output,
                    false,
                    letter -> isOf(from, letter),
                    end,
                    in,
                    new OutputDecoder<DeadLetter>(DeadLetter.getClassSchema(), schemas),
                    findings);
        }
        Example nothing = new Example();
        try (Records records = cluster.read(from, 0, end)) {
            while (records.hasNext()) {
                ConsumerRecord<byte[], byte[]> record = records.next();
                RoutedRange sent = at(from, record.offset());
                if (sent.to == null) {
                    continue;
                }
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
                            new TopicPartition(sent.to, KeyPartitioner.MURMUR2.partition(model, sent.partitions)),
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

    /** Returns whether a dead letter is one of a partition that records were sent on from. */
    private boolean isOf(TopicPartition from, DeadLetter letter) {
        String topic = letter.getTopic().toString();
        // one that names a topic that is none of the learner's is reported with those of the events of now
        boolean isOfTopic = topic.equals(from.topic())
                || !isOfLabels && !known.contains(topic) && from.topic().equals(sourceTopic());
        return isOfTopic && at(from, letter.getOffset()).to != null;
    }

    /** Returns where a record was sent to. */
    private RoutedRange at(TopicPartition from, long offset) {
        return routes.stream()
                .filter(one -> offset < one.ends.getOrDefault(from, 0L))
                .findFirst()
                .orElse(routes.get(routes.size() - 1));
    }

    private void compare() {
        Map<Way, Sum> all = new TreeMap<>(expected);
        all.putAll(found);
        all.keySet().forEach(way -> {
            Sum wanted = expected.getOrDefault(way, new Sum());
            Sum there = found.getOrDefault(way, new Sum());
            if (wanted.count != there.count || !MessageDigest.isEqual(wanted.digest.digest(), there.digest.digest())) {
                findings.add(
                        FindingKind.ROUTED_DIFFERS,
                        way.from,
                        way.stretch * STRETCH,
                        way.to,
                        Finding.NONE,
                        null,
                        "of the records of %s from offset %d to %d, %s must have %d and has %d%s"
                                .formatted(
                                        way.from,
                                        way.stretch * STRETCH,
                                        (way.stretch + 1) * STRETCH - 1,
                                        way.to,
                                        wanted.count,
                                        there.count,
                                        wanted.count == there.count ? ", in another order or with other bytes" : ""));
            }
        });
    }
}
