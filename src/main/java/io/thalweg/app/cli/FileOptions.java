package io.thalweg.app.cli;

import io.thalweg.app.files.Columns;
import io.thalweg.app.files.CsvDialect;
import io.thalweg.app.files.ExampleFile;
import io.thalweg.app.files.LabelRecords;
import io.thalweg.config.SettingFlag;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.mapping.Mapping;
import io.thalweg.math.FeatureForm;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.StopException;
import io.thalweg.store.StartModels;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** The options for reading a file of examples. */
final class FileOptions {
    /** The description of how columns become features, for help texts. */
    static final String COLUMNS =
            "In CSV, and in JSON objects without \"features\", each column that no option names is a feature: a "
                    + "number is the value of the feature named after the column, text is the feature column=text "
                    + "with the value 1, and an empty cell, null or a word such as NaN is the feature"
                    + " column:missing. Lists of text are sets of categories, and fields of objects in objects are"
                    + " named with dots. An example whose label is empty is only predicted. The settings"
                    + " features.time, features.buckets, features.cross and the others of that group apply here"
                    + " too. What each column was used as "
                    + "is printed at the end.";

    @Option(
            names = "--format",
            description = "csv, jsonl or libsvm. Default: by the name of the file, or else by how it begins.")
    private ExampleFile.Format format;

    @Option(
            names = "--label",
            paramLabel = "LABEL",
            description =
                    "The label: a column that contains it, from 0 to 1 or a word such as yes or no, or a comparison"
                            + " of a column with a value, "
                            + "such as 'delay > 15' or \"status == 'lost'\", with == != > >= < or <=. That column "
                            + "is not a feature. Default: the column label, if there is one; in LIBSVM text the "
                            + "label that comes first, where -1 means 0.")
    private String label;

    @Option(
            names = "--id-column",
            paramLabel = "COLUMN",
            description = "The column that contains the id of the example.")
    private String idColumn;

    @Option(
            names = "--importance-column",
            paramLabel = "COLUMN",
            description = "The column that contains the importance. Without it, the importance is 1.")
    private String importanceColumn;

    @Option(
            names = "--category",
            paramLabel = "COLUMN",
            description = "Columns whose numbers are categories, such as a weekday or a postal code.")
    private final List<String> categories = new ArrayList<>();

    @Option(
            names = "--exclude",
            paramLabel = "COLUMN",
            description =
                    "Columns that are ignored, separated by commas. A name that contains commas is put in quotes.")
    private final List<String> excluded = new ArrayList<>();

    @Option(
            names = "--separator",
            paramLabel = "CHARACTER",
            converter = Separators.class,
            description =
                    "What separates the cells of CSV: a character, or comma, semicolon, tab or space. Default: what"
                            + " separates the header: commas, semicolons, tabs or vertical bars.")
    private Character separator;

    @Option(
            names = "--decimal",
            paramLabel = "MARK",
            converter = Marks.class,
            description =
                    "The decimal mark of numbers in CSV: . or , (or point or comma). Default: a point; if cells are not"
                            + " separated by commas, the one that the numbers have.")
    private Character decimal;

    @Option(
            names = "--form",
            description = "The form of the features: named, or, if all columns are numbers, dense or sparse; then a "
                    + "feature is identified by the position of its column, not by its name. Default: that of the "
                    + "models in the model file, if the command goes on from one; else named.")
    private FeatureForm form;

    private FeatureForm defaultForm = FeatureForm.NAMED;

    /** Takes the form of the models that a command goes on from, if they all have the same, as the default. */
    void goOnFrom(StartModels start) {
        if (start.form() != null) {
            defaultForm = start.form();
        }
    }

    /**
     * Opens a file. The options override the settings; lists of columns in both are joined.
     *
     * @param modelColumn the column that contains the model id; null if there is none
     * @throws StopException if the file cannot be opened, or the mapping is wrong or does not fit
     */
    ExampleFile open(ThalwegConfig config, String file, String modelColumn) {
        return open(config, file, modelColumn, null);
    }

    /**
     * Opens a file whose lines have timestamps.
     *
     * @param modelColumn the column that contains the model id; null if there is none
     * @param timeColumn the column that contains the timestamp; null if there is none
     * @throws StopException as above
     */
    ExampleFile open(ThalwegConfig config, String file, String modelColumn, String timeColumn) {
        return open(config, file, modelColumn, timeColumn, null);
    }

