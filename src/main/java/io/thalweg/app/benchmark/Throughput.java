package io.thalweg.app.benchmark;

import com.sun.management.OperatingSystemMXBean;
import io.thalweg.app.benchmark.Candidate.Guarantee;
import io.thalweg.app.benchmark.Candidate.Program;
import io.thalweg.app.benchmark.Candidate.Publishing;
import io.thalweg.app.benchmark.ProcessCommand.Limits;
import io.thalweg.app.benchmark.ProcessEvent.Event;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.StopException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.ToDoubleFunction;

/**
 * Measures records per second and processor time of the learner and of other programs. Each candidate is a process of
 * its own that reads a topic filled beforehand. Candidates that are compared with one another run at the same time.
 * First each of them reads until it is compiled, which on two cores takes most of a minute, during which it runs at a
 * fraction of its speed. Then they take short turns, round after round, so that other load on the machine affects all
 * of them.
 */
final class Throughput {
    private static final OperatingSystemMXBean SYSTEM =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    private final LocalCluster cluster;
    private final ThroughputScale scale;
    private final Path out;
    private final Consumer<String> progress;
    private final Map<Candidate, List<Run>> runs = new LinkedHashMap<>();
    private long heapMax;
    private int started;

    /**
     * A row: a learner and the programs that it is compared with.
     *
     * @param quick whether it belongs to the short form
     */
    record ThroughputRow(Candidate learner, List<Program> against, boolean quick) {
        String name() {
            return learner.row();
        }
    }

    /**
     * The size of a benchmark.
     *
     * @param rounds how many times to measure each candidate
     * @param recordsShare the share of a workload's records that are used
     * @param warmsUp whether each candidate first reads until it is compiled
     * @param beforeMs measuring begins after the first third of the records, or after this processor time
     * @param measuredMs the longest processor time to measure
     * @param processors the list of processors that candidates are held to, as taskset takes it; empty for all
     */
    record ThroughputScale(
            int rounds, double recordsShare, boolean warmsUp, long beforeMs, long measuredMs, String processors) {
        static final ThroughputScale FULL = new ThroughputScale(3, 1, true, 3000, 10_000, "");
        static final ThroughputScale QUICK = new ThroughputScale(1, 0.1, false, 3000, 1800, "");

        ThroughputScale withRounds(int number) {
            return new ThroughputScale(number, recordsShare, warmsUp, beforeMs, measuredMs, processors);
        }

        ThroughputScale heldTo(String list) {
            return new ThroughputScale(rounds, recordsShare, warmsUp, beforeMs, measuredMs, list);
        }
    }

    /** The results of one run of one candidate, with the bytes sent to each kind of topic for a million records. */
    private record Run(double perSecond, double cpuSeconds, double brokerCpuSeconds, Map<String, Double> sentBytes) {}

