package io.thalweg.cli;

import io.thalweg.avro.Example;
import io.thalweg.avro.SparseFeatures;
import io.thalweg.cli.ColumnKinds.Kind;
import io.thalweg.cli.ExampleFile.BadLineException;
import io.thalweg.math.Form;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * A row of a table on its way to an example. A number is the value of the feature with the name of its column; text is the feature
 * {@code column=text} with the value 1; an empty cell is no feature.
 */
final class Row {
    private static final Pattern NUMBER = Pattern.compile("[+-]?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d+)?");
    private static final Set<String> NOT_FINITE = Set.of("NaN", "Infinity", "-Infinity", "inf", "-inf");

    private final Columns columns;
    private final ColumnKinds kinds;
    private final Map<CharSequence, Double> named = new LinkedHashMap<>();
    private final List<Integer> indices = new ArrayList<>();
    private final List<Double> values = new ArrayList<>();
    private int position;

    private String model;
    private String id;
    private Double label;
    private double importance = 1;

    /** @param kinds told what its columns are taken for */
    Row(Columns columns, ColumnKinds kinds) {
        this.columns = columns;
        this.kinds = kinds;
    }

    /** Takes a cell that holds text, which may be that of a number. */
    void cell(String column, String cell) throws BadLineException {
        String text = cell.strip();
        ExampleFile.checkText(text);
        if (text.isEmpty()) {
            empty(column);
        } else if (special(column, text)) {
            return;
        } else if (NUMBER.matcher(text).matches() && !columns.categories().contains(column)) {
            feature(column, parse(column, text));
        } else if (NOT_FINITE.contains(text)) {
            throw new BadLineException(
                    "column %s is %s; a feature is a finite number, or text".formatted(column, text));
        } else {
            category(column, text);
        }
    }

    /** Takes text, whatever it looks like. */
    void text(String column, String text) throws BadLineException {
        ExampleFile.checkText(text);
        if (!special(column, text)) {
            category(column, text);
        }
    }

    /** Takes a number. @param text how it is written */
    void number(String column, double number, String text) throws BadLineException {
        if (special(column, text)) {
            return;
        }
        if (columns.categories().contains(column)) {
            category(column, text);
        } else {
            feature(column, number);
        }
    }

    private boolean special(String column, String text) throws BadLineException {
        Kind kind = special(column);
        if (kind == null) {
            return false;
        }
        kinds.add(column, kind);
        switch (kind) {
            case LABEL -> label = columns.label().of(column, text);
            case MODEL -> model = text;
            case ID -> id = text;
            case IMPORTANCE -> importance = parse(column, text);
            default -> {
                // it is passed over
            }
        }
        return true;
    }

    /** What a column is if it is no feature; or else null. */
    private Kind special(String column) {
        if (column.equals(columns.labelColumn())) {
            return Kind.LABEL;
        } else if (column.equals(columns.model())) {
            return Kind.MODEL;
        } else if (column.equals(columns.id())) {
            return Kind.ID;
        } else if (column.equals(columns.importance())) {
            return Kind.IMPORTANCE;
        }
        return columns.excluded().contains(column) ? Kind.EXCLUDED : null;
    }

    /** The number that a text is, which may be too large and so infinite; NaN if it is none. */
    static double number(String text) {
        return NUMBER.matcher(text).matches() ? Double.parseDouble(text) : Double.NaN;
    }

    private static double parse(String column, String text) throws BadLineException {
        double number = number(text);
        if (!Double.isFinite(number)) {
            throw new BadLineException(
                    "column %s is \"%s\", which is not a finite number".formatted(column, Printable.of(text)));
        }
        return number;
    }

    /** Takes a cell that is there and holds nothing. */
    void empty(String column) throws BadLineException {
        Kind kind = special(column);
        if (kind != null) {
            kinds.add(column, kind);
            return;
        }
        kinds.empty(column);
        if (columns.form() == Form.DENSE) {
            throw new BadLineException(
                    "column %s is empty; a dense example has a number in every column".formatted(column));
        }
        position++;
    }

    private void feature(String column, double value) throws BadLineException {
        if (!Double.isFinite(value)) {
            throw new BadLineException("column %s is not a finite number".formatted(column));
        }
        kinds.add(column, Kind.NUMBER);
        switch (columns.form()) {
            case NAMED -> name(column, value);
            case DENSE -> values.add(value);
            case SPARSE -> {
                if (value != 0) {
                    indices.add(position);
                    values.add(value);
                }
            }
        }
        position++;
    }

    private void category(String column, String text) throws BadLineException {
        if (columns.form() != Form.NAMED) {
            throw new BadLineException("column %s is \"%s\", which is not a number; only named features can be text"
                    .formatted(column, Printable.of(text)));
        }
        kinds.add(column, Kind.CATEGORY);
        name(column + "=" + text, 1);
    }

    private void name(String feature, double value) throws BadLineException {
        if (named.put(feature, value) != null) {
            throw new BadLineException("feature %s is there twice".formatted(Printable.of(feature)));
        }
    }

    /** The whole of it. */
    ExampleFile.Line line(long number) throws BadLineException {
        Object features = switch (columns.form()) {
            case NAMED -> named;
            case DENSE -> values;
            case SPARSE -> new SparseFeatures(indices, values);
        };
        if (named.isEmpty() && values.isEmpty()) {
            throw new BadLineException("there is no feature in it");
        }
        return new ExampleFile.Line(number, model, new Example(id, label, importance, features));
    }
}
