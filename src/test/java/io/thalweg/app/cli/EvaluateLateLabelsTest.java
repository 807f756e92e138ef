package io.thalweg.app.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import io.thalweg.testing.Seeded;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Seeded
class EvaluateLateLabelsTest {
    private static final int ROWS = 600;
    private static final double RATE = 0.2;
    private static final long WAIT = 40_000;
    private static final String WAITS = "labels.wait.ms=" + WAIT;

    @TempDir
    private Path directory;

    /**
     * An event and its label.
     *
     * @param came when the label came; -1 if it never did
     */
    private record Row(long time, double a, double b, int label, long came) {}

    private final List<Row> rows = new ArrayList<>();

    @BeforeEach
    void rows(Random random) {
        long time = Instant.parse("2026-05-01T00:00:00Z").toEpochMilli();
        for (int i = 0; i < ROWS; i++) {
            double a = random.nextGaussian();
            double b = random.nextGaussian();
            int label = random.nextDouble() < 1 / (1 + Math.exp(1 - 1.5 * a + b)) ? 1 : 0;
            long delay = 500L * random.nextInt(1 + (int) (2.2 * WAIT / 1000));
            rows.add(new Row(time, a, b, label, random.nextInt(6) == 0 ? -1 : time + delay));
            time += 500L * random.nextInt(4);
        }
    }

    private String csv(boolean iso) {
        StringBuilder csv = new StringBuilder("when,a,b,label,came\n");
        for (Row row : rows) {
            csv.append(iso ? Instant.ofEpochMilli(row.time) : row.time)
                    .append(",%s,%s,%d,".formatted(row.a, row.b, row.label))
                    .append(row.came < 0 ? "" : iso ? Instant.ofEpochMilli(row.came) : String.valueOf(row.came))
                    .append('\n');
        }
        return csv.toString();
    }

    private Path file(String name, String text) throws IOException {
        return Files.writeString(directory.resolve(name), text);
    }

    private static CommandRun evaluate(Object... arguments) {
        List<String> words = new ArrayList<>(List.of("evaluate"));
        Arrays.stream(arguments).map(Object::toString).forEach(words::add);
        return CommandRun.of(words);
    }

    // ---- against labels at once

    @ParameterizedTest
    @ValueSource(strings = {"sgd", "auto", "ftrl", "adagrad"})
    void withoutDelayEverythingIsAsIfLabelsCameAtOnce(String algorithm, Random random) throws IOException {
        StringBuilder csv = new StringBuilder("a,kind,weight,label\n");
        for (Row row : rows) {
            csv.append("%s,k%d,%s,%s\n"
                    .formatted(
                            row.a,
                            random.nextInt(30),
                            1 + random.nextInt(3) / 2.0,
                            random.nextInt(20) == 0 ? "" : row.label));
        }
        Path file = file("f.csv", csv.toString());
        List<Object> words =
                List.of("-f", file, "--importance-column", "weight", "--json", "-s", "algorithm=" + algorithm);
        List<Object> delayed = new ArrayList<>(words);
        delayed.addAll(List.of("--label-delay", "0"));

        CommandRun atOnce = evaluate(words.toArray());
        CommandRun late = evaluate(delayed.toArray());
        for (String figure : List.of(
                "examples",
                "unlabelled",
                "log_loss",
                "base_rate_log_loss",
                "accuracy",
                "auc",
                "calibration",
                "mixture")) {
            assertThat(late.json().get(figure))
                    .as(figure)
                    .isEqualTo(atOnce.json().get(figure));
        }
        assertThat(weights(late)).isNotEmpty().isEqualTo(weights(atOnce));
        assertThat(late.json().path("labels").asInt())
                .isEqualTo(atOnce.json().path("examples").asInt())
                .isEqualTo(late.json().path("in_time").asInt());
        assertThat(late.json().path("given_up").asInt())
                .isEqualTo(atOnce.json().path("unlabelled").asInt());
        assertThat(late.json().path("delay_p50_ms").asLong()).isZero();
        assertThat(atOnce.json().has("labels")).isFalse();
    }

    private static List<String> weights(CommandRun run) {
        return run.err().stream()
                .dropWhile(line -> !line.startsWith("The strongest"))
                .toList();
    }

    // ---- against a simulation