    static List<ThroughputRow> rows() {
        Guarantee once = Guarantee.EXACTLY_ONCE;
        Publishing thinned = Publishing.THINNED;
        Publishing each = Publishing.EVERY_STEP;
        List<Program> all = List.of(Program.FLOOR, Program.ROCKSDB, Program.CONSUMER);
        List<Program> andAhead = List.of(Program.FLOOR, Program.READ_AHEAD, Program.ROCKSDB, Program.CONSUMER);
        List<Program> streams = List.of(Program.FLOOR, Program.ROCKSDB);
        List<Program> feasible = List.of(Program.FLOOR, Program.CONSUMER);
        List<Program> floor = List.of(Program.FLOOR);
        List<Program> atOnce = List.of(Program.AT_ONCE, Program.FLOOR);
        List<Program> joins =
                List.of(Program.AT_ONCE, Program.FLOOR, Program.ROCKSDB_EVENTS, Program.ROCKSDB_TRANSACTIONAL);
        return List.of(
                new ThroughputRow(Candidate.learner(Workload.DENSE, "sgd", thinned, once), andAhead, true),
                new ThroughputRow(Candidate.learner(Workload.DENSE, "auto", thinned, once), floor, true),
                new ThroughputRow(Candidate.learner(Workload.DENSE, "sgd", each, once), streams, false),
                new ThroughputRow(Candidate.learner(Workload.DENSE, "auto", each, once), floor, false),
                new ThroughputRow(
                        Candidate.learner(Workload.DENSE, "sgd", thinned, Guarantee.AT_LEAST_ONCE), streams, false),
                new ThroughputRow(Candidate.learner(Workload.MODELS, "sgd", thinned, once), all, false),
                new ThroughputRow(Candidate.learner(Workload.MODELS, "auto", thinned, once), floor, false),
                new ThroughputRow(Candidate.learner(Workload.MODELS, "sgd", each, once), streams, false),
                new ThroughputRow(Candidate.learner(Workload.HASHED, "sgd", thinned, once), feasible, true),
                new ThroughputRow(Candidate.learner(Workload.HASHED, "auto", thinned, once), floor, true),
                new ThroughputRow(
                        Candidate.learner(Workload.MAPPED, "sgd", thinned, once),
                        List.of(Program.FLOOR, Program.READ_AHEAD, Program.CONSUMER, Program.GENERIC_RECORD),
                        false),
                // the row above, in each other format
                new ThroughputRow(
                        Candidate.learner(Workload.MAPPED_JSON, "sgd", thinned, once),
                        List.of(Program.FLOOR, Program.READ_AHEAD, Program.CONSUMER),
                        false),
                new ThroughputRow(
                        Candidate.learner(Workload.MAPPED_PROTOBUF, "sgd", thinned, once),
                        List.of(Program.FLOOR, Program.READ_AHEAD, Program.CONSUMER),
                        false),
                new ThroughputRow(Candidate.learner(Workload.DENSE_LATE, "sgd", thinned, once), joins, false),
                new ThroughputRow(Candidate.learner(Workload.DENSE_LATE, "auto", thinned, once), atOnce, false),
                new ThroughputRow(Candidate.learner(Workload.HASHED_LATE, "sgd", thinned, once), atOnce, false));
    }

    /**
     * @param out a directory for Java Flight Recorder recordings; null for none
     * @param progress receives messages about what is being done
     */
    Throughput(LocalCluster cluster, ThroughputScale scale, Path out, Consumer<String> progress) {
        this.cluster = cluster;
        this.scale = scale;
        this.out = out;
        this.progress = progress;
    }

    void run(List<ThroughputRow> rows, BenchmarkReport report) {
        for (Workload workload : Workload.values()) {
            // candidates with the same floor are compared with one another
            Map<Candidate, Set<Candidate>> groups = new LinkedHashMap<>();
            for (ThroughputRow row : rows) {
                if (row.learner().workload() == workload) {
                    Set<Candidate> group = groups.computeIfAbsent(
                            row.learner().against(Program.FLOOR), baseline -> new LinkedHashSet<>());
                    row.against().forEach(other -> group.add(row.learner().against(other)));
                    group.add(row.learner());
                }
            }
            if (!groups.isEmpty()) {
                run(workload, groups.values());
            }
        }
        rows.forEach(row -> report(row, report));
        if (heapMax > 0) {
            report.heapMax(heapMax);
        }
    }

    private void run(Workload workload, Collection<Set<Candidate>> groups) {
        fill(workload);
        if (workload.isLate()) {
            fill(workload.atOnce());
        }
        if (runs.isEmpty() && !scale.warmsUp()) {
            // otherwise the first candidate would be measured with a broker that is not compiled yet
            progress.accept("warming the broker up …");
            Candidate first = groups.iterator().next().iterator().next();
            try (CandidateHandle handle = start(first)) {
                measure(handle, first, null);
            }
        }
        groups.forEach(group -> run(new ArrayList<>(group)));
        cluster.deleteTopics("examples");
    }

