package io.thalweg.output;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.thalweg.avro.Weights;
import io.thalweg.math.Algorithm;
import io.thalweg.math.Example;
import io.thalweg.math.Examples;
import io.thalweg.math.Learner;
import io.thalweg.math.Model;
import io.thalweg.math.PredictionResult;
import io.thalweg.math.Rejection;
import io.thalweg.testing.Seeded;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Seeded
class PublishedWeightsTest {
    private Learner learner = new Learner(Examples.settings(0.5));

    /** The topic after compaction. */
    private final Map<String, Weights> topic = new TreeMap<>();

    private final List<Weights> written = new ArrayList<>();
    private final PublishedWeights.Sink sink = (key, weights) -> {
        String text = new String(key, StandardCharsets.UTF_8);
        if (weights == null) {
            topic.remove(text);
        } else {
            topic.put(text, weights);
            written.add(weights);
        }
    };

    /** A model, and what is published of it. */
    private record Published(Model model, PublishedWeights weights) {
        static Published of(Model model, long version, boolean whole) {
            PublishedWeights weights = new PublishedWeights();
            weights.restore(version, whole);
            weights.begin(model);
            return new Published(model, weights);
        }

        Published restored() {
            Model back = new Model(model.id());
            back.learnsBy(model.optimizer());
            for (int block = 0; block < model.blockEnd(); block++) {
                if (model.block(block) != null) {
                    back.restoreBlock(
                            block, model.changedAt(block), model.block(block).clone());
                }
            }
            back.restore(model.head());
            back.restored();
            return of(back, weights.version(), weights.isWhole());
        }
    }

    private void learn(Published published, Example x) {
        Model model = published.model;
        PredictionResult prediction = new PredictionResult();
        try {
            learner.validate(x, model.form() == null ? null : model, 0);
            learner.resolve(x, model);
            learner.predict(model, x, prediction);
            learner.learn(model, x, prediction);
        } catch (Rejection e) {
            throw new AssertionError(e);
        }
    }

    private Published large() {
        Published published = Published.of(new Model("m", learner.optimizer()), 0, false);
        learn(published, Examples.sparse(1.0, new int[] {3, 200, 900}, new double[] {1, 1, 1}));
        return published;
    }

    @Test
    void aHigherBoundAfterARestartTakesTheBlocksBack() {
        Published model = large();
        PublishedWeights.Policy before = new PublishedWeights.Policy(256, 1);
        assertThat(model.weights().afterStep(before, sink)).isFalse();
        model.weights().publish(before, sink);
        assertThat(topic).containsOnlyKeys("m\0000", "m\0001", "m\0007");

        Published after = model.restored();
        learn(after, Examples.sparse(1.0, new int[] {200}, new double[] {1}));
        assertThat(after.weights().afterStep(new PublishedWeights.Policy(1000, 1), sink))
                .isTrue();
        assertThat(topic).containsOnlyKeys("m");
        assertThat(topic.get("m").getWeights()).hasSize(3);
    }

    @Test
    void aLowerBoundAfterARestartTakesTheOneRecordBack() {
        Published model = large();
        assertThat(model.weights().afterStep(new PublishedWeights.Policy(1000, 1), sink))
                .isTrue();
        assertThat(topic).containsOnlyKeys("m");

        Published after = model.restored();
        learn(after, Examples.sparse(1.0, new int[] {200}, new double[] {1}));
        PublishedWeights.Policy lower = new PublishedWeights.Policy(256, 1);
        assertThat(after.weights().afterStep(lower, sink)).isFalse();
        after.weights().publish(lower, sink);
        assertThat(topic).containsOnlyKeys("m\0000", "m\0001", "m\0007");
        assertThat(topic.values())
                .allSatisfy(block -> assertThat(block.getBlocks()).isEqualTo(3));
        assertThat(topic.values())
                .allSatisfy(block -> assertThat(block.getVersion()).isEqualTo(2));
    }

