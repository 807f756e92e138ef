package io.thalweg.app.benchmark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class MedianRangeTest {
    @Test
    void medianIsInTheMiddleWhateverTheOrder() {
        assertThat(MedianRange.of(List.of(9.0, 1.0, 4.0))).isEqualTo(new MedianRange(4, 1, 9));
        assertThat(MedianRange.of(List.of(4.0, 1.0, 9.0, 5.0))).isEqualTo(new MedianRange(4.5, 1, 9));
        assertThat(MedianRange.of(List.of(7.0))).isEqualTo(new MedianRange(7, 7, 7));
        assertThatThrownBy(() -> MedianRange.of(List.of())).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void quantileIsTheNearestRank() {
        long[] sorted = LongStream.rangeClosed(1, 1000).toArray();
        assertThat(MedianRange.quantile(sorted, 0.5)).isEqualTo(500);
        assertThat(MedianRange.quantile(sorted, 0.99)).isEqualTo(990);
        assertThat(MedianRange.quantile(sorted, 0.999)).isEqualTo(999);
        assertThat(MedianRange.quantile(sorted, 1)).isEqualTo(1000);
        assertThat(MedianRange.quantile(new long[] {3, 8}, 0.5)).isEqualTo(3);
        assertThat(MedianRange.quantile(new long[] {3, 8}, 0.001)).isEqualTo(3);
    }
}
