package io.thalweg.output;

import io.thalweg.avro.Weights;
import io.thalweg.math.ChangedBlocks;
import io.thalweg.math.Model;
import io.thalweg.math.WeightsSnapshot;
import java.util.Arrays;
import java.util.function.BiConsumer;

/**
 * What the weights topic holds of a model, and the one that publishes there: a model of up to {@code recordMax} weights as one record,
 * after every {@code every} steps; a larger one as the blocks that have changed, when asked. Whatever is left over is published when
 * asked.
 *
 * <p>Where an optimizer mixes several experts, all weights move with their shares, and penalties move all of them too. A block that no
 * step has touched stays as it was published until a share has moved, or penalties have taken, more than {@value #UNTOUCHED_CHANGE_MAX};
 * then all blocks are published.
 *
 * <p>To say what a record changes, it knows what was published: of a block that weights move in by steps alone, the weights are kept
 * when a step first touches it since; of others, when they are published.
 */
public final class PublishedWeights {
    private static final double UNTOUCHED_CHANGE_MAX = 0.01;

    /** A block that was not there. What is beyond the end of such an array was 0. */
    private static final double[] NOTHING = {};

    private static final double[][] NOT_KEPT = {};

    private Model model;
    private ChangedBlocks changed;
    private boolean movesUntouched;

    private long version;
    private boolean whole;
    private boolean waits;
    /** By slot, what was published of the blocks that may differ from it now; only as long as it has to be. */
    private double[][] before = NOT_KEPT;

    private double biasBefore;
    /** What untouched weights follow, as it was when all blocks were last published; null if that is not known. */
    private double[] factorsBefore;

    /**
     * When and how weights are published.
     *
     * @param recordMax the most weights that a model may have to be published as one record
     * @param every after how many steps such a model is published
     */
    public record Policy(int recordMax, int every) {}

    /** Takes the records to publish: the key, and the record or null for a tombstone. */
    public interface Sink extends BiConsumer<byte[], Weights> {}

    /** What is known of a model that is to be restored: nothing yet. */
    public PublishedWeights() {}

    // ---- what is published

    /** The version that the weights topic holds; 0 if none. */
    public long version() {
        return version;
    }

    /** Whether the weights topic holds the model as one record. */
    public boolean isWhole() {
        return whole;
    }

    /** Whether the weights topic holds the model as it is. */
    public boolean isCurrent() {
        return version == model.version();
    }

    /** The blocks whose changes the weights topic does not hold yet. */
    public ChangedBlocks changed() {
        return changed;
    }

    /** Whether the model waits to be published. */
    public boolean waits() {
        return waits;
    }

    /** Says whether it waits, which only who keeps those that wait may do. */
    public void waits(boolean waiting) {
        waits = waiting;
    }

    /** Sets what is published, as it was written to the changelog. */
    public void restore(long publishedVersion, boolean asOneRecord) {
        version = publishedVersion;
        whole = asOneRecord;
    }

    /** Sets what is published, if that is later than what is known. */
    public void restoreLater(long publishedVersion, boolean asOneRecord) {
        if (publishedVersion > version) {
            restore(publishedVersion, asOneRecord);
        }
    }

    /**
     * Begins to follow a model, new or just restored. What has changed since it was published is published next. What it was when it
     * was published is known only where it has not changed since.
     */
    public void begin(Model followed) {
        model = followed;
        movesUntouched = model.movesUntouched();
        changed = model.track(version, this::keep);
        boolean isCurrent = isCurrent();
        biasBefore = isCurrent ? model.bias() : Double.NaN;
        factorsBefore = null;
        before = NOT_KEPT;
        if (movesUntouched && isCurrent && whole) {
            for (int block = 0; block < model.blockEnd(); block++) {
                if (model.block(block) != null) {
                    keep(model.slot(block), model.weights(block));
                }
            }
        }
    }

    /** The same for a model that goes on from another: the weights topic holds that one, and the weights are the same. */
    public PublishedWeights under(Model next) {
        PublishedWeights published = new PublishedWeights();
        published.restore(version, whole);
        published.begin(next);
        return published;
    }

    /** A step is about to change a block that the weights topic holds as it is, or that begins. */
    private void keep(int slot, int block, boolean isNew) {
        if (isNew) {
            keep(slot, NOTHING);
        } else if (!movesUntouched && kept(slot) == null) {
            keep(slot, model.weights(block));
        }
    }

    private double[] kept(int slot) {
        return slot < before.length ? before[slot] : null;
    }

