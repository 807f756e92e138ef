package io.thalweg.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class ThalwegTest {
    @TempDir
    private Path directory;

    private static void assertOneLine(CommandRun result, int exitCode, String... parts) {
        assertThat(result.exitCode()).as("%s", result).isEqualTo(exitCode);
        assertThat(result.out()).isEmpty();
        assertThat(result.err())
                .hasSize(1)
                .first()
                .asString()
                .startsWith("thalweg: ")
                .contains(parts);
    }

    @Test
    void saysItsVersion() {
        CommandRun result = CommandRun.of("--version");
        assertThat(result.exitCode()).isZero();
        assertThat(result.out()).singleElement().asString().matches("thalweg \\d+\\.\\d+\\.\\d+(-SNAPSHOT)?");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "run",
                "local",
                "topics",
                "produce",
                "evaluate --file x.csv",
                "watch weights",
                "verify",
                "reset --yes"
            })
    void aSettingThatIsWrongIsOneLineBeforeAnythingElseHappens(String command) {
        String[] words = command.split(" ");

        assertOneLine(
                CommandRun.of(plus(words, "--set", "learning.rat=1")),
                2,
                "learning.rat",
                "did you mean learning.rate?");
        assertOneLine(CommandRun.of(plus(words, "--set", "learning.rate=fast")), 2, "learning.rate", "fast");
        assertOneLine(CommandRun.of(plus(words, "--set", "learning.rate=-1")), 2, "learning.rate", "above 0");
        assertOneLine(CommandRun.of(plus(words, "--config", "nowhere.properties")), 2, "nowhere.properties");
    }

    private static String[] plus(String[] words, String... more) {
        return Stream.of(words, more).flatMap(Arrays::stream).toArray(String[]::new);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "lern",
                "run --fast",
                "watch",
                "watch labels",
                "watch weights --top 0",
                "watch weights --models 0",
                "watch predictions --limit 0",
                "watch predictions --partition one",
                "produce x.csv --model a --model-column b",
                "produce x.csv --form square",
                "produce x.csv --format xml",
                "produce x.csv --rate 0",
                "evaluate",
                "evaluate --file x.csv --top -1",
                "evaluate --file x.csv --format xml",
                "local --port many"
            })
    void optionsThatAreWrongExitWith2AndSayHowTheyAreUsed(String line) {
        CommandRun result = CommandRun.of(line.isEmpty() ? new String[0] : line.split(" "));

        assertThat(result.exitCode()).isEqualTo(2);
        assertThat(result.out()).isEmpty();
        assertThat(String.join("\n", result.err())).contains("thalweg").doesNotContain("Exception", "\tat ");
    }

    @Test
    void everyCommandHasHelp() {
        CommandLine commandLine = Thalweg.commandLine();

        assertThat(commandLine.getSubcommands().keySet())
                .contains("run", "local", "topics", "produce", "evaluate", "watch", "verify", "reset");
        for (String command : commandLine.getSubcommands().keySet()) {
            CommandRun result = CommandRun.of(command, "--help");
            assertThat(result.exitCode()).isZero();
            assertThat(result.err()).isEmpty();
            assertThat(result.out().get(0)).startsWith("Usage: thalweg " + command);
        }
    }

    @Test
    void theNamesOfTheTopicsAreInTheHelp() {
        assertThat(String.join(" ", CommandRun.of("watch", "--help").out()).replaceAll(" +", " "))
                .contains("predictions, weights, metrics, dead-letters");
    }

    @Test
    void aFileThatIsNotThereIsOneLine() {
        Path missing = directory.resolve("missing.csv");

        assertOneLine(CommandRun.of("produce", missing.toString()), 2, "there is no file " + missing);
        assertOneLine(CommandRun.of("produce", directory.toString()), 2, directory.toString());
    }

    @Test
    void aFileWithoutTheColumnIsOneLine() throws IOException {
        Path file = Files.writeString(directory.resolve("x.csv"), "a,b\n1,2\n");

        assertOneLine(CommandRun.of("produce", file.toString(), "--label", "c"), 2, "has no column c; it has a, b");
    }

    @Test
    void labelsNeedATopicAndNoFeatures() throws IOException {
        String file =
                Files.writeString(directory.resolve("x.csv"), "id,label\n1,1\n").toString();
        String[] labels = {"produce", file, "--labels"};
        String[] withTopic = plus(labels, "--set", "labels.topic=truth");

        assertOneLine(CommandRun.of(labels), 2, "set labels.topic");
        assertOneLine(CommandRun.of(plus(withTopic, "--exclude", "a")), 2, "--exclude", "for features");
        assertOneLine(CommandRun.of(plus(withTopic, "--form", "sparse")), 2, "--form", "for features");
        assertOneLine(
                CommandRun.of(plus(withTopic, "--id-column", "visit")), 2, "has no column visit; it has id, label");
        assertOneLine(CommandRun.of(plus(withTopic, "--time", "at")), 2, "has no column at; it has id, label");
        assertOneLine(
                CommandRun.of(plus(withTopic, "--importance-column", "label2")), 2, "needs labels.importance.field");
        assertOneLine(
                CommandRun.of(plus(withTopic, "--label", "label", "--set", "labels.label=1")),
                2,
                "--label cannot be used, because labels.label is 1");
        assertOneLine(CommandRun.of("produce", file, "--time", "at"), 2, "has no column at; it has id, label");
    }

    @Test
    void outcomesAreOnlyThereWithLabelsThatComeLater() {
        assertOneLine(CommandRun.of("watch", "outcomes"), 2, "outcomes are published only", "set labels.topic");
    }

    @Test
    void brokersThatAreNotThereAreOneLine() {
        for (String command : List.of("topics", "run", "verify", "reset --yes", "watch predictions")) {
            assertOneLine(
                    CommandRun.of(plus(
                            command.split(" "),
                            "--set",
                            "bootstrap.servers=127.0.0.1:1",
                            "--set",
                            "schema.registry.url=mock://here",
                            "--set",
                            "start.timeout.ms=500")),
                    3,
                    "cannot reach the brokers at 127.0.0.1:1",
                    "check that they run");
        }
    }

    @Test
    void aClientThatCannotBeMadeIsNotTakenForBrokersThatAreNotThere() {
        for (String setting : List.of("metric.reporters=no.such.Reporter", "ssl.protocol=TLSv9")) {
            CommandRun result = CommandRun.of(
                    "topics",
                    "--set",
                    setting,
                    "--set",
                    "security.protocol=SSL",
                    "--set",
                    "bootstrap.servers=127.0.0.1:1");
            assertThat(result.err().get(result.err().size() - 1))
                    .doesNotContain("cannot reach the brokers")
                    .contains("no Kafka client can be made with these settings: ");
            assertThat(result.exitCode()).isEqualTo(2);
        }
    }

    @Test
    void classesInAFileAreRefusedBeforeAnyOfThemIsSent() throws IOException {
        Path file = Files.writeString(directory.resolve("x.csv"), "a,label\n1,1\n1,1\n2,2\n");

        CommandRun result =
                CommandRun.of("produce", file.toString(), "--set", "schema.registry.url=http://127.0.0.1:1");
        assertOneLine(result, 2, "line 4: the label is 2.0", "--label \"label == 2\"; nothing was sent");
        assertThat(result.err().get(0)).doesNotContain("--skip-bad");
    }

    @Test
    void aRegistryThatIsNotThereIsOneLine() throws IOException {
        Path file = Files.writeString(directory.resolve("x.csv"), "a\n1\n");

        for (String command : List.of("run", "produce " + file, "watch metrics")) {
            assertOneLine(
                    CommandRun.of(plus(
                            command.split(" "),
                            "--set",
                            "schema.registry.url=http://127.0.0.1:1",
                            "--set",
                            "registry.retry.max.ms=0")),
                    3,
                    "http://127.0.0.1:1");
        }
    }

    @Test
    void theEnvironmentSetsWhatIsASettingAndNothingElse() {
        Map<String, String> variables = new LinkedHashMap<>();
        variables.put("THALWEG_LEARNING_RATE", "0.5");
        variables.put("THALWEG_BOOTSTRAP_SERVERS", "b:1");
        variables.put("THALWEG_LOG_LEVEL", "DEBUG");
        variables.put("THALWEG_OPTS", "-Xmx1g");
        variables.put("LEARNING_RATE", "7");

        assertThat(SettingsOptions.environment(variables))
                .containsExactly(Map.entry("learning.rate", "0.5"), Map.entry("bootstrap.servers", "b:1"));
    }

    @Test
    void aFileOfSettingsIsReadAndTheCommandLineWins() throws IOException {
        Path file = Files.writeString(
                directory.resolve("thalweg.properties"), "bootstrap.servers=127.0.0.1:2\nstart.timeout.ms=500\n");

        assertOneLine(CommandRun.of("topics", "-c", file.toString()), 3, "127.0.0.1:2");
        assertOneLine(
                CommandRun.of("topics", "-c", file.toString(), "-s", "bootstrap.servers=127.0.0.1:3"),
                3,
                "127.0.0.1:3");
    }

    @Test
    void aHintRepeatsTheOptionsThatWereGivenButNoSecret() {
        SettingsOptions settings = new SettingsOptions();
        new CommandLine(settings)
                .parseArgs(
                        "-c",
                        "my settings",
                        "--set",
                        "examples.topic=it's $1",
                        "-s",
                        "producer.ssl.key.password=hush",
                        "-s",
                        "basic.auth.user.info=hush",
                        "-s",
                        "sasl.jaas.config=hush");

        assertThat(settings.repeatedIn("`verify` needs it; create it with `thalweg topics --create`."))
                .isEqualTo("`verify` needs it; create it with `thalweg topics --create --config 'my settings'"
                        + " --set 'examples.topic=it'\\''s $1' --set producer.ssl.key.password=…"
                        + " --set basic.auth.user.info=… --set sasl.jaas.config=…`.");
        assertThat(new SettingsOptions().repeatedIn("forget it with `thalweg reset`"))
                .isEqualTo("forget it with `thalweg reset`");
    }

    @Test
    void wordsForAShellAreQuotedWhereTheyMustBe() {
        assertThat(LocalCommand.quoted("bootstrap.servers=localhost:9093"))
                .isEqualTo("bootstrap.servers=localhost:9093");
        assertThat(LocalCommand.quoted("model.default=it's $mine")).isEqualTo("'model.default=it'\\''s $mine'");
    }
}
