package io.thalweg.cli;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What the columns of a table have been taken for, as people want to see it. */
final class ColumnKinds {
    private static final int NAMES_SHOWN = 20;

    /** What a cell can be. */
    enum Kind {
        LABEL,
        MODEL,
        ID,
        IMPORTANCE,
        EXCLUDED,
        NUMBER,
        CATEGORY
    }

    private final Map<String, Set<Kind>> kinds = new LinkedHashMap<>();

    /** Says that the column is there, though its cell is empty. */
    void empty(String column) {
        kindsOf(column);
    }

    void add(String column, Kind kind) {
        kindsOf(column).add(kind);
    }

    private Set<Kind> kindsOf(String column) {
        return kinds.computeIfAbsent(column, name -> EnumSet.noneOf(Kind.class));
    }

    /** Whether no column has been seen. */
    boolean isEmpty() {
        return kinds.isEmpty();
    }

    /** One line. @param label what the label is made from; null if there is none */
    String line(Label label) {
        List<String> groups = new ArrayList<>();
        if (label != null) {
            groups.add("label: " + Printable.of(label.toString()));
        }
        group(groups, "model", Set.of(Kind.MODEL));
        group(groups, "id", Set.of(Kind.ID));
        group(groups, "importance", Set.of(Kind.IMPORTANCE));
        group(groups, "numbers", Set.of(Kind.NUMBER));
        group(groups, "categories", Set.of(Kind.CATEGORY));
        group(groups, "numbers, and categories where they are text", Set.of(Kind.NUMBER, Kind.CATEGORY));
        group(groups, "excluded", Set.of(Kind.EXCLUDED));
        group(groups, "always empty", Set.of());
        return String.join("; ", groups);
    }

    private void group(List<String> groups, String name, Set<Kind> kind) {
        List<String> columns = kinds.entrySet().stream()
                .filter(column -> column.getValue().equals(kind))
                .map(column -> Printable.of(column.getKey()))
                .toList();
        if (!columns.isEmpty()) {
            int more = columns.size() - NAMES_SHOWN;
            groups.add(name + ": " + String.join(", ", columns.subList(0, Math.min(NAMES_SHOWN, columns.size())))
                    + (more > 0 ? " and %d more".formatted(more) : ""));
        }
    }
}
