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
            "Forgets what a learner has learned, after asking; it begins again with the oldest example when it is"
                    + " started.",
            "",
            "Its consumer group and its changelog topic are deleted. Then what it has published would come a second"
                    + " time, and `verify` would find it twice; so the topics of predictions and dead letters are"
                    + " emptied (deleted, and made anew with the same partitions and settings), and those of weights"
                    + " and metrics get a tombstone under each key. Examples stay. A learner that has run under another"
                    + " application.id into the same topics loses what it has published there."
        },
        mixinStandardHelpOptions = true)
final class ResetCommand implements Callable<Integer> {
    @Mixin
    private SettingsOptions settings;

    @Option(
            names = "--keep-outputs",
            description = "Leave what has been published where it is. Readers then see it twice, and `verify` says so.")
    private boolean keepOutputs;

    @Option(names = "--yes", description = "Do not ask.")
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
                out.println("there is nothing to forget of learner " + application);
                return ExitCode.OK.code();
            }
            out.println("This goes for good:");
            goes.forEach(line -> out.println("  " + line));
            out.flush();
            ask(application);
            reset.run();
            out.println("learner " + application + " has forgotten everything");
        }
        return ExitCode.OK.code();
    }

    private void ask(String application) {
        if (yes) {
            return;
        }
        Console console = System.console();
        String answer = console == null ? null : console.readLine("Type the application id to go on: ");
        if (answer == null) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    "nothing was done: there is nobody here to ask; --yes goes on without asking");
        }
        if (!answer.strip().equals(application)) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS, "nothing was done: the application id is " + application + ", not that");
        }
    }
}
