package io.thalweg.fold;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.Example;
import io.thalweg.math.FeatureForm;
import io.thalweg.math.Rejection;
import io.thalweg.store.TaskState;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Random;

/**
 * A simulation of clicks, to compare what is learned from labels at once and from labels that come later. An event is
 * clicked with a probability that depends on its features, and the click comes after an exponential delay; that there
 * is none is never said. In the middle the true weights change their signs.
 *
 * <p>The losses are those that a learner has in excess of one that knows the probabilities, in nats: the mean
 * Kullback-Leibler divergence of the predictions that were served. {@code mvn -Pjmh test-compile exec:exec
 * -Djmh.main=io.thalweg.fold.DelayedFeedback} prints them.
 */
final class DelayedFeedback {
    private static final int FEATURES = 4;
    private static final double RATE = 0.03;
    /** The true bias, with which about 17% of events are clicked. */
    private static final double BIAS = -2.2;

    private static final double MEAN_DELAY = 1500;
    private static final int WAIT = 7500;
    private static final int UNTIL_CHANGE = 60_000;
    /** When the model has come to rest after the start. */
    private static final int RESTS = 30_000;

    private static final String MODEL = "clicks";

    /** The policies that are compared. */
    enum Policy {
        AT_ONCE("labels at once", Map.of()),
        WAIT("wait, missing = negative", Map.of("labels.missing", "negative")),
        PROVISIONAL("provisional", Map.of("labels.policy", "provisional"));

        private final String words;
        private final Map<String, String> settings;

        Policy(String words, Map<String, String> settings) {
            this.words = words;
            this.settings = settings;
        }
    }

    /**
     * What a policy costs.
     *
     * @param start the mean prediction divided by the mean probability, while the first events could still wait
     * @param rest the excess log loss before the weights change
     * @param restRatio the mean prediction divided by the mean probability, before the weights change
     * @param change the excess log loss in the stretch after the change in which events from before it can still wait
     */
    record Cost(double start, double rest, double restRatio, double change) {}

    private record Click(long time, byte[] id) {}

    private final Random random;
    private final boolean atOnce;
    private final LearningTask task;
    private final Example x = new Example();
    private final Example label = new Example();
    private final PriorityQueue<Click> clicks = new PriorityQueue<>((a, b) -> Long.compare(a.time, b.time));
    private final double[] truth = new double[FEATURES];

    private double predicted;
    private double expected;
    private double excess;
    private int events;

    private DelayedFeedback(Policy policy, Random random) {
        this.random = random;
        atOnce = policy == Policy.AT_ONCE;
        Map<String, String> settings = new HashMap<>(policy.settings);
        settings.putAll(Map.of(
                "labels.topic",
                "clicks",
                "labels.wait.ms",
                String.valueOf(WAIT),
                "learning.rate",
                String.valueOf(RATE)));
        task = new LearningTask(
                new ThalwegConfig(settings),
                id -> {
                    throw new IllegalStateException("there are no records");
                },
                MODEL,
                TaskState.inMemory());
        for (int k = 0; k < FEATURES - 1; k++) {
            truth[k] = random.nextGaussian();
        }
        // of a feature that is always 1
        truth[FEATURES - 1] = BIAS;
    }

    /**
     * Runs the simulation once. The time of an event is its number.
     *
     * @param seed gives the weights and the events, whatever the policy
     */
    static Cost run(Policy policy, long seed) throws Rejection {
        DelayedFeedback run = new DelayedFeedback(policy, new Random(seed));
        run.go(0, WAIT);
        double start = run.predicted / run.expected;
        run.go(WAIT, RESTS);
        run.go(RESTS, UNTIL_CHANGE);
        double rest = run.excess / run.events;
        double restRatio = run.predicted / run.expected;
        for (int k = 0; k < FEATURES - 1; k++) {
            run.truth[k] = -run.truth[k];
        }
        run.go(UNTIL_CHANGE, UNTIL_CHANGE + WAIT);
        return new Cost(start, rest, restRatio, run.excess / run.events);
    }

    private void go(int from, int to) throws Rejection {
        predicted = 0;
        expected = 0;
        excess = 0;
        events = to - from;
        for (int i = from; i < to; i++) {
            while (!clicks.isEmpty() && clicks.peek().time <= i) {
                Click click = clicks.poll();
                label.clear();
                label.id(click.id);
                label.label(1);
                label.importance(Double.NaN);
                task.applyLabel(MODEL, label, click.time, OutputSink.NONE);
            }
            event(i);
        }
    }

    private void event(int i) throws Rejection {
        byte[] id = String.valueOf(i).getBytes(StandardCharsets.UTF_8);
        x.clear();
        x.id(id);
        x.form(FeatureForm.DENSE);
        double z = truth[FEATURES - 1];
        for (int k = 0; k < FEATURES - 1; k++) {
            double value = random.nextGaussian();
            x.addValue(value);
            z += truth[k] * value;
        }
        double p = 1 / (1 + Math.exp(-z));
        boolean isClicked = random.nextDouble() < p;
        long delay = (long) Math.ceil(-MEAN_DELAY * Math.log(1 - random.nextDouble()));
        if (atOnce) {
            x.label(isClicked ? 1 : 0);
        } else if (isClicked) {
            clicks.add(new Click(i + delay, id));
        }
        task.applyEvent(MODEL, x, i, OutputSink.NONE);
        double f = task.prediction().probability();
        predicted += f;
        expected += p;
        excess += p * Math.log(p / f) + (1 - p) * Math.log((1 - p) / (1 - f));
    }

    /** Prints the means of several runs. @param args how many; 20 if it is not given */
    public static void main(String[] args) throws Rejection {
        int runs = args.length == 0 ? 20 : Integer.parseInt(args[0]);
        System.out.printf("%-24s %16s %12s %12s %14s%n", "", "after the start", "at rest", "at rest", "after a change");
        System.out.printf(
                "%-24s %16s %12s %12s %14s%n", "", "prediction/truth", "pred./truth", "excess loss", "excess loss");
        for (Policy policy : Policy.values()) {
            double[] sums = new double[4];
            for (int seed = 0; seed < runs; seed++) {
                Cost cost = run(policy, seed);
                sums[0] += cost.start;
                sums[1] += cost.restRatio;
                sums[2] += cost.rest;
                sums[3] += cost.change;
            }
            System.out.printf(
                    Locale.ROOT,
                    "%-24s %16.2f %12.3f %12.4f %14.3f%n",
                    policy.words,
                    sums[0] / runs,
                    sums[1] / runs,
                    sums[2] / runs,
                    sums[3] / runs);
        }
    }
}
