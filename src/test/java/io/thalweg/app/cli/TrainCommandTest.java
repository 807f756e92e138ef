package io.thalweg.app.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.thalweg.app.demo.Flight;
import io.thalweg.app.demo.Flights;
import io.thalweg.math.Model;
import io.thalweg.math.NewtonSolver;
import io.thalweg.store.ModelFile;
import io.thalweg.testing.Seeded;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Seeded
class TrainCommandTest {
    private static final int ROWS = 1500;
    private static final double RATE = 0.05;
    private static final String SHUFFLED = "--shuffle=3";

    @TempDir
    private Path directory;

    /** Features of about the same size, and the label at the end. */
    private final List<double[]> rows = new ArrayList<>();

    private Path file;
    private Path output;

    @BeforeEach
    void rows(Random random) throws IOException {
        for (int i = 0; i < ROWS; i++) {
            double[] row = {random.nextInt(-2, 3) / 2.0, random.nextInt(2), random.nextDouble(), 0, 0};
            row[3] = random.nextGaussian() + row[0];
            double z = 1.5 * row[0] - row[1] + 0.5 * row[3] - 0.7;
            row[4] = random.nextDouble() < 1 / (1 + Math.exp(-z)) ? 1 : 0;
            rows.add(row);
        }
        file = write("rows.csv", rows);
        output = directory.resolve("model.avro");
    }

    private Path write(String name, List<double[]> some) throws IOException {
        StringBuilder csv = new StringBuilder("a,b,c,d,label\n");
        some.forEach(r -> csv.append("%s,%s,%s,%s,%s\n".formatted(r[0], r[1], r[2], r[3], r[4])));
        return Files.writeString(directory.resolve(name), csv);
    }

    private CommandRun train(Object... more) {
        return CommandRun.of(Stream.concat(Stream.of("train", "--json", "--output", output), Stream.of(more))
                .toArray());
    }

    private static List<Double> doubles(JsonNode array) {
        List<Double> list = new ArrayList<>();
        array.forEach(each -> list.add(each.asDouble()));
        return list;
    }

    /** The only model of the file that was written. */
    private Model model() {
        List<Model> models = ModelFile.read(output).models();
        assertThat(models).hasSize(1);
        return models.get(0);
    }

    /** Plain logistic regression over the rows, some passes, as in a textbook: weights and bias after each pass. */
    private static List<double[]> textbook(List<double[]> some, int passes, double rate) {
        List<double[]> after = new ArrayList<>();
        double[] w = new double[5];
        for (int pass = 0; pass < passes; pass++) {
            for (double[] row : some) {
                double p = 1 / (1 + Math.exp(-logit(w, row)));
                for (int i = 0; i < 4; i++) {
                    w[i] -= rate * (p - row[4]) * row[i];
                }
                w[4] -= rate * (p - row[4]);
            }
            after.add(w.clone());
        }
        return after;
    }

    private static double logit(double[] w, double[] row) {
        return w[0] * row[0] + w[1] * row[1] + w[2] * row[2] + w[3] * row[3] + w[4];
    }

    private static double logLoss(double[] w, List<double[]> some) {
        double loss = 0;
        for (double[] row : some) {
            double p = 1 / (1 + Math.exp(-logit(w, row)));
            loss -= row[4] == 1 ? Math.log(p) : Math.log(1 - p);
        }
        return loss / some.size();
    }

    @Test
    void everyPassIsThatOfATextbookAndTheBestIsKept() throws IOException {
        // so high a rate that a later pass is not always better
        double rate = 0.4;
        JsonNode json =
                train(file, "--passes=30", "--set", "learning.rate=" + rate).json();
        List<double[]> expected = textbook(rows, 30, rate);
        List<Double> losses = expected.stream().map(w -> logLoss(w, rows)).toList();
        List<Double> actual = doubles(json.get("losses"));
        assertThat(actual).hasSize(30);
        int best = 0;
        for (int i = 0; i < 30; i++) {
            assertThat(actual.get(i)).isCloseTo(losses.get(i), within(1e-10));
            best = actual.get(i) < actual.get(best) ? i : best;
        }
        assertThat(json.get("pass").asInt()).isEqualTo(best + 1);
        assertThat(json.get("passes").asInt()).isEqualTo(30);
        assertThat(json.get("examples").asLong()).isEqualTo(ROWS);
        assertThat(json.get("log_loss").asDouble()).isEqualTo(actual.get(best));

        Model model = model();
        assertThat(model.version()).isEqualTo((best + 1L) * ROWS);
        assertThat(model.bias()).isCloseTo(expected.get(best)[4], within(1e-10));
        for (int i = 0; i < 4; i++) {
            assertThat(model.weight(i)).isCloseTo(expected.get(best)[i], within(1e-10));
        }
        assertThat(json.get("sha256").asText())
                .isEqualTo(ModelFile.read(output).sha256())
                .isEqualTo(ModelFile.sha256(output));
    }

