package io.thalweg.app.cli;

import io.thalweg.app.files.ExampleFile;
import io.thalweg.app.files.ExampleFile.BadLineException;
import io.thalweg.app.files.ExampleFile.Line;
import io.thalweg.avro.Example;
import io.thalweg.avro.SparseFeatures;
import io.thalweg.math.NewtonSolver.Row;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Examples in memory. Their features are numbered in the order in which they first occur. */
final class ExampleRows {
    private final List<Row> rows = new ArrayList<>();
    private final Map<String, Integer> columns = new HashMap<>();

    /** Adds the lines of a file that have a label. */
    void addAll(ExampleFile lines) throws BadLineException {
        for (Line line = lines.next(); line != null; line = lines.next()) {
            if (line.example() != null && line.example().getLabel() != null) {
                add(line.example());
            }
        }
    }

    /** Adds an example with a label. */
    void add(Example example) throws BadLineException {
        List<Integer> features = new ArrayList<>();
        List<Double> values = new ArrayList<>();
        if (example.getFeatures() instanceof SparseFeatures sparse) {
            sparse.getIndices().forEach(index -> features.add(column("" + index)));
            values.addAll(sparse.getValues());
        } else if (example.getFeatures() instanceof Map<?, ?> named) {
            named.forEach((name, value) -> {
                features.add(column(name.toString()));
                values.add((Double) value);
            });
        } else {
            throw new BadLineException("dense features are not read here");
        }
        rows.add(new Row(
                features.stream().mapToInt(i -> i).toArray(),
                values.stream().mapToDouble(v -> v).toArray(),
                example.getLabel()));
    }

    private int column(String name) {
        return columns.computeIfAbsent(name, n -> columns.size());
    }

    /** The examples, in their order. */
    List<Row> rows() {
        return rows;
    }

    /** How many features there are. */
    int features() {
        return columns.size();
    }
}
