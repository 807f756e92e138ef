package io.thalweg.store;

import io.thalweg.math.Example;
import io.thalweg.math.PredictionResult;
import io.thalweg.store.WaitingEntry.Kind;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;

/**
 * Prints what it takes to let ten million events of 20 features wait: heap, file, changelog, and processor time of an
 * event, of a label, and of a restoration of one million.
 */
public final class ManyWaiting {
    private static final int FEATURES = 20;
    private static final int EVENTS = Integer.getInteger("events", 10_000_000);
    private static final int RESTORED = 1_000_000;

    private final WaitingEvents waiting;
    private final WaitingEntry entry = new WaitingEntry();
    private final PredictionResult served = new PredictionResult();
    private final Example x = new Example();
    private final SplittableRandom random = new SplittableRandom(7);
    private final List<byte[]> kept = new ArrayList<>();
    private long changelogBytes;

    private ManyWaiting(Path directory) {
        waiting = new WaitingEvents(true, directory, HeapBudget.usual());
    }

    public static void main(String[] args) throws Exception {
        Path directory = Files.createTempDirectory("thalweg-waiting-");
        new ManyWaiting(directory).run(directory);
        Files.delete(directory);
    }

    private static byte[] id(long i) {
        return ("event-" + i).getBytes(StandardCharsets.UTF_8);
    }

    private void run(Path directory) {
        double cpu = cpu();
        for (int i = 0; i < EVENTS; i++) {
            put(i);
            if (i % 20_000 == 19_999) {
                commit(i < RESTORED);
            }
        }
        commit(false);
        print("%,d events wait: %.2f µs of processor time each", EVENTS, (cpu() - cpu) / EVENTS * 1e6);
        print(
                "%.0f bytes of features each; %.0f in the log, %.0f written to the changelog",
                (double) FEATURES * Double.BYTES, (double) waiting.bytes() / EVENTS, (double) changelogBytes / EVENTS);
        System.gc();
        print(
                "%,d MB of heap of at most %,d",
                used() >> 20, Runtime.getRuntime().maxMemory() >> 20);
        cpu = cpu();
        int labels = EVENTS / 10;
        for (int i = 0; i < labels; i++) {
            byte[] id = id(random.nextLong(EVENTS));
            if (waiting.find("default", id, entry) && entry.kind() == Kind.EVENT) {
                entry.setLabel(i, i, 1, Double.NaN);
                entry.settle(Kind.LABELED, Long.MAX_VALUE / 2, false);
                waiting.put(entry);
            }
            if (i % 20_000 == 19_999) {
                commit(false);
            }
        }
        print("%,d labels of any of them: %.2f µs of processor time each", labels, (cpu() - cpu) / labels * 1e6);
        waiting.clear();
        WaitingEvents restored = new WaitingEvents(true, directory, HeapBudget.usual());
        cpu = cpu();
        for (int part = 0; part < kept.size(); part++) {
            restored.restorePart(part, kept.get(part));
        }
        restored.restored(0);
        print("%,d restored: %.2f s of processor time", restored.size(), cpu() - cpu);
        restored.clear();
    }

    private void put(int i) {
        byte[] id = id(i);
        x.clear();
        x.form(io.thalweg.math.FeatureForm.DENSE);
        for (int k = 0; k < FEATURES; k++) {
            x.addValue(random.nextDouble());
        }
        served.restore(0.5, i, new double[0]);
        waiting.putEvent("default", id, x, served, false, i, i, Long.MAX_VALUE / 2);
    }

    private void commit(boolean isKept) {
        waiting.writeChanges(0, (key, value) -> {
            changelogBytes += value == null ? 0 : value.length;
            if (isKept && value != null) {
                kept.add(value);
            }
        });
    }

    private static double cpu() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() / 1e9;
    }

    private static long used() {
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    }

    private static void print(String text, Object... values) {
        System.out.printf(Locale.ROOT, text + "%n", values);
    }
}
