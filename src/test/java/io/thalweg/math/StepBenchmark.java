package io.thalweg.math;

import io.thalweg.config.ThalwegConfig;
import java.util.Collection;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.CommandLineOptionException;
import org.openjdk.jmh.runner.options.CommandLineOptions;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/**
 * The step alone: prediction and step of an example of {@value #FEATURES} sparse features, drawn evenly from all of a
 * model's, without decoding, checks and metrics. And the whole of what a learner does with an example, with these two.
 * Models of many weights are slower because the weights are not in the processor's caches. Not a test;
 * {@code mvn -Pjmh test-compile exec:exec} runs it.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class StepBenchmark {
    static final int FEATURES = 40;

    private static final int FEATURES_OF_FIRST_EXAMPLES = 1 << 10;
    private static final int DRAWN = FEATURES << 15;
    private static final int WINDOW = 10_000;

    @Param({"sgd"})
    public String algorithm;

    /** The model has two to this power weights. */
    @Param({"10", "14", "18", "22", "24"})
    public int bits;

    private final Example x = new Example();
    private final int[] drawn = new int[DRAWN];
    private Optimizer kind;
    private Model model;
    private int next;
    private Learner learner;
    private final PredictionResult result = new PredictionResult();

    /** A model of which a step has moved every weight. */
    @Setup
    public void learn() {
        LearnerSettings settings = new ThalwegConfig(
                        Map.of(ThalwegConfig.ALGORITHM, algorithm, ThalwegConfig.FEATURES_SPACE_BITS, bits))
                .learner();
        learner = new Learner(settings, WINDOW);
        kind = Optimizer.of(settings);
        model = new Model("model", kind);
        model.fix(FeatureForm.SPARSE, 0);
        for (int from = 0; from < 1 << bits; from += FEATURES_OF_FIRST_EXAMPLES) {
            begin();
            for (int i = from; i < from + FEATURES_OF_FIRST_EXAMPLES; i++) {
                x.addIndex(i);
                x.addValue(1.0 / FEATURES_OF_FIRST_EXAMPLES);
            }
            double z = kind.logit(model, x);
            kind.step(model, x, z, Logistic.probability(z));
        }
        SplittableRandom random = new SplittableRandom(1);
        for (int from = 0; from < DRAWN; from += FEATURES) {
            int[] indices = random.ints(0, 1 << bits).distinct().limit(FEATURES).toArray();
            System.arraycopy(indices, 0, drawn, from, FEATURES);
        }
    }

    private void begin() {
        x.clear();
        x.form(FeatureForm.SPARSE);
        x.label((model.version() & 1) == 0 ? 0 : 1);
    }

    /** What filling an example costs, to be taken off the others. */
    @Benchmark
    public Example fill() {
        begin();
        for (int i = 0; i < FEATURES; i++) {
            x.addIndex(drawn[next++]);
            x.addValue(1);
        }
        next = next == DRAWN ? 0 : next;
        return x;
    }

    @Benchmark
    public double step() {
        fill();
        double z = kind.logit(model, x);
        if (!kind.step(model, x, z, Logistic.probability(z))) {
            throw new IllegalStateException("a step was not taken");
        }
        return z;
    }

    /**
     * With the check that no index is there twice, which takes a table of them where they are not in order, as here.
     */
    @Benchmark
    public double whole() throws Rejection {
        fill();
        learner.validate(x, model, 1);
        learner.resolve(x, model);
        learner.predict(model, x, result);
        learner.learn(model, x, result);
        return result.logit();
    }

    /** @param args options of JMH, which win over what is chosen here */
    public static void main(String[] args) throws RunnerException, CommandLineOptionException {
        CommandLineOptions given = new CommandLineOptions(args);
        ChainedOptionsBuilder options = new OptionsBuilder()
                .parent(given)
                .include(StepBenchmark.class.getName())
                .addProfiler(GCProfiler.class);
        if (!given.getParameter("algorithm").hasValue()) {
            options.param("algorithm", algorithms());
        }
        Collection<RunResult> results = new Runner(options.build()).run();
        System.out.printf(
                "%n%-10s  %-9s  %-9s  %12s  %12s  %15s%n",
                "algorithm", "weights", "what", "ns/example", "ns/feature", "bytes/example");
        for (RunResult result : results) {
            String benchmark = result.getParams().getBenchmark();
            String what = benchmark.substring(benchmark.lastIndexOf('.') + 1);
            if (!what.equals("fill")) {
                String algorithm = result.getParams().getParam("algorithm");
                String bits = result.getParams().getParam("bits");
                double nanos = result.getPrimaryResult().getStatistics().getMin() - fill(results, algorithm, bits);
                System.out.printf(
                        Locale.ROOT,
                        "%-10s  2^%-7s  %-9s  %12.0f  %12.1f  %15.1f%n",
                        algorithm,
                        bits,
                        what,
                        nanos,
                        nanos / FEATURES,
                        result.getSecondaryResults().get("gc.alloc.rate.norm").getScore());
            }
        }
    }

    private static double fill(Collection<RunResult> results, String algorithm, String bits) {
        return results.stream()
                .filter(result -> result.getParams().getBenchmark().endsWith(".fill"))
                .filter(result -> result.getParams().getParam("algorithm").equals(algorithm)
                        && result.getParams().getParam("bits").equals(bits))
                .mapToDouble(result -> result.getPrimaryResult().getStatistics().getMin())
                .findFirst()
                .orElse(0);
    }

    /** All that there are: what the setting allows, which says "[sgd, …]". */
    private static String[] algorithms() {
        String allowed = ThalwegConfig.DEFINITION
                .configKeys()
                .get(ThalwegConfig.ALGORITHM)
                .validator
                .toString();
        return allowed.substring(1, allowed.length() - 1).split(", ");
    }
}
