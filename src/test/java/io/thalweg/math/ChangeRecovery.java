package io.thalweg.math;

import io.thalweg.math.StepOptions.Scaling;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * How fast {@code auto} recovers when the truth changes, beside {@code sgd} and {@code adagrad} at fixed rates, of
 * which the best is chosen in hindsight. Run it with {@code mvn -Pjmh test-compile exec:exec
 * -Djmh.main=io.thalweg.math.ChangeRecovery}.
 *
 * <p>The measure is the log loss over the {@value ChangingStream#RECOVERY} examples after each change in excess of that
 * of the weights that are the best for them, or for each thousand of them if the truth moves slowly.
 */
final class ChangeRecovery {
    private static final double[] RATES = {0.003, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5};
    private static final LearnerSettings AUTO =
            Examples.settings(Algorithm.AUTO, LearningRate.constant(1), StepOptions.NONE);

    private ChangeRecovery() {}

    /** @param excess the mean log loss in excess, in nats per example */
    record Result(LearnerSettings settings, double excess) {
        @Override
        public String toString() {
            return String.format(
                    Locale.ROOT,
                    "%.4f (%s, scaling %s, %s)",
                    excess,
                    settings.algorithm(),
                    settings.options().scaling().name().toLowerCase(Locale.ROOT).replace('_', '-'),
                    settings.learningRate().initial());
        }
    }

    /** Runs learners over several streams of a kind. @return the result of each */
    static List<Result> run(ChangingStream kind, List<LearnerSettings> learners, long firstSeed, int streams) {
        List<ChangingStream.Rows> rows = IntStream.range(0, streams)
                .mapToObj(i -> kind.rows(new Random(firstSeed + i)))
                .toList();
        double least = rows.parallelStream()
                .mapToDouble(ChangingStream.Rows::leastLogLossAfterChanges)
                .sum();
        double examples = rows.stream()
                .mapToDouble(stream -> (double) stream.changes.size() * ChangingStream.RECOVERY)
                .sum();
        return learners.parallelStream()
                .map(settings -> new Result(
                        settings,
                        (rows.stream()
                                                .mapToDouble(stream -> stream.logLossAfterChanges(settings))
                                                .sum()
                                        - least)
                                / examples))
                .toList();
    }

    /** The learners: {@code auto}, and the grid of fixed rates. */
    static List<LearnerSettings> learners() {
        List<LearnerSettings> learners = new ArrayList<>();
        learners.add(AUTO);
        for (Algorithm algorithm : List.of(Algorithm.SGD, Algorithm.ADAGRAD)) {
            for (Scaling scaling : Scaling.values()) {
                StepOptions options = new StepOptions(scaling, 0, 0, 0, false, 1);
                Arrays.stream(RATES)
                        .forEach(rate ->
                                learners.add(Examples.settings(algorithm, LearningRate.constant(rate), options)));
            }
        }
        return learners;
    }

    /** The best of the learners that are {@code auto}, or that are not. */
    static Result best(List<Result> results, Algorithm... algorithms) {
        return results.stream()
                .filter(result -> List.of(algorithms).contains(result.settings.algorithm()))
                .min(Comparator.comparingDouble(Result::excess))
                .orElseThrow();
    }

    /** Prints the means of several streams. @param args how many; 5 if it is not given */
    public static void main(String[] args) {
        int streams = args.length == 0 ? 5 : Integer.parseInt(args[0]);
        System.out.println("excess log loss after a change, per example");
        System.out.printf("%-12s %8s %6s  %-44s %s%n", "", "auto", "ratio", "best sgd", "best adagrad");
        for (ChangingStream kind : ChangingStream.values()) {
            List<Result> results = run(kind, learners(), 1, streams);
            double auto = best(results, Algorithm.AUTO).excess;
            System.out.printf(
                    Locale.ROOT,
                    "%-12s %8.4f %6.3f  %-44s %s%n",
                    kind.name().toLowerCase(Locale.ROOT),
                    auto,
                    auto / best(results, Algorithm.SGD, Algorithm.ADAGRAD).excess,
                    best(results, Algorithm.SGD),
                    best(results, Algorithm.ADAGRAD));
        }
    }
}
