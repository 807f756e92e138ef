package io.thalweg.app.page;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.thalweg.app.view.JsonView;
import io.thalweg.avro.Outcome;
import io.thalweg.avro.Prediction;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The latest predictions of the latest models, and how reliable they are. Safe for use by several threads. */
final class RecentPredictions {
    private static final int MOST = 50;
    private static final int MOST_MODELS = 1_000;

    private final Map<String, Recent> models = new LinkedHashMap<>(16, 0.75f, true);

    private static final class Recent {
        final Deque<Shown> predictions = new ArrayDeque<>();
        final Reliability reliability = new Reliability();
    }

    private record Shown(long time, Prediction prediction) {}

    private Recent of(String model) {
        Recent recent = models.computeIfAbsent(model, id -> new Recent());
        if (models.size() > MOST_MODELS) {
            models.remove(models.keySet().iterator().next());
        }
        return recent;
    }

    /** Forgets everything, before the topics are read again. */
    synchronized void clear() {
        models.clear();
    }

    /** Adds a record of the predictions topic. */
    synchronized void take(String model, Prediction prediction, long time) {
        Recent recent = of(model);
        recent.predictions.addFirst(new Shown(time, prediction));
        if (recent.predictions.size() > MOST) {
            recent.predictions.removeLast();
        }
        if (prediction.getLabel() != null) {
            recent.reliability.add(prediction.getProbability(), prediction.getLabel());
        }
    }

    /** Adds a record of the outcomes topic: the label of a prediction that was made earlier. */
    synchronized void take(String model, Outcome outcome) {
        if (outcome.getProbability() != null && outcome.getLabel() != null && outcome.getVersion() != null) {
            of(model).reliability.add(outcome.getProbability(), outcome.getLabel());
        }
    }

    /** Returns the latest predictions of a model, newest first. */
    synchronized ArrayNode json(String model) {
        ArrayNode json = JsonNodeFactory.instance.arrayNode();
        Recent recent = models.get(model);
        if (recent != null) {
            for (Shown shown : recent.predictions) {
                ObjectNode prediction = (ObjectNode) JsonView.json(shown.prediction);
                prediction.put("time", shown.time);
                json.add(prediction);
            }
        }
        return json;
    }

    /** Returns the reliability diagram of a model; null if there is none. */
    synchronized @Nullable ArrayNode reliability(String model) {
        Recent recent = models.get(model);
        return recent == null ? null : recent.reliability.json();
    }
}
