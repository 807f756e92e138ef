package io.thalweg.store;

import io.thalweg.math.Example;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * A list of labeled examples in compact form, to be read many times. As many as there is room for are on the heap, and
 * the others in a temporary file.
 *
 * <p>Examples are written into chunks. To read in a random order, chunks are taken in a random order, and the examples
 * of {@value #TOGETHER} chunks at a time are shuffled. So a file is read in long stretches, and a list that fits into
 * so many chunks is shuffled completely. The order depends on the examples and the seed alone.
 *
 * <p>Writing is not thread-safe. Any number of threads can read when all is written, each with a {@link SpoolReader} of
 * its own.
 */
public final class ExampleSpool implements AutoCloseable {
    private static final int CHUNK = 1 << 18;
    private static final int TOGETHER = 64;

    // flags
    private static final int POSITIVE = 1;
    private static final int OTHER_LABEL = 2;
    private static final int OTHER_IMPORTANCE = 4;

    private final int chunkSize;
    private final long heapMax;
    private final SpillFile file;

    private final List<Chunk> chunks = new ArrayList<>();
    private final PackedWriter open = new PackedWriter();
    private final PackedWriter entry = new PackedWriter();
    private long heap;
    private long size;
    /** How many examples are in closed chunks. */
    private long closed;

    /**
     * A chunk.
     *
     * @param first the place of its first example in the list
     * @param bytes its content; null if it is in the file
     * @param at where it begins in the file
     */
    private record Chunk(long first, int length, byte @Nullable [] bytes, long at) {}

    /** @param directory where a file is created if one is needed */
    public ExampleSpool(Path directory) {
        this(directory, CHUNK, Runtime.getRuntime().maxMemory() / 4);
    }

    /**
     * Creates a list.
     *
     * @param chunkSize the size at which a chunk is closed, in bytes
     * @param heapMax how many bytes may be on the heap
     */
    ExampleSpool(Path directory, int chunkSize, long heapMax) {
        this.chunkSize = chunkSize;
        this.heapMax = heapMax;
        file = new SpillFile(directory);
    }

    /**
     * Adds an example.
     *
     * @param x a valid example with a label, its features not resolved; copied
     * @param model a number that stands for its model
     * @param line a number that tells where it came from
     */
    public void add(Example x, int model, long line) {
        entry.clear();
        entry.makeRoom(3 * PackedWriter.LONGEST_NUMBER + 2 * Double.BYTES);
        entry.putNumber(model);
        entry.putNumber(line);
        int flags = x.label() == 1 ? POSITIVE : Double.doubleToRawLongBits(x.label()) == 0 ? 0 : OTHER_LABEL;
        flags |= x.importance() == 1 ? 0 : OTHER_IMPORTANCE;
        entry.putByte(flags);
        if ((flags & OTHER_LABEL) != 0) {
            entry.putDouble(x.label());
        }
        if ((flags & OTHER_IMPORTANCE) != 0) {
            entry.putDouble(x.importance());
        }
        FeatureCodec.putUnresolved(entry, x);

        open.makeRoom(PackedWriter.LONGEST_NUMBER + entry.size());
        open.putNumber(entry.size());
        open.putBytes(entry.bytes(), 0, entry.size());
        size++;
        if (open.size() >= chunkSize) {
            close(open);
        }
    }

    private void close(PackedWriter chunk) {
        byte[] bytes = new byte[chunk.size()];
        System.arraycopy(chunk.bytes(), 0, bytes, 0, bytes.length);
        if (heap + bytes.length <= heapMax) {
            heap += bytes.length;
            chunks.add(new Chunk(closed, bytes.length, bytes, 0));
        } else {
            chunks.add(new Chunk(closed, bytes.length, null, file.write(bytes)));
        }
        closed = size;
        chunk.clear();
    }

    /** Ends the writing. */
    public void end() {
        if (open.size() > 0) {
            close(open);
        }
    }

    /** Returns how many examples there are. */
    public long size() {
        return size;
    }

    /** Returns how many bytes are in the file. */
    public long spilled() {
        return file.size();
    }

    /** Reads all examples in the order in which they were added. */
    public SpoolReader read() {
        return new SpoolReader(null);
    }

    /** Reads all examples in a random order. */
    public SpoolReader read(long seed) {
        return new SpoolReader(new Random(seed));
    }

    /** Deletes the file, if there is one. */
    @Override
    public void close() {
        file.close();
    }

    private byte[] content(Chunk chunk) {
        if (chunk.bytes != null) {
            return chunk.bytes;
        }
        byte[] bytes = new byte[chunk.length];
        file.read(chunk.at, bytes, 0, bytes.length);
        return bytes;
    }

    /** One reading of all examples. Not thread-safe. */
    public final class SpoolReader {
        private final @Nullable Random random;
        private final List<Chunk> order = new ArrayList<>(chunks);
        private int nextChunk;

        /** The chunks that are being read. */
        private byte[][] contents = {};
        // of their examples, in the order in which they are read
        private int[] chunkOf = {};
        private int[] begins = {};
        private long[] places = {};
        private int count;
        private int next;

        private final PackedReader in = new PackedReader(new byte[0], 0);
        private int model;
        private long line;
        private long place;
        private double label;

        private SpoolReader(@Nullable Random random) {
            this.random = random;
            if (random != null) {
                Collections.shuffle(order, random);
            }
        }

        /**
         * Reads the next example.
         *
         * @param x set, without a label
         * @return whether there is one
         */
        public boolean next(Example x) {
            if (next == count && !fetch()) {
                return false;
            }
            place = places[next];
            in.reset(contents[chunkOf[next]], begins[next]);
            next++;
            in.getNumber();
            model = (int) in.getNumber();
            line = in.getNumber();
            int flags = in.getByte();
            x.clear();
            label = (flags & OTHER_LABEL) != 0 ? in.getDouble() : flags & POSITIVE;
            if ((flags & OTHER_IMPORTANCE) != 0) {
                x.importance(in.getDouble());
            }
            FeatureCodec.readUnresolved(in, x);
            return true;
        }

        /** Returns the number of the model of the last example. */
        public int model() {
            return model;
        }

        /** Returns where the last example came from. */
        public long line() {
            return line;
        }

        /** Returns the place of the last example in the list, from 0. */
        public long place() {
            return place;
        }

        /** Returns the label of the last example. */
        public double label() {
            return label;
        }

        /** Fetches the next chunks. @return whether there are any */
        private boolean fetch() {
            int end = Math.min(order.size(), nextChunk + (random == null ? 1 : TOGETHER));
            if (nextChunk == end) {
                return false;
            }
            contents = new byte[end - nextChunk][];
            count = 0;
            next = 0;
            for (int i = 0; nextChunk < end; nextChunk++, i++) {
                Chunk chunk = order.get(nextChunk);
                contents[i] = content(chunk);
                find(i, chunk.first);
            }
            if (random != null) {
                shuffle(random);
            }
            return true;
        }

        /** Finds where the examples of a chunk begin. */
        private void find(int chunk, long first) {
            in.reset(contents[chunk], 0);
            for (long at = first; !in.isAtEnd(); at++) {
                if (count == begins.length) {
                    int room = Math.max(1024, 2 * count);
                    chunkOf = Arrays.copyOf(chunkOf, room);
                    begins = Arrays.copyOf(begins, room);
                    places = Arrays.copyOf(places, room);
                }
                chunkOf[count] = chunk;
                begins[count] = in.position();
                places[count] = at;
                count++;
                in.skip((int) in.getNumber());
            }
        }

        private void shuffle(Random by) {
            for (int i = count - 1; i > 0; i--) {
                int other = by.nextInt(i + 1);
                swap(chunkOf, i, other);
                swap(begins, i, other);
                long there = places[i];
                places[i] = places[other];
                places[other] = there;
            }
        }

        private void swap(int[] numbers, int one, int other) {
            int there = numbers[one];
            numbers[one] = numbers[other];
            numbers[other] = there;
        }
    }
}
