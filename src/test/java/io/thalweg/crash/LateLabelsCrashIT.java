package io.thalweg.crash;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.thalweg.avro.Outcome;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.Result;
import io.thalweg.config.ThalwegConfig;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.streams.StreamsConfig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * While labels come later than their events, the learner is killed, its broker is, and tasks move and become standbys.
 * Nobody can tell from what is published.
 */
class LateLabelsCrashIT extends CrashTestBase {
    private static final int PARTITIONS = 2;
    private static final int KILLS = 4;
    private static final int PER_SECOND = 2000;
    private static final double RATE = 0.05;
    /** Longer than a transaction or a group member may be silent, as {@link Trial} sets it. */
    private static final int STALL_MS = 7000;

    private final Map<String, List<Double>> features = new HashMap<>();

    @ParameterizedTest
    @ValueSource(strings = {"wait", "provisional"})
    void eachLabelIsLearnedOnceWhenTheLearnerIsKilled(String policy) {
        try (Trial trial = trial(policy, policy)) {
            JavaProcess learner = trial.learner();
            trial.feed(PER_SECOND);
            trial.awaitProgress();
            for (int kill = 0; kill < KILLS; kill++) {
                trial.awaitProgress();
                trial.kill(learner);
                learner = trial.learner();
                trial.awaitProgress();
            }
            finish(trial, policy);
        }
    }

    @Test
    void theLearnerOutlivesItsBroker() {
        try (Trial trial = trial("broker", "wait")) {
            trial.feed(PER_SECOND);
            JavaProcess learner = trial.learner();
            trial.awaitProgress();
            cluster.broker().kill();
            cluster.start();
            trial.awaitProgress();
            cluster.broker().pause();
            assertThat(learner.runsFor(STALL_MS)).isTrue();
            cluster.broker().resume();
            trial.awaitProgress();
            finish(trial, "wait");
        }
    }

    /** With all that waits, half of the tasks become standbys and active again, and then others take over. */
    @Test
    void tasksMoveAndStandbysTakeOver() {
        try (Trial trial = trial("standby", "wait")) {
            trial.set(StreamsConfig.ACCEPTABLE_RECOVERY_LAG_CONFIG, String.valueOf(Long.MAX_VALUE));
            trial.set(StreamsConfig.NUM_STANDBY_REPLICAS_CONFIG, "1");
            trial.feed(PER_SECOND);
            JavaProcess first = trial.learner();
            trial.awaitProgress();
            JavaProcess second = trial.learner();
            trial.await("both to have a partition", () -> trial.assignment().equals(List.of(2, 2)));
            trial.await("an active task to become a standby", () -> recycled(first, "StreamTask") >= 1);
            trial.awaitProgress();
            trial.kill(second);
            trial.await("a standby to become active", () -> recycled(first, "StandbyTask") >= 1);
            trial.awaitProgress();
            JavaProcess third = trial.learner();
            trial.await("both to have a partition", () -> trial.assignment().equals(List.of(2, 2)));
            trial.awaitProgress();
            trial.kill(first);
            trial.await("a standby to become active", () -> recycled(third, "StandbyTask") >= 1);
            trial.awaitProgress();
            finish(trial, "wait");
        }
    }

    /** How many tasks of a kind Kafka Streams says that it has turned into the other kind, state and all. */
    private static long recycled(JavaProcess learner, String kind) {
        return learner.log().stream()
                .filter(line -> line.contains(kind + ":") && line.contains("Closed and recycled state"))
                .count();
    }

    private Trial trial(String name, String policy) {
        Map<String, String> settings = new HashMap<>(Map.of(
                ThalwegConfig.LABELS_TOPIC,
                name + "-labels",
                ThalwegConfig.LABELS_WAIT_MS,
                String.valueOf(LateInputs.WAIT_MS),
                ThalwegConfig.LABELS_EARLY_MS,
                String.valueOf(LateInputs.EARLY_MS),
                ThalwegConfig.LABELS_POLICY,
                policy,
                ThalwegConfig.LEARNING_RATE,
                String.valueOf(RATE)));
        if (policy.equals("wait")) {
            settings.put(ThalwegConfig.LABELS_MISSING, "negative");
        }
        return new Trial(cluster, name, PARTITIONS, this::inputs, settings);
    }

    private void finish(Trial trial, String policy) {
        trial.finish();
        assertEachOnce(trial);
        if (policy.equals("wait")) {
            assertFollowsTheFormula(trial);
        }
        trial.assertVerified();
    }

