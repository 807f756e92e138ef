package io.thalweg.app.benchmark;

import io.thalweg.config.ThalwegConfig;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * A program that is measured, and what it is measured on.
 *
 * @param algorithm the kind of step; empty where nothing is learned
 * @param publishing how often weights are published
 * @param guarantee what happens to examples in a crash
 */
record Candidate(Program program, Workload workload, String algorithm, Publishing publishing, Guarantee guarantee) {
    /** What reads the examples. */
    enum Program {
        /** Thalweg's own topology. */
        LEARNER,
        /** Decodes the same input and writes as many bytes to the same topics, without learning and without state. */
        FLOOR,
        /** Weights as one value in a RocksDB store with a changelog, read and written for each record. */
        ROCKSDB,
        /** A consumer that decodes, and maps where there is something to map, and does nothing else. */
        CONSUMER,
        /** A consumer that reads records into Avro's GenericRecord and does nothing else. */
        GENERIC_RECORD;

        /** As it is called in rows. */
        String title() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }

    /** When the weights of a small model are published. Those of a large one always are once a second. */
    enum Publishing {
        /** After every 1000th step, and once a second. */
        THINNED("thinned", 1000),
        /** After each step. */
        EVERY_STEP("every-step", 1);

        private final String title;
        private final int every;

        Publishing(String title, int every) {
            this.title = title;
            this.every = every;
        }
    }

    /** What a crash may do. */
    enum Guarantee {
        EXACTLY_ONCE("exactly-once", "exactly_once_v2"),
        AT_LEAST_ONCE("at-least-once", "at_least_once");

        private final String title;
        private final String setting;

        Guarantee(String title, String setting) {
            this.title = title;
            this.setting = setting;
        }

        String title() {
            return title;
        }

        String setting() {
            return setting;
        }
    }

    static Candidate learner(Workload workload, String algorithm, Publishing publishing, Guarantee guarantee) {
        return new Candidate(Program.LEARNER, workload, algorithm, publishing, guarantee);
    }

    /** What this learner is measured against. */
    Candidate against(Program other) {
        return switch (other) {
            case LEARNER, ROCKSDB -> new Candidate(other, workload, algorithm, publishing, guarantee);
            case FLOOR -> new Candidate(other, workload, "", publishing, guarantee);
            case CONSUMER, GENERIC_RECORD ->
                new Candidate(other, workload, "", Publishing.THINNED, Guarantee.EXACTLY_ONCE);
        };
    }

    /** The row that it belongs to, without the program: what it does, from the input to the guarantee. */
    String row() {
        StringBuilder row = new StringBuilder(workload.title());
        if (!algorithm.isEmpty()) {
            row.append(' ').append(algorithm);
        }
        if (program != Program.CONSUMER && program != Program.GENERIC_RECORD) {
            // blocks of large models are published at an interval
            if (workload.isDense()) {
                row.append(' ').append(publishing.title);
            }
            row.append(' ').append(guarantee.title);
        }
        return row.toString();
    }

    /** What tells it from all others. */
    String name() {
        return row() + " " + program.title();
    }

    /** The settings that make it what it is. */
    Map<String, String> settings() {
        Map<String, String> settings = new LinkedHashMap<>(workload.settings());
        if (!algorithm.isEmpty()) {
            settings.put(ThalwegConfig.ALGORITHM, algorithm);
        }
        settings.put(ThalwegConfig.WEIGHTS_EVERY, String.valueOf(publishing.every));
        settings.put(ThalwegConfig.PROCESSING_GUARANTEE, guarantee.setting);
        return settings;
    }
}
