package io.thalweg.app.page;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.thalweg.app.serve.LiveEvents;
import io.thalweg.avro.DeadLetter;
import io.thalweg.avro.Metrics;
import io.thalweg.avro.Outcome;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.Weights;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.SchemaSource;
import io.thalweg.output.OutputTopic;
import io.thalweg.runtime.LearnerRuntime;
import io.thalweg.runtime.OutputReader;
import io.thalweg.runtime.OutputReader.Entry;
import io.thalweg.runtime.OutputReader.Start;
import io.thalweg.runtime.WeightsBoard;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.WakeupException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Follows the output topics for the page, and tells open pages once a second what goes on.
 *
 * <p>It reads committed records only, on a thread of its own. Where more arrive than a page can show, it passes over
 * them. So its work, and the memory it takes, are bounded, however fast the learner is and however much the topics
 * hold.
 */
final class PageFeed implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(PageFeed.class);

    private static final Duration PERIOD = Duration.ofSeconds(1);
    private static final Duration AFTER_A_FAULT = Duration.ofSeconds(5);
    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(5);
    private static final Duration POLL = Duration.ofMillis(50);
    /** The longest time in which a topic is read before the next one is. */
    private static final Duration TURN = Duration.ofMillis(300);

    /** The pause between two searches for models of which nothing is known. */
    private static final Duration AFTER_A_SEARCH = Duration.ofSeconds(5);

    /** How many records of history are read when the page starts. */
    private static final int HISTORY = 20_000;
    /** How many are looked through for those of a model that is looked at. Only these are decoded. */
    private static final int HISTORY_OF_A_MODEL = 200_000;
    /** How many records of a partition are read in a period. */
    private static final int MOST = 1_000;

    private final ThalwegConfig config;
    private final SchemaSource schemas;
    private final Supplier<@Nullable LearnerRuntime> learner;
    private final LiveEvents events;

    final MetricsHistory metrics = new MetricsHistory();
    final WeightsHistory weights = new WeightsHistory();
    final RecentPredictions predictions = new RecentPredictions();
    final RecentDeadLetters deadLetters = new RecentDeadLetters();

    /** Models that a page looks at, and whose history is not read yet. */
    private final Set<String> wanted = ConcurrentHashMap.newKeySet();
    /** The partitions of the models. */
    private final Map<String, Integer> partitions = new ConcurrentHashMap<>();

    private final CountDownLatch closed = new CountDownLatch(1);
    private final Thread thread;

    private final List<TopicFeed<?>> feeds = new CopyOnWriteArrayList<>();
    /** When a model of which nothing is known may be looked for again. */
    private long nextSearch = System.nanoTime();

    private @Nullable OutputReader<Metrics> metricsReader;
    private @Nullable OutputReader<Weights> weightsReader;

    private volatile Totals before = Totals.NONE;
    private volatile Totals now = Totals.NONE;

    /** Totals of this instance at a time. @param lag NaN if it is not known */
    private record Totals(long nanos, double predictions, double steps, double deadLetters, double lag) {
        static final Totals NONE = new Totals(0, 0, 0, 0, Double.NaN);
    }

    /** A topic that is followed. */
    private record TopicFeed<T extends SpecificRecord>(
            OutputReader<T> reader, boolean isOnlyForPages, Consumer<Entry<T>> to, Runnable skipped) {
        void read() {
            if (reader.skipTo(MOST)) {
                skipped.run();
            }
            long end = System.nanoTime() + TURN.toNanos();
            // what a fast learner adds meanwhile is passed over in the next turn
            int left = MOST * reader.partitions();
            List<Entry<T>> entries;
            do {
                entries = reader.poll(POLL);
                entries.forEach(to);
                left -= entries.size();
            } while (!entries.isEmpty() && left > 0 && System.nanoTime() < end);
        }
    }

    PageFeed(
            ThalwegConfig config, SchemaSource schemas, Supplier<@Nullable LearnerRuntime> learner, LiveEvents events) {
        this.config = config;
        this.schemas = schemas;
        this.learner = learner;
        this.events = events;
        thread = new Thread(this::run, "page-feed");
        thread.setDaemon(true);
        thread.start();
    }

    /** Has the history of a model read, unless it is there. */
    void lookAt(String model) {
        // of models that there may not be, no more than can be looked at
        if (metrics.isKnown(model) || wanted.size() < WeightsHistory.MOST_MODELS) {
            wanted.add(model);
        }
    }

    /** Returns the partition of a model; null if it is not known. */
    @Nullable
    Integer partition(String model) {
        return partitions.get(model);
    }

    // ---- the thread

    private void run() {
        boolean told = false;
        while (closed.getCount() > 0) {
            try {
                if (learner.get() != null) {
                    open();
                    told = false;
                    follow();
                }
                closed.await(PERIOD.toMillis(), TimeUnit.MILLISECONDS);
            } catch (InterruptedException | InterruptException | WakeupException e) {
                return;
            } catch (RuntimeException e) {
                if (!told) {
                    told = true;
                    LOG.warn("the page cannot read the output topics and tries again: {}", e.getMessage());
                }
                LOG.debug("the page cannot read the output topics", e);
                pause(AFTER_A_FAULT);
            } finally {
                feeds.forEach(feed -> feed.reader.close());
                feeds.clear();
            }
        }
    }

    private void pause(Duration time) {
        try {
            closed.await(time.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void open() {
        metricsReader = feed(OutputTopic.METRICS, Metrics.class, false, this::takeMetrics);
        weightsReader = feed(OutputTopic.WEIGHTS, Weights.class, false, this::takeWeights);
        feed(OutputTopic.PREDICTIONS, Prediction.class, true, this::takePrediction)
                .skipTo(MOST);
        if (config.hasLateLabels()) {
            feed(OutputTopic.OUTCOMES, Outcome.class, true, this::takeOutcome).skipTo(MOST);
        }
        feed(OutputTopic.DEAD_LETTERS, DeadLetter.class, false, this::takeDeadLetter);
        // after a fault, all is read again; until the topics can be read, the page shows what it has
        weights.clear();
        predictions.clear();
        deadLetters.clear();
        // a model begins anew with an earlier version
        metricsReader.sample(HISTORY, this::takeMetrics);
    }

    private <T extends SpecificRecord> OutputReader<T> feed(
            OutputTopic topic, Class<T> type, boolean isOnlyForPages, Consumer<Entry<T>> to) {
        OutputReader<T> reader = OutputReader.open(config, schemas, topic, type, null, Start.BEGINNING);
        Runnable skipped = topic == OutputTopic.DEAD_LETTERS ? deadLetters::skipped : () -> {};
        feeds.add(new TopicFeed<>(reader, isOnlyForPages, to, skipped));
        return reader;
    }

    private void follow() throws InterruptedException {
        // all that the weights topic holds is read model by model, when somebody looks at one
        weightsReader.skipTo(0);
        do {
            lookAtWanted();
            for (TopicFeed<?> feed : feeds) {
                if (!feed.isOnlyForPages || events.hasClients()) {
                    feed.read();
                }
            }
            count();
            if (events.hasClients()) {
                events.publish("tick", tick().toString());
            }
        } while (!closed.await(PERIOD.toMillis(), TimeUnit.MILLISECONDS));
    }

    private void lookAtWanted() {
        if (events.hasClients() && weights.hasRoom()) {
            metrics.worst(WeightsHistory.MOST_MODELS).forEach(wanted::add);
        }
        long begin = System.nanoTime();
        for (String model : List.copyOf(wanted)) {
            boolean isKnown = metrics.isKnown(model);
            if (!isKnown && begin - nextSearch < 0) {
                continue;
            }
            wanted.remove(model);
            if (!weights.isLookedAt(model)) {
                readHistory(model, isKnown);
                if (!isKnown) {
                    // there may be no such model, and anybody can ask for one
                    nextSearch = System.nanoTime() + AFTER_A_SEARCH.toNanos();
                }
            }
            if (System.nanoTime() - begin > TURN.toNanos()) {
                // the others have their turn when the topics have been read
                return;
            }
        }
    }

    private void readHistory(String model, boolean isKnown) {
        MetricsHistory.LongerHistory history = metrics.new LongerHistory(model);
        metricsReader.sample(
                HISTORY_OF_A_MODEL, partitions.get(model), key -> text(key).equals(model), entry -> {
                    if (entry.problem() == null) {
                        history.take(entry.value(), entry.source().timestamp());
                        partitions.put(model, entry.source().partition());
                    }
                });
        history.end();
        if (!isKnown && !metrics.isKnown(model)) {
            return;
        }
        weights.lookAt(model);
        weightsReader.sample(
                HISTORY_OF_A_MODEL,
                partitions.get(model),
                key -> WeightsBoard.model(text(key)).equals(model),
                this::takeWeights);
    }

    private static String key(Entry<?> entry) {
        return text(entry.source().key());
    }

    private static String text(byte[] key) {
        return new String(key, StandardCharsets.UTF_8);
    }

    private void takeMetrics(Entry<Metrics> entry) {
        if (entry.problem() == null && entry.source().key() != null) {
            String model = key(entry);
            if (entry.value() == null) {
                partitions.remove(model);
            } else {
                partitions.put(model, entry.source().partition());
            }
            metrics.take(model, entry.value(), entry.source().timestamp());
        }
    }

    private void takeWeights(Entry<Weights> entry) {
        if (entry.problem() == null && entry.source().key() != null) {
            weights.take(
                    WeightsBoard.model(key(entry)),
                    entry.value(),
                    entry.source().timestamp());
        }
    }

    private void takePrediction(Entry<Prediction> entry) {
        if (entry.value() != null && entry.source().key() != null) {
            predictions.take(key(entry), entry.value(), entry.source().timestamp());
        }
    }

    private void takeOutcome(Entry<Outcome> entry) {
        if (entry.value() != null && entry.source().key() != null) {
            predictions.take(key(entry), entry.value());
        }
    }

    private void takeDeadLetter(Entry<DeadLetter> entry) {
        if (entry.value() != null) {
            deadLetters.take(entry.value());
        }
    }

    // ---- totals

    private void count() {
        LearnerRuntime running = learner.get();
        if (running == null) {
            return;
        }
        double predicted = 0;
        double steps = 0;
        double letters = 0;
        double lag = Double.NaN;
        for (Map.Entry<MetricName, ? extends Metric> entry :
                running.streams().metrics().entrySet()) {
            MetricName name = entry.getKey();
            if (!(entry.getValue().metricValue() instanceof Double value)) {
                continue;
            }
            switch (name.name()) {
                case "predictions-total" -> predicted += value;
                case "steps-total" -> steps += value;
                case "dead-letters-total" -> letters += value;
                case "records-lag" -> {
                    // of the partitions that the learner reads, not of changelogs that it restores from
                    if (!name.tags().getOrDefault("client-id", "").contains("restore") && Double.isFinite(value)) {
                        lag = (Double.isNaN(lag) ? 0 : lag) + value;
                    }
                }
                default -> {
                    // another metric
                }
            }
        }
        before = now;
        now = new Totals(System.nanoTime(), predicted, steps, letters, lag);
    }

    /** Returns what goes on. */
    ObjectNode tick() {
        LearnerRuntime running = learner.get();
        Totals last = before;
        Totals current = now;
        double seconds = last.nanos == 0 ? Double.NaN : (current.nanos - last.nanos) / 1e9;
        ObjectNode tick = JsonNodeFactory.instance.objectNode();
        tick.put("time", System.currentTimeMillis());
        tick.put(
                "state",
                running == null ? "STARTING" : running.streams().state().name());
        tick.put("predictionsPerSecond", rate(current.predictions - last.predictions, seconds));
        tick.put("stepsPerSecond", rate(current.steps - last.steps, seconds));
        tick.put("deadLettersPerSecond", rate(current.deadLetters - last.deadLetters, seconds));
        if (Double.isFinite(current.lag)) {
            tick.put("lag", (long) current.lag);
        }
        tick.put("deadLetters", deadLetters.count());
        tick.put("deadLettersAreMore", deadLetters.isSample());
        tick.put("models", metrics.size());
        if (config.hasLateLabels()) {
            tick.put("waiting", metrics.waiting());
        }
        return tick;
    }

    /** A counter starts over where a task has moved. */
    private static double rate(double more, double seconds) {
        return Double.isNaN(seconds) ? 0 : Math.max(0, more / seconds);
    }

    @Override
    public void close() {
        closed.countDown();
        // not interrupted: its consumers would not be closed cleanly
        feeds.forEach(feed -> feed.reader.wakeup());
        try {
            thread.join(CLOSE_TIMEOUT.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
