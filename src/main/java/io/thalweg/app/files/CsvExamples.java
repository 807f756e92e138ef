package io.thalweg.app.files;

import io.thalweg.app.files.RecordLines.TooLongException;
import io.thalweg.app.view.Printable;
import io.thalweg.mapping.FieldKinds;
import io.thalweg.mapping.Mapping;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.StopException;
import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.commons.csv.CSVException;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVRecord;

/**
 * A reader of examples or labels in the rows of a CSV table (RFC 4180) with a header. The cells may also be separated
 * by semicolons, tabs or vertical bars, which is recognized in the header.
 */
final class CsvExamples extends ExampleFile {
    private static final List<Character> SEPARATORS = List.of(',', ';', '\t', '|');
    private static final char DEFAULT_SEPARATOR = ',';
    /** The first line by which a file tells Excel how it is separated. */
    private static final Pattern SEPARATOR_LINE = Pattern.compile("\"?sep=(.)\"?\\s*", Pattern.CASE_INSENSITIVE);

    private static final int NAMES_SHOWN = 20;

    private final RecordLines lines;
    private final CSVFormat format;
    private final boolean isRecognized;
    private final DecimalMark decimal;
    private CSVParser parser;
    private Iterator<CSVRecord> records;
    private final List<String> header;
    private final Mapping mapping;
    private final FieldKinds kinds;
    private final Row row;
    private final Set<String> times;
    /** Whether a column has no name, and no setting that names it by its number. */
    private final boolean[] isPassedOver;

    private long line;

    CsvExamples(String name, Reader text, Columns columns) throws IOException {
        super(name);
        lines = new RecordLines(text);
        char separator = separator(columns);
        isRecognized = columns.dialect().separator() == null && separator != DEFAULT_SEPARATOR;
        format = format(separator);
        decimal = DecimalMark.of(columns.dialect(), separator);
        parse();
        CSVRecord first = headerRecord();
        header = names(first);
        mapping = columns.in(header);
        kinds = new FieldKinds(mapping);
        row = columns.row(mapping, kinds, decimal);
        times = columns.times();
        isPassedOver = new boolean[header.size()];
        for (int i = 0; i < header.size(); i++) {
            isPassedOver[i] = first.get(i).isBlank()
                    && !mapping.fields().containsKey(header.get(i))
                    && !times.contains(header.get(i));
            if (isPassedOver[i]) {
                kinds.leaveOut(header.get(i), "no name");
            }
        }
        checkHeader();
    }

    /** Keeps empty lines, so that lines can be counted. */
    private static CSVFormat format(char separator) {
        return CSVFormat.RFC4180
                .builder()
                .setDelimiter(separator)
                .setIgnoreEmptyLines(false)
                .get();
    }

    private void parse() throws IOException {
        parser = CSVParser.builder().setReader(lines).setFormat(format).get();
        records = parser.iterator();
    }

