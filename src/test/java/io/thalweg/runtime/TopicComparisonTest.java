package io.thalweg.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.output.OutputTopic;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TopicComparisonTest {
    private static final int PARTITIONS = 3;
    private static final ThalwegConfig CONFIG = new ThalwegConfig(Map.of(
            "label",
            "y",
            "id.field",
            "id",
            "model.from",
            "field:m",
            "labels.topic",
            "labels",
            "labels.model.from",
            "field:m"));
    private static final List<TopicPlan> PLANS = TopicPlan.ofAll(CONFIG, PARTITIONS);

    private static TopicPlan plan(String topic) {
        return PLANS.stream()
                .filter(plan -> plan.topic().equals(topic))
                .findFirst()
                .orElseThrow();
    }

    /** A topic as it is created. */
    private static FoundTopic created(TopicPlan plan) {
        return new FoundTopic(PARTITIONS, plan.settings());
    }

    private static FoundTopic with(FoundTopic topic, String setting, String value) {
        Map<String, String> settings = new HashMap<>(topic.settings());
        settings.put(setting, value);
        return new FoundTopic(topic.partitions(), settings);
    }

    private static List<TopicProblem> compare(String topic, FoundTopic found) {
        FoundTopic examples = topic.equals("examples") ? found : created(plan("examples"));
        FoundTopic labels = topic.equals("labels") ? found : created(plan("labels"));
        return TopicComparison.of(CONFIG, plan(topic), found, new FoundInputs(examples, labels));
    }

    @Test
    void aLearnerNeedsExamplesAllOutputsAndWhatIsSentOn() {
        assertThat(PLANS.stream().map(TopicPlan::topic))
                .containsExactlyElementsOf(Stream.of(
                                Stream.of("examples", "labels"),
                                Stream.of(OutputTopic.values()).map(OutputTopic::sink),
                                Stream.of("thalweg-by-model", "thalweg-by-model-labels"))
                        .flatMap(topics -> topics)
                        .toList());
        // with one partition nothing is sent on
        assertThat(TopicPlan.ofAll(CONFIG, 1)).isEqualTo(TopicPlan.ofInputsAndOutputs(CONFIG));
        assertThat(TopicPlan.ofAll(new ThalwegConfig(Map.of()), PARTITIONS).stream()
                        .map(TopicPlan::topic))
                .as("labels in the events")
                .containsExactly("examples", "predictions", "weights", "metrics", "dead-letters");
    }

    @Test
    void nothingIsWrongWithTopicsAsTheyAreCreated() {
        for (TopicPlan plan : PLANS) {
            assertThat(compare(plan.topic(), created(plan))).as(plan.topic()).isEmpty();
        }
    }

    @Test
    void settingsThatMayNotBeLookedAtAreTakenToBeRight() {
        FoundTopic hidden = new FoundTopic(PARTITIONS, Map.of());
        for (TopicPlan plan : PLANS) {
            assertThat(compare(plan.topic(), hidden)).as(plan.topic()).isEmpty();
            assertThat(TopicComparison.of(CONFIG, plan, created(plan), new FoundInputs(hidden, hidden)))
                    .as("%s beside hidden inputs", plan.topic())
                    .isEmpty();
            FoundTopic strict = with(created(plan), "message.timestamp.after.max.ms", "3600000");
            assertThat(TopicComparison.of(CONFIG, plan, strict, new FoundInputs(hidden, hidden)))
                    .as("%s, which may be as strict as its inputs", plan.topic())
                    .isEmpty();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "examples, cleanup.policy, 'compact,delete', must not be compacted",
        "labels, cleanup.policy, compact, must not be compacted",
        "outcomes, cleanup.policy, compact, must not be compacted",
        "predictions, cleanup.policy, compact, must not be compacted",
        "dead-letters, cleanup.policy, compact, must not be compacted",
        "thalweg-by-model, cleanup.policy, compact, must not be compacted",
        "weights, cleanup.policy, 'compact,delete', must be compacted and nothing else",
        "metrics, cleanup.policy, delete, must be compacted and nothing else",
        "predictions, max.message.bytes, 1000000, set its max.message.bytes",
        "weights, max.message.bytes, 1000000, set its max.message.bytes",
        "dead-letters, max.message.bytes, 2000000, dead letters may have 2228224",
        "outcomes, max.message.bytes, 1000000, set its max.message.bytes",
        "thalweg-by-model, max.message.bytes, 2000000, dead letters may have 2228224",
        "thalweg-by-model-labels, max.message.bytes, 2000000, dead letters may have 2228224",
        "metrics, message.timestamp.after.max.ms, 3600000, set its message.timestamp.after.max.ms",
        "predictions, message.timestamp.before.max.ms, 3600000, set its message.timestamp.before.max.ms",
    })
    void aLearnerCannotRunWithATopicThatWouldLoseOrRefuseRecords(
            String topic, String setting, String value, String text) {
        List<TopicProblem> problems = compare(topic, with(created(plan(topic)), setting, value));

        assertThat(problems).hasSize(1);
        assertThat(problems.get(0).topic()).isEqualTo(topic);
        assertThat(problems.get(0).fatal()).isTrue();
        assertThat(problems.get(0).missing()).isFalse();
        assertThat(problems.get(0).text()).contains(topic, text);
    }

    @ParameterizedTest
    @CsvSource({"examples, thalweg-by-model", "labels, thalweg-by-model-labels"})
    void anInputMayBeOfAnySizeThatDeadLettersHaveRoomFor(String input, String copies) {
        FoundTopic small = with(created(plan(input)), "max.message.bytes", "1000");
        FoundTopic large = with(created(plan(input)), "max.message.bytes", "2000000");

        assertThat(TopicComparison.of(CONFIG, plan(input), small, inputs(input, small)))
                .isEmpty();
        for (String topic : List.of("dead-letters", copies)) {
            FoundTopic found = created(plan(topic));
            assertThat(TopicComparison.of(CONFIG, plan(topic), found, inputs(input, small)))
                    .isEmpty();
            assertThat(TopicComparison.of(CONFIG, plan(topic), found, inputs(input, large)))
                    .singleElement()
                    .satisfies(problem -> assertThat(problem.text())
                            .contains(input + " may have 2000000 bytes, for which dead letters need 4065536")
                            .contains("set dead.letters.max.bytes"));
        }
    }

    /** The inputs as they are created, but for one. */
    private static FoundInputs inputs(String changed, FoundTopic found) {
        return changed.equals("examples")
                ? new FoundInputs(found, created(plan("labels")))
                : new FoundInputs(created(plan("examples")), found);
    }

    @Test
    void copiesAreOnlyComparedWithWhatTheyAreCopiesOf() {
        FoundTopic large = with(created(plan("labels")), "max.message.bytes", "2000000");

        assertThat(TopicComparison.of(
                        CONFIG, plan("thalweg-by-model"), created(plan("thalweg-by-model")), inputs("labels", large)))
                .isEmpty();
    }

    @Test
    void aBrokerThatStampsRecordsItselfRefusesNone() {
        FoundTopic limited = with(created(plan("metrics")), "message.timestamp.after.max.ms", "1");

        assertThat(compare("metrics", with(limited, "message.timestamp.type", "LogAppendTime")))
                .isEmpty();
    }

    @Test
    void anOutputNeedsThePartitionsOfTheExamplesAndMayHaveMore() {
        for (TopicPlan plan : PLANS) {
            if (plan.isInput()) {
                continue;
            }
            FoundTopic fewer = new FoundTopic(PARTITIONS - 1, plan.settings());
            FoundTopic more = new FoundTopic(PARTITIONS + 1, plan.settings());

            assertThat(compare(plan.topic(), fewer)).isNotEmpty().allMatch(TopicProblem::fatal);
            assertThat(compare(plan.topic(), more)).hasSize(plan.isOfCopies() ? 1 : 0);
        }
    }

    @Test
    void labelsAreInThePartitionsOfTheirEventsUnlessTheyAreSentOn() {
        ThalwegConfig byKey = new ThalwegConfig(Map.of("labels.topic", "labels"));
        TopicPlan plan = TopicPlan.ofLabels(byKey).orElseThrow();
        for (int partitions : List.of(PARTITIONS - 1, PARTITIONS + 1)) {
            FoundTopic labels = new FoundTopic(partitions, plan.settings());
            FoundInputs inputs = inputs("labels", labels);

            assertThat(compare("labels", labels))
                    .as("with the model in a field")
                    .isEmpty();
            assertThat(TopicComparison.of(byKey, plan, labels, inputs))
                    .singleElement()
                    .satisfies(problem -> {
                        assertThat(problem.fatal()).isTrue();
                        assertThat(problem.missing()).isFalse();
                        assertThat(problem.text())
                                .contains(
                                        "topic labels has %d partitions and the examples have 3".formatted(partitions))
                                .contains("create it with 3", "labels.model.from");
                    });
        }
    }

    @Test
    void deadLettersNeedThePartitionsOfLabelsThatAreSentOn() {
        FoundInputs inputs = inputs("labels", new FoundTopic(PARTITIONS + 2, Map.of()));
        for (TopicPlan plan : PLANS) {
            int needed = plan.topic().equals("dead-letters") ? PARTITIONS + 2 : PARTITIONS;
            if (!plan.isInput()) {
                assertThat(inputs.partitionsFor(plan, CONFIG, PARTITIONS)).isEqualTo(needed);
                assertThat(TopicComparison.of(CONFIG, plan, new FoundTopic(needed, plan.settings()), inputs))
                        .isEmpty();
                assertThat(TopicComparison.of(CONFIG, plan, new FoundTopic(needed - 1, plan.settings()), inputs))
                        .singleElement()
                        .matches(TopicProblem::fatal);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"labels.topic, examples, examples.topic", "weights.topic, metrics, metrics.topic"})
    void eachTopicHasANameOfItsOwn(String setting, String name, String other) {
        TopicNames.check(CONFIG);
        assertThatThrownBy(() -> TopicNames.check(CONFIG.with(setting, name)))
                .isInstanceOfSatisfying(
                        StopException.class, e -> assertThat(e.exitCode()).isEqualTo(ExitCode.BAD_SETTINGS))
                .hasMessageContainingAll(setting, other, "both name topic " + name);
    }

    @Test
    void theNamesOfTheLearnersOwnTopicsAreTaken() {
        assertThatThrownBy(() -> TopicNames.check(CONFIG.with("labels.topic", "thalweg-by-model-labels")))
                .isInstanceOf(StopException.class)
                .hasMessageContaining("labels.topic names topic thalweg-by-model-labels, which the learner needs");
        // outcomes are not published without late labels
        TopicNames.check(new ThalwegConfig(Map.of("examples.topic", "outcomes")));
    }

    @Test
    void aTopicThatForgetsIsOnlyBadForVerify() {
        List<TopicProblem> problems =
                compare("predictions", with(created(plan("predictions")), "retention.ms", "1000"));

        assertThat(problems).singleElement().satisfies(problem -> {
            assertThat(problem.fatal()).isFalse();
            assertThat(problem.text()).contains("keeps records for 1000 ms");
        });
        assertThat(compare("labels", with(created(plan("labels")), "retention.ms", "1000")))
                .singleElement()
                .matches(problem -> !problem.fatal());
        // a compacted one has no age, and one may be meant to forget
        assertThat(compare("weights", with(created(plan("weights")), "retention.ms", "1000")))
                .isEmpty();
        ThalwegConfig forgets = new ThalwegConfig(Map.of("topics.retention.ms", "1000"));
        TopicPlan plan = TopicPlan.ofExamples(forgets);
        assertThat(TopicComparison.of(forgets, plan, created(plan), new FoundInputs(created(plan), null)))
                .isEmpty();
    }

    @Test
    void withoutInputsOnlyTheTopicItselfIsLookedAt() {
        for (TopicPlan plan : PLANS) {
            assertThat(TopicComparison.of(
                            CONFIG, plan, new FoundTopic(1, plan.settings()), new FoundInputs(null, null)))
                    .isEmpty();
        }
    }
}
