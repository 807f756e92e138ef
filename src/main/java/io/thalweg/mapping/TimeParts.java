package io.thalweg.mapping;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The parts of a field's time that are features, in UTC: {@code hour|weekday} of a logical timestamp,
 * {@code [MMddHHmm;2001]:hour|weekday} of text or of a number that is written like this {@link TimePattern}.
 */
public final class TimeParts {
    private final String field;
    private final Set<TimePart> parts;
    private final TimePattern pattern;

    /** What a field holds. */
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
     * Reads what people write: {@code field:hour}, {@code field[pattern]:hour|weekday},
     * {@code field[pattern;year]:hour}.
     *
     * @param pattern what is in brackets; null if the field has a logical type
     * @param year what follows the semicolon in the brackets; null if nothing does
     * @param words what follows the colon
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

    /** Whether it says how text or plain numbers are to be read. */
    public boolean hasPattern() {
        return pattern != null;
    }

    /** Whether text can be read with it. */
    public boolean isOfText() {
        return pattern != null && pattern.isOfText();
    }

    /** @throws MappingException if parts are wanted that such a field has not */
    public void check(Holds holds) {
        for (TimePart part : parts) {
            if (part.isOfDay() != (holds == Holds.DAY_ONLY)) {
                throw new MappingException(Mapping.TIME + ": field " + field + " has no " + part.word() + ", it holds "
                        + (holds == Holds.DAY_ONLY ? "a day" : "a time of day") + " only");
            }
        }
    }

    /** The parts, in the order of their features. */
    Set<TimePart> parts() {
        return parts;
    }

    /** How the field is written; null if it has a logical type. */
    TimePattern pattern() {
        return pattern;
    }

    /** The names of the features that come of it. */
    public List<String> names() {
        return parts.stream().map(part -> field + "." + part.word()).toList();
    }

    /** For messages. */
    @Override
    public String toString() {
        List<String> words = new ArrayList<>();
        parts.forEach(part -> words.add(part.word()));
        return String.join("|", words);
    }
}
