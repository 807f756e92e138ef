package io.thalweg.output;

import io.thalweg.avro.Weights;
import io.thalweg.math.ChangedBlocks;
import io.thalweg.math.Model;
import io.thalweg.math.WeightsSnapshot;
import java.util.Arrays;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * What the weights topic has of a model; also publishes the model there. A model of up to {@code recordMax} weights is
 * published as one record after every {@code every} steps. A larger model is published as the blocks that have changed,
 * when {@link #publish} is called, and so is whatever is left over.
 *
 * <p><b>Blocks without steps.</b> If an optimizer mixes experts, all weights move with the shares, and penalties move
 * all of them too. A block that no step has touched is not published again until a share has moved, or penalties have
 * taken, more than {@value #UNTOUCHED_CHANGE_MAX}. Then all blocks are published.
 *
 * <p><b>Change.</b> A record says how far weights have moved since they were last published, so the published weights
 * must be kept. If only steps move weights, those of a block are kept when a step first touches it. Otherwise they are
 * kept when they are published.
 */
public final class PublishedWeights {
    private static final double UNTOUCHED_CHANGE_MAX = 0.01;

    /** The weights of a block that did not exist. Beyond the end of such an array, weights were 0. */
    private static final double[] NOTHING = {};

    private static final double[][] NOT_KEPT = {};

    // set by begin, before anything is published
    @SuppressWarnings("NullAway.Init")
    private Model model;

    @SuppressWarnings("NullAway.Init")
    private ChangedBlocks changed;

    private boolean movesUntouched;

    private long version;
    private boolean whole;
    private boolean waits;
    /** The published weights by slot, only while a block may differ from them. */
    private double[] @Nullable [] before = NOT_KEPT;

    private double biasBefore;
    /** What untouched weights depend on, as of the last publication of all blocks; null if not known. */
    private double @Nullable [] factorsBefore;

    /**
     * The rules for when and how weights are published.
     *
     * @param recordMax how many weights a model may have to be published as one record
     * @param every after how many steps such a model is published
     */
    public record Policy(int recordMax, int every) {}

    /** A receiver of the records to publish: the key, and the value or null for a tombstone. */
    public interface Sink extends BiConsumer<byte[], @Nullable Weights> {}

    /** Creates an object for a model that is to be restored. Nothing is known yet. */
    public PublishedWeights() {}

    // ---- properties

    /** Returns the version that the weights topic has; 0 if none. */
    public long version() {
        return version;
    }

    /** Returns whether the weights topic has the model as one record. */
    public boolean isWhole() {
        return whole;
    }

    /** Returns whether the weights topic has the present version of the model. */
    public boolean isCurrent() {
        return version == model.version();
    }

    /** Returns the blocks with changes that the weights topic does not have yet. */
    public ChangedBlocks changed() {
        return changed;
    }

    /** Returns whether the model is in the list of those that wait to be published. */
    public boolean waits() {
        return waits;
    }

    /** Sets whether the model is in the list of those that wait. Only the owner of that list may call this. */
    public void waits(boolean waiting) {
        waits = waiting;
    }

    /** Sets what the weights topic has, as it was written to the changelog. */
    public void restore(long publishedVersion, boolean asOneRecord) {
        version = publishedVersion;
        whole = asOneRecord;
    }

    /** Sets what the weights topic has, if that is a later version than the one known. */
    public void restoreLater(long publishedVersion, boolean asOneRecord) {
        if (publishedVersion > version) {
            restore(publishedVersion, asOneRecord);
        }
    }

    /**
     * Starts to follow a model, which is new or just restored. What has changed since it was published will be
     * published next. The published weights of that time are known only if they have not changed since.
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

    /** Returns an object for the same model under another optimizer, which has the same weights. */
    public PublishedWeights under(Model next) {
        PublishedWeights published = new PublishedWeights();
        published.restore(version, whole);
        published.begin(next);
        return published;
    }

    /** Called before a step changes a block that is new, or that the weights topic has as it is. */
    private void keep(int slot, int block, boolean isNew) {
        if (isNew) {
            keep(slot, NOTHING);
        } else if (!movesUntouched && kept(slot) == null) {
            keep(slot, model.weights(block));
        }
    }

    private double @Nullable [] kept(int slot) {
        return slot < before.length ? before[slot] : null;
    }

    private void keep(int slot, double[] weights) {
        if (slot >= before.length) {
            before = Arrays.copyOf(before, Math.max(slot + 1, 2 * before.length));
        }
        before[slot] = weights;
    }

    // ---- publishing

    /**
     * Publishes the model if it is due after a step.
     *
     * @return whether the weights topic has everything now
     */
    public boolean afterStep(Policy policy, Sink sink) {
        if (model.extent() > policy.recordMax || model.version() % policy.every != 0) {
            return false;
        }
        publishWhole(sink);
        return true;
    }

    /** Publishes everything that has not been published. */
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

    /** Publishes tombstones for everything that may have been published of the model, which has been deleted. */
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
            // weights.record.max has been raised since: blocks and record must not both be there
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
        // blocks that have not changed were in the record that was just deleted, or have moved without steps
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

    /**
     * Notes that the model was published.
     *
     * @param all whether all blocks were published, and not only those that had changed
     */
    private void published(boolean asOneRecord, boolean all) {
        if (all) {
            factorsBefore = movesUntouched ? model.untouchedFactors() : null;
        }
        model.settle(changed);
        version = model.version();
        whole = asOneRecord;
        biasBefore = model.bias();
    }

    /** Returns the squared norm of the change of a block's weights since it was published; NaN if not known. */
    private double changeOf(int block, double[] weights) {
        double[] then = kept(model.slot(block));
        if (then == null) {
            return movesUntouched || model.changedAt(block) > changed.since() ? Double.NaN : 0;
        }
        return WeightsSnapshot.squareOfChange(weights, then);
    }

    /**
     * Returns how far weights without steps may have moved since all blocks were published: the largest change of a
     * number that they depend on. 0 if only steps move weights, and infinite if it is not known.
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

    private static @Nullable Double root(double square) {
        return Double.isNaN(square) ? null : (Double) Math.sqrt(square);
    }
}
