package io.thalweg.mapping;

import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * The first categories of a field, as many as show what they are: text that looks like numbers, or text that is
 * different in nearly every event, from which nothing can be learned.
 */
public final class CategorySample {
    /** How many categories are looked at. */
    private static final int LOOKED_AT = 1000;
    /** The least number of categories of which something can be said. */
    private static final int FEW = 50;
    /** The least share of categories that are different, or are like numbers, that is worth a remark. */
    private static final double MOST = 0.9;

    private static final String AROUND =
            "[\\s\\p{Z}\\p{Sc}%\\u2030\\u2212+()-]*+(?i:USD|EUR|GBP)?[\\s\\p{Z}\\p{Sc}%\\u2030\\u2212+()-]*+";
    /** Numbers with a currency, percent, marks between thousands, another minus, or a decimal comma. */
    private static final Pattern LIKE_NUMBER = Pattern.compile(AROUND
            + "(\\d{1,3}(,\\d{2,3})++(\\.\\d*+)?|\\d{1,3}([\\s\\p{Z}.'\\u2019_]\\d{3})++(,\\d*+)?"
            + "|\\d++([.,]\\d*+)?|[.,]\\d++)"
            + AROUND);

    private static final int LONGEST_NUMBER = 40;

    /** Whether a setting says that the field is a category, so that numbers are meant. */
    private final boolean isChosen;

    private final Set<Integer> distinct = new HashSet<>();
    private int count;
    private int likeNumbers;
    private String last = "";
    private String lastLikeNumber = "";

    CategorySample(boolean isChosen) {
        this.isChosen = isChosen;
    }

    /** Returns whether there is enough of it. */
    boolean isComplete() {
        return count == LOOKED_AT;
    }

    /** Adds a category, as UTF-8. */
    void add(byte[] utf8, int from, int length) {
        if (count == LOOKED_AT) {
            return;
        }
        count++;
        last = new String(utf8, from, length, StandardCharsets.UTF_8);
        // two that have the same hash are as rare as they are harmless
        distinct.add(last.hashCode());
        if (!isChosen
                && last.length() <= LONGEST_NUMBER
                && LIKE_NUMBER.matcher(last).matches()) {
            likeNumbers++;
            lastLikeNumber = last;
        }
    }

    /** Whether nearly all are numbers that are not written as such. */
    public boolean isLikeNumbers() {
        return likeNumbers >= FEW / 5 && likeNumbers >= MOST * count;
    }

    /** Whether nearly each is different from all others. */
    public boolean isAllDifferent() {
        return count >= FEW && distinct.size() >= MOST * count;
    }

    /** One of the categories, for people: one that looks like a number, if nearly all do. */
    public String example() {
        return isLikeNumbers() ? lastLikeNumber : last;
    }
}
