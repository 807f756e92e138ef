package io.thalweg.runtime;

import static org.assertj.core.api.Assertions.assertThat;

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
    private static final ThalwegConfig CONFIG = new ThalwegConfig(Map.of("label", "y", "model.from", "field:m"));
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
        return TopicComparison.of(CONFIG, plan(topic), found, examples);
    }

    @Test
    void aLearnerNeedsExamplesAllOutputsAndWhatIsSentOn() {
        assertThat(PLANS.stream().map(TopicPlan::topic))
                .containsExactlyElementsOf(Stream.of(
                                Stream.of("examples"),
                                Stream.of(OutputTopic.values()).map(OutputTopic::sink),
                                Stream.of("thalweg-by-model"))
                        .flatMap(topics -> topics)
                        .toList());
        // with one partition nothing is sent on
        assertThat(TopicPlan.ofAll(CONFIG, 1)).isEqualTo(TopicPlan.ofExamplesAndOutputs(CONFIG));
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
            assertThat(TopicComparison.of(CONFIG, plan, created(plan), hidden))
                    .as("%s beside hidden examples", plan.topic())
                    .isEmpty();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "examples, cleanup.policy, 'compact,delete', must not be compacted",
        "predictions, cleanup.policy, compact, must not be compacted",
        "dead-letters, cleanup.policy, compact, must not be compacted",
        "thalweg-by-model, cleanup.policy, compact, must not be compacted",
        "weights, cleanup.policy, 'compact,delete', must be compacted and nothing else",
        "metrics, cleanup.policy, delete, must be compacted and nothing else",
        "predictions, max.message.bytes, 1000000, set its max.message.bytes",
        "weights, max.message.bytes, 1000000, set its max.message.bytes",
        "dead-letters, max.message.bytes, 2000000, dead letters may have 2228224",
        "thalweg-by-model, max.message.bytes, 2000000, dead letters may have 2228224",
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

    @Test
    void theExamplesMayBeOfAnySizeThatDeadLettersHaveRoomFor() {
        FoundTopic small = with(created(plan("examples")), "max.message.bytes", "1000");
        FoundTopic large = with(created(plan("examples")), "max.message.bytes", "2000000");
        FoundTopic letters = created(plan("dead-letters"));

        assertThat(TopicComparison.of(CONFIG, plan("examples"), small, small)).isEmpty();
        assertThat(TopicComparison.of(CONFIG, plan("dead-letters"), letters, small))
                .isEmpty();
        assertThat(TopicComparison.of(CONFIG, plan("dead-letters"), letters, large))
                .singleElement()
                .satisfies(problem -> assertThat(problem.text())
                        .contains("examples may have 2000000 bytes, for which dead letters need 4065536")
                        .contains("set dead.letters.max.bytes"));
    }

    @Test
    void aBrokerThatStampsRecordsItselfRefusesNone() {
        FoundTopic limited = with(created(plan("metrics")), "message.timestamp.after.max.ms", "1");

        assertThat(compare("metrics", with(limited, "message.timestamp.type", "LogAppendTime")))
                .isEmpty();
    }

    @Test
    void anOutputNeedsThePartitionsOfTheExamplesAndMayHaveMore() {
        for (TopicPlan plan : PLANS.subList(1, PLANS.size())) {
            FoundTopic fewer = new FoundTopic(PARTITIONS - 1, plan.settings());
            FoundTopic more = new FoundTopic(PARTITIONS + 1, plan.settings());
            boolean sentOn = plan.role() == TopicPlan.Role.BY_MODEL;

            assertThat(compare(plan.topic(), fewer)).isNotEmpty().allMatch(TopicProblem::fatal);
            assertThat(compare(plan.topic(), more)).hasSize(sentOn ? 1 : 0);
        }
    }

    @Test
    void aTopicThatForgetsIsOnlyBadForVerify() {
        List<TopicProblem> problems =
                compare("predictions", with(created(plan("predictions")), "retention.ms", "1000"));

        assertThat(problems).singleElement().satisfies(problem -> {
            assertThat(problem.fatal()).isFalse();
            assertThat(problem.text()).contains("keeps records for 1000 ms");
        });
        // a compacted one has no age, and one may be meant to forget
        assertThat(compare("weights", with(created(plan("weights")), "retention.ms", "1000")))
                .isEmpty();
        ThalwegConfig forgets = new ThalwegConfig(Map.of("topics.retention.ms", "1000"));
        TopicPlan plan = TopicPlan.ofExamples(forgets);
        assertThat(TopicComparison.of(forgets, plan, created(plan), created(plan)))
                .isEmpty();
    }

    @Test
    void withoutExamplesOnlyTheTopicItselfIsLookedAt() {
        for (TopicPlan plan : PLANS) {
            assertThat(TopicComparison.of(CONFIG, plan, new FoundTopic(1, plan.settings()), null))
                    .isEmpty();
        }
    }
}
