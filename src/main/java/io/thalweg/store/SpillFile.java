package io.thalweg.store;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A temporary file for what does not have to be on the heap. Its contents are a copy of what is elsewhere, so it
 * is deleted when it is closed, and does not have to survive a crash. Not thread-safe.
 */
final class SpillFile implements AutoCloseable {
    private final Path directory;
    private @Nullable Path file;
    private @Nullable FileChannel channel;
    private long end;
    /** The lengths of unused stretches by their beginnings. */
    private final TreeMap<Long, Long> unused = new TreeMap<>();

    /** @param directory where the file is created when it is first needed */
    SpillFile(Path directory) {
        this.directory = directory;
    }

    /**
     * Writes bytes.
     *
     * @return where they begin
     */
    long write(byte[] bytes) {
        try {
            FileChannel to = open();
            long at = allocate(bytes.length);
            ByteBuffer buffer = ByteBuffer.wrap(bytes);
            while (buffer.hasRemaining()) {
                to.write(buffer, at + buffer.position());
            }
            return at;
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write to " + file + " in " + directory, e);
        }
    }

    private FileChannel open() throws IOException {
        FileChannel opened = channel;
        if (opened == null) {
            Files.createDirectories(directory);
            file = Files.createTempFile(directory, "waiting-", ".events");
            opened = FileChannel.open(
                    file, StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.DELETE_ON_CLOSE);
            channel = opened;
        }
        return opened;
    }

    /** Finds the first unused stretch that is long enough. */
    private long allocate(long length) {
        for (Map.Entry<Long, Long> stretch : unused.entrySet()) {
            if (stretch.getValue() >= length) {
                long at = stretch.getKey();
                long rest = stretch.getValue() - length;
                unused.remove(at);
                if (rest > 0) {
                    unused.put(at + length, rest);
                }
                return at;
            }
        }
        long at = end;
        end += length;
        return at;
    }

    /** Frees what {@link #write} has written. */
    void free(long at, long length) {
        long from = at;
        long to = at + length;
        Map.Entry<Long, Long> before = unused.lowerEntry(at);
        if (before != null && before.getKey() + before.getValue() == from) {
            from = before.getKey();
        }
        Long after = unused.remove(to);
        if (after != null) {
            to += after;
        }
        unused.put(from, to - from);
        if (to == end) {
            unused.remove(from);
            end = from;
            try {
                open().truncate(end);
            } catch (IOException e) {
                throw new UncheckedIOException("cannot shorten " + file, e);
            }
        }
    }

    /** Returns the size of the file in bytes. */
    long size() {
        return end;
    }

    /** Reads so many bytes. */
    void read(long at, byte[] into, int from, int length) {
        try {
            FileChannel content = open();
            ByteBuffer buffer = ByteBuffer.wrap(into, from, length);
            while (buffer.hasRemaining()) {
                if (content.read(buffer, at + buffer.position() - from) < 0) {
                    throw new IOException("the file ends before byte " + (at + length));
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + file, e);
        }
    }

    /** Deletes the file. It is created again when something is written. */
    @Override
    public void close() {
        unused.clear();
        end = 0;
        if (channel != null) {
            try {
                channel.close();
            } catch (IOException e) {
                throw new UncheckedIOException("cannot delete " + file, e);
            }
            channel = null;
        }
    }
}
