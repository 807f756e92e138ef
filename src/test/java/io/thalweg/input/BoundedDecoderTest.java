package io.thalweg.input;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import io.thalweg.testing.Seeded;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.Decoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.util.Utf8;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Seeded
class BoundedDecoderTest {
    private interface Write {
        void to(BinaryEncoder out) throws IOException;
    }

    private interface Read {
        Object from(Decoder in) throws IOException;
    }

    private static byte[] bytes(Write write) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(out, null);
        write.to(encoder);
        encoder.flush();
        return out.toByteArray();
    }

    private static BoundedDecoder decoder(byte[] bytes) {
        BoundedDecoder decoder = new BoundedDecoder();
        decoder.reset(bytes, 0);
        return decoder;
    }

    private static long randomLong(Random random) {
        return random.nextLong() >> random.nextInt(64);
    }

    /** Writes something at random, and says how to read it. */
    private static Read writeAnything(Random random, BinaryEncoder out) throws IOException {
        switch (random.nextInt(13)) {
            case 0 -> {
                out.writeNull();
                return in -> {
                    in.readNull();
                    return null;
                };
            }
            case 1 -> {
                out.writeBoolean(random.nextBoolean());
                return Decoder::readBoolean;
            }
            case 2 -> {
                out.writeInt((int) randomLong(random));
                return Decoder::readInt;
            }
            case 3 -> {
                out.writeLong(randomLong(random));
                return Decoder::readLong;
            }
            case 4 -> {
                out.writeFloat(Float.intBitsToFloat(random.nextInt()));
                return in -> Float.floatToRawIntBits(in.readFloat());
            }
            case 5 -> {
                out.writeDouble(Double.longBitsToDouble(random.nextLong()));
                return in -> Double.doubleToRawLongBits(in.readDouble());
            }
            case 6 -> {
                out.writeString("ä€x".repeat(random.nextInt(40)));
                Utf8 old = random.nextBoolean() ? null : new Utf8("before");
                return in -> in.readString(old).toString();
            }
            case 7 -> {
                out.writeString("ä€x".repeat(random.nextInt(40)));
                return Decoder::readString;
            }
            case 8 -> {
                byte[] some = new byte[random.nextInt(50)];
                random.nextBytes(some);
                out.writeBytes(some);
                return in -> {
                    ByteBuffer read = in.readBytes(null);
                    // Avro's own resolution takes the whole array behind the buffer
                    assertThat(read.array()).hasSize(read.remaining());
                    return read;
                };
            }
            case 9 -> {
                byte[] some = new byte[random.nextInt(50)];
                random.nextBytes(some);
                out.writeFixed(some);
                return in -> {
                    byte[] into = new byte[some.length + 2];
                    in.readFixed(into, 1, some.length);
                    return ByteBuffer.wrap(into);
                };
            }
            case 10 -> {
                out.writeEnum(random.nextInt(9));
                out.writeIndex(random.nextInt(9));
                return in -> List.of(in.readEnum(), in.readIndex());
            }
            case 11 -> {
                writeItems(random, out);
                return in -> {
                    List<Long> items = new ArrayList<>();
                    for (long n = in.readArrayStart(); n > 0; n = in.arrayNext()) {
                        for (long i = 0; i < n; i++) {
                            items.add(in.readLong());
                        }
                    }
                    return items;
                };
            }
            default -> {
                writeItems(random, out);
                out.writeString("passed over");
                out.writeBytes(new byte[random.nextInt(30)]);
                out.writeFixed(new byte[12]);
                return in -> {
                    for (long n = in.skipArray(); n > 0; n = in.skipArray()) {
                        for (long i = 0; i < n; i++) {
                            in.readLong();
                        }
                    }
                    in.skipString();
                    in.skipBytes();
                    in.skipFixed(12);
                    return null;
                };
            }
        }
    }

    private static void writeItems(Random random, BinaryEncoder out) throws IOException {
        for (int blocks = random.nextInt(3); blocks > 0; blocks--) {
            int n = 1 + random.nextInt(5);
            List<Long> items = random.longs(n).boxed().toList();
            if (random.nextBoolean()) {
                out.writeLong(n);
            } else {
                // a block with its size in bytes
                out.writeLong(-n);
                out.writeLong(bytes(each -> writeAll(items, each)).length);
            }
            writeAll(items, out);
        }
        out.writeLong(0);
    }

    private static void writeAll(List<Long> items, BinaryEncoder out) throws IOException {
        for (long item : items) {
            out.writeLong(item);
        }
    }

    @Test
    void readsWhatAvrosOwnDecoderReads(Random random) throws IOException {
        for (int run = 0; run < 3000; run++) {
            List<Read> reads = new ArrayList<>();
            byte[] bytes = bytes(out -> {
                for (int i = random.nextInt(10); i >= 0; i--) {
                    reads.add(writeAnything(random, out));
                }
            });
            Decoder avros = DecoderFactory.get().binaryDecoder(bytes, null);
            BoundedDecoder ours = decoder(bytes);
            for (Read read : reads) {
                assertThat(read.from(ours)).isEqualTo(read.from(avros));
            }
            assertThat(ours.remaining()).isZero();
        }
    }

    @Test
    void beginsWhereItIsTold() throws IOException {
        BoundedDecoder decoder = new BoundedDecoder();
        decoder.reset(new byte[] {9, 9, 9, 2, 4}, 3);
        assertThat(decoder.remaining()).isEqualTo(2);
        assertThat(decoder.readInt()).isEqualTo(1);
        assertThat(decoder.readInt()).isEqualTo(2);
        assertThatThrownBy(decoder::readInt).isInstanceOf(EOFException.class);
    }

    @ParameterizedTest
    @ValueSource(longs = {6, 1 << 20, Integer.MAX_VALUE, 1L << 31, 1L << 32, Long.MAX_VALUE, Long.MIN_VALUE, -1})
    void believesNoLengthThatTheRecordDoesNotHave(long length) throws IOException {
        byte[] damaged = bytes(out -> {
            out.writeLong(length);
            out.writeFixed(new byte[5]);
        });
        assertRefusedCheaply(EOFException.class, () -> decoder(damaged).readString(null));
        assertRefusedCheaply(EOFException.class, () -> decoder(damaged).readString());
        assertRefusedCheaply(EOFException.class, () -> decoder(damaged).readBytes(null));
        assertRefusedCheaply(EOFException.class, () -> decoder(damaged).skipString());
        assertRefusedCheaply(EOFException.class, () -> decoder(damaged).skipBytes());
    }

    @ParameterizedTest
    @ValueSource(longs = {6, 1 << 20, 1L << 31, Long.MAX_VALUE, -6, -(1L << 31), Long.MIN_VALUE})
    void believesNoItemsThatTheRecordCannotHold(long count) throws IOException {
        byte[] damaged = bytes(out -> {
            out.writeLong(count);
            if (count < 0) {
                out.writeLong(4);
            }
            out.writeFixed(new byte[5 - (count < 0 ? 1 : 0)]);
        });
        assertRefusedCheaply(AvroRuntimeException.class, () -> decoder(damaged).readArrayStart());
        assertRefusedCheaply(AvroRuntimeException.class, () -> decoder(damaged).readMapStart());
        if (count > 0) {
            assertRefusedCheaply(
                    AvroRuntimeException.class, () -> decoder(damaged).skipArray());
            assertRefusedCheaply(
                    AvroRuntimeException.class, () -> decoder(damaged).skipMap());
        }
    }

    @Test
    void refusesNumbersThatAreTooLong() throws IOException {
        byte[] long65 = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 1};
        assertThatThrownBy(() -> decoder(long65).readLong()).isInstanceOf(AvroRuntimeException.class);
        assertThatThrownBy(() -> decoder(bytes(out -> out.writeLong(1L << 31))).readInt())
                .isInstanceOf(AvroRuntimeException.class);
        assertThatThrownBy(() -> decoder(new byte[] {-1, -1}).readLong()).isInstanceOf(EOFException.class);
        assertThatThrownBy(() -> decoder(new byte[7]).readDouble()).isInstanceOf(EOFException.class);
        assertThatThrownBy(() -> decoder(new byte[3]).readFloat()).isInstanceOf(EOFException.class);
        assertThatThrownBy(() -> decoder(new byte[0]).readBoolean()).isInstanceOf(EOFException.class);
        assertThatThrownBy(() -> decoder(new byte[2]).readFixed(new byte[3], 0, 3))
                .isInstanceOf(EOFException.class);
    }

    private static void assertRefusedCheaply(Class<? extends Exception> as, ThrowingCallable read) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        try {
            read.call();
        } catch (Throwable e) {
            assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(1 << 20);
            assertThat(e).isInstanceOf(as);
            return;
        }
        throw new AssertionError("was believed");
    }
}
