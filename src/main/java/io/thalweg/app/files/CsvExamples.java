package io.thalweg.app.files;

import io.thalweg.app.view.Printable;
import io.thalweg.mapping.FieldKinds;
import io.thalweg.mapping.Mapping;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.StopException;
import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVRecord;

/** A reader of examples or labels in the rows of a CSV table (RFC 4180) with a header. */
final class CsvExamples extends ExampleFile {
    /** Keeps empty lines, so that lines can be counted. */
    private static final CSVFormat FORMAT =
            CSVFormat.RFC4180.builder().setIgnoreEmptyLines(false).get();

    private final CSVParser parser;
    private final Iterator<CSVRecord> records;
    private final List<String> header;
    private final Mapping mapping;
    private final FieldKinds kinds;
    private final Row row;
    private final Set<String> times;
    private long line;

    CsvExamples(String name, Reader text, Columns columns) throws IOException {
        super(name);
        parser = CSVParser.parse(text, FORMAT);
        records = parser.iterator();
        CSVRecord first = nextRecord();
        while (isBlank(first)) {
            first = nextRecord();
        }
        header = Arrays.stream(first.values()).map(String::strip).toList();
        mapping = columns.in(header);
        kinds = new FieldKinds(mapping);
        row = columns.row(mapping, kinds);
        times = columns.times();
        checkHeader();
    }

    private void checkHeader() {
        Set<String> seen = new HashSet<>();
        for (int i = 0; i < header.size(); i++) {
            String column = header.get(i);
            if (column.isEmpty()) {
                throw new StopException(
                        ExitCode.BAD_SETTINGS,
                        "%s: column %d has no name in the header, line %d".formatted(name(), i + 1, line));
            }
            if (!seen.add(column)) {
                throw new StopException(
                        ExitCode.BAD_SETTINGS,
                        "%s: two columns are named %s in the header, line %d"
                                .formatted(name(), Printable.of(column), line));
            }
        }
        Set<String> wanted = new TreeSet<>(mapping.fields().keySet());
        wanted.addAll(times);
        wanted.removeAll(seen);
        if (!wanted.isEmpty()) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    "%s has no column %s; it has %s"
                            .formatted(
                                    name(),
                                    Printable.of(wanted.iterator().next()),
                                    Printable.of(String.join(", ", header.subList(0, Math.min(20, header.size())))
                                            + (header.size() > 20 ? " and more" : ""))));
        }
    }

    private CSVRecord nextRecord() throws IOException {
        // a record may span several lines, and is identified by the first
        long before = parser.getCurrentLineNumber();
        try {
            CSVRecord next = records.hasNext() ? records.next() : null;
            line = next == null ? before : before + 1;
            return next;
        } catch (UncheckedIOException e) {
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
    Line read() throws IOException, BadLineException {
        CSVRecord next = nextRecord();
        while (isBlank(next)) {
            next = nextRecord();
        }
        if (next == null) {
            return null;
        }
        if (next.size() != header.size()) {
            throw new BadLineException("it has %d cells, but the header has %d".formatted(next.size(), header.size()));
        }
        row.clear();
        for (int i = 0; i < header.size(); i++) {
            row.cell(header.get(i), next.get(i));
        }
        return row.line(line);
    }

    @Override
    public void close() throws IOException {
        parser.close();
    }
}
