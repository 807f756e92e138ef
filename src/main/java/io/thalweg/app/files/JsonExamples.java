package io.thalweg.app.files;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.thalweg.app.view.Printable;
import io.thalweg.avro.Example;
import io.thalweg.avro.SparseFeatures;
import io.thalweg.mapping.FieldKinds;
import io.thalweg.mapping.Mapping;
import io.thalweg.math.FeatureForm;
import java.io.BufferedReader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * A reader of examples or labels in JSON Lines, with one object on each line. An object with {@code features} is an
 * example, field by field, with the model in {@code model}; {@code {"model": "m", "delete": true}} deletes a model; any
 * other object is a row of a table, and so is every label.
 */
final class JsonExamples extends ExampleFile {
    private static final ObjectReader JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
            .build()
            .readerFor(JsonNode.class);

    private static final String MODEL = "model";
    private static final String FEATURES = "features";
    private static final String DELETE = "delete";
    private static final Set<String> FIELDS = Set.of(MODEL, "id", "label", "importance", FEATURES);

    private final BufferedReader text;
    private final FeatureForm form;
    private final FieldKinds kinds;
    private final Row row;
    private final boolean isOfLabels;
    /** The field that contains the timestamps; null if there is none. */
    private final String time;
    /** The field that contains the times at which labels came; null if there is none. */
    private final String labelTime;

    private final Set<String> times;
    private long line;

    JsonExamples(String name, BufferedReader text, Columns columns) {
        super(name);
        this.text = text;
        form = columns.form();
        // not every object has to have a label
        Mapping mapping = columns.in(Set.of("label"));
        kinds = new FieldKinds(mapping);
        row = columns.row(mapping, kinds);
        isOfLabels = columns.labels() != null;
        time = columns.time();
        labelTime = columns.labelTime();
        times = columns.times();
    }

    @Override
    public long lineNumber() {
        return line;
    }

    @Override
    public String columns() {
        return line(kinds);
    }

    @Override
    Line read() throws IOException, BadLineException {
        String next = text.readLine();
        while (next != null && next.isBlank()) {
            line++;
            next = text.readLine();
        }
        if (next == null) {
            return null;
        }
        line++;
        checkText(next);
        return line(parse(next));
    }

    private static ObjectNode parse(String json) throws BadLineException {
        JsonNode node;
        try {
            node = JSON.readValue(json);
        } catch (JsonProcessingException e) {
            throw new BadLineException("it is not JSON (%s)"
                    .formatted(Printable.of(
                            e.getOriginalMessage().lines().findFirst().orElse(""))));
        }
        if (node instanceof ObjectNode object) {
            return object;
        }
        throw new BadLineException("it is not a JSON object");
    }

    private Line line(ObjectNode object) throws BadLineException {
        if (isOfLabels) {
            return row(object);
        }
        if (object.path(FEATURES).isContainerNode()) {
            return example(object);
        }
        if (object.path(FEATURES).isNull()) {
            throw new BadLineException("\"features\" is null");
        }
        if (object.size() == 2 && object.has(MODEL) && object.path(DELETE).isBoolean()) {
            if (!object.get(DELETE).booleanValue()) {
                throw new BadLineException("\"delete\" is false, but there are no features");
            }
            return new Line(line, string(object, MODEL), null);
        }
        return row(object);
    }

    private Line row(ObjectNode object) throws BadLineException {
        if (form != FeatureForm.NAMED) {
            throw new BadLineException("the fields of an object have no order, so they can only be named "
                    + "features; use \"features\" for dense or sparse ones");
        }
        row.clear();
        fields("", object);
        return row.line(line);
    }

    private void fields(String prefix, JsonNode object) throws BadLineException {
        for (Map.Entry<String, JsonNode> field : object.properties()) {
            String name = prefix + field.getKey();
            JsonNode value = field.getValue();
            switch (value.getNodeType()) {
                case NULL -> row.empty(name);
                case NUMBER -> row.number(name, value.doubleValue(), value.asText());
                case BOOLEAN, STRING -> row.text(name, value.asText());
                case OBJECT -> fields(name + ".", value);
                case ARRAY -> list(name, value);
                default -> throw new BadLineException("field %s is not a value".formatted(Printable.of(name)));
            }
        }
    }

