package io.thalweg.audit;

import static io.thalweg.audit.FindingKind.ALTERED;
import static io.thalweg.audit.FindingKind.DEAD_LETTER_DIFFERS;
import static io.thalweg.audit.FindingKind.DOUBLED;
import static io.thalweg.audit.FindingKind.METRICS_DIFFER;
import static io.thalweg.audit.FindingKind.METRICS_LEFT_OVER;
import static io.thalweg.audit.FindingKind.METRICS_MISSING;
import static io.thalweg.audit.FindingKind.MISSING;
import static io.thalweg.audit.FindingKind.OUT_OF_PLACE;
import static io.thalweg.audit.FindingKind.UNEXPECTED;
import static io.thalweg.audit.FindingKind.UNREADABLE;
import static io.thalweg.audit.FindingKind.WEIGHTS_DIFFER;
import static io.thalweg.audit.FindingKind.WEIGHTS_LEFT_OVER;
import static io.thalweg.audit.FindingKind.WEIGHTS_MISSING;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.thalweg.audit.VerificationReport.Conclusion;
import io.thalweg.avro.DeadLetter;
import io.thalweg.avro.Metrics;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.Weights;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.SchemaSourceException;
import io.thalweg.output.OutputTopic;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.apache.avro.Schema;
import org.apache.avro.specific.SpecificRecordBase;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class VerificationTest {
    private static final String PREDICTIONS = "predictions";
    private static final String WEIGHTS = "weights";
    private static final String METRICS = "metrics";
    private static final String LETTERS = "dead-letters";
    private static final int RECORDS = 600;
    private static final LearnedLog LOG = new LearnedLog(1, RECORDS, Map.of());

    private final Random random = new Random(2);

    private static VerificationReport verify(LearnedLog log, MemoryClusterView cluster) {
        return new Verification(log.config, log.schemas, () -> cluster).run(progress -> {});
    }

    private static VerificationReport afterwards(Consumer<MemoryClusterView> tampering) {
        MemoryClusterView cluster = LOG.cluster.copy();
        tampering.accept(cluster);
        return verify(LOG, cluster);
    }

    private static List<ConsumerRecord<byte[], byte[]>> log(String topic) {
        return LOG.cluster.log(topic);
    }

    private static Prediction prediction(ConsumerRecord<byte[], byte[]> record) {
        return LearnedLog.decode(record.value(), Prediction.getClassSchema());
    }

    private static long source(ConsumerRecord<byte[], byte[]> prediction) {
        return prediction(prediction).getOffset();
    }

    private static <T extends SpecificRecordBase> void alter(
            MemoryClusterView cluster, String topic, long offset, Schema schema, Consumer<T> change) {
        cluster.replaceValue(topic, offset, value -> {
            T record = LearnedLog.decode(value, schema);
            change.accept(record);
            return LearnedLog.encode(ByteBuffer.wrap(value, 1, 4).getInt(), schema, record);
        });
    }

    private static void assertOnly(VerificationReport report, FindingKind kind, long source) {
        assertThat(report.findings())
                .extracting(Finding::kind, Finding::offset)
                .containsExactly(org.assertj.core.groups.Tuple.tuple(kind, source));
        assertThat(report.findings().get(0).source()).hasToString("examples-0");
        assertThat(report.conclusion()).isEqualTo(Conclusion.DIFFERS);
        assertThat(report.replayMatches()).isFalse();
    }

    private static double next(double x) {
        return Math.nextUp(x);
    }

    /** The first, the last, and some between. */
    private static <T> List<T> some(List<T> all) {
        List<T> some = new ArrayList<>(List.of(all.get(0), all.get(all.size() - 1)));
        for (int i = 1; i < all.size() - 1; i += 7) {
            some.add(all.get(i));
        }
        return some;
    }

    private <T> T anyOf(List<T> all) {
        return all.get(random.nextInt(all.size()));
    }

    private static byte[] flip(byte[] value, int bit) {
        byte[] flipped = value.clone();
        flipped[bit / 8] ^= (byte) (1 << bit % 8);
        return flipped;
    }

    /** What a compacted topic holds. */
    private static List<ConsumerRecord<byte[], byte[]>> latest(String topic) {
        Map<String, ConsumerRecord<byte[], byte[]>> latest = new TreeMap<>();
        for (ConsumerRecord<byte[], byte[]> record : log(topic)) {
            latest.put(Arrays.toString(record.key()), record);
        }
        return latest.values().stream()
                .filter(record -> record.value() != null)
                .sorted(Comparator.comparingLong(ConsumerRecord::offset))
                .toList();
    }

    @Nested
    class HonestLogs {
        @Test
        void anHonestLogMatches() {
            List<Progress> progress = new ArrayList<>();
            VerificationReport report = new Verification(LOG.config, LOG.schemas, LOG.cluster::copy).run(progress::add);

            assertThat(report.findings()).isEmpty();
            assertThat(report.conclusion()).isEqualTo(Conclusion.MATCHES);
            assertThat(report.replayMatches()).isTrue();
            assertThat(report.lines()).last().asString().startsWith("MATCHES");
            assertThat(report.counts().records()).isEqualTo(RECORDS);
            assertThat(report.counts().predictions())
                    .isEqualTo(report.counts().examples())
                    .isEqualTo(log(PREDICTIONS).size());
            assertThat(report.counts().deadLetters()).isEqualTo(log(LETTERS).size());
            assertThat(report.counts().deletions())
                    .isEqualTo(RECORDS - log(PREDICTIONS).size() - log(LETTERS).size());
            assertThat(report.counts().steps())
                    .isEqualTo(log(PREDICTIONS).stream()
                            .filter(record -> prediction(record).getLabel() != null)
                            .count());
            assertThat(report.counts().later()).isZero();
            assertThat(progress).last().isEqualTo(new Progress(RECORDS, RECORDS));
        }

        /** That of the outcomes: {@link LateLabelsVerificationTest}. */
        @ParameterizedTest
        @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "OUTCOMES")
        void everyOutputTopicIsAudited(OutputTopic topic) {
            assertThat(afterwards(cluster -> cluster.cut(topic.nameIn(LOG.config), 0))
                            .conclusion())
                    .isEqualTo(Conclusion.DIFFERS);
            assertThat(afterwards(cluster -> cluster.delete(topic.nameIn(LOG.config)))
                            .conclusion())
                    .isEqualTo(Conclusion.CANNOT_VERIFY);
        }

        @Test
        void theLogHasEverythingThatCanHappen() {
            Set<String> reasons = log(LETTERS).stream()
                    .map(record -> LearnedLog.<DeadLetter>decode(record.value(), DeadLetter.getClassSchema())
                            .getReason()
                            .toString())
                    .collect(Collectors.toSet());
            assertThat(reasons)
                    .contains(
                            "UNREADABLE",
                            "UNKNOWN_SCHEMA",
                            "BAD_KEY",
                            "TOO_LARGE",
                            "NOT_FINITE",
                            "LABEL_OUT_OF_RANGE",
                            "EMPTY",
                            "DUPLICATE_FEATURE",
                            "FORM_DIFFERS",
                            "TOO_MANY_MODELS");
            assertThat(log(WEIGHTS)).anyMatch(record -> record.value() == null);
            assertThat(log(METRICS)).anyMatch(record -> record.value() == null);
            assertThat(latest(WEIGHTS)).anyMatch(record -> new String(record.key()).indexOf('\0') > 0);
            assertThat(latest(WEIGHTS))
                    .extracting(record -> new String(record.key()))
                    .contains("dense", "sparse", "named\0000");
        }

        @ParameterizedTest
        @ValueSource(longs = {3, 4, 5, 6, 7, 8, 9, 10})
        void honestLogsMatchWhateverTheSettings(long seed) {
            Map<String, Object> settings = new LinkedHashMap<>();
            settings.put("weights.every", String.valueOf(seed % 3 + 1));
            settings.put("weights.record.max", seed % 2 == 0 ? "2" : "64");
            boolean auto = seed > 6;
            settings.put("algorithm", auto ? "auto" : "sgd");
            settings.put("weights.window", String.valueOf(seed % 4 * 10));
            if (!auto) {
                settings.put("learning.rate.schedule", seed % 2 == 0 ? "inverse-time" : "constant");
            }
            LearnedLog log = new LearnedLog(seed, 400, settings);
            assertThat(verify(log, log.cluster).lines()).last().asString().startsWith("MATCHES");
        }

        /** As if the learner had stopped after each record. */
        @Test
        void everyBeginningOfAnHonestLogMatches() {
            for (int n = 1; n <= RECORDS; n++) {
                MemoryClusterView cluster = LOG.cluster.copy();
                cluster.committed.set(0, (long) n);
                LOG.ends.get(n - 1).forEach(cluster::cut);
                VerificationReport report = verify(LOG, cluster);
                assertThat(report.lines())
                        .as("after %d records", n)
                        .last()
                        .asString()
                        .startsWith("MATCHES");
                assertThat(report.counts().later()).isZero();
            }
        }

        /** The learner goes on between the first question and the reading of the outputs. */
        @Test
        void aLearnerThatGoesOnMatches() {
            for (int n = 1; n < RECORDS; n++) {
                int now = Math.min(RECORDS, n + 40);
                MemoryClusterView cluster = LOG.cluster.copy();
                cluster.committed.clear();
                cluster.committed.addAll(List.of((long) n, (long) now));
                LOG.ends.get(now - 1).forEach(cluster::cut);
                VerificationReport report = verify(LOG, cluster);
                assertThat(report.lines())
                        .as("from %d to %d records", n, now)
                        .last()
                        .asString()
                        .startsWith("MATCHES");
                assertThat(report.counts().records()).isEqualTo(n);
                assertThat(report.counts().later()).isPositive();
            }
        }

        @Test
        void compactionChangesNothing() {
            MemoryClusterView cluster = LOG.cluster.copy();
            for (String topic : List.of(WEIGHTS, METRICS, "test-weights-changelog")) {
                Set<Long> kept =
                        latest(topic).stream().map(ConsumerRecord::offset).collect(Collectors.toSet());
                log(topic).stream()
                        .map(ConsumerRecord::offset)
                        .filter(offset -> !kept.contains(offset))
                        .forEach(offset -> cluster.drop(topic, offset));
            }
            assertThat(verify(LOG, cluster).lines()).last().asString().startsWith("MATCHES");
        }

        /** The registry has learned the id since. */
        @Test
        void anUnknownSchemaIsTakenFromItsDeadLetter() {
            LOG.registry.put(LearnedLog.UNKNOWN_ID, io.thalweg.avro.Example.getClassSchema());
            try {
                VerificationReport report = verify(LOG, LOG.cluster.copy());
                assertThat(report.conclusion()).isEqualTo(Conclusion.MATCHES);
                assertThat(report.counts().unknownSchemas()).isPositive();
                assertThat(report.lines()).anyMatch(line -> line.startsWith("Taken on trust"));
            } finally {
                LOG.registry.remove(LearnedLog.UNKNOWN_ID);
            }
        }
    }

    @Nested
    class TamperedPredictions {
        @Test
        void eachFieldOfAPredictionCounts() {
            Map<String, Consumer<Prediction>> changes = new LinkedHashMap<>();
            changes.put("id", p -> p.setId(p.getId() == null ? "" : null));
            changes.put("probability", p -> p.setProbability(next(p.getProbability())));
            changes.put("logit", p -> p.setLogit(next(p.getLogit())));
            changes.put("version", p -> p.setVersion(p.getVersion() + 1));
            changes.put("label", p -> p.setLabel(p.getLabel() == null ? Double.valueOf(0) : null));
            changes.put("logLoss", p -> p.setLogLoss(p.getLogLoss() == null ? 0 : next(p.getLogLoss())));
            changes.put("partition", p -> p.setPartition(1));
            changes.forEach((field, change) -> {
                ConsumerRecord<byte[], byte[]> record = anyOf(log(PREDICTIONS));
                VerificationReport report = afterwards(
                        cluster -> alter(cluster, PREDICTIONS, record.offset(), Prediction.getClassSchema(), change));
                assertOnly(report, ALTERED, source(record));
                assertThat(report.findings().get(0).output()).hasToString("predictions-0");
                assertThat(report.findings().get(0).outputOffset()).isEqualTo(record.offset());
                assertThat(report.findings().get(0).sentence())
                        .contains("field " + field + " is ", "examples-0@" + source(record), "predictions-0@");
            });
        }

        @Test
        void aZeroIsNotItsNegative() {
            ConsumerRecord<byte[], byte[]> record = log(PREDICTIONS).get(0);
            assertThat(prediction(record).getLogit()).isZero();
            VerificationReport report = afterwards(cluster ->
                    alter(cluster, PREDICTIONS, 0, Prediction.getClassSchema(), (Prediction p) -> p.setLogit(-0.0)));
            assertOnly(report, ALTERED, source(record));
        }

        @Test
        void theKeyOfAPredictionCounts() {
            ConsumerRecord<byte[], byte[]> record = anyOf(log(PREDICTIONS));
            VerificationReport report = afterwards(cluster -> cluster.put(
                    PREDICTIONS,
                    record.offset(),
                    record.timestamp(),
                    "other".getBytes(),
                    record.value(),
                    record.headers()));
            assertOnly(report, ALTERED, source(record));
        }

        @Test
        void anyDroppedPredictionIsNamed() {
            for (ConsumerRecord<byte[], byte[]> record : some(log(PREDICTIONS))) {
                assertOnly(afterwards(cluster -> cluster.drop(PREDICTIONS, record.offset())), MISSING, source(record));
            }
        }

        @Test
        void manyDroppedPredictionsAreAllNamed() {
            List<ConsumerRecord<byte[], byte[]>> dropped = log(PREDICTIONS).subList(20, 150);
            VerificationReport report =
                    afterwards(cluster -> dropped.forEach(record -> cluster.drop(PREDICTIONS, record.offset())));
            assertThat(report.findings()).extracting(Finding::kind).containsOnly(MISSING);
            assertThat(report.findings())
                    .extracting(Finding::offset)
                    .containsExactlyElementsOf(
                            dropped.stream().map(VerificationTest::source).toList());
        }

        @Test
        void anyDoubledPredictionIsNamed() {
            for (ConsumerRecord<byte[], byte[]> record : some(log(PREDICTIONS))) {
                assertOnly(
                        afterwards(cluster -> cluster.insert(PREDICTIONS, record.offset(), record)),
                        DOUBLED,
                        source(record));
            }
        }

        @Test
        void aPredictionDoubledFarAwayIsNamed() {
            for (int i = 0; i < 50; i++) {
                ConsumerRecord<byte[], byte[]> record = anyOf(log(PREDICTIONS));
                long where = anyOf(log(PREDICTIONS)).offset();
                VerificationReport report = afterwards(cluster -> cluster.insert(PREDICTIONS, where, record));
                assertThat(report.findings())
                        .as("offset %d again at %d", source(record), where)
                        .hasSizeLessThanOrEqualTo(2)
                        .anyMatch(finding -> finding.kind() == DOUBLED && finding.offset() == source(record));
            }
        }

        @Test
        void anySwappedNeighboursAreNamed() {
            List<ConsumerRecord<byte[], byte[]>> all = log(PREDICTIONS);
            for (int i = 1; i < all.size(); i += 6) {
                ConsumerRecord<byte[], byte[]> a = all.get(i - 1);
                ConsumerRecord<byte[], byte[]> b = all.get(i);
                VerificationReport report = afterwards(cluster -> cluster.swap(PREDICTIONS, a.offset(), b.offset()));
                assertOnly(report, OUT_OF_PLACE, source(a));
                assertThat(report.findings().get(0).sentence())
                        .contains("examples-0@" + source(a) + " ", "examples-0@" + source(b) + " ");
            }
        }

        @Test
        void predictionsSwappedFarApartAreBothNamed() {
            for (int i = 0; i < 50; i++) {
                int size = log(PREDICTIONS).size();
                ConsumerRecord<byte[], byte[]> a = log(PREDICTIONS).get(random.nextInt(size - 10));
                ConsumerRecord<byte[], byte[]> b =
                        log(PREDICTIONS).get((int) a.offset() + 4 + random.nextInt(size - (int) a.offset() - 4));
                VerificationReport report = afterwards(cluster -> cluster.swap(PREDICTIONS, a.offset(), b.offset()));
                assertThat(report.findings())
                        .as("%d and %d", a.offset(), b.offset())
                        .extracting(Finding::kind)
                        .containsOnly(OUT_OF_PLACE);
                assertThat(report.findings())
                        .extracting(Finding::offset)
                        .containsExactlyInAnyOrder(source(a), source(b));
            }
        }

        @Test
        void anInventedPredictionIsNamed() {
            long free = log(LETTERS).stream()
                    .mapToLong(record -> LearnedLog.<DeadLetter>decode(record.value(), DeadLetter.getClassSchema())
                            .getOffset())
                    .filter(offset -> offset > 100)
                    .findFirst()
                    .orElseThrow();
            for (long offset : new long[] {free, RECORDS, RECORDS + 1_000_000L, Long.MAX_VALUE, -1, Long.MIN_VALUE}) {
                ConsumerRecord<byte[], byte[]> model = anyOf(log(PREDICTIONS));
                VerificationReport report = afterwards(cluster -> {
                    cluster.insert(PREDICTIONS, 50, model);
                    alter(cluster, PREDICTIONS, 50, Prediction.getClassSchema(), (Prediction p) -> p.setOffset(offset));
                });
                assertOnly(report, UNEXPECTED, offset);
            }
        }

        @Test
        void aPredictionMovedToAnotherExampleLeavesAGap() {
            for (int i = 0; i < 50; i++) {
                ConsumerRecord<byte[], byte[]> record = anyOf(log(PREDICTIONS));
                long other = random.nextInt(RECORDS + 50);
                if (other != source(record)) {
                    VerificationReport report = afterwards(cluster -> alter(
                            cluster,
                            PREDICTIONS,
                            record.offset(),
                            Prediction.getClassSchema(),
                            (Prediction p) -> p.setOffset(other)));
                    assertThat(report.findings())
                            .anyMatch(finding -> finding.kind() == MISSING && finding.offset() == source(record))
                            .anyMatch(finding -> finding.offset() == other);
                }
            }
        }

        @Test
        void everyFlippedBitOfAPredictionIsFound() {
            for (int i = 0; i < 200; i++) {
                ConsumerRecord<byte[], byte[]> record = anyOf(log(PREDICTIONS));
                int bit = random.nextInt(record.value().length * 8);
                VerificationReport report = afterwards(
                        cluster -> cluster.replaceValue(PREDICTIONS, record.offset(), value -> flip(value, bit)));
                assertThat(report.findings())
                        .as("bit %d of %s", bit, record.offset())
                        .anyMatch(finding -> finding.offset() == source(record));
            }
        }

        @Test
        void aDamagedPredictionIsAFindingAndNotAFailure() {
            ConsumerRecord<byte[], byte[]> record = anyOf(log(PREDICTIONS));
            for (byte[] damaged : new byte[][] {
                null,
                {},
                {1, 2, 3, 4, 5},
                Arrays.copyOf(record.value(), record.value().length - 1),
                Arrays.copyOf(record.value(), record.value().length + 1),
                // claims a string of two gigabytes
                {0, 0, 0, 0, 10, 2, -2, -1, -1, -1, 15}
            }) {
                VerificationReport report =
                        afterwards(cluster -> cluster.replaceValue(PREDICTIONS, record.offset(), value -> damaged));
                assertThat(report.findings()).extracting(Finding::kind).containsExactlyInAnyOrder(UNREADABLE, MISSING);
                assertThat(report.findings()).anyMatch(finding -> finding.offset() == source(record));
            }
        }

        @Test
        void findingsAreBoundedAndCounted() {
            VerificationReport report = afterwards(cluster -> {
                for (int i = 0; i < 1500; i++) {
                    cluster.append(PREDICTIONS, log(PREDICTIONS).get(0));
                }
            });
            assertThat(report.findings()).hasSize(FindingLog.KEPT);
            assertThat(report.findingsTotal()).isEqualTo(1500);
            assertThat(report.findingCounts()).containsOnly(Map.entry(DOUBLED, 1500L));
            assertThat(report.lines()).hasSizeLessThan(30).last().isEqualTo("  and 1,480 more");
        }
    }

    @Nested
    class TamperedDeadLetters {
        private static long letterSource(ConsumerRecord<byte[], byte[]> record) {
            return LearnedLog.<DeadLetter>decode(record.value(), DeadLetter.getClassSchema())
                    .getOffset();
        }

        @Test
        void anyDroppedOrDoubledDeadLetterIsNamed() {
            for (ConsumerRecord<byte[], byte[]> record : some(log(LETTERS))) {
                assertOnly(
                        afterwards(cluster -> cluster.drop(LETTERS, record.offset())), MISSING, letterSource(record));
                assertOnly(
                        afterwards(cluster -> cluster.insert(LETTERS, record.offset(), record)),
                        DOUBLED,
                        letterSource(record));
            }
        }

        @Test
        void swappedDeadLettersAreNamed() {
            for (int i = 0; i < 100; i++) {
                ConsumerRecord<byte[], byte[]> a = anyOf(log(LETTERS));
                ConsumerRecord<byte[], byte[]> b = anyOf(log(LETTERS));
                if (a != b) {
                    VerificationReport report = afterwards(cluster -> cluster.swap(LETTERS, a.offset(), b.offset()));
                    assertThat(report.findings()).extracting(Finding::kind).containsOnly(OUT_OF_PLACE);
                    assertThat(report.findings())
                            .hasSizeLessThanOrEqualTo(2)
                            .anyMatch(finding -> finding.sentence()
                                    .contains("examples-0@" + Math.min(letterSource(a), letterSource(b))));
                }
            }
        }

        @Test
        void eachFieldOfADeadLetterCounts() {
            List<Consumer<DeadLetter>> changes = List.of(
                    letter -> letter.setReason("EMPTY" + letter.getReason()),
                    letter -> letter.setTopic("other"),
                    letter -> letter.setPartition(3),
                    letter -> letter.setTimestamp(letter.getTimestamp() + 1),
                    letter -> letter.setKey(ByteBuffer.wrap(new byte[] {7})),
                    letter -> letter.setKey(null),
                    letter -> letter.setValue(ByteBuffer.wrap(new byte[] {7})),
                    letter -> letter.setValue(null));
            for (Consumer<DeadLetter> change : changes) {
                ConsumerRecord<byte[], byte[]> record = anyOf(log(LETTERS).stream()
                        .filter(letter -> letter.key() != null)
                        .toList());
                VerificationReport report = afterwards(
                        cluster -> alter(cluster, LETTERS, record.offset(), DeadLetter.getClassSchema(), change));
                assertOnly(report, DEAD_LETTER_DIFFERS, letterSource(record));
            }
        }

        @Test
        void headersAndKeyOfADeadLetterCount() {
            ConsumerRecord<byte[], byte[]> record = anyOf(
                    log(LETTERS).stream().filter(letter -> letter.key() != null).toList());
            assertOnly(
                    afterwards(cluster -> cluster.put(
                            LETTERS, record.offset(), 0, record.key(), record.value(), new RecordHeaders())),
                    DEAD_LETTER_DIFFERS,
                    letterSource(record));
            assertOnly(
                    afterwards(cluster ->
                            cluster.put(LETTERS, record.offset(), 0, new byte[] {1}, record.value(), record.headers())),
                    DEAD_LETTER_DIFFERS,
                    letterSource(record));
        }

        @Test
        void aDeadLetterInPlaceOfAPredictionIsNamed() {
            ConsumerRecord<byte[], byte[]> record =
                    log(PREDICTIONS).get(log(PREDICTIONS).size() - 1);
            VerificationReport report = afterwards(cluster -> {
                cluster.drop(PREDICTIONS, record.offset());
                cluster.append(LETTERS, log(LETTERS).get(0));
                alter(
                        cluster,
                        LETTERS,
                        cluster.end(LETTERS) - 1,
                        DeadLetter.getClassSchema(),
                        (DeadLetter letter) -> letter.setOffset(source(record)));
            });
            assertThat(report.findings())
                    .filteredOn(finding -> finding.offset() == source(record))
                    .extracting(Finding::kind)
                    .contains(MISSING, UNEXPECTED);
        }
    }

    @Nested
    class TamperedWeights {
        private static ConsumerRecord<byte[], byte[]> latestOf(String key) {
            return latest(WEIGHTS).stream()
                    .filter(record -> new String(record.key()).equals(key))
                    .findFirst()
                    .orElseThrow();
        }

        @Test
        void eachNumberOfTheLastWeightsCounts() {
            List<Consumer<Weights>> changes = List.of(
                    w -> w.setModel("other"),
                    w -> w.setBlock(w.getBlock() == null ? Integer.valueOf(0) : null),
                    w -> w.setBlocks(w.getBlocks() + 1),
                    w -> w.setBias(next(w.getBias())),
                    w -> w.setL2Norm(next(w.getL2Norm())),
                    w -> w.setLearningRate(next(w.getLearningRate())),
                    w -> w.getWeights()
                            .get(0)
                            .setWeight(next(w.getWeights().get(0).getWeight())),
                    w -> w.getWeights().get(0).setFeature(1000),
                    w -> w.getWeights().get(0).setName("another name"),
                    w -> w.getWeights().remove(0));
            for (ConsumerRecord<byte[], byte[]> record : latest(WEIGHTS)) {
                // a step of importance 0 leaves a sparse model without weights
                boolean empty = LearnedLog.<Weights>decode(record.value(), Weights.getClassSchema())
                        .getWeights()
                        .isEmpty();
                for (Consumer<Weights> change : empty ? changes.subList(0, 6) : changes) {
                    VerificationReport report = afterwards(
                            cluster -> alter(cluster, WEIGHTS, record.offset(), Weights.getClassSchema(), change));
                    assertThat(report.findings()).extracting(Finding::kind).containsExactly(WEIGHTS_DIFFER);
                    Finding finding = report.findings().get(0);
                    assertThat(finding.output()).hasToString("weights-0");
                    assertThat(finding.outputOffset()).isEqualTo(record.offset());
                    assertThat(finding.key()).isEqualTo(new String(record.key()).replace('\0', ' '));
                    assertThat(LOG.cluster
                                    .log("examples")
                                    .get((int) finding.offset())
                                    .key())
                            .isEqualTo(
                                    new String(record.key()).split("\0")[0].equals("default")
                                            ? null
                                            : new String(record.key()).split("\0")[0].getBytes());
                }
            }
        }

        @Test
        void whatAWeightHasMovedByCountsWhereTheRecordSaysIt() {
            ConsumerRecord<byte[], byte[]> record = latestOf("dense");
            List<Consumer<Weights>> changes = List.of(
                    w -> w.setMovedSteps(w.getMovedSteps() + 1),
                    w -> w.getWeights()
                            .get(1)
                            .setMoved(next(w.getWeights().get(1).getMoved())),
                    w -> w.getWeights().get(1).setMoved(null));
            for (Consumer<Weights> change : changes) {
                VerificationReport report = afterwards(
                        cluster -> alter(cluster, WEIGHTS, record.offset(), Weights.getClassSchema(), change));
                assertThat(report.findings()).extracting(Finding::kind).containsExactly(WEIGHTS_DIFFER);
            }
            VerificationReport unknown = afterwards(cluster ->
                    alter(cluster, WEIGHTS, record.offset(), Weights.getClassSchema(), (Weights w) -> {
                        w.setMovedSteps(null);
                        w.getWeights().forEach(weight -> weight.setMoved(null));
                    }));
            assertThat(unknown.conclusion()).isEqualTo(Conclusion.MATCHES);
        }

        @Test
        void theChangeAfterEachStepCounts() {
            ConsumerRecord<byte[], byte[]> record = latestOf("dense");
            VerificationReport report = afterwards(cluster -> alter(
                    cluster,
                    WEIGHTS,
                    record.offset(),
                    Weights.getClassSchema(),
                    (Weights w) -> w.setChange(next(w.getChange()))));
            assertThat(report.findings()).extracting(Finding::kind).containsExactly(WEIGHTS_DIFFER);
        }

        @Test
        void anotherVersionOfWeightsIsFound() {
            for (ConsumerRecord<byte[], byte[]> record : latest(WEIGHTS)) {
                for (long by : new long[] {-1, 1, 1000, -1000}) {
                    VerificationReport report = afterwards(cluster -> alter(
                            cluster,
                            WEIGHTS,
                            record.offset(),
                            Weights.getClassSchema(),
                            (Weights w) -> w.setVersion(w.getVersion() + by)));
                    assertThat(report.findings())
                            .as("%s by %d", new String(record.key()), by)
                            .extracting(Finding::key)
                            .contains(new String(record.key()).replace('\0', ' '));
                }
            }
        }

        @Test
        void missingWeightsAreFound() {
            long behind = verify(LOG, LOG.cluster.copy()).counts().weightsBehind();
            for (ConsumerRecord<byte[], byte[]> last : latest(WEIGHTS)) {
                String key = new String(last.key()).replace('\0', ' ');
                // all that was ever written under the key
                VerificationReport report = afterwards(cluster -> log(WEIGHTS).stream()
                        .filter(record -> Arrays.equals(record.key(), last.key()))
                        .forEach(record -> cluster.drop(WEIGHTS, record.offset())));
                assertThat(report.findings())
                        .extracting(Finding::kind, Finding::key)
                        .containsExactly(org.assertj.core.groups.Tuple.tuple(WEIGHTS_MISSING, key));
                // the last only, so that an older one is in force; one block that was published alone is as
                // if the clock had not struck
                VerificationReport older = afterwards(cluster -> cluster.drop(WEIGHTS, last.offset()));
                if (older.counts().weightsBehind() == behind || key.indexOf(' ') < 0) {
                    assertThat(older.findings()).extracting(Finding::key).contains(key);
                }
            }
        }

        @Test
        void leftOverWeightsAndMetricsAreFound() {
            // deleted for good at the end
            MemoryClusterView cluster = LOG.cluster.copy();
            cluster.append("examples", 0, "dense".getBytes(), null, new RecordHeaders());
            cluster.append("examples", 0, "large".getBytes(), null, new RecordHeaders());
            cluster.committed.set(0, RECORDS + 2L);
            VerificationReport report = verify(LOG, cluster);
            assertThat(report.findings())
                    .filteredOn(finding -> finding.key().equals("dense"))
                    .extracting(Finding::kind)
                    .containsExactlyInAnyOrder(WEIGHTS_LEFT_OVER, METRICS_LEFT_OVER);
            assertThat(report.findings())
                    .filteredOn(finding -> finding.kind() == WEIGHTS_LEFT_OVER)
                    .extracting(Finding::key)
                    .contains("large 0");

            latest(WEIGHTS).stream()
                    .filter(record ->
                            new String(record.key()).startsWith("large\0") || new String(record.key()).equals("dense"))
                    .forEach(record -> cluster.append(WEIGHTS, 0, record.key(), null, new RecordHeaders()));
            for (String model : List.of("dense", "large")) {
                cluster.append(METRICS, 0, model.getBytes(), null, new RecordHeaders());
            }
            assertThat(verify(LOG, cluster).conclusion()).isEqualTo(Conclusion.MATCHES);
        }

        @Test
        void aModelBothWholeAndInBlocksIsFound() {
            ConsumerRecord<byte[], byte[]> whole = log(WEIGHTS).stream()
                    .filter(record -> new String(record.key()).equals("named") && record.value() != null)
                    .reduce((a, b) -> b)
                    .orElseThrow();
            VerificationReport report = afterwards(cluster -> cluster.append(WEIGHTS, whole));
            assertThat(report.findings())
                    .extracting(Finding::kind, Finding::key)
                    .contains(org.assertj.core.groups.Tuple.tuple(WEIGHTS_LEFT_OVER, "named"));
        }

        @Test
        void weightsOfAModelThatNeverWasAreFound() {
            VerificationReport report = afterwards(cluster -> cluster.append(
                    WEIGHTS, 0, "invented".getBytes(), latestOf("dense").value(), new RecordHeaders()));
            assertThat(report.findings())
                    .extracting(Finding::kind, Finding::key)
                    .containsExactly(org.assertj.core.groups.Tuple.tuple(WEIGHTS_LEFT_OVER, "invented"));
        }

        @Test
        void everyFlippedBitOfTheLastWeightsIsFound() {
            for (int i = 0; i < 200; i++) {
                ConsumerRecord<byte[], byte[]> record = anyOf(latest(WEIGHTS).stream()
                        .filter(last -> new String(last.key()).indexOf('\0') < 0)
                        .toList());
                int bit = random.nextInt(record.value().length * 8);
                VerificationReport report = afterwards(
                        cluster -> cluster.replaceValue(WEIGHTS, record.offset(), value -> flip(value, bit)));
                assertThat(report.findings())
                        .as("bit %d of %s", bit, record.offset())
                        .anyMatch(finding -> new String(record.key()).equals(finding.key()));
            }
        }
    }

    @Nested
    class TamperedMetrics {
        @Test
        void theSharesOfAMixtureCount() {
            LearnedLog auto = new LearnedLog(11, 300, Map.of("algorithm", "auto"));
            MemoryClusterView cluster = auto.cluster.copy();
            List<ConsumerRecord<byte[], byte[]>> metrics = auto.cluster.log(METRICS);
            ConsumerRecord<byte[], byte[]> last = metrics.get(metrics.size() - 1);
            Metrics honest = LearnedLog.decode(last.value(), Metrics.getClassSchema());
            assertThat(honest.getMixture().stream()
                            .mapToDouble(share -> share.getShare())
                            .sum())
                    .isCloseTo(1, org.assertj.core.api.Assertions.within(1e-12));
            alter(
                    cluster,
                    METRICS,
                    last.offset(),
                    Metrics.getClassSchema(),
                    (Metrics m) -> m.getMixture()
                            .get(3)
                            .setShare(next(m.getMixture().get(3).getShare())));
            assertThat(verify(auto, cluster).findings())
                    .extracting(Finding::kind)
                    .containsExactly(METRICS_DIFFER);
        }

        @Test
        void everyFlippedBitOfTheLastMetricsIsFound() {
            for (int i = 0; i < 200; i++) {
                ConsumerRecord<byte[], byte[]> record = anyOf(latest(METRICS));
                int bit = random.nextInt(record.value().length * 8);
                byte[] flipped = flip(record.value(), bit);
                if (isOtherNaN(record.value(), flipped)) {
                    continue;
                }
                VerificationReport report =
                        afterwards(cluster -> cluster.replaceValue(METRICS, record.offset(), value -> flipped));
                assertThat(report.findings())
                        .as("bit %d of %s", bit, record.offset())
                        .anyMatch(finding -> new String(record.key()).equals(finding.key()));
            }
        }

        private static boolean isOtherNaN(byte[] value, byte[] flipped) {
            try {
                return LearnedLog.decode(value, Metrics.getClassSchema())
                        .equals(LearnedLog.decode(flipped, Metrics.getClassSchema()));
            } catch (RuntimeException e) {
                return false;
            }
        }

        @Test
        void missingAndOldMetricsAreFound() {
            for (ConsumerRecord<byte[], byte[]> last : latest(METRICS)) {
                VerificationReport report = afterwards(cluster -> log(METRICS).stream()
                        .filter(record -> Arrays.equals(record.key(), last.key()))
                        .forEach(record -> cluster.drop(METRICS, record.offset())));
                assertThat(report.findings())
                        .extracting(Finding::kind, Finding::key)
                        .containsExactly(org.assertj.core.groups.Tuple.tuple(METRICS_MISSING, new String(last.key())));
                assertThat(afterwards(cluster -> cluster.drop(METRICS, last.offset()))
                                .findings())
                        .extracting(Finding::key)
                        .contains(new String(last.key()));
                VerificationReport altered = afterwards(cluster -> alter(
                        cluster,
                        METRICS,
                        last.offset(),
                        Metrics.getClassSchema(),
                        (Metrics m) ->
                                m.getRecent().setLogLoss(next(m.getRecent().getLogLoss()))));
                assertThat(altered.findings()).extracting(Finding::kind).containsExactly(METRICS_DIFFER);
            }
        }
    }

    @Nested
    class WhatCannotBeVerified {
        @Test
        void trimmedTopicsCannotBeVerified() {
            for (String topic : List.of("examples", PREDICTIONS, LETTERS)) {
                VerificationReport report = afterwards(cluster -> cluster.beginnings.put(topic, 10L));
                assertThat(report.conclusion()).isEqualTo(Conclusion.CANNOT_VERIFY);
                assertThat(report.replayMatches()).isFalse();
                assertThat(report.obstacle())
                        .hasValueSatisfying(
                                reason -> assertThat(reason).contains(topic + "-0 begins at offset 10", "retention"));
                assertThat(report.lines()).singleElement().asString().startsWith("CANNOT VERIFY: ");
            }
        }

        @Test
        void withoutTopicsOrOffsetsNothingCanBeVerified() {
            for (String topic : List.of("examples", PREDICTIONS, WEIGHTS, METRICS, LETTERS, "test-weights-changelog")) {
                assertThat(afterwards(cluster -> cluster.delete(topic)).obstacle())
                        .hasValueSatisfying(reason -> assertThat(reason).contains("topic " + topic + " is not there"));
            }
            assertThat(afterwards(cluster -> cluster.committed.clear()).obstacle())
                    .hasValueSatisfying(reason -> assertThat(reason).contains("group test has no committed offsets"));
            assertThat(afterwards(cluster -> cluster.committed.set(0, RECORDS + 1L))
                            .obstacle())
                    .hasValueSatisfying(reason -> assertThat(reason).contains("created again"));
            assertThat(afterwards(cluster -> cluster.cut("test-weights-changelog", 0))
                            .obstacle())
                    .hasValueSatisfying(reason -> assertThat(reason).contains("does not say under which settings"));
            assertThat(new Verification(
                                    LOG.config.with("processing.guarantee", "at_least_once"),
                                    LOG.schemas,
                                    LOG.cluster::copy)
                            .run(progress -> {})
                            .obstacle())
                    .hasValueSatisfying(reason -> assertThat(reason).contains("at_least_once"));
        }

        @Test
        void aPredictedExampleWhoseSchemaIsGoneCannotBeVerified() {
            ThalwegConfig config = LOG.config;
            VerificationReport report = new Verification(
                            config,
                            id -> {
                                if (id == LearnedLog.EXAMPLE_ID) {
                                    throw new io.thalweg.input.UnknownSchemaException(id);
                                }
                                return LOG.schemas.writerSchema(id);
                            },
                            LOG.cluster::copy)
                    .run(progress -> {});
            assertThat(report.obstacle())
                    .hasValueSatisfying(
                            reason -> assertThat(reason).contains("was predicted", "no longer knows the schema"));
        }

        @Test
        void aRegistryThatDoesNotAnswerIsNoFinding() {
            Verification verification = new Verification(
                    LOG.config,
                    id -> {
                        throw new SchemaSourceException("down", null);
                    },
                    LOG.cluster::copy);
            assertThatThrownBy(() -> verification.run(progress -> {})).isInstanceOf(SchemaSourceException.class);
        }
    }
}
