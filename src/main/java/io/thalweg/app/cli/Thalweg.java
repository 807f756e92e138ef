package io.thalweg.app.cli;

import io.thalweg.config.UserInfo;
import io.thalweg.input.SchemaSourceException;
import io.thalweg.runtime.AccessDenied;
import io.thalweg.runtime.AccessRole;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.runtime.StopException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.common.errors.RetriableException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The main class of the program, with a subcommand for each command. */
@Command(
        name = "thalweg",
        mixinStandardHelpOptions = true,
        versionProvider = Thalweg.Version.class,
        description = "Learns from every event on a Kafka topic as it arrives, exactly once.",
        subcommands = {
            DemoCommand.class,
            LocalCommand.class,
            RunCommand.class,
            TopicsCommand.class,
            EvaluateCommand.class,
            TrainCommand.class,
            CompareCommand.class,
            BenchmarkCommand.class,
            ProduceCommand.class,
            WatchCommand.class,
            VerifyCommand.class,
            ResetCommand.class
        },
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:success, or a clean stop after SIGTERM or SIGINT",
            "1:verify found a difference",
            "2:a setting, an option or a file is wrong",
            "3:brokers, registry or topics are not ready, or verify lacks records that it needs",
            "4:the learner's state cannot be read, or was learned under other settings",
            "5:the learner ran and had to stop"
        })
public final class Thalweg implements Runnable {
    private static final Logger LOG = LoggerFactory.getLogger(Thalweg.class);

    private static final Set<String> RUN_UNTIL_STOPPED = Set.of("run", "local");

    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "no command was given");
    }

    /** Creates the command line, for {@link #main} and for tests. */
    static CommandLine commandLine() {
        return new CommandLine(new Thalweg())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExecutionExceptionHandler((exception, commandLine, parsed) -> say(exception, commandLine));
    }

    /** Prints an error as one line for people. The stack trace goes to the debug log. */
    private static int say(Exception exception, CommandLine commandLine) {
        LOG.debug("failed", exception);
        ExitCode exitCode;
        String message = exception.getMessage();
        Optional<StopException> denied = options(commandLine)
                .flatMap(SettingsOptions::used)
                .flatMap(config -> AccessDenied.explain(exception, config, role(commandLine.getCommandName())));
        Optional<RuntimeException> wrong = KafkaSettings.wrong(exception);
        if (denied.isPresent()) {
            exitCode = denied.get().exitCode();
            message = denied.get().getMessage();
        } else if (exception instanceof StopException stop) {
            exitCode = stop.exitCode();
        } else if (wrong.isPresent()) {
            exitCode = wrong.get() instanceof StopException stop ? stop.exitCode() : ExitCode.BAD_SETTINGS;
            message = wrong.get().getMessage();
        } else if (exception instanceof SchemaSourceException) {
            exitCode = ExitCode.NOT_READY;
        } else if (exception instanceof RetriableException) {
            exitCode = ExitCode.NOT_READY;
            message = "the brokers did not answer as expected: " + message;
        } else {
            exitCode = ExitCode.DIED;
            message =
                    exception.getClass().getSimpleName() + ": " + message + "; set THALWEG_LOG_LEVEL=DEBUG for details";
        }
        commandLine
                .getErr()
                .println(commandLine
                        .getColorScheme()
                        .errorText(
                                "thalweg: " + UserInfo.removedFrom(withOptions(String.valueOf(message), commandLine))));
        return exitCode.code();
    }

    /** Adds the options that the command was given to the commands that a message suggests. */
    private static String withOptions(String message, CommandLine commandLine) {
        return options(commandLine)
                .map(settings -> settings.repeatedIn(String.valueOf(message)))
                .orElse(message);
    }

    private static Optional<SettingsOptions> options(CommandLine commandLine) {
        return commandLine.getCommandSpec().mixins().values().stream()
                .map(CommandSpec::userObject)
                .filter(SettingsOptions.class::isInstance)
                .map(SettingsOptions.class::cast)
                .findFirst();
    }

    /** What a command does in the cluster. */
    private static AccessRole role(String command) {
        return switch (command) {
            case "produce" -> AccessRole.PRODUCER;
            case "verify" -> AccessRole.AUDITOR;
            case "topics", "reset" -> AccessRole.ADMINISTRATOR;
            case "run", "local" -> AccessRole.LEARNER;
            default -> AccessRole.READER;
        };
    }

    /** What {@code --version} prints. The build writes its version into a file beside this class. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() throws IOException {
            try (InputStream file = Thalweg.class.getResourceAsStream("version.txt")) {
                return new String[] {"thalweg " + new String(file.readAllBytes(), StandardCharsets.UTF_8).strip()};
            }
        }
    }

    public static void main(String[] arguments) {
        if (arguments.length > 0 && RUN_UNTIL_STOPPED.contains(arguments[0])) {
            Shutdown.beginning();
        }
        Shutdown.exit(commandLine().execute(arguments));
    }
}
