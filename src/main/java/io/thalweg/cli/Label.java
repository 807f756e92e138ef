package io.thalweg.cli;

import io.thalweg.cli.ExampleFile.BadLineException;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.StopException;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * What the label of a row is: a column that holds it, or a comparison of a column with a value, such as {@code delay > 15} or
 * {@code status == 'fraud'}. Numbers, {@code true} and {@code false} are compared as numbers, all else as text.
 *
 * @param column the column that the label is made from
 * @param comparison null if the column holds the label itself
 * @param text what a cell is compared with, if that is text
 * @param number what a cell is compared with, if that is a number; or else NaN
 */
record Label(String column, Comparison comparison, String text, double number) {
    private static final Pattern COMPARED = Pattern.compile(
            "(?<column>'[^']*'|\"[^\"]*\"|(?!['\"]).*?)\\s*(?<sign>" + Comparison.signs("|") + ")(?<value>.*)",
            Pattern.DOTALL);

    /** How a cell is compared with the value. Those with the longer signs first, so that {@code >=} is not taken for {@code >}. */
    enum Comparison {
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

        /** @param order below 0, 0 or above 0, as the cell is below the value, equal or above */
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

    /**
     * Reads what people write. Quotes round the value make it text, and quotes round the column allow signs in its name.
     *
     * @throws StopException if it is no comparison although it looks like one
     */
    static Label of(String words) {
        String stripped = words.strip();
        Matcher compared = COMPARED.matcher(stripped);
        if (!compared.matches()) {
            return new Label(unquoted(words, stripped), null, null, Double.NaN);
        }
        String written = compared.group("column");
        String column = unquoted(words, written);
        Comparison comparison = Comparison.of(compared.group("sign"));
        String value = compared.group("value").strip();
        if (column.isEmpty()
                || "=!".indexOf(written.charAt(written.length() - 1)) >= 0
                || value.isEmpty()
                || "=!<>".indexOf(value.charAt(0)) >= 0) {
            throw notUnderstood(words);
        }
        String text = unquoted(words, value).strip();
        if (text.length() < value.length()) {
            return new Label(column, comparison, text, Double.NaN);
        }
        double number = number(text);
        if (Double.isNaN(number) && comparison.isOfOrder()) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    "--label \"%s\": %s is not a number; put it in quotes if the order of text is meant"
                            .formatted(Printable.of(words), Printable.of(text)));
        }
        return new Label(column, comparison, Double.isNaN(number) ? text : null, number);
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

    private static StopException notUnderstood(String words) {
        return new StopException(
                ExitCode.BAD_SETTINGS,
                "--label \"%s\" is neither a column nor a comparison; a comparison is a column, one of %s, and a number or"
                                .formatted(Printable.of(words), Comparison.signs(" "))
                        + " text, such as delay > 15 or status == 'lost'");
    }

    /** The label of a row. @param cell what the column holds, as text @throws BadLineException if it is no label */
    double of(String column, String cell) throws BadLineException {
        if (comparison != null && Double.isNaN(number)) {
            return comparison.holds(cell.strip().compareTo(text)) ? 1 : 0;
        }
        double value = number(cell.strip());
        if (!Double.isFinite(value)) {
            throw new BadLineException(
                    "column %s is \"%s\", which is not a finite number".formatted(column, Printable.of(cell))
                            + (comparison == null || !comparison.isOfOrder() ? "" : "; it is compared with one"));
        }
        return of(value);
    }

    private static double number(String text) {
        return switch (text) {
            case "true" -> 1;
            case "false" -> 0;
            default -> Row.number(text);
        };
    }

    /** The label of a row. @param value what the column holds */
    double of(double value) {
        if (comparison == null) {
            return value;
        }
        // −0 is 0, which Double.compare denies
        return comparison.holds(Double.compare(value + 0.0, number + 0.0)) ? 1 : 0;
    }

    @Override
    public String toString() {
        if (comparison == null) {
            return column;
        }
        return column + " " + comparison.sign + " " + (Double.isNaN(number) ? "'" + text + "'" : Figures.brief(number));
    }
}
