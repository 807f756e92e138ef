package io.thalweg.app.cli;

import io.thalweg.app.local.EmbeddedBroker;
import io.thalweg.app.local.EmbeddedRegistry;
import io.thalweg.app.page.PageEndpoints;
import io.thalweg.app.serve.Serving;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.config.ValueFormat;
import io.thalweg.output.OutputTopic;
import io.thalweg.registry.Registry;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.runtime.LearnerRuntime;
import io.thalweg.runtime.StopException;
import io.thalweg.runtime.Topics;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.apache.kafka.clients.admin.Admin;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "local",
        description =
                "Runs a broker, a schema registry if a format needs one, and the learner in this process until it "
                        + "is stopped, to learn from your own events. They listen on this machine only, without "
                        + "passwords. All data is kept in a directory and is there the next time; delete the "
                        + "directory to start over.",
        mixinStandardHelpOptions = true)
final class LocalCommand implements Callable<Integer> {
    private static final Logger LOG = LoggerFactory.getLogger(LocalCommand.class);

    /** The settings that this command determines. */
    private static final List<String> OWN = List.of(ThalwegConfig.BOOTSTRAP_SERVERS, ThalwegConfig.REGISTRY_URL);

    private static final Duration REHEARSAL_PATIENCE = Duration.ofMinutes(1);

    @Mixin
    private SettingsOptions settings;

    @Option(names = "--port", description = "The port of the broker. Default: 9092.")
    private int port = 9092;

    @Option(names = "--registry-port", description = "The port of the registry. Default: 8081.")
    private int registryPort = 8081;

    @Option(
            names = "--data",
            paramLabel = "DIR",
            description = "The directory for all data. Default: .thalweg/local in the home directory.")
    private Path data = Path.of(System.getProperty("user.home"), ".thalweg", "local");

    @Option(
            names = "--no-learner",
            description = "Run only the broker and the registry, to reset the learner or to run it separately.")
    private boolean withoutLearner;

    @Option(
            names = "--rehearsal",
            hidden = true,
            description = "Exit as soon as everything runs. The launcher uses this to record which classes are loaded.")
    private boolean rehearsal;

    @Spec
    private CommandSpec spec;

    private final Deque<AutoCloseable> open = new ArrayDeque<>();
    /** Null if there is no learner. */
    private Serving serving;

    @Override
    public Integer call() {
        ThalwegConfig given = settings.config();
        Shutdown.Watch watch = Shutdown.whenAsked(this::close);
        try {
            boolean hasRegistry = given.needsRegistry();
            say("Starting a broker" + (hasRegistry ? " and a schema registry" : "") + " with the data in " + data
                    + " ...");
            EmbeddedBroker broker = start(() -> EmbeddedBroker.start(data.resolve("broker"), port));
            String registry = hasRegistry
                    ? start(() -> EmbeddedRegistry.start(data.resolve("schemas.jsonl"), registryPort))
                            .url()
                    : "";
            ThalwegConfig config = given.with(ThalwegConfig.BOOTSTRAP_SERVERS, broker.bootstrapServers())
                    .with(ThalwegConfig.REGISTRY_URL, registry);
            createTopics(config);
            CompletableFuture<Void> end = new CompletableFuture<>();
            broker.failed()
                    .thenAccept(fault -> end.completeExceptionally(
                            new StopException(ExitCode.DIED, "the broker failed: " + fault.getMessage())));
            if (!withoutLearner) {
                say("Starting the learner ...");
                LearnerRuntime learner = startLearner(Serving.onThisMachine(config));
                CompletableFuture.runAsync(learner::await).exceptionally(death -> {
                    end.completeExceptionally(death instanceof CompletionException ? death.getCause() : death);
                    return null;
                });
                if (rehearsal) {
                    awaitRunning(learner, end);
                    return ExitCode.OK.code();
                }
            }
            greet(config);
            end.join();
        } catch (CompletionException e) {
            throw e.getCause() instanceof StopException stop
                    ? withBroker(stop)
                    : e.getCause() instanceof RuntimeException cause ? cause : e;
        } finally {
            watch.close();
            close();
        }
        return ExitCode.OK.code();
    }

    /** Says how to run a command that a message suggests, which needs the broker that ends with this one. */
    private static StopException withBroker(StopException stop) {
        return stop.getMessage().contains("`thalweg reset`")
                ? new StopException(
                        stop.exitCode(),
                        stop.getMessage()
                                + ". A reset needs the broker: `thalweg local --no-learner` runs it and prints"
                                + " the command")
                : stop;
    }

