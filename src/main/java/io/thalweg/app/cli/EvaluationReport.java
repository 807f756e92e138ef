package io.thalweg.app.cli;

import io.thalweg.avro.Share;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.ExactMetrics;
import io.thalweg.math.Model;
import io.thalweg.output.MetricsRecords;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The result of an evaluation. The metrics are over the labeled examples; a metric that is undefined for them is NaN.
 *
 * @param examples how many examples had a label
 * @param unlabelled how many examples were only predicted
 * @param skipped how many examples could not be used
 * @param mixture what the model with the most steps mixes; empty if its algorithm does not mix
 * @param late what came of labels that came later than their examples; null if all came at once
 */
record EvaluationReport(
        long examples,
        long unlabelled,
        long skipped,
        double logLoss,
        double baseRateLogLoss,
        double accuracy,
        double auc,
        double calibration,
        double seconds,
        String algorithm,
        String scaling,
        double learningRate,
        List<Share> mixture,
        Late late) {

    /**
     * What came of labels that came later.
     *
     * @param labels how many came
     * @param inTime how many of them came in time
     * @param givenUp how many examples were given up, because no label came in time
     * @param delayP50Ms the median time from an example to its label, of those in time; null if there is none
     */
    record Late(long labels, long inTime, long givenUp, Long delayP50Ms) {}

    /** @param late null if labels came with their examples */
    static EvaluationReport of(ThalwegConfig config, Evaluation evaluation, long skipped, double seconds, Late late) {
        ExactMetrics metrics = evaluation.metrics();
        return new EvaluationReport(
                metrics.size(),
                evaluation.unlabelled(),
                skipped,
                metrics.logLoss(),
                metrics.baseRateLogLoss(),
                metrics.accuracy(),
                metrics.auc(),
                metrics.calibration(),
                seconds,
                config.getString(ThalwegConfig.ALGORITHM),
                config.getString(ThalwegConfig.SCALING),
                config.getDouble(ThalwegConfig.LEARNING_RATE),
                mostLearned(evaluation.models()).map(MetricsRecords::mixture).orElse(List.of()),
                late);
    }

    /** The model that has learned from the most examples; empty if there is none. */
    static Optional<Model> mostLearned(List<Model> models) {
        return models.stream().max(Comparator.comparingLong(Model::version));
    }

    /** How many examples were predicted each second, with a label or without. */
    double examplesPerSecond() {
        return (examples + unlabelled) / seconds;
    }

    /** Whether the algorithm mixes others, so that the settings for scaling and learning rate have no effect. */
    boolean isMixture() {
        return !mixture.isEmpty();
    }

    /** Whether predicting the base rate for every example would have been better. */
    boolean isWorseThanBaseRate() {
        return logLoss > baseRateLogLoss;
    }

    /** The report as a JSON object. */
    Map<String, Object> json() {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("examples", examples);
        json.put("unlabelled", unlabelled);
        json.put("skipped", skipped);
        json.put("log_loss", orNull(logLoss));
        json.put("base_rate_log_loss", orNull(baseRateLogLoss));
        json.put("accuracy", orNull(accuracy));
        json.put("auc", orNull(auc));
        json.put("calibration", orNull(calibration));
        if (late != null) {
            json.put("labels", late.labels());
            json.put("in_time", late.inTime());
            json.put("given_up", late.givenUp());
            json.put("delay_p50_ms", late.delayP50Ms());
        }
        json.put("seconds", seconds);
        json.put("examples_per_second", examplesPerSecond());
        json.put("algorithm", algorithm);
        if (!isMixture()) {
            json.put("scaling", scaling);
            json.put("learning_rate", learningRate);
        }
        json.put("mixture", mixture.stream().map(EvaluationReport::json).toList());
        return json;
    }

    private static Map<String, Object> json(Share share) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("kind", share.getKind().toString());
        json.put("learning_rate", share.getLearningRate());
        json.put("share", share.getShare());
        return json;
    }

    /** JSON has no NaN. */
    private static Double orNull(double metric) {
        return Double.isNaN(metric) ? null : (Double) metric;
    }
}
