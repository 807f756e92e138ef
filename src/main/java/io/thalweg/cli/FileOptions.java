package io.thalweg.cli;

import io.thalweg.math.Form;
import java.util.LinkedHashSet;
import java.util.Set;
import picocli.CommandLine.Option;

/** How a file of examples is to be read. */
final class FileOptions {
    /** What the columns of a table become, for help. */
    static final String COLUMNS =
            "In CSV, and in JSON objects without \"features\", each column that no option names is a feature: a number is the"
                    + " value of the feature with the name of its column, text is the feature column=text with the value 1,"
                    + " an empty cell or null is no feature. An empty label is an example that is only predicted. What each"
                    + " column was taken for is said at the end.";

    @Option(
            names = "--format",
            description = "csv, jsonl or libsvm. By default as the name of the file says, or else how it begins.")
    private ExampleFile.Format format;

    @Option(
            names = "--label",
            paramLabel = "LABEL",
            description =
                    "What the label is: a column that holds it, 0 to 1, or a comparison of a column with a value, such"
                            + " as 'delay > 15' or \"status == 'lost'\", by == != > >= < or <=. That column is no feature. By"
                            + " default the column label, if there is one; in LIBSVM text the label that comes first, where -1"
                            + " means 0.")
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
                    "The form of features from columns: named, or dense or sparse where all columns are numbers; then the"
                            + " place of the column counts, not its name. By default named.")
    private Form form;

    /** Opens a file. @param modelColumn the column that holds the model id; null if none does */
    ExampleFile open(String file, String modelColumn) {
        Columns columns = new Columns(
                modelColumn,
                label == null ? null : Label.of(label),
                idColumn,
                importanceColumn,
                categories,
                excluded,
                form);
        return ExampleFile.open(file, format, columns);
    }
}
