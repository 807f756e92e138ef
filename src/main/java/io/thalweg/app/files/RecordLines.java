package io.thalweg.app.files;

import java.io.IOException;
import java.io.Reader;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * The text of a table, which a parser is given one line at a time. It remembers the lines of the record that is being
 * parsed, so that the parser can go on with the line after the first of them: a quote that is never closed would
 * otherwise swallow the rest of the table.
 */
final class RecordLines extends Reader {
    /** The longest record that can be gone back from, in characters. Longer ones are not examples. */
    private static final int LONGEST = 1_000_000;

    private final Reader in;
    private final char[] buffer = new char[8192];
    private int from;
    private int to;

    /** Lines that were given to a parser before, and have to be given to the next one. */
    private final Deque<String> again = new ArrayDeque<>();
    /** The lines of the record that is being parsed, as far as it begins with a line. */
    private final List<String> record = new ArrayList<>();

    private String line = "";
    private int position;
    private long count;
    private int length;
    /** Whether the record may begin in the middle of a line. */
    private boolean beginsWithin;
    /** Whether lines end with a carriage return alone, as on old Macs. Null until the first line. */
    private Boolean returnsAlone;

    RecordLines(Reader in) {
        this.in = in;
    }

    /** Begins a record. The parser must have parsed all lines that it was given. */
    void begin() {
        record.clear();
        length = 0;
        // to the parser, a carriage return ends a record, even within a line
        int end = line.indexOf('\r');
        beginsWithin = end >= 0 && end < line.length() - "\r\n".length();
    }

    /** How many lines were given to the parser. */
    long count() {
        return count;
    }

    /** How many lines the record has so far. */
    int lines() {
        return record.size();
    }

    /** Goes back to the line after the first one of the record. The next parser begins there. */
    void skipFirst() {
        for (int i = record.size() - 1; i >= (beginsWithin ? 0 : 1); i--) {
            again.addFirst(record.get(i));
            count--;
        }
        line = "";
        position = 0;
        begin();
    }

    /**
     * Returns the next line without giving it to the parser.
     *
     * @return with its end; null at the end of the text
     */
    String peek() throws IOException {
        if (again.isEmpty()) {
            String next = readLine();
            if (next == null) {
                return null;
            }
            again.add(next);
        }
        return again.peekFirst();
    }

    /** Passes over a line. */
    void pass() throws IOException {
        if (peek() != null) {
            again.removeFirst();
            count++;
        }
    }

    @Override
    public int read(char[] into, int offset, int wanted) throws IOException {
        if (position == line.length()) {
            if (peek() == null) {
                return -1;
            }
            // the parser asks for more than one line only within quotes
            if (length > LONGEST) {
                throw new TooLongException();
            }
            line = again.removeFirst();
            position = 0;
            count++;
            length += line.length();
            record.add(line);
        }
        int taken = Math.min(wanted, line.length() - position);
        line.getChars(position, position + taken, into, offset);
        position += taken;
        return taken;
    }

    /** An exception for a record that is too long, most likely because a quote is never closed. */
    static final class TooLongException extends IOException {
        private static final long serialVersionUID = 1;
    }

    private String readLine() throws IOException {
        StringBuilder text = new StringBuilder();
        while (from < to || fill()) {
            int end = from;
            while (end < to && buffer[end] != '\n' && !isReturnAlone(end)) {
                end++;
            }
            text.append(buffer, from, end - from);
            from = end;
            if (end == to) {
                continue;
            }
            if (buffer[end] == '\r' && returnsAlone == null) {
                // the first end of a line decides; at the end of the buffer, what follows has to be read first
                from++;
                if (from < to || fill()) {
                    returnsAlone = buffer[from] != '\n';
                } else {
                    returnsAlone = true;
                }
                if (!returnsAlone) {
                    text.append('\r');
                    continue;
                }
                return text.append('\n').toString();
            }
            returnsAlone = returnsAlone != null && returnsAlone;
            from++;
            return text.append('\n').toString();
        }
        return text.isEmpty() ? null : text.toString();
    }

    private boolean isReturnAlone(int at) {
        return buffer[at] == '\r' && (returnsAlone == null || returnsAlone);
    }

    private boolean fill() throws IOException {
        from = 0;
        to = Math.max(0, in.read(buffer, 0, buffer.length));
        return to > 0;
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
