package io.thalweg.fold;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.thalweg.avro.DeadLetter;
import io.thalweg.avro.Example;
import io.thalweg.avro.Metrics;
import io.thalweg.avro.Outcome;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.Result;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.fold.LearningTask.Applied;
import io.thalweg.input.InputRecord;
import io.thalweg.math.Model;
import io.thalweg.output.OutputTopic;
import io.thalweg.store.StartModels;
import io.thalweg.store.TaskState;
import io.thalweg.testing.Seeded;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.DoubleStream;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificRecordBase;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What becomes of events and of labels that come later. */
@Seeded
class LabelJoinTest {
    private static final Schema LABEL = SchemaBuilder.record("Label")
            .fields()
            .optionalString("id")
            .optionalDouble("label")
            .optionalDouble("importance")
            .endRecord();
    private static final TopicPartition EVENTS = new TopicPartition("examples", 0);
    private static final TopicPartition LABELS = new TopicPartition("labels", 0);

    @TempDir
    Path directory;

    private LearningTask task;
    private long nextEvent;
    private long nextLabel;

    private final List<Outcome> outcomes = new ArrayList<>();
    private final List<Prediction> predictions = new ArrayList<>();
    private final List<DeadLetter> letters = new ArrayList<>();
    private Metrics metrics;

    private final OutputSink sink = new OutputSink() {
        @Override
        public boolean wants(OutputTopic topic) {
            return true;
        }

        @Override
        public void publish(OutputTopic topic, byte[] key, SpecificRecordBase value, long timestamp, Headers headers) {
            if (value instanceof Outcome outcome) {
                outcomes.add(outcome);
            } else if (value instanceof Prediction prediction) {
                predictions.add(prediction);
            } else if (value instanceof DeadLetter letter) {
                letters.add(letter);
            } else if (value instanceof Metrics published) {
                metrics = published;
            }
        }
    };

    private void begin(String... settings) {
        Map<String, String> all = new HashMap<>(Map.of(
                "labels.topic", "labels",
                "labels.wait.ms", "1000",
                "labels.early.ms", "100",
                "labels.importance.field", "importance",
                "metrics.every", "1",
                "learning.rate", "0.1"));
        for (int i = 0; i < settings.length; i += 2) {
            all.put(settings[i], settings[i + 1]);
        }
        if (all.getOrDefault("algorithm", "sgd").equals("auto")) {
            all.remove("learning.rate");
        }
        task = new LearningTask(
                new ThalwegConfig(all),
                id -> id == 1 ? Example.getClassSchema() : LABEL,
                "default",
                TaskState.logged("weights", directory));
    }

    private Applied event(long timestamp, String id, Double label, double... features) {
        Object values = DoubleStream.of(features).boxed().toList();
        return apply(EVENTS, nextEvent++, timestamp, encode(1, new Example(id, label, 1.0, values)));
    }

    private Applied label(long timestamp, String id, Double label) {
        return label(timestamp, id, label, null);
    }

    private Applied label(long timestamp, String id, Double label, Double importance) {
        GenericRecord record = new GenericRecordBuilder(LABEL)
                .set("id", id)
                .set("label", label)
                .set("importance", importance)
                .build();
        return apply(LABELS, nextLabel++, timestamp, encode(2, record));
    }

    private Applied apply(TopicPartition partition, long offset, long timestamp, byte[] value) {
        InputRecord record = InputRecord.produced(
                partition, offset, timestamp, "m".getBytes(StandardCharsets.UTF_8), value, new RecordHeaders());
        return task.apply(partition == LABELS ? record.asLabel() : record, sink);
    }

