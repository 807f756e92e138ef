package io.thalweg.input;

import io.thalweg.mapping.FieldKinds;
import io.thalweg.mapping.Mapping;
import io.thalweg.mapping.MappingException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * The fields of a writer's schema: their names, what a mapping uses each of them as, and which settings do not fit
 * them.
 */
final class SchemaFields {
    private final Mapping mapping;
    private final FieldKinds kinds;
    private final Set<String> values = new LinkedHashSet<>();
    private final Set<String> records = new LinkedHashSet<>();
    private final List<String> problems = new ArrayList<>();

    SchemaFields(Mapping mapping) {
        this.mapping = mapping;
        kinds = new FieldKinds(mapping);
    }

    /** Adds a field that is a value. */
    void addValue(String field) {
        values.add(field);
    }

    /** Adds a field that is a record. */
    void addRecord(String field) {
        records.add(field);
    }

    /**
     * Adds a problem: a setting that does not fit a field.
     *
     * @param message one line for people
     */
    void addProblem(String message) {
        problems.add(message);
    }

    /** What each field is used as. */
    FieldKinds kinds() {
        return kinds;
    }

    /**
     * @throws MappingException if a setting names a field that is missing, or that cannot be used as the setting says
     */
    void check() {
        mapping.fields().forEach((field, setting) -> {
            boolean whole = setting.equals(Mapping.EXCLUDE) && records.contains(field);
            if (!values.contains(field) && !whole) {
                throw records.contains(field)
                        ? new MappingException("%s: field %s is a record; name one of its fields: %s"
                                .formatted(setting, field, String.join(", ", fieldsOf(field))))
                        : Mapping.noSuchField(setting, field, List.copyOf(values));
            }
        });
        if (!problems.isEmpty()) {
            throw new MappingException(problems.get(0));
        }
    }

    private List<String> fieldsOf(String record) {
        return values.stream()
                .filter(field -> field.startsWith(record + "."))
                .limit(20)
                .toList();
    }
}
