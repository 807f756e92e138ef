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
 * The weights in a record, as numbers in arrays: a large model publishes a million a second, and of each there would be four objects.
 * Each {@link Weight} is made when it is asked for, and is the caller's.
 */
final class WeightList extends AbstractList<Weight> implements RandomAccess {
    private final int[] features;
    private final double[] weights;
    /** What they have moved by; not finite where that is not known. */
    private final double[] moved;

    private final double[] movedInBlock;
    private Utf8[] names;
    private int size;

    /** @param most how many there may be */
    WeightList(int most) {
        features = new int[most];
        weights = new double[most];
        moved = new double[most];
        movedInBlock = new double[Math.min(most, Model.BLOCK)];
    }

    /** Adds the weights of a block of a model. @param zerosToo whether also those that are 0, or have not been met */
    void add(Model model, int block, double[] blockWeights, boolean zerosToo) {
        int first = block * Model.BLOCK;
        boolean windowIsKnown = model.windowBegin() >= 0;
        if (windowIsKnown) {
            model.moved(block, blockWeights, movedInBlock);
        }
        int named = model.names().size();
        int end = zerosToo ? Math.min(Model.BLOCK, model.extent() - first) : blockWeights.length;
        for (int i = 0; i < end; i++) {
            double weight = i < blockWeights.length ? blockWeights[i] : 0;
            if (weight != 0 || zerosToo) {
                features[size] = first + i;
                weights[size] = weight;
                moved[size] = !windowIsKnown ? Double.NaN : i < blockWeights.length ? movedInBlock[i] : 0;
                if (first + i < named) {
                    if (names == null) {
                        names = new Utf8[features.length];
                    }
                    names[size] = new Utf8(model.names().get(first + i));
                }
                size++;
            }
        }
    }

    /** The L2 norm of the weights. */
    double norm() {
        double squares = 0;
        for (int i = 0; i < size; i++) {
            squares += weights[i] * weights[i];
        }
        return Math.sqrt(squares);
    }

    @Override
    public int size() {
        return size;
    }

    @Override
    public Weight get(int i) {
        Objects.checkIndex(i, size);
        Weight weight = new Weight();
        weight.setFeature(features[i]);
        weight.setName(names == null ? null : names[i]);
        weight.setWeight(weights[i]);
        weight.setMoved(Double.isFinite(moved[i]) ? (Double) moved[i] : null);
        return weight;
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
