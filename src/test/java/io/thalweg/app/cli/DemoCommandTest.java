package io.thalweg.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.app.demo.Demo;
import io.thalweg.audit.FindingKind;
import io.thalweg.audit.VerificationReport;
import io.thalweg.math.Algorithm;
import io.thalweg.runtime.ExitCode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class DemoCommandTest {

    private static Demo.Learned learned(int predictions, double logLoss, double seconds, boolean matches) {
        return new Demo.Learned(
                predictions,
                100 - predictions,
                predictions - 2,
                2,
                1234L,
                logLoss,
                0.6,
                0.8,
                0.7,
                1.1,
                seconds,
                new VerificationReport(
                        new VerificationReport.Counts(1, 100, 100, 100, 101, 0, 0, 0, 0, 1, 100, 0, 0),
                        List.of(),
                        matches ? Map.of() : Map.of(FindingKind.values()[0], 1L),
                        Optional.empty()));
    }

    private static Demo.Result result(Demo.Learned sgd, Demo.Learned auto) {
        Map<Algorithm, Demo.Learned> learners = new LinkedHashMap<>();
        learners.put(Algorithm.SGD, sgd);
        learners.put(Algorithm.AUTO, auto);
        return new Demo.Result(100, learners, learners, 17);
    }

    @Test
    void theTopOfTheJsonIsSgdAndTheModelsAreBoth() {
        Map<String, Object> json = DemoCommand.asMap(result(learned(100, 0.5, 2, true), learned(99, 0.4, 4, false)));

        Map<String, Object> sgd = new LinkedHashMap<>();
        sgd.put("examples", 100);
        sgd.put("predictions", 100);
        sgd.put("dead_letters", 0);
        sgd.put("log_loss", 0.5);
        sgd.put("base_rate_log_loss", 0.6);
        sgd.put("accuracy", 0.8);
        sgd.put("auc", 0.7);
        sgd.put("seconds", 2.0);
        sgd.put("examples_per_second", 50.0);
        sgd.put("replay_matches", true);
        Map<String, Object> auto = new LinkedHashMap<>(sgd);
        auto.put("predictions", 99);
        auto.put("dead_letters", 1);
        auto.put("log_loss", 0.4);
        auto.put("seconds", 4.0);
        auto.put("examples_per_second", 25.0);
        auto.put("replay_matches", false);
        Map<String, Object> expected = new LinkedHashMap<>(sgd);
        expected.put("models", Map.of("sgd", sgd, "auto", auto));
        Map<String, Object> late = new LinkedHashMap<>(late(sgd, 98));
        late.put("models", Map.of("sgd", late(sgd, 98), "auto", late(auto, 97)));
        expected.put("late", late);
        assertThat(json).isEqualTo(expected);
    }

    private static Map<String, Object> late(Map<String, Object> figures, int inTime) {
        Map<String, Object> late = new LinkedHashMap<>(figures);
        late.put("labels", 101L);
        late.put("in_time", inTime);
        late.put("given_up", 2);
        late.put("delay_p50_ms", 1234L);
        return late;
    }

    @Test
    void itIsWellOnlyIfBothPredictedEverythingAndBothReplaysMatch() {
        Demo.Learned good = learned(100, 0.5, 2, true);
        Demo.Learned differs = learned(100, 0.5, 2, false);
        Demo.Learned lacks = learned(99, 0.5, 2, true);
        assertThat(DemoCommand.exitCode(result(good, good))).isEqualTo(ExitCode.OK);
        assertThat(DemoCommand.exitCode(result(good, differs))).isEqualTo(ExitCode.DIFFERS);
        assertThat(DemoCommand.exitCode(result(differs, good))).isEqualTo(ExitCode.DIFFERS);
        assertThat(DemoCommand.exitCode(result(good, lacks))).isEqualTo(ExitCode.DIFFERS);
        assertThat(DemoCommand.exitCode(result(lacks, good))).isEqualTo(ExitCode.DIFFERS);
    }
}
