package io.thalweg.audit;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.audit.VerificationReport.Conclusion;
import io.thalweg.avro.DeadLetter;
import io.thalweg.avro.Outcome;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.Result;
import io.thalweg.testing.Seeded;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What {@code verify} says of a learner whose labels come later. */
@Seeded
class LateLabelsVerificationTest {
    private static final int RECORDS = 2500;

    static Stream<Map<String, String>> settings() {
        return Stream.of(
                Map.of("learning.rate", "0.1"),
                Map.of("learning.rate", "0.1", "labels.missing", "negative", "labels.revise", "true"),
                Map.of("learning.rate", "0.1", "labels.policy", "provisional", "labels.revise", "true"),
                Map.of("algorithm", "auto", "labels.missing", "negative"),
                Map.of("algorithm", "auto", "labels.policy", "provisional"),
                Map.of("algorithm", "ftrl", "labels.revise", "true"),
                // a label waits longer than an event
                Map.of("labels.early.ms", "1700", "labels.missing", "negative"));
    }

    private static VerificationReport verify(LateLabelsLog log, Consumer<MemoryClusterView> tampering) {
        MemoryClusterView cluster = log.cluster.copy();
        tampering.accept(cluster);
        return new Verification(log.config, log.schemas, () -> cluster).run(progress -> {});
    }

    @ParameterizedTest
    @MethodSource("settings")
    void anHonestLogMatches(Map<String, String> settings, Random random) {
        LateLabelsLog log = new LateLabelsLog(random, RECORDS, settings);
        VerificationReport report = verify(log, cluster -> {});
        assertThat(report.findings()).isEmpty();
        assertThat(report.conclusion()).isEqualTo(Conclusion.MATCHES);
        assertThat(report.counts().outcomes())
                .isEqualTo(log.cluster.log("outcomes").size())
                .isPositive();
        // so that the log is worth its name
        Set<Result> results = log.outcomes().stream().map(Outcome::getOutcome).collect(Collectors.toSet());
        assertThat(results).contains(Result.LEARNED, Result.UNKNOWN, Result.REPEATED, Result.TOO_LATE);
        assertThat(results).containsAnyOf(Result.GIVEN_UP, Result.LEARNED_NEGATIVE);
        assertThat(results.contains(Result.CORRECTED)).isEqualTo(settings.containsKey("labels.revise"));
    }

    /** Each label has one outcome or one dead letter, unless it still waits for its event; each event one decision. */
    @ParameterizedTest
    @MethodSource("settings")
    void everyLabelHasOneOutcome(Map<String, String> settings, Random random) {
        LateLabelsLog log = new LateLabelsLog(random, RECORDS, settings);
        Set<Long> labels = new HashSet<>();
        Set<Long> events = new HashSet<>();
        for (Outcome outcome : log.outcomes()) {
            if (outcome.getLabelOffset() != null) {
                assertThat(labels.add(outcome.getLabelOffset()))
                        .as("label of " + outcome)
                        .isTrue();
            }
            if (Set.of(Result.LEARNED, Result.GIVEN_UP, Result.LEARNED_NEGATIVE).contains(outcome.getOutcome())) {
                assertThat(events.add(outcome.getEventOffset()))
                        .as("event of " + outcome)
                        .isTrue();
            }
            if (Set.of(Result.GIVEN_UP, Result.LEARNED_NEGATIVE).contains(outcome.getOutcome())
                    && outcome.getLabelOffset() == null) {
                assertThat(outcome.getDelayMs()).isGreaterThanOrEqualTo(LateLabelsLog.WAIT - 20);
            }
        }
        long letters = log.cluster.log("dead-letters").stream()
                .filter(letter -> LearnedLog.<DeadLetter>decode(letter.value(), DeadLetter.getClassSchema())
                        .getTopic()
                        .toString()
                        .equals("labels"))
                .count();
        long rejected = log.outcomes().stream()
                .filter(outcome -> outcome.getOutcome() == Result.REJECTED)
                .count();
        assertThat(labels.size() + letters - rejected)
                .isBetween(log.cluster.end("labels") - 300, log.cluster.end("labels"));
    }

