package io.thalweg.output;

import io.thalweg.avro.Weight;
import io.thalweg.avro.Weights;
import io.thalweg.math.Form;
import io.thalweg.math.Model;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;
import org.apache.avro.util.Utf8;

/**
 * What is published of a model's weights, and when: a model of up to {@code recordMax} weights as one record, after every
 * {@code every} steps; a larger one as the blocks that have changed, when asked. Whatever is left over is published when asked.
 */
public final class WeightsRecords {
    private static final char BLOCK_SEPARATOR = '\0';

    private final int recordMax;
    private final int every;

    public WeightsRecords(int recordMax, int every) {
        this.recordMax = recordMax;
        this.every = every;
    }

    /** Where records go: their key, and the record or null for a tombstone. */
    public interface Sink extends BiConsumer<byte[], Weights> {}

    /** The key of a model that is one record. */
    public static byte[] key(String model) {
        return model.getBytes(StandardCharsets.UTF_8);
    }

    /** The key of a block: model id, NUL, number. No model id holds a NUL, so no two keys are the same. */
    public static byte[] key(String model, int block) {
        return (model + BLOCK_SEPARATOR + block).getBytes(StandardCharsets.UTF_8);
    }

    /** Publishes what a step calls for. @return whether all is published now */
    public boolean afterStep(Model model, Sink sink) {
        if (model.extent() > recordMax) {
            model.remember();
            return false;
        }
        if (model.version() % every == 0) {
            publishWhole(model, sink);
            return true;
        }
        model.remember();
        return false;
    }

    /** Publishes all of a model that has not been published. */
    public void publish(Model model, Sink sink) {
        if (model.publishedVersion() == model.version()) {
            return;
        }
        if (model.extent() > recordMax) {
            publishBlocks(model, sink);
        } else {
            publishWhole(model, sink);
        }
    }

    /** Takes back all that may have been published of a model that is no more. */
    public static void retract(Model model, Sink sink) {
        sink.accept(key(model.id()), null);
        retractBlocks(model, sink);
    }

    private static void retractBlocks(Model model, Sink sink) {
        for (int block = 0; block < model.blockEnd(); block++) {
            if (model.block(block) != null) {
                sink.accept(key(model.id(), block), null);
            }
        }
    }

    private void publishWhole(Model model, Sink sink) {
        if (model.publishedVersion() > 0 && !model.publishedWhole()) {
            // the bound has been raised since
            retractBlocks(model, sink);
        }
        List<Weight> weights = new ArrayList<>(model.extent());
        double squares = 0;
        double change = model.publishedVersion() == model.version() - 1
                ? square(model.lastChange())
                : square(model.biasChange());
        boolean step = model.publishedVersion() == model.version() - 1;
        for (int block = 0; block < model.blockEnd(); block++) {
            if (model.block(block) != null) {
                squares += addWeights(model, block, weights);
                change += step ? 0 : model.changeOf(block);
            }
        }
        sink.accept(key(model.id()), record(model, null, 1, weights, squares, change));
        model.published(true);
    }

    private void publishBlocks(Model model, Sink sink) {
        if (model.publishedWhole()) {
            sink.accept(key(model.id()), null);
            // the blocks that have not changed since were in the record that has just gone
            for (int block = 0; block < model.blockEnd(); block++) {
                if (model.block(block) != null && model.changedAt(block) <= model.publishedVersion()) {
                    publishBlock(model, block, sink);
                }
            }
        }
        Model.Changes changed = model.unpublished();
        for (int i = 0; i < changed.size(); i++) {
            publishBlock(model, changed.get(i), sink);
        }
        model.published(false);
    }

    private void publishBlock(Model model, int block, Sink sink) {
        List<Weight> weights = new ArrayList<>(Model.BLOCK);
        double squares = addWeights(model, block, weights);
        double change = model.changeOf(block) + square(model.biasChange());
        sink.accept(key(model.id(), block), record(model, block, model.blockCount(), weights, squares, change));
    }

    private static Weights record(
            Model model, Integer block, int blocks, List<Weight> weights, double squares, double change) {
        return new Weights(
                model.id(),
                model.version(),
                block,
                blocks,
                model.bias(),
                weights,
                Math.sqrt(squares),
                Double.isNaN(change) ? null : (Double) Math.sqrt(change),
                model.learningRate());
    }

    /** Adds the weights of a block; returns the sum of their squares. */
    private double addWeights(Model model, int block, List<Weight> weights) {
        double squares = 0;
        double[] values = model.block(block);
        boolean zerosToo = model.form() != Form.SPARSE && model.extent() <= recordMax;
        for (int i = 0; i < Model.BLOCK; i++) {
            int feature = block * Model.BLOCK + i;
            if (values[i] != 0 || zerosToo && feature < model.extent()) {
                Utf8 name =
                        feature < model.names().size() ? new Utf8(model.names().get(feature)) : null;
                weights.add(new Weight(feature, name, values[i]));
                squares += values[i] * values[i];
            }
        }
        return squares;
    }

    private static double square(double x) {
        return x * x;
    }
}
