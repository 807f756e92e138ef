package io.thalweg.app.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.thalweg.app.files.Columns;
import io.thalweg.app.files.ExampleFile;
import io.thalweg.app.files.ExampleFile.BadLineException;
import io.thalweg.app.files.ExampleFile.Line;
import io.thalweg.avro.Prediction;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.FeatureForm;
import io.thalweg.math.PredictionResult;
import io.thalweg.runtime.ExampleRange.Place;
import io.thalweg.testing.Seeded;
import io.thalweg.topology.LearnerDriver;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Seeded
class EvaluateCommandTest {
    private static final double RATE = 0.3;
    private static final int ROWS = 400;
    private static final String[] CARRIERS = {"AA", "DL", "UA", ""};

    @TempDir
    private Path directory;

    /**
     * What was made, before it was written.
     *
     * @param wind NaN if it is missing
     * @param delay in minutes; NaN if it is missing
     */
    private record Flight(double wind, String carrier, int hour, double delay) {}

    private final List<Flight> flights = new ArrayList<>();

    @BeforeEach
    void flights(Random random) {
        for (int i = 0; i < ROWS; i++) {
            double wind = i % 9 == 5 ? Double.NaN : random.nextInt(-8, 9) / 4.0;
            int carrier = random.nextInt(Double.isNaN(wind) ? 3 : 4);
            double delay =
                    Math.rint(15 + 10 * (Double.isNaN(wind) ? 0 : wind) + 8 * carrier - 12 + 9 * random.nextGaussian());
            flights.add(new Flight(wind, CARRIERS[carrier], random.nextInt(24), i % 50 == 7 ? Double.NaN : delay));
        }
    }

    private static String text(double value) {
        return Double.isNaN(value) ? "" : String.valueOf(value);
    }

    private String csv() {
        StringBuilder csv = new StringBuilder("wind,carrier,delay,hour\n");
        flights.forEach(f -> csv.append("%s,%s,%s,%d\n".formatted(text(f.wind), f.carrier, text(f.delay), f.hour)));
        return csv.toString();
    }

