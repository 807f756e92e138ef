package io.thalweg.mapping;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * How the label of an event is computed: it is the value of a field, or the result of comparing a field with a value,
 * such as {@code delay > 15} or {@code status == 'fraud'}. Numbers, {@code true} and {@code false} are compared as
 * numbers, everything else as text, in the order of its UTF-8 bytes.
 */
public final class Label {
    private static final Pattern COMPARED = Pattern.compile(
            "(?<field>'[^']*'|\"[^\"]*\"|(?!['\"]).*?)\\s*(?<sign>" + Comparison.signs("|") + ")(?<value>.*)",
            Pattern.DOTALL);

    private final String field;
    private final Comparison comparison;
    private final String text;
    private final byte[] utf8;
    private final double number;

    /** The comparisons. Longer signs come first, so that {@code >=} is not read as {@code >}. */
    private enum Comparison {
        EQUAL("=="),
        NOT_EQUAL("!="),
        AT_LEAST(">="),
        AT_MOST("<="),
        ABOVE(">"),
        BELOW("<");

        private final String sign;

        Comparison(String sign) {
            this.sign = sign;
        }

        private static String signs(String separator) {
            return Arrays.stream(values()).map(comparison -> comparison.sign).collect(Collectors.joining(separator));
        }

        private static Comparison of(String sign) {
            return Arrays.stream(values())
                    .filter(comparison -> comparison.sign.equals(sign))
                    .findFirst()
                    .orElseThrow();
        }

        /** @param order below 0, 0 or above 0 if the field is less than, equal to or greater than the value */
        private boolean holds(int order) {
            return switch (this) {
                case EQUAL -> order == 0;
                case NOT_EQUAL -> order != 0;
                case AT_LEAST -> order >= 0;
                case AT_MOST -> order <= 0;
                case ABOVE -> order > 0;
                case BELOW -> order < 0;
            };
        }

        private boolean isOfOrder() {
            return this != EQUAL && this != NOT_EQUAL;
        }
    }

    /** @param comparison null if the field contains the label itself; then there is neither text nor number */
    private Label(String field, Comparison comparison, String text, double number) {
        this.field = field;
        this.comparison = comparison;
        this.text = text;
        this.utf8 = text == null ? null : text.getBytes(StandardCharsets.UTF_8);
        this.number = number;
    }

    /**
     * Parses the setting. Quotes around the value make it text, and quotes around the field allow comparison signs in
     * its name.
     *
     * @throws MappingException if it looks like a comparison but is none
     */
    public static Label of(String words) {
        String stripped = words.strip();
        Matcher compared = COMPARED.matcher(stripped);
        if (!compared.matches()) {
            return new Label(unquoted(words, stripped), null, null, Double.NaN);
        }
        String written = compared.group("field");
        String field = unquoted(words, written);
        Comparison comparison = Comparison.of(compared.group("sign"));
        String value = compared.group("value").strip();
        if (field.isEmpty()
                || "=!".indexOf(written.charAt(written.length() - 1)) >= 0
                || value.isEmpty()
                || "=!<>".indexOf(value.charAt(0)) >= 0) {
            throw notUnderstood(words);
        }
        String text = unquoted(words, value).strip();
        if (text.length() < value.length()) {
            return new Label(field, comparison, text, Double.NaN);
        }
        double number = number(text);
        if (Double.isNaN(number) && comparison.isOfOrder()) {
            throw new MappingException(
                    "label \"%s\": %s is not a number; put it in quotes to compare text".formatted(words, text));
        }
        return new Label(field, comparison, Double.isNaN(number) ? text : null, number);
    }

    private static String unquoted(String words, String part) {
        char first = part.isEmpty() ? ' ' : part.charAt(0);
        if (first != '\'' && first != '"') {
            return part;
        }
        if (part.length() < 2 || part.indexOf(first, 1) != part.length() - 1) {
            throw notUnderstood(words);
        }
        return part.substring(1, part.length() - 1);
    }

    private static MappingException notUnderstood(String words) {
        return new MappingException(
                ("label \"%s\" is neither a field nor a comparison; a comparison consists of a field, one of %s, and a"
                                        + " number or")
                                .formatted(words, Comparison.signs(" "))
                        + " text, such as delay > 15 or status == 'lost'");
    }

    /** The field that the label is computed from. */
    public String field() {
        return field;
    }

    /** Whether the field is compared with a value, and does not contain the label itself. */
    public boolean isComparison() {
        return comparison != null;
    }