    private void fill(Workload workload) {
        int examples = examples(workload);
        progress.accept("%s: writing %,d examples …".formatted(workload.title(), examples));
        String filler = "filler-" + workload.ordinal();
        workload.fill(
                new ThalwegConfig(cluster.settings(filler, workload.topic(), workload.settings())),
                cluster.schemas(),
                examples);
        cluster.deleteTopics(filler);
    }

    private int examples(Workload workload) {
        return (int) (workload.records() * scale.recordsShare());
    }

    private int records(Candidate candidate) {
        return examples(candidate.workload()) * candidate.workload().recordsPerExample();
    }

    private void run(List<Candidate> candidates) {
        Map<Candidate, CandidateHandle> handles = new LinkedHashMap<>();
        try {
            for (Candidate candidate : candidates) {
                CandidateHandle handle = start(candidate);
                handles.put(candidate, handle);
                if (scale.warmsUp()) {
                    progress.accept("warming up: %s …".formatted(candidate.name()));
                    warmUp(handle, candidate);
                }
            }
            for (int round = 1; round <= scale.rounds(); round++) {
                for (Candidate candidate : candidates) {
                    progress.accept("round %d of %d: %s …".formatted(round, scale.rounds(), candidate.name()));
                    runs.computeIfAbsent(candidate, c -> new ArrayList<>())
                            .add(measure(handles.get(candidate), candidate, null));
                }
                // no candidate always follows the same one
                Collections.shuffle(candidates, new Random(round));
            }
            if (out != null) {
                record(handles);
            }
        } finally {
            handles.values().forEach(CandidateHandle::close);
        }
    }

    /**
     * Runs each candidate once more with a recording. The results of this run do not count, because much of the code is
     * compiled again when a recording begins.
     */
    private void record(Map<Candidate, CandidateHandle> handles) {
        handles.forEach((candidate, handle) -> {
            if (candidate.program() == Program.LEARNER) {
                progress.accept("recording %s …".formatted(candidate.name()));
                measure(handle, candidate, out.resolve(candidate.row().replace(' ', '-') + ".jfr"));
            }
        });
    }

    private CandidateHandle start(Candidate candidate) {
        return CandidateHandle.start(
                candidate.program(),
                scale.processors(),
                cluster.directory().resolve(candidate.name().replace(' ', '-') + ".log"));
    }

    private void warmUp(CandidateHandle handle, Candidate candidate) {
        boolean warm = false;
        while (!warm) {
            String application = "benchmark-" + ++started;
            warm = handle.warmsUp(settings(application, candidate), records(candidate));
            cluster.deleteTopics(application);
        }
    }

    private Map<String, String> settings(String application, Candidate candidate) {
        Workload workload = candidate.workload();
        Map<String, String> settings = cluster.settings(application, workload.topic(), workload.settings());
        settings.putAll(candidate.settings());
        return settings;
    }

    private Run measure(CandidateHandle handle, Candidate candidate, Path recording) {
        String application = "benchmark-" + ++started;
        Map<String, String> settings = settings(application, candidate);
        int records = records(candidate);
        handle.measure(settings, new Limits(records, records / 3, scale.beforeMs(), scale.measuredMs()), recording);
        ProcessEvent begin = handle.await(Event.BEGIN);
        long brokerBegin = SYSTEM.getProcessCpuTime();
        ProcessEvent end = handle.await(Event.END);
        long brokerEnd = SYSTEM.getProcessCpuTime();
        handle.await(Event.ENDED);
        heapMax = end.heapMax();
        cluster.deleteTopics(application);
        return run(
                begin,
                end,
                brokerEnd - brokerBegin,
                settings,
                candidate.workload().recordsPerExample());
    }

