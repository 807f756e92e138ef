package io.thalweg.math;

import java.util.List;

/**
 * Logistic regression to convergence: Newton's method with dense matrices, for the least mean log loss that a model with
 * given features can have.
 */
public final class NewtonSolver {
    private static final int MOST_STEPS = 100;
    private static final double CONVERGED = 1e-10;
    /** Keeps the matrix positive where features depend on each other, as the categories of a column do. */
    private static final double RIDGE = 1e-9;

    private NewtonSolver() {}

    /**
     * Returns the least mean log loss.
     *
     * @param rows the features of each example, all of the same number; of a size of about 1
     * @param labels the labels, 0 or 1
     */
    public static double leastLogLoss(List<double[]> rows, double[] labels) {
        int size = rows.get(0).length + 1;
        double[] weights = new double[size];
        double loss = loss(rows, labels, weights);
        for (int step = 0; step < MOST_STEPS; step++) {
            double[] gradient = new double[size];
            double[][] curvature = new double[size][size];
            for (int n = 0; n < labels.length; n++) {
                double p = 1 / (1 + Math.exp(-logit(rows.get(n), weights)));
                for (int i = 0; i < size; i++) {
                    double x = input(rows.get(n), i);
                    if (x != 0) {
                        gradient[i] += (p - labels[n]) * x;
                        for (int j = 0; j < size; j++) {
                            curvature[i][j] += p * (1 - p) * x * input(rows.get(n), j);
                        }
                    }
                }
            }
            for (int i = 0; i < size; i++) {
                curvature[i][i] += RIDGE * labels.length;
            }
            double[] direction = solve(curvature, gradient);
            double before = loss;
            double[] moved = weights;
            for (double share = 1; share > 1e-9; share /= 2) {
                moved = weights.clone();
                for (int i = 0; i < size; i++) {
                    moved[i] -= share * direction[i];
                }
                loss = loss(rows, labels, moved);
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

    /** The bias comes last. */
    private static double input(double[] row, int i) {
        return i < row.length ? row[i] : 1;
    }

    private static double logit(double[] row, double[] weights) {
        double z = weights[row.length];
        for (int i = 0; i < row.length; i++) {
            z += weights[i] * row[i];
        }
        return z;
    }

    private static double loss(List<double[]> rows, double[] labels, double[] weights) {
        double loss = 0;
        for (int n = 0; n < labels.length; n++) {
            double z = logit(rows.get(n), weights);
            loss += Math.max(z, 0) - labels[n] * z + Math.log1p(Math.exp(-Math.abs(z)));
        }
        return loss / labels.length;
    }

    /** Solves a system with a positive matrix, which is overwritten, by Cholesky's decomposition. */
    private static double[] solve(double[][] a, double[] b) {
        int size = b.length;
        for (int j = 0; j < size; j++) {
            for (int k = 0; k < j; k++) {
                a[j][j] -= a[j][k] * a[j][k];
            }
            a[j][j] = Math.sqrt(a[j][j]);
            for (int i = j + 1; i < size; i++) {
                for (int k = 0; k < j; k++) {
                    a[i][j] -= a[i][k] * a[j][k];
                }
                a[i][j] /= a[j][j];
            }
        }
        double[] x = b.clone();
        for (int i = 0; i < size; i++) {
            for (int k = 0; k < i; k++) {
                x[i] -= a[i][k] * x[k];
            }
            x[i] /= a[i][i];
        }
        for (int i = size - 1; i >= 0; i--) {
            for (int k = i + 1; k < size; k++) {
                x[i] -= a[k][i] * x[k];
            }
            x[i] /= a[i][i];
        }
        return x;
    }
}
