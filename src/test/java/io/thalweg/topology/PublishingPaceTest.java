package io.thalweg.topology;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PublishingPaceTest {
    /** As System.nanoTime, it may be negative, and overflow. */
    private final AtomicLong now = new AtomicLong(Long.MAX_VALUE - TimeUnit.SECONDS.toNanos(2));

    private final PublishingPace pace = new PublishingPace(now::get);

    private void pass(long millis) {
        now.addAndGet(TimeUnit.MILLISECONDS.toNanos(millis));
    }

    @ParameterizedTest
    @CsvSource({"100", "400", "3000"})
    void publishingTakesATenthOfTheTimeAtMost(long millis) {
        assertThat(pace.begins()).isTrue();
        pass(millis);
        pace.end();
        pass(9 * millis - 1);
        assertThat(pace.begins()).isFalse();
        pass(1);
        assertThat(pace.begins()).isTrue();
    }

    @Test
    void whatTakesLittleTimeIsNotDelayed() {
        for (int i = 0; i < 100; i++) {
            assertThat(pace.begins()).isTrue();
            pass(49);
            pace.end();
        }
    }
}
