package io.thalweg.app.view;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.thalweg.avro.DeadLetter;
import io.thalweg.avro.Metrics;
import io.thalweg.avro.Outcome;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.Quality;
import io.thalweg.avro.Result;
import io.thalweg.avro.Share;
import io.thalweg.avro.Weight;
import io.thalweg.avro.Weights;
import io.thalweg.output.WeightsRecords;
import io.thalweg.runtime.OutputReader.Entry;
import io.thalweg.runtime.WeightsBoard;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.junit.jupiter.api.Test;

class ViewsTest {
    private static final long NOON = LocalDateTime.parse("2026-03-04T12:00:00")
            .atZone(ZoneId.systemDefault())
            .toInstant()
            .toEpochMilli();

    /** More than all columns need. */
    private static final int WIDE = 200;

    private final StringWriter text = new StringWriter();
    private final PrintWriter out = new PrintWriter(text);
    private final AtomicLong clock = new AtomicLong();

    private static <T> Entry<T> entry(byte[] key, T value) {
        return new Entry<>(
                new ConsumerRecord<>(
                        "topic",
                        2,
                        40,
                        NOON,
                        TimestampType.CREATE_TIME,
                        0,
                        0,
                        key,
                        null,
                        new RecordHeaders(),
                        Optional.empty()),
                value,
                null);
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private List<String> printed() {
        out.flush();
        List<String> lines = text.toString().lines().toList();
        text.getBuffer().setLength(0);
        return lines;
    }

    @Test
    void predictionsAreAlignedRows() {
        View<Prediction> view = RowsView.predictions(out, WIDE);
        view.take(entry(utf8("m"), new Prediction("a", 0.5, 0.0, 0L, 1.0, Math.log(2), 2, 7L, null)));
        view.take(entry(
                utf8("only one"),
                new Prediction("a long id, really", 0.96875, 3.43, 12345L, 0.25, 2.601, 2, 8_000_000_000L, null)));
        view.take(entry(utf8("m"), new Prediction(null, 0.0, -800.0, 1L, null, null, 2, 9L, null)));

        assertThat(printed())
                .containsExactly(
                        "date        time      model    id        probability        label  log loss   version "
                                + " example",
                        "2026-03-04  12:00:00  m        a         0.5000 █████           1    0.6931         0  2@7",
                        "2026-03-04  12:00:00  only one  a long id, really  0.9688 █████████▊   0.25    2.6010   "
                                + " 12,345  2@8000000000",
                        "2026-03-04  12:00:00  m         –                  0.0000                 –         –        "
                                + " 1  2@9");
    }

    @Test
    void nothingFromATopicMovesTheCursor() {
        View<Prediction> view = RowsView.predictions(out, WIDE);
        view.take(entry(
                utf8("m\033[2J\u202e"), new Prediction("line\nbreak\u0000", 0.5, 0.0, 0L, null, null, 0, 0L, null)));

        assertThat(printed()).hasSize(2).last().asString().contains("m\uFFFD[2J\uFFFD ", "line\uFFFDbreak\uFFFD ");
    }

    @Test
    void aDeletedModelIsARow() {
        RowsView.metrics(out, WIDE, false).take(entry(utf8("m"), (Metrics) null));

        assertThat(printed()).hasSize(2).last().asString().matches("2026-03-04  12:00:00 +m +deleted");
    }

    @Test
    void metricsShowWhatTheRecordSays() {
        Quality overall = new Quality(2000L, 2000.0, 0.6, 0.65, 0.7, 0.75, 0.001, 0.3, 0.33, 1.1);
        Quality recent = new Quality(500L, 500.0, 0.5, 0.66, 0.8, Double.NaN, Double.NaN, 0.3, 0.33, 1.1);
        RowsView.metrics(out, WIDE, false)
                .take(entry(utf8("m"), new Metrics("m", 2000L, overall, recent, 0.05, List.of(), null)));

        assertThat(printed())
                .extracting(line -> line.trim().split(" {2,}"))
                .containsExactly(
                        new String[] {
                            "date",
                            "time",
                            "model",
                            "examples",
                            "log loss",
                            "recent",
                            "base rate's",
                            "accuracy",
                            "recent",
                            "AUC",
                            "±",
                            "recent",
                            "calibration",
                            "learning rate"
                        },
                        new String[] {
                            "2026-03-04",
                            "12:00:00",
                            "m",
                            "2,000",
                            "0.6000",
                            "0.5000",
                            "0.6500",
                            "0.7000",
                            "0.8000",
                            "0.7500",
                            "0.0010",
                            "–",
                            "1.1000",
                            "0.05"
                        });
    }

    @Test
    void onANarrowScreenTheColumnsThatMatterLeastAreLeftOut() {
        Quality quality = new Quality(9_999_999L, 2000.0, 0.6, 0.65, 0.7, 0.75, 0.001, 0.3, 0.33, 1.1);
        Entry<Metrics> entry =
                entry(utf8("default"), new Metrics("default", 2000L, quality, quality, 0.05, List.of(), null));
        for (int width : new int[] {200, 100, 80, 50, 10}) {
            RowsView.metrics(out, width, false).take(entry);
        }

        List<String> lines = printed();
        assertThat(lines)
                .containsSubsequence(
                        "time      model     examples  log loss  recent  base rate's  accuracy     AUC  learning rate",
                        "12:00:00  default  9,999,999    0.6000  0.6000       0.6500    0.7000  0.7500           0.05",
                        "model     examples  log loss  recent  base rate's     AUC  learning rate",
                        "default  9,999,999    0.6000  0.6000       0.6500  0.7500           0.05",
                        "model     examples  log loss  recent     AUC",
                        "default  9,999,999    0.6000  0.6000  0.7500");
        assertThat(lines.subList(0, 2)).allMatch(line -> line.length() > 130 && line.length() <= 200);
        assertThat(lines.subList(2, 4)).allMatch(line -> line.length() <= 100);
        assertThat(lines.get(8)).as("no room at all").matches("mo… +ex… +lo…");
    }

    @Test
    void theHeaderComesAgainWhenAColumnIsLeftOutFromThereOn() {
        View<Prediction> view = RowsView.predictions(out, 100);
        Prediction brief = new Prediction("a", 0.5, 0.0, 0L, 1.0, Math.log(2), 2, 7L, null);
        view.take(entry(utf8("m"), brief));
        view.take(entry(
                utf8("m"),
                new Prediction("0b8e2f0a-8b0e-4c8e-9f57-0d3c7c4b1a7e", 0.5, 0.0, 0L, 1.0, Math.log(2), 2, 8L, null)));
        view.take(entry(utf8("n".repeat(1000)), brief));
        view.take(entry(utf8("m"), brief));

        List<String> lines = printed();
        assertThat(lines).hasSize(7).allMatch(line -> line.length() <= 100, "fits");
        assertThat(lines.get(0)).startsWith("date ").contains("version");
        assertThat(lines.get(2)).startsWith("time ").contains("log loss").doesNotContain("version", "example");
        assertThat(lines.get(3)).contains("0b8e2f0a-8b0e-4c8e-9f57-0d3c7c4b1a7e");
        assertThat(lines.get(4)).startsWith("model ");
        assertThat(lines.get(5)).startsWith("n".repeat(35) + "…  a ");
    }

    @Test
    void deadLettersShowTheirKeyIfItIsText() {
        View<DeadLetter> view = RowsView.deadLetters(out);
        view.take(entry(
                null,
                new DeadLetter(
                        "EMPTY",
                        "no features",
                        "examples",
                        3,
                        17L,
                        NOON,
                        ByteBuffer.wrap(utf8("müller")),
                        ByteBuffer.allocate(2000))));
        view.take(entry(
                null,
                new DeadLetter(
                        "BAD_KEY", "not UTF-8", "examples", 3, 18L, NOON, ByteBuffer.wrap(new byte[] {-1, 2}), null)));
        view.take(entry(null, new DeadLetter("NO_KEY", "no key", "examples", 3, 19L, NOON, null, null)));

        assertThat(printed())
                .extracting(line -> line.trim().split(" {2,}"))
                .containsExactly(
                        new String[] {"date", "time", "reason", "record", "key", "size", "detail"},
                        new String[] {
                            "2026-03-04", "12:00:00", "EMPTY", "examples-3@17", "müller", "2,007 B", "no features"
                        },
                        new String[] {
                            "2026-03-04", "12:00:00", "BAD_KEY", "examples-3@18", "(2 bytes)", "2 B", "not UTF-8"
                        },
                        new String[] {"2026-03-04", "12:00:00", "NO_KEY", "examples-3@19", "–", "0 B", "no key"});
    }

    @Test
    void jsonIsAnObjectALineWithTheFieldsOfTheSchema() throws IOException {
        new JsonView<Prediction>(out)
                .take(entry(utf8("m"), new Prediction("a", 0.1, -2.2, 4L, null, null, 2, 7L, null)));
        new JsonView<Weights>(out).take(entry(WeightsRecords.key("m", 3), (Weights) null));
        new JsonView<DeadLetter>(out)
                .take(entry(
                        new byte[] {-1},
                        new DeadLetter("R", "d", "t", 0, 1L, -1L, ByteBuffer.wrap(new byte[] {-1}), null)));
        new JsonView<Metrics>(out)
                .take(entry(
                        null,
                        new Metrics(
                                "m",
                                1L,
                                new Quality(0L, 0.0, Double.NaN, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
                                new Quality(0L, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
                                0.1,
                                List.of(),
                                null)));

        List<String> lines = printed();
        assertThat(lines.get(0))
                .isEqualTo(("{\"key\":\"m\",\"timestamp\":%d,\"partition\":2,\"offset\":40,\"value\":{\"id\":\"a\","
                                + "\"probability\":0.1,\"logit\":-2.2,\"version\":4,\"label\":null,\"logLoss\":null,"
                                + "\"partition\":2,\"offset\":7,\"labelsOffset\":null}}")
                        .formatted(NOON));
        ObjectMapper json = new ObjectMapper();
        JsonNode tombstone = json.readTree(lines.get(1));
        assertThat(tombstone.get("key").textValue()).isEqualTo("m\0003");
        assertThat(tombstone.get("value").isNull()).isTrue();
        JsonNode letter = json.readTree(lines.get(2));
        assertThat(letter.has("key")).isFalse();
        assertThat(letter.get("keyBase64").binaryValue()).containsExactly(-1);
        assertThat(letter.get("value").get("key").binaryValue()).containsExactly(-1);
        assertThat(letter.get("value").get("value").isNull()).isTrue();
        JsonNode metrics = json.readTree(lines.get(3));
        assertThat(metrics.get("key").isNull()).isTrue();
        assertThat(metrics.at("/value/overall/logLoss").isNull()).as("NaN").isTrue();
        assertThat(metrics.at("/value/learningRate").doubleValue()).isEqualTo(0.1);
    }

    @Test
    void anOutcomeInJsonSaysWhatCameOfALabel() throws IOException {
        new JsonView<Outcome>(out)
                .take(entry(
                        utf8("m"),
                        new Outcome(
                                "a",
                                Result.TOO_LATE,
                                1.0,
                                0.5,
                                null,
                                3L,
                                null,
                                70L,
                                7L,
                                8L,
                                2,
                                99L,
                                9L,
                                10L,
                                true,
                                11L)));

        JsonNode outcome = new ObjectMapper().readTree(printed().get(0));
        assertThat(outcome.at("/value/outcome").textValue()).isEqualTo("TOO_LATE");
        assertThat(outcome.at("/value/label").doubleValue()).isEqualTo(1.0);
        assertThat(outcome.at("/value/version").isNull()).isTrue();
        assertThat(outcome.at("/value/byLabel").booleanValue()).isTrue();
    }

    private static Weights weights(long version, Integer block, int blocks, double bias, Object... featuresAndWeights) {
        List<Weight> weights = new ArrayList<>();
        double squares = 0;
        for (int i = 0; i < featuresAndWeights.length; i += 2) {
            double weight = (double) featuresAndWeights[i + 1];
            weights.add(
                    featuresAndWeights[i] instanceof Integer feature
                            ? new Weight(feature, null, weight, null)
                            : new Weight(i / 2, (String) featuresAndWeights[i], weight, null));
            squares += weight * weight;
        }
        return new Weights("m", version, block, blocks, bias, weights, Math.sqrt(squares), null, 0.05, null);
    }

    @Test
    void blocksArePutTogetherAndTombstonesTakeThemAway() {
        WeightsBoard board = new WeightsBoard();
        board.take("m", weights(4, null, 1, 0.1, 0, 9.0));
        board.take("m", null);
        board.take("m\0000", weights(5, 0, 3, 0.5, 0, 3.0, 5, -1.0));
        board.take("m\0007", weights(6, 7, 3, 0.6, 900, -4.0));

        WeightsBoard.Board model = board.latest(1).get(0);
        assertThat(model.version()).isEqualTo(6);
        assertThat(model.bias()).isEqualTo(0.6);
        assertThat(model.size()).isEqualTo(3);
        assertThat(model.isComplete()).isFalse();
        assertThat(model.l2Norm()).isEqualTo(Math.sqrt(9 + 1 + 16));
        assertThat(model.strongest(2)).extracting(WeightsBoard.Strong::name).containsExactly("#900", "#0");

        board.take("m\00010", weights(6, 10, 3, 0.6, 1300, 0.5));
        assertThat(model.isComplete()).isTrue();
        assertThat(model.strongest(9)).extracting(WeightsBoard.Strong::weight).containsExactly(-4.0, 3.0, -1.0, 0.5);

        board.take("other", weights(1, null, 1, 0));
        assertThat(board.latest(5)).extracting(WeightsBoard.Board::model).containsExactly("m", "other");
        assertThat(board.latest(1)).extracting(WeightsBoard.Board::model).containsExactly("other");
        board.take("m\0000", null);
        assertThat(board.latest(1)).extracting(WeightsBoard.Board::model).containsExactly("m");
        board.take("m\0007", null);
        board.take("m\00010", null);
        assertThat(board.latest(5)).extracting(WeightsBoard.Board::model).containsExactly("other");
    }

    @Test
    void weightsComeWithTheirChangeAtMostOnceASecondAndOnlyWhenSomethingIsNew() {
        WeightsView view = new WeightsView(out, 2, null, false, false, () -> 0, clock::get);
        view.rest();
        assertThat(printed()).isEmpty();

        view.take(entry(utf8("m"), weights(1, null, 1, -0.25, "hour=17", 1.0, "rain", -2.0, "sun", 0.5)));
        view.rest();
        assertThat(printed())
                .containsExactly(
                        "m  version 1  bias -0.2500  L2 norm 2.2913  3 weights  learning rate 0.05",
                        "  rain         -2.0000  ████████████",
                        "  hour=17      +1.0000  ██████",
                        "");

        view.take(entry(utf8("m"), weights(2, null, 1, -0.25, "hour=17", 1.0, "rain", -1.5, "sun", 3.0)));
        clock.set(TimeUnit.MILLISECONDS.toNanos(999));
        view.rest();
        assertThat(printed()).isEmpty();
        clock.set(TimeUnit.MILLISECONDS.toNanos(1000));
        view.rest();
        assertThat(printed())
                .containsExactly(
                        "m  version 2  bias -0.2500  L2 norm 3.5000  3 weights  learning rate 0.05",
                        "  sun       +3.0000  ████████████  new",
                        "  rain      -1.5000  ██████        ▲ +0.5000",
                        "");
        clock.set(TimeUnit.SECONDS.toNanos(5));
        view.rest();
        view.end();
        assertThat(printed()).isEmpty();

        view.take(entry(utf8("m"), weights(3, null, 1, 0, "hour=17", 0.0, "rain", -2e-7, "sun", 3.0)));
        view.end();
        assertThat(printed())
                .contains("  rain   -2.000e-07                ▲ +1.5000")
                .contains("  sun       +3.0000  ████████████");
        view.take(entry(utf8("m"), (Weights) null));
        view.end();
        assertThat(printed()).containsExactly("there are no models left", "");
    }

    @Test
    void weightsSayWhatTheyHaveMovedByOverTheRecentWindow() {
        WeightsView view = new WeightsView(out, 3, null, false, false, () -> 0, clock::get);
        Weights weights = weights(12_000, null, 1, -0.25, "hour=17", 1.0, "rain", -2.0, "sun", 0.5);
        weights.setMovedSteps(7_000L);
        weights.getWeights().get(0).setMoved(0.031);
        weights.getWeights().get(1).setMoved(0.0);
        view.take(entry(utf8("m"), weights));
        view.end();
        assertThat(printed())
                .containsExactly(
                        "m  version 12,000  bias -0.2500  L2 norm 2.2913  3 weights  learning rate 0.05  moved over"
                                + " 7,000 steps",
                        "  rain         -2.0000  ████████████  moved 0",
                        "  hour=17      +1.0000  ██████        moved +0.0310",
                        "  sun          +0.5000  ███",
                        "");
    }

    @Test
    void aMixtureIsShownByTheFewThatCarryIt() {
        List<Share> mixture = List.of(
                new Share("sgd", 0.1, 0.3),
                new Share("sgd", 1.0, 0.04),
                new Share("adagrad", 0.2, 0.61),
                new Share("adagrad", 0.35, 0.05));
        assertThat(Figures.mixture(mixture)).isEqualTo("adagrad 0.2 61%, sgd 0.1 30%, adagrad 0.35 5%");
        Quality quality = new Quality(20L, 20.0, 0.6, 0.65, 0.7, 0.75, 0.001, 0.3, 0.33, 1.1);
        RowsView.metrics(out, WIDE, false)
                .take(entry(utf8("m"), new Metrics("m", 20L, quality, quality, 0.2, mixture, null)));
        assertThat(printed()).last().asString().endsWith("adagrad 0.2 61%, sgd 0.1 30%, adagrad 0.35 5%");
    }

    @Test
    void onATerminalOneScreenIsDrawnOverTheOther() {
        WeightsView view = new WeightsView(out, 5, null, true, true, () -> 0, clock::get);
        view.take(entry(utf8("@|red m|@"), weights(1, null, 1, 0, "a", 1.0)));
        view.rest();
        assertThat(String.join("\n", printed())).startsWith("\033[2J\033[H\033[?7l\033[1m@|red m|@\033[0m  version 1");

        view.take(entry(utf8("@|red m|@"), weights(2, null, 1, 0, "a", 0.5)));
        view.end();
        assertThat(String.join("\n", printed()))
                .startsWith("\033[H\033[?7l")
                .contains("\033[31m▼ -0.5000\033[0m\033[K\n")
                .endsWith("\033[?7h\033[J");
    }

    @Test
    void onlyTheModelsThatChangedLastAreShown() {
        WeightsView view = new WeightsView(out, 1, null, false, false, () -> 0, clock::get);
        for (String model : List.of("a", "b", "c", "d", "e", "b")) {
            view.take(entry(utf8(model), weights(1, null, 1, 0)));
        }
        view.end();

        assertThat(printed().stream().filter(line -> !line.isEmpty()))
                .extracting(line -> line.substring(0, 2).strip())
                .containsExactly("b", "d", "e", "2");
    }

    private List<String> look(int models, int weights, Integer top, Integer modelsWanted, int height) {
        WeightsView view = new WeightsView(out, top, modelsWanted, true, false, () -> height, clock::get);
        Object[] featuresAndWeights = new Object[2 * weights];
        for (int i = 0; i < weights; i++) {
            featuresAndWeights[2 * i] = i;
            featuresAndWeights[2 * i + 1] = 1.0 + i;
        }
        for (int i = 0; i < models; i++) {
            view.take(entry(utf8("model-" + i), weights(1, null, 1, 0, featuresAndWeights)));
        }
        view.end();
        return printed();
    }

    private static List<Integer> modelsAndWeights(List<String> lines) {
        return List.of(
                (int) lines.stream().filter(line -> line.contains("version 1")).count(),
                (int) lines.stream().filter(line -> line.contains("  #")).count());
    }

    @Test
    void asManyModelsAsFitAreOnTheScreen() {
        assertThat(modelsAndWeights(look(1, 30, null, null, 50))).containsExactly(1, 20);
        assertThat(modelsAndWeights(look(1, 30, null, null, 15))).containsExactly(1, 12);
        assertThat(modelsAndWeights(look(4, 30, null, null, 50))).containsExactly(4, 4 * 10);
        assertThat(modelsAndWeights(look(9, 30, null, null, 50))).containsExactly(6, 6 * 5);
        assertThat(modelsAndWeights(look(9, 3, null, null, 50))).containsExactly(9, 9 * 3);
        assertThat(modelsAndWeights(look(9, 30, 2, null, 50))).containsExactly(9, 9 * 2);
        assertThat(modelsAndWeights(look(9, 30, null, 2, 50))).containsExactly(2, 2 * 20);
        assertThat(modelsAndWeights(look(9, 30, 20, null, 50))).containsExactly(2, 2 * 20);
        assertThat(modelsAndWeights(look(9, 30, 20, 7, 0))).containsExactly(7, 7 * 20);
    }

    @Test
    void noLookIsLongerThanTheScreen() {
        for (int height : new int[] {2, 3, 5, 9, 24, 60}) {
            for (int models : new int[] {1, 2, 5, 40}) {
                for (Integer top : new Integer[] {null, 1, 50}) {
                    for (Integer wanted : new Integer[] {null, 1, 7}) {
                        assertThat(look(models, 30, top, wanted, height))
                                .as("%d lines, %d models, --top %s, --models %s", height, models, top, wanted)
                                // the last one is what follows the last line's end: the cursor's
                                .hasSizeLessThanOrEqualTo(height);
                    }
                }
            }
        }
        assertThat(look(1, 30, 30, null, 10))
                .hasSize(10)
                .element(8)
                .asString()
                .startsWith("… and 24 more lines than fit on the screen");
    }

    @Test
    void theSizeOfATerminalIsWhatSttySays() {
        assertThat(Terminal.parse("24 100\n")).contains(new Terminal(24, 100));
        assertThat(Terminal.parse("0 0\n")).as("not set").isEmpty();
        assertThat(Terminal.parse("stty: 'standard input': Inappropriate ioctl for device\n"))
                .isEmpty();
        assertThat(Terminal.width(null, Optional.of(new Terminal(24, 70)))).isEqualTo(70);
        assertThat(Terminal.width("120", Optional.of(new Terminal(24, 70)))).isEqualTo(120);
        assertThat(Terminal.width("wide", Optional.empty())).isEqualTo(100);
    }
}
