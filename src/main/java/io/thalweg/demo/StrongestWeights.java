package io.thalweg.demo;

import io.thalweg.avro.Weight;
import io.thalweg.avro.Weights;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The weights of one model as its records come in, and which of them are strongest. */
final class StrongestWeights {
    private final Map<String, Double> weights = new HashMap<>();
    private Map<String, Double> shown = Map.of();
    private double bias;
    private long version;

    /** A weight, and what it has changed by since the list before. */
    record Strong(String name, double weight, double change) {}

    /** Takes in a record: a whole model, or a block. */
    void add(Weights record) {
        for (Weight weight : record.getWeights()) {
            CharSequence name = weight.getName();
            weights.put(name == null ? "#" + weight.getFeature() : name.toString(), weight.getWeight());
        }
        if (record.getVersion() >= version) {
            version = record.getVersion();
            bias = record.getBias();
        }
    }

    long version() {
        return version;
    }

    double bias() {
        return bias;
    }

    /** The strongest, strongest first. */
    List<Strong> list(int count) {
        List<Strong> list = weights.entrySet().stream()
                .sorted(Comparator.comparingDouble(entry -> -Math.abs(entry.getValue())))
                .limit(count)
                .map(entry -> new Strong(
                        entry.getKey(),
                        entry.getValue(),
                        entry.getValue() - shown.getOrDefault(entry.getKey(), entry.getValue())))
                .toList();
        shown = new HashMap<>();
        list.forEach(strong -> shown.put(strong.name, strong.weight));
        return list;
    }
}