    private void keep(int slot, double[] weights) {
        if (slot >= before.length) {
            before = Arrays.copyOf(before, Math.max(slot + 1, 2 * before.length));
        }
        before[slot] = weights;
    }

    // ---- publishing

    /** Publishes what a step calls for. @return whether all is published now */
    public boolean afterStep(Policy policy, Sink sink) {
        if (model.extent() > policy.recordMax || model.version() % policy.every != 0) {
            return false;
        }
        publishWhole(sink);
        return true;
    }

    /** Publishes all that has not been published. */
    public void publish(Policy policy, Sink sink) {
        if (isCurrent()) {
            return;
        }
        if (model.extent() > policy.recordMax) {
            publishBlocks(sink);
        } else {
            publishWhole(sink);
        }
    }

    /** Takes back all that may have been published of the model, which is no more. */
    public void retract(Sink sink) {
        sink.accept(WeightsRecords.key(model.id()), null);
        retractBlocks(sink);
    }

    private void retractBlocks(Sink sink) {
        for (int block = 0; block < model.blockEnd(); block++) {
            if (model.block(block) != null) {
                sink.accept(WeightsRecords.key(model.id(), block), null);
            }
        }
    }

    private void publishWhole(Sink sink) {
        if (version > 0 && !whole) {
            // weights.record.max has been raised since: blocks and record must not stand side by side
            retractBlocks(sink);
        }
        WeightList list = WeightsRecords.listOfAll(model);
        double change = square(model.bias() - biasBefore);
        for (int block = 0; block < model.blockEnd(); block++) {
            if (model.block(block) != null) {
                double[] weights = model.weights(block);
                change += changeOf(block, weights);
                list.add(model, block, weights);
                keep(model.slot(block), weights);
            }
        }
        sink.accept(WeightsRecords.key(model.id()), WeightsRecords.record(model, null, 1, list, root(change)));
        published(true, true);
    }

    private void publishBlocks(Sink sink) {
        if (whole) {
            sink.accept(WeightsRecords.key(model.id()), null);
        }
        // the blocks that have not changed since were in the record that has just gone, or they have moved untouched
        boolean all = whole || untouchedChange() > UNTOUCHED_CHANGE_MAX;
        if (all) {
            for (int block = 0; block < model.blockEnd(); block++) {
                if (model.block(block) != null) {
                    publishBlock(block, sink);
                }
            }
        } else {
            for (int i = 0; i < changed.size(); i++) {
                publishBlock(changed.get(i), sink);
            }
        }
        published(false, all);
    }

    private void publishBlock(int block, Sink sink) {
        double[] weights = model.weights(block);
        double change = changeOf(block, weights) + square(model.bias() - biasBefore);
        sink.accept(WeightsRecords.key(model.id(), block), WeightsRecords.block(model, block, weights, root(change)));
        int slot = model.slot(block);
        if (movesUntouched) {
            keep(slot, weights);
        } else if (slot < before.length) {
            before[slot] = null;
        }
    }

    /** @param all whether all blocks were published, rather than those that had changed */
    private void published(boolean asOneRecord, boolean all) {
        if (all) {
            factorsBefore = movesUntouched ? model.untouchedFactors() : null;
        }
        model.settle(changed);
        version = model.version();
        whole = asOneRecord;
        biasBefore = model.bias();
    }

    /** Squared norm of what the weights of a block have changed by since it was published; NaN if that is not known. */
    private double changeOf(int block, double[] weights) {
        double[] then = kept(model.slot(block));
        if (then == null) {
            return movesUntouched || model.changedAt(block) > changed.since() ? Double.NaN : 0;
        }
        return WeightsSnapshot.squareOfChange(weights, then);
    }

    /**
     * How far weights may have moved that no step has touched since all blocks were published: the most that one of the factors they
     * follow has moved by; 0 where weights move by steps alone; infinite if it is not known.
     */
    private double untouchedChange() {
        if (!movesUntouched) {
            return 0;
        }
        if (factorsBefore == null) {
            return Double.POSITIVE_INFINITY;
        }
        double most = 0;
        double[] factors = model.untouchedFactors();
        for (int k = 0; k < factors.length; k++) {
            most = Math.max(most, Math.abs(factors[k] - factorsBefore[k]));
        }
        return most;
    }

    private static double square(double x) {
        return x * x;
    }

    private static Double root(double square) {
        return Double.isNaN(square) ? null : (Double) Math.sqrt(square);
    }
}