    @ParameterizedTest
    @MethodSource("settings")
    void whatIsTamperedWithIsNamed(Map<String, String> settings, Random random) {
        LateLabelsLog log = new LateLabelsLog(random, RECORDS, settings);
        long outcomes = log.cluster.end("outcomes");
        for (int i = 0; i < 6; i++) {
            long at = 10 + random.nextInt((int) outcomes - 20);
            assertDiffers(log, FindingKind.MISSING, cluster -> cluster.drop("outcomes", at));
            assertDiffers(
                    log,
                    FindingKind.DOUBLED,
                    cluster -> cluster.insert(
                            "outcomes", at, cluster.log("outcomes").get((int) at)));
            assertDiffers(log, FindingKind.OUT_OF_PLACE, cluster -> cluster.swap("outcomes", at, at + 1));
            for (Consumer<Outcome> change : List.<Consumer<Outcome>>of(
                    outcome -> outcome.setTime(outcome.getTime() + 1),
                    outcome -> outcome.setDelayMs(12345678L),
                    outcome -> outcome.setOutcome(
                            outcome.getOutcome() == Result.LEARNED ? Result.REPEATED : Result.LEARNED),
                    outcome -> outcome.setLabel(outcome.getLabel() == null ? 1.0 : null),
                    outcome -> outcome.setVersion(77777L))) {
                assertDiffers(
                        log,
                        FindingKind.ALTERED,
                        cluster -> cluster.replaceValue("outcomes", at, value -> altered(value, change)));
            }
        }
        // a label that was learned from, replaced by its opposite
        Outcome learned = log.outcomes().stream()
                .filter(outcome -> outcome.getOutcome() == Result.LEARNED)
                .skip(20)
                .findFirst()
                .orElseThrow();
        assertDiffers(
                log,
                FindingKind.ALTERED,
                cluster -> cluster.replaceValue("labels", learned.getLabelOffset(), LateLabelsLog::opposite));
    }

    /** Another order of events and labels is noticed by the versions of the predictions. */
    @ParameterizedTest
    @MethodSource("settings")
    void anotherOrderIsNoticed(Map<String, String> settings, Random random) {
        LateLabelsLog log = new LateLabelsLog(random, RECORDS, settings);
        List<Outcome> learned = log.outcomes().stream()
                .filter(outcome -> outcome.getOutcome() == Result.LEARNED)
                .toList();
        Outcome one = learned.get(learned.size() / 2);
        VerificationReport report = verify(log, cluster -> {
            for (var record : cluster.log("predictions")) {
                Prediction prediction = LearnedLog.decode(record.value(), Prediction.getClassSchema());
                if (prediction.getLabelsOffset() > one.getLabelOffset()) {
                    cluster.replaceValue("predictions", record.offset(), value -> {
                        prediction.setLabelsOffset(0L);
                        return LearnedLog.encode(value[4], Prediction.getClassSchema(), prediction);
                    });
                }
            }
        });
        assertThat(report.conclusion()).isEqualTo(Conclusion.DIFFERS);
    }

    private static byte[] altered(byte[] value, Consumer<Outcome> change) {
        Outcome outcome = LearnedLog.decode(value, Outcome.getClassSchema());
        change.accept(outcome);
        return LearnedLog.encode(value[4], Outcome.getClassSchema(), outcome);
    }

    private static void assertDiffers(LateLabelsLog log, FindingKind kind, Consumer<MemoryClusterView> tampering) {
        VerificationReport report = verify(log, tampering);
        assertThat(report.conclusion()).isEqualTo(Conclusion.DIFFERS);
        assertThat(report.findings()).extracting(Finding::kind).contains(kind);
    }
}