    /** The textbook's logistic regression, with a dictionary of the rows that wait. */
    private final class Simulation {
        private final boolean provisional;
        private final boolean negative;
        private final double[] w = new double[3];
        private final Map<Integer, Row> pending = new LinkedHashMap<>();
        private double loss;
        private int labels;
        private int givenUp;
        private final List<Long> delays = new ArrayList<>();

        private Simulation(String policy) {
            provisional = policy.equals("provisional");
            negative = policy.equals("negative");
        }

        private double p(Row row) {
            return 1 / (1 + Math.exp(-(w[0] * row.a + w[1] * row.b + w[2])));
        }

        private void step(Row row, double residual) {
            w[0] -= RATE * residual * row.a;
            w[1] -= RATE * residual * row.b;
            w[2] -= RATE * residual;
        }

        private void giveUpBefore(long now) {
            List<Integer> over = pending.keySet().stream()
                    .filter(i -> pending.get(i).time + WAIT < now)
                    .sorted()
                    .toList();
            for (int i : over) {
                Row row = pending.remove(i);
                givenUp++;
                if (negative) {
                    step(row, p(row));
                } else if (provisional) {
                    step(row, 0);
                }
            }
        }

        private void event(int i) {
            Row row = rows.get(i);
            double p = p(row);
            loss -= row.label == 1 ? Math.log(p) : Math.log(1 - p);
            pending.put(i, row);
            if (provisional) {
                step(row, (1 - p * p) * p);
            }
        }

        private void label(int i) {
            labels++;
            Row row = pending.remove(i);
            if (row == null) {
                return;
            }
            delays.add(row.came - row.time);
            double p = p(row);
            if (!provisional) {
                step(row, p - row.label);
            } else if (row.label == 1) {
                step(row, -(1 - p * p));
            }
        }

        private Simulation run() {
            record Happening(long time, boolean isEvent, int row) {}
            List<Happening> happenings = new ArrayList<>();
            for (int i = 0; i < rows.size(); i++) {
                happenings.add(new Happening(rows.get(i).time, true, i));
                if (rows.get(i).came >= 0) {
                    happenings.add(new Happening(rows.get(i).came, false, i));
                }
            }
            // a label that comes together with another event comes first, but not before its own
            happenings.sort(Comparator.comparingLong(Happening::time)
                    .thenComparing(happening -> happening.isEvent)
                    .thenComparing(Happening::row));
            List<Happening> ordered = new ArrayList<>();
            for (Happening happening : happenings) {
                boolean atOnce = !happening.isEvent && rows.get(happening.row).time == happening.time;
                if (!atOnce) {
                    ordered.add(happening);
                    if (happening.isEvent && rows.get(happening.row).came == happening.time) {
                        ordered.add(new Happening(happening.time, false, happening.row));
                    }
                }
            }
            for (Happening happening : ordered) {
                giveUpBefore(happening.time);
                if (happening.isEvent) {
                    event(happening.row);
                } else {
                    label(happening.row);
                }
            }
            giveUpBefore(Long.MAX_VALUE);
            return this;
        }
    }

    @ParameterizedTest
    @CsvSource({
        "drop, labels.missing=drop, false",
        "negative, labels.missing=negative, true",
        "provisional, labels.policy=provisional, false"
    })
    void theFiguresAreThoseOfASimulation(String policy, String setting, boolean iso) throws IOException {
        Simulation simulation = new Simulation(policy).run();
        CommandRun run = evaluate(
                "-f",
                file("f.csv", csv(iso)),
                "--time",
                "when",
                "--label-time",
                "came",
                "--json",
                "-s",
                setting,
                "-s",
                WAITS,
                "-s",
                "learning.rate=" + RATE);
        JsonNode json = run.json();

        assertThat(json.path("log_loss").asDouble()).isCloseTo(simulation.loss / ROWS, within(1e-10));
        assertThat(json.path("examples").asInt()).isEqualTo(ROWS);
        assertThat(json.path("labels").asInt()).isEqualTo(simulation.labels);
        assertThat(json.path("in_time").asInt())
                .isEqualTo(simulation.delays.size())
                .isBetween(1, simulation.labels - 1);
        assertThat(json.path("given_up").asInt()).isEqualTo(simulation.givenUp);
        simulation.delays.sort(null);
        assertThat(json.path("delay_p50_ms").asLong())
                .isEqualTo(simulation.delays.get((simulation.delays.size() - 1) / 2));
        assertThat(String.join("\n", run.err()))
                .contains(
                        "label: label; timestamp: when; time of the label: came; numbers: a, b",
                        "labels come at the times in came; labels.policy = ",
                        String.format(
                                Locale.ROOT,
                                "labels       %,d, %,d of them in time, with a median delay of ",
                                simulation.labels,
                                simulation.delays.size()),
                        fixed("bias %+.4f:", simulation.w[2]));
    }