    @ParameterizedTest
    @ValueSource(strings = {"learning.rate=0.2", "scaling=standard", "algorithm=ftrl", "algorithm=auto"})
    void theFirstPassIsThatOfEvaluateBitForBit(String setting) throws IOException {
        JsonNode trained = train(file, "--passes=1", "--set", setting).json();
        JsonNode evaluated = CommandRun.of("evaluate", "--json", "--file", file, "--set", setting)
                .json();
        assertThat(trained.get("progressive_losses").get(0)).isEqualTo(evaluated.get("log_loss"));
        assertThat(trained.get("base_rate_log_loss").asDouble())
                .isCloseTo(evaluated.get("base_rate_log_loss").asDouble(), within(1e-12));

        // from there, both files go on in the same way
        JsonNode one = CommandRun.of("evaluate", "--json", "--file", file, "--model", output)
                .json();
        List<double[]> twice = new ArrayList<>(rows);
        twice.addAll(rows);
        JsonNode two = CommandRun.of("evaluate", "--json", "--file", write("twice.csv", twice), "--set", setting)
                .json();
        assertThat(evaluated.get("log_loss").asDouble() + one.get("log_loss").asDouble())
                .isCloseTo(2 * two.get("log_loss").asDouble(), within(1e-12));
        assertThat(one.get("algorithm")).isEqualTo(evaluated.get("algorithm"));
        assertThat(one.get("learning_rate")).isEqualTo(evaluated.get("learning_rate"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"algorithm=auto", "learning.rate.schedule=inverse-scaling", "learning.rate.schedule=inverse-time"
            })
    void enoughPassesReachWhatABatchSolverReaches(String setting) throws IOException {
        double least = NewtonSolver.leastLogLoss(rows.stream()
                .map(row -> NewtonSolver.Row.dense(Arrays.copyOf(row, 4), row[4]))
                .toList());
        List<Object> words = new ArrayList<>(List.of(file, "--passes=60", SHUFFLED, "--set", setting));
        if (!setting.endsWith("auto")) {
            words.addAll(List.of(
                    "--rates=0.3,1", "--set", "learning.rate.decay=" + (setting.endsWith("time") ? 1e-3 : 0.5)));
        }
        JsonNode json = train(words.toArray()).json();
        assertThat(json.get("log_loss").asDouble()).isBetween(least - 1e-9, least * 1.005);
    }

    /** A part of the flights of the demo, by distance, hour, weekday, and the airports that many of them use. */
    @ParameterizedTest
    @ValueSource(strings = {"algorithm=auto", "learning.rate.schedule=inverse-time"})
    void soItIsForFlights(String setting) throws IOException {
        List<Flight> flights;
        try (Stream<Flight> all = Flights.stream()) {
            flights = all.limit(10_000).toList();
        }
        Map<String, Integer> uses = new TreeMap<>();
        flights.forEach(flight -> flight.features().keySet().forEach(name -> uses.merge(name, 1, Integer::sum)));
        List<String> columns = uses.keySet().stream()
                .filter(name -> uses.get(name) >= 100 && !name.contains(":") && !name.startsWith("route="))
                .toList();
        assertThat(columns).hasSizeGreaterThan(50);
        StringBuilder lines = new StringBuilder();
        for (Flight flight : flights) {
            Map<String, Double> features = new TreeMap<>(flight.features());
            features.keySet().retainAll(columns);
            lines.append(new ObjectMapper().writeValueAsString(Map.of("label", flight.label(), "features", features)))
                    .append('\n');
        }
        double least = NewtonSolver.leastLogLoss(flights.stream()
                .map(flight -> NewtonSolver.Row.dense(
                        columns.stream()
                                .mapToDouble(name -> flight.features().getOrDefault(name, 0.0))
                                .toArray(),
                        flight.label()))
                .toList());
        Path jsonLines = Files.writeString(directory.resolve("flights.jsonl"), lines);
        List<Object> words = new ArrayList<>(List.of(jsonLines, "--passes=40", SHUFFLED, "--set", setting));
        if (!setting.endsWith("auto")) {
            words.addAll(List.of("--set", "learning.rate.decay=0.0001", "--rates=0.3,1"));
        }
        JsonNode json = train(words.toArray()).json();
        assertThat(json.get("log_loss").asDouble()).isBetween(least - 1e-9, least * 1.005);
    }

    @Test
    void theSameSeedGivesTheSameFile() throws IOException {
        JsonNode first = train(file, "--passes=3", SHUFFLED).json();
        byte[] bytes = Files.readAllBytes(output);
        assertThat(train(file, "--passes=3", SHUFFLED).json().get("losses")).isEqualTo(first.get("losses"));
        assertThat(Files.readAllBytes(output)).isEqualTo(bytes);
        assertThat(train(file, "--passes=3", "--shuffle=4").json().get("losses"))
                .isNotEqualTo(first.get("losses"));
        List<Double> inOrder = doubles(train(file, "--passes=3").json().get("losses"));
        assertThat(inOrder).isNotEqualTo(doubles(first.get("losses")));
    }

    @Test
    void theLastRowsCanBeHeldOut() throws IOException {
        JsonNode json = train(file, "--passes=4", "--holdout=0.2").json();
        List<double[]> kept = rows.subList(0, ROWS * 4 / 5);
        List<double[]> heldOut = rows.subList(ROWS * 4 / 5, ROWS);
        assertThat(json.get("examples").asLong()).isEqualTo(kept.size());
        assertThat(json.get("held_out").asLong()).isEqualTo(heldOut.size());
        List<double[]> expected = textbook(kept, 4, RATE);
        for (int i = 0; i < 4; i++) {
            assertThat(json.get("losses").get(i).asDouble()).isCloseTo(logLoss(expected.get(i), kept), within(1e-10));
            assertThat(json.get("held_out_losses").get(i).asDouble())
                    .isCloseTo(logLoss(expected.get(i), heldOut), within(1e-10));
        }
    }

    /** Of rows whose label is that of the first column in the training part, and the opposite in the other part. */
    @Test
    void whatIsHeldOutChoosesThePass() throws IOException {
        List<double[]> turned = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            double label = i % 2;
            turned.add(new double[] {i < 150 ? 2 * label - 1 : 1 - 2 * label, 0, 0, 0, label});
        }
        JsonNode json = train(write("turned.csv", turned), "--passes=6", "--holdout=0.25")
                .json();
        assertThat(json.get("pass").asInt()).isEqualTo(1);
        assertThat(json.get("held_out_log_loss"))
                .isEqualTo(json.get("held_out_losses").get(0));
        assertThat(json.get("log_loss")).isEqualTo(json.get("losses").get(0));
        assertThat(json.get("losses").get(5).asDouble())
                .isLessThan(json.get("log_loss").asDouble());
    }

