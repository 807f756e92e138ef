package io.thalweg.cli;

import io.thalweg.avro.Example;
import io.thalweg.avro.SparseFeatures;
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
    private final Map<CharSequence, Double> named = new LinkedHashMap<>();
    private final List<Integer> indices = new ArrayList<>();
    private final List<Double> values = new ArrayList<>();
    private int position;

    private String model;
    private String id;
    private Double label;
    private double importance = 1;

    Row(Columns columns) {
        this.columns = columns;
    }

    /** Takes a cell that holds text, which may be that of a number. */
    void cell(String column, String cell) throws BadLineException {
        String text = cell.strip();
        ExampleFile.checkText(text);
        if (text.isEmpty()) {
            absent(column);
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
        if (column.equals(columns.label())) {
            label = switch (text) {
                case "true" -> 1.0;
                case "false" -> 0.0;
                default -> parse(column, text);
            };
        } else if (column.equals(columns.model())) {
            model = text;
        } else if (column.equals(columns.id())) {
            id = text;
        } else if (column.equals(columns.importance())) {
            importance = parse(column, text);
        } else {
            return false;
        }
        return true;
    }

    private static double parse(String column, String text) throws BadLineException {
        double number = NUMBER.matcher(text).matches() ? Double.parseDouble(text) : Double.NaN;
        if (!Double.isFinite(number)) {
            throw new BadLineException(
                    "column %s is \"%s\", which is not a finite number".formatted(column, Printable.of(text)));
        }
        return number;
    }

    private boolean isFeature(String column) {
        return !column.equals(columns.label())
                && !column.equals(columns.model())
                && !column.equals(columns.id())
                && !column.equals(columns.importance());
    }

    private void absent(String column) throws BadLineException {
        if (!isFeature(column)) {
            return;
        }
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
