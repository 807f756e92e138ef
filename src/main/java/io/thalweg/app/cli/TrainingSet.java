package io.thalweg.app.cli;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.Example;
import io.thalweg.math.Learner;
import io.thalweg.math.Rejection;
import io.thalweg.store.ExampleSpool;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** The labeled examples of a training, with the models that they are for, and the choice of those that are held out. */
final class TrainingSet implements AutoCloseable {
    private static final int LINE_BITS = 40;

    private final ExampleSpool examples;
    private final Learner learner;
    /** The words for a place in each source, with one %d for the line or offset. */
    private final List<String> sources = new ArrayList<>();

    private final Map<String, Integer> numbers = new HashMap<>();
    /** The model ids by number. */
    private final List<String> models = new ArrayList<>();
    /** The numbers of models that were deleted. A new model of the same id has another number. */
    private final BitSet gone = new BitSet();

    /** The places at which the partitions begin. */
    private final List<Long> partitions = new ArrayList<>(List.of(0L));

    private final BitSet heldOut = new BitSet();
    private long size;
    private boolean learnable;
    private boolean judged;
    private long unlabelled;

    TrainingSet(ThalwegConfig config) {
        this(config, new ExampleSpool(Path.of(System.getProperty("java.io.tmpdir"))));
    }

    TrainingSet(ThalwegConfig config, ExampleSpool examples) {
        this.examples = examples;
        learner = new Learner(config.learner());
    }

    /** Begins another partition, of which the last examples can be held out. Files together are one. */
    void nextPartition() {
        partitions.add(examples.size());
    }

    /** Begins a source. @param place the words for a place in it, with one %d for the line or offset */
    void source(String place) {
        sources.add(place);
    }

    /**
     * Adds an example, if it has a label.
     *
     * @param line its place in the source
     * @throws Rejection if no model can use it
     */
    void add(String model, Example x, long line) throws Rejection {
        learner.validate(x, null, 0);
        if (!x.labelled()) {
            unlabelled++;
            return;
        }
        Integer number = numbers.get(model);
        if (number == null) {
            number = models.size();
            numbers.put(model, number);
            models.add(model);
        }
        examples.add(x, number, (long) (sources.size() - 1) << LINE_BITS | line);
    }

    /** Deletes a model: the examples that came before do not count. */
    void delete(String model) {
        Integer number = numbers.remove(model);
        if (number != null) {
            gone.set(number);
        }
    }

    /**
     * Ends the set, and chooses the examples that are held out. At least one is left to learn from.
     *
     * @param share the share to hold out, from 0 to below 1: the last ones of each partition, or any if there is a seed
     * @param seed null for the last ones
     */
    void end(double share, Long seed) {
        examples.end();
        if (share > 0 && examples.size() > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(
                    "of more than %,d examples none can be held out".formatted(Integer.MAX_VALUE));
        }
        BitSet choice = new BitSet();
        BitSet important = new BitSet();
        Example x = new Example();
        ExampleSpool.SpoolReader reading = examples.read();
        while (reading.next(x)) {
            if (gone.get(reading.model())) {
                continue;
            }
            size++;
            learnable |= x.importance() > 0;
            if (share > 0) {
                choice.set((int) reading.place());
                important.set((int) reading.place(), x.importance() > 0);
            }
        }
        if (share > 0 && seed != null) {
            holdOutAny(choice, share, new Random(seed));
        } else if (share > 0) {
            holdOutTheLast(choice, share);
        }
        if (share > 0) {
            judged = important.intersects(heldOut);
            important.andNot(heldOut);
            learnable = !important.isEmpty();
        }
    }

    private void holdOutTheLast(BitSet choice, double share) {
        int end = choice.length();
        for (int partition = partitions.size() - 1; partition >= 0; partition--) {
            int begin = partitions.get(partition).intValue();
            int wanted = wanted(share, choice.get(begin, Math.max(begin, end)).cardinality());
            for (int place = end; wanted > 0; wanted--) {
                place = choice.previousSetBit(place - 1);
                heldOut.set(place);
            }
            end = begin;
        }
    }

    private void holdOutAny(BitSet choice, double share, Random random) {
        int rest = choice.cardinality();
        int wanted = wanted(share, rest);
        for (int place = choice.nextSetBit(0); wanted > 0; place = choice.nextSetBit(place + 1), rest--) {
            if (random.nextInt(rest) < wanted) {
                heldOut.set(place);
                wanted--;
            }
        }
    }

    /** How many of some examples are held out. All but one, if the share is so large that it would be all. */
    private static int wanted(double share, int examples) {
        return (int) Math.min(Math.round(share * examples), Math.max(0, examples - 1));
    }

    /** How many labeled examples count: those of models that were not deleted later, with those that are held out. */
    long size() {
        return size;
    }

    /** How many labeled examples do not count, because their model was deleted later. */
    long deleted() {
        return examples.size() - size;
    }

    /** Whether an example that is not held out has an importance above 0. */
    boolean isLearnable() {
        return learnable;
    }

    /** Whether an example that is held out has an importance above 0, so that passes can be judged by it. */
    boolean isJudged() {
        return judged;
    }

    /** How many examples are held out. */
    int heldOut() {
        return heldOut.cardinality();
    }

    long unlabelled() {
        return unlabelled;
    }

    /** Reads the examples. @param seed that of the order; null for the order in which they were added */
    Pass read(Long seed) {
        return new Pass(seed == null ? examples.read() : examples.read(seed));
    }

    @Override
    public void close() {
        examples.close();
    }

    /** One reading of the set. Not thread-safe. */
    final class Pass {
        private final ExampleSpool.SpoolReader reading;

        private Pass(ExampleSpool.SpoolReader reading) {
            this.reading = reading;
        }

        /** Reads the next example, without its label. @return whether there is one */
        boolean next(Example x) {
            while (reading.next(x)) {
                if (!gone.get(reading.model())) {
                    return true;
                }
            }
            return false;
        }

        String model() {
            return models.get(reading.model());
        }

        double label() {
            return reading.label();
        }

        boolean isHeldOut() {
            return !heldOut.isEmpty() && heldOut.get((int) reading.place());
        }

        /** The words for where the example came from. */
        String where() {
            return sources.get((int) (reading.line() >>> LINE_BITS)).formatted(reading.line() & (1L << LINE_BITS) - 1);
        }
    }
}
