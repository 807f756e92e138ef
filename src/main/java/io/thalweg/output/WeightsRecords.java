package io.thalweg.output;

import io.thalweg.avro.Weights;
import io.thalweg.math.FeatureForm;
import io.thalweg.math.Model;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** Creates the records of the weights topic: a whole model, or a block of it. */
public final class WeightsRecords {
    private static final char BLOCK_SEPARATOR = '\0';

    private WeightsRecords() {}

    /** Returns the key of a model that is one record. */
    public static byte[] key(String model) {
        return model.getBytes(StandardCharsets.UTF_8);
    }

    /**
     * Returns the key of a block: the model id, a NUL character, and the number of the block. No model id contains a
     * NUL, so keys are unique.
     */
    public static byte[] key(String model, int block) {
        return (model + BLOCK_SEPARATOR + block).getBytes(StandardCharsets.UTF_8);
    }

    /** Returns the model id in a key, whether it is that of a whole model or of a block. */
    public static String model(byte[] key) {
        String text = new String(key, StandardCharsets.UTF_8);
        int separator = text.indexOf(BLOCK_SEPARATOR);
        return separator < 0 ? text : text.substring(0, separator);
    }

    /**
     * Returns the record of a whole model as it is now.
     *
     * @param change the change since the model was last published; null if not known
     */
    public static Weights whole(Model model, @Nullable Double change) {
        WeightList list = listOfAll(model);
        for (int block = 0; block < model.blockEnd(); block++) {
            if (model.block(block) != null) {
                list.add(model, block, model.weights(block));
            }
        }
        return record(model, null, 1, list, change);
    }

    /**
     * Returns the record of a block as it is now.
     *
     * @param change the change since the block was last published; null if not known
     */
    public static Weights block(Model model, int block, @Nullable Double change) {
        return block(model, block, model.weights(block), change);
    }

    static Weights block(Model model, int block, double[] weights, @Nullable Double change) {
        WeightList list = new WeightList(model, block, block + 1, weights.length, false);
        list.add(model, block, weights);
        return record(model, block, model.blockCount(), list, change);
    }

    static WeightList listOfAll(Model model) {
        int blocks = (model.extent() + Model.BLOCK - 1) / Model.BLOCK;
        return new WeightList(model, 0, blocks, model.extent(), model.form() != FeatureForm.SPARSE);
    }

    static Weights record(
            Model model, @Nullable Integer block, int blocks, WeightList weights, @Nullable Double change) {
        return new Weights(
                model.id(),
                model.version(),
                block,
                blocks,
                model.bias(),
                weights,
                weights.norm(),
                change,
                model.learningRate(),
                model.windowBegin() < 0 ? null : (Long) (model.version() - model.windowBegin()));
    }
}