    /** Whether the field is compared as text, so that it may contain any text. */
    public boolean isOfText() {
        return comparison != null && text != null;
    }

    /** Whether the field is compared with a number by order. */
    public boolean isOfNumbersInOrder() {
        return comparison != null && text == null && comparison.isOfOrder();
    }

    /**
     * The label.
     *
     * @param value what the field contains, as text
     * @return NaN if a number is needed and the text is not one
     */
    public double y(String value) {
        if (isOfText()) {
            byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
            return y(bytes, 0, bytes.length);
        }
        return y(valueOf(value.strip()));
    }

    /** The label, of text as UTF-8. */
    public double y(byte[] bytes, int from, int length) {
        if (!isOfText()) {
            return y(new String(bytes, from, length, StandardCharsets.UTF_8));
        }
        int begin = from;
        int end = from + length;
        while (begin < end && isSpace(bytes[begin])) {
            begin++;
        }
        while (end > begin && isSpace(bytes[end - 1])) {
            end--;
        }
        return comparison.holds(Arrays.compareUnsigned(bytes, begin, end, utf8, 0, utf8.length)) ? 1 : 0;
    }

    private static boolean isSpace(byte b) {
        return b == ' ' || b >= '\t' && b <= '\r';
    }

    private static double number(String text) {
        return switch (text) {
            case "true" -> 1;
            case "false" -> 0;
            default -> Numbers.parse(text);
        };
    }

    /**
     * The number that text in the field stands for: {@code True} is 1 and {@code False} is 0, and so are {@code yes},
     * {@code no} and the like, unless they are compared with a number.
     *
     * @return NaN if it stands for none
     */
    public double valueOf(String text) {
        double number = number(text);
        return Double.isNaN(number) ? byWord(text) : number;
    }

    private double byWord(String text) {
        return switch (text.toLowerCase(Locale.ROOT)) {
            case "true" -> 1;
            case "false" -> 0;
            // to a comparison with a number these are no numbers
            case "t", "yes", "y", "on", "pos", "positive" -> comparison == null ? 1 : Double.NaN;
            case "f", "no", "n", "off", "neg", "negative" -> comparison == null ? 0 : Double.NaN;
            default -> Double.NaN;
        };
    }

    /** Whether a label is a word other than {@code true} and {@code false}. */
    static boolean isWord(String label) {
        return !label.isEmpty()
                && Character.isLetter(label.charAt(0))
                && !label.equals("true")
                && !label.equals("false");
    }

    /** Whether text says that there is no label, such as NA or null. Text that is compared as text never does. */
    public boolean isMissing(String value) {
        return !isOfText() && (value.isBlank() || Numbers.isMissing(value.strip()));
    }

    /**
     * A comparison that makes a label of the values of a field that are not from 0 to 1.
     *
     * @param value one of the values
     * @return such as {@code label > 0}
     */
    public static String suggestion(String field, double value) {
        String name = written(field);
        return value < 0 ? name + " > 0" : name + (value == Math.rint(value) ? " == " + Numbers.text(value) : " > 0.5");
    }

    /** A comparison that makes a label of text. @param value one of the values of the field */
    public static String suggestion(String field, String value) {
        return written(field) + " == " + (value.indexOf('\'') < 0 ? "'" + value + "'" : "\"" + value + "\"");
    }

    /** A field as it is written in a comparison. */
    private static String written(String field) {
        return COMPARED.matcher(field).find() ? "'" + field + "'" : Mapping.quoted(field);
    }

    /**
     * The label.
     *
     * @param value what the field contains
     * @return NaN if the value is not finite
     */
    public double y(double value) {
        if (!Double.isFinite(value)) {
            return Double.NaN;
        }
        if (comparison == null) {
            return value;
        }
        if (text != null) {
            return y(Numbers.text(value));
        }
        // −0 equals 0, but not for Double.compare
        return comparison.holds(Double.compare(value + 0.0, number + 0.0)) ? 1 : 0;
    }

    /**
     * The label.
     *
     * @param value what the field contains
     */
    public double y(boolean value) {
        return isOfText() ? y(String.valueOf(value)) : y(value ? 1.0 : 0.0);
    }

    @Override
    public String toString() {
        if (comparison == null) {
            return field;
        }
        return field + " " + comparison.sign + " " + (text == null ? Numbers.text(number) : "'" + text + "'");
    }
}
