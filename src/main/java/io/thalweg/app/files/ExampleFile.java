package io.thalweg.app.files;

import io.thalweg.app.view.Printable;
import io.thalweg.avro.Example;
import io.thalweg.input.RecordReader;
import io.thalweg.mapping.FieldKinds;
import io.thalweg.mapping.Label;
import io.thalweg.mapping.Mapping;
import io.thalweg.math.FeatureForm;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.StopException;
import java.io.BufferedInputStream;
import java.io.BufferedReader;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.apache.avro.generic.GenericRecord;
import org.apache.commons.compress.compressors.gzip.GzipCompressorInputStream;

/**
 * A file or standard input with examples in CSV, JSON Lines or LIBSVM text, plain or gzipped; or with labels that come
 * later than their events, in CSV or JSON Lines.
 */
public abstract sealed class ExampleFile implements Closeable permits CsvExamples, JsonExamples, LibsvmExamples {
    /** Remarks on what is hardly meant begin with this word. */
    public static final String WARNING = "warning:";

    /** The file name that means standard input. */
    public static final String STANDARD_INPUT = "-";

    private static final int BYTE_ORDER_MARK = 0xFEFF;
    private static final int LOOK_AHEAD = 4096;
    private static final int SHORTEST_HEAD = 16;
    /** What a decoder makes of bytes that are not UTF-8. */
    static final char REPLACEMENT = '\uFFFD';

    static final String NOT_UTF8 =
            "the text is not UTF-8; convert the file with iconv -f ENCODING -t UTF-8, where ENCODING is such as"
                    + " WINDOWS-1252";

    /** The formats of files. */
    public enum Format {
        CSV,
        JSONL,
        LIBSVM
    }

    /**
     * A line that can be used.
     *
     * @param number the number of the line in the file, from 1
     * @param model the model that the example or the label is for; null if the line does not name one
     * @param time the timestamp, in milliseconds since 1970; null if there is none
     * @param labelTime the time at which the label came; null if that is not known, or it did not come
     * @param example null if the model is to be deleted, or the line is a label
     * @param label the label record; null in a file of examples
     */
    public record Line(long number, String model, Long time, Long labelTime, Example example, GenericRecord label) {
        /** A line of a file of examples, without a timestamp. */
        public Line(long number, String model, Example example) {
            this(number, model, null, null, example, null);
        }

        /** The same line with a timestamp. */
        Line at(long timestamp) {
            return new Line(number, model, timestamp, labelTime, example, label);
        }

        /** The same line with the time at which its label came. @param labelCame null if it did not come */
        Line labelledAt(Long labelCame) {
            return new Line(number, model, time, labelCame, example, label);
        }
    }

    /** An exception for a line that cannot be used. The next line may be usable. */
    public static final class BadLineException extends Exception {
        private static final long serialVersionUID = 1;

        private final boolean ofLabel;

        public BadLineException(String message) {
            this(message, false);
        }

        private BadLineException(String message, boolean ofLabel) {
            super(message, null, false, false);
            this.ofLabel = ofLabel;
        }

        /**
         * Whether the label is what cannot be used. To skip such lines can mean to skip all of one class, so nobody
         * should be advised to.
         */
        public boolean isOfLabel() {
            return ofLabel;
        }

        /**
         * Computes a label.
         *
         * @param column the column that it is in
         * @param text what is in the column
         * @throws BadLineException if that is no label, with the comparison that makes it one
         */
        static double checkLabel(Label label, String column, String text) throws BadLineException {
            double y = label.y(text);
            if (Double.isNaN(y)) {
                throw new BadLineException(
                        "column %s is \"%s\", which is %s"
                                .formatted(
                                        Printable.of(column),
                                        Printable.of(text),
                                        label.isComparison()
                                                ? "not a finite number, but is compared with one"
                                                : "neither a number nor a word such as yes; compare it, such as with "
                                                        + option(Label.suggestion(column, text.strip()))),
                        true);
            }
            checkRange(column, y);
            return y;
        }

        /** @throws BadLineException if a label is not from 0 to 1 */
        static void checkRange(String column, double y) throws BadLineException {
            if (!(y >= 0 && y <= 1)) {
                throw new BadLineException(
                        ("the label is %s; a label must be from 0 to 1. If these are classes, compare them, such as"
                                        + " with %s")
                                .formatted(y, option(Label.suggestion(column, y))),
                        true);
            }
        }

        private static String option(String comparison) {
            return Printable.of(
                    "--label " + (comparison.indexOf('"') < 0 ? "\"" + comparison + "\"" : "'" + comparison + "'"));
        }
    }

