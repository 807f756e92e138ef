package io.thalweg.app.cli;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.runtime.Reset;
import io.thalweg.runtime.StopException;
import java.io.Console;
import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import org.apache.kafka.clients.admin.Admin;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "reset",
        description = {
            "Deletes what a learner has learned, after asking. The next time it starts, it begins with the oldest "
                    + "example.",
            "",
            "Its consumer group and its changelog topic are deleted. Because it will publish everything again, "
                    + "the topics of predictions, dead letters and outcomes are emptied (deleted, and created "
                    + "again with the same partitions and settings), and the topics of weights and metrics get a "
                    + "tombstone for each key; otherwise `verify` would find everything twice. Examples and labels "
                    + "are kept. If another learner, with another application.id, has published to the same topics, "
                    + "its outputs are deleted too."
        },
        mixinStandardHelpOptions = true)
final class ResetCommand implements Callable<Integer> {
    @Mixin
    private SettingsOptions settings;

    @Option(
            names = "--keep-outputs",
            description =
                    "Keep what has been published. Readers will then see it twice, and `verify` will report that.")
    private boolean keepOutputs;

    @Option(names = "--yes", description = "Do not ask for confirmation.")
    private boolean yes;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        ThalwegConfig config = settings.config();
        PrintWriter out = spec.commandLine().getOut();
        String application = config.getString(ThalwegConfig.APPLICATION_ID);
        try (Admin admin = KafkaSettings.admin(config)) {
            Reset reset = new Reset(config, admin, keepOutputs);
            List<String> goes = reset.look();
            if (goes.isEmpty()) {
                out.println("there is nothing to delete for learner " + application);
                return ExitCode.OK.code();
            }
            out.println("This will be deleted permanently:");
            goes.forEach(line -> out.println("  " + line));
            out.flush();
            ask(application);
            reset.run();
            out.println("learner " + application + " has been reset");
        }
        return ExitCode.OK.code();
    }

    private void ask(String application) {
        if (yes) {
            return;
        }
        Console console = System.console();
        String answer = console == null ? null : console.readLine("Type the application id to continue: ");
        if (answer == null) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    "nothing was done: there is no terminal to ask on; use --yes to reset without asking");
        }
        if (!answer.strip().equals(application)) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS, "nothing was done: that is not the application id, " + application);
        }
    }
}
