package io.thalweg.app.files;

import io.thalweg.app.files.ExampleFile.BadLineException;
import io.thalweg.app.view.Printable;
import io.thalweg.mapping.FieldKind;
import io.thalweg.mapping.FieldKinds;
import io.thalweg.mapping.IsoTime;
import io.thalweg.mapping.Mapping;
import io.thalweg.mapping.Numbers;
import java.util.List;

/**
 * A row with a column that contains a time: its timestamp, or when its label came. The column of timestamps is nothing
 * else, unless a setting names it too; the other is never anything else.
 */
final class TimedRow implements Row {
    private final Row row;
    private final String column;
    private final boolean isOfLabel;
    private final boolean isOnlyTime;
    private final FieldKinds kinds;
    private Long time;

    private TimedRow(Row row, String column, boolean isOfLabel, boolean isOnlyTime, FieldKinds kinds) {
        this.row = row;
        this.column = column;
        this.isOfLabel = isOfLabel;
        this.isOnlyTime = isOnlyTime;
        this.kinds = kinds;
    }

    /** A row with a timestamp. @param row takes all other columns */
    static TimedRow ofTimestamps(Row row, String column, Mapping mapping, FieldKinds kinds) {
        return new TimedRow(row, column, false, !mapping.fields().containsKey(column), kinds);
    }

    /** A row with the time at which its label came, if it did. @param row takes all other columns */
    static TimedRow ofLabelTimes(Row row, String column, FieldKinds kinds) {
        return new TimedRow(row, column, true, true, kinds);
    }

    /**
     * Parses a timestamp.
     *
     * @param column the column that contains it, for messages
     * @param text milliseconds since 1970, or a timestamp in ISO 8601 with a time zone
     */
    static long parse(String column, String text) throws BadLineException {
        double number = Numbers.parse(text);
        long time;
        if (Double.isNaN(number)) {
            time = IsoTime.timestamp(text)
                    .orElseThrow(() -> new BadLineException(
                            ("column %s is \"%s\", which is neither milliseconds since 1970 nor a timestamp such as"
                                            + " 2026-05-01T12:00:00Z")
                                    .formatted(Printable.of(column), Printable.of(text))));
        } else {
            time = (long) number;
        }
        if (time < 0 || time == Long.MAX_VALUE) {
            throw new BadLineException("column %s is \"%s\"; a timestamp is in milliseconds since 1970"
                    .formatted(Printable.of(column), Printable.of(text)));
        }
        return time;
    }

    /** Takes a cell if it is the timestamp. Returns whether it is nothing else. */
    private boolean takes(String name, String text) throws BadLineException {
        if (!name.equals(column)) {
            return false;
        }
        time = parse(name, text.strip());
        if (isOnlyTime) {
            kinds.add(name, isOfLabel ? FieldKind.LABEL_TIME : FieldKind.TIMESTAMP);
        }
        return isOnlyTime;
    }

    @Override
    public void clear() {
        time = null;
        row.clear();
    }

    @Override
    public void cell(String name, String cell) throws BadLineException {
        if (name.equals(column) && (cell.isBlank() || Numbers.isNone(cell.strip()))) {
            empty(name);
        } else if (!takes(name, cell)) {
            row.cell(name, cell);
        }
    }

    @Override
    public void text(String name, String text) throws BadLineException {
        if (name.equals(column) && (text.isBlank() || Numbers.isNone(text.strip()))) {
            empty(name);
        } else if (!takes(name, text)) {
            row.text(name, text);
        }
    }

    @Override
    public void number(String name, double number, String text) throws BadLineException {
        if (!takes(name, text)) {
            row.number(name, number, text);
        }
    }

    @Override
    public boolean beginList(String name) throws BadLineException {
        return !name.equals(column) && row.beginList(name);
    }

    @Override
    public void at(String name, int index) {
        row.at(name, index);
    }

    @Override
    public void endList(String name) {
        row.endList(name);
    }

    @Override
    public boolean isExcluded(String name) {
        return !name.equals(column) && row.isExcluded(name);
    }

    @Override
    public void leaveOut(String name, String why) {
        row.leaveOut(name, why);
    }

    @Override
    public void empty(String name) throws BadLineException {
        if (!name.equals(column)) {
            row.empty(name);
        }
    }

    @Override
    public List<String> remarks() {
        return row.remarks();
    }

    @Override
    public ExampleFile.Line line(long number) throws BadLineException {
        if (isOfLabel) {
            return row.line(number).labelledAt(time);
        }
        if (time == null) {
            throw noTime(column);
        }
        return row.line(number).at(time);
    }

    static BadLineException noTime(String column) {
        return new BadLineException(
                "it has no timestamp: column %s is empty or missing".formatted(Printable.of(column)));
    }
}