    private Supplier<Input> inputs() {
        Supplier<Input> inputs = new LateInputs(new Random(seed.value()), PARTITIONS);
        return () -> {
            Input input = inputs.get();
            if (input.topic().equals(ThalwegConfig.EXAMPLES_TOPIC)) {
                @SuppressWarnings("unchecked")
                List<Double> values = (List<Double>) input.example().getFeatures();
                features.put(input.example().getId().toString(), values);
            }
            return input;
        };
    }

    private static List<ConsumerRecord<byte[], byte[]>> outcomes(Trial trial) {
        return trial.read(ThalwegConfig.OUTCOMES_TOPIC, IsolationLevel.READ_COMMITTED);
    }

    private static Outcome outcome(ConsumerRecord<byte[], byte[]> record) {
        return AvroWireFormat.decode(record.value(), Outcome.getClassSchema());
    }

    /** Each label has one outcome, and each event is decided on once. */
    private static void assertEachOnce(Trial trial) {
        Set<String> labels = new HashSet<>();
        Set<String> events = new HashSet<>();
        Map<Result, Integer> counts = new HashMap<>();
        for (ConsumerRecord<byte[], byte[]> record : outcomes(trial)) {
            Outcome outcome = outcome(record);
            counts.merge(outcome.getOutcome(), 1, Integer::sum);
            if (outcome.getLabelOffset() != null) {
                assertThat(labels.add(record.partition() + "@" + outcome.getLabelOffset()))
                        .as("%s", outcome)
                        .isTrue();
            }
            if (Set.of(Result.LEARNED, Result.LEARNED_NEGATIVE).contains(outcome.getOutcome())) {
                assertThat(events.add(outcome.getId().toString()))
                        .as("%s", outcome)
                        .isTrue();
            }
        }
        assertThat(counts).containsKeys(Result.LEARNED, Result.LEARNED_NEGATIVE, Result.REPEATED, Result.TOO_LATE);
        int sent = trial.read(ThalwegConfig.LABELS_TOPIC, IsolationLevel.READ_UNCOMMITTED)
                .size();
        // those that came last may still wait for their events
        assertThat(labels).hasSizeBetween(sent - 50, sent);
    }

    /** The weights are those of the textbook step, in the order of the outcomes, and so is every prediction. */
    private void assertFollowsTheFormula(Trial trial) {
        Map<String, List<double[]>> versions = new HashMap<>();
        for (ConsumerRecord<byte[], byte[]> record : outcomes(trial)) {
            Outcome outcome = outcome(record);
            if (outcome.getVersion() == null) {
                continue;
            }
            List<double[]> of = versions.computeIfAbsent(key(record), LateLabelsCrashIT::unlearned);
            double[] w = of.get(of.size() - 1).clone();
            List<Double> x = features.get(outcome.getId().toString());
            double residual = 1 / (1 + Math.exp(-logit(w, x))) - outcome.getLabel();
            for (int i = 0; i < LateInputs.LENGTH; i++) {
                w[i] -= RATE * residual * x.get(i);
            }
            w[LateInputs.LENGTH] -= RATE * residual;
            of.add(w);
            assertThat(outcome.getVersion()).as("%s", outcome).isEqualTo(of.size() - 1);
        }
        for (ConsumerRecord<byte[], byte[]> record :
                trial.read(ThalwegConfig.PREDICTIONS_TOPIC, IsolationLevel.READ_COMMITTED)) {
            Prediction prediction = AvroWireFormat.decode(record.value(), Prediction.getClassSchema());
            List<double[]> of = versions.computeIfAbsent(key(record), LateLabelsCrashIT::unlearned);
            double expected = logit(
                    of.get((int) prediction.getVersion()),
                    features.get(prediction.getId().toString()));
            assertThat(prediction.getLogit()).isCloseTo(expected, within(1e-9));
        }
    }

    private static String key(ConsumerRecord<byte[], byte[]> record) {
        return new String(record.key(), StandardCharsets.UTF_8);
    }

    private static List<double[]> unlearned(String model) {
        return new ArrayList<>(List.of(new double[LateInputs.LENGTH + 1]));
    }

    private static double logit(double[] w, List<Double> x) {
        double z = w[LateInputs.LENGTH];
        for (int i = 0; i < LateInputs.LENGTH; i++) {
            z += w[i] * x.get(i);
        }
        return z;
    }
}