    @Test
    void anyRowsAreHeldOutWhereTheyAreShuffled() throws IOException {
        List<double[]> sorted = new ArrayList<>(rows);
        sorted.sort((one, other) -> Double.compare(one[4], other[4]));
        JsonNode json = train(write("sorted.csv", sorted), "--passes=10", "--holdout=0.2", SHUFFLED)
                .json();
        assertThat(json.get("held_out").asLong()).isEqualTo(ROWS / 5);
        // the last rows are all positive, and a model of the others would not expect that
        assertThat(json.get("held_out_log_loss").asDouble())
                .isLessThan(json.get("base_rate_log_loss").asDouble());
    }

    @Test
    void aHoldoutTakesNeitherAllExamplesNorNone() throws IOException {
        JsonNode json = train(write("two.csv", rows.subList(0, 2)), "--passes=1", "--holdout=0.9")
                .json();
        assertThat(json.get("examples").asLong()).isEqualTo(1);
        assertThat(json.get("held_out").asLong()).isEqualTo(1);
        assertThat(model().version()).isEqualTo(1);
        Files.delete(output);
        CommandRun none = train(write("three.csv", rows.subList(0, 3)), "--passes=1", "--holdout=0.1");
        assertThat(none.is(2).error()).contains("--holdout 0.1 of 3 examples is none");
        assertThat(output).doesNotExist();
    }

