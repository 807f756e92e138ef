package io.thalweg.input;

import io.thalweg.mapping.FieldKinds;
import io.thalweg.mapping.Mapping;
import io.thalweg.mapping.MappingException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The fields of a writer's schema, or of some values that have none: their names, what a mapping uses each of them as,
 * and which settings do not fit them.
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

    /** Returns the fields that settings name and that are not there, each with its setting. */
    Map<String, String> missing() {
        Map<String, String> missing = new LinkedHashMap<>();
        mapping.fields().forEach((field, setting) -> {
            boolean whole = setting.equals(Mapping.EXCLUDE) && records.contains(field);
            if (!values.contains(field) && !whole) {
                missing.put(field, setting);
            }
        });
        return missing;
    }

    /**
     * @throws MappingException if a setting names a field that is missing, or that cannot be used as the setting says
     */
    void check() {
        missing().forEach(this::refuse);
        if (!problems.isEmpty()) {
            throw new MappingException(problems.get(0));
        }
    }

    /** @throws MappingException if one of some fields is needed, and not only named */
    void checkNeeded(Map<String, String> missing) {
        missing.forEach((field, setting) -> {
            if (mapping.isNeeded(field)) {
                refuse(field, setting);
            }
        });
    }

    private void refuse(String field, String setting) {
        throw records.contains(field)
                ? new MappingException("%s: field %s is a record; name one of its fields: %s"
                        .formatted(setting, field, String.join(", ", fieldsOf(field))))
                : Mapping.noSuchField(setting, field, List.copyOf(values));
    }

    private List<String> fieldsOf(String record) {
        return values.stream()
                .filter(field -> field.startsWith(record + "."))
                .limit(20)
                .toList();
    }
}
