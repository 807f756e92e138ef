package io.thalweg.app.cli;

import picocli.CommandLine.Option;

/** The option for the column that contains the model id. */
class ModelColumnOption {
    @Option(names = "--model-column", paramLabel = "COLUMN", description = "The column that contains the model id.")
    private String column;

    /** The column; null if there is none. */
    final String column() {
        return column;
    }
}