    private void list(String name, JsonNode list) throws BadLineException {
        List<String> texts = new ArrayList<>();
        List<Double> numbers = new ArrayList<>();
        for (JsonNode element : list) {
            if (element.isNumber()) {
                numbers.add(element.doubleValue());
            } else if (element.isTextual() || element.isBoolean()) {
                texts.add(element.asText());
            }
        }
        if (texts.size() == list.size()) {
            row.set(name, texts);
        } else if (numbers.size() == list.size()) {
            row.numbers(name, numbers.stream().mapToDouble(Double::doubleValue).toArray());
        } else {
            throw new BadLineException("field %s is a list of neither numbers nor text".formatted(Printable.of(name)));
        }
    }

    private Line example(ObjectNode object) throws BadLineException {
        Set<String> unknown = new TreeSet<>();
        object.fieldNames().forEachRemaining(unknown::add);
        unknown.removeAll(FIELDS);
        unknown.removeAll(times);
        if (!unknown.isEmpty()) {
            throw new BadLineException("an example has no field %s; it has model, id, label, importance and features"
                    .formatted(Printable.of(unknown.iterator().next())));
        }
        Double importance = number(object, "importance");
        Example example = new Example(
                string(object, "id"),
                number(object, "label"),
                importance == null ? 1.0 : importance,
                features(object.get(FEATURES)));
        Line read = new Line(line, string(object, MODEL), example);
        if (labelTime != null) {
            read = read.labelledAt(time(object, labelTime));
        }
        if (time == null) {
            return read;
        }
        Long at = time(object, time);
        if (at == null) {
            throw TimedRow.noTime(time);
        }
        return read.at(at);
    }

    /** The time in a field; null if it is missing. */
    private static Long time(ObjectNode object, String field) throws BadLineException {
        JsonNode value = object.path(field);
        return value.isMissingNode() || value.isNull() || value.asText().isBlank()
                ? null
                : (Long) TimedRow.parse(field, value.asText().strip());
    }

    private static Object features(JsonNode features) throws BadLineException {
        if (features.isEmpty()) {
            throw new BadLineException("it has no features");
        }
        if (features.isArray()) {
            return doubles(features);
        }
        if (features.size() == 2
                && features.path("indices").isArray()
                && features.path("values").isArray()) {
            List<Integer> indices = new ArrayList<>();
            for (JsonNode index : features.get("indices")) {
                if (!index.isInt()) {
                    throw new BadLineException("an index is not a whole number, or too large");
                }
                indices.add(index.intValue());
            }
            List<Double> values = doubles(features.get("values"));
            if (indices.size() != values.size()) {
                throw new BadLineException(
                        "there are %d indices and %d values".formatted(indices.size(), values.size()));
            }
            return new SparseFeatures(indices, values);
        }
        Map<CharSequence, Double> named = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> feature : features.properties()) {
            named.put(feature.getKey(), finite("feature " + feature.getKey(), feature.getValue()));
        }
        return named;
    }

    private static List<Double> doubles(JsonNode array) throws BadLineException {
        List<Double> doubles = new ArrayList<>(array.size());
        for (JsonNode element : array) {
            doubles.add(finite("value " + doubles.size(), element));
        }
        return doubles;
    }

    private static String string(ObjectNode object, String field) throws BadLineException {
        JsonNode value = object.path(field);
        if (value.isMissingNode() || value.isNull()) {
            return null;
        }
        if (!value.isTextual() && !value.isIntegralNumber()) {
            throw new BadLineException("field %s is not text".formatted(field));
        }
        return value.asText();
    }

    private static Double number(ObjectNode object, String field) throws BadLineException {
        JsonNode value = object.path(field);
        if (value.isMissingNode() || value.isNull()) {
            return null;
        }
        if (value.isBoolean()) {
            return value.booleanValue() ? 1.0 : 0.0;
        }
        return finite("field " + field, value);
    }

    private static double finite(String what, JsonNode value) throws BadLineException {
        if (!value.isNumber() || !Double.isFinite(value.doubleValue())) {
            throw new BadLineException("%s is not a finite number".formatted(Printable.of(what)));
        }
        return value.doubleValue();
    }

    @Override
    public void close() throws IOException {
        text.close();
    }
}
