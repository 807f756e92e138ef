package io.thalweg.app.cli;

import io.thalweg.app.files.ExampleFile;
import io.thalweg.app.files.ExampleFile.BadLineException;
import io.thalweg.app.files.ExampleFile.Line;
import io.thalweg.avro.SparseFeatures;
import io.thalweg.math.NewtonSolver;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/**
 * Prints the least mean log loss that a model can have over a file: what {@code train} can reach. It takes the same
 * options for the columns of the file. Run it with {@code mvn -Pjmh test-compile exec:exec
 * -Djmh.main=io.thalweg.app.cli.BatchSolver -Djmh.options=FILE}.
 */
@Command(name = "solve")
final class BatchSolver implements Callable<Integer> {
    @Mixin
    private SettingsOptions settings;

    @Mixin
    private FileOptions options;

    @Parameters
    private String file;

    private final Map<String, Integer> columns = new HashMap<>();

    @Override
    public Integer call() throws Exception {
        List<NewtonSolver.Row> rows = new ArrayList<>();
        try (ExampleFile lines = options.open(settings.config(), file, null)) {
            for (Line line = lines.next(); line != null; line = lines.next()) {
                rows.add(row(line));
            }
        }
        System.out.printf(
                Locale.ROOT,
                "%,d examples, %,d features: the least log loss is %.6f%n",
                rows.size(),
                columns.size(),
                NewtonSolver.leastLogLoss(rows));
        return 0;
    }

    private NewtonSolver.Row row(Line line) throws BadLineException {
        List<Integer> features = new ArrayList<>();
        List<Double> values = new ArrayList<>();
        if (line.example().getFeatures() instanceof SparseFeatures sparse) {
            sparse.getIndices().forEach(index -> features.add(column("" + index)));
            values.addAll(sparse.getValues());
        } else if (line.example().getFeatures() instanceof Map<?, ?> named) {
            named.forEach((name, value) -> {
                features.add(column(name.toString()));
                values.add((Double) value);
            });
        } else {
            throw new BadLineException("dense features are not read here");
        }
        return new NewtonSolver.Row(
                features.stream().mapToInt(i -> i).toArray(),
                values.stream().mapToDouble(v -> v).toArray(),
                line.example().getLabel());
    }

    private int column(String name) {
        return columns.computeIfAbsent(name, n -> columns.size());
    }

    /** @param arguments the file, and options for its columns */
    public static void main(String[] arguments) {
        System.exit(new CommandLine(new BatchSolver())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .execute(arguments));
    }
}
