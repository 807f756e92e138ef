package io.thalweg.app.files;

import io.thalweg.app.view.Printable;
import io.thalweg.mapping.Numbers;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.StopException;
import java.util.regex.Pattern;

/**
 * The decimal mark of the numbers in a table. A table that is separated by commas has decimal points. In any other
 * table a decimal comma is recognized, unless the mark is given.
 */
final class DecimalMark {
    private static final char POINT = '.';
    private static final char COMMA = ',';

    private static final String EXPONENT = "([eE][+-]?\\d++)?";
    private static final Pattern WITH_COMMA = Pattern.compile("[+-]?(\\d++,\\d*+|,\\d++)" + EXPONENT);
    /** Thousands separated by points, with a decimal comma or without. */
    private static final Pattern GROUPED_BY_POINTS = Pattern.compile("[+-]?[1-9]\\d{0,2}(\\.\\d{3})++(,\\d*+)?");
    /** Thousands separated by commas, with a decimal point or without. */
    private static final Pattern GROUPED_BY_COMMAS = Pattern.compile("[+-]?[1-9]\\d{0,2}(,\\d{3})++(\\.\\d*+)?");

    private final char separator;
    private final boolean given;
    /** The mark; 0 if it is not known yet. */
    private char mark;
    /** A number with a decimal point, while the mark is not known; null if there is none. */
    private String withPoint;
    /** The number by which the decimal comma was recognized; null if there is none. */
    private String withComma;

    private DecimalMark(char separator, boolean given, char mark) {
        this.separator = separator;
        this.given = given;
        this.mark = mark;
    }

    /** The mark of numbers that always have a decimal point, as in JSON. */
    static DecimalMark point() {
        return new DecimalMark(COMMA, false, POINT);
    }

    /** The mark of a table. @param separator what separates the cells */
    static DecimalMark of(CsvDialect dialect, char separator) {
        boolean given = dialect.decimal() != null;
        return new DecimalMark(separator, given, given ? dialect.decimal() : separator == COMMA ? POINT : 0);
    }

    /** Whether decimal commas were recognized. */
    boolean isRecognized() {
        return withComma != null;
    }

    /**
     * Parses a number, as {@link Numbers#parse} does.
     *
     * @throws StopException if it cannot be known what the mark is
     */
    double parse(String text) {
        String plain = plain(text);
        // with decimal commas, a point can only separate thousands
        boolean isOther = given && mark == COMMA && plain.equals(text) && text.indexOf(POINT) >= 0;
        return isOther ? Double.NaN : Numbers.parse(plain);
    }

    /**
     * Writes a number with a decimal point.
     *
     * @return the text as it is if it is not a number
     * @throws StopException if it cannot be known what the mark is
     */
    String plain(String text) {
        if (mark == POINT || text.isEmpty()) {
            return text;
        }
        boolean points = text.indexOf(POINT) >= 0;
        if (!points && text.indexOf(COMMA) < 0) {
            return text;
        }
        if (points && (mark == 0 || !given) && !Double.isNaN(Numbers.parse(text))) {
            if (withComma != null) {
                throw contradictory(text, withComma);
            }
            withPoint = text;
            return text;
        }
        if (points && GROUPED_BY_POINTS.matcher(text).matches()) {
            return number(text, text.replace(".", ""));
        }
        if (WITH_COMMA.matcher(text).matches()) {
            return number(text, text);
        }
        if (points && GROUPED_BY_COMMAS.matcher(text).matches() && withComma != null) {
            throw contradictory(text, withComma);
        }
        return text;
    }

    /** @param digits the number without marks between its thousands */
    private String number(String text, String digits) {
        if (!given) {
            if (withPoint != null) {
                throw contradictory(text, withPoint);
            }
            // tables with semicolons come from where the decimal mark is a comma
            if (withComma == null
                    && separator != ';'
                    && GROUPED_BY_COMMAS.matcher(text).matches()) {
                throw new StopException(
                        ExitCode.BAD_SETTINGS,
                        ("is the comma in %s a decimal comma, or does it separate thousands? Say so with --decimal ,"
                                        + " or --decimal .")
                                .formatted(Printable.of(text)));
            }
            if (withComma == null) {
                withComma = text;
            }
            mark = COMMA;
        }
        return digits.replace(COMMA, POINT);
    }

    private static StopException contradictory(String one, String other) {
        return new StopException(
                ExitCode.BAD_SETTINGS,
                ("the table has %s as well as %s, so it is not known which decimal mark it has; say so with --decimal"
                                + " , or --decimal .")
                        .formatted(Printable.of(other), Printable.of(one)));
    }
}
