package io.thalweg.app.view;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The size of the terminal that standard output is connected to.
 *
 * @param lines at least 1
 * @param columns at least 1
 */
public record Terminal(int lines, int columns) {
    private static final int USUAL_COLUMNS = 100;

    /**
     * The shell command that finds the size. Only standard output is inherited, so the answer is written to standard
     * error.
     */
    private static final String QUESTION = "test -t 1 && stty size <&1 >&2";

    private static final Pattern ANSWER = Pattern.compile("([1-9]\\d{0,4}) ([1-9]\\d{0,4})\\s*");

    /**
     * Finds the size of the terminal, which may change.
     *
     * @return empty if there is no terminal, or its size is unknown
     */
    public static Optional<Terminal> find() {
        try {
            Process process = new ProcessBuilder("sh", "-c", QUESTION)
                    .redirectOutput(Redirect.INHERIT)
                    .start();
            process.getOutputStream().close();
            return parse(new String(process.getErrorStream().readAllBytes(), StandardCharsets.US_ASCII));
        } catch (IOException e) {
            // there is no such shell
            return Optional.empty();
        }
    }

    /**
     * Parses the answer of the shell command.
     *
     * @param answer lines and columns
     */
    static Optional<Terminal> parse(String answer) {
        Matcher matcher = ANSWER.matcher(answer);
        return matcher.matches()
                ? Optional.of(new Terminal(Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2))))
                : Optional.empty();
    }

    /**
     * The maximum length of a line of a table.
     *
     * @param wanted the environment variable COLUMNS, which takes precedence; null if it is not set
     * @param terminal the terminal that the table is printed on; if there is none, a length that most terminals can
     *     show
     */
    public static int width(String wanted, Optional<Terminal> terminal) {
        return wanted != null && wanted.matches("[1-9]\\d{0,4}")
                ? Integer.parseInt(wanted)
                : terminal.map(Terminal::columns).orElse(USUAL_COLUMNS);
    }
}