    private static String fixed(String format, Object... arguments) {
        return String.format(Locale.ROOT, format, arguments);
    }

    @Test
    void withoutTimesRowsAreASecondApart() throws IOException {
        for (int i = 0; i < ROWS; i++) {
            Row row = rows.get(i);
            // the header is line 1
            rows.set(i, new Row(1000L * (i + 2), row.a, row.b, row.label, 1000L * (i + 2) + 30_000));
        }
        Simulation simulation = new Simulation("drop").run();
        CommandRun run = evaluate(
                "-f",
                file("f.csv", csv(false)),
                "--exclude",
                "when,came",
                "--label-delay",
                "30s",
                "--json",
                "-s",
                WAITS,
                "-s",
                "learning.rate=" + RATE);

        assertThat(run.json().path("log_loss").asDouble()).isCloseTo(simulation.loss / ROWS, within(1e-10));
        assertThat(run.json().path("in_time").asInt()).isEqualTo(ROWS);
        assertThat(run.json().path("delay_p50_ms").asLong()).isEqualTo(30_000);
        assertThat(run.err())
                .contains(
                        "labels come 30 s after their events, which are one second apart, because --time is not given;"
                                + " labels.policy = wait, labels.wait.ms = 40000, labels.missing = drop");
        assertThat(evaluate(
                                "-f",
                                directory.resolve("f.csv"),
                                "--exclude",
                                "when,came",
                                "--label-delay",
                                "41s",
                                "-s",
                                WAITS)
                        .out())
                .contains("labels       600, 0 of them in time, with a median delay of –; 600 examples given up");
    }

    // ---- what a file can be like

    @Test
    void aTimeOfALabelIsEnoughWhereEveryLabelIsTheSame() throws IOException {
        StringBuilder clicks = new StringBuilder();
        double squares = 0;
        for (Row row : rows) {
            boolean clicked = row.label == 1;
            clicks.append(fixed("{\"when\": %d, \"a\": %s, \"b\": %s, ", row.time, row.a, row.b))
                    .append(fixed("\"clicked\": %s}\n", clicked ? String.valueOf(row.time + 700) : "null"));
            squares += clicked ? 1 : 0;
        }
        Path file = file("clicks.jsonl", clicks.toString());
        List<Object> words = new ArrayList<>(List.of(
                "-f",
                file,
                "--time",
                "when",
                "--label-time",
                "clicked",
                "--json",
                "-s",
                WAITS,
                "-s",
                "labels.missing=negative"));
        assertThat(evaluate(words.toArray()).err())
                .singleElement()
                .asString()
                .contains("it has the time of a label, but no label");
        words.addAll(List.of("-s", "labels.label=1"));
        JsonNode json = evaluate(words.toArray()).json();

        assertThat(json.path("examples").asInt()).isEqualTo(ROWS);
        assertThat(json.path("in_time").asInt()).isEqualTo((int) squares);
        assertThat(json.path("given_up").asInt()).isEqualTo(ROWS - (int) squares);
        double rate = squares / ROWS;
        assertThat(json.path("base_rate_log_loss").asDouble())
                .isCloseTo(-rate * Math.log(rate) - (1 - rate) * Math.log(1 - rate), within(1e-12));
    }

    @Test
    void theTimeOfAnEventCanBeAFeatureToo() throws IOException {
        Path file = file("f.csv", csv(true).replaceAll("(..:..:..)([.]5..)?Z", "$1Z"));
        CommandRun run = evaluate(
                "-f",
                file,
                "--time",
                "when",
                "--label-delay",
                "1m",
                "--exclude",
                "came",
                "-s",
                "features.time=when[yyyy-MM-dd'T'HH:mm:ss'Z']:minute");
        assertThat(run.exitCode()).as("%s", run.err()).isZero();
        assertThat(String.join("\n", run.err())).contains("times: when").doesNotContain("timestamp");
    }

