package io.thalweg.crash;

import io.thalweg.avro.Example;
import java.util.List;

/** Logistic regression of dense examples as it stands in textbooks. */
final class Textbook {
    private final double[] w = new double[RandomInputs.DENSE_LENGTH];
    private double b;

    /** Predicts, and takes the step if there is a label. @return the probability before the step */
    double predictAndLearn(Example example, double alpha) {
        List<?> x = (List<?>) example.getFeatures();
        double z = 0;
        for (int i = 0; i < w.length; i++) {
            z += w[i] * (Double) x.get(i);
        }
        z += b;
        // the two ways to write it, each where its exponential does not overflow
        double a = z < 0 ? StrictMath.exp(z) / (1 + StrictMath.exp(z)) : 1 / (1 + StrictMath.exp(-z));
        if (example.getLabel() != null) {
            double g = alpha * example.getImportance() * (a - example.getLabel());
            for (int i = 0; i < w.length; i++) {
                w[i] -= g * (Double) x.get(i);
            }
            b -= g;
        }
        return a;
    }
}
