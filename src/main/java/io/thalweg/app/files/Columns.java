package io.thalweg.app.files;

import io.thalweg.app.view.Printable;
import io.thalweg.mapping.Mapping;
import io.thalweg.mapping.MappingException;
import io.thalweg.math.FeatureForm;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.StopException;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;

/**
 * The settings for the columns of a table.
 *
 * @param settings the settings of the mapping, by name; if there is none for the label, it is the column {@value
 *     #LABEL}, if that exists
 * @param form the form of the features
 */
public record Columns(Map<String, String> settings, FeatureForm form) {
    private static final String LABEL = "label";

    /** The default: all columns are features, except {@value #LABEL}. */
    static final Columns DEFAULT = new Columns(Map.of(), FeatureForm.NAMED);

    /**
     * The mapping as the settings define it.
     *
     * @throws StopException if it is wrong
     */
    Mapping mapping() {
        return mapping(settings);
    }

    /** The mapping for a table with these columns. */
    Mapping in(Collection<String> header) {
        Map<String, String> complete = new HashMap<>(settings);
        if (header.contains(LABEL) && complete.getOrDefault(Mapping.LABEL, "").isBlank()) {
            complete.put(Mapping.LABEL, LABEL);
        }
        return mapping(complete);
    }

    private Mapping mapping(Map<String, String> words) {
        try {
            Mapping mapping = Mapping.of(words::get);
            if (mapping.needsNames() && form != FeatureForm.NAMED) {
                throw new StopException(
                        ExitCode.BAD_SETTINGS,
                        "%s, %s and %s make named features; remove --form"
                                .formatted(Mapping.TIME, Mapping.BUCKETS, Mapping.CROSS));
            }
            return mapping;
        } catch (MappingException e) {
            throw new StopException(ExitCode.BAD_SETTINGS, Printable.of(e.getMessage()));
        }
    }
}
