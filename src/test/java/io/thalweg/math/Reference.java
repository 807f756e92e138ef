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
    private final Largest[] largest;
    private final double[] v;
    private final double[] squares;
    private final double[] zeta;
    private double bias;
    private double biasSquares;
    private double biasZeta;
    private int steps;
    private int examples;

    /**
     * How many unusual values there have been lately, in eighths: three are a change, eight ordinary values undo one.
     */
    private static final class Evidence {
        private int parts;

        /** @return whether it is a change */
        boolean unusual() {
            parts += 8;
            if (parts < 24) {
                return false;
            }
            parts = 0;
            return true;
        }

        void ordinary(double value) {
            parts -= value == 0 || parts == 0 ? 0 : 1;
        }
    }

    /** The scale of a feature, from all its values since it last began anew. */
    static final class Scales {
        private final double prior;
        private final List<Double> values = new ArrayList<>();
        private Evidence evidence = new Evidence();
        /** How many examples do not count. */
        private int begin;

        double center;
        double inverse;
        double inverseLargest;
        double low = Double.POSITIVE_INFINITY;
        double high = Double.NEGATIVE_INFINITY;

        Scales(double prior) {
            this.prior = prior;
        }

        void take(double value, int examples) {
            double distance = Math.max(low - value, value - high);
            double widths = low < high ? distance / (high - low) : values.size() > 2 && low == 1 ? distance : 0;
            double far = 10 + 200.0 / values.size();
            if (widths > far / 10) {
                if (evidence.unusual()) {
                    beginAnew(value, examples);
                    return;
                }
                if (widths > far) {
                    begin++;
                    return;
                }
            } else {
                evidence.ordinary(value);
            }
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
            double mean = values.stream().mapToDouble(x -> x).sum() / count;
            double toEnd = Math.min(value - low, high - value);
            double width = high - low;
            double ofOneAlone = width * width * (1 - 1 / count);
            boolean close = toEnd > 0 ? toEnd < width / 100 : count > 2 && value == 1 && width > 10 + 200 / count;
            if (close && squares(mean) - ofOneAlone < width * width / 4) {
                beginAnew(value, examples);
                return;
            }
            center = mean * count / (examples - begin);
            double sum = prior * largest * largest + squares(center);
            inverse = sum > 1e-19 * count * largest * largest ? Math.sqrt((count + prior) / sum) : 0;
        }

        private double squares(double from) {
            return values.stream().mapToDouble(x -> (x - from) * (x - from)).sum();
        }

        private void beginAnew(double value, int examples) {
            values.clear();
            evidence = new Evidence();
            low = Double.POSITIVE_INFINITY;
            high = Double.NEGATIVE_INFINITY;
            begin = examples - 1;
            take(value, examples);
        }

        double inRange(double value) {
            return met() ? Math.max(low, Math.min(high, value)) : 0;
        }

        boolean met() {
            return !values.isEmpty();
        }
    }

    /** The largest |x| of a feature, from all its values since it last began anew. */
    static final class Largest {
        private final List<Double> sizes = new ArrayList<>();
        private Evidence evidence = new Evidence();

        void take(double value) {
            double size = Math.abs(value);
            double times = get() > 0 ? size / get() - 1 : 0;
            double far = 10 + 200.0 / sizes.size();
            if (times > far / 10) {
                if (evidence.unusual()) {
                    sizes.clear();
                } else if (times > far) {
                    return;
                }
            } else {
                evidence.ordinary(value);
            }
            if (sizes.size() == 1 && size < get() / 100 && size > 0) {
                sizes.clear();
                evidence = new Evidence();
            }
            if (size > 0) {
                sizes.add(size);
            }
        }

        double get() {
            return sizes.stream().mapToDouble(x -> x).max().orElse(0);
        }

        double inRange(double value) {
            return Math.max(-get(), Math.min(get(), value));
        }
    }

    Reference(LearnerSettings settings, int features) {
        algorithm = settings.algorithm();
        rate = settings.learningRate();
        options = settings.options();
        scales = new Scales[features];
        Arrays.setAll(scales, i -> new Scales(0));
        largest = new Largest[features];
        Arrays.setAll(largest, i -> new Largest());
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
            case MAX_ABS -> largest[i].get() == 0 ? 0 : 1 / largest[i].get();
            case STANDARD -> scales[i].inverse;
        };
    }

    private double inRange(int i, double value) {
        return switch (options.scaling()) {
            case NONE -> value;
            case MAX_ABS -> largest[i].inRange(value);
            case STANDARD -> scales[i].inRange(value);
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
            double value = has(x, i) ? inRange(i, raw[i]) : 0;
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
                largest[i].take(raw[i]);
                input[i] = (inRange(i, raw[i]) - center(i)) * inverse(i);
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
