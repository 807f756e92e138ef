package io.thalweg.app.page;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TimeSeriesTest {
    private static final int MOST = 32;

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 31, 32, 33, 64, 100, 1000, 4097, 100_000})
    void spansTheWholeTimeInBoundedMemory(int points) {
        TimeSeries series = new TimeSeries(MOST, "value");
        for (int i = 0; i < points; i++) {
            series.add(1000L * i, i, i * 0.5);
        }
        JsonNode json = series.json();
        List<Long> versions = new ArrayList<>();
        json.path("version").forEach(version -> versions.add(version.asLong()));
        assertThat(versions).hasSizeLessThanOrEqualTo(MOST).hasSizeGreaterThanOrEqualTo(Math.min(points, MOST / 2));
        assertThat(versions.get(0)).isZero();
        assertThat(versions).last().isEqualTo(points - 1L);
        assertThat(versions).isSorted().doesNotHaveDuplicates();
        for (int i = 0; i < versions.size(); i++) {
            assertThat(json.path("time").get(i).asLong()).isEqualTo(1000 * versions.get(i));
            assertThat(json.path("value").get(i).asDouble()).isEqualTo(versions.get(i) * 0.5);
        }
        // all but the latest are equally far apart
        long step = versions.size() > 1 ? versions.get(1) : 1;
        for (int i = 1; i < versions.size() - 1; i++) {
            assertThat(versions.get(i)).isEqualTo(i * step);
        }
    }

    @Test
    void keepsFewerPointsIfTheLimitIsLowered() {
        TimeSeries series = new TimeSeries(1000, "value");
        for (int i = 0; i < 300; i++) {
            series.add(i, i, i);
        }
        series.limit(MOST);
        assertThat(series.size()).isBetween(MOST / 2, MOST);
        for (int i = 300; i < 1000; i++) {
            series.add(i, i, i);
        }
        assertThat(series.size()).isLessThanOrEqualTo(MOST);
        assertThat(series.latest(0)).isEqualTo(999);
        assertThat(series.json().path("version").get(0).asLong()).isZero();
    }

    @Test
    void ignoresWhatIsNotNewer() {
        TimeSeries series = new TimeSeries(MOST, "value");
        series.add(1, 5, 1);
        series.add(2, 5, 2);
        series.add(3, 4, 3);
        assertThat(series.size()).isEqualTo(1);
        assertThat(series.latest(0)).isEqualTo(1);
    }

    @Test
    void saysWhereThereIsNoNumber() {
        TimeSeries series = new TimeSeries(MOST, "value");
        series.add(1, 1, Double.NaN);
        assertThat(series.json().path("value").get(0).isNull()).isTrue();
    }
}
