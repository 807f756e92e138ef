package io.thalweg.math;

/**
 * Weights and bias of a model at a version.
 *
 * @param weights by block; what is beyond the end of an array is 0
 * @param bias b
 */
public record WeightsSnapshot(double[][] weights, double bias) {
    /** A model that has taken no step. */
    public static final WeightsSnapshot ZERO = new WeightsSnapshot(new double[0][], 0);

    private static final double[] NO_WEIGHTS = {};

    static WeightsSnapshot of(Model model) {
        double[][] weights = new double[model.blockEnd()][];
        for (int block = 0; block < weights.length; block++) {
            weights[block] = model.block(block) == null ? NO_WEIGHTS : model.weights(block);
        }
        return new WeightsSnapshot(weights, model.bias());
    }

    /** The Euclidean norm of what the weights and the bias of a model have changed by since this snapshot of it. */
    public double changeTo(Model model) {
        double square = (model.bias() - bias) * (model.bias() - bias);
        for (int block = 0; block < model.blockEnd(); block++) {
            if (model.block(block) != null) {
                square += squareOfChange(model.weights(block), block < weights.length ? weights[block] : NO_WEIGHTS);
            }
        }
        return Math.sqrt(square);
    }

    /**
     * The squared Euclidean norm of what weights have changed by.
     *
     * @param then what they were; what is beyond the end of the array was 0
     */
    public static double squareOfChange(double[] weights, double[] then) {
        double sum = 0;
        for (int i = 0; i < weights.length; i++) {
            double change = weights[i] - (i < then.length ? then[i] : 0);
            sum += change * change;
        }
        return sum;
    }
}
