package io.thalweg.app.cli;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.runtime.Topics;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import org.apache.kafka.clients.admin.Admin;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "topics",
        description = "Reports what is missing or wrong with the learner's topics, or creates those that are missing.",
        mixinStandardHelpOptions = true)
final class TopicsCommand implements Callable<Integer> {
    @Mixin
    private SettingsOptions settings;

    @Option(
            names = "--create",
            description =
                    "Create the topics that are missing, with the right partitions, compaction, retention and sizes.")
    private boolean create;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        ThalwegConfig config = settings.config();
        PrintWriter out = spec.commandLine().getOut();
        try (Admin admin = KafkaSettings.admin(config)) {
            Topics topics = new Topics(config, admin);
            if (create) {
                topics.create().forEach(topic -> out.println("created " + topic));
            }
            Topics.State state = topics.look();
            state.problems().forEach(problem -> out.println((problem.fatal() ? "✗ " : "· ") + problem.text()));
            if (state.fatal().isEmpty()) {
                out.println("✓ the topics are ready for the learner, with " + state.partitions()
                        + (state.partitions() == 1 ? " partition" : " partitions"));
                return ExitCode.OK.code();
            }
            state.remedy().ifPresent(remedy -> out.println(settings.repeatedIn(remedy)));
            return ExitCode.NOT_READY.code();
        }
    }
}
