package io.thalweg.math;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Logistic regression to convergence, by Newton's method: the least mean log loss that a model with given features can
 * have.
 */
public final class NewtonSolver {
    private static final int MOST_STEPS = 200;
    private static final double CONVERGED = 1e-9;
    /** Keeps the matrix positive where features depend on each other, as the categories of a column do. */
    private static final double RIDGE = 1e-9;

    private final List<Row> rows;
    private final int size;

    /**
     * An example.
     *
     * @param features the numbers of its features, from 0
     * @param values their values
     * @param label 0 or 1
     */
    public record Row(int[] features, double[] values, double label) {
        /** An example with all features, of which some may be 0. */
        public static Row dense(double[] values, double label) {
            int[] features = IntStream.range(0, values.length)
                    .filter(i -> values[i] != 0)
                    .toArray();
            return new Row(
                    features, IntStream.of(features).mapToDouble(i -> values[i]).toArray(), label);
        }
    }

    private NewtonSolver(List<Row> rows) {
        int features = rows.stream()
                .flatMapToInt(row -> IntStream.of(row.features))
                .max()
                .orElseThrow();
        double[] largest = new double[features + 1];
        for (Row row : rows) {
            for (int k = 0; k < row.values.length; k++) {
                largest[row.features[k]] = Math.max(largest[row.features[k]], Math.abs(row.values[k]));
            }
        }
        // of a common size, and with a bias as the last feature
        this.rows = rows.stream()
                .map(row -> {
                    int[] numbers = Arrays.copyOf(row.features, row.features.length + 1);
                    double[] values = Arrays.copyOf(row.values, numbers.length);
                    for (int k = 0; k < row.features.length; k++) {
                        values[k] /= Math.max(largest[numbers[k]], Double.MIN_NORMAL);
                    }
                    numbers[row.features.length] = features + 1;
                    values[row.features.length] = 1;
                    return new Row(numbers, values, row.label);
                })
                .toList();
        size = features + 2;
    }

    /** Returns the least mean log loss. */
    public static double leastLogLoss(List<Row> rows) {
        return new NewtonSolver(rows).solve();
    }

    private double solve() {
        double[] weights = new double[size];
        double loss = loss(weights);
        for (int step = 0; step < MOST_STEPS; step++) {
            double[] direction = direction(weights);
            double before = loss;
            double[] moved = weights;
            for (double share = 1; share > 1e-9; share /= 2) {
                moved = weights.clone();
                for (int i = 0; i < size; i++) {
                    moved[i] -= share * direction[i];
                }
                loss = loss(moved);
                if (loss <= before) {
                    break;
                }
            }
            weights = moved;
            if (before - loss < CONVERGED) {
                return loss;
            }
        }
        throw new IllegalStateException("no convergence");
    }

    /** Returns the gradient, multiplied by the inverse of the matrix of second derivatives. */
    private double[] direction(double[] weights) {
        double[] gradient = new double[size];
        double[][] curvature = new double[size][size];
        for (Row row : rows) {
            double p = 1 / (1 + Math.exp(-logit(row, weights)));
            for (int j = 0; j < row.features.length; j++) {
                double[] line = curvature[row.features[j]];
                gradient[row.features[j]] += (p - row.label) * row.values[j];
                double factor = p * (1 - p) * row.values[j];
                for (int k = 0; k < row.features.length; k++) {
                    line[row.features[k]] += factor * row.values[k];
                }
            }
        }
        for (int i = 0; i < size; i++) {
            curvature[i][i] += RIDGE * rows.size();
        }
        return solve(curvature, gradient);
    }

    private static double logit(Row row, double[] weights) {
        double z = 0;
        for (int k = 0; k < row.features.length; k++) {
            z += weights[row.features[k]] * row.values[k];
        }
        return z;
    }

    private double loss(double[] weights) {
        double loss = 0;
        for (Row row : rows) {
            double z = logit(row, weights);
            loss += Math.max(z, 0) - row.label * z + Math.log1p(Math.exp(-Math.abs(z)));
        }
        return loss / rows.size();
    }

    /** Solves a system with a positive matrix, which is overwritten, by Cholesky's decomposition. */
    private static double[] solve(double[][] a, double[] b) {
        int n = b.length;
        for (int j = 0; j < n; j++) {
            for (int k = 0; k < j; k++) {
                a[j][j] -= a[j][k] * a[j][k];
            }
            a[j][j] = Math.sqrt(a[j][j]);
            for (int i = j + 1; i < n; i++) {
                for (int k = 0; k < j; k++) {
                    a[i][j] -= a[i][k] * a[j][k];
                }
                a[i][j] /= a[j][j];
            }
        }
        double[] x = b.clone();
        for (int i = 0; i < n; i++) {
            for (int k = 0; k < i; k++) {
                x[i] -= a[i][k] * x[k];
            }
            x[i] /= a[i][i];
        }
        for (int i = n - 1; i >= 0; i--) {
            for (int k = i + 1; k < n; k++) {
                x[i] -= a[k][i] * x[k];
            }
            x[i] /= a[i][i];
        }
        return x;
    }
}
