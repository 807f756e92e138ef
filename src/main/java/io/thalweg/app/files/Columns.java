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
 * What the columns of a table become.
 *
 * @param settings those of the mapping, by name; without one for the label it is the column {@value #LABEL}, if
 *     there is one
 * @param form the form that features take
 */
public record Columns(Map<String, String> settings, FeatureForm form) {
    private static final String LABEL = "label";

    /** All columns are features, except {@value #LABEL}. */
    static final Columns DEFAULT = new Columns(Map.of(), FeatureForm.NAMED);

    /** The mapping as it is given. @throws StopException if it is wrong */
    Mapping mapping() {
        return mapping(settings);
    }

    /** The mapping of a table that has these columns. */
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
                        "%s, %s and %s make named features; leave out --form"
                                .formatted(Mapping.TIME, Mapping.BUCKETS, Mapping.CROSS));
            }
            return mapping;
        } catch (MappingException e) {
            throw new StopException(ExitCode.BAD_SETTINGS, Printable.of(e.getMessage()));
        }
    }
}
