package io.thalweg.app.cli;

import io.thalweg.app.files.Columns;
import io.thalweg.app.files.ExampleFile;
import io.thalweg.config.SettingFlag;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.mapping.Mapping;
import io.thalweg.math.FeatureForm;
import io.thalweg.runtime.StopException;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import picocli.CommandLine.Option;

/** How a file of examples is to be read. */
final class FileOptions {
    /** What the columns of a table become, for help. */
    static final String COLUMNS =
            "In CSV, and in JSON objects without \"features\", each column that no option names is a feature: a number"
                    + " is the value of the feature with the name of its column, text is the feature column=text with"
                    + " the value 1, an empty cell or null the feature column:missing. Lists of text are sets of"
                    + " categories, objects in objects have dots in the names of their fields. An empty label is an"
                    + " example that is only predicted. The settings features.time, features.buckets, features.cross"
                    + " and the others of that group count here too. What each column was taken for is said at the"
                    + " end.";

    @Option(
            names = "--format",
            description = "csv, jsonl or libsvm. By default as the name of the file says, or else how it begins.")
    private ExampleFile.Format format;

    @Option(
            names = "--label",
            paramLabel = "LABEL",
            description =
                    "What the label is: a column that holds it, 0 to 1, or a comparison of a column with a value, such"
                            + " as 'delay > 15' or \"status == 'lost'\", by == != > >= < or <=. That column is no"
                            + " feature. By default the column label, if there is one; in LIBSVM text the label that"
                            + " comes first, where -1 means 0.")
    private String label;

    @Option(names = "--id-column", paramLabel = "COLUMN", description = "The column that holds the id of the example.")
    private String idColumn;

    @Option(
            names = "--importance-column",
            paramLabel = "COLUMN",
            description = "The column that holds the importance. Without it, it is 1.")
    private String importanceColumn;

    @Option(
            names = "--category",
            paramLabel = "COLUMN",
            split = ",",
            description = "Columns whose numbers are names, such as a weekday or a postcode: taken as text.")
    private final Set<String> categories = new LinkedHashSet<>();

    @Option(names = "--exclude", paramLabel = "COLUMN", split = ",", description = "Columns that are passed over.")
    private final Set<String> excluded = new LinkedHashSet<>();

    @Option(
            names = "--form",
            defaultValue = "named",
            description =
                    "The form of features from columns: named, or dense or sparse where all columns are numbers; then"
                            + " the place of the column counts, not its name. By default named.")
    private FeatureForm form;

    /**
     * Opens a file. What the options say wins over the settings; columns that are named here and there are joined.
     *
     * @param modelColumn the column that holds the model id; null if none does
     * @throws StopException if it cannot be opened, or the mapping is wrong or does not fit
     */
    ExampleFile open(ThalwegConfig config, String file, String modelColumn) {
        Map<String, String> settings = new HashMap<>();
        ThalwegConfig.settings(SettingFlag.MAPPING).forEach(name -> settings.put(name, config.getString(name)));
        put(settings, Mapping.LABEL, label);
        put(settings, Mapping.ID, idColumn);
        put(settings, Mapping.IMPORTANCE, importanceColumn);
        put(settings, Mapping.MODEL, modelColumn == null ? null : "field:" + modelColumn);
        join(settings, Mapping.CATEGORICAL, categories);
        join(settings, Mapping.EXCLUDE, excluded);
        return ExampleFile.open(file, format, new Columns(settings, form));
    }

    private static void put(Map<String, String> settings, String name, String option) {
        if (option != null) {
            settings.put(name, option);
        }
    }

    private static void join(Map<String, String> settings, String name, Set<String> option) {
        if (!option.isEmpty()) {
            settings.merge(
                    name, String.join(",", option), (given, more) -> given.isBlank() ? more : given + "," + more);
        }
    }
}