    private static byte[] encode(int id, GenericRecord record) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(ByteBuffer.allocate(5).putInt(1, id).array());
        BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
        try {
            new GenericDatumWriter<>(record.getSchema(), SpecificData.get()).write(record, encoder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    private Model model() {
        return task.model("m");
    }

    private Outcome only() {
        assertThat(outcomes).hasSize(1);
        return outcomes.remove(0);
    }

    private static double sigma(double z) {
        return 1 / (1 + Math.exp(-z));
    }

    // ---- against a simulation

    /** An event that waits, in the simulation. */
    private static final class Pending {
        final double[] x;
        final double z;
        final long timestamp;

        Pending(double[] x, double z, long timestamp) {
            this.x = x;
            this.z = z;
            this.timestamp = timestamp;
        }
    }

    /** The weights and the log loss are those of a dictionary, a list by time and the formulas. */
    @ParameterizedTest
    @CsvSource({"wait, drop", "wait, negative", "provisional, negative"})
    void learnsAsADictionaryWould(String policy, String missing, Random random) {
        if (policy.equals("wait")) {
            begin("labels.missing", missing);
        } else {
            begin("labels.policy", policy);
        }
        double[] w = new double[3];
        Map<String, Pending> waiting = new HashMap<>();
        TreeMap<Long, List<String>> labelsDue = new TreeMap<>();
        Map<String, Double> truth = new HashMap<>();
        double loss = 0;
        long counted = 0;
        for (int i = 0; i < 1500; i++) {
            long now = 10L * i;
            while (!labelsDue.isEmpty() && labelsDue.firstKey() <= now) {
                long at = labelsDue.firstKey();
                for (String id : labelsDue.remove(at)) {
                    counted += giveUp(waiting, at, policy, missing, w);
                    Pending pending = waiting.remove(id);
                    double y = truth.get(id);
                    assertThat(label(at, id, y)).isEqualTo(Applied.LABELED);
                    if (pending != null) {
                        double f = sigma(dot(w, pending.x));
                        step(w, pending.x, policy.equals("wait") ? f - y : -y * (1 - f * f));
                        loss += Math.log1p(Math.exp(y == 1 ? -pending.z : pending.z));
                        counted++;
                    }
                }
            }
            counted += giveUp(waiting, now, policy, missing, w);
            double[] x = {random.nextGaussian(), random.nextGaussian(), 1};
            String id = "e" + i;
            double z = dot(w, x);
            assertThat(event(now, id, null, x[0], x[1])).isEqualTo(Applied.PREDICTED);
            assertThat(predictions.get(i).getLogit()).isCloseTo(z, within(1e-9));
            waiting.put(id, new Pending(x, z, now));
            if (policy.equals("provisional")) {
                double f = sigma(z);
                step(w, x, (1 - f * f) * f);
            }
            truth.put(id, random.nextDouble() < sigma(x[0] - 1) ? 1.0 : 0.0);
            if (random.nextInt(4) > 0) {
                long due = now + 1 + random.nextInt(1300);
                labelsDue.computeIfAbsent(due, d -> new ArrayList<>()).add(id);
            }
        }
        for (int i = 0; i < 2; i++) {
            assertThat(model().weight(i)).isCloseTo(w[i], within(1e-9));
        }
        assertThat(model().bias()).isCloseTo(w[2], within(1e-9));
        assertThat(model().validation().overall().examples()).isEqualTo(counted);
        if (missing.equals("drop")) {
            assertThat(model().validation().overall().logLoss()).isCloseTo(loss / counted, within(1e-9));
        }
    }

    private static long giveUp(Map<String, Pending> waiting, long now, String policy, String missing, double[] w) {
        long counted = 0;
        List<String> due = waiting.entrySet().stream()
                .filter(e -> e.getValue().timestamp + 1000 < now)
                .sorted((a, b) -> Long.compare(a.getValue().timestamp, b.getValue().timestamp))
                .map(Map.Entry::getKey)
                .toList();
        for (String id : due) {
            Pending pending = waiting.remove(id);
            if (missing.equals("negative")) {
                counted++;
                if (policy.equals("wait")) {
                    step(w, pending.x, sigma(dot(w, pending.x)));
                }
            }
        }
        return counted;
    }

    private static double dot(double[] w, double[] x) {
        return w[0] * x[0] + w[1] * x[1] + w[2] * x[2];
    }

    private static void step(double[] w, double[] x, double residual) {
        for (int i = 0; i < w.length; i++) {
            w[i] -= 0.1 * residual * x[i];
        }
    }

    /** Labels in order and without delay give the weights and metrics of labels in the events, bit for bit. */
    @ParameterizedTest
    @ValueSource(strings = {"sgd", "adagrad", "ftrl", "auto"})
    void withoutDelayNothingIsDifferent(String algorithm, Random random) {
        begin("algorithm", algorithm);
        LearningTask late = task;
        LearningTask atOnce = new LearningTask(
                new ThalwegConfig(
                        algorithm.equals("auto")
                                ? Map.of("algorithm", "auto")
                                : Map.of("algorithm", algorithm, "learning.rate", "0.1")),
                id -> Example.getClassSchema(),
                "default",
                TaskState.logged("weights", directory));
        for (int i = 0; i < 1000; i++) {
            Map<CharSequence, Double> features =
                    Map.of("f" + random.nextInt(30), random.nextGaussian(), "g" + random.nextInt(5), 1.0);
            double y = random.nextInt(2);
            task = late;
            apply(EVENTS, i, i, encode(1, new Example("e" + i, null, 1.0, features)));
            nextLabel = i;
            label(i, "e" + i, y);
            task = atOnce;
            apply(EVENTS, i, i, encode(1, new Example("e" + i, y, 1.0, features)));
        }
        Model one = late.model("m");
        Model other = atOnce.model("m");
        assertThat(one.version()).isEqualTo(other.version()).isEqualTo(1000);
        assertThat(one.bias()).isEqualTo(other.bias());
        for (int block = 0; block < one.blockEnd(); block++) {
            assertThat(one.block(block)).isEqualTo(other.block(block));
        }
        assertThat(one.validation().overall().logLoss())
                .isEqualTo(other.validation().overall().logLoss());
        assertThat(one.validation().recent().auc())
                .isEqualTo(other.validation().recent().auc());
    }

    // ---- what can go wrong

    @Nested
    class Outcomes {
        @Test
        void aLabelInTimeIsLearnedWithTheServedPrediction() {
            begin();
            event(0, "a", null, 1);
            event(1, "b", null, 1);
            label(100, "a", 1.0);
            label(1000, "b", 0.0, 2.0);
            assertThat(outcomes)
                    .extracting(
                            Outcome::getOutcome,
                            o -> o.getId().toString(),
                            Outcome::getServedVersion,
                            Outcome::getVersion)
                    .containsExactly(
                            org.assertj.core.groups.Tuple.tuple(Result.LEARNED, "a", 0L, 1L),
                            org.assertj.core.groups.Tuple.tuple(Result.LEARNED, "b", 0L, 2L));
            Outcome b = outcomes.get(1);
            assertThat(b.getProbability()).isEqualTo(0.5);
            assertThat(b.getLogLoss()).isEqualTo(Math.log(2));
            assertThat(b.getDelayMs()).isEqualTo(999);
            assertThat(b.getEventOffset()).isEqualTo(1);
            assertThat(b.getLabelOffset()).isEqualTo(1);
            double w = 0.1 * 0.5;
            assertThat(model().weight(0)).isCloseTo(w - 0.1 * 2 * sigma(2 * w), within(1e-15));
            assertThat(metrics.getLabels().getInTime()).isEqualTo(2);
            assertThat(metrics.getLabels().getShareInTime()).isEqualTo(1);
            assertThat(metrics.getLabels().getDelayP99Ms()).isBetween(999L, 1130L);
        }

        @ParameterizedTest
        @ValueSource(strings = {"drop", "negative"})
        void anEventIsGivenUpWhenItsTimeIsOverAndNotBefore(String missing) {
            begin("labels.missing", missing);
            event(0, "a", null, 1);
            event(1000, "b", null, 1);
            assertThat(outcomes).isEmpty();
            label(1001, "nobody", 1.0);
            Outcome a = only();
            assertThat(a.getOutcome()).isEqualTo(missing.equals("drop") ? Result.GIVEN_UP : Result.LEARNED_NEGATIVE);
            assertThat(a.getDelayMs()).isEqualTo(1001);
            assertThat(a.getTime()).isEqualTo(1001);
            assertThat(a.getLabelOffset()).isNull();
            if (missing.equals("drop")) {
                assertThat(model()).isNull();
                assertThat(a.getVersion()).isNull();
            } else {
                assertThat(model().weight(0)).isEqualTo(-0.05);
                assertThat(a.getVersion()).isEqualTo(1);
                assertThat(a.getLabel()).isZero();
            }
            label(1500, "a", 1.0);
            assertThat(outcomes.get(1).getOutcome()).isEqualTo(Result.TOO_LATE);
            assertThat(outcomes.get(1).getDelayMs()).isEqualTo(1500);
        }

        @Test
        void aLabelThatOvertakesItsEventWaitsForIt() {
            begin();
            label(0, "a", 1.0);
            label(0, "c", 1.0);
            assertThat(outcomes).isEmpty();
            event(50, "a", null, 1);
            Outcome a = only();
            assertThat(a.getOutcome()).isEqualTo(Result.LEARNED);
            assertThat(a.getDelayMs()).isEqualTo(-50);
            assertThat(predictions)
                    .singleElement()
                    .extracting(Prediction::getLabel)
                    .isNull();
            assertThat(model().weight(0)).isEqualTo(0.05);
            event(101, "b", null, 1);
            Outcome c = only();
            assertThat(c.getOutcome()).isEqualTo(Result.UNKNOWN);
            assertThat(c.getLabelOffset()).isEqualTo(1);
            assertThat(c.getEventOffset()).isNull();
        }

        @Test
        void theSameLabelAgainIsCountedAndAnotherOneIsADeadLetter() {
            begin();
            event(0, "a", null, 1);
            label(1, "a", 1.0);
            outcomes.clear();
            assertThat(label(2, "a", 1.0)).isEqualTo(Applied.LABELED);
            assertThat(only().getOutcome()).isEqualTo(Result.REPEATED);
            assertThat(label(3, "a", 0.0)).isEqualTo(Applied.REJECTED);
            assertThat(only().getOutcome()).isEqualTo(Result.REJECTED);
            assertThat(letters).singleElement().satisfies(letter -> {
                assertThat(letter.getReason()).hasToString("CONFLICTING_LABEL");
                assertThat(letter.getTopic()).hasToString("labels");
                assertThat(letter.getOffset()).isEqualTo(2);
            });
            assertThat(model().weight(0)).isEqualTo(0.05);
        }

        /** The gradient is affine in the label, so a correction leads where the right label would have led. */
        @ParameterizedTest
        @ValueSource(strings = {"wait", "provisional"})
        void aCorrectionLeadsWhereTheRightLabelWouldHaveLed(String policy) {
            begin("labels.policy", policy, "labels.revise", "true", "learning.rate", "0.000001");
            event(0, "a", null, 2);
            label(1, "a", 1.0);
            label(2, "a", 0.25);
            assertThat(outcomes.get(1).getOutcome()).isEqualTo(Result.CORRECTED);
            double corrected = model().weight(0);
            begin("labels.policy", policy, "labels.revise", "true", "learning.rate", "0.000001");
            event(0, "a", null, 2);
            label(1, "a", 0.25);
            // to first order: the second step sees weights that the first has moved
            assertThat(corrected).isCloseTo(model().weight(0), within(1e-11));
        }

        @Test
        void eventsThatCannotBeRememberedAreDeadLetters() {
            begin();
            event(0, null, null, 1);
            event(1, "a", null, 1);
            event(2, "a", null, 1);
            assertThat(letters)
                    .extracting(letter -> letter.getReason().toString())
                    .containsExactly("NO_ID", "DUPLICATE_ID");
            assertThat(predictions).hasSize(1);
        }

        @Test
        void labelsThatCannotBeReadAreDeadLetters() {
            begin();
            event(0, "a", null, 1);
            label(1, null, 1.0);
            label(1, "a", null);
            label(1, "a", 1.5);
            label(1, "a", 1.0, -1.0);
            apply(LABELS, nextLabel++, 1, new byte[] {1});
            apply(LABELS, nextLabel++, 1, null);
            assertThat(letters)
                    .extracting(letter -> letter.getReason().toString())
                    .containsExactly(
                            "NO_ID",
                            "BAD_VALUE",
                            "LABEL_OUT_OF_RANGE",
                            "NEGATIVE_IMPORTANCE",
                            "UNREADABLE",
                            "NO_VALUE");
            assertThat(outcomes).isEmpty();
        }

        /** A record that cannot be used, whatever its timestamp, gives up nothing. */
        @Test
        void aRejectedRecordDoesNotMoveTheTime() {
            begin();
            event(0, "a", null, 1);
            event(99_999, null, null, 1);
            event(1500, "a", null, 1);
            event(99_999, "b", null, Double.NaN);
            apply(LABELS, nextLabel++, 99_999, new byte[] {1});
            assertThat(outcomes).isEmpty();
            label(1000, "a", 1.0);
            assertThat(only().getOutcome()).isEqualTo(Result.LEARNED);
        }

        /** An event that is too old when it comes is given up at once: a restart could not tell that it was not. */
        @Test
        void anEventWhoseTimeIsOverIsGivenUpAtOnce() {
            begin("labels.missing", "negative");
            event(5000, "a", null, 1);
            event(10, "b", null, 1);
            Outcome b = only();
            assertThat(b.getOutcome()).isEqualTo(Result.LEARNED_NEGATIVE);
            assertThat(b.getEventOffset()).isEqualTo(1);
        }

        /** A label that waited longer than its event may is learned from, once. */
        @Test
        void anOldEventWithALabelThatIsThereIsLearnedOnce() {
            begin("labels.missing", "negative", "labels.early.ms", "100000");
            label(5000, "a", 1.0);
            event(10, "a", null, 1);
            assertThat(only().getOutcome()).isEqualTo(Result.LEARNED);
            event(6000, "b", null, 1);
            assertThat(outcomes).isEmpty();
            assertThat(model().version()).isEqualTo(1);
        }

        @Test
        void anIdIsFreeWhenItsEventIsForgotten() {
            begin();
            event(0, "a", null, 1);
            assertThat(event(2000, "a", null, 1)).isEqualTo(Applied.REJECTED);
            assertThat(event(2001, "a", null, 1)).isEqualTo(Applied.PREDICTED);
            assertThat(only().getOutcome()).isEqualTo(Result.GIVEN_UP);
        }

        /** Labels with the same timestamp time out in the order in which they came. */
        @Test
        void labelsThatAreDueTogetherComeInTheirOrder() {
            begin();
            for (int i = 0; i < 50; i++) {
                label(0, "nobody " + i, 1.0);
            }
            event(101, "a", null, 1);
            assertThat(outcomes).extracting(Outcome::getLabelOffset).isSorted().hasSize(50);
        }

        /** Its prediction was made by one expert; the shares of eight cannot follow that. */
        @Test
        void anEventThatAnotherAlgorithmPredictedIsLearnedFrom() {
            begin();
            event(0, "a", 1.0, 1);
            event(1, "b", null, 1);
            event(2, "c", 1.0, 1);
            Map<String, String> settings = new HashMap<>(task.settings().replayedSettings("default"));
            settings.put("algorithm", "auto");
            settings.keySet().removeAll(ThalwegConfig.unusedBy(io.thalweg.math.Algorithm.AUTO));
            task.goOnUnder(ThalwegConfig.ofReplayed(settings), "default", StartModels.NONE);
            assertThat(label(3, "b", 0.0)).isEqualTo(Applied.LABELED);
            assertThat(only().getVersion()).isEqualTo(3);
            assertThat(model().bias()).isFinite();
        }

        @Test
        void aDeletionForgetsTheEventsOfItsModel() {
            begin("labels.missing", "negative");
            event(0, "a", null, 1);
            label(1, "early", 1.0);
            assertThat(apply(EVENTS, nextEvent++, 2, null)).isEqualTo(Applied.DELETED);
            event(3, "early", null, 1);
            assertThat(only().getId()).hasToString("early");
            event(3000, "b", null, 1);
            assertThat(outcomes)
                    .as("the event of the deleted model is not given up")
                    .isEmpty();
            assertThat(event(3001, "a", null, 1)).as("its id is free again").isEqualTo(Applied.PREDICTED);
        }

        @Test
        void anEventWithItsLabelIsLearnedAtOnce() {
            begin();
            assertThat(event(0, null, 1.0, 1)).isEqualTo(Applied.LEARNED);
            assertThat(outcomes).isEmpty();
            assertThat(predictions.get(0).getLabelsOffset()).isZero();
        }

        @Test
        void provisionalLearnsAtOnceAndCorrects() {
            begin("labels.policy", "provisional");
            event(0, "a", null, 1);
            double first = -0.1 * (1 - 0.25) * 0.5;
            assertThat(model().weight(0)).isCloseTo(first, within(1e-15));
            assertThat(model().validation().overall().examples()).isZero();
            label(10, "a", 1.0);
            double f = sigma(2 * first);
            assertThat(model().weight(0)).isCloseTo(first + 0.1 * (1 - f * f), within(1e-15));
            assertThat(model().validation().overall().logLoss()).isEqualTo(Math.log(2));
            assertThat(only().getVersion()).isEqualTo(2);
        }
    }
}
