package io.thalweg.topology;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PublishingPaceTest {
    private final AtomicLong now = new AtomicLong(1_700_000_000_000L);

    private final PublishingPace pace = new PublishingPace(now::get);

    @ParameterizedTest
    @CsvSource({"100", "400", "3000"})
    void publishingTakesATenthOfTheTimeAtMost(long millis) {
        assertThat(pace.begins()).isTrue();
        now.addAndGet(millis);
        pace.end();
        now.addAndGet(9 * millis - 1);
        assertThat(pace.begins()).isFalse();
        now.addAndGet(1);
        assertThat(pace.begins()).isTrue();
    }

    @Test
    void whatTakesLittleTimeIsNotDelayed() {
        for (int i = 0; i < 100; i++) {
            assertThat(pace.begins()).isTrue();
            now.addAndGet(49);
            pace.end();
        }
    }

    @Test
    void aClockThatIsSetBackEndsTheRest() {
        assertThat(pace.begins()).isTrue();
        now.addAndGet(1000);
        pace.end();
        now.addAndGet(-3_600_000);
        assertThat(pace.begins()).isTrue();
    }
}
