package io.thalweg.app.cli;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.registry.Registry;
import io.thalweg.runtime.AccessRole;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.runtime.Repartition;
import io.thalweg.runtime.StopException;
import io.thalweg.runtime.Topics;
import io.thalweg.store.KeyPartitioner;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.apache.kafka.clients.admin.Admin;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "topics",
        description = {
            "Reports what is missing or wrong with the learner's topics, creates those that are missing, prints the "
                    + "rights that they need, or gives the learner another number of partitions.",
            "",
            "--repartition keeps what was learned: each model goes to the partition in which its key is from now on. "
                    + "Stop all instances first. It learns the rest of the input, gives the topics more partitions, "
                    + "and moves each model exactly once; if it is interrupted, run it again. To get fewer partitions, "
                    + "create a new topic, set examples.topic to it, and let producers write there first."
        },
        mixinStandardHelpOptions = true)
final class TopicsCommand implements Callable<Integer> {
    @Mixin
    private SettingsOptions settings;

    @Option(
            names = "--create",
            description =
                    "Create the topics that are missing, with the right partitions, compaction, retention and sizes.")
    private boolean create;

    @Option(
            names = "--acls",
            description =
                    "Print the least rights that these settings need, as kafka-acls commands for each role, and do "
                            + "nothing else.")
    private boolean acls;

    @Option(
            names = "--repartition",
            paramLabel = "N",
            description = "Move the models of a learner that is stopped to N partitions.")
    private Integer repartition;

    @Option(
            names = "--partitioner",
            description = "How producers choose the partition of a key: ${COMPLETION-CANDIDATES}. Found out if it is "
                    + "not given: MURMUR2 is the default of the Java client and kafkajs, CRC32 that of librdkafka.")
    private KeyPartitioner partitioner;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        ThalwegConfig config = settings.config();
        PrintWriter out = spec.commandLine().getOut();
        if (acls) {
            for (AccessRole role : AccessRole.values()) {
                out.println("# %s: %s".formatted(role.text(), role.commands()));
                role.grants(config).forEach(out::println);
            }
            return ExitCode.OK.code();
        }
        try (Admin admin = KafkaSettings.admin(config)) {
            if (repartition != null) {
                move(config, admin, out);
            }
            Topics topics = new Topics(config, admin);
            if (create) {
                topics.create(topic -> {
                    out.println("created " + topic);
                    out.flush();
                });
            }
            Topics.State state = topics.look();
            if (state.moved().isPresent()) {
                out.println("✗ " + settings.repeatedIn(state.moved().get()));
                return ExitCode.BAD_STATE.code();
            }
            state.problems().forEach(problem -> out.println((problem.fatal() ? "✗ " : "· ") + problem.text()));
            if (state.fatal().isEmpty()) {
                explainCompression(new KafkaSettings(config).compression(), out);
                out.println("✓ the topics are ready for the learner, with " + state.partitions()
                        + (state.partitions() == 1 ? " partition" : " partitions"));
                return ExitCode.OK.code();
            }
            state.remedy().ifPresent(remedy -> out.println(settings.repeatedIn(remedy)));
            return ExitCode.NOT_READY.code();
        }
    }

    private static void explainCompression(String compression, PrintWriter out) {
        if (!compression.equals("gzip") && !compression.equals("none")) {
            out.println("· outputs are written with %s, which kafkajs cannot read; %s=gzip is for every client"
                    .formatted(compression, ThalwegConfig.TOPICS_COMPRESSION));
        }
    }

    private void move(ThalwegConfig config, Admin admin, PrintWriter out) {
        if (repartition < 1) {
            throw new StopException(ExitCode.BAD_SETTINGS, "a learner has at least 1 partition");
        }
        Duration retry = Duration.ofMillis(config.getLong(ThalwegConfig.REGISTRY_RETRY_MAX_MS));
        try (Registry schemas = Registry.of(config, retry)) {
            new Repartition(config, admin, schemas, schemas, repartition, Optional.ofNullable(partitioner), line -> {
                        out.println(line);
                        out.flush();
                    })
                    .run();
        }
    }
}
