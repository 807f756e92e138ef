package io.thalweg.app.benchmark;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.DoubleFunction;

/** The results of a benchmark: tables for people, and one map for programs. */
public final class BenchmarkReport {
    private static final String NONE = "–";

    private final Map<String, Object> machine = new LinkedHashMap<>();
    private final Map<String, Double> ratios = new LinkedHashMap<>();
    private final Map<String, Double> cpuRatios = new LinkedHashMap<>();
    private final Map<String, Object> figures = new LinkedHashMap<>();
    private final Map<String, ReportTable> tables = new LinkedHashMap<>();

    /**
     * A table.
     *
     * @param title what the table shows
     * @param columns the names of the columns, of which the first is for the names of the rows
     * @param rows a cell for each column
     */
    public record ReportTable(String title, List<String> columns, List<List<String>> rows) {}

    /** @param warm whether the measured programs have been compiled by the time they are measured */
    BenchmarkReport(boolean warm) {
        machine.put("cpu", cpu());
        machine.put("cores", Runtime.getRuntime().availableProcessors());
        machine.put("jvm", System.getProperty("java.vm.name") + " " + System.getProperty("java.runtime.version"));
        machine.put("os", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
        heapMax(Runtime.getRuntime().maxMemory());
        machine.put("programs", warm ? "compiled" : "still being compiled: speeds and their ratios say little");
    }

    private static String cpu() {
        try {
            return Files.readAllLines(Path.of("/proc/cpuinfo"), StandardCharsets.UTF_8).stream()
                    .filter(line -> line.startsWith("model name"))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .findFirst()
                    .orElse("unknown");
        } catch (IOException e) {
            // this is not Linux
            return System.getenv().getOrDefault("PROCESSOR_IDENTIFIER", "unknown");
        }
    }

    /** The maximum heap of each measured process, in bytes. */
    void heapMax(long bytes) {
        machine.put("heap_max_mib", bytes >> 20);
    }

    /** Adds the speed of one candidate of a row. */
    void speed(
            String row,
            String program,
            MedianRange perSecond,
            MedianRange cpuSeconds,
            MedianRange brokerCpuSeconds,
            Map<String, Double> sentBytes) {
        figure(row + " " + program + " records/s", perSecond);
        figure(row + " " + program + " CPU s per million", cpuSeconds);
        figure(row + " " + program + " broker CPU s per million", brokerCpuSeconds);
        sentBytes.forEach((kind, bytes) -> figures.put(row + " " + program + " " + kind + " bytes per million", bytes));
        add(
                "Speed; CPU seconds and bytes sent (compressed) per million examples",
                List.of(
                        "row",
                        "",
                        "examples/s",
                        "from – to",
                        "CPU s",
                        "broker's",
                        "changelog",
                        "weights",
                        "predictions"),
                row,
                program,
                whole(perSecond.median()),
                range(perSecond, BenchmarkReport::whole),
                decimal(cpuSeconds.median()),
                decimal(brokerCpuSeconds.median()),
                megabytes(sentBytes.get("changelog")),
                megabytes(sentBytes.get("weights")),
                megabytes(sentBytes.get("predictions")));
    }

    /** Adds the speed of the learner and its processor time for each example, divided by those of another program. */
    void ratio(String row, String program, MedianRange speed, MedianRange cpu) {
        String name = row + " / " + program;
        ratios.put(name, speed.median());
        cpuRatios.put(name, cpu.median());
        figure(name, speed);
        figure(name + " CPU time", cpu);
        ratioRow(
                name,
                decimal(speed.median()),
                range(speed, BenchmarkReport::decimal),
                decimal(cpu.median()),
                range(cpu, BenchmarkReport::decimal));
    }

    /** Adds that a row has no such candidate, because that is not feasible. */
    void notFeasible(String row, String program) {
        ratioRow(row + " / " + program, "not feasible", NONE, NONE, NONE);
    }

    private void ratioRow(String... cells) {
        add(
                "The learner's speed over that of others",
                List.of("row", "speed", "speed, from – to", "CPU time", "CPU time, from – to"),
                cells);
    }

    /** Adds a row to a table. */
    void add(String title, List<String> columns, String... cells) {
        tables.computeIfAbsent(title, t -> new ReportTable(t, columns, new ArrayList<>()))
                .rows()
                .add(List.of(cells));
    }

    /** Adds a single number. */
    void figure(String name, double value) {
        figures.put(name, value);
    }

    /** Adds the median and range of a number. */
    void figure(String name, MedianRange range) {
        figures.put(name, range);
    }

    /** The machine that the benchmark ran on. */
    public Map<String, Object> machine() {
        return machine;
    }

    /** The tables, in order: ratios first. */
    public List<ReportTable> tables() {
        return List.copyOf(tables.values());
    }

    /** Everything, for JSON. */
    public Map<String, Object> asMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("machine", machine);
        map.put("ratios", ratios);
        map.put("cpu_time_ratios", cpuRatios);
        map.put("figures", figures);
        return map;
    }

    private static String range(MedianRange range, DoubleFunction<String> format) {
        return range.low() == range.high() ? NONE : format.apply(range.low()) + " – " + format.apply(range.high());
    }

    static String whole(double number) {
        return String.format(Locale.ROOT, "%,.0f", number);
    }

    static String decimal(double number) {
        return String.format(Locale.ROOT, "%.2f", number);
    }

    static String megabytes(Double bytes) {
        return bytes == null ? NONE : String.format(Locale.ROOT, "%,.1f MB", bytes / 1e6);
    }
}
