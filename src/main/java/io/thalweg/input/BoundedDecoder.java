package io.thalweg.input;

import java.io.EOFException;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.io.Decoder;
import org.apache.avro.util.Utf8;
import org.jspecify.annotations.Nullable;

/**
 * A decoder of Avro's binary encoding that reads from an array.
 *
 * <p>Avro's own decoder trusts a length before it checks that the bytes are there: a damaged record that claims to
 * contain a string of two gigabytes makes it allocate them, and the process runs out of memory. This one never
 * allocates more than the record has left.
 */
public final class BoundedDecoder extends Decoder {
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private byte[] bytes = {};
    private int at;
    private int end;
    private long claimed;

    /** Starts reading a record. */
    public void reset(byte[] record, int from) {
        reset(record, from, record.length);
    }

    /** Starts reading a record. @param to where it ends */
    void reset(byte[] record, int from, int to) {
        bytes = record;
        at = from;
        end = to;
        claimed = 0;
    }

    /** How many bytes are left. */
    public int remaining() {
        return end - at;
    }

    /** The record that is being read; not to be changed. */
    byte[] record() {
        return bytes;
    }

    /** The position of the next byte in the record. */
    int position() {
        return at;
    }

    /** Goes back to a position that has been read before. */
    void back(int position) {
        at = position;
    }

    /**
     * Skips a string or bytes.
     *
     * @return where they begin in the record; they end at the {@link #position} after this call
     */
    int passText() throws IOException {
        return take(readLong());
    }

    /** Skips some bytes and returns where they begin in the record. */
    private int take(long length) throws EOFException {
        if (length < 0 || length > end - at) {
            throw new EOFException("it claims " + length + " bytes where " + (end - at) + " are left");
        }
        int start = at;
        at += (int) length;
        return start;
    }

    @Override
    public void readNull() {}

    @Override
    public boolean readBoolean() throws IOException {
        return bytes[take(1)] == 1;
    }

    @Override
    public int readInt() throws IOException {
        long value = readLong();
        if (value != (int) value) {
            throw new AvroRuntimeException("it holds " + value + " where an int is expected");
        }
        return (int) value;
    }

    @Override
    public long readLong() throws IOException {
        if (at < end && bytes[at] >= 0) {
            // the fast path: most lengths, branches and counts are one byte
            int b = bytes[at++];
            return b >>> 1 ^ -(b & 1);
        }
        long zigzag = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            byte b = bytes[take(1)];
            zigzag |= (long) (b & 0x7f) << shift;
            if (b >= 0) {
                return zigzag >>> 1 ^ -(zigzag & 1);
            }
        }
        throw new AvroRuntimeException("it holds a number of more than 64 bits");
    }

    @Override
    public float readFloat() throws IOException {
        return Float.intBitsToFloat((int) INT.get(bytes, take(4)));
    }

    @Override
    public double readDouble() throws IOException {
        return Double.longBitsToDouble((long) LONG.get(bytes, take(8)));
    }

    @Override
    public Utf8 readString(@Nullable Utf8 old) throws IOException {
        long length = readLong();
        int from = take(length);
        Utf8 text = old == null ? new Utf8() : old;
        text.setByteLength((int) length);
        System.arraycopy(bytes, from, text.getBytes(), 0, (int) length);
        return text;
    }

    @Override
    public String readString() throws IOException {
        return readString(null).toString();
    }

    @Override
    public void skipString() throws IOException {
        take(readLong());
    }

    @Override
    public ByteBuffer readBytes(@Nullable ByteBuffer old) throws IOException {
        int from = take(readLong());
        // a new array, because Avro uses the whole array behind the buffer when it resolves bytes to a string
        return ByteBuffer.wrap(Arrays.copyOfRange(bytes, from, at));
    }

    @Override
    public void skipBytes() throws IOException {
        take(readLong());
    }

    @Override
    public void readFixed(byte[] into, int start, int length) throws IOException {
        System.arraycopy(bytes, take(length), into, start, length);
    }

    @Override
    public void skipFixed(int length) throws IOException {
        take(length);
    }

    @Override
    public int readEnum() throws IOException {
        return readInt();
    }

    @Override
    public long readArrayStart() throws IOException {
        return readItemCount();
    }

    @Override
    public long arrayNext() throws IOException {
        return readItemCount();
    }

    @Override
    public long skipArray() throws IOException {
        return skipItems();
    }

    @Override
    public long readMapStart() throws IOException {
        return readItemCount();
    }

    @Override
    public long mapNext() throws IOException {
        return readItemCount();
    }

    @Override
    public long skipMap() throws IOException {
        return skipItems();
    }

    @Override
    public int readIndex() throws IOException {
        return readInt();
    }

    /** Reads a count. A negative one is followed by the size of the block in bytes, for readers that skip. */
    private long readItemCount() throws IOException {
        long count = readLong();
        if (count < 0) {
            readLong();
            count = -count;
        }
        return checkItems(count);
    }

    /**
     * Checks a count. An item of an Example has at least a byte, but in a writer's schema items can be empty, and then
     * a count alone could cause an endless loop.
     */
    private long checkItems(long count) {
        claimed += count;
        if (count < 0 || count > end - at || claimed > end) {
            throw new AvroRuntimeException("it claims a block of impossible length");
        }
        return count;
    }

    private long skipItems() throws IOException {
        long count = readLong();
        while (count < 0) {
            take(readLong());
            count = readLong();
        }
        return checkItems(count);
    }
}
