package io.thalweg.app.page;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.thalweg.app.serve.HttpRefusal;
import io.thalweg.avro.Prediction;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.InputRecord;
import io.thalweg.input.RecordReader;
import io.thalweg.input.RecordReader.InputKind;
import io.thalweg.input.SchemaSource;
import io.thalweg.input.SchemaSourceException;
import io.thalweg.math.Algorithm;
import io.thalweg.math.Example;
import io.thalweg.math.FeatureForm;
import io.thalweg.math.FeatureHash;
import io.thalweg.math.LearnerSettings;
import io.thalweg.math.Rejection;
import io.thalweg.math.StepOptions;
import io.thalweg.output.OutputTopic;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.runtime.OutputReader;
import io.thalweg.runtime.OutputReader.Entry;
import io.thalweg.runtime.OutputReader.Start;
import io.thalweg.runtime.StopException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.streams.StreamsConfig;
import org.jspecify.annotations.Nullable;

/**
 * The events that moved a weight. With plain {@code sgd}, the step of an event on the weight of a feature is
 * −α·c·(a − y)·x, where a is the probability that was published for it. So it can be computed from the predictions and
 * the examples, for any two versions of a model. Other algorithms have state for which the whole history would have to
 * be replayed.
 */
final class WeightMoves {
    /** The most steps between two versions that are looked at. */
    private static final int MOST_STEPS = 5_000;

    private static final int SHOWN = 20;
    /** How many records are read to find one of the model. */
    private static final int PROBE = 20_000;
    /** How many records are read for an answer. */
    private static final int MOST_READ = 1_000_000;
    /** How many answers are looked up at a time, each on a thread of the server. */
    private static final int MOST_AT_ONCE = 2;

    private static final Duration POLL = Duration.ofMillis(100);

    private final ThalwegConfig config;
    private final SchemaSource schemas;
    private final LearnerSettings settings;
    private final long mostRead;
    private final long timeoutMs;
    private final Semaphore free = new Semaphore(MOST_AT_ONCE);

    /** A step on the weight. */
    private record WeightMove(Prediction prediction, double value, double importance, double step) {}

    /** What may be read for an answer. */
    private final class Allowance {
        final long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs);
        private long read;

        /** Returns how far may be read from an offset on. */
        long until(long from, long end) {
            return Math.min(end, from + mostRead - read);
        }

        /** Counts records that were read. */
        void read(long from, long reached) {
            read += reached - from;
        }

