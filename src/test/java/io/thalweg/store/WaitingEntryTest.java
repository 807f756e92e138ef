package io.thalweg.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.testing.Seeded;
import java.math.BigInteger;
import java.util.Random;
import org.junit.jupiter.api.Test;

@Seeded
class WaitingEntryTest {
    private static final BigInteger PRIME = BigInteger.ONE.shiftLeft(61).subtract(BigInteger.ONE);

    @Test
    void theHashIsAPolynomialAtTheSecretPoint(Random random) {
        for (int i = 0; i < 2_000; i++) {
            // near the prime, sums are largest
            long point = i % 2 == 0
                    ? random.nextLong(1, WaitingEntry.HASH_PRIME)
                    : WaitingEntry.HASH_PRIME - 1 - random.nextInt(3);
            long before = i % 3 == 0 ? WaitingEntry.HASH_PRIME - 1 : random.nextLong(WaitingEntry.HASH_PRIME);
            byte[] bytes = new byte[random.nextInt(60)];
            random.nextBytes(bytes);
            int from = random.nextInt(bytes.length + 1);
            int length = random.nextInt(bytes.length - from + 1);

            BigInteger expected = next(BigInteger.valueOf(before), point, length);
            for (int k = from; k < from + length; k++) {
                expected = next(expected, point, Byte.toUnsignedInt(bytes[k]));
            }
            assertThat(WaitingEntry.hash(before, point, bytes, from, length)).isEqualTo(expected.longValueExact());
        }
    }

    private static BigInteger next(BigInteger hash, long point, int coefficient) {
        return hash.multiply(BigInteger.valueOf(point))
                .add(BigInteger.valueOf(coefficient))
                .mod(PRIME);
    }
}
