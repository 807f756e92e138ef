package io.thalweg.cli;

import io.thalweg.math.Form;
import java.util.Collection;
import java.util.Set;

/**
 * What the columns of a table mean. Those that are not named here are features.
 *
 * @param model the model id; null if there is no such column
 * @param label what the label is made from; null for the column {@value #LABEL}, if there is one
 * @param id the id of the example; null if there is no such column
 * @param importance the importance; null if there is no such column
 * @param categories those whose numbers are names, such as a postcode
 * @param excluded those that are passed over
 * @param form the form that features take
 */
record Columns(
        String model,
        Label label,
        String id,
        String importance,
        Set<String> categories,
        Set<String> excluded,
        Form form) {
    private static final String LABEL = "label";

    /** All columns are features, except {@value #LABEL}. */
    static final Columns DEFAULT = new Columns(null, null, null, null, Set.of(), Set.of(), Form.NAMED);

    /** With the label's column decided for a table that has these; null if it has none. */
    Columns in(Collection<String> header) {
        return label == null && header.contains(LABEL)
                ? new Columns(model, Label.of(LABEL), id, importance, categories, excluded, form)
                : this;
    }

    /** The column that the label is made from; null if there is none. */
    String labelColumn() {
        return label == null ? null : label.column();
    }
}
