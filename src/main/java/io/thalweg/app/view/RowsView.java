package io.thalweg.app.view;

import static io.thalweg.app.view.Table.Column.left;
import static io.thalweg.app.view.Table.Column.right;

import io.thalweg.avro.DeadLetter;
import io.thalweg.avro.LabelStatistics;
import io.thalweg.avro.Metrics;
import io.thalweg.avro.Outcome;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.Quality;
import io.thalweg.runtime.OutputReader.Entry;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * A view that prints a row for each record, with the columns that fit.
 *
 * @param <T> the class of the records
 */
public final class RowsView<T> implements View<T> {
    private static final int BAR = 10;

    private final PrintWriter out;
    private final Table table;
    private final Function<Entry<T>, String[]> cells;
    private boolean begun;

    private RowsView(PrintWriter out, Table table, Function<Entry<T>, String[]> cells) {
        this.out = out;
        this.table = table;
        this.cells = cells;
    }

    /** @param width the maximum length of a row */
    public static RowsView<Prediction> predictions(PrintWriter out, int width) {
        Table table = new Table(
                width,
                left("date", 10).dispensable(6),
                left("time", 8).dispensable(3),
                left("model", 7),
                left("id", 8),
                left("probability", 7 + BAR),
                right("label", 5).dispensable(1),
                right("log loss", 8).dispensable(2),
                right("version", 8).dispensable(5),
                left("example", 8).dispensable(4));
        return new RowsView<>(out, table, entry -> {
            Prediction prediction = entry.value();
            return new String[] {
                Figures.date(entry.source().timestamp()),
                Figures.time(entry.source().timestamp()),
                text(entry.source().key()),
                prediction.getId() == null ? Figures.NONE : Printable.of(prediction.getId()),
                Figures.fraction(prediction.getProbability()) + " " + Figures.bar(prediction.getProbability(), BAR),
                Figures.brief(prediction.getLabel()),
                Figures.fraction(prediction.getLogLoss()),
                Figures.count(prediction.getVersion()),
                prediction.getPartition() + "@" + prediction.getOffset()
            };
        });
    }

    /** @param width the maximum length of a row */
    public static RowsView<Outcome> outcomes(PrintWriter out, int width) {
        Table table = new Table(
                width,
                left("date", 10).dispensable(8),
                left("time", 8).dispensable(5),
                left("model", 7),
                left("id", 8),
                left("outcome", 16),
                right("label", 5),
                right("probability", 11),
                right("log loss", 8).dispensable(2),
                right("delay", 8).dispensable(1),
                right("served by", 9).dispensable(6),
                right("version", 8).dispensable(3),
                right("event", 8).dispensable(4),
                right("label at", 8).dispensable(7));
        return new RowsView<>(out, table, entry -> {
            Outcome outcome = entry.value();
            return new String[] {
                Figures.date(entry.source().timestamp()),
                Figures.time(entry.source().timestamp()),
                text(entry.source().key()),
                Printable.of(outcome.getId()),
                outcome.getOutcome().name(),
                Figures.brief(outcome.getLabel()),
                Figures.fraction(outcome.getProbability()),
                Figures.fraction(outcome.getLogLoss()),
                Figures.duration(outcome.getDelayMs()),
                number(outcome.getServedVersion()),
                number(outcome.getVersion()),
                number(outcome.getEventOffset()),
                number(outcome.getLabelOffset())
            };
        });
    }

    private static String number(Long number) {
        return number == null ? Figures.NONE : Figures.count(number);
    }