    private static void awaitRunning(LearnerRuntime learner, CompletableFuture<Void> end) {
        long deadline = System.nanoTime() + REHEARSAL_PATIENCE.toNanos();
        while (!learner.isRunning() && !end.isDone()) {
            if (System.nanoTime() > deadline) {
                throw new StopException(ExitCode.NOT_READY, "the learner is not running yet");
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
        }
    }

    /** Says what takes time. Standard output is for what the user needs later. */
    private void say(String what) {
        spec.commandLine().getErr().println(what);
        spec.commandLine().getErr().flush();
    }

    private <T extends AutoCloseable> T start(Supplier<T> part) {
        try {
            T started = part.get();
            push(started);
            return started;
        } catch (IllegalStateException e) {
            LOG.debug("not started", e);
            throw new StopException(ExitCode.NOT_READY, e.getMessage());
        }
    }

    private static void createTopics(ThalwegConfig config) {
        try (Admin admin = KafkaSettings.admin(config)) {
            new Topics(config, admin).create();
        }
    }

    private LearnerRuntime startLearner(ThalwegConfig config) {
        Registry schemas = Registry.of(config, Duration.ofMillis(config.getLong(ThalwegConfig.REGISTRY_RETRY_MAX_MS)));
        push(schemas);
        serving = Serving.start(config, schemas, PageEndpoints::new);
        push(serving);
        return serving.learner();
    }

    private synchronized void push(AutoCloseable part) {
        open.push(part);
    }

    /** Stops what was started, in reverse order: the learner commits while the broker is still running. */
    private synchronized void close() {
        while (!open.isEmpty()) {
            try {
                open.pop().close();
            } catch (Exception e) {
                LOG.warn("did not stop cleanly", e);
            }
        }
    }

    private void greet(ThalwegConfig config) {
        PrintWriter out = spec.commandLine().getOut();
        String broker = here(config.getString(ThalwegConfig.BOOTSTRAP_SERVERS));
        String registry = here(config.getString(ThalwegConfig.REGISTRY_URL));
        boolean hasRegistry = config.hasRegistry();
        String options = options(config, broker, registry);
        String examples = config.getString(ThalwegConfig.EXAMPLES_TOPIC);
        String predictions = OutputTopic.PREDICTIONS.nameIn(config);
        List<String> lines = new ArrayList<>(List.of(
                withoutLearner
                        ? (hasRegistry ? "Broker and registry run" : "The broker runs") + " until you press Ctrl-C."
                        : "Thalweg runs until you press Ctrl-C.",
                "  broker    " + broker,
                "  data      " + data.toAbsolutePath().normalize() + "  (to start over, stop and delete it)",
                "",
                "In another terminal:"));
        if (hasRegistry) {
            lines.add(2, "  registry  " + registry);
        }
        if (serving != null) {
            lines.add(1, "  page      " + serving.url());
        }
        if (withoutLearner) {
            lines.add(command("reset", options));
            lines.add(command("run", options));
        } else {
            boolean late = config.hasLateLabels();
            lines.addAll(sending(config, options, broker));
            lines.add(command("watch predictions --from-beginning", options));
            if (late) {
                lines.add(command("watch outcomes --from-beginning", options));
            }
            lines.add(command("watch weights", options));
            lines.add(command("verify", options));
        }
        if (config.examplesFormat() == ValueFormat.AVRO) {
            lines.add("  curl -s " + registry + "/subjects/" + examples + "-value/versions/latest/schema");
        }
        // the kcat of Debian has no Avro, so it shows what is not in the value
        lines.add("  kcat -C -e -q -b " + broker + " -t " + predictions
                + (config.outputFormat() == ValueFormat.AVRO ? " -f '%p %o %k\\n'" : ""));
        lines.forEach(out::println);
        out.flush();
    }

    /** The commands that send what the learner can read. */
    private static List<String> sending(ThalwegConfig config, String options, String broker) {
        if (config.hasLateLabels()) {
            return List.of(
                    example("", options),
                    command("produce EVENTS.csv --id-column COLUMN --time COLUMN", options),
                    command("produce LABELS.csv --labels --time COLUMN", options));
        } else if (config.isMapped()) {
            // produce writes Examples, and not events with a field of their own for the label
            String topic = config.getString(ThalwegConfig.EXAMPLES_TOPIC);
            return List.of(
                    config.examplesFormat() == ValueFormat.JSON
                            ? "  kcat -P -b " + broker + " -t " + topic + " -l EVENTS.jsonl"
                            : "  (send your events to topic " + topic + " with your own producer)");
        }
        return List.of(example("\"label\": 1, ", options), command("produce FILE.csv --label COLUMN", options));
    }

    private static String example(String label, String options) {
        return "  echo '{\"id\": \"1\", " + label + "\"features\": {\"sunny\": 1, \"degrees\": 0.21}}' | "
                + command("produce -", options).strip();
    }

    private static String command(String what, String options) {
        return "  bin/thalweg " + what + options;
    }

    private static String here(String address) {
        return address.replace("127.0.0.1", "localhost");
    }

    /** The options for other commands: the settings that differ from their defaults. */
    private static String options(ThalwegConfig config, String broker, String registry) {
        StringBuilder options = new StringBuilder();
        Map<String, Object> defaults = ThalwegConfig.DEFINITION.defaultValues();
        for (String name : ThalwegConfig.DEFINITION.names().stream().sorted().toList()) {
            String value = String.valueOf(config.values().get(name));
            if (OWN.contains(name)) {
                value = name.equals(ThalwegConfig.BOOTSTRAP_SERVERS) ? broker : registry;
            }
            boolean isUnused = name.equals(ThalwegConfig.REGISTRY_URL) && !config.hasRegistry();
            if (!isUnused && !value.equals(String.valueOf(defaults.get(name)))) {
                options.append(" --set ").append(quoted(name + "=" + value));
            }
        }
        return options.toString();
    }

    /** Quotes a word for a shell. */
    static String quoted(String word) {
        return word.matches("[\\w./:,=@%+-]+") ? word : "'" + word.replace("'", "'\\''") + "'";
    }
}