        /** Returns why not everything could be read. */
        AllowanceSpentException spent() {
            if (read == 0) {
                throw new TimeoutException("no record was read in time");
            }
            return new AllowanceSpentException();
        }
    }

    /** An exception for events that would take too long to find. */
    private static final class AllowanceSpentException extends RuntimeException {
        private static final long serialVersionUID = 1;

        AllowanceSpentException() {
            super(
                    "It would take too long to find these events among the records of all models. Points that are"
                            + " closer together may work.",
                    null,
                    false,
                    false);
        }
    }

    WeightMoves(ThalwegConfig config, SchemaSource schemas) {
        this(config, schemas, MOST_READ);
    }

    /** @param mostRead how many records are read for an answer */
    WeightMoves(ThalwegConfig config, SchemaSource schemas, long mostRead) {
        long answer = config.getLong(ThalwegConfig.HTTP_TIMEOUT_MS);
        // somebody waits
        int call = (int) Math.max(100, answer / 4);
        this.config = config.with(ThalwegConfig.START_TIMEOUT_MS, call)
                .with(
                        StreamsConfig.RESTORE_CONSUMER_PREFIX + ConsumerConfig.DEFAULT_API_TIMEOUT_MS_CONFIG,
                        Integer.toString(call));
        this.schemas = schemas;
        this.mostRead = mostRead;
        timeoutMs = answer / 2;
        settings = config.learner();
    }

    /** Returns why events cannot be told; null if they can. */
    @Nullable
    String whyNot() {
        if (config.hasLateLabels()) {
            return "Which events moved a weight most can only be shown where labels come with the events.";
        }
        if (settings.algorithm() != Algorithm.SGD || !settings.options().equals(StepOptions.NONE)) {
            return "Which events moved a weight most can only be shown with algorithm=sgd, without scaling, penalties,"
                    + " clipping, or importance-invariant steps.";
        }
        return null;
    }

    /**
     * Finds the events that moved a weight most.
     *
     * @param partition the partition of the model
     * @param feature the name of the feature, or # and its number
     * @param from the version before the first step
     * @param to the version after the last step
     * @return the events, or the {@code reason} why they cannot be told
     * @throws HttpRefusal if others are being looked up, or the brokers do not answer
     */
    ObjectNode of(String model, int partition, String feature, long from, long to) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("feature", feature);
        json.put("from", from);
        json.put("to", to);
        String reason = whyNot();
        if (reason == null && to - from > MOST_STEPS) {
            reason = "There are %,d steps between these two points, more than the %,d that are looked at."
                    .formatted(to - from, MOST_STEPS);
        }
        if (reason != null) {
            return json.put("reason", reason);
        }
        if (!free.tryAcquire()) {
            throw HttpRefusal.unavailable("other events are being looked up; try again in a moment", 1);
        }
        try {
            return of(json, model, partition, feature, from, to);
        } catch (AllowanceSpentException e) {
            return json.put("reason", e.getMessage());
        } catch (StopException e) {
            throw HttpRefusal.unavailable(e.getMessage(), 1);
        } catch (KafkaException e) {
            throw HttpRefusal.unavailable("the brokers do not answer", 1);
        } catch (SchemaSourceException e) {
            throw HttpRefusal.unavailable("the schema registry does not answer", 1);
        } finally {
            free.release();
        }
    }

    private ObjectNode of(ObjectNode json, String model, int partition, String feature, long from, long to) {
        Allowance allowance = new Allowance();
        List<Prediction> predictions = predictions(model, partition, from, to, allowance);
        if (predictions.isEmpty()) {
            return json.put("reason", "The predictions of these steps are no longer in the topic.");
        }
        List<WeightMove> moves = moves(predictions, feature, allowance);
        json.put("steps", predictions.size());
        json.put("sum", moves.stream().mapToDouble(WeightMove::step).sum());
        moves.sort(Comparator.comparingDouble((WeightMove moved) -> Math.abs(moved.step))
                .reversed());
        ArrayNode events = json.putArray("events");
        for (WeightMove moved : moves.subList(0, Math.min(SHOWN, moves.size()))) {
            ObjectNode event = events.addObject();
            event.put(
                    "id",
                    moved.prediction.getId() == null
                            ? null
                            : moved.prediction.getId().toString());
            event.put("partition", moved.prediction.getPartition());
            event.put("offset", moved.prediction.getOffset());
            event.put("version", moved.prediction.getVersion());
            event.put("probability", moved.prediction.getProbability());
            event.put("label", moved.prediction.getLabel());
            event.put("value", moved.value);
            event.put("step", moved.step);
        }
        return json;
    }

    // ---- the predictions

    private List<Prediction> predictions(String model, int partition, long from, long to, Allowance allowance) {
        List<Prediction> found = new ArrayList<>();
        try (PredictionSearch search = new PredictionSearch(model, partition, allowance)) {
            search.from(from, prediction -> {
                if (prediction.getVersion() >= from && prediction.getVersion() < to && prediction.getLabel() != null) {
                    found.add(prediction);
                }
                return prediction.getVersion() < to && found.size() < to - from;
            });
        }
        return found;
    }

    /** A search in the predictions topic. Versions of a model rise with offsets. */
    private final class PredictionSearch implements AutoCloseable {
        private final TopicPartition topic;
        private final byte[] key;
        private final Allowance allowance;
        private final OutputReader<Prediction> reader;
        private final long end;

        /** The first prediction that is searched for is at one of these offsets, or the first that follows. */
        private long low;

        private long high;
        /** Whether a prediction is known right before {@code low}, or the first one from {@code high} on. */
        private boolean isLowKnown;

        private boolean isHighKnown;
        /** The ends of stretches without a prediction of the model, by their begins. */
        private final TreeMap<Long, Long> empty = new TreeMap<>();

        PredictionSearch(String model, int partition, Allowance allowance) {
            topic = new TopicPartition(OutputTopic.PREDICTIONS.nameIn(config), partition);
            key = model.getBytes(StandardCharsets.UTF_8);
            this.allowance = allowance;
            reader = OutputReader.open(
                    config, schemas, OutputTopic.PREDICTIONS, Prediction.class, partition, Start.BEGINNING);
            try {
                long[] range = reader.range(topic);
                low = range[0];
                high = range[1];
                end = high;
            } catch (RuntimeException e) {
                reader.close();
                throw e;
            }
        }

        /** Reads the predictions from a version on, and maybe some before. @param to returns whether to read on */
        void from(long version, Predicate<Prediction> to) {
            approach(version);
            scan(low, end, entry -> to.test(entry.value()));
        }

        /**
         * Reads predictions of the model in a range.
         *
         * @return whether all were read
         */
        private boolean scan(long from, long until, Predicate<Entry<Prediction>> to) {
            boolean[] isStopped = {false};
            long reached = reader.scan(
                    topic,
                    from,
                    allowance.until(from, until),
                    allowance.deadline,
                    other -> Arrays.equals(key, other),
                    entry -> {
                        isStopped[0] = entry.value() != null && !to.test(entry);
                        return !isStopped[0];
                    });
            allowance.read(from, reached);
            if (!isStopped[0] && reached < until) {
                throw allowance.spent();
            }
            return !isStopped[0];
        }

        /**
         * Brings {@code low} close to the first prediction of a version, by bisection. The model need not have
         * predictions everywhere: there may be thousands of others, and it may be younger or older than they are. So
         * where a look at the middle finds none, nothing is concluded from it but that.
         */
        private void approach(long version) {
            while (high - low > PROBE) {
                long[] gap = gap();
                if (gap == null) {
                    low = high;
                    return;
                }
                boolean isWhole = gap[1] - gap[0] <= PROBE;
                long start = isWhole ? gap[0] : (gap[0] + gap[1]) >>> 1;
                long until = Math.min(start + PROBE, gap[1]);
                boolean isRead = scan(start, until, entry -> {
                    if (entry.value().getVersion() < version) {
                        low = entry.source().offset() + 1;
                        isLowKnown = true;
                        return isWhole;
                    }
                    high = start;
                    isHighKnown = true;
                    if (entry.value().getVersion() == version) {
                        // none before has this version and a label: that would have been another step
                        low = Math.max(low, start);
                    }
                    return false;
                });
                if (isRead) {
                    empty.put(start, until);
                }
            }
        }

        /**
         * Returns the begin and the end of a stretch of which nothing is known: the one next to a prediction that is
         * known, or else the longest.
         *
         * @return null if there is none
         */
        private long @Nullable [] gap() {
            long[] gap = null;
            long begin = low;
            for (Map.Entry<Long, Long> known : empty.entrySet()) {
                gap = better(gap, begin, Math.min(known.getKey(), high));
                begin = Math.max(begin, known.getValue());
            }
            return better(gap, begin, high);
        }

        private long @Nullable [] better(long @Nullable [] gap, long begin, long until) {
            if (begin >= until) {
                return gap;
            }
            boolean isBetter = gap == null || isHighKnown || !isLowKnown && until - begin > gap[1] - gap[0];
            return isBetter ? new long[] {begin, until} : gap;
        }

        @Override
        public void close() {
            reader.close();
        }
    }

    // ---- the examples

    private List<WeightMove> moves(List<Prediction> predictions, String feature, Allowance allowance) {
        Map<Integer, TreeMap<Long, Prediction>> byPartition = new TreeMap<>();
        predictions.forEach(prediction -> byPartition
                .computeIfAbsent(prediction.getPartition(), p -> new TreeMap<>())
                .put(prediction.getOffset(), prediction));
        List<WeightMove> moves = new ArrayList<>();
        RecordReader reader = new RecordReader(schemas, config, "-");
        Example x = new Example();
        try (Consumer<byte[], byte[]> consumer = new KafkaConsumer<>(new KafkaSettings(config).reader())) {
            byPartition.forEach((partition, offsets) -> examples(consumer, partition, offsets, allowance, record -> {
                Prediction prediction = offsets.get(record.offset());
                if (prediction != null && read(reader, record, x)) {
                    double value = value(x, feature);
                    if (value != 0) {
                        double step = -settings.learningRate().at(prediction.getVersion())
                                * x.importance()
                                * (prediction.getProbability() - prediction.getLabel())
                                * value;
                        moves.add(new WeightMove(prediction, value, x.importance(), step));
                    }
                }
            }));
        }
        return moves;
    }

    /** Reads the records of a partition from the first offset to the last. */
    private void examples(
            Consumer<byte[], byte[]> consumer,
            int partition,
            TreeMap<Long, Prediction> offsets,
            Allowance allowance,
            java.util.function.Consumer<ConsumerRecord<byte[], byte[]>> to) {
        TopicPartition topic = new TopicPartition(config.getString(ThalwegConfig.EXAMPLES_TOPIC), partition);
        consumer.assign(List.of(topic));
        long end = offsets.lastKey() + 1;
        long next = offsets.firstKey();
        long until = allowance.until(next, end);
        consumer.seek(topic, next);
        while (next < until && System.nanoTime() - allowance.deadline < 0) {
            consumer.poll(POLL).forEach(to);
            long position = consumer.position(topic);
            allowance.read(next, Math.min(position, until));
            next = position;
        }
        if (next < end) {
            throw allowance.spent();
        }
    }

    private static boolean read(RecordReader reader, ConsumerRecord<byte[], byte[]> record, Example x) {
        try {
            return reader.read(InputRecord.produced(record), x) == InputKind.EXAMPLE;
        } catch (Rejection e) {
            // it has a prediction, so it could be read when it was learned from
            return false;
        }
    }

    /** Returns the value of a feature in an example; 0 if it is not there. */
    private double value(Example x, String feature) {
        double sum = 0;
        for (int k = 0; k < x.size(); k++) {
            String name;
            if (x.form() == FeatureForm.NAMED) {
                int hash = FeatureHash.of(x.names(), x.nameStart(k), x.nameLength(k));
                String hashed = "#" + FeatureHash.index(hash, settings.namesMax(), settings.space());
                name = feature.equals(hashed) ? hashed : x.name(k);
            } else {
                name = "#" + (x.form() == FeatureForm.DENSE ? k : x.index(k));
            }
            sum += feature.equals(name) ? x.values()[k] : 0;
        }
        return sum;
    }
}
