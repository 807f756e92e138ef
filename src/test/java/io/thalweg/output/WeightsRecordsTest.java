package io.thalweg.output;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.avro.Weights;
import io.thalweg.math.Example;
import io.thalweg.math.Examples;
import io.thalweg.math.Learner;
import io.thalweg.math.Model;
import io.thalweg.math.Models;
import io.thalweg.math.Outcome;
import io.thalweg.math.Rejection;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class WeightsRecordsTest {
    private final Learner learner = new Learner(Examples.settings(0.5));

    /** The topic after compaction. */
    private final Map<String, Weights> topic = new TreeMap<>();

    private final List<Weights> written = new ArrayList<>();
    private final WeightsRecords.Sink sink = (key, weights) -> {
        String text = new String(key, StandardCharsets.UTF_8);
        if (weights == null) {
            topic.remove(text);
        } else {
            topic.put(text, weights);
            written.add(weights);
        }
    };

    private static Model restored(Model model) {
        Model back = new Model(model.id());
        back.learnsBy(model.algorithm());
        for (int block = 0; block < model.blockEnd(); block++) {
            if (model.block(block) != null) {
                back.restoreBlock(
                        block, model.changedAt(block), model.block(block).clone());
            }
        }
        back.restore(model.head());
        back.restored(back.version());
        return back;
    }

    private void learn(Model model, Example x) {
        Models one = new Models() {
            @Override
            public Model get(String id) {
                return model;
            }

            @Override
            public void add(Model begun) {}

            @Override
            public int size() {
                return 0;
            }
        };
        try {
            learner.process(one, model.id(), x, new Outcome());
        } catch (Rejection e) {
            throw new AssertionError(e);
        }
    }

    private Model large() {
        Model[] begun = new Model[1];
        try {
            Outcome outcome = new Outcome();
            learner.process(
                    new Models() {
                        @Override
                        public Model get(String id) {
                            return null;
                        }

                        @Override
                        public void add(Model model) {
                            begun[0] = model;
                        }

                        @Override
                        public int size() {
                            return 0;
                        }
                    },
                    "m",
                    Examples.sparse(1.0, new int[] {3, 200, 900}, new double[] {1, 1, 1}),
                    outcome);
        } catch (Rejection e) {
            throw new AssertionError(e);
        }
        return begun[0];
    }

    @Test
    void aHigherBoundAfterARestartTakesTheBlocksBack() {
        Model model = large();
        WeightsRecords before = new WeightsRecords(256, 1);
        assertThat(before.afterStep(model, sink)).isFalse();
        before.publish(model, sink);
        assertThat(topic).containsOnlyKeys("m\0000", "m\0001", "m\0007");

        Model after = restored(model);
        learn(after, Examples.sparse(1.0, new int[] {200}, new double[] {1}));
        assertThat(new WeightsRecords(1000, 1).afterStep(after, sink)).isTrue();
        assertThat(topic).containsOnlyKeys("m");
        assertThat(topic.get("m").getWeights()).hasSize(3);
    }

    @Test
    void aLowerBoundAfterARestartTakesTheOneRecordBack() {
        Model model = large();
        assertThat(new WeightsRecords(1000, 1).afterStep(model, sink)).isTrue();
        assertThat(topic).containsOnlyKeys("m");

        Model after = restored(model);
        learn(after, Examples.sparse(1.0, new int[] {200}, new double[] {1}));
        WeightsRecords lower = new WeightsRecords(256, 1);
        assertThat(lower.afterStep(after, sink)).isFalse();
        lower.publish(after, sink);
        assertThat(topic).containsOnlyKeys("m\0000", "m\0001", "m\0007");
        assertThat(topic.values())
                .allSatisfy(block -> assertThat(block.getBlocks()).isEqualTo(3));
        assertThat(topic.values())
                .allSatisfy(block -> assertThat(block.getVersion()).isEqualTo(2));
    }

    @Test
    void theChangeIsUnknownAfterARestartAndOfTheFirstThinnedRecord() {
        WeightsRecords everySecond = new WeightsRecords(1000, 2);
        Model model = large();
        assertThat(everySecond.afterStep(model, sink)).isFalse();
        everySecond.publish(restored(model), sink);
        assertThat(written.get(0).getVersion()).isEqualTo(1);
        assertThat(written.get(0).getChange()).isNull();

        everySecond.publish(model, sink);
        assertThat(written.get(1).getVersion()).isEqualTo(1);
        assertThat(written.get(1).getChange()).isNotNull();
    }

    @Test
    void whatIsPublishedIsNotPublishedAgain() {
        Model model = large();
        for (int recordMax : new int[] {256, 1000}) {
            WeightsRecords records = new WeightsRecords(recordMax, 1);
            Model copy = restored(model);
            records.publish(copy, sink);
            int size = written.size();
            records.publish(copy, sink);
            assertThat(written).hasSize(size);
        }
    }
}
