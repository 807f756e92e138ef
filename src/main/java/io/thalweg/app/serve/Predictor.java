package io.thalweg.app.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.thalweg.app.serve.ExampleLookup.RequestEvents;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.RecordReader;
import io.thalweg.math.Example;
import io.thalweg.math.FeatureForm;
import io.thalweg.math.Learner;
import io.thalweg.math.Model;
import io.thalweg.math.PredictionResult;
import io.thalweg.math.Rejection;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * Predictions for JSON, in exactly the way of the learner: the same validation, the same mapping, the same arithmetic.
 * For one thread.
 */
final class Predictor {
    /** The key of an example that says where in the topic the event is. */
    static final String RECORD = "record";

    private final EventEncoder events;
    private final Learner learner;
    private final RecordReader reader;
    /** Reads events of the topic. */
    private final RecordReader stored;

    private final Example x = new Example();
    private final PredictionResult result = new PredictionResult();

    Predictor(ThalwegConfig config, EventEncoder events) {
        this.events = events;
        learner = new Learner(config.learner());
        reader = RecordReader.toPredict(events.schemas(), config, events.format());
        stored = RecordReader.toPredict(events.registry(), config);
    }

    /**
     * Predicts an example.
     *
     * @param input an object with {@code features}, {@code event}, or {@code record}, which says where in the examples
     *     topic the event is
     * @param explained whether to say what each feature adds to the logit
     * @param inTopic reads the events that the request only names
     * @throws HttpRefusal if the example cannot be used
     */
    ObjectNode predict(Model model, JsonNode input, boolean explained, RequestEvents inTopic) {
        try {
            if (input.has("event")) {
                reader.example(events.event(input.get("event")), model.id(), x);
            } else if (input.has(RECORD)) {
                JsonNode record = input.get(RECORD);
                if (!record.path("partition").isInt() || !record.path("offset").isIntegralNumber()) {
                    throw new HttpRefusal(422, "a \"record\" needs its \"partition\" and \"offset\"");
                }
                ConsumerRecord<byte[], byte[]> found = inTopic.read(
                        record.get("partition").intValue(), record.get("offset").longValue());
                stored.example(found.value(), found.headers(), model.id(), x);
            } else {
                features(input.get("features"));
            }
            learner.validate(x, model, 0);
            learner.resolve(x, model);
            learner.predict(model, x, result);
        } catch (Rejection e) {
            throw new HttpRefusal(422, "%s: %s".formatted(e.reason(), e.getMessage()));
        }
        ObjectNode answer = JsonNodeFactory.instance.objectNode();
        answer.put("probability", result.probability());
        answer.put("logit", result.logit());
        if (explained) {
            explain(model, answer);
        }
        return answer;
    }

    private void explain(Model model, ObjectNode answer) {
        double[] contributions = new double[x.size()];
        learner.contributions(model, x, contributions);
        answer.put("bias", model.bias());
        ArrayNode list = answer.putArray("contributions");
        for (int k = 0; k < contributions.length; k++) {
            list.addObject()
                    .put("feature", x.form() == FeatureForm.NAMED ? x.name(k) : "#" + x.index(k))
                    .put("value", x.value(k))
                    .put("contribution", contributions[k]);
        }
    }

    /** Reads features as they are in an example: a list, an object of numbers by name, or indices and values. */
    private void features(JsonNode features) {
        x.clear();
        if (features == null || !features.isContainerNode()) {
            throw new HttpRefusal(422, "an example needs \"features\", \"event\", or \"record\"");
        }
        if (features.isArray()) {
            x.form(FeatureForm.DENSE);
            values(features);
        } else if (features.size() == 2
                && features.path("indices").isArray()
                && features.path("values").isArray()) {
            x.form(FeatureForm.SPARSE);
            for (JsonNode index : features.get("indices")) {
                if (!index.isInt()) {
                    throw new HttpRefusal(422, "an index is not a whole number, or too large");
                }
                x.addIndex(index.intValue());
            }
            if (features.get("values").size() != features.get("indices").size()) {
                throw new HttpRefusal(422, "there are not as many values as indices");
            }
            values(features.get("values"));
        } else {
            x.form(FeatureForm.NAMED);
            for (Map.Entry<String, JsonNode> feature : features.properties()) {
                byte[] name = feature.getKey().getBytes(StandardCharsets.UTF_8);
                x.addNamed(name, 0, name.length, number(feature.getValue()));
            }
        }
    }

    private void values(JsonNode values) {
        for (JsonNode value : values) {
            x.addValue(number(value));
        }
    }

    private static double number(JsonNode value) {
        if (!value.isNumber()) {
            throw new HttpRefusal(422, "the value of a feature is not a number; events go into \"event\"");
        }
        return value.doubleValue();
    }
}
