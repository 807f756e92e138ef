package io.thalweg.app.serve;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.StopException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What counts as a stall, with a partition whose records are known. */
class StallWatchTest {
    private static final TopicPartition CLICKS = new TopicPartition("clicks", 0);

    private final AtomicLong nanos = new AtomicLong();
    /** The offsets at which there are records; at the others are markers and aborted records. */
    private final NavigableSet<Long> records = new TreeSet<>();

    private final List<String> searches = new ArrayList<>();
    private boolean brokersAnswer = true;
    private final StallWatch watch = new StallWatch(
            new ThalwegConfig(Map.of(ThalwegConfig.HTTP_STALL_MAX_MS, "300000")),
            new AtomicReference<>(),
            nanos::get,
            (partition, from, to) -> {
                if (!brokersAnswer) {
                    throw new StopException(ExitCode.NOT_READY, "no answer");
                }
                searches.add(from + " to " + to);
                return !records.subSet(from, to).isEmpty();
            });

    @AfterEach
    void close() {
        watch.close();
    }

    /** Looks, a minute after the last look. */
    private List<String> stalls(long committed, long end) {
        nanos.addAndGet(TimeUnit.MINUTES.toNanos(1));
        watch.note(
                Set.of(CLICKS),
                Map.of(CLICKS, new OffsetAndMetadata(committed)),
                Map.of(CLICKS, new ListOffsetsResultInfo(end, -1, Optional.empty())));
        return watch.stalls();
    }

    @Test
    void anOffsetThatStandsStillWhileRecordsComeIsAStall() {
        for (int minute = 0; minute < 60; minute++) {
            records.add(100L + minute);
            List<String> stalls = stalls(100, 101 + minute);
            if (minute <= 5) {
                assertThat(stalls).isEmpty();
            } else {
                assertThat(stalls)
                        .containsExactly(
                                "the committed offset of clicks-0 has been 100 for %d s, but the partition ends at %d"
                                        .formatted(60 * minute, 101 + minute));
            }
        }
        assertThat(searches).as("what is found stays there").containsExactly("100 to 107");
        assertThat(stalls(130, 161)).isEmpty();
    }

    @Test
    void markersAndAbortedRecordsAreNoStall() {
        for (int minute = 0; minute < 60; minute++) {
            assertThat(stalls(100, 101 + minute / 10)).isEmpty();
        }
        assertThat(searches)
                .as("nothing is read twice")
                .containsExactly("100 to 101", "101 to 102", "102 to 103", "103 to 104", "104 to 105", "105 to 106");
        // a record that comes then has not been waiting for an hour
        records.add(106L);
        for (int minute = 0; minute < 5; minute++) {
            assertThat(stalls(100, 107)).isEmpty();
        }
        assertThat(stalls(100, 107)).hasSize(1);
    }

    @Test
    void whatTheBrokersDoNotSayIsNoStall() {
        records.add(100L);
        brokersAnswer = false;
        for (int minute = 0; minute < 10; minute++) {
            assertThat(stalls(100, 101)).isEmpty();
        }
        brokersAnswer = true;
        assertThat(stalls(100, 101)).hasSize(1);
    }
}
