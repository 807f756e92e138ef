package io.thalweg.app.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.thalweg.app.benchmark.Benchmark;
import io.thalweg.app.benchmark.BenchmarkReport;
import io.thalweg.app.view.Table;
import io.thalweg.runtime.ExitCode;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

@Command(
        name = "benchmark",
        description = "Measures the learner on this machine, with its own broker and registry, against a floor that "
                + "writes as much without learning, against weights in a RocksDB store, and against a "
                + "bare consumer.",
        mixinStandardHelpOptions = true)
final class BenchmarkCommand implements Callable<Integer> {
    @Option(
            names = "--quick",
            description = "A short run of less than two minutes, in which the programs are not yet fully compiled.")
    private boolean quick;

    @Option(
            names = "--rows",
            paramLabel = "TEXT",
            split = ",",
            description = "Only rows whose name contains this; separate several with commas. See --list.")
    private List<String> rows = new ArrayList<>();

    @Option(names = "--list", description = "Print the names of all rows, and exit.")
    private boolean list;

    @Option(names = "--rounds", paramLabel = "N", description = "How many times to measure everything. Default: 3.")
    private int rounds;

    @Option(
            names = "--out",
            paramLabel = "FOLDER",
            description = "A directory for Java Flight Recorder recordings of one more run of each learner, and flame "
                    + "graphs of them.")
    private Path out;

    @Option(
            names = "--processors",
            paramLabel = "LIST",
            defaultValue = "",
            description =
                    "Hold the programs whose speed is measured to these processors, such as 1 or 0-1, with taskset."
                            + " Start the benchmark itself with taskset to hold the broker.")
    private String processors;

    @Option(names = "--json", description = "Print the result as one JSON object, the last line of standard output.")
    private boolean json;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        if (rounds < 0) {
            throw new ParameterException(spec.commandLine(), "--rounds must be 1 or more");
        }
        PrintWriter stdout = spec.commandLine().getOut();
        if (list) {
            Benchmark.rowNames().forEach(stdout::println);
            stdout.flush();
            return ExitCode.OK.code();
        }
        DemoCommand.quieten();
        PrintWriter err = spec.commandLine().getErr();
        PrintWriter people = json ? err : stdout;
        BenchmarkReport report = new Benchmark(new Benchmark.Options(quick, rows, rounds, out, processors), line -> {
                    err.println(line);
                    err.flush();
                })
                .run();
        people.println();
        report.machine().forEach((what, value) -> people.println("%-12s %s".formatted(what, value)));
        report.tables().forEach(table -> show(table, people));
        people.flush();
        if (json) {
            stdout.println(new ObjectMapper().writeValueAsString(report.asMap()));
            stdout.flush();
        }
        return ExitCode.OK.code();
    }

    private static void show(BenchmarkReport.ReportTable shown, PrintWriter people) {
        Table.Column[] columns = new Table.Column[shown.columns().size()];
        for (int i = 0; i < columns.length; i++) {
            String title = shown.columns().get(i);
            int column = i;
            int width = shown.rows().stream()
                    .map(row -> row.get(column))
                    .mapToInt(cell -> cell.codePointCount(0, cell.length()))
                    .max()
                    .orElse(0);
            // names are left-aligned, numbers right-aligned
            boolean name = i == 0 || title.isEmpty();
            columns[i] = name ? Table.Column.left(title, width) : Table.Column.right(title, width);
        }
        Table table = new Table(columns);
        people.println();
        people.println(shown.title());
        people.println(table.header());
        shown.rows().forEach(row -> people.println(table.row(row.toArray(String[]::new))));
    }
}
