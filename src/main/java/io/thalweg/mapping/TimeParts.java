package io.thalweg.mapping;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The parts of a time that become features, in UTC: {@code hour|weekday} of a field with a logical type, or {@code
 * [MMddHHmm;2001]:hour|weekday} of text or a number that is written like this {@link TimePattern}.
 */
public final class TimeParts {
    private final String field;
    private final Set<TimePart> parts;
    private final TimePattern pattern;

    /** What a field with a logical type contains. */
    public enum Holds {
        /** A day. */
        DAY_ONLY,
        /** A time of day. */
        TIME_ONLY
    }

    private TimeParts(String field, Set<TimePart> parts, TimePattern pattern) {
        this.field = field;
        this.parts = parts;
        this.pattern = pattern;
    }

    /**
     * Parses the setting of a field: {@code field:hour}, {@code field[pattern]:hour|weekday} or {@code
     * field[pattern;year]:hour}.
     *
     * @param pattern what is in brackets; null if there are none
     * @param year what follows the semicolon in the brackets; null if nothing does
     * @param words what follows the colon
     * @throws MappingException if it cannot be understood
     */
    static TimeParts of(String field, String pattern, String year, String words) {
        Set<TimePart> parts = EnumSet.noneOf(TimePart.class);
        for (String word : words.split("\\|", -1)) {
            parts.add(Stream.of(TimePart.values())
                    .filter(part -> part.word().equals(word.strip()))
                    .findFirst()
                    .orElseThrow(() -> new MappingException(Mapping.TIME
                            + ": field %s has no part \"%s\"; the parts are %s"
                                    .formatted(
                                            field,
                                            word.strip(),
                                            Stream.of(TimePart.values())
                                                    .map(TimePart::word)
                                                    .collect(Collectors.joining(", "))))));
        }
        return new TimeParts(field, parts, pattern == null ? null : new TimePattern(field, pattern, year, parts));
    }

    /** Whether there is a pattern for text or plain numbers. */
    public boolean hasPattern() {
        return pattern != null;
    }

    /** Whether the pattern can be used for text. */
    public boolean isOfText() {
        return pattern != null && pattern.isOfText();
    }

    /** @throws MappingException if a part is wanted that such a field does not have */
    public void check(Holds holds) {
        for (TimePart part : parts) {
            if (part.isOfDay() != (holds == Holds.DAY_ONLY)) {
                throw new MappingException(Mapping.TIME + ": field " + field + " has no " + part.word()
                        + ", it contains only " + (holds == Holds.DAY_ONLY ? "a day" : "a time of day"));
            }
        }
    }

    /** The parts, in the order of their features. */
    Set<TimePart> parts() {
        return parts;
    }

    /** The pattern; null if there is none. */
    TimePattern pattern() {
        return pattern;
    }

    /** The names of the features. */
    public List<String> names() {
        return parts.stream().map(part -> field + "." + part.word()).toList();
    }

    /** The parts as they are written in the settings. */
    @Override
    public String toString() {
        List<String> words = new ArrayList<>();
        parts.forEach(part -> words.add(part.word()));
        return String.join("|", words);
    }
}
