package io.thalweg.app.view;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The size of the terminal that standard output goes to.
 *
 * @param lines of it, 1 or more
 * @param columns of it, 1 or more
 */
public record Terminal(int lines, int columns) {
    private static final int USUAL_COLUMNS = 100;

    /** Asks what standard output is: only that is inherited, so the answer comes on standard error. */
    private static final String QUESTION = "test -t 1 && stty size <&1 >&2";

    private static final Pattern ANSWER = Pattern.compile("([1-9]\\d{0,4}) ([1-9]\\d{0,4})\\s*");

    /** Asks the terminal. It may have another size the next time. @return empty if there is none, or it does not say */
    public static Optional<Terminal> find() {
        try {
            Process process = new ProcessBuilder("sh", "-c", QUESTION)
                    .redirectOutput(Redirect.INHERIT)
                    .start();
            process.getOutputStream().close();
            return parse(new String(process.getErrorStream().readAllBytes(), StandardCharsets.US_ASCII));
        } catch (IOException e) {
            // no such shell here
            return Optional.empty();
        }
    }

    /** @param answer lines and columns */
    static Optional<Terminal> parse(String answer) {
        Matcher matcher = ANSWER.matcher(answer);
        return matcher.matches()
                ? Optional.of(new Terminal(Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2))))
                : Optional.empty();
    }

    /**
     * How long a line of a table may be.
     *
     * @param wanted what the environment variable COLUMNS says, which wins; null if it says nothing
     * @param terminal where the table goes; without one, as long as most people's terminals can show
     */
    public static int width(String wanted, Optional<Terminal> terminal) {
        return wanted != null && wanted.matches("[1-9]\\d{0,4}")
                ? Integer.parseInt(wanted)
                : terminal.map(Terminal::columns).orElse(USUAL_COLUMNS);
    }
}
