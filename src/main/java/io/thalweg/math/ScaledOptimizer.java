package io.thalweg.math;

import io.thalweg.math.StepOptions.Scaling;

/**
 * An optimizer that learns one linear model by gradient descent on features x′ that may be scaled. With its weights v
 * and bias β, the logit is Σ v·x′ + β.
 *
 * <p><b>Scaling.</b>
 *
 * <ul>
 *   <li>{@code none}: x′ = x.
 *   <li>{@code max-abs}: x′ is x divided by the largest |x| so far.
 *   <li>{@code standard}: x′ = (x − m)/s, with center m and deviation s as in {@link FeatureScale}. An absent feature
 *       counts as x = 0, so its x′ is −m/s. A feature that has only been 0 or 1 is not scaled, and x′ of a constant
 *       feature is 0.
 * </ul>
 *
 * <p>Scales follow the examples that were learned from with an importance above 0. A step updates them before the
 * weights. It leaves v as it is when a scale moves, so results do not depend on the units of the features. In a
 * prediction, a value outside the range so far counts as the end of that range; an outlier, as in {@link FeatureScale},
 * also in the step. In raw units, w = v/s and b = β − Σ
 * v·m/s.
 *
 * <p><b>Gradient.</b> c·(a − y)·(x′, 1), with the probability a that was predicted. {@link StepOptions#clip} can limit
 * its norm. An example of importance 0 changes only the version.
 *
 * <p><b>State</b> (see {@link Optimizer}). For each feature: the numbers of the subclass, then its scale, which is a
 * {@link FeatureScale}; with {@code max-abs} only its part for the largest |x|. Shared: the numbers of the
 * subclass, then with {@code standard} the number of examples and the offset Σ v·m/s over all features.
 */
abstract sealed class ScaledOptimizer extends Optimizer permits PenalizedOptimizer, Ftrl {
    final StepOptions options;

    private final LearningRate rate;
    private final boolean standard;
    private final boolean maxAbs;
    /** Offset of the scale in the state of a feature. */
    private final int scale;

    private final int width;
    /** Offset of the number of examples in the shared state. */
    private final int examples;
    /** Offset of Σ v·m/s in the shared state. */
    private final int offset;
    /** x′ of the example of the step under way. */
    private double[] inputs = new double[64];

    /**
     * Creates an optimizer with the scaling and clipping of the settings.
     *
     * @param own how many numbers the subclass keeps for each feature
     * @param ownShared how many numbers the subclass keeps in the shared state
     */
    ScaledOptimizer(LearnerSettings settings, int own, int ownShared) {
        options = settings.options();
        rate = settings.learningRate();
        standard = options.scaling() == Scaling.STANDARD;
        maxAbs = options.scaling() == Scaling.MAX_ABS;
        scale = own;
        width = own + (standard ? FeatureScale.WIDTH : maxAbs ? FeatureScale.WIDTH_ALONE : 0);
        examples = ownShared;
        offset = ownShared + 1;
    }

    @Override
    final int width() {
        return width;
    }

    @Override
    final double[] initialState() {
        return new double[standard ? offset + 1 : examples];
    }

    /** Returns the weight v of a feature, up to date. */
    abstract double scaledWeight(double[] shared, double[] block, int at);

    /** Returns the bias β. */
    abstract double scaledBias(double[] shared);

    /** Brings the state of a feature up to date, so that v is in it as {@link #scaledWeight} returns it. */
    abstract void bringUpToDate(double[] shared, double[] block, int at);

    /**
     * Moves weights and bias. The features are up to date, the scales have moved, and the importance is above 0.
     *
     * @param inputs x′
     * @param norm 1 + ‖x′‖²
     * @param z the logit that was predicted
     * @param alpha the learning rate
     * @param gradient c·(a − y), clipped
     */
    abstract void move(Model model, Example x, double[] inputs, double norm, double z, double alpha, double gradient);

    @Override
    final double weight(double[] shared, double[] block, int at) {
        double v = scaledWeight(shared, block, at);
        // 0 and not −0
        return v == 0 ? 0 : v * inverse(block, at);
    }

    @Override
    final double bias(Model model) {
        double[] shared = model.shared();
        return standard ? scaledBias(shared) - shared[offset] : scaledBias(shared);
    }

