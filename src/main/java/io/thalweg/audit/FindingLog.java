package io.thalweg.audit;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.TopicPartition;

/** Collects findings. All are counted, and the first {@value #KEPT} are kept. */
final class FindingLog {
    static final int KEPT = 1000;

    private final List<Finding> kept = new ArrayList<>();
    private final Map<FindingKind, Long> counts = new EnumMap<>(FindingKind.class);

    void add(
            FindingKind kind,
            TopicPartition source,
            long offset,
            TopicPartition output,
            long outputOffset,
            String key,
            String sentence) {
        counts.merge(kind, 1L, Long::sum);
        if (kept.size() < KEPT) {
            kept.add(new Finding(kind, source, offset, output, outputOffset, key, sentence));
        }
    }

    List<Finding> kept() {
        return List.copyOf(kept);
    }

    Map<FindingKind, Long> counts() {
        return Map.copyOf(counts);
    }
}
