package io.thalweg.mapping;

import java.util.Locale;

/** A part of a time that can be a feature. */
public enum TimePart {
    HOUR,
    MINUTE,
    WEEKDAY,
    DAY,
    MONTH,
    YEAR;

    /** The part as it is written in settings and in names of features. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    boolean isOfDay() {
        return this != HOUR && this != MINUTE;
    }
}
