package io.thalweg.input;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.testing.Seeded;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

@Seeded
class ModelIdsTest {
    private final ModelIds ids = new ModelIds();

    private static byte[] utf8(String id) {
        return id.getBytes(StandardCharsets.UTF_8);
    }

    private String get(String id) {
        byte[] bytes = utf8(id);
        // as in a buffer that is longer
        return ids.get(Arrays.copyOf(bytes, bytes.length + 3), bytes.length);
    }

    @Test
    void whatIsRememberedIsTheIdOfTheseBytes(Random random) {
        Set<String> put = new HashSet<>();
        for (int i = 0; i < 200_000; i++) {
            String id = random.nextBoolean() ? "model-" + random.nextInt(100_000) : "ä" + random.nextInt(300);
            String known = get(id);
            if (known == null) {
                ids.put(utf8(id), id);
                put.add(id);
                assertThat(get(id)).isEqualTo(id);
            } else {
                assertThat(known).isEqualTo(id);
                assertThat(put.contains(id)).isTrue();
            }
        }
    }

    @Test
    void tenThousandAreRemembered() {
        for (int i = 0; i < 20_000; i++) {
            String id = "model-" + i % 10_000;
            if (get(id) == null) {
                ids.put(utf8(id), id);
            }
        }
        int remembered = 0;
        for (int i = 0; i < 10_000; i++) {
            remembered += get("model-" + i) != null ? 1 : 0;
        }
        assertThat(remembered).isGreaterThan(9_900);
    }

    @Test
    void theEmptyIdAndItsNeighborsAreTold() {
        assertThat(get("")).isNull();
        ids.put(utf8(""), "");
        assertThat(get("")).isEmpty();
        assertThat(get("\0")).isNull();
    }
}
