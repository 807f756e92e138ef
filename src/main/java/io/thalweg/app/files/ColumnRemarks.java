package io.thalweg.app.files;

import io.thalweg.app.view.Printable;
import io.thalweg.mapping.CategorySample;
import io.thalweg.mapping.Mapping;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What is worth knowing of the features in columns: what was read can be another thing than what was meant. */
final class ColumnRemarks {
    /** Whole numbers with more digits may not be doubles. */
    private static final int EXACT_DIGITS = 15;

    private final Map<String, SeenColumn> columns = new LinkedHashMap<>();

    private static final class SeenColumn {
        private long missing;
        private String missingWord;
        private String inexact;
    }

    private SeenColumn column(String name) {
        return columns.computeIfAbsent(name, unused -> new SeenColumn());
    }

    /** Adds a word that means that there is no value. */
    void missing(String name, String word) {
        SeenColumn column = column(name);
        column.missing++;
        column.missingWord = word;
    }

    /** Adds a number. @param text how it is written */
    void number(String name, double number, String text) {
        if (text.length() <= EXACT_DIGITS || text.length() > EXACT_DIGITS * 2) {
            return;
        }
        boolean whole = text.chars().allMatch(c -> c >= '0' && c <= '9' || c == '-' || c == '+');
        if (whole && new BigDecimal(text).compareTo(new BigDecimal(number)) != 0) {
            column(name).inexact = text;
        }
    }

    /**
     * The remarks, one line for each.
     *
     * @param categories what the categories of columns are like
     */
    List<String> lines(Map<String, CategorySample> categories) {
        List<String> lines = new ArrayList<>();
        columns.forEach((name, column) -> {
            if (column.missing > 0) {
                lines.add("column %s: words such as %s count as missing (%d)"
                        .formatted(quoted(name), Printable.of(column.missingWord), column.missing));
            }
            if (column.inexact != null) {
                lines.add((ExampleFile.WARNING
                                + " column %s has whole numbers with more digits than a number keeps, such as %s; if"
                                + " they are ids, exclude the column or make it the id")
                        .formatted(quoted(name), column.inexact));
            }
        });
        categories.forEach((name, sample) -> {
            if (sample.isLikeNumbers()) {
                lines.add((ExampleFile.WARNING
                                + " column %s has text that looks like numbers, such as \"%s\", and each is a category"
                                + " of its own; write numbers like 1234.5, or exclude the column")
                        .formatted(quoted(name), Printable.of(sample.example())));
            } else if (sample.isAllDifferent()) {
                lines.add((ExampleFile.WARNING
                                + " column %s is different in nearly every row, such as \"%s\", so nothing can be"
                                + " learned from it; exclude it, or use %s if it is a time")
                        .formatted(quoted(name), Printable.of(sample.example()), Mapping.TIME));
            }
        });
        return lines;
    }

    private static String quoted(String name) {
        return Printable.of(Mapping.quoted(name));
    }
}