    @Override
    final double logit(Model model, Example x) {
        makeRoomForSlots(x.size());
        double[] shared = model.shared();
        model.find(x, slots);
        double z = 0;
        for (int k = 0; k < x.size(); k++) {
            int i = x.indices()[k];
            if (i != Example.UNMET) {
                int at = model.at(i);
                double[] block = model.blockOf(slots[k], at);
                z += contribution(shared, block, at, x.values()[k]);
            }
        }
        return z + bias(model);
    }

    @Override
    final double contribution(double[] shared, double[] block, int at, double value) {
        return scaledWeight(shared, block, at) * (inRange(block, at, value) * inverse(block, at));
    }

    @Override
    final boolean step(Model model, Example x, double z, double a) {
        double alpha = rate.at(model.version());
        if (!isTame(model, x, alpha)) {
            return false;
        }
        model.advance(alpha);
        double c = x.importance();
        if (c == 0) {
            return true;
        }
        double norm = scale(model, x);
        double gradient = c * residual(x, a);
        if (options.clip() > 0) {
            double size = Math.abs(gradient) * Math.sqrt(norm);
            if (size > options.clip()) {
                gradient *= options.clip() / size;
            }
        }
        move(model, x, inputs, norm, z, alpha, gradient);
        return true;
    }

    /** Returns whether squares of gradients, and sums of squares, stay finite. */
    private boolean isTame(Model model, Example x, double alpha) {
        double limit = FeatureScale.LARGEST / Math.max(1, x.importance());
        boolean tame = limit >= 1 && alpha <= FeatureScale.LARGEST;
        for (int k = 0; k < x.size(); k++) {
            double value = x.values()[k];
            tame &= Math.abs(value) <= limit || isOutlier(model, slots[k], model.at(x.indices()[k]), value);
        }
        return tame;
    }

    /** Returns whether a value counts as the end of the range so far. */
    private boolean isOutlier(Model model, int slot, int at, double value) {
        double[] block = model.blockOf(slot, at);
        return standard && FeatureScale.isOutlier(block, at + scale, value)
                || maxAbs && FeatureScale.isOutlierAlone(block, at + scale, value);
    }

    /**
     * Brings the features up to date, updates the scales with the example and computes its x′.
     *
     * @return 1 + ‖x′‖²
     */
    private double scale(Model model, Example x) {
        double[] shared = model.shared();
        if (inputs.length < x.size()) {
            inputs = new double[x.size() * 2];
        }
        if (standard) {
            shared[examples]++;
        }
        model.touch(x, slots);
        for (int k = 0; k < x.size(); k++) {
            double[] block = model.touched(slots[k]);
            int at = model.at(x.indices()[k]);
            bringUpToDate(shared, block, at);
            if (standard) {
                double moved = FeatureScale.take(block, at + scale, x.values()[k], shared[examples], 0);
                if (moved != 0) {
                    shared[offset] += scaledWeight(shared, block, at) * moved;
                }
            } else if (maxAbs) {
                FeatureScale.takeLargest(block, at + scale, x.values()[k]);
            }
        }
        // in a second pass, because a feature may be there twice, and both then have the later scale
        double norm = 1;
        for (int k = 0; k < x.size(); k++) {
            double[] block = model.touched(slots[k]);
            int at = model.at(x.indices()[k]);
            double center = standard ? block[at + scale + FeatureScale.CENTER] : 0;
            inputs[k] = (inRange(block, at, x.values()[k]) - center) * inverse(block, at);
            norm += inputs[k] * inputs[k];
        }
        return norm;
    }

    /** Returns a value of a feature, limited to the range so far if the feature is scaled. */
    final double inRange(double[] block, int at, double value) {
        return standard
                ? FeatureScale.inRange(block, at + scale, value)
                : maxAbs ? FeatureScale.inRangeAlone(block, at + scale, value) : value;
    }

    /** Returns 1/s of a feature. */
    private double inverse(double[] block, int at) {
        return standard
                ? block[at + scale + FeatureScale.INVERSE]
                : maxAbs ? FeatureScale.inverse(block[at + scale + FeatureScale.LARGEST_ALONE]) : 1;
    }

    /** Returns m/s of a feature. */
    final double center(double[] block, int at) {
        return standard ? block[at + scale + FeatureScale.CENTER] * block[at + scale + FeatureScale.INVERSE] : 0;
    }

    /** Accounts for a move of v in the offset. Must be called for every move. */
    final void weightMoved(double[] shared, double[] block, int at, double by) {
        if (standard) {
            shared[offset] += by * center(block, at);
        }
    }
}
