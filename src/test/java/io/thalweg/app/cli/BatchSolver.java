package io.thalweg.app.cli;

import io.thalweg.app.files.ExampleFile;
import io.thalweg.math.NewtonSolver;
import java.util.Locale;
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

    @Override
    public Integer call() throws Exception {
        ExampleRows examples = new ExampleRows();
        try (ExampleFile lines = options.open(settings.config(), file, null)) {
            examples.addAll(lines);
        }
        System.out.printf(
                Locale.ROOT,
                "%,d examples, %,d features: the least log loss is %.6f%n",
                examples.rows().size(),
                examples.features(),
                NewtonSolver.leastLogLoss(examples.rows()));
        return 0;
    }

    /** @param arguments the file, and options for its columns */
    public static void main(String[] arguments) {
        System.exit(new CommandLine(new BatchSolver())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .execute(arguments));
    }
}
