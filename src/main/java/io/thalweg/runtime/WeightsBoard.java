package io.thalweg.runtime;

import io.thalweg.avro.Weight;
import io.thalweg.avro.Weights;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;

/** The current weights of all models, assembled from the records of the weights topic. */
public final class WeightsBoard {
    private static final char BLOCK_SEPARATOR = '\0';

    /** The number of the part of a model that is published as one record. */
    private static final int WHOLE = -1;

    /** Boards by model id, in the order in which the models last changed. */
    private final Map<String, Board> models = new LinkedHashMap<>();

    /** The model that a weights record is of, by its key. */
    public static String model(String key) {
        int end = key.indexOf(BLOCK_SEPARATOR);
        return end < 0 ? key : key.substring(0, end);
    }

    /**
     * Adds a record.
     *
     * @param weights null for a tombstone
     */
    public void take(String key, Weights weights) {
        String model = model(key);
        int part = key.length() == model.length() ? WHOLE : Integer.parseInt(key.substring(model.length() + 1));
        Board board = models.remove(model);
        if (board == null) {
            board = new Board(model);
        }
        if (weights == null) {
            board.parts.remove(part);
        } else {
            board.parts.put(part, WeightsPart.of(weights));
        }
        if (!board.parts.isEmpty()) {
            models.put(model, board);
        }
    }

    /** How many models there are. */
    public int size() {
        return models.size();
    }

    /** The models that changed last, sorted by model id. */
    public List<Board> latest(int most) {
        Collection<Board> all = models.values();
        return all.stream()
                .skip(Math.max(0, all.size() - most))
                .sorted(Comparator.comparing(Board::model))
                .toList();
    }

    /**
     * One weight of a model.
     *
     * @param name the name of the feature, or # and its number
     * @param moved how much the weight changed over the recent window; NaN if that is not known
     */
    public record Strong(int feature, String name, double weight, double moved) {}

    /**
     * The contents of a weights record, in less memory.
     *
     * @param movedSteps how many steps the recent window has; 0 if the changes are not known
     * @param names null if the features have no names
     * @param moved null if the changes are not known
     */
    private record WeightsPart(
            long version,
            int parts,
            double bias,
            double learningRate,
            long movedSteps,
            int[] features,
            String[] names,
            double[] values,
            double[] moved) {
        static WeightsPart of(Weights record) {
            List<Weight> weights = record.getWeights();
            int size = weights.size();
            int[] features = new int[size];
            double[] values = new double[size];
            String[] names = null;
            double[] moved = record.getMovedSteps() == null ? null : new double[size];
            for (int i = 0; i < size; i++) {
                Weight weight = weights.get(i);
                features[i] = weight.getFeature();
                values[i] = weight.getWeight();
                if (weight.getName() != null) {
                    names = names == null ? new String[size] : names;
                    names[i] = weight.getName().toString();
                }
                if (moved != null) {
                    moved[i] = weight.getMoved() == null ? Double.NaN : weight.getMoved();
                }
            }
            return new WeightsPart(
                    record.getVersion(),
                    record.getBlocks(),
                    record.getBias(),
                    record.getLearningRate(),
                    moved == null ? 0 : record.getMovedSteps(),
                    features,
                    names,
                    values,
                    moved);
        }

        Strong strong(int i) {
            String name = names == null || names[i] == null ? "#" + features[i] : names[i];
            return new Strong(features[i], name, values[i], moved == null ? Double.NaN : moved[i]);
        }
    }

    /** The weights of one model. */
    public static final class Board {
        private final String model;
        private final Map<Integer, WeightsPart> parts = new HashMap<>();

        private Board(String model) {
            this.model = model;
        }

        private WeightsPart latest() {
            return parts.values().stream()
                    .max(Comparator.comparingLong(WeightsPart::version))
                    .orElseThrow();
        }

        public String model() {
            return model;
        }

        public long version() {
            return latest().version;
        }

        public double bias() {
            return latest().bias;
        }

        public double learningRate() {
            return latest().learningRate;
        }

        /** How many steps the recent window has; 0 if the changes of weights are not known. */
        public long movedSteps() {
            return latest().movedSteps;
        }

        /** Whether all blocks of the model have been read. */
        public boolean isComplete() {
            return parts.size() >= latest().parts;
        }

        /** How many weights have been published. */
        public long size() {
            return parts.values().stream().mapToLong(part -> part.values.length).sum();
        }

        /** The Euclidean norm of the weights, without the bias. */
        public double l2Norm() {
            double squares = 0;
            for (WeightsPart part : parts.values()) {
                for (double value : part.values) {
                    squares += value * value;
                }
            }
            return Math.sqrt(squares);
        }

        /** The weights with the largest absolute values, largest first; equal ones by feature number. */
        public List<Strong> strongest(int most) {
            Comparator<Strong> weaker = Comparator.<Strong>comparingDouble(strong -> Math.abs(strong.weight))
                    .thenComparing(Comparator.comparingInt(Strong::feature).reversed());
            PriorityQueue<Strong> kept = new PriorityQueue<>(weaker);
            for (WeightsPart part : parts.values()) {
                for (int i = 0; i < part.values.length; i++) {
                    if (kept.size() < most || Math.abs(part.values[i]) >= Math.abs(kept.peek().weight)) {
                        kept.add(part.strong(i));
                        if (kept.size() > most) {
                            kept.poll();
                        }
                    }
                }
            }
            Deque<Strong> order = new ArrayDeque<>();
            while (!kept.isEmpty()) {
                order.addFirst(kept.poll());
            }
            return List.copyOf(order);
        }
    }
}
