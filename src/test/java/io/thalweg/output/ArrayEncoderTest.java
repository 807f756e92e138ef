package io.thalweg.output;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.testing.Seeded;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.Encoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.util.Utf8;
import org.junit.jupiter.api.Test;

@Seeded
class ArrayEncoderTest {
    private interface Writing {
        void write(Encoder out) throws IOException;
    }

    private static Writing random(Random random) {
        int length = random.nextInt(random.nextInt(20) == 0 ? 5000 : 10);
        long number = random.nextLong() >> random.nextInt(64);
        String text = "ä".repeat(length);
        return switch (random.nextInt(10)) {
            case 0 -> out -> out.writeInt((int) number);
            case 1 -> out -> out.writeLong(number);
            case 2 -> out -> out.writeDouble(Double.longBitsToDouble(number));
            case 3 -> out -> out.writeFloat(Float.intBitsToFloat((int) number));
            case 4 -> out -> out.writeBoolean(length > 4);
            case 5 -> out -> out.writeString(text);
            case 6 -> out -> out.writeString(new Utf8(text));
            case 7 -> out -> out.writeBytes(text.getBytes(), 0, length);
            case 8 -> out -> out.writeIndex(length);
            default ->
                out -> {
                    out.writeArrayStart();
                    out.setItemCount(length);
                    for (int i = 0; i < length; i++) {
                        out.startItem();
                        out.writeEnum(i);
                    }
                    out.writeArrayEnd();
                };
        };
    }

    @Test
    void writesTheBytesThatAvrosOwnEncoderWrites(Random random) throws IOException {
        ArrayEncoder encoder = new ArrayEncoder();
        for (int run = 0; run < 500; run++) {
            List<Writing> writings = new ArrayList<>();
            for (int i = random.nextInt(200); i >= 0; i--) {
                writings.add(random(random));
            }
            ByteArrayOutputStream expected = new ByteArrayOutputStream();
            BinaryEncoder avro = EncoderFactory.get().binaryEncoder(expected, null);
            encoder.reset();
            for (Writing writing : writings) {
                writing.write(avro);
                writing.write(encoder);
            }
            avro.flush();
            assertThat(encoder.toByteArray()).isEqualTo(expected.toByteArray());
        }
    }
}
