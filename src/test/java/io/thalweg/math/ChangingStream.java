package io.thalweg.math;

import io.thalweg.math.NewtonSolver.Row;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * Streams whose truth changes. The last three are published ones, written down from their papers with the constants
 * that MOA uses.
 */
enum ChangingStream {
    /** Ten Gaussian features and a logistic truth, whose weights are drawn anew. */
    ABRUPT {
        @Override
        Rows rows(Random random) {
            double[] before = gaussians(random);
            double[] after = gaussians(random);
            return logistic(random, RECOVERY, (i, t) -> t < 0 ? before[i] : after[i]);
        }
    },
    /** The same; the weights of half of the features change their signs. */
    HALF {
        @Override
        Rows rows(Random random) {
            double[] weights = gaussians(random);
            return logistic(random, RECOVERY, (i, t) -> t < 0 || i < FEATURES / 2 ? weights[i] : -weights[i]);
        }
    },
    /** The same; from the change on, the weights move to new ones along a straight line. */
    SLOW {
        @Override
        Rows rows(Random random) {
            double[] before = gaussians(random);
            double[] after = gaussians(random);
            return logistic(random, SHORT, (i, t) -> before[i] + Math.max(0, t) * (after[i] - before[i]));
        }
    },
    /**
     * SEA: W. Street and Y. Kim, <i>A Streaming Ensemble Algorithm for Large-Scale Classification</i>, KDD 2001. A sum
     * of two of three features is compared with a threshold, which changes; a tenth of the labels is wrong.
     */
    SEA {
        private final double[] thresholds = {8, 9, 7, 9.5};

        @Override
        Rows rows(Random random) {
            Rows rows = new Rows(RECOVERY, List.of(BEFORE, 2 * BEFORE, 3 * BEFORE));
            for (int t = 0; t < thresholds.length * BEFORE; t++) {
                double[] x = random.doubles(3, 0, 10).toArray();
                rows.add(x, flipped(random, 0.1, x[0] + x[1] <= thresholds[t / BEFORE]));
            }
            return rows;
        }
    },
    /**
     * A rotating hyperplane: G. Hulten, L. Spencer, P. Domingos, <i>Mining Time-Changing Data Streams</i>, KDD 2001.
     * From the change on, half of the ten weights move by 0.001 with each example, and turn around with probability
     * 0.1; a twentieth of the labels is wrong.
     */
    HYPERPLANE {
        @Override
        Rows rows(Random random) {
            double[] weights = random.doubles(FEATURES).toArray();
            double[] directions = new double[FEATURES];
            Arrays.fill(directions, 0, FEATURES / 2, 0.001);
            Rows rows = new Rows(SHORT, List.of(BEFORE));
            for (int t = 0; t < BEFORE + AFTER; t++) {
                double[] x = random.doubles(FEATURES).toArray();
                double z = 0;
                for (int i = 0; i < FEATURES; i++) {
                    z += weights[i] * (x[i] - 0.5);
                    if (t >= BEFORE) {
                        weights[i] += directions[i];
                        directions[i] *= random.nextDouble() < 0.1 ? -1 : 1;
                    }
                }
                rows.add(x, flipped(random, 0.05, z >= 0));
            }
            return rows;
        }
    },
    /**
     * Loan applications: R. Agrawal, T. Imielinski, and A. Swami, <i>Database Mining: A Performance Perspective</i>,
     * 1993. Their functions 1, 7, 2, 9 and 3 follow each other. Numbers are perturbed by 5% of their range. Categories
     * are features that are 0 or 1.
     */
    AGRAWAL {
        private final int[] functions = {1, 7, 2, 9, 3};

        @Override
        Rows rows(Random random) {
            Rows rows = new Rows(RECOVERY, List.of(BEFORE, 2 * BEFORE, 3 * BEFORE, 4 * BEFORE));
            for (int t = 0; t < functions.length * BEFORE; t++) {
                double salary = uniform(random, 20_000, 150_000);
                double commission = salary >= 75_000 ? 0 : uniform(random, 10_000, 75_000);
                int age = 20 + random.nextInt(61);
                int education = random.nextInt(5);
                int car = random.nextInt(20);
                int zipCode = random.nextInt(9);
                double houseValue = (9 - zipCode) * 100_000 * uniform(random, 0.5, 1.5);
                int houseYears = 1 + random.nextInt(30);
                double loan = uniform(random, 0, 500_000);
                boolean isGroupA = isGroupA(functions[t / BEFORE], salary, commission, age, education, loan);
                double[] x = new double[6 + 5 + 20 + 9];
                x[0] = perturbed(random, salary, 20_000, 150_000);
                x[1] = commission == 0 ? 0 : perturbed(random, commission, 10_000, 75_000);
                x[2] = perturbed(random, age, 20, 80);
                x[3] = perturbed(random, houseValue, 0, 1_350_000);
                x[4] = perturbed(random, houseYears, 1, 30);
                x[5] = perturbed(random, loan, 0, 500_000);
                x[6 + education] = 1;
                x[11 + car] = 1;
                x[31 + zipCode] = 1;
                rows.add(x, isGroupA ? 1 : 0);
            }
            return rows;
        }

        private boolean isGroupA(int function, double salary, double commission, int age, int education, double loan) {
            double income = salary + commission;
            return switch (function) {
                case 1 -> age < 40 || age >= 60;
                case 2 ->
                    age < 40
                            ? salary >= 50_000 && salary <= 100_000
                            : age < 60 ? salary >= 75_000 && salary <= 125_000 : salary >= 25_000 && salary <= 75_000;
                case 3 -> age < 40 ? education <= 1 : age < 60 ? education >= 1 && education <= 3 : education >= 2;
                case 7 -> 0.67 * income - 0.2 * loan - 20_000 > 0;
                case 9 -> 0.67 * income - 5_000 * education - 0.2 * loan - 10_000 > 0;
                default -> throw new IllegalArgumentException("function " + function);
            };
        }
    };

