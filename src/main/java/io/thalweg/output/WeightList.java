package io.thalweg.output;

import io.thalweg.avro.Weight;
import io.thalweg.math.Model;
import java.util.AbstractList;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.RandomAccess;
import org.apache.avro.util.Utf8;
import org.jspecify.annotations.Nullable;

/**
 * The weights in a record, held as arrays of numbers. A large model publishes very many weights, and as objects each
 * would take four. A {@link Weight} is created when it is asked for, and belongs to the caller.
 */
final class WeightList extends AbstractList<Weight> implements RandomAccess {
    private final boolean zerosToo;
    private final int firstBlock;
    /** The weights by block, from the first block on. */
    private final double[][] weights;
    /**
     * The weights at the beginning of the recent window, if they are known; null for a block in which they are the
     * same.
     */
    private final float[] @Nullable [] then;

    private final boolean windowIsKnown;
    private final int[] features;
    private @Nullable Utf8 @Nullable [] names;
    private int size;
    private double squares;

    /**
     * Creates a list without weights.
     *
     * @param firstBlock the first block that may be added
     * @param end one more than the last block that may be added
     * @param most how many weights there may be
     * @param zerosToo whether to include weights that are 0, and features that have not been met
     */
    WeightList(Model model, int firstBlock, int end, int most, boolean zerosToo) {
        this.zerosToo = zerosToo;
        this.firstBlock = firstBlock;
        weights = new double[end - firstBlock][];
        then = new float[end - firstBlock][];
        windowIsKnown = model.windowBegin() >= 0;
        features = new int[most];
    }

    /**
     * Adds the weights of a block.
     *
     * @param blockWeights what {@link Model#weights} returns; kept, not copied
     */
    void add(Model model, int block, double[] blockWeights) {
        weights[block - firstBlock] = blockWeights;
        if (windowIsKnown) {
            then[block - firstBlock] = model.weightsThen(block, blockWeights);
        }
        int first = block * Model.BLOCK;
        int end = zerosToo ? Math.min(Model.BLOCK, model.extent() - first) : blockWeights.length;
        int named = model.names().size();
        for (int i = 0; i < end; i++) {
            double weight = i < blockWeights.length ? blockWeights[i] : 0;
            if (weight != 0 || zerosToo) {
                if (first + i < named) {
                    if (names == null) {
                        names = new Utf8[features.length];
                    }
                    names[size] = new Utf8(model.names().get(first + i));
                }
                features[size++] = first + i;
                squares += weight * weight;
            }
        }
    }

    /** Returns the L2 norm of the weights. */
    double norm() {
        return Math.sqrt(squares);
    }

    @Override
    public int size() {
        return size;
    }

    @Override
    public Weight get(int i) {
        Objects.checkIndex(i, size);
        int block = features[i] / Model.BLOCK - firstBlock;
        int at = features[i] % Model.BLOCK;
        Weight weight = new Weight();
        weight.setFeature(features[i]);
        weight.setName(names == null ? null : names[i]);
        weight.setWeight(at < weights[block].length ? weights[block][at] : 0);
        weight.setMoved(windowIsKnown ? moved(weight.getWeight(), then[block], at) : null);
        return weight;
    }

    /**
     * Returns how far a weight has moved, with the precision of a float of the weight's size; null if the weight is
     * beyond the range of a float.
     */
    private static @Nullable Double moved(double weight, float @Nullable [] then, int at) {
        if (then == null) {
            return 0.0;
        }
        double moved = (double) (float) weight - (at < then.length ? then[at] : 0);
        return Double.isFinite(moved) ? (Double) moved : null;
    }

    /** Returns an iterator that the compiler can inline, so that it creates no objects when a record is written. */
    @Override
    public Iterator<Weight> iterator() {
        return new Iterator<>() {
            private int next;

            @Override
            public boolean hasNext() {
                return next < size;
            }

            @Override
            public Weight next() {
                if (next == size) {
                    throw new NoSuchElementException();
                }
                return get(next++);
            }
        };
    }
}