    @ParameterizedTest
    @ValueSource(strings = {"--passes=1", SHUFFLED})
    void noExampleOfADeletedModelIsHeldOut(String option) throws IOException {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < 14; i++) {
            lines.append("{\"model\":\"m%d\",\"label\":%s,\"features\":{\"a\":1}}\n".formatted(i / 10, i % 2));
        }
        Path both = Files.writeString(directory.resolve("both.jsonl"), lines + "{\"model\":\"m0\",\"delete\":true}\n");
        JsonNode json = train(both, option, "--holdout=0.5").json();
        assertThat(json.get("examples").asInt()).isEqualTo(2);
        assertThat(json.get("held_out").asInt()).isEqualTo(2);

        Files.delete(output);
        Path none = Files.writeString(
                directory.resolve("none.jsonl"), Files.readString(both) + "{\"model\":\"m1\",\"delete\":true}\n");
        train(none, option).isOneLine(2, "the models of all examples with a label (14) are deleted after them");
        assertThat(output).doesNotExist();
    }

    @ParameterizedTest
    @CsvSource({
        "0, 4, --passes=1, of every example is 0",
        "0, 2, --holdout=0.5, of every example that is not held out is 0",
        "2, 4, --holdout=0.5, of every example that is held out is 0",
    })
    void importancesOfZeroAreNotTakenForALossThatIsNotFinite(int from, int to, String option, String message)
            throws IOException {
        StringBuilder csv = new StringBuilder("a,c,label\n");
        for (int i = 0; i < 4; i++) {
            csv.append("%d,%d,%d\n".formatted(i, i >= from && i < to ? 0 : 1, i % 2));
        }
        Path light = Files.writeString(directory.resolve("light.csv"), csv);
        assertThat(train(light, option, "--importance-column=c").is(2).error())
                .contains(message)
                .doesNotContain("learning.rate");
        assertThat(output).doesNotExist();
    }

    /** The first step of every example is too long, so there is no model at the end of a pass. */
    @Test
    void aFileWithoutModelsIsNotWritten() throws IOException {
        Path large = Files.writeString(directory.resolve("large.csv"), "a,label\n1e10,1\n1e11,0\n");
        assertThat(train(large, "--skip-bad", "--set", "learning.rate=1e308")
                        .is(2)
                        .error())
                .contains("OVERFLOW")
                .contains("no example could be learned from (2 skipped)");
        assertThat(output).doesNotExist();
    }

    @Test
    void ratesLearnSideBySideAsEachDoesAlone() throws IOException {
        JsonNode together = train(file, "--passes=5", "--rates=0.001,0.05,0.3").json();
        byte[] bytes = Files.readAllBytes(output);
        JsonNode best = null;
        for (JsonNode one : together.get("rates")) {
            JsonNode alone = train(
                            file,
                            "--passes=5",
                            "--set",
                            "learning.rate=" + one.get("learning_rate").asDouble())
                    .json();
            assertThat(one.get("losses")).isEqualTo(alone.get("losses"));
            if (best == null
                    || alone.get("log_loss").asDouble() < best.get("log_loss").asDouble()) {
                best = alone;
                assertThat(Files.readAllBytes(output).length).isPositive();
            }
        }
        assertThat(together.get("rates")).hasSize(3);
        assertThat(together.get("learning_rate")).isEqualTo(best.get("learning_rate"));
        train(
                        file,
                        "--passes=5",
                        "--set",
                        "learning.rate=" + best.get("learning_rate").asDouble())
                .json();
        assertThat(Files.readAllBytes(output)).isEqualTo(bytes);
    }

    @Test
    void aRateThatDivergesDoesNotStopTheOthers() throws IOException {
        JsonNode json = train(file, "--passes=2", "--rates=1e308,0.05").json();
        assertThat(json.get("learning_rate").asDouble()).isEqualTo(0.05);
        assertThat(json.get("rates").get(0).get("ended").asText())
                .contains("line")
                .contains("OVERFLOW");
        assertThat(train(file, "--passes=2", "--set", "learning.rate=1e308")
                        .is(2)
                        .error())
                .contains("OVERFLOW")
                .contains("use a lower learning.rate");
    }

    @Test
    void itStopsWhenPassesAreInVain() throws IOException {
        JsonNode json = train(file).json();
        int passes = json.get("passes").asInt();
        assertThat(passes).isBetween(6, 99);
        List<Double> losses = doubles(json.get("losses"));
        double before =
                losses.subList(0, passes - 5).stream().min(Double::compare).orElseThrow();
        double after =
                losses.subList(passes - 5, passes).stream().min(Double::compare).orElseThrow();
        assertThat(after).isGreaterThan(before * (1 - 2e-4));
        assertThat(train(file, "--patience=1").json().get("passes").asInt()).isLessThan(passes);
        assertThat(train(file, "--patience=0", "--passes=8")
                        .json()
                        .get("passes")
                        .asInt())
                .isEqualTo(8);
    }

    @Test
    void thereIsALineForEachPass() {
        CommandRun result = CommandRun.of("train", file, "--passes=2", "--output", output);
        assertThat(result.exitCode()).isZero();
        assertThat(result.out())
                .anyMatch(line -> line.matches(" *pass +log loss +progressive"))
                .anyMatch(line -> line.matches(" +1 +0\\.\\d{5} +0\\.\\d{5} +least so far"))
                .anyMatch(line -> line.matches(" +2 +0\\.\\d{5} +0\\.\\d{5}( +least so far)?"))
                .anyMatch(line -> line.startsWith("kept pass "))
                .anyMatch(line -> line.startsWith("wrote " + output));
    }

    /** First all negatives and then all positives: what was learned of the former is forgotten. */
    @Test
    void itSaysThatAnOrderIsBad() throws IOException {
        List<double[]> sorted = new ArrayList<>(rows);
        sorted.sort((one, other) -> Double.compare(one[4], other[4]));
        Path bad = write("sorted.csv", sorted);
        assertThat(train(bad, "--passes=3").err()).anyMatch(line -> line.contains("--shuffle"));
        assertThat(train(bad, "--passes=3", SHUFFLED).err()).noneMatch(line -> line.contains("--shuffle"));
    }

    @Test
    void noOrderHelpsLabelsThatAreAllTheSame() throws IOException {
        List<double[]> positives = rows.stream().filter(row -> row[4] == 1).toList();
        CommandRun run = train(write("positives.csv", positives), "--passes=2").is(0);
        assertThat(run.err())
                .contains("every label is 1, so there is nothing to distinguish")
                .noneMatch(line -> line.contains("--shuffle"));
    }

    @Test
    void filesAndStandardInputAreOneTrainingSet() throws IOException {
        Path first = write("first.csv", rows.subList(0, 500));
        Path second = write("second.csv", rows.subList(500, 1000));
        Path third = write("third.csv", rows.subList(1000, ROWS));
        JsonNode whole = train(file, "--passes=3").json();
        InputStream before = System.in;
        JsonNode parts;
        try {
            System.setIn(new ByteArrayInputStream(Files.readAllBytes(third)));
            parts = train(first, second, "-", "--passes=3").json();
        } finally {
            System.setIn(before);
        }
        assertThat(parts.get("losses")).isEqualTo(whole.get("losses"));
        assertThat(ModelFile.read(output).origin().getSources())
                .extracting(
                        each -> each.getSha256() == null ? "" : each.getSha256().toString())
                .containsExactly(ModelFile.sha256(first), ModelFile.sha256(second), "");
    }

    @Test
    void eachModelOfAColumnIsTrained() throws IOException {
        StringBuilder csv = new StringBuilder("who,a,label\n");
        for (int i = 0; i < 600; i++) {
            double[] row = rows.get(i);
            csv.append("%s,%s,%s\n".formatted(i % 3 == 0 ? "x" : "y", row[0], row[4]));
        }
        Path models = Files.writeString(directory.resolve("models.csv"), csv);
        JsonNode json = train(models, "--model-column=who", "--passes=2").json();
        assertThat(json.get("models").asInt()).isEqualTo(2);
        assertThat(json.get("examples").asInt()).isEqualTo(600);
        List<Model> kept = ModelFile.read(output).models();
        assertThat(kept).extracting(Model::id).containsExactly("x", "y");
        assertThat(kept).extracting(Model::version).containsExactly(400L, 800L);
        // the file says how its columns are used
        JsonNode evaluated = CommandRun.of("evaluate", "--json", "--file", models, "--model", output)
                .json();
        assertThat(evaluated.get("examples").asInt()).isEqualTo(600);
        assertThat(evaluated.get("log_loss").asDouble())
                .isLessThan(evaluated.get("base_rate_log_loss").asDouble());
    }

    /** The examples before it are not part of the training set, but those after it are. */
    @Test
    void examplesOfADeletedModelDoNotCount() throws IOException {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < 400; i++) {
            if (i == 100) {
                lines.append("{\"model\":\"m\",\"delete\":true}\n");
            }
            lines.append("{\"model\":\"m\",\"label\":%s,\"features\":{\"a\":%s}}\n"
                    .formatted(rows.get(i)[4], rows.get(i)[0]));
        }
        Path deleted = Files.writeString(directory.resolve("deleted.jsonl"), lines);
        JsonNode json = train(deleted, "--passes=2").json();
        assertThat(json.get("examples").asInt()).isEqualTo(300);
        assertThat(model().version()).isEqualTo(600);
        JsonNode evaluated =
                CommandRun.of("evaluate", "--json", "--file", deleted).json();
        assertThat(evaluated.get("examples").asInt()).isEqualTo(400);
    }

    @Test
    void aTrainingGoesOnFromAFile() throws IOException {
        // so low a rate that each pass is better than the one before
        String rate = "--set=learning.rate=0.001";
        List<Double> whole = doubles(train(file, "--passes=4", rate).json().get("losses"));
        Path first = directory.resolve("first.avro");
        CommandRun.of("train", file, "--passes=2", rate, "--output", first);
        List<Double> rest =
                doubles(train(file, "--passes=2", "--model", first).json().get("losses"));
        assertThat(rest).isEqualTo(whole.subList(2, 4));
        assertThat(ModelFile.read(output).origin().getStartSha256()).asString().isEqualTo(ModelFile.sha256(first));

        JsonNode auto = train(file, "--passes=1", "--model", first, "--set", "algorithm=auto")
                .json();
        assertThat(auto.get("algorithm").asText()).isEqualTo("auto");
        assertThat(auto.get("progressive_losses").get(0).asDouble()).isLessThan(whole.get(0));
        assertThat(train(file, "--model", first, "--set", "algorithm=adagrad")
                        .is(2)
                        .error())
                .contains("was learned with algorithm = sgd, and it is now adagrad");
    }

    @Test
    void theFileOfTheOptionIsUsedEvenIfTheSettingsNameAnother() throws IOException {
        Path first = directory.resolve("first.avro");
        Path other = directory.resolve("other.avro");
        CommandRun.of("train", file, "--passes=1", "--output", first).is(0);
        CommandRun.of("train", file, "--passes=2", "--output", other).is(0);
        Path settings = Files.writeString(directory.resolve("settings.properties"), "model.start=" + other);
        String[] command = {"evaluate", "--json", "--file", file.toString()};
        JsonNode ofFirst = CommandRun.of(plus(command, "--model", first)).json().get("log_loss");
        JsonNode ofOther = CommandRun.of(plus(command, "--model", other)).json().get("log_loss");
        assertThat(ofOther).isNotEqualTo(ofFirst);
        assertThat(CommandRun.of(plus(command, "--config", settings)).json().get("log_loss"))
                .isEqualTo(ofOther);
        assertThat(CommandRun.of(plus(command, "--config", settings, "--model", first))
                        .json()
                        .get("log_loss"))
                .isEqualTo(ofFirst);

        train(file, "--passes=1", "--config", settings).is(0);
        assertThat(ModelFile.read(output).origin().getStartSha256()).asString().isEqualTo(ModelFile.sha256(other));
        train(file, "--passes=1", "--config", settings, "--model", first).is(0);
        assertThat(ModelFile.read(output).origin().getStartSha256()).asString().isEqualTo(ModelFile.sha256(first));
    }

    @ParameterizedTest
    @ValueSource(strings = {"dense", "sparse"})
    void theFormOfTheFeaturesIsThatOfTheModels(String form) throws IOException {
        Path first = directory.resolve("first.avro");
        CommandRun.of("train", file, "--passes=1", "--form", form, "--output", first)
                .is(0);
        String[] command = {"evaluate", "--json", "--file", file.toString(), "--model", first.toString()};
        JsonNode taken = CommandRun.of(plus(command)).json();
        assertThat(taken.get("log_loss"))
                .isEqualTo(CommandRun.of(plus(command, "--form", form)).json().get("log_loss"));
        assertThat(train(file, "--passes=1", "--model", first)
                        .json()
                        .get("examples")
                        .asInt())
                .isEqualTo(ROWS);
        assertThat(model().form()).hasToString(form.toUpperCase(Locale.ROOT));
        // what is given is used, and the models say what is wrong with it
        assertThat(train(file, "--model", first, "--form=named", "--skip-bad")
                        .is(2)
                        .error())
                .contains("FORM_DIFFERS")
                .contains("no example could be learned from (" + ROWS + " skipped)");
    }

    private static Object[] plus(String[] words, Object... more) {
        return Stream.concat(Arrays.stream(words), Arrays.stream(more)).toArray();
    }

    @Test
    void aBadLineStopsItUnlessBadOnesAreSkipped() throws IOException {
        List<String> lines = new ArrayList<>(Files.readAllLines(file));
        lines.set(10, lines.get(10).substring(0, lines.get(10).lastIndexOf(',')) + ",7");
        Path bad = Files.write(directory.resolve("100%bad.csv"), lines);
        assertThat(train(bad, "--passes=1").is(2).error())
                .contains("100%bad.csv, line 11")
                .contains("--skip-bad");
        JsonNode json = train(bad, "--passes=2", "--skip-bad").json();
        assertThat(json.get("skipped").asLong()).isEqualTo(1);
        assertThat(json.get("examples").asLong()).isEqualTo(ROWS - 1);
    }

    /** Two rows are not as long as the first: one of those that are learned from, and one that is held out. */
    @ParameterizedTest
    @ValueSource(strings = {"--rates=0.1", "--rates=0.1,0.2,0.3"})
    void whatOnlyTheModelRefusesIsReportedOnce(String rates) throws IOException {
        String two = "{\"label\":1,\"features\":[1,2]}\n";
        String three = "{\"label\":0,\"features\":[1,2,3]}\n";
        Path lengths = Files.writeString(directory.resolve("lengths.jsonl"), two + three + two + two + two + three);
        CommandRun run = train(lengths, rates, "--passes=2", "--holdout=0.3", "--skip-bad");
        assertThat(run.json().get("skipped").asInt()).isEqualTo(2);
        assertThat(run.json().get("examples").asInt()).isEqualTo(3);
        assertThat(run.json().get("held_out").asInt()).isEqualTo(1);
        assertThat(run.err())
                .filteredOn(line -> line.contains("LENGTH_DIFFERS"))
                .satisfiesExactly(
                        line -> assertThat(line).contains("lengths.jsonl, line 2"),
                        line -> assertThat(line).contains("lengths.jsonl, line 6"));
        assertThat(run.err()).contains("skipped 2 that cannot be used");

        Path onlyThose = Files.writeString(directory.resolve("held-out.jsonl"), two + two + three);
        assertThat(train(onlyThose, rates, "--holdout=0.3", "--skip-bad").is(2).error())
                .contains("no example that is held out could be predicted (1 skipped)");
        assertThat(train(onlyThose, rates, "--holdout=0.3").is(2).error())
                .contains("held-out.jsonl, line 3: LENGTH_DIFFERS", "--skip-bad");
    }

    @Test
    void whatMakesNoSenseIsRefused() throws IOException {
        Path unlabelled = Files.writeString(directory.resolve("unlabelled.csv"), "a,b\n1,2\n");
        assertThat(train(unlabelled).is(2).error()).contains("no example with a label (1 without one, 0 skipped)");
        assertThat(train(file, "--passes=0").is(2).error()).contains("--passes must be 1 or more");
        assertThat(train(file, "--holdout=1").is(2).error()).contains("--holdout must be a share");
        assertThat(train(file, "--rates=0").is(2).error()).contains("--rates must be");
        assertThat(train(file, "--rates=0.1", "--set", "algorithm=auto").is(2).error())
                .contains("drop --rates");
        assertThat(train(file, "--from=3").is(2).error()).contains("--from can only be used with --topic");
        assertThat(train("--topic", "--label=x").is(2).error()).contains("--label can only be used with files");
        assertThat(train().is(2).error()).contains("FILE");
        assertThat(CommandRun.of("train", "--help").out()).anyMatch(line -> line.contains("Default: model.avro."));
        assertThat(train(directory.resolve("none.csv")).is(2).error()).contains("there is no file");
        assertThat(train(file, "--model", directory.resolve("none.avro")).is(2).error())
                .contains("there is no model file");
        assertThat(CommandRun.of("train", file, "--output", directory.resolve("no/such.avro"))
                        .is(2)
                        .error())
                .contains("cannot write the model file");
        assertThat(output).doesNotExist();
    }
}