    @Test
    void theChangeIsUnknownAfterARestart() {
        PublishedWeights.Policy everySecond = new PublishedWeights.Policy(1000, 2);
        Published model = large();
        assertThat(model.weights().afterStep(everySecond, sink)).isFalse();
        model.restored().weights().publish(everySecond, sink);
        assertThat(written.get(0).getVersion()).isEqualTo(1);
        assertThat(written.get(0).getChange()).isNull();

        model.weights().publish(everySecond, sink);
        assertThat(written.get(1).getVersion()).isEqualTo(1);
        assertThat(written.get(1).getChange()).isNotNull();

        learn(model, Examples.sparse(1.0, new int[] {200}, new double[] {1}));
        model.restored().weights().publish(new PublishedWeights.Policy(1000, 1), sink);
        assertThat(written.get(2).getChange())
                .as("unpublished when it was restored")
                .isNull();
    }

    /** Weights of a mixture move with its shares and its temperature, in every block. */
    @ParameterizedTest
    @ValueSource(ints = {256, 2000})
    void theChangeOfAMixtureIsThatOfTheRecordsAndBlocksThatMoveUntouchedArePublished(int recordMax, Random random) {
        learner = new Learner(Examples.settings(Algorithm.AUTO));
        Published model = large();
        PublishedWeights.Policy records = new PublishedWeights.Policy(recordMax, 3);
        Map<String, Weights> before = new TreeMap<>();
        double[] factors = null;
        boolean some = false;
        boolean all = false;
        for (int step = 2; step < 1500; step++) {
            if (step == 1000) {
                assertThat(model.weights().version()).isGreaterThan(900);
                boolean known = recordMax > 256
                        && model.weights().version() == model.model().version();
                model = model.restored();
                before.values().forEach(known ? weights -> {} : weights -> weights.setVersion(-1L));
                factors = null;
            }
            int feature = random.nextInt(3) == 0 ? 3 : 100 + random.nextInt(900);
            learn(
                    model,
                    Examples.sparse(
                            feature % 2 == 0 || random.nextInt(4) == 0 ? 1.0 : 0.0,
                            new int[] {feature},
                            new double[] {random.nextInt(5)}));
            written.clear();
            if (!model.weights().afterStep(records, sink) && random.nextInt(4) == 0) {
                model.weights().publish(records, sink);
            }
            for (Weights now : written) {
                Weights then = before.get(String.valueOf(now.getBlock()));
                if (then == null || then.getVersion() < 0) {
                    assertThat(now.getChange()).matches(change -> then == null || change == null);
                } else if (now.getChange() != null) {
                    // the bias changes with every record of a model, and is that of the record before this one
                    double squares = squareOfChange(then, now);
                    assertThat(now.getChange() * now.getChange()).isGreaterThanOrEqualTo(squares * (1 - 1e-9));
                    if (now.getBlock() == null) {
                        squares += Math.pow(now.getBias() - then.getBias(), 2);
                        assertThat(now.getChange()).isCloseTo(Math.sqrt(squares), within(1e-12));
                    }
                } else {
                    assertThat(step).isGreaterThanOrEqualTo(1000);
                }
                before.put(
                        String.valueOf(now.getBlock()), Weights.newBuilder(now).build());
            }
            if (!written.isEmpty() && recordMax == 256) {
                double[] now = model.model().untouchedFactors();
                double most = Double.POSITIVE_INFINITY;
                for (int k = 0; factors != null && k < now.length; k++) {
                    most = Math.max(k == 0 ? 0 : most, Math.abs(now[k] - factors[k]));
                }
                if (most > 0.01) {
                    assertThat(written).hasSize(model.model().blockCount());
                    factors = now;
                    all = true;
                } else {
                    some |= written.size() < model.model().blockCount();
                }
            }
        }
        assertThat(recordMax == 2000 || some && all).isTrue();
    }

    private static double squareOfChange(Weights then, Weights now) {
        Map<Integer, Double> weights = new TreeMap<>();
        then.getWeights().forEach(weight -> weights.put(weight.getFeature(), -weight.getWeight()));
        now.getWeights().forEach(weight -> weights.merge(weight.getFeature(), weight.getWeight(), Double::sum));
        return weights.values().stream().mapToDouble(change -> change * change).sum();
    }

    @Test
    void whatIsPublishedIsNotPublishedAgain() {
        Published model = large();
        for (int recordMax : new int[] {256, 1000}) {
            PublishedWeights.Policy records = new PublishedWeights.Policy(recordMax, 1);
            Published copy = model.restored();
            copy.weights().publish(records, sink);
            int size = written.size();
            copy.weights().publish(records, sink);
            assertThat(written).hasSize(size);
        }
    }
}
