package io.thalweg.math;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.testing.Seeded;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import org.apache.commons.codec.digest.MurmurHash3;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Seeded
class FeatureHashTest {
    private static int hash(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return FeatureHash.of(bytes, 0, bytes.length);
    }

    /** Values of MurmurHash3 x86 32 with seed 0 as they are published elsewhere. */
    @ParameterizedTest
    @CsvSource({
        "'', 0",
        "hello, 248bfa47",
        "'hello, world', 149bbb7f",
        "The quick brown fox jumps over the lazy dog, 2e4ff723",
    })
    void isMurmurHash3(String text, String hex) {
        assertThat(hash(text)).isEqualTo(Integer.parseUnsignedInt(hex, 16));
    }

    @Test
    void agreesWithCommonsCodecOnAnyBytesAnywhereInAnArray(Random random) {
        byte[] bytes = new byte[400];
        for (int i = 0; i < 10_000; i++) {
            random.nextBytes(bytes);
            int from = random.nextInt(100);
            int length = random.nextInt(300);
            byte[] part = Arrays.copyOfRange(bytes, from, from + length);
            assertThat(FeatureHash.of(bytes, from, length)).isEqualTo(MurmurHash3.hash32x86(part, 0, length, 0));
        }
    }

    /** Part of the stored state: these never change. Computed with another implementation. */
    @ParameterizedTest
    @CsvSource({
        "hello, 0, 1048576, 784967",
        "hello, 65536, 1048576, 784967",
        "hello, 3, 8, 4",
        "'hello, world', 65536, 1048576, 768895",
        "The quick brown fox jumps over the lazy dog, 65536, 1048576, 456483",
        "origin=JFK, 65536, 1048576, 157265",
        "Zürich, 65536, 1048576, 809297",
        "Zürich, 8388608, 16777216, 15292753",
        "'', 65536, 1048576, 65536",
    })
    void theIndexOfAHashedName(String name, int numbered, int space, int index) {
        assertThat(FeatureHash.index(hash(name), numbered, space)).isEqualTo(index);
    }

    @Test
    void theIndexIsTheUnsignedRemainderAboveTheNumberedNames() {
        assertThat(FeatureHash.index(-1, 0, 16)).isEqualTo(15);
        assertThat(FeatureHash.index(-1, 10, 16)).isEqualTo(10 + (int) (0xffffffffL % 6));
        assertThat(FeatureHash.index(Integer.MIN_VALUE, 10, 17)).isEqualTo(10 + (int) (0x80000000L % 7));
        assertThat(FeatureHash.index(12345, 15, 16)).isEqualTo(15);
    }
}
