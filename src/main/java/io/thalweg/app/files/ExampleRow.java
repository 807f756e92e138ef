package io.thalweg.app.files;

import io.thalweg.app.files.ExampleFile.BadLineException;
import io.thalweg.app.view.Printable;
import io.thalweg.avro.Example;
import io.thalweg.avro.SparseFeatures;
import io.thalweg.mapping.FeatureCollector;
import io.thalweg.mapping.FieldEncoder;
import io.thalweg.mapping.FieldKind;
import io.thalweg.mapping.FieldKinds;
import io.thalweg.mapping.Mapping;
import io.thalweg.mapping.Numbers;
import io.thalweg.mapping.TimeEncoder;
import io.thalweg.mapping.TimeParts;
import io.thalweg.math.FeatureForm;
import io.thalweg.math.Rejection;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.StopException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A row of a table that becomes an example: its cells are mapped like the fields of an event. A cell that looks like a
 * number is a number, other text is a category, and an empty cell is missing, and so is a word such as NaN or NA. It is
 * reused for the next row.
 */
final class ExampleRow implements Row {
    private final Mapping mapping;
    private final FeatureForm form;
    private final FieldKinds kinds;
    private final DecimalMark decimal;
    private final ColumnRemarks remarks = new ColumnRemarks();
    private final FeatureCollector collector;
    private final Map<String, ColumnUse> columns = new HashMap<>();
    private final io.thalweg.math.Example x = new io.thalweg.math.Example();

    private final List<Integer> indices = new ArrayList<>();
    private final List<Double> values = new ArrayList<>();
    private int position;

    private String model;
    private String id;
    private Double label;
    private double importance;

    /**
     * The use of a column.
     *
     * @param special null if the column is a feature
     * @param encoder null if the column is not a feature, or is a time
     */
    private record ColumnUse(FieldKind special, FieldEncoder encoder, TimeEncoder times) {}

    /**
     * @param kinds receives what each column is used as
     * @param decimal how numbers in cells are written
     */
    ExampleRow(Mapping mapping, FeatureForm form, FieldKinds kinds, DecimalMark decimal) {
        this.mapping = mapping;
        this.form = form;
        this.kinds = kinds;
        this.decimal = decimal;
        collector = new FeatureCollector(mapping);
        clear();
    }

    @Override
    public void clear() {
        x.clear();
        collector.begin(x);
        indices.clear();
        values.clear();
        position = 0;
        model = mapping.fixedModel();
        id = null;
        label = null;
        importance = 1;
    }

    private ColumnUse column(String name) {
        return columns.computeIfAbsent(name, this::found);
    }

