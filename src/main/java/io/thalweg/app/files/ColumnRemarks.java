package io.thalweg.app.files;

import io.thalweg.app.view.Printable;
import io.thalweg.mapping.Mapping;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/** What is worth knowing of the features in columns: what was read can be another thing than what was meant. */
final class ColumnRemarks {
    /** How many categories of a column are looked at. */
    private static final int LOOKED_AT = 1000;
    /** The least number of categories of which something can be said. */
    private static final int FEW = 50;
    /** The least share of categories that are different, or are like numbers, that is worth a remark. */
    private static final double MOST = 0.9;
    /** Whole numbers with more digits may not be doubles. */
    private static final int EXACT_DIGITS = 15;

    private static final String AROUND =
            "[\\s\\p{Z}\\p{Sc}%\\u2030\\u2212+()-]*+(?i:USD|EUR|GBP)?[\\s\\p{Z}\\p{Sc}%\\u2030\\u2212+()-]*+";
    /** Numbers with a currency, percent, marks between thousands, another minus, or a decimal comma. */
    private static final Pattern LIKE_NUMBER = Pattern.compile(AROUND
            + "(\\d{1,3}(,\\d{2,3})++(\\.\\d*+)?|\\d{1,3}([\\s\\p{Z}.'\\u2019_]\\d{3})++(,\\d*+)?"
            + "|\\d++([.,]\\d*+)?|[.,]\\d++)"
            + AROUND);

    private static final int LONGEST_NUMBER = 40;

    private final Map<String, SeenColumn> columns = new LinkedHashMap<>();

    private static final class SeenColumn {
        private final Set<Integer> distinct = new HashSet<>();
        private int categories;
        private int likeNumbers;
        private String category;
        private String likeNumber;
        private long missing;
        private String missingWord;
        private String inexact;
    }

    private SeenColumn column(String name) {
        return columns.computeIfAbsent(name, unused -> new SeenColumn());
    }

    /** Adds text that becomes a category. */
    void category(String name, String text) {
        SeenColumn column = column(name);
        if (column.categories == LOOKED_AT) {
            return;
        }
        column.categories++;
        column.category = text;
        // two that have the same hash are as rare as they are harmless
        column.distinct.add(text.hashCode());
        if (isLikeNumber(text)) {
            column.likeNumbers++;
            column.likeNumber = text;
        }
    }

    private static boolean isLikeNumber(String text) {
        return text.length() <= LONGEST_NUMBER && LIKE_NUMBER.matcher(text).matches();
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

    /** The remarks, one line for each. */
    List<String> lines() {
        List<String> lines = new ArrayList<>();
        columns.forEach((name, column) -> {
            String quoted = Printable.of(Mapping.quoted(name));
            if (column.missing > 0) {
                lines.add("column %s: words such as %s count as missing (%d)"
                        .formatted(quoted, Printable.of(column.missingWord), column.missing));
            }
            if (column.likeNumbers >= FEW / 5 && column.likeNumbers >= MOST * column.categories) {
                lines.add(("warning: column %s has text that looks like numbers, such as \"%s\", and each is a category"
                                + " of its own; write numbers like 1234.5, or exclude the column")
                        .formatted(quoted, Printable.of(column.likeNumber)));
            } else if (column.categories >= FEW && column.distinct.size() >= MOST * column.categories) {
                lines.add(("warning: column %s is different in nearly every row, such as \"%s\", so nothing can be"
                                + " learned from it; exclude it, or use %s if it is a time")
                        .formatted(quoted, Printable.of(column.category), Mapping.TIME));
            }
            if (column.inexact != null) {
                lines.add(("warning: column %s has whole numbers with more digits than a number keeps, such as %s; if"
                                + " they are ids, exclude the column or make it the id")
                        .formatted(quoted, column.inexact));
            }
        });
        return lines;
    }
}