    private static Run run(
            ProcessEvent begin,
            ProcessEvent end,
            long brokerCpuNanos,
            Map<String, String> settings,
            int recordsPerExample) {
        double records = (double) (end.records() - begin.records()) / recordsPerExample;
        if (records <= 0) {
            throw new StopException(
                    ExitCode.DIED,
                    settings.get(ThalwegConfig.APPLICATION_ID) + " processed nothing while it was measured");
        }
        Map<String, Double> sent = new LinkedHashMap<>();
        end.sentBytes().forEach((topic, bytes) -> {
            double more = bytes - begin.sentBytes().getOrDefault(topic, 0.0);
            sent.put(topic.substring(topic.lastIndexOf('-') + 1), more / records * 1e6);
        });
        return new Run(
                records / (end.nanos() - begin.nanos()) * 1e9,
                (end.cpuNanos() - begin.cpuNanos()) / 1e9 / records * 1e6,
                brokerCpuNanos / 1e9 / records * 1e6,
                sent);
    }

    private void report(ThroughputRow row, BenchmarkReport report) {
        List<Candidate> candidates = new ArrayList<>();
        candidates.add(row.learner());
        row.against().forEach(other -> candidates.add(row.learner().against(other)));
        for (Candidate candidate : candidates) {
            List<Run> measured = runs.get(candidate);
            report.speed(
                    row.name(),
                    candidate.program().title(),
                    spread(measured, Run::perSecond),
                    spread(measured, Run::cpuSeconds),
                    spread(measured, Run::brokerCpuSeconds),
                    sent(measured));
        }
        List<Run> learner = runs.get(row.learner());
        for (Program program : row.against()) {
            List<Run> other = runs.get(row.learner().against(program));
            // within a round both ran under much the same conditions
            List<Double> speeds = new ArrayList<>();
            List<Double> times = new ArrayList<>();
            for (int round = 0; round < learner.size(); round++) {
                speeds.add(learner.get(round).perSecond() / other.get(round).perSecond());
                times.add(learner.get(round).cpuSeconds() / other.get(round).cpuSeconds());
            }
            report.ratio(row.name(), program.title(), MedianRange.of(speeds), MedianRange.of(times));
        }
        if (row.against().contains(Program.GENERIC_RECORD)) {
            reportDecoding(row, report);
        }
        if (!row.learner().workload().isDense()) {
            report.notFeasible(row.name(), Program.ROCKSDB.title());
        }
    }

    /** Compares decoding and mapping with reading the same bytes into a generic record. */
    private void reportDecoding(ThroughputRow row, BenchmarkReport report) {
        List<Run> mapped = runs.get(row.learner().against(Program.CONSUMER));
        List<Run> generic = runs.get(row.learner().against(Program.GENERIC_RECORD));
        List<Double> speeds = new ArrayList<>();
        List<Double> times = new ArrayList<>();
        for (int round = 0; round < mapped.size(); round++) {
            speeds.add(mapped.get(round).perSecond() / generic.get(round).perSecond());
            times.add(mapped.get(round).cpuSeconds() / generic.get(round).cpuSeconds());
        }
        report.ratio(
                row.learner().workload().title() + " " + Program.CONSUMER.title(),
                Program.GENERIC_RECORD.title(),
                MedianRange.of(speeds),
                MedianRange.of(times));
    }

    private static MedianRange spread(List<Run> runs, ToDoubleFunction<Run> figure) {
        return MedianRange.of(runs.stream().map(figure::applyAsDouble).toList());
    }

    private static Map<String, Double> sent(List<Run> runs) {
        Map<String, List<Double>> all = new LinkedHashMap<>();
        for (Run run : runs) {
            run.sentBytes()
                    .forEach((kind, bytes) ->
                            all.computeIfAbsent(kind, k -> new ArrayList<>()).add(bytes));
        }
        Map<String, Double> medians = new LinkedHashMap<>();
        all.forEach((kind, bytes) -> medians.put(kind, MedianRange.of(bytes).median()));
        return medians;
    }
}
