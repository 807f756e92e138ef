package io.thalweg.app.benchmark;

import io.thalweg.config.ThalwegConfig;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * A program that is measured, with its workload and options.
 *
 * @param algorithm the algorithm; empty if nothing is learned
 * @param publishing how often weights are published
 * @param guarantee the processing guarantee
 */
record Candidate(Program program, Workload workload, String algorithm, Publishing publishing, Guarantee guarantee) {
    /** The programs. */
    enum Program {
        /** Thalweg's own topology. */
        LEARNER,
        /** Thalweg's own topology, with the labels in the events. */
        AT_ONCE,
        /** Thalweg's own topology, with examples that are read ahead on another thread. */
        READ_AHEAD,
        /**
         * Decodes the same input and writes as many bytes to the same topics, but does not learn and has no state. With
         * late labels, it writes a prediction for each event and an outcome for each label.
         */
        FLOOR,
        /**
         * Keeps weights as one value in a RocksDB store with a changelog, which it reads and writes for each record.
         */
        ROCKSDB,
        /** Keeps events that wait for their labels in a RocksDB store with a changelog, and does not learn. */
        ROCKSDB_EVENTS,
        /** The same with transactional state stores, which Kafka Streams has since 4.4. */
        ROCKSDB_TRANSACTIONAL,
        /** A consumer that decodes records, with their mapping if there is one, and does nothing else. */
        CONSUMER,
        /** A consumer that reads records into Avro's GenericRecord and does nothing else. */
        GENERIC_RECORD;

        /** The name in rows. */
        String title() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }

    /**
     * How often the weights of a small model are published. Those of a large one are always published once a second.
     */
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

    /** The processing guarantees. */
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

    /** The candidate that this learner is compared with. */
    Candidate against(Program other) {
        return switch (other) {
            case AT_ONCE -> new Candidate(other, workload.atOnce(), algorithm, publishing, guarantee);
            case LEARNER, READ_AHEAD, ROCKSDB -> new Candidate(other, workload, algorithm, publishing, guarantee);
            case FLOOR, ROCKSDB_EVENTS, ROCKSDB_TRANSACTIONAL ->
                new Candidate(other, workload, "", publishing, guarantee);
            case CONSUMER, GENERIC_RECORD ->
                new Candidate(other, workload, "", Publishing.THINNED, Guarantee.EXACTLY_ONCE);
        };
    }

    /** The name of its row: its workload and options, without the program. */
    String row() {
        StringBuilder row = new StringBuilder(workload.title());
        if (!algorithm.isEmpty()) {
            row.append(' ').append(algorithm);
        }
        if (program != Program.CONSUMER && program != Program.GENERIC_RECORD) {
            // blocks of large models are published at intervals
            if (workload.isDense()) {
                row.append(' ').append(publishing.title);
            }
            row.append(' ').append(guarantee.title);
        }
        return row.toString();
    }

    /** A name that distinguishes it from all other candidates. */
    String name() {
        return row() + " " + program.title();
    }

    /** The settings for its options. */
    Map<String, String> settings() {
        Map<String, String> settings = new LinkedHashMap<>(workload.settings());
        if (!algorithm.isEmpty()) {
            settings.put(ThalwegConfig.ALGORITHM, algorithm);
        }
        settings.put(ThalwegConfig.WEIGHTS_EVERY, String.valueOf(publishing.every));
        settings.put(ThalwegConfig.PROCESSING_GUARANTEE, guarantee.setting);
        settings.put(ThalwegConfig.READ_AHEAD, program == Program.READ_AHEAD ? "on" : "off");
        return settings;
    }
}
