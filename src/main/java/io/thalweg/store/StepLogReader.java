package io.thalweg.store;

import io.thalweg.math.Example;
import io.thalweg.math.FeatureForm;
import io.thalweg.math.PredictionResult;
import io.thalweg.math.StepTarget;

/**
 * Reads the entries that {@link StepLogWriter} has written, one after the other. If they are damaged, it throws an
 * IndexOutOfBoundsException or reads something else.
 */
final class StepLogReader {
    private static final StepTarget[] TARGETS = StepTarget.values();

    private final PackedReader in;
    private int model;
    private long version;
    private int flags;
    private final Example x = new Example();

    private StepTarget target = StepTarget.LABEL;
    private double earlierLabel;
    private final PredictionResult served = new PredictionResult();

    /**
     * Creates a reader.
     *
     * @param bytes an array that ends with the last entry
     * @param from where the first entry begins
     */
    StepLogReader(byte[] bytes, int from) {
        in = new PackedReader(bytes, from);
    }

    /**
     * Moves to the next entry.
     *
     * @return whether there is one
     */
    boolean next() {
        if (in.isAtEnd()) {
            return false;
        }
        model = (int) in.getNumber();
        version = in.getNumber();
        flags = in.getByte();
        if (!isPublished()) {
            readStep();
        }
        return true;
    }

    /** Returns the number of the model that the entry is about. */
    int model() {
        return model;
    }

    /** Returns the version of the model: the one before the step, or the one that was published. */
    long version() {
        return version;
    }

    /** Returns whether the entry says that a version was published. If not, it is a step. */
    boolean isPublished() {
        return (flags & StepLogWriter.PUBLISHED) != 0;
    }

    /** Returns whether the version was published as one record. */
    boolean whole() {
        return (flags & StepLogWriter.WHOLE) != 0;
    }

    /** Returns the example of the step, its features resolved. The object is reused for the next entry. */
    Example example() {
        return x;
    }

    /** Returns whether the label came later. If not, the prediction can be made again. */
    boolean isLate() {
        return (flags & StepLogWriter.LATE) != 0;
    }

    /** Returns the prediction that the step is for. The object is reused for the next entry. */
    PredictionResult served() {
        return served;
    }

    /** Returns the target of the step. */
    StepTarget target() {
        return target;
    }

    /** Returns the label that the target revises. */
    double earlierLabel() {
        return earlierLabel;
    }

    private void readStep() {
        x.clear();
        x.form(FeatureForm.SPARSE);
        int features = (int) in.getNumber();
        x.label((flags & StepLogWriter.OTHER_LABEL) != 0 ? in.getDouble() : flags & StepLogWriter.POSITIVE);
        if ((flags & StepLogWriter.OTHER_IMPORTANCE) != 0) {
            x.importance(in.getDouble());
        }
        if ((flags & StepLogWriter.LATE) != 0) {
            target = TARGETS[in.getByte()];
            earlierLabel = in.getDouble();
            readPrediction(in, served);
        } else {
            target = StepTarget.LABEL;
        }
        FeatureCodec.readIndices(in, x, features, flags);
        FeatureCodec.readValues(in, x, features, flags);
    }

    /** Reads a prediction that {@link StepLogWriter#putPrediction} has written. */
    static void readPrediction(PackedReader in, PredictionResult prediction) {
        long version = in.getNumber();
        double logit = in.getDouble();
        double[] experts = new double[(int) in.getNumber()];
        for (int i = 0; i < experts.length; i++) {
            experts[i] = in.getDouble();
        }
        prediction.restore(logit, version, experts);
    }
}
