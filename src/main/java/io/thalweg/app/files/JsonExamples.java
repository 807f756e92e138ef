package io.thalweg.app.files;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.io.JsonEOFException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
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
import io.thalweg.mapping.Numbers;
import io.thalweg.math.FeatureForm;
import java.io.BufferedReader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * A reader of examples or labels in JSON Lines, with one object on each line. An object with {@code features} is an
 * example, field by field, with the model in {@code model}, unless the settings say that the label is in another of its
 * fields, or name a field in {@code features}; {@code {"model": "m", "delete": true}} deletes a model; any other object
 * is a row of a table, and so is every label.
 */
final class JsonExamples extends ExampleFile {
    private static final ObjectReader JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
            // as Python writes them
            .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
            // which begins each object in a JSON text sequence (RFC 7464)
            .enable(JsonReadFeature.ALLOW_RS_CONTROL_CHAR)
            .build()
            .readerFor(JsonNode.class);

    /** What the parser says of its own options, which nobody here can set. */
    private static final Pattern OPTIONS_OF_PARSER =
            Pattern.compile(", from `[^`]*`|,? ?\\(?start marker at .*|: enable `.*| \\((not recognized|consider) .*");

    private static final String MODEL = "model";
    private static final String FEATURES = "features";
    private static final String DELETE = "delete";
    private static final Set<String> FIELDS = Set.of(MODEL, "id", "label", "importance", FEATURES);

    private final BufferedReader text;
    private final FeatureForm form;
    private final Mapping mapping;
    private final FieldKinds kinds;
    private final Row row;
    private final boolean isOfLabels;
    /** Whether every object is a row, also if it has a field that is called features. */
    private final boolean areRows;
    /** The field of the label, if the settings say what it is; null if they do not. */
    private final String label;
    /** The field that contains the timestamps; null if there is none. */
    private final String time;
    /** The field that contains the times at which labels came; null if there is none. */
    private final String labelTime;

    private final Set<String> times;
    private long line;

    /** How the message of the parser begins if something follows the object. */
    private static final String TRAILING = "Trailing token";

    JsonExamples(String name, BufferedReader text, Columns columns) {
        super(name);
        this.text = text;
        form = columns.form();
        // not every object has to have a label
        mapping = columns.in(Set.of("label"));
        kinds = new FieldKinds(mapping);
        row = columns.row(mapping, kinds, DecimalMark.point());
        label = columns.isLabelNamed() && mapping.label() != null
                ? mapping.label().field()
                : null;
        isOfLabels = columns.labels() != null;
        areRows = isOfLabels
                || mapping.fields().keySet().stream()
                        .anyMatch(field -> field.equals(FEATURES) || field.startsWith(FEATURES + "."));
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
    public List<String> remarks() {
        return row.remarks();
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
        return line(parse(next));
    }

    private static ObjectNode parse(String json) throws BadLineException {
        JsonNode node;
        try {
            node = JSON.readValue(json);
        } catch (JsonEOFException e) {
            throw new BadLineException(
                    "it is not JSON (it ends early); JSON Lines has one object on each line (jq -c . makes them)");
        } catch (JsonProcessingException e) {
            String why = e.getOriginalMessage().lines().findFirst().orElse("");
            if (why.startsWith(TRAILING)) {
                throw new BadLineException(
                        "it has more than one JSON value; JSON Lines has one object on each line (jq -c . makes them)");
            }
            throw new BadLineException("it is not JSON (%s)"
                    .formatted(Printable.of(OPTIONS_OF_PARSER.matcher(why).replaceAll(""))));
        }
        if (node instanceof ObjectNode object) {
            return object;
        }
        throw new BadLineException("it is not a JSON object");
    }

    private Line line(ObjectNode object) throws BadLineException {
        if (!areRows && object.path(FEATURES).isContainerNode()) {
            String other = otherField(object);
            if (label == null && other != null) {
                throw new BadLineException(("an example has no field %s; it has model, id, label, importance and"
                                + " features. If features is a field of an event, say what the label is with --label")
                        .formatted(Printable.of(other)));
            }
            return other == null ? example(object) : row(object);
        }
        if (!areRows && object.path(FEATURES).isNull()) {
            throw new BadLineException("\"features\" is null");
        }
        boolean canDelete = !isOfLabels && (label == null || !object.has(label));
        if (canDelete
                && object.size() == 2
                && object.has(MODEL)
                && object.path(DELETE).isBoolean()) {
            if (!object.get(DELETE).booleanValue()) {
                throw new BadLineException("\"delete\" is false, but there are no features");
            }
            return new Line(line, string(object, MODEL), null);
        }
        return row(object);
    }

    /** A field that an example does not have, or that has the label; null if there is none. */
    private String otherField(ObjectNode object) {
        Set<String> others = new TreeSet<>();
        object.fieldNames().forEachRemaining(others::add);
        others.removeAll(FIELDS);
        others.removeAll(times);
        if (label != null && !label.equals(Mapping.LABEL) && object.has(label)) {
            others.add(label);
        }
        return others.isEmpty() ? null : others.iterator().next();
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
            String whyNot = whyNoText(name);
            if (whyNot != null && !row.isExcluded(name)) {
                throw new BadLineException(whyNot);
            }
            if (value.isObject()) {
                fields(name + ".", value);
            } else if (value.isArray()) {
                list(name, value);
            } else {
                value(name, value);
            }
        }
    }

    private void value(String name, JsonNode value) throws BadLineException {
        switch (value.getNodeType()) {
            case NULL -> row.empty(name);
            case NUMBER ->
                row.number(name, value.doubleValue(), mapping.isCategorical(name) ? text(value) : value.asText());
            default -> row.text(name, value.asText());
        }
    }

    /** A value as text: a number as it is written as a category, which is 7 for 7.0. */
    private static String text(JsonNode value) {
        return value.isFloatingPointNumber() ? Numbers.text(value.doubleValue()) : value.asText();
    }

    /**
     * Adds a list, as if it were an array in a record on a topic: if an item becomes a number, each item is a feature
     * of its own; else each that is different is a category. Lists of lists or of objects are left out.
     */
    private void list(String name, JsonNode list) throws BadLineException {
        boolean hasNumbers = false;
        for (JsonNode item : list) {
            if (item.isContainerNode()) {
                row.leaveOut(name, item.isObject() ? "list of objects" : "list of lists");
                return;
            }
            hasNumbers |= !isMissing(item) && mapping.isNumber(name, !item.isNumber());
        }
        if (!row.beginList(name)) {
            return;
        }
        try {
            if (hasNumbers) {
                for (int i = 0; i < list.size(); i++) {
                    row.at(name, i);
                    value(name, list.get(i));
                }
            } else {
                Set<String> distinct = new HashSet<>();
                boolean isMissingThere = false;
                for (JsonNode item : list) {
                    boolean isNew = isMissing(item) ? !isMissingThere : distinct.add(text(item));
                    isMissingThere |= isMissing(item);
                    if (isNew) {
                        value(name, item);
                    }
                }
            }
        } finally {
            // a line that cannot be used must not affect the next one
            row.endList(name);
        }
    }

    private static boolean isMissing(JsonNode item) {
        return item.isNull() || item.isNumber() && !Double.isFinite(item.doubleValue());
    }

    private Line example(ObjectNode object) throws BadLineException {
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
            checkText(feature.getKey());
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
        checkText(value.asText());
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
