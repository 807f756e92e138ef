package io.thalweg.math;

/**
 * The weights and the bias of a model at a version.
 *
 * @param weights the weights by block; those beyond the end of an array are 0
 * @param bias the bias b
 */
public record WeightsSnapshot(double[][] weights, double bias) {
    /** The snapshot of a model that has taken no step. */
    public static final WeightsSnapshot ZERO = new WeightsSnapshot(new double[0][], 0);

    private static final double[] NO_WEIGHTS = {};

    /** Returns the weights and the bias of a model as they are now. */
    static WeightsSnapshot of(Model model) {
        double[][] weights = new double[model.blockEnd()][];
        for (int block = 0; block < weights.length; block++) {
            weights[block] = model.block(block) == null ? NO_WEIGHTS : model.weights(block);
        }
        return new WeightsSnapshot(weights, model.bias());
    }

    /**
     * Returns the Euclidean norm of the change of weights and bias between this snapshot and the model as it is now.
     */
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
     * Returns the squared Euclidean norm of the change of weights.
     *
     * @param then the weights before; those beyond the end of the array were 0
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