    private ColumnUse found(String name) {
        if (mapping.label() != null && name.equals(mapping.label().field())) {
            return new ColumnUse(FieldKind.LABEL, null, null);
        } else if (name.equals(mapping.modelField())) {
            return new ColumnUse(FieldKind.MODEL, null, null);
        } else if (name.equals(mapping.id())) {
            return new ColumnUse(FieldKind.ID, null, null);
        } else if (name.equals(mapping.importance())) {
            return new ColumnUse(FieldKind.IMPORTANCE, null, null);
        } else if (!mapping.isWanted(name)) {
            return new ColumnUse(FieldKind.EXCLUDED, null, null);
        }
        TimeParts times = mapping.times(name);
        if (times != null && !times.hasPattern()) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    ("features.time: column %1$s is text or numbers; specify its format, such as %1$s[iso]:hour,"
                                    + " %1$s[yyyyMMddHHmm]:hour or %1$s[seconds]:hour")
                            .formatted(Printable.of(name)));
        }
        return times == null
                ? new ColumnUse(null, collector.feature(name), null)
                : new ColumnUse(null, null, collector.times(times));
    }

    @Override
    public void cell(String name, String cell) throws BadLineException {
        String text = cell.strip();
        ColumnUse column = column(name);
        if (text.isEmpty()) {
            empty(name);
        } else if (column.special != null) {
            special(column.special, name, isNumber(column.special) ? decimal.plain(text) : text);
        } else if (column.times != null) {
            time(name, column.times, mapping.times(name).isOfText() ? text : decimal.plain(text));
        } else if (mapping.isCategorical(name)) {
            category(name, text);
        } else if (Numbers.isNone(text)) {
            missing(name, text);
        } else {
            double number = decimal.parse(text);
            if (Double.isNaN(number)) {
                category(name, text);
            } else {
                number(name, number, text);
            }
        }
    }

    /** Whether a column that is not a feature holds numbers. */
    private boolean isNumber(FieldKind special) {
        return special == FieldKind.IMPORTANCE
                || special == FieldKind.LABEL && !mapping.label().isOfText();
    }

    private void missing(String name, String word) throws BadLineException {
        remarks.missing(name, word);
        empty(name);
    }

    @Override
    public void text(String name, String text) throws BadLineException {
        ColumnUse column = column(name);
        if (column.special != null) {
            special(column.special, name, text);
        } else if (column.times != null) {
            time(name, column.times, text);
        } else {
            category(name, text);
        }
    }

    @Override
    public void number(String name, double number, String text) throws BadLineException {
        ColumnUse column = column(name);
        if (column.special != null) {
            special(column.special, name, text);
        } else if (!Double.isFinite(number)) {
            missing(name, text);
        } else if (column.times != null) {
            time(name, column.times, text);
        } else if (mapping.isCategorical(name)) {
            category(name, text);
        } else {
            feature(name, number);
            remarks.number(name, number, text);
        }
    }

    @Override
    public boolean beginList(String name) throws BadLineException {
        ColumnUse column = column(name);
        if (column.times != null || column.special != null && column.special != FieldKind.EXCLUDED) {
            throw new BadLineException("field %s is a list".formatted(Printable.of(name)));
        } else if (column.special != null) {
            kinds.add(name, column.special);
        }
        return column.special == null;
    }

    @Override
    public void at(String name, int index) {
        column(name).encoder.at(index);
    }

    @Override
    public void endList(String name) {
        column(name).encoder.whole();
    }

    @Override
    public boolean isExcluded(String name) {
        return column(name).special == FieldKind.EXCLUDED;
    }

    @Override
    public void leaveOut(String name, String why) {
        if (isExcluded(name)) {
            kinds.add(name, FieldKind.EXCLUDED);
        } else {
            kinds.leaveOut(name, why);
        }
    }

    @Override
    public List<String> remarks() {
        return remarks.lines(collector.categories());
    }

    private void special(FieldKind kind, String name, String text) throws BadLineException {
        kinds.add(name, kind);
        if (kind != FieldKind.EXCLUDED) {
            ExampleFile.checkText(text);
        }
        switch (kind) {
            case LABEL -> label = mapping.label().isMissing(text) ? null : label(name, text);
            case MODEL -> model = text;
            case ID -> id = text;
            case IMPORTANCE -> importance = parse(name, text);
            default -> {
                // the column is ignored
            }
        }
    }

    private Double label(String name, String text) throws BadLineException {
        double y = BadLineException.checkLabel(mapping.label(), name, text);
        kinds.addLabelText(text.strip(), y);
        return y;
    }

    private static double parse(String name, String text) throws BadLineException {
        double number = Numbers.parse(text);
        if (!Double.isFinite(number)) {
            throw new BadLineException(
                    "column %s is \"%s\", which is not a finite number".formatted(name, Printable.of(text)));
        }
        return number;
    }

    @Override
    public void empty(String name) throws BadLineException {
        ColumnUse column = column(name);
        if (column.special != null) {
            kinds.add(name, column.special);
            return;
        }
        kinds.empty(name);
        if (form == FeatureForm.DENSE) {
            throw new BadLineException(
                    "column %s is empty; a dense example needs a number in every column".formatted(name));
        }
        position++;
        if (form == FeatureForm.NAMED) {
            try {
                if (column.times != null) {
                    column.times.missing();
                } else {
                    column.encoder.missing();
                }
            } catch (Rejection e) {
                throw bad(e);
            }
        }
    }

    private void time(String name, TimeEncoder times, String text) throws BadLineException {
        ExampleFile.checkText(text);
        if (Numbers.isNone(text)) {
            missing(name, text);
            return;
        }
        kinds.add(name, FieldKind.TIME);
        try {
            if (mapping.times(name).isOfText()) {
                byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
                times.text(utf8, 0, utf8.length);
            } else {
                times.number(parse(name, text));
            }
        } catch (Rejection e) {
            throw new BadLineException("%s; it is \"%s\"".formatted(e.getMessage(), Printable.of(text)));
        }
    }

    private void feature(String name, double value) throws BadLineException {
        if (!Double.isFinite(value)) {
            throw new BadLineException("column %s is not a finite number".formatted(name));
        }
        kinds.add(name, FieldKind.NUMBER);
        switch (form) {
            case NAMED -> {
                try {
                    column(name).encoder.number(value);
                } catch (Rejection e) {
                    throw bad(e);
                }
            }
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

    private void category(String name, String text) throws BadLineException {
        ExampleFile.checkText(text);
        if (form != FeatureForm.NAMED) {
            throw new BadLineException("column %s is \"%s\", which is not a number; only named features can be text"
                    .formatted(name, Printable.of(text)));
        }
        if (mapping.isNumeric(name)) {
            if (text.isBlank() || Numbers.isNone(text.strip())) {
                missing(name, text);
            } else {
                feature(name, text.equals("true") ? 1 : text.equals("false") ? 0 : parse(name, text.strip()));
            }
            return;
        }
        kinds.add(name, FieldKind.CATEGORY);
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        try {
            column(name).encoder.category(utf8, 0, utf8.length);
        } catch (Rejection e) {
            throw bad(e);
        }
    }

    private static BadLineException bad(Rejection e) {
        return new BadLineException(e.getMessage());
    }

    @Override
    public ExampleFile.Line line(long number) throws BadLineException {
        Object all = switch (form) {
            case NAMED -> named();
            case DENSE -> List.copyOf(values);
            case SPARSE -> new SparseFeatures(List.copyOf(indices), List.copyOf(values));
        };
        if (x.size() == 0 && values.isEmpty()) {
            throw new BadLineException("it has no features");
        }
        return new ExampleFile.Line(number, model, new Example(id, label, importance, all));
    }

    private Map<CharSequence, Double> named() throws BadLineException {
        try {
            collector.end();
        } catch (Rejection e) {
            throw bad(e);
        }
        Map<CharSequence, Double> named = new LinkedHashMap<>(x.size() * 2);
        for (int k = 0; k < x.size(); k++) {
            if (named.put(x.name(k), x.value(k)) != null) {
                throw new BadLineException("feature %s occurs twice".formatted(Printable.of(x.name(k))));
            }
        }
        return named;
    }
}