    /** The name of the file, for messages. */
    private final String name;

    ExampleFile(String name) {
        this.name = name;
    }

    /**
     * Opens a file.
     *
     * @param file its path, or {@value #STANDARD_INPUT}
     * @param format the format; null to choose it by the name of the file, or else by how the file begins
     * @throws StopException if the file cannot be opened or lacks columns
     */
    public static ExampleFile open(String file, Format format, Columns columns) {
        if (file.equals(STANDARD_INPUT)) {
            return read(System.in, "standard input", format, columns);
        }
        InputStream in;
        try {
            in = Files.newInputStream(Path.of(file));
        } catch (NoSuchFileException e) {
            throw new StopException(ExitCode.BAD_SETTINGS, "there is no file " + file);
        } catch (IOException | RuntimeException e) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    "cannot open %s (%s: %s)".formatted(file, e.getClass().getSimpleName(), e.getMessage()));
        }
        return read(in, file, format, columns);
    }

    /** Reads a file that is already open. */
    static ExampleFile read(InputStream in, String name, Format format, Columns columns) {
        try {
            BufferedReader text = new BufferedReader(new InputStreamReader(plain(in, name), StandardCharsets.UTF_8));
            int first = firstCharacter(text);
            if (first < 0) {
                throw new StopException(ExitCode.BAD_SETTINGS, name + " is empty");
            }
            Format found = format == null ? format(name, first, text) : format;
            if (first == '[' && (found == Format.JSONL || format == null && isArrayOfObjects(text))) {
                throw new StopException(
                        ExitCode.BAD_SETTINGS,
                        name + " is one JSON array; JSON Lines has one object on each line (jq -c '.[]' makes them)");
            }
            return switch (found) {
                case CSV -> new CsvExamples(name, text, columns);
                case JSONL -> new JsonExamples(name, text, columns);
                case LIBSVM -> new LibsvmExamples(name, text, numbered(name, columns));
            };
        } catch (IOException e) {
            throw unreadable(name, 0, e);
        }
    }

    /** How the label of a file without columns is computed. */
    private static Label numbered(String name, Columns columns) {
        if (columns.labels() != null) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS, name + " is LIBSVM text; labels can be in CSV or JSON Lines, with an id");
        }
        Mapping mapping = columns.mapping();
        Set<String> named = new HashSet<>(mapping.fields().values());
        named.remove(Mapping.LABEL);
        if (!named.isEmpty() || !columns.times().isEmpty() || columns.form() == FeatureForm.DENSE) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    name + " is LIBSVM text, which has no columns, only a label and sparse features; only --label can"
                            + " be used with it");
        }
        return mapping.label();
    }

    /**
     * The bytes of the text, which may be gzipped, also as several files in a row.
     *
     * @throws StopException if it is not text
     */
    private static InputStream plain(InputStream in, String name) throws IOException {
        BufferedInputStream bytes = new BufferedInputStream(in);
        byte[] head = head(bytes);
        if (GzipCompressorInputStream.matches(head, head.length)) {
            bytes = new BufferedInputStream(new GzipMembers(bytes));
            head = head(bytes);
        }
        FileSignature.complaint(head).ifPresent(complaint -> {
            throw new StopException(ExitCode.BAD_SETTINGS, name + " " + complaint);
        });
        return bytes;
    }

    /** The first bytes, as far as they have been written, but no fewer than those that tell most files apart. */
    private static byte[] head(BufferedInputStream bytes) throws IOException {
        byte[] head = new byte[FileSignature.LENGTH];
        bytes.mark(head.length);
        int length = 0;
        // waits for no more than a line, because the next one may not have been written yet
        while (length < SHORTEST_HEAD && (length == 0 || head[length - 1] != '\n')) {
            int read = bytes.read(head, length, head.length - length);
            if (read < 0) {
                break;
            }
            length += read;
        }
        bytes.reset();
        return Arrays.copyOf(head, length);
    }

    /** The first character that is not a space or a byte order mark, which is skipped; -1 if there is none. */
    private static int firstCharacter(BufferedReader text) throws IOException {
        text.mark(1);
        if (text.read() != BYTE_ORDER_MARK) {
            text.reset();
        }
        text.mark(LOOK_AHEAD);
        int first = text.read();
        for (int i = 1; i < LOOK_AHEAD && Character.isWhitespace(first); i++) {
            first = text.read();
        }
        text.reset();
        return first;
    }

    private static Format format(String name, int first, BufferedReader text) throws IOException {
        String lower = name.toLowerCase(Locale.ROOT);
        String plain = lower.endsWith(".gz") ? lower.substring(0, lower.length() - 3) : lower;
        if (plain.endsWith(".csv") || plain.endsWith(".tsv") || plain.endsWith(".tab")) {
            return Format.CSV;
        }
        if (plain.endsWith(".jsonl") || plain.endsWith(".ndjson") || plain.endsWith(".json")) {
            return Format.JSONL;
        }
        if (plain.endsWith(".svm") || plain.endsWith(".libsvm") || plain.endsWith(".svmlight")) {
            return Format.LIBSVM;
        }
        return first == '{' ? Format.JSONL : isLibsvm(text) ? Format.LIBSVM : Format.CSV;
    }

    /** Whether the text begins as a list of JSON objects does. A header can begin with [, too. */
    private static boolean isArrayOfObjects(BufferedReader text) throws IOException {
        text.mark(LOOK_AHEAD);
        int next = text.read();
        for (int i = 1; i < LOOK_AHEAD && (next == '[' || Character.isWhitespace(next)); i++) {
            next = text.read();
        }
        text.reset();
        return next == '{';
    }

    /** Whether the first line that is not empty or a comment has a label and a feature, as far as can be seen. */
    private static boolean isLibsvm(BufferedReader text) throws IOException {
        text.mark(LOOK_AHEAD);
        StringBuilder line = new StringBuilder();
        // reads no further than that line, because the next one may not have been written yet
        for (int i = 0; i < LOOK_AHEAD; i++) {
            int next = text.read();
            if (next < 0 || next == '\n' && !line.toString().isBlank() && line.charAt(0) != '#') {
                break;
            }
            if (next == '\n') {
                line.setLength(0);
            } else {
                line.append((char) next);
            }
        }
        text.reset();
        return LibsvmExamples.isLike(line.toString());
    }

    /** The name of the file, for messages. */
    public final String name() {
        return name;
    }

    /** What the columns have been used as so far, in one line; null if there are none. */
    public abstract String columns();

    /** What the columns of rows have been used as, in one line. */
    static String line(FieldKinds kinds) {
        return kinds.isEmpty() ? null : Printable.of(String.join("; ", kinds.lines()));
    }

    /** What should be known of the file and of its columns so far, one line for each fact, for people. */
    public List<String> remarks() {
        return List.of();
    }

    /** The number of the last line that was read, from 1. */
    public abstract long lineNumber();

    /**
     * The next line; null at the end.
     *
     * @throws BadLineException if the line cannot be used
     * @throws StopException if the rest cannot be read either
     */
    public final Line next() throws BadLineException {
        try {
            Line line = read();
            if (line != null) {
                check(line);
            }
            return line;
        } catch (IOException e) {
            throw unreadable(name, lineNumber(), e);
        }
    }

    abstract Line read() throws IOException, BadLineException;

    private static StopException unreadable(String name, long line, IOException e) {
        return new StopException(
                ExitCode.BAD_SETTINGS,
                "cannot continue to read %s after line %d (%s)"
                        .formatted(name, line, e instanceof EOFException ? "it ends early" : e.getMessage()));
    }

    private static void check(Line line) throws BadLineException {
        String model = line.model();
        if (model != null) {
            int length = model.getBytes(StandardCharsets.UTF_8).length;
            if (length == 0 || length > RecordReader.LONGEST_MODEL_ID || model.indexOf('\0') >= 0) {
                throw new BadLineException("the model id must have 1 to %d bytes and no NUL character"
                        .formatted(RecordReader.LONGEST_MODEL_ID));
            }
        }
        Example example = line.example();
        if (example == null) {
            return;
        }
        if (example.getLabel() != null) {
            BadLineException.checkRange(Mapping.LABEL, example.getLabel());
        }
        double importance = example.getImportance();
        if (!(importance >= 0) || Double.isInfinite(importance)) {
            throw new BadLineException("the importance is %s; it must be finite and not below 0".formatted(importance));
        }
    }

    /** @throws BadLineException if the text was not valid UTF-8, or contains half of a surrogate pair */
    static void checkText(CharSequence text) throws BadLineException {
        String why = whyNoText(text);
        if (why != null) {
            throw new BadLineException(why);
        }
    }

    /** Why text cannot be used; null if it can. */
    static String whyNoText(CharSequence text) {
        int i = 0;
        while (i < text.length()) {
            int point = Character.codePointAt(text, i);
            if (point == REPLACEMENT) {
                return NOT_UTF8;
            } else if (point >= Character.MIN_SURROGATE && point <= Character.MAX_SURROGATE) {
                return "text contains half a character";
            }
            i += Character.charCount(point);
        }
        return null;
    }
}
