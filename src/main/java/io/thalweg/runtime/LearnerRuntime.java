package io.thalweg.runtime;

import io.thalweg.clients.StrictClients;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.ReadAhead;
import io.thalweg.input.RecordBundle;
import io.thalweg.input.SchemaSource;
import io.thalweg.input.SchemaSourceException;
import io.thalweg.output.OutputTopic;
import io.thalweg.output.SchemaIds;
import io.thalweg.store.StateException;
import io.thalweg.topology.CommittedReads;
import io.thalweg.topology.LearnerTopology;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KafkaStreams.State;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A running learner. It checks at start that everything it needs is there, replaces threads that die, within limits,
 * and reports how it ended as an exit code.
 */
public final class LearnerRuntime implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(LearnerRuntime.class);
    private static final Duration REPLACEMENT_WINDOW = Duration.ofMinutes(10);
    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(30);
    /** How many bundles of records a thread has of a partition before it fetches no more of it. */
    private static final int BUFFERED_BUNDLES = 100;
    /** How long a bundle may be, in milliseconds, so that events and labels that are late come in their order. */
    private static final long MOST_MILLIS_BESIDE_LABELS = 10;

    private final KafkaStreams streams;
    private final int partitions;
    private final int replacementsMax;
    private final Deque<Instant> replacements = new ArrayDeque<>();
    private final CompletableFuture<StopException> end = new CompletableFuture<>();
    private final ScheduledExecutorService lookout;
    /** Of its own, because the other checks wait for brokers, and this one must say that they do not answer. */
    private final ScheduledExecutorService silenceLookout = lookout("silence-lookout");

    private final PartitionWatch partitionWatch;
    /** Null if nothing is read ahead. */
    private final ReadAhead ahead;

    private volatile boolean wasRunning;

    private final RestoreTimer restoreTimer = new RestoreTimer();
    private final ThalwegConfig config;
    private final StrictClients clients;

    private LearnerRuntime(
            ThalwegConfig config,
            StrictClients clients,
            KafkaStreams streams,
            int partitions,
            int replacementsMax,
            ScheduledExecutorService lookout,
            PartitionWatch partitionWatch,
            ReadAhead ahead) {
        this.config = config;
        this.clients = clients;
        this.ahead = ahead;
        this.streams = streams;
        this.partitions = partitions;
        this.partitionWatch = partitionWatch;
        this.replacementsMax = replacementsMax;
        this.lookout = lookout;
    }

    /**
     * Checks brokers, topics and settings, and starts a learner.
     *
     * @param schemas finds the schemas that records were written with
     * @param schemaIds registers the schemas of the outputs
     * @throws StopException if something that the learner needs is missing or wrong
     * @throws org.apache.kafka.common.config.ConfigException if {@value ThalwegConfig#MODEL_START} cannot be used
     */
    public static LearnerRuntime start(ThalwegConfig config, SchemaSource schemas, SchemaIds schemaIds) {
        return start(config, schemas, schemaIds, null);
    }

    /**
     * Checks brokers, topics and settings, and starts a learner whose committed state other threads can read.
     *
     * @param schemas finds the schemas that records were written with
     * @param schemaIds registers the schemas of the outputs
     * @param readers what other threads want to read; null if nobody does
     * @throws StopException if something that the learner needs is missing or wrong
     */
    public static LearnerRuntime start(
            ThalwegConfig given, SchemaSource schemas, SchemaIds schemaIds, CommittedReads readers) {
        KafkaSettings settings = new KafkaSettings(given);
        settings.checkClients();
        int partitions = check(given);
        String keyless = keyless(given, partitions);
        ThalwegConfig config;
        try (Admin admin = KafkaSettings.admin(given)) {
            config = given.withLastCopies(new TopicChanges(given, admin, "try again")::known);
            StateCheck.run(config, admin, keyless);
        }
        MappingCheck.run(config, schemas);
        PartitionWatch watch = new PartitionWatch(config, partitions);
        ReadAhead ahead = config.readsAhead() ? new ReadAhead(config, schemas, keyless) : null;
        ScheduledExecutorService lookout = lookout("lookout");
        StrictClients clients = new StrictClients(
                settings.instance(),
                new DeadTransactions(config, lookout)::lookSoon,
                polled -> taken(polled, config, ahead));
        LearnerRuntime runtime = null;
        try {
            Topology topology =
                    new LearnerTopology(config, schemas, schemaIds, keyless, partitions, watch, readers, ahead).get();
            Properties properties = new Properties();
            properties.putAll(settings.streams());
            properties.putIfAbsent(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, BUFFERED_BUNDLES);
            KafkaStreams streams = new KafkaStreams(topology, properties, clients);
            clients.handOver();
            runtime = new LearnerRuntime(
                    config,
                    clients,
                    streams,
                    partitions,
                    config.getInt(ThalwegConfig.THREAD_REPLACEMENTS_MAX),
                    lookout,
                    watch,
                    ahead);
            streams.setUncaughtExceptionHandler(runtime::respond);
            streams.setStateListener(runtime::stateChanged);
            streams.setGlobalStateRestoreListener(runtime.restoreTimer);
            streams.start();
            runtime.watch(new BrokerSilence(
                    streams::metrics, Duration.ofMillis(config.getLong(ThalwegConfig.BROKER_STALL_MAX_MS))));
            return runtime;
        } catch (RuntimeException e) {
            if (runtime != null) {
                runtime.close();
            } else {
                clients.abandon();
                watch.close();
                lookout.shutdownNow();
                if (ahead != null) {
                    ahead.close();
                }
            }
            throw e instanceof KafkaException ofKafka
                    ? KafkaSettings.wrong(ofKafka)
                            .map(RuntimeException.class::cast)
                            .orElse(e)
                    : e;
        }
    }

    /** Returns what a thread works on after a poll. */
    private static ConsumerRecords<byte[], byte[]> taken(
            ConsumerRecords<byte[], byte[]> polled, ThalwegConfig config, @Nullable ReadAhead ahead) {
        if (ahead != null) {
            ahead.polled(polled);
        }
        return RecordBundle.bundled(polled, config.hasLateLabels() ? MOST_MILLIS_BESIDE_LABELS : Long.MAX_VALUE);
    }

    /** An executor for periodic checks. It drops tasks that are submitted after its end. */
    private static ScheduledExecutorService lookout(String name) {
        return new ScheduledThreadPoolExecutor(
                1,
                task -> {
                    Thread thread = new Thread(task, name);
                    thread.setDaemon(true);
                    return thread;
                },
                new ThreadPoolExecutor.DiscardPolicy());
    }

    private void watch(BrokerSilence silence) {
        long interval = BrokerSilence.INTERVAL.toMillis();
        Runnable look = () -> {
            // a learner that is stopping receives nothing anyway
            if (streams.state().isRunningOrRebalancing()) {
                silence.look();
            }
        };
        silenceLookout.scheduleWithFixedDelay(look, interval, interval, TimeUnit.MILLISECONDS);
        long ofPartitions = PartitionWatch.INTERVAL.toMillis();
        lookout.scheduleWithFixedDelay(
                () -> {
                    partitionWatch
                            .look()
                            .ifPresent(changed -> end.complete(new StopException(ExitCode.BAD_STATE, changed)));
                    partitionWatch.answer();
                },
                ofPartitions,
                ofPartitions,
                TimeUnit.MILLISECONDS);
    }

    /**
     * Checks brokers and topics.
     *
     * @return how many partitions the examples topic has
     */
    private static int check(ThalwegConfig config) {
        Topics.State state;
        try (Admin admin = KafkaSettings.admin(config)) {
            Topics topics = new Topics(config, admin);
            topics.require(AccessRole.LEARNER);
            state = topics.look();
            state.moved().ifPresent(moved -> {
                throw new StopException(ExitCode.BAD_STATE, moved);
            });
            if (state.fatal().isEmpty() && topics.hasStrangers()) {
                LOG.warn(
                        "learner {} has not learned anything yet, but topic {} already holds predictions. Are they from"
                                + " another learner? Two learners need separate output topics, or readers see"
                                + " everything twice and `verify` fails.",
                        config.getString(ThalwegConfig.APPLICATION_ID),
                        OutputTopic.PREDICTIONS.nameIn(config));
            }
        }
        for (TopicProblem problem : state.problems()) {
            if (!problem.fatal()) {
                LOG.warn("{}", problem.text());
            }
        }
        if (!state.fatal().isEmpty()) {
            throw new StopException(
                    ExitCode.NOT_READY,
                    String.join(
                            "\n",
                            Stream.concat(state.fatal().stream().map(TopicProblem::text), state.remedy().stream())
                                    .toList()));
        }
        return state.partitions();
    }

    /**
     * Checks whether the settings fit the events of the examples topic, as a learner does when it starts.
     *
     * @return what each field is used as, one line for each kind; empty if that is not known, or nothing is mapped
     * @throws StopException if they do not fit, in one line
     */
    public static List<String> checkMapping(ThalwegConfig config, SchemaSource schemas) {
        return MappingCheck.ofEvents(config, schemas);
    }

    /**
     * The model of records without a key.
     *
     * @param partitions how many the examples topic has
     * @return empty if such records become dead letters
     * @throws StopException if the setting is not allowed with that many partitions
     */
    public static String keyless(ThalwegConfig config, int partitions) {
        if (partitions == 1) {
            return config.getString(ThalwegConfig.MODEL_DEFAULT);
        }
        if (config.isGiven(ThalwegConfig.MODEL_DEFAULT)) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    ("%s trains one model on all records without a key, but topic %s has %d partitions, and each would"
                                    + " train its own; use a topic with one partition, or use the model id as the"
                                    + " record key and remove the setting")
                            .formatted(
                                    ThalwegConfig.MODEL_DEFAULT,
                                    config.getString(ThalwegConfig.EXAMPLES_TOPIC),
                                    partitions));
        }
        return "";
    }

    private StreamThreadExceptionResponse respond(Throwable death) {
        for (Throwable cause = death; cause != null; cause = cause.getCause()) {
            if (cause instanceof StateException) {
                return stop(ExitCode.BAD_STATE, cause.getMessage());
            }
            if (cause instanceof SchemaSourceException) {
                return stop(
                        ExitCode.DIED,
                        cause.getMessage() + "; nothing is lost, start the learner again when it answers");
            }
        }
        Optional<StopException> denied = AccessDenied.explain(death, config, AccessRole.LEARNER);
        if (denied.isPresent()) {
            // another thread would be denied the same
            return stop(denied.map(this::precisely).get());
        }
        Instant now = Instant.now();
        synchronized (replacements) {
            replacements.addLast(now);
            while (replacements.peekFirst().isBefore(now.minus(REPLACEMENT_WINDOW))) {
                replacements.removeFirst();
            }
            if (replacements.size() > replacementsMax) {
                LOG.error("a thread died", death);
                return stop(
                        ExitCode.DIED,
                        "%d threads died within %d minutes, the last because of: %s; nothing is lost"
                                .formatted(replacements.size(), REPLACEMENT_WINDOW.toMinutes(), rootMessage(death)));
            }
            LOG.warn(
                    "a thread died and is replaced ({} of {} within {} minutes)",
                    replacements.size(),
                    replacementsMax,
                    REPLACEMENT_WINDOW.toMinutes(),
                    death);
        }
        return StreamThreadExceptionResponse.REPLACE_THREAD;
    }

    /** Asks the brokers which of the rights in question is missing, if they tell. */
    private StopException precisely(StopException denied) {
        try (Admin admin = KafkaSettings.admin(config)) {
            new AccessCheck(config, admin).require(AccessRole.LEARNER.rights(config, partitions));
            return denied;
        } catch (StopException missing) {
            return missing;
        } catch (KafkaException e) {
            return denied;
        }
    }

    private StreamThreadExceptionResponse stop(ExitCode exitCode, String message) {
        return stop(new StopException(exitCode, message));
    }

    private StreamThreadExceptionResponse stop(StopException reason) {
        // the partitions are for others at once
        clients.leaveGroup();
        end.complete(reason);
        return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
    }

    private static String rootMessage(Throwable death) {
        Throwable cause = death;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause.getClass().getSimpleName() + ": " + cause.getMessage();
    }

    private void stateChanged(State now, State before) {
        if (now == State.RUNNING) {
            wasRunning = true;
            LOG.info("the learner is running");
        } else {
            LOG.debug("the learner is now {}", now);
        }
        if (now == State.ERROR) {
            end.complete(new StopException(ExitCode.DIED, "the learner stopped; its log says why"));
        }
    }

    /** Whether all tasks are restored and are being processed. */
    public boolean isRunning() {
        return streams.state() == State.RUNNING;
    }

    /** Whether it has been running at any time since it was started. */
    public boolean wasRunning() {
        return wasRunning;
    }

    /** The Kafka Streams application, for its metrics. */
    public KafkaStreams streams() {
        return streams;
    }

    /** How many partitions the examples topic has. */
    public int partitions() {
        return partitions;
    }

    /** Why the learner ended by itself; null if it has not. */
    public String reasonOfEnd() {
        StopException reason = end.getNow(null);
        return reason == null ? null : reason.getMessage();
    }

    /** The longest time that restoring a partition has taken. */
    public Duration restored() {
        return restoreTimer.longest();
    }

    /** Whether the learner has ended by itself. */
    public boolean hasEnded() {
        return end.isDone();
    }

    /**
     * Waits until the learner ends by itself.
     *
     * @throws StopException always, with the reason: a learner only ends by itself if it fails
     */
    public void await() {
        throw end.join();
    }

    /**
     * Commits, stops and leaves the group, so that the next instance does not have to wait until the group notices that
     * this one is gone.
     */
    @Override
    public void close() {
        stop();
    }

    /**
     * Does the same as {@link #close}.
     *
     * @return whether everything was committed in time
     */
    public boolean stop() {
        lookout.shutdownNow();
        silenceLookout.shutdownNow();
        partitionWatch.close();
        CloseOptions leaving = CloseOptions.timeout(CLOSE_TIMEOUT)
                .withGroupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP);
        boolean clean = streams.close(leaving);
        if (ahead != null) {
            ahead.close();
        }
        if (!clean) {
            LOG.warn(
                    "did not stop within {} s; what was not committed will be done again at the next start",
                    CLOSE_TIMEOUT.toSeconds());
        }
        return clean;
    }
}
