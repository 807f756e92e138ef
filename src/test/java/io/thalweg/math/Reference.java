package io.thalweg.math;

import io.thalweg.math.StepOptions.Scaling;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * {@code sgd}, {@code adagrad} and {@code ftrl} as in their papers, over all weights at every step, with scales worked
 * out anew from all values there have been. Slow, and nothing is put off.
 */
final class Reference {
    private final Algorithm algorithm;
    private final LearningRate rate;
    private final StepOptions options;
    private final Scales[] scales;
    private final double[] v;
    private final double[] squares;
    private final double[] zeta;
    private double bias;
    private double biasSquares;
    private double biasZeta;
    private int steps;
    private int examples;

    /** The scale of a feature, from all its values. */
    static final class Scales {
        private final double prior;
        private final List<Double> values = new ArrayList<>();
        double center;
        double inverse;
        double inverseLargest;
        double low = Double.POSITIVE_INFINITY;
        double high = Double.NEGATIVE_INFINITY;

        Scales(double prior) {
            this.prior = prior;
        }

        void take(double value, int examples) {
            boolean beyond = value < low || value > high || values.stream().allMatch(x -> x == 0 || x == 1);
            values.add(value);
            low = Math.min(low, value);
            high = Math.max(high, value);
            double count = values.size();
            double largest = values.stream().mapToDouble(Math::abs).max().orElseThrow();
            inverseLargest = largest == 0 ? 0 : 1 / largest;
            if (values.stream().allMatch(x -> x == 0 || x == 1)) {
                center = 0;
                inverse = 1;
                return;
            }
            // from 64 values on only 64 times while they double: every 2nd from 128 on, every 4th from 256 on, …
            int every = 1;
            while (every * 128 <= values.size()) {
                every *= 2;
            }
            if (!beyond && values.size() % every != 0) {
                return;
            }
            center = values.stream().mapToDouble(x -> x).sum() / examples;
            double sum = prior * largest * largest;
            for (double x : values) {
                sum += (x - center) * (x - center);
            }
            inverse = sum > 1e-19 * count * largest * largest ? Math.sqrt((count + prior) / sum) : 0;
        }

        double inRange(double value) {
            return met() ? Math.max(low, Math.min(high, value)) : 0;
        }

        boolean met() {
            return !values.isEmpty();
        }
    }

    Reference(LearnerSettings settings, int features) {
        algorithm = settings.algorithm();
        rate = settings.learningRate();
        options = settings.options();
        scales = new Scales[features];
        Arrays.setAll(scales, i -> new Scales(0));
        v = new double[features];
        squares = new double[features];
        zeta = new double[features];
    }

    /** Weights in raw units, and the bias after them. */
    double[] published() {
        double[] published = Arrays.copyOf(v, v.length + 1);
        published[v.length] = bias;
        for (int i = 0; i < v.length; i++) {
            published[i] = v[i] * inverse(i);
            published[v.length] -= published[i] * center(i);
        }
        return published;
    }

    private double center(int i) {
        return options.scaling() == Scaling.STANDARD ? scales[i].center : 0;
    }

    private double inverse(int i) {
        return switch (options.scaling()) {
            case NONE -> 1;
            case MAX_ABS -> scales[i].inverseLargest;
            case STANDARD -> scales[i].inverse;
        };
    }

    /** Predicts, learns, and gives the logit that was predicted. */
    double logit(Example x) {
        double z = bias;
        double[] raw = new double[v.length];
        for (int k = 0; k < x.size(); k++) {
            raw[x.indices()[k]] = x.values()[k];
        }
        for (int i = 0; i < v.length; i++) {
            double value = raw[i];
            boolean there = has(x, i);
            if (there && options.scaling() == Scaling.STANDARD) {
                value = scales[i].inRange(value);
            } else if (there && options.scaling() == Scaling.MAX_ABS && scales[i].met()) {
                double largest =
                        scales[i].values.stream().mapToDouble(Math::abs).max().orElseThrow();
                value = Math.max(-largest, Math.min(largest, value));
            }
            z += v[i] * (value - center(i)) * inverse(i);
        }
        double alpha = rate.at(steps++);
        double c = x.importance();
        if (c == 0) {
            return z;
        }
        examples++;
        double[] input = new double[v.length];
        double norm = 1;
        for (int i = 0; i < v.length; i++) {
            if (has(x, i)) {
                scales[i].take(raw[i], examples);
                input[i] = (raw[i] - center(i)) * inverse(i);
                norm += input[i] * input[i];
            }
        }
        double gradient = c * (1 / (1 + Math.exp(-z)) - x.label());
        if (options.clip() > 0) {
            gradient *= Math.min(1, options.clip() / (Math.abs(gradient) * Math.sqrt(norm)));
        }
        for (int i = 0; i < v.length; i++) {
            v[i] = stepped(i, gradient * input[i], alpha, c);
        }
        switch (algorithm) {
            case SGD -> bias -= alpha * gradient;
            case ADAGRAD -> {
                biasSquares += gradient * gradient;
                bias -= alpha * gradient / (Math.sqrt(biasSquares) + 1e-8);
            }
            default -> {
                double n = biasSquares + gradient * gradient;
                biasZeta += gradient - (Math.sqrt(n) - Math.sqrt(biasSquares)) / alpha * bias;
                biasSquares = n;
                bias = -biasZeta * alpha / (options.ftrlBeta() + Math.sqrt(n));
            }
        }
        return z;
    }

    private static boolean has(Example x, int i) {
        return Arrays.stream(x.indices(), 0, x.size()).anyMatch(index -> index == i);
    }

    private double stepped(int i, double g, double alpha, double c) {
        double before = squares[i];
        squares[i] += g * g;
        switch (algorithm) {
            case SGD:
                double reach = options.l2() == 0 ? alpha * c : Math.min(alpha * c, (1 - 1e-16) / options.l2());
                return truncated(v[i] - alpha * g - reach * options.l2() * v[i], reach * options.l1());
            case ADAGRAD:
                if (squares[i] == 0) {
                    return 0;
                }
                double eta = alpha / (Math.sqrt(squares[i]) + 1e-8);
                double kept = Math.exp(-eta * c * options.l2());
                return truncated(
                        v[i] * kept - eta * g,
                        options.l2() == 0
                                ? eta * c * options.l1()
                                : -Math.expm1(-eta * c * options.l2()) / options.l2() * options.l1());
            default:
                zeta[i] += g - (Math.sqrt(squares[i]) - Math.sqrt(before)) / alpha * v[i];
                return Math.abs(zeta[i]) <= options.l1()
                        ? 0
                        : -(zeta[i] - Math.signum(zeta[i]) * options.l1())
                                / ((options.ftrlBeta() + Math.sqrt(squares[i])) / alpha + options.l2());
        }
    }

    private static double truncated(double u, double charge) {
        return Math.signum(u) * Math.max(0, Math.abs(u) - charge);
    }
}
