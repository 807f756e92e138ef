package io.thalweg.mapping;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A record of what each field has been used as, for people to read. */
public final class FieldKinds {
    private static final int NAMES_SHOWN = 20;

    private final Mapping mapping;
    private final Map<String, Set<FieldKind>> kinds = new LinkedHashMap<>();
    private final Map<String, String> reasons = new LinkedHashMap<>();
    /** The first word for each label. */
    private final Map<Double, String> labelWords = new TreeMap<>(Comparator.reverseOrder());

    private boolean labelIsText;

    public FieldKinds(Mapping mapping) {
        this.mapping = mapping;
    }

    /** Adds a field that is empty. */
    public void empty(String field) {
        kindsOf(field);
    }

    /** Adds a kind that a field has in at least one event. */
    public void add(String field, FieldKind kind) {
        boolean feature = kind == FieldKind.NUMBER || kind == FieldKind.CATEGORY;
        kindsOf(field).add(feature && mapping.isExcluded(field) ? FieldKind.CROSSED : kind);
    }

    /**
     * Adds a field that is not used, or only if a setting asks for it.
     *
     * @param why for people, in a few words
     */
    public void leaveOut(String field, String why) {
        add(field, FieldKind.LEFT_OUT);
        reasons.put(field, why);
    }

    private Set<FieldKind> kindsOf(String field) {
        return kinds.computeIfAbsent(field, name -> EnumSet.noneOf(FieldKind.class));
    }

    /** Adds that the label can be text, and then words are labels. */
    public void addLabelText() {
        if (!mapping.label().isComparison()) {
            labelIsText = true;
        }
    }

    /**
     * Adds a text that was taken for a label.
     *
     * @param y the label
     */
    public void addLabelText(String text, double y) {
        if (!mapping.label().isComparison() && Label.isWord(text)) {
            labelWords.putIfAbsent(y, text);
        }
    }

    /** Whether no field has been added. */
    public boolean isEmpty() {
        return kinds.isEmpty();
    }

    /** Whether the field contains numbers. */
    public boolean hasNumbers(String field) {
        return kindsOf(field).contains(FieldKind.NUMBER) || kindsOf(field).contains(FieldKind.CROSSED);
    }

    /** The fields that are features or parts of crosses. */
    public Set<String> features() {
        Set<String> features = new TreeSet<>();
        kinds.forEach((field, of) -> {
            if (of.contains(FieldKind.NUMBER)
                    || of.contains(FieldKind.CATEGORY)
                    || of.contains(FieldKind.TIME)
                    || of.contains(FieldKind.CROSSED)) {
                features.add(field);
            }
        });
        return features;
    }

    /** The fields by kind, one line for each kind. */
    public List<String> lines() {
        List<String> groups = new ArrayList<>();
        if (kinds.values().stream().anyMatch(kind -> kind.contains(FieldKind.LABEL))) {
            groups.add("label: " + mapping.label() + labelDetail());
        }
        group(groups, "model", Set.of(FieldKind.MODEL));
        group(groups, "id", Set.of(FieldKind.ID));
        group(groups, "importance", Set.of(FieldKind.IMPORTANCE));
        group(groups, "timestamp", Set.of(FieldKind.TIMESTAMP));
        group(groups, "time of the label", Set.of(FieldKind.LABEL_TIME));
        group(groups, "numbers", Set.of(FieldKind.NUMBER));
        group(groups, "categories", Set.of(FieldKind.CATEGORY));
        group(groups, "numbers, and categories where they are text", Set.of(FieldKind.NUMBER, FieldKind.CATEGORY));
        group(groups, "times", Set.of(FieldKind.TIME));
        if (!mapping.crosses().isEmpty()) {
            list(groups, "crosses", mapping.crossWords());
        }
        group(groups, "only in crosses", Set.of(FieldKind.CROSSED));
        group(groups, "excluded", Set.of(FieldKind.EXCLUDED));
        group(groups, "left out", Set.of(FieldKind.LEFT_OUT));
        group(groups, "always empty", Set.of());
        return groups;
    }

    private String labelDetail() {
        if (!labelWords.isEmpty()) {
            return labelWords.entrySet().stream()
                    .map(word -> word.getValue() + " is " + Numbers.text(word.getKey()))
                    .collect(Collectors.joining(", ", " (", ")"));
        }
        return labelIsText ? " (text such as true or yes is 1, such as false or no is 0)" : "";
    }

    private void group(List<String> groups, String name, Set<FieldKind> kind) {
        list(
                groups,
                name,
                kinds.entrySet().stream()
                        .filter(field -> used(field.getValue()).equals(kind))
                        .map(field -> Mapping.quoted(field.getKey()) + detail(field.getKey()))
                        .toList());
    }

    /** The kinds without those values that are left out, unless all are. */
    private static Set<FieldKind> used(Set<FieldKind> kinds) {
        if (kinds.size() < 2 || !kinds.contains(FieldKind.LEFT_OUT)) {
            return kinds;
        }
        Set<FieldKind> used = EnumSet.copyOf(kinds);
        used.remove(FieldKind.LEFT_OUT);
        return used;
    }

    private String detail(String field) {
        String reason = reasons.get(field);
        String leftOut = reason != null && kinds.get(field).size() > 1 ? reason + " left out" : reason;
        String more = Stream.of(leftOut, mapping.bucketWords(field))
                .filter(words -> words != null)
                .findFirst()
                .orElse(mapping.times(field) == null ? "" : mapping.times(field).toString());
        return more.isEmpty() ? "" : " (" + more + ")";
    }

    private static void list(List<String> groups, String name, List<String> members) {
        if (!members.isEmpty()) {
            int more = members.size() - NAMES_SHOWN;
            groups.add(name + ": " + String.join(", ", members.subList(0, Math.min(NAMES_SHOWN, members.size())))
                    + (more > 0 ? " and %d more".formatted(more) : ""));
        }
    }
}