    private String json() throws IOException {
        StringBuilder json = new StringBuilder();
        for (Flight f : flights) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("wind", Double.isNaN(f.wind) ? null : (Double) f.wind);
            object.put("carrier", f.carrier.isEmpty() ? null : f.carrier);
            object.put("delay", Double.isNaN(f.delay) ? null : (Double) f.delay);
            object.put("hour", f.hour);
            json.append(new ObjectMapper().writeValueAsString(object)).append('\n');
        }
        return json.toString();
    }

    /** The same by numbers: 1 wind, 2 to 4 the carrier, 5 wind is missing, 6 the carrier is. */
    private String libsvm() {
        StringBuilder libsvm = new StringBuilder("# flights\n");
        for (Flight f : flights) {
            libsvm.append(Double.isNaN(f.delay) ? "" : f.delay > 15 ? "+1 " : "-1 ");
            libsvm.append(Double.isNaN(f.wind) ? "5:1" : "1:" + f.wind);
            libsvm.append(
                    f.carrier.isEmpty() ? " 6:1" : " " + (2 + List.of(CARRIERS).indexOf(f.carrier)) + ":1");
            libsvm.append('\n');
        }
        return libsvm.toString();
    }

    private static String fixed(String format, double figure) {
        return String.format(Locale.ROOT, format, figure);
    }

    private Path file(String name, String text) throws IOException {
        Path file = directory.resolve(name);
        try (OutputStream out = name.endsWith(".gz")
                ? new GZIPOutputStream(Files.newOutputStream(file))
                : Files.newOutputStream(file)) {
            out.write(text.getBytes(StandardCharsets.UTF_8));
        }
        return file;
    }

    private static CommandRun evaluate(Object... arguments) {
        List<String> words = new ArrayList<>(List.of("evaluate"));
        for (Object argument : arguments) {
            words.add(argument.toString());
        }
        return CommandRun.of(words);
    }

    /** Plain logistic regression, one step on each row, written as in a textbook. */
    private Map<String, Double> textbook() {
        Map<String, Double> weights = new HashMap<>();
        double bias = 0;
        double loss = 0;
        int correct = 0;
        List<double[]> seen = new ArrayList<>();
        for (Flight f : flights) {
            Map<String, Double> x = new LinkedHashMap<>();
            x.put(Double.isNaN(f.wind) ? "wind:missing" : "wind", Double.isNaN(f.wind) ? 1 : f.wind);
            x.put(f.carrier.isEmpty() ? "carrier:missing" : "carrier=" + f.carrier, 1.0);
            double z = bias;
            for (Map.Entry<String, Double> feature : x.entrySet()) {
                z += weights.getOrDefault(feature.getKey(), 0.0) * feature.getValue();
            }
            if (Double.isNaN(f.delay)) {
                continue;
            }
            double y = f.delay > 15 ? 1 : 0;
            double p = 1 / (1 + Math.exp(-z));
            loss -= y == 1 ? Math.log(p) : Math.log(1 - p);
            correct += p > 0.5 == (y == 1) ? 1 : 0;
            seen.add(new double[] {p, y});
            for (Map.Entry<String, Double> feature : x.entrySet()) {
                weights.merge(feature.getKey(), -RATE * (p - y) * feature.getValue(), Double::sum);
            }
            bias -= RATE * (p - y);
        }
        double pairs = 0;
        double inOrder = 0;
        double positives = 0;
        double expected = 0;
        for (double[] a : seen) {
            positives += a[1];
            expected += a[0];
            for (double[] b : seen) {
                if (a[1] == 1 && b[1] == 0) {
                    pairs++;
                    inOrder += a[0] > b[0] ? 1 : a[0] == b[0] ? 0.5 : 0;
                }
            }
        }
        double rate = positives / seen.size();
        Map<String, Double> figures = new HashMap<>(weights);
        figures.put("examples", (double) seen.size());
        figures.put("log_loss", loss / seen.size());
        figures.put("accuracy", (double) correct / seen.size());
        figures.put("auc", inOrder / pairs);
        figures.put("calibration", expected / positives);
        figures.put("base_rate_log_loss", -rate * Math.log(rate) - (1 - rate) * Math.log(1 - rate));
        figures.put("bias", bias);
        return figures;
    }

    @Test
    void saysWhatIsMixed() throws IOException {
        CommandRun result = evaluate(
                "--file", file("flights.csv", csv()), "--label", "delay > 15", "-s", "algorithm=auto", "--json");
        assertThat(result.exitCode()).as("%s", result).isZero();
        JsonNode mixture = result.json().path("mixture");
        double sum = 0;
        String heaviest = "";
        double most = 0;
        for (JsonNode share : mixture) {
            sum += share.path("share").asDouble();
            if (share.path("share").asDouble() > most) {
                most = share.path("share").asDouble();
                heaviest = share.path("kind").asText() + " "
                        + share.path("learning_rate").asText().replaceAll("[.]0$", "");
            }
        }
        assertThat(sum).isCloseTo(1, within(1e-12));
        assertThat(String.join("\n", result.err())).contains("; auto: " + heaviest + " ");
    }

    @ParameterizedTest
    @CsvSource({"f.csv", "f.csv.gz", "f.jsonl", "f.txt", "f.svm", "f.svm.gz", "f.dat"})
    void theFiguresAreThoseOfATextbookLoop(String name) throws IOException {
        boolean numbered = name.contains("svm") || name.endsWith(".dat");
        String text = numbered ? libsvm() : name.contains("csv") ? csv() : json();
        List<Object> arguments =
                new ArrayList<>(List.of("--file", file(name, text), "--json", "-s", "learning.rate=" + RATE));
        if (!numbered) {
            arguments.addAll(List.of("--label", "delay > 15", "--exclude", "hour"));
        }

        CommandRun result = evaluate(arguments.toArray());
        assertThat(result.exitCode()).as("%s", result).isZero();
        assertThat(result.out()).hasSize(1);
        JsonNode json = result.json();
        Map<String, Double> textbook = textbook();
        for (String figure : List.of("examples", "log_loss", "accuracy", "auc", "calibration", "base_rate_log_loss")) {
            assertThat(json.path(figure).asDouble(Double.NaN)).as(figure).isCloseTo(textbook.get(figure), within(1e-9));
        }
        assertThat(json.path("unlabelled").asInt()).isEqualTo(8);
        assertThat(json.path("skipped").asInt()).isZero();
        assertThat(json.path("seconds").asDouble()).isPositive();
        assertThat(json.path("examples_per_second").asDouble()).isPositive();
        assertThat(json.path("algorithm").asText()).isEqualTo("sgd");
        assertThat(json.path("learning_rate").asDouble()).isEqualTo(RATE);
        assertThat(json.path("mixture").isArray()).isTrue();
        assertThat(json.path("mixture")).isEmpty();
        assertThat(result.err().get(0))
                .isEqualTo(
                        numbered
                                ? "features by their numbers, 1 to 6"
                                : "label: delay > 15; numbers: wind; categories: carrier; excluded: hour");
    }

    @Test
    void peopleSeeTheFiguresAndTheWeightsByName() throws IOException {
        Path file = file("f.csv", csv());
        CommandRun result = evaluate(
                "--file", file, "--label", "delay > 15", "--exclude", "hour", "--set", "learning.rate=" + RATE);

        assertThat(result.exitCode()).isZero();
        Map<String, Double> textbook = textbook();
        assertThat(result.out().get(0)).matches("examples +392, and 8 without a label, in .* sgd, learning rate 0.3");
        assertThat(result.out().subList(1, 6))
                .containsExactly(
                        fixed("log loss     %.5f", textbook.get("log_loss")),
                        fixed("base rate's  %.5f", textbook.get("base_rate_log_loss")),
                        fixed("accuracy     %.5f", textbook.get("accuracy")),
                        fixed("AUC          %.5f", textbook.get("auc")),
                        fixed("calibration  %.5f", textbook.get("calibration")));
        assertThat(result.out().get(7))
                .isEqualTo(fixed("The strongest of 6 weights, bias %+.4f:", textbook.get("bias")));
        assertThat(result.out().subList(8, 14))
                .anySatisfy(
                        line -> assertThat(line).startsWith("  wind ").contains(fixed("%+.4f", textbook.get("wind"))));
        assertThat(evaluate("--file", file, "--label", "delay > 15", "--top", "0")
                        .out())
                .hasSize(6);
    }

    @ParameterizedTest
    @CsvSource({"learning.rate=5, try algorithm = auto", "algorithm=auto, too few examples"})
    void saysIfTheBaseRateWouldHaveBeenBetter(String setting, String advice) throws IOException {
        StringBuilder text = new StringBuilder("x,label\n");
        for (int row = 0; row < 60; row++) {
            // what holds in one third is wrong in the next
            text.append(row % 2).append(',').append((row + row / 20) % 2).append('\n');
        }
        CommandRun result = evaluate("--file", file("f.csv", text.toString()), "-s", setting);
        assertThat(String.join("\n", result.err()))
                .contains("worse than always predicting the base rate")
                .contains(advice);
    }

    @ParameterizedTest
    @CsvSource({"1000, true", "12, false"})
    void saysIfMostModelsHaveOneExample(int models, boolean isSaid) throws IOException {
        StringBuilder text = new StringBuilder("x,order,label\n");
        for (int row = 0; row < 1000; row++) {
            text.append(row % 7).append(",m").append(row % models).append(',');
            text.append(row % 2).append('\n');
        }
        CommandRun result = evaluate("--file", file("f.csv", text.toString()), "--model-column", "order");
        String warning = "1,000 of 1,000 models have learned from at most one example";
        if (isSaid) {
            assertThat(String.join("\n", result.err())).contains(warning, "model.from=fixed:NAME");
        } else {
            assertThat(String.join("\n", result.err())).doesNotContain("at most one example");
        }
    }

    @Test
    void standardInputIsAFileToo() throws IOException {
        InputStream before = System.in;
        System.setIn(new ByteArrayInputStream(csv().getBytes(StandardCharsets.UTF_8)));
        try {
            CommandRun result = evaluate("--file", "-", "--label", "delay > 15", "--json");
            assertThat(result.json().path("examples").asInt()).isEqualTo(392);
        } finally {
            System.setIn(before);
        }
    }

    @Test
    void everyPredictionIsTheOneThatTheTopologyPublishes() throws BadLineException, IOException {
        String mixed = json() + """
                {"model": "m", "label": 0.25, "importance": 2.5, "features": [1, 2.5]}
                {"model": "s", "label": 1, "features": {"indices": [7, 3], "values": [1, -2]}}
                {"model": "m", "label": 1, "importance": 0, "features": [2, 0.125]}
                {"model": "s", "label": 0, "features": {"indices": [3, 900], "values": [0.1, 4]}}
                {"model": "m", "features": [2, 0.125]}
                {"model": "m", "delete": true}
                {"model": "m", "label": 1, "features": [2, 0.125, 5]}
                {"model": "m", "label": 1, "features": [2, 0.125, 6]}
                """;
        Map<String, String> settings = Map.of("learning.rate", "0.07", "learning.rate.schedule", "inverse-scaling");
        ThalwegConfig config = new ThalwegConfig(settings);
        Evaluation evaluation = new Evaluation(config, config.getString(ThalwegConfig.MODEL_DEFAULT));
        Columns columns = new Columns(Map.of("label", "delay > 15"), FeatureForm.NAMED);
        int compared = 0;
        try (LearnerDriver topology = new LearnerDriver(settings);
                ExampleFile examples = ExampleFile.open(file("x.jsonl", mixed).toString(), null, columns)) {
            for (Line line = examples.next(); line != null; line = examples.next()) {
                PredictionResult result = evaluation.take(line);
                if (line.example() == null) {
                    topology.delete(line.model());
                    continue;
                }
                Prediction prediction = topology.predict(line.model(), line.example());
                assertThat(result.logit()).isEqualTo(prediction.getLogit());
                assertThat(result.probability()).isEqualTo(prediction.getProbability());
                assertThat(result.version()).isEqualTo(prediction.getVersion());
                Double label = line.example().getLabel();
                assertThat(label == null ? null : (Double) result.logLoss(label))
                        .isEqualTo(prediction.getLogLoss());
                compared++;
            }
        }
        assertThat(compared).isEqualTo(ROWS + 7);
        assertThat(evaluation.metrics().size()).isEqualTo(392 + 6);
    }

    @Test
    void aLineThatCannotBeUsedStopsOrIsCounted() throws IOException {
        Path file = file("b.csv", "a,label\n1,1\n1,1,1,1\n2,0\n1,5\n3,1\n");

        CommandRun stopped = evaluate("--file", file, "--json");
        assertThat(stopped.exitCode()).isEqualTo(2);
        assertThat(stopped.out()).isEmpty();
        assertThat(stopped.err())
                .containsExactly("thalweg: " + file + ", line 3: it has 4 cells, but the header has 2."
                        + " Use --skip-bad to skip such lines");

        CommandRun skipping = evaluate("--file", file, "--json", "--skip-bad");
        assertThat(skipping.exitCode()).isZero();
        assertThat(skipping.json().path("examples").asInt()).isEqualTo(3);
        assertThat(skipping.json().path("skipped").asInt()).isEqualTo(2);
        assertThat(skipping.err())
                .contains(
                        "skipped " + file + ", line 3: it has 4 cells, but the header has 2",
                        "skipped " + file
                                + ", line 5: the label is 5.0; a label must be from 0 to 1. If these are classes,"
                                + " compare them, such as with --label \"label == 5\"",
                        "skipped 2 that cannot be used");
    }

    @Test
    void whatTheLearnerRefusesIsABadLineToo() throws IOException {
        Path file = file("b.svm", "1 1:1\n0 1:1 2000000:1\n");

        CommandRun result = evaluate("--file", file);
        assertThat(result.exitCode()).isEqualTo(2);
        assertThat(result.err())
                .singleElement()
                .asString()
                .contains("b.svm, line 2: INDEX_OUT_OF_RANGE", "2000000", "features.space.bits");
        assertThat(evaluate("--file", file, "--set", "features.space.bits=21").exitCode())
                .isZero();
    }

    @Test
    void labelsThatAreAllTheSameLeaveNoArea() throws IOException {
        CommandRun result = evaluate("--file", file("f.csv", "a,b\n1,x\n2,y\n"), "--label", "b == 'z'", "--json");

        assertThat(result.exitCode()).isZero();
        assertThat(result.json().path("auc").isNull()).isTrue();
        assertThat(result.json().path("calibration").isNull()).isTrue();
        assertThat(result.err()).contains("every label is 0, so there is nothing to distinguish");
    }

    @Test
    void aFileWithoutLabelsIsOneLine() throws IOException {
        Path file = file("f.csv", "a,b\n1,x\n");

        CommandRun result = evaluate("--file", file);
        assertThat(result.exitCode()).isEqualTo(2);
        assertThat(result.out()).isEmpty();
        assertThat(result.err())
                .containsExactly("thalweg: " + file
                        + " has no example with a label (1 without one, 0 skipped); define it with --label; the"
                        + " columns are numbers: a; categories: b");
        assertThat(evaluate("--file", file, "--label", "c > 1").err())
                .containsExactly("thalweg: " + file + " has no column c; it has a, b");
        assertThat(evaluate("--file", directory.resolve("no.csv")).err())
                .containsExactly("thalweg: there is no file " + directory.resolve("no.csv"));
    }

    @Test
    void examplesComeFromAFileOrATopic() {
        assertThat(evaluate("--json").exitCode()).isEqualTo(2);
        assertThat(evaluate("--file", "a.csv", "--topic", "examples").exitCode())
                .isEqualTo(2);
        assertThat(evaluate("--topic", "--label", "a > 1").err())
                .first()
                .asString()
                .contains("--label can only be used with --file");
        assertThat(evaluate("--file", "a.csv", "--from", "7").err())
                .first()
                .asString()
                .contains("--from can only be used with --topic");
        assertThat(evaluate("--topic", "--from", "yesterday").err())
                .first()
                .asString()
                .contains("'yesterday' is neither an offset nor a timestamp");
    }

    @Test
    void brokersThatAreNotThereAreOneLine() {
        CommandRun result = evaluate("--topic", "-s", "bootstrap.servers=127.0.0.1:1", "-s", "start.timeout.ms=1000");

        assertThat(result.exitCode()).isEqualTo(3);
        assertThat(result.err()).singleElement().asString().contains("cannot reach the brokers at 127.0.0.1:1");
    }

    @Test
    void aPlaceIsAnOffsetOrATime() {
        assertThat(Place.of("12")).isEqualTo(new Place(12L, null));
        assertThat(Place.of("2026-05-01T12:00:00+02:00"))
                .isEqualTo(new Place(null, Instant.parse("2026-05-01T10:00:00Z")));
        for (String same : List.of("2026-05-01T12:00+0200", "2026-05-01 10:00:00.000Z", "20260501T100000Z")) {
            assertThat(Place.of(same)).as(same).isEqualTo(Place.of("2026-05-01T10:00:00Z"));
        }
        assertThat(Place.of("2026-05-01 12:30")).isEqualTo(Place.of("2026-05-01T12:30"));
        assertThat(Place.of("2026-05-01"))
                .isEqualTo(Place.of("2026-05-01T00:00"))
                .isEqualTo(new Place(
                        null,
                        LocalDate.of(2026, 5, 1)
                                .atStartOfDay(ZoneId.systemDefault())
                                .toInstant()));
    }
}
