package io.thalweg.app.benchmark;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class BenchmarkReportTest {
    private static final MedianRange ONE = new MedianRange(2, 2, 2);

    @Test
    void ratiosAreUnderTheNamesOfTheirRows() {
        BenchmarkReport report = new BenchmarkReport(true);
        MedianRange cpu = new MedianRange(2, 1.9, 2.25);
        report.ratio("dense-20 sgd thinned exactly-once", "floor", new MedianRange(0.751, 0.7, 0.8), cpu);

        assertThat(report.asMap()).containsEntry("ratios", Map.of("dense-20 sgd thinned exactly-once / floor", 0.751));
        assertThat(report.asMap())
                .containsEntry("cpu_time_ratios", Map.of("dense-20 sgd thinned exactly-once / floor", 2.0));
        assertThat(report.tables())
                .singleElement()
                .satisfies(table -> assertThat(table.rows())
                        .containsExactly(List.of(
                                "dense-20 sgd thinned exactly-once / floor",
                                "0.75",
                                "0.70 – 0.80",
                                "2.00",
                                "1.90 – 2.25")));
        assertThat(report.asMap().get("figures"))
                .asInstanceOf(org.assertj.core.api.InstanceOfAssertFactories.MAP)
                .containsEntry("dense-20 sgd thinned exactly-once / floor CPU time", cpu);
    }

    @Test
    void figuresAreRoundedForPeopleAndNotForPrograms() {
        BenchmarkReport report = new BenchmarkReport(true);
        report.speed(
                "row",
                "learner",
                new MedianRange(81_234.56, 70_000, 90_000),
                ONE,
                ONE,
                Map.of("changelog", 1_250_000.0));

        assertThat(report.tables().get(0).rows())
                .containsExactly(
                        List.of("row", "learner", "81,235", "70,000 – 90,000", "2.00", "2.00", "1.3 MB", "–", "–"));
        assertThat(report.asMap().get("figures"))
                .asInstanceOf(org.assertj.core.api.InstanceOfAssertFactories.MAP)
                .containsEntry("row learner records/s", new MedianRange(81_234.56, 70_000, 90_000))
                .containsEntry("row learner changelog bytes per million", 1_250_000.0);
    }

    @Test
    void whatWasMeasuredOnceHasNoSpread() {
        BenchmarkReport report = new BenchmarkReport(true);
        report.ratio("row", "floor", ONE, ONE);

        assertThat(report.tables().get(0).rows()).containsExactly(List.of("row / floor", "2.00", "–", "2.00", "–"));
    }

    @Test
    void rowsHaveNamesOfTheirOwn() {
        assertThat(Benchmark.rowNames())
                .doesNotHaveDuplicates()
                .contains(
                        "dense-20 sgd thinned exactly-once",
                        "hashed-40 auto exactly-once",
                        "restore 2^24 after kill -9");
    }
}