    /** How many examples come before a change. */
    static final int BEFORE = 20_000;
    /** How many examples after a change belong to the recovery. */
    static final int RECOVERY = 5_000;

    /** For how many examples the truth stays about the same while it moves slowly. */
    private static final int SHORT = 1_000;

    private static final int AFTER = 20_000;
    private static final int FEATURES = 10;

    /** The examples of a stream. */
    static final class Rows {
        final List<Row> rows = new ArrayList<>();
        /** The places of the first examples after changes. */
        final List<Integer> changes;
        /** For how many examples the truth stays about the same. */
        private final int stretch;

        Rows(int stretch, List<Integer> changes) {
            this.stretch = stretch;
            this.changes = changes;
        }

        private void add(double[] x, double label) {
            rows.add(Row.dense(x, label));
        }

        /** The log losses of a learner on the examples after the changes, summed. */
        double logLossAfterChanges(LearnerSettings settings) {
            Examples.Learning learning = new Examples.Learning(settings);
            double loss = 0;
            for (int t = 0; t < rows.size(); t++) {
                Row row = rows.get(t);
                double z = learning.logit(Examples.sparse(row.label(), row.features(), row.values()));
                int now = t;
                if (changes.stream().anyMatch(change -> now >= change && now < change + RECOVERY)) {
                    loss += Logistic.logLoss(z, row.label());
                }
            }
            return loss;
        }

        /** The same of weights that are the best in hindsight: what is inevitable. */
        double leastLogLossAfterChanges() {
            double loss = 0;
            for (int change : changes) {
                for (int from = change; from < change + RECOVERY; from += stretch) {
                    loss += stretch * NewtonSolver.leastLogLoss(rows.subList(from, from + stretch));
                }
            }
            return loss;
        }
    }

    private interface Weights {
        /** @param t 0 at the change, and 1 at the end */
        double at(int feature, double t);
    }

    /** Generates a stream. */
    abstract Rows rows(Random random);

    private static Rows logistic(Random random, int stretch, Weights weights) {
        Rows rows = new Rows(stretch, List.of(BEFORE));
        for (int t = 0; t < BEFORE + AFTER; t++) {
            double[] x = gaussians(random);
            double z = 0;
            for (int i = 0; i < FEATURES; i++) {
                z += weights.at(i, (t - BEFORE) / (double) AFTER) * x[i];
            }
            rows.add(x, random.nextDouble() < Logistic.probability(z) ? 1 : 0);
        }
        return rows;
    }

    private static double[] gaussians(Random random) {
        double[] numbers = new double[FEATURES];
        Arrays.setAll(numbers, i -> random.nextGaussian());
        return numbers;
    }

    private static double uniform(Random random, double low, double high) {
        return low + (high - low) * random.nextDouble();
    }

    private static double perturbed(Random random, double value, double low, double high) {
        double moved = value + 0.05 * (high - low) * uniform(random, -1, 1);
        return Math.max(low, Math.min(high, moved));
    }

    private static double flipped(Random random, double probability, boolean label) {
        return label == random.nextDouble() >= probability ? 1 : 0;
    }
}
