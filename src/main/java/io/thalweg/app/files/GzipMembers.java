package io.thalweg.app.files;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import org.apache.commons.compress.compressors.gzip.GzipCompressorInputStream;

/**
 * Gzipped bytes, in one member or several in a row, as {@code gunzip} reads them: zeros after the last member are
 * padding, as tapes and block devices add it. Unlike {@link java.util.zip.GZIPInputStream}, it does not take a pause of
 * a pipe for the end.
 */
final class GzipMembers extends InputStream {
    private static final int MAGIC = 0x1f;
    private static final int MAGIC_AFTER = 0x8b;

    private final BufferedInputStream in;
    /** Null after the last. */
    private InputStream member;

    /** @param in begins with a member */
    GzipMembers(BufferedInputStream in) throws IOException {
        this.in = in;
        begin();
    }

    private void begin() throws IOException {
        // it stops at the end of the member
        member = GzipCompressorInputStream.builder().setInputStream(in).get();
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] into, int from, int length) throws IOException {
        while (member != null && length > 0) {
            int read = member.read(into, from, length);
            if (read > 0) {
                return read;
            }
            next();
        }
        return length == 0 ? 0 : -1;
    }

    private void next() throws IOException {
        member = null;
        in.mark(2);
        int first = in.read();
        if (first == MAGIC) {
            int second = in.read();
            in.reset();
            if (second < 0) {
                throw new EOFException();
            }
            if (second == MAGIC_AFTER) {
                begin();
                return;
            }
        }
        for (int padding = first; padding >= 0; padding = in.read()) {
            if (padding != 0) {
                throw new IOException("after the gzipped data are bytes that are neither gzipped nor zero");
            }
        }
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
