package io.thalweg.app.benchmark;

import java.io.IOException;
import java.io.InputStream;

/** Messages of HTTP 1.1 with a length, as benchmarks read them: hardly at all. */
final class HttpMessages {
    private static final String LENGTH = "Content-Length:";

    private HttpMessages() {}

    /**
     * Reads a request or an answer, and drops what follows its first line.
     *
     * @return the first line
     * @throws IOException if the other side has ended the connection
     */
    static String read(InputStream in) throws IOException {
        String first = line(in);
        int length = 0;
        for (String header = line(in); !header.isEmpty(); header = line(in)) {
            if (header.regionMatches(true, 0, LENGTH, 0, LENGTH.length())) {
                length = Integer.parseInt(header.substring(LENGTH.length()).strip());
            }
        }
        in.readNBytes(length);
        return first;
    }

    private static String line(InputStream in) throws IOException {
        StringBuilder line = new StringBuilder();
        for (int c = in.read(); c != '\n'; c = in.read()) {
            if (c < 0) {
                throw new IOException("the other side has ended the connection");
            }
            if (c != '\r') {
                line.append((char) c);
            }
        }
        return line.toString();
    }
}
