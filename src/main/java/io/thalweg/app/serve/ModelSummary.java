package io.thalweg.app.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.thalweg.fold.LearningTask;
import io.thalweg.math.LabelCounts;
import io.thalweg.math.MetricSums;
import io.thalweg.math.Model;
import io.thalweg.store.ModelEntry;
import java.util.ArrayList;
import java.util.List;

/**
 * A model in a list of models.
 *
 * @param overall the sums over all labeled examples, without an area under the curve
 * @param recent the same over the recent window
 * @param labelsWaiting how many events wait for their labels; 0 if labels are in the events
 * @param labelsInTime how many labels came in time
 * @param labelsGivenUp how many events were given up
 */
record ModelSummary(
        String id,
        int partition,
        long version,
        MetricSums overall,
        MetricSums recent,
        long labelsWaiting,
        long labelsInTime,
        long labelsGivenUp) {
    /** Returns all models of a task. It is quick: no histogram is touched. */
    static List<ModelSummary> of(LearningTask task, int partition) {
        List<ModelSummary> summaries = new ArrayList<>();
        for (ModelEntry entry : task.models()) {
            Model model = entry.model();
            LabelCounts labels = task.labels(model.id());
            summaries.add(new ModelSummary(
                    model.id(),
                    partition,
                    model.version(),
                    model.validation().overallMeans(),
                    model.validation().recentMeans(),
                    labels == null ? 0 : labels.waiting(),
                    labels == null ? 0 : labels.get(LabelCounts.Count.IN_TIME),
                    labels == null ? 0 : labels.get(LabelCounts.Count.GIVEN_UP)));
        }
        return summaries;
    }

    ObjectNode json() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("id", id);
        json.put("partition", partition);
        json.put("version", version);
        json.put("examples", overall.examples());
        json.set("logLoss", number(overall.logLoss()));
        json.set("baseRateLogLoss", number(overall.baseRateLogLoss()));
        json.set("recentLogLoss", number(recent.logLoss()));
        json.set("recentBaseRateLogLoss", number(recent.baseRateLogLoss()));
        json.set("recentCalibration", number(recent.calibration()));
        return json;
    }

    /** Returns a number, or null if it is not finite, which JSON cannot say. */
    static JsonNode number(double number) {
        return Double.isFinite(number)
                ? JsonNodeFactory.instance.numberNode(number)
                : JsonNodeFactory.instance.nullNode();
    }
}
