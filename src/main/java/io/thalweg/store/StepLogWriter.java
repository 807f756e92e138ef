package io.thalweg.store;

import io.thalweg.math.Example;
import io.thalweg.math.PredictionResult;
import io.thalweg.math.StepTarget;
import org.jspecify.annotations.Nullable;

/**
 * Writes the entries of the {@link Journal}: the steps of all models, in the order in which they were taken.
 * {@link StepLogReader} reads them, so that they can be taken again. A step is written as its example with resolved
 * features. For a large model that is much less than what the steps have changed. Because all models share one log,
 * writing a step does not touch any data of its model, which with thousands of models would be in no cache.
 *
 * <p>An entry begins with the number of the model, its version, and a byte of flags. The rest depends on what the entry
 * says:
 *
 * <ul>
 *   <li>A step, whose version is the one before it, has the number of features; the label, unless it is 0 or 1; the
 *       importance, unless it is 1; the target and the prediction, if the label came later; and the features, as in
 *       {@link FeatureCodec}.
 *   <li>The publication of a version has nothing else.
 * </ul>
 */
final class StepLogWriter {
    /** The largest size of an entry, in bytes. A step that might be larger is not written. */
    private static final int LONGEST = 1 << 18;

    // flags, beside those of FeatureCodec
    static final int POSITIVE = 1;
    static final int OTHER_LABEL = 2;
    static final int OTHER_IMPORTANCE = 4;
    static final int PUBLISHED = 64;
    /** The label came later: the entry has a target and a prediction. */
    static final int LATE = 128;
    /** With {@link #PUBLISHED}: published as one record. */
    static final int WHOLE = 1;

    private final PackedWriter out = new PackedWriter();

    /** Returns the size in bytes. */
    int size() {
        return out.size();
    }

    /** Removes all entries. */
    void clear() {
        out.clear();
    }

    /**
     * Copies all entries.
     *
     * @param to an array with enough room
     * @param from where in that array the first entry is to begin
     */
    void copyTo(byte[] to, int from) {
        System.arraycopy(out.bytes(), 0, to, from, out.size());
    }

    /**
     * Writes a step.
     *
     * @param model the number of the model
     * @param version the version of the model before the step
     * @param x the example, its features resolved
     * @return whether it was written: a step that might be larger than {@value #LONGEST} bytes is not
     */
    boolean add(int model, long version, Example x) {
        return add(model, version, x, null, StepTarget.LABEL, 0);
    }

    /**
     * Writes a step for an event whose label came later.
     *
     * @param model the number of the model
     * @param version the version of the model before the step
     * @param x the example, its features resolved
     * @param served the prediction that the step is for
     * @param earlierLabel the label that the target revises, if it does
     * @return whether it was written: a step that might be larger than {@value #LONGEST} bytes is not
     */
    boolean addLate(
            int model, long version, Example x, PredictionResult served, StepTarget target, double earlierLabel) {
        return add(model, version, x, served, target, earlierLabel);
    }

    private boolean add(
            int model,
            long version,
            Example x,
            @Nullable PredictionResult served,
            StepTarget target,
            double earlierLabel) {
        long most = 40L + FeatureCodec.mostBytes(x.size());
        if (most > LONGEST) {
            return false;
        }
        out.makeRoom((int) most + 64);
        out.putNumber(model);
        out.putNumber(version);
        int flags = flags(x) | (served == null ? 0 : LATE);
        out.putByte(flags);
        out.putNumber(x.size());
        if ((flags & OTHER_LABEL) != 0) {
            out.putDouble(x.label());
        }
        if ((flags & OTHER_IMPORTANCE) != 0) {
            out.putDouble(x.importance());
        }
        if (served != null) {
            out.putByte(target.ordinal());
            out.putDouble(earlierLabel);
            putPrediction(out, served);
            out.makeRoom((int) most);
        }
        FeatureCodec.putIndices(out, x, flags);
        FeatureCodec.putValues(out, x, flags);
        return true;
    }

    /** Writes a prediction, which {@link StepLogReader#readPrediction} reads. */
    static void putPrediction(PackedWriter out, PredictionResult prediction) {
        double[] experts = prediction.expertLogits();
        out.makeRoom(2 * PackedWriter.LONGEST_NUMBER + (1 + experts.length) * Double.BYTES);
        out.putNumber(prediction.version());
        out.putDouble(prediction.logit());
        out.putNumber(experts.length);
        for (double logit : experts) {
            out.putDouble(logit);
        }
    }

    /**
     * Writes that a version of a model was published.
     *
     * @param whole whether as one record
     */
    void addPublished(int model, long version, boolean whole) {
        out.makeRoom(40);
        out.putNumber(model);
        out.putNumber(version);
        out.putByte(whole ? PUBLISHED | WHOLE : PUBLISHED);
    }

    private static int flags(Example x) {
        int flags = FeatureCodec.flags(x);
        if (x.label() == 1) {
            flags |= POSITIVE;
        } else if (Double.doubleToRawLongBits(x.label()) != 0) {
            flags |= OTHER_LABEL;
        }
        return x.importance() == 1 ? flags : flags | OTHER_IMPORTANCE;
    }
}