    @Test
    void aModelThatIsDeletedForgetsWhatWaits() throws IOException {
        Path file = file("m.jsonl", """
                {"model": "m", "label": 1, "features": [1]}
                {"model": "m", "delete": true}
                {"model": "m", "label": 0, "features": [1, 2]}
                """);
        JsonNode json = evaluate("-f", file, "--label-delay", "5s", "--json").json();
        assertThat(json.path("labels").asInt()).isEqualTo(2);
        assertThat(json.path("in_time").asInt()).isEqualTo(1);
        assertThat(json.path("given_up").asInt()).isZero();
    }

    @Test
    void aLabelThatCannotBeLearnedIsABadLineOfItsEvent() throws IOException {
        Path file = file("m.jsonl", """
                {"label": 1, "features": [1]}
                {"label": 1, "features": [1, 2]}
                {"label": 1, "features": [2]}
                """);
        String why = file + ", line 2: its label: LENGTH_DIFFERS: ";
        assertThat(evaluate("-f", file, "--label-delay", "5s").err())
                .singleElement()
                .asString()
                .startsWith("thalweg: " + why);
        CommandRun skipping = evaluate("-f", file, "--label-delay", "5s", "--skip-bad", "--json");
        assertThat(skipping.json().path("skipped").asInt()).isEqualTo(1);
        assertThat(skipping.json().path("in_time").asInt()).isEqualTo(2);
        assertThat(skipping.json().path("given_up").asInt()).isEqualTo(1);
        assertThat(skipping.err()).anySatisfy(line -> assertThat(line).startsWith("skipped " + why));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "1777593600000   | 0",
                "1.7775936E12    | 0",
                "2026-05-01T00:00:01.5Z     | 1500",
                "2026-05-01T02:00:02+02:00  | 2000"
            })
    void timesHaveManyForms(String came, long delay) throws IOException {
        Path file = file("f.csv", "when,a,label,came\n2026-05-01T00:00Z,1,1," + came + "\n");
        CommandRun run = evaluate("-f", file, "--time", "when", "--label-time", "came", "--json");
        assertThat(run.json().path("delay_p50_ms").asLong()).isEqualTo(delay);
    }

    @ParameterizedTest
    @ValueSource(strings = {"yesterday", "-1", "2026-05-01", "1e30"})
    void aTimeThatIsNoneIsABadLine(String came) throws IOException {
        Path file = file("f.csv", "when,a,label,came\n2026-05-01T00:00Z,1,1," + came + "\n");
        CommandRun run = evaluate("-f", file, "--time", "when", "--label-time", "came", "--json");
        assertThat(run.exitCode()).isEqualTo(2);
        assertThat(run.err()).singleElement().asString().contains("f.csv, line 2: column came is \"" + came + "\"");
    }

    // ---- options

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "--label-delay 5                       | '5' is not a duration such as 500ms, 30s, 5m, 2h or 1d",
                "--label-delay 5m --label-time came    | --label-delay and --label-time exclude each other",
                "--label-time came                     | --label-time needs the times of the events; give --time",
                "--time when                           | --time is for labels that come later",
                "--time when --label-time a --category a | column a is the time of the label; it cannot be anything",
                "--time when --label-time x            | f.csv has no column x"
            })
    void optionsThatDoNotFitAreOneLine(String words, String message) throws IOException {
        List<Object> all = new ArrayList<>(List.of("-f", file("f.csv", csv(false))));
        all.addAll(List.of(words.strip().split(" ")));
        CommandRun run = evaluate(all.toArray());
        assertThat(run.exitCode()).isEqualTo(2);
        assertThat(run.err().get(0)).contains(message);
    }

    @Test
    void aTopicHasNoneOfTheseOptions() {
        assertThat(evaluate("--topic", "--label-delay", "5m").err().get(0))
                .contains("--label-delay can only be used with --file");
    }

    @Test
    void aFileWithoutDelaysSaysThatLabelsComeAtOnce() throws IOException {
        CommandRun run = evaluate("-f", file("f.csv", csv(false)), "-s", "labels.topic=truth");
        assertThat(run.err())
                .contains("labels come with their events here; --label-delay and --label-time let them come later");
    }
}