    /**
     * Opens a file whose lines have timestamps and the times at which their labels came.
     *
     * @param labelTimeColumn the column that contains the time at which the label came; null if there is none
     * @throws StopException as above
     */
    ExampleFile open(ThalwegConfig config, String file, String modelColumn, String timeColumn, String labelTimeColumn) {
        return ExampleFile.open(
                file,
                format,
                new Columns(
                        mapping(config, modelColumn),
                        form == null ? defaultForm : form,
                        timeColumn,
                        labelTimeColumn,
                        null,
                        dialect()));
    }

    /**
     * The settings of the mapping by name. The options override those of the settings; lists of columns in both are
     * joined.
     *
     * @param modelColumn the column that contains the model id; null if there is none
     */
    Map<String, String> mapping(ThalwegConfig config, String modelColumn) {
        Map<String, String> settings = new HashMap<>();
        ThalwegConfig.settings(SettingFlag.MAPPING).forEach(name -> settings.put(name, config.getString(name)));
        put(settings, Mapping.LABEL, label);
        put(settings, Mapping.ID, idColumn);
        put(settings, Mapping.IMPORTANCE, importanceColumn);
        put(settings, Mapping.MODEL, modelColumn == null ? null : "field:" + modelColumn);
        join(settings, Mapping.CATEGORICAL, categories);
        join(settings, Mapping.EXCLUDE, excluded);
        return settings;
    }

    /**
     * The label records that a file of labels becomes. The settings of labels name the fields; the options name columns
     * that have other names.
     *
     * @param model the model of all labels; null if a column, or nothing in the file, names it
     * @param modelColumn the column that contains the model id; null if it is that of the settings
     * @throws StopException if there is no topic of labels, or an option does not suit labels
     */
    LabelRecords labels(ThalwegConfig config, String model, String modelColumn) {
        if (!config.hasLateLabels()) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS, "--labels sends labels to a topic of their own; set labels.topic");
        }
        if (!categories.isEmpty() || !excluded.isEmpty() || form != null) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS, "--category, --exclude and --form are for features, and labels have none");
        }
        Map<String, String> settings = new HashMap<>();
        put(settings, ThalwegConfig.LABELS_LABEL, label);
        put(settings, ThalwegConfig.LABELS_ID_FIELD, idColumn);
        put(settings, ThalwegConfig.LABELS_IMPORTANCE_FIELD, importanceColumn);
        put(settings, ThalwegConfig.LABELS_MODEL_FROM, model == null ? null : "fixed:" + model);
        put(settings, ThalwegConfig.LABELS_MODEL_FROM, modelColumn == null ? null : "field:" + modelColumn);
        return new LabelRecords(config, settings);
    }

    /**
     * Opens a file of labels.
     *
     * @param timeColumn the column that contains the timestamp; null if there is none
     * @throws StopException if the file cannot be opened, or lacks columns
     */
    ExampleFile open(String file, LabelRecords labels, String timeColumn) {
        return ExampleFile.open(
                file, format, Columns.ofLabels(labels, timeColumn).in(dialect()));
    }

    private CsvDialect dialect() {
        return new CsvDialect(separator, decimal);
    }

    /** Parses a separator. */
    static final class Separators implements ITypeConverter<Character> {
        @Override
        public Character convert(String text) {
            return switch (text.toLowerCase(Locale.ROOT)) {
                case "comma" -> ',';
                case "semicolon" -> ';';
                case "tab", "\\t" -> '\t';
                case "space" -> ' ';
                default -> {
                    if (text.length() != 1 || "\"\r\n".contains(text)) {
                        throw new TypeConversionException(
                                "'" + text + "' is not one character, nor comma, semicolon, tab or space");
                    }
                    yield text.charAt(0);
                }
            };
        }
    }

    /** Parses a decimal mark. */
    static final class Marks implements ITypeConverter<Character> {
        @Override
        public Character convert(String text) {
            return switch (text.toLowerCase(Locale.ROOT)) {
                case ".", "point" -> '.';
                case ",", "comma" -> ',';
                default -> throw new TypeConversionException("'" + text + "' is neither . nor ,");
            };
        }
    }

    private static void put(Map<String, String> settings, String name, String option) {
        if (option != null) {
            settings.put(name, option);
        }
    }

    private static void join(Map<String, String> settings, String name, List<String> option) {
        if (!option.isEmpty()) {
            settings.merge(
                    name, String.join(",", option), (given, more) -> given.isBlank() ? more : given + "," + more);
        }
    }
}