    private CSVRecord headerRecord() throws IOException {
        try {
            CSVRecord first = nextRecord();
            while (isBlank(first)) {
                first = nextRecord();
            }
            if (first == null) {
                throw new StopException(ExitCode.BAD_SETTINGS, name() + " has no header");
            }
            return first;
        } catch (BadLineException e) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS, "%s, line %d: in the header, %s".formatted(name(), line, e.getMessage()));
        }
    }

    /** The names in the header. A column without a name is called by its number, such as #1. */
    private static List<String> names(CSVRecord header) {
        List<String> names = new ArrayList<>();
        for (String cell : header) {
            String name = cell.strip();
            names.add(name.isEmpty() ? "#" + (names.size() + 1) : name);
        }
        return names;
    }

    /** The separator: the one that is given, or that the first line names, or by which the header is a header. */
    private char separator(Columns columns) throws IOException {
        String first = lines.peek();
        while (first != null && first.isBlank()) {
            lines.pass();
            first = lines.peek();
        }
        Matcher named = SEPARATOR_LINE.matcher(first == null ? "" : first);
        if (named.matches()) {
            lines.pass();
            first = lines.peek();
        }
        if (columns.dialect().separator() != null) {
            return columns.dialect().separator();
        }
        return named.matches() ? named.group(1).charAt(0) : separator(first == null ? "" : first, columns);
    }

    private static char separator(String header, Columns columns) throws IOException {
        Map<Character, List<String>> possible = new LinkedHashMap<>();
        for (char separator : SEPARATORS) {
            List<String> names = cells(header, separator);
            if (names.size() > 1) {
                possible.put(separator, names);
            }
        }
        if (possible.size() == 1) {
            return possible.keySet().iterator().next();
        }
        Set<String> wanted = columns.wanted();
        List<Character> fitting = possible.keySet().stream()
                .filter(separator -> possible.get(separator).containsAll(wanted))
                .toList();
        if (fitting.size() == 1) {
            return fitting.get(0);
        }
        return possible.isEmpty() || possible.containsKey(DEFAULT_SEPARATOR)
                ? DEFAULT_SEPARATOR
                : possible.keySet().iterator().next();
    }

    /** The cells of a line, as far as they can be known without the lines after it. */
    private static List<String> cells(String line, char separator) throws IOException {
        CSVFormat lenient = format(separator)
                .builder()
                .setTrailingData(true)
                .setLenientEof(true)
                .get();
        try (CSVParser one = CSVParser.parse(line, lenient)) {
            Iterator<CSVRecord> cells = one.iterator();
            return cells.hasNext()
                    ? Arrays.stream(cells.next().values()).map(String::strip).toList()
                    : List.of();
        }
    }

    private void checkHeader() {
        Set<String> seen = new HashSet<>();
        for (String column : header) {
            if (column.indexOf(REPLACEMENT) >= 0) {
                throw new StopException(
                        ExitCode.BAD_SETTINGS, "%s, line %d: in the header, %s".formatted(name(), line, NOT_UTF8));
            }
            if (!seen.add(column)) {
                throw new StopException(
                        ExitCode.BAD_SETTINGS,
                        "%s: two columns are named %s in the header, line %d"
                                .formatted(name(), Printable.of(column), line));
            }
        }
        Set<String> missing = new TreeSet<>(mapping.fields().keySet());
        missing.addAll(times);
        missing.removeAll(seen);
        if (!missing.isEmpty()) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    "%s has no column %s; it has %s%s"
                            .formatted(
                                    name(),
                                    Printable.of(missing.iterator().next()),
                                    Printable.of(String.join(
                                                    ", ",
                                                    header.subList(0, Math.min(NAMES_SHOWN, header.size())).stream()
                                                            .map(Mapping::quoted)
                                                            .toList())
                                            + (header.size() > NAMES_SHOWN ? " and more" : "")),
                                    header.size() == 1
                                            ? ". If these are several, say what separates them with --separator"
                                            : ""));
        }
    }

    /** @throws BadLineException if the quotes of the record do not match; the next record can be read */
    private CSVRecord nextRecord() throws IOException, BadLineException {
        lines.begin();
        // a record may span several lines, and is identified by the first
        long before = lines.count();
        line = before + 1;
        try {
            CSVRecord next = records.hasNext() ? records.next() : null;
            if (next == null) {
                line = before;
            }
            return next;
        } catch (UncheckedIOException e) {
            if (e.getCause() instanceof CSVException || e.getCause() instanceof TooLongException) {
                lines.skipFirst();
                parse();
                throw new BadLineException(
                        "a quote does not match another; in a cell in quotes, a quote is written twice");
            }
            throw e.getCause();
        }
    }

    private static boolean isBlank(CSVRecord row) {
        return row != null && row.size() == 1 && row.get(0).isBlank();
    }

    @Override
    public long lineNumber() {
        return line;
    }

    @Override
    public String columns() {
        return line(kinds);
    }

    @Override
    public List<String> remarks() {
        List<String> remarks = new ArrayList<>();
        if (isRecognized || decimal.isRecognized()) {
            String separator = CsvDialect.words(format.getDelimiterString().charAt(0));
            remarks.add("read as separated by %s%s; --separator and --decimal say otherwise"
                    .formatted(separator, decimal.isRecognized() ? ", with decimal commas" : ""));
        }
        if (header.size() == 1) {
            remarks.add("the table has one column, %s; if it has more, say what separates them with --separator"
                    .formatted(Printable.of(Mapping.quoted(header.get(0)))));
        }
        remarks.addAll(row.remarks());
        return remarks;
    }

    @Override
    Line read() throws IOException, BadLineException {
        CSVRecord next = nextRecord();
        while (isBlank(next)) {
            next = nextRecord();
        }
        if (next == null) {
            return null;
        }
        checkSize(next);
        row.clear();
        for (int i = 0; i < header.size(); i++) {
            if (!isPassedOver[i]) {
                row.cell(header.get(i), next.get(i));
            }
        }
        return row.line(line);
    }

    private void checkSize(CSVRecord cells) throws IOException, BadLineException {
        int size = cells.size();
        // a separator at the end of each line makes a cell that is empty
        while (size > header.size() && cells.get(size - 1).isBlank()) {
            size--;
        }
        if (size != header.size()) {
            if (lines.lines() > 1) {
                // a quote may have taken other lines for a cell
                lines.skipFirst();
                parse();
            }
            throw new BadLineException("it has %d cells, but the header has %d%s"
                    .formatted(
                            size,
                            header.size(),
                            size == header.size() + 1
                                    ? ". If the first is the name of the row, the header needs a cell for it, too"
                                    : ""));
        }
    }

    @Override
    public void close() throws IOException {
        parser.close();
    }
}
