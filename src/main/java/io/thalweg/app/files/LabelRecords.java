package io.thalweg.app.files;

import io.thalweg.app.view.Printable;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.mapping.Label;
import io.thalweg.mapping.Mapping;
import io.thalweg.mapping.MappingException;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.StopException;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Pattern;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;

/**
 * The records that are made of a file of labels. They have the fields that the settings of labels name. The values come
 * from the columns of the same names, or from others that options name.
 */
public final class LabelRecords {
    private static final Pattern AVRO_NAME = Pattern.compile("[A-Za-z_][A-Za-z0-9_]*");

    /** What the learner reads. */
    private final Mapping fields;
    /** Where the values are in the file. */
    private final Mapping columns;

    private final Schema schema;

    /**
     * Creates records.
     *
     * @param options the settings of labels that options override, by their names, with the columns in the file
     * @throws StopException if the settings are wrong, or an option contradicts them
     */
    public LabelRecords(ThalwegConfig config, Map<String, String> options) {
        fields = config.labelsMapping();
        Map<String, String> settings = new HashMap<>(options);
        for (String name : new String[] {Mapping.LABEL, Mapping.ID, Mapping.IMPORTANCE, Mapping.MODEL}) {
            settings.putIfAbsent(fields.setting(name), config.getString(fields.setting(name)));
        }
        try {
            columns = Mapping.ofLabels(settings::get);
        } catch (MappingException e) {
            throw wrong(Printable.of(e.getMessage()));
        }
        if (options.containsKey(fields.setting(Mapping.LABEL)) && (fields.label() == null || isComparison())) {
            throw wrong("--label cannot be used, because %s is %s"
                    .formatted(ThalwegConfig.LABELS_LABEL, config.getString(ThalwegConfig.LABELS_LABEL)));
        }
        if (columns.label() == null && fields.label() != null) {
            throw wrong("--label must be a column, or a comparison with a column");
        }
        if (columns.importance() != null && fields.importance() == null) {
            throw wrong("--importance-column needs %s, which says where the learner finds the importance of a label"
                    .formatted(ThalwegConfig.LABELS_IMPORTANCE_FIELD));
        }
        if (fields.id() == null) {
            throw wrong(ThalwegConfig.LABELS_ID_FIELD + " is empty; a label needs the id of its event");
        }
        schema = createSchema();
    }

    private Schema createSchema() {
        SchemaBuilder.FieldAssembler<Schema> record = SchemaBuilder.record("Label")
                .namespace("io.thalweg")
                .doc("A label that comes later than its event.")
                .fields()
                .requiredString(name(Mapping.ID, fields.id()));
        if (fields.label() != null) {
            String name = name(Mapping.LABEL, fields.label().field());
            record = fields.label().isOfText() ? record.requiredString(name) : record.requiredDouble(name);
        }
        if (fields.importance() != null) {
            record = record.optionalDouble(name(Mapping.IMPORTANCE, fields.importance()));
        }
        if (fields.modelField() != null) {
            record = record.requiredString(name(Mapping.MODEL, fields.modelField()));
        }
        return record.endRecord();
    }

    private String name(String setting, String field) {
        if (!AVRO_NAME.matcher(field).matches()) {
            throw wrong(("%s: a field of a record cannot be named %s, only with letters, digits and _; change the"
                            + " setting, and name the column with an option")
                    .formatted(fields.setting(setting), Printable.of(field)));
        }
        return field;
    }

    private static StopException wrong(String message) {
        return new StopException(ExitCode.BAD_SETTINGS, message);
    }

    /** The schema of the records. */
    public Schema schema() {
        return schema;
    }

    /** What the fields of the records are for. */
    Mapping fields() {
        return fields;
    }

    /** What the columns of the file are for. */
    Mapping columns() {
        return columns;
    }

    /** Whether the learner compares the field of the label, so that it is sent as it is. */
    private boolean isComparison() {
        Label label = fields.label();
        return label != null && label.isComparison();
    }

    /** Whether the field of the label is text that the learner compares. */
    boolean isOfText() {
        return fields.label() != null && fields.label().isOfText();
    }

    /** Whether the field of the label is a number that the learner compares. */
    boolean isOfComparedNumbers() {
        return isComparison() && !isOfText();
    }
}
