package io.thalweg.output;

import io.thalweg.avro.Weight;
import io.thalweg.math.Model;
import java.util.AbstractList;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.RandomAccess;
import org.apache.avro.util.Utf8;

/**
 * The weights in a record, as arrays of numbers: a large model publishes a million a second, and of each there would be four objects.
 * Each {@link Weight} is made when it is asked for, and is the caller's.
 */
final class WeightList extends AbstractList<Weight> implements RandomAccess {
    private final boolean zerosToo;
    private final int firstBlock;
    /** By block, from the first on. */
    private final double[][] weights;
    /** What they were when the recent window began, if that is known; of a block null where it is the same. */
    private final float[][] then;

    private final boolean windowIsKnown;
    private final int[] features;
    private Utf8[] names;
    private int size;
    private double squares;

    /**
     * One without weights.
     *
     * @param end the blocks that will be added are from the first up to and without this
     * @param most how many weights there may be
     * @param zerosToo whether also those that are 0, or have not been met
     */
    WeightList(Model model, int firstBlock, int end, int most, boolean zerosToo) {
        this.zerosToo = zerosToo;
        this.firstBlock = firstBlock;
        weights = new double[end - firstBlock][];
        then = new float[end - firstBlock][];
        windowIsKnown = model.windowBegin() >= 0;
        features = new int[most];
    }

    /** Adds the weights of a block. @param blockWeights what {@link Model#weights} gives; kept */
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

    /** The L2 norm of the weights. */
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

    /** To the precision of a float of the weight's size; null where the weight is beyond the range of a float. */
    private static Double moved(double weight, float[] then, int at) {
        if (then == null) {
            return 0.0;
        }
        double moved = (double) (float) weight - (at < then.length ? then[at] : 0);
        return Double.isFinite(moved) ? (Double) moved : null;
    }

    /** One that the compiler sees through: writing the record makes no object of a weight then. */
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
