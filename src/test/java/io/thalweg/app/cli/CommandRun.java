package io.thalweg.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Arrays;
import java.util.List;

/** A command that has run in this JVM: its exit code, and the lines that it printed. */
record CommandRun(int exitCode, List<String> out, List<String> err) {
    /** Runs a command. @param words its name and arguments, of any type */
    static CommandRun of(Object... words) {
        return of(Arrays.asList(words));
    }

    /** Runs a command. @param words its name and arguments, of any type */
    static CommandRun of(List<?> words) {
        return of(words.stream().map(Object::toString).toArray(String[]::new));
    }

    /** Runs a command. @param words its name and arguments */
    static CommandRun of(String... words) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int exitCode = Thalweg.commandLine()
                .setOut(new PrintWriter(out))
                .setErr(new PrintWriter(err))
                .execute(words);
        return new CommandRun(
                exitCode,
                out.toString().lines().toList(),
                err.toString().lines().toList());
    }

    CommandRun is(int expected) {
        assertThat(exitCode).as("%s", this).isEqualTo(expected);
        return this;
    }

    /** Checks that there was one line about what is wrong. */
    void isOneLine(int expected, String... parts) {
        is(expected);
        assertThat(err).as("%s", this).singleElement().asString().contains(parts);
    }

    /** Returns the last line of the output, of a command that succeeded, as JSON. */
    JsonNode json() throws IOException {
        is(0);
        return new ObjectMapper().readTree(out.get(out.size() - 1));
    }

    /** Returns what was printed to standard error. */
    String error() {
        return String.join("\n", err);
    }
}
