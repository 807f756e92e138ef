package io.thalweg.app.files;

/**
 * How a CSV table is written.
 *
 * @param separator the character between the cells; null to recognize it in the header
 * @param decimal the decimal mark of its numbers, a point or a comma; null to recognize it
 */
public record CsvDialect(Character separator, Character decimal) {
    /** A table of which nothing is known. */
    public static final CsvDialect UNKNOWN = new CsvDialect(null, null);

    /**
     * The name of a separator, for people.
     *
     * @return such as "semicolons"
     */
    static String words(char separator) {
        return switch (separator) {
            case ',' -> "commas";
            case ';' -> "semicolons";
            case '\t' -> "tabs";
            case '|' -> "vertical bars";
            case ' ' -> "spaces";
            default -> "\"" + separator + "\"";
        };
    }
}