    /**
     * @param width the maximum length of a row
     * @param hasLateLabels whether to show what came of labels on a topic of their own
     */
    public static RowsView<Metrics> metrics(PrintWriter out, int width, boolean hasLateLabels) {
        List<Table.Column> columns = new ArrayList<>(List.of(
                left("date", 10).dispensable(10),
                left("time", 8).dispensable(5),
                left("model", 7),
                right("examples", 9),
                right("log loss", 8),
                right("recent", 6).dispensable(1),
                right("base rate's", 11).dispensable(3),
                right("accuracy", 8).dispensable(6),
                right("recent", 6).dispensable(8),
                right("AUC", 6).dispensable(2),
                right("±", 6).dispensable(9),
                right("recent", 6).dispensable(11),
                right("calibration", 11).dispensable(7),
                right("learning rate", 13).dispensable(4)));
        if (hasLateLabels) {
            columns.addAll(List.of(
                    right("waiting", 7),
                    right("in time", 7).dispensable(1),
                    right("delay p50", 9).dispensable(2),
                    right("p99", 7).dispensable(3),
                    right("unknown", 7).dispensable(4),
                    right("too late", 8).dispensable(4)));
        }
        Table table = new Table(width, columns.toArray(Table.Column[]::new));
        return new RowsView<>(out, table, entry -> {
            Metrics metrics = entry.value();
            String date = Figures.date(entry.source().timestamp());
            String time = Figures.time(entry.source().timestamp());
            if (metrics == null) {
                return new String[] {date, time, text(entry.source().key()), "deleted"};
            }
            Quality overall = metrics.getOverall();
            Quality recent = metrics.getRecent();
            List<String> cells = new ArrayList<>(List.of(
                    date,
                    time,
                    Printable.of(metrics.getModel()),
                    Figures.count(overall.getExamples()),
                    Figures.fraction(overall.getLogLoss()),
                    Figures.fraction(recent.getLogLoss()),
                    Figures.fraction(overall.getBaseRateLogLoss()),
                    Figures.fraction(overall.getAccuracy()),
                    Figures.fraction(recent.getAccuracy()),
                    Figures.fraction(overall.getAuc()),
                    Figures.fraction(overall.getAucError()),
                    Figures.fraction(recent.getAuc()),
                    Figures.fraction(overall.getCalibration()),
                    metrics.getMixture().isEmpty()
                            ? Figures.brief(metrics.getLearningRate())
                            : Figures.mixture(metrics.getMixture())));
            if (hasLateLabels && metrics.getLabels() != null) {
                LabelStatistics labels = metrics.getLabels();
                cells.addAll(List.of(
                        Figures.count(labels.getWaiting()),
                        Figures.fraction(labels.getShareInTime()),
                        Figures.duration(labels.getDelayP50Ms()),
                        Figures.duration(labels.getDelayP99Ms()),
                        Figures.count(labels.getUnknown()),
                        Figures.count(labels.getTooLate())));
            }
            return cells.toArray(String[]::new);
        });
    }

    /** Creates a view with all columns, however long its rows: the last column is a sentence of any length. */
    public static RowsView<DeadLetter> deadLetters(PrintWriter out) {
        Table table = new Table(
                left("date", 10),
                left("time", 8),
                left("reason", 18),
                left("record", 14),
                left("key", 7),
                right("size", 8),
                left("detail", 6));
        return new RowsView<>(out, table, entry -> {
            DeadLetter letter = entry.value();
            return new String[] {
                Figures.date(entry.source().timestamp()),
                Figures.time(entry.source().timestamp()),
                Printable.of(letter.getReason()),
                "%s-%d@%d".formatted(Printable.of(letter.getTopic()), letter.getPartition(), letter.getOffset()),
                key(letter.getKey()),
                Figures.bytes(size(letter.getKey()) + size(letter.getValue())),
                Printable.of(letter.getDetail())
            };
        });
    }

    private static String text(byte[] key) {
        return key == null
                ? Figures.NONE
                : Printable.utf8(key).map(Printable::of).orElse("(%d bytes)".formatted(key.length));
    }

    private static String key(ByteBuffer key) {
        if (key == null) {
            return Figures.NONE;
        }
        byte[] bytes = new byte[key.remaining()];
        key.duplicate().get(bytes);
        return text(bytes);
    }

    private static long size(ByteBuffer bytes) {
        return bytes == null ? 0 : bytes.remaining();
    }

    @Override
    public void take(Entry<T> entry) {
        String[] row = cells.apply(entry);
        if (table.makeRoom(row) || !begun) {
            out.println(table.header());
            begun = true;
        }
        out.println(table.row(row));
    }

    @Override
    public void rest() {
        out.flush();
    }
}
