package io.thalweg.app.files;

import io.thalweg.app.files.ExampleFile.BadLineException;
import io.thalweg.app.view.Printable;
import io.thalweg.mapping.FieldKind;
import io.thalweg.mapping.FieldKinds;
import io.thalweg.mapping.Mapping;
import io.thalweg.mapping.Numbers;
import java.util.List;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;

/** A row of a table that becomes a label record. Columns that are not for the label are ignored. */
final class LabelRow implements Row {
    private final LabelRecords records;
    private final Mapping columns;
    private final FieldKinds kinds;
    private final DecimalMark decimal;

    private String model;
    private String id;
    private Object label;
    private Double importance;

    /**
     * @param kinds receives what each column is used as
     * @param decimal how numbers are written
     */
    LabelRow(LabelRecords records, FieldKinds kinds, DecimalMark decimal) {
        this.records = records;
        this.kinds = kinds;
        this.decimal = decimal;
        columns = records.columns();
        clear();
    }

    @Override
    public void clear() {
        model = columns.fixedModel();
        id = null;
        label = null;
        importance = null;
    }

    private FieldKind kind(String name) {
        FieldKind kind = FieldKind.EXCLUDED;
        if (columns.label() != null && name.equals(columns.label().field())) {
            kind = FieldKind.LABEL;
        } else if (name.equals(columns.id())) {
            kind = FieldKind.ID;
        } else if (name.equals(columns.importance())) {
            kind = FieldKind.IMPORTANCE;
        } else if (name.equals(columns.modelField())) {
            kind = FieldKind.MODEL;
        }
        kinds.add(name, kind);
        return kind;
    }

    @Override
    public void cell(String name, String cell) throws BadLineException {
        String text = cell.strip();
        FieldKind kind = kind(name);
        boolean isNumber = kind == FieldKind.IMPORTANCE
                || kind == FieldKind.LABEL && !columns.label().isOfText();
        if (text.isEmpty()) {
            empty(name);
        } else {
            text(name, isNumber ? decimal.plain(text) : text);
        }
    }

    @Override
    public void text(String name, String text) throws BadLineException {
        FieldKind kind = kind(name);
        if (kind != FieldKind.EXCLUDED) {
            ExampleFile.checkText(text);
        }
        switch (kind) {
            case LABEL -> label = columns.label().isMissing(text) ? null : label(name, text);
            case ID -> id = text;
            case MODEL -> model = text;
            case IMPORTANCE -> importance = importance(name, text);
            default -> {
                // the column is ignored
            }
        }
    }

    @Override
    public void number(String name, double number, String text) throws BadLineException {
        text(name, text);
    }

    @Override
    public boolean beginList(String name) throws BadLineException {
        if (!isExcluded(name)) {
            throw new BadLineException("field %s is a list".formatted(Printable.of(name)));
        }
        return false;
    }

    @Override
    public void at(String name, int index) {
        throw new IllegalStateException("a label has no features");
    }

    @Override
    public void endList(String name) {
        throw new IllegalStateException("a label has no features");
    }

    @Override
    public boolean isExcluded(String name) {
        return kind(name) == FieldKind.EXCLUDED;
    }

    @Override
    public void leaveOut(String name, String why) {
        kind(name);
    }

    @Override
    public void empty(String name) {
        kind(name);
    }

    private Object label(String name, String text) throws BadLineException {
        double y = BadLineException.checkLabel(columns.label(), name, text);
        kinds.addLabelText(text.strip(), y);
        if (records.isOfText()) {
            return text;
        }
        if (records.isOfComparedNumbers()) {
            return columns.label().valueOf(text);
        }
        return y;
    }

    private static double importance(String name, String text) throws BadLineException {
        double number = Numbers.parse(text);
        if (!(number >= 0) || Double.isInfinite(number)) {
            throw new BadLineException("column %s is \"%s\"; an importance is a finite number, and not below 0"
                    .formatted(Printable.of(name), Printable.of(text)));
        }
        return number;
    }

    @Override
    public List<String> remarks() {
        return List.of();
    }

    @Override
    public ExampleFile.Line line(long number) throws BadLineException {
        Mapping fields = records.fields();
        GenericRecord record = new GenericData.Record(records.schema());
        if (id == null) {
            throw missing(columns.id(), "a label needs the id of its event");
        }
        record.put(fields.id(), id);
        if (fields.label() != null) {
            if (label == null) {
                throw missing(columns.label().field(), "there is no label");
            }
            record.put(fields.label().field(), label);
        }
        if (fields.importance() != null) {
            record.put(fields.importance(), importance);
        }
        if (fields.modelField() != null) {
            if (model == null) {
                throw missing(columns.modelField(), "a label needs the model of its event");
            }
            record.put(fields.modelField(), model);
        }
        return new ExampleFile.Line(number, model, null, null, null, record);
    }

    private static BadLineException missing(String column, String why) {
        return new BadLineException("column %s is empty or missing; %s".formatted(Printable.of(column), why));
    }
}
