package io.thalweg.input;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.thalweg.config.ChangeEvents;
import io.thalweg.input.PlainJson.ExpectedName;
import io.thalweg.input.PlainJson.PlainValue;
import io.thalweg.mapping.CategorySample;
import io.thalweg.mapping.FeatureCollector;
import io.thalweg.mapping.FieldEncoder;
import io.thalweg.mapping.FieldKind;
import io.thalweg.mapping.Label;
import io.thalweg.mapping.Mapping;
import io.thalweg.mapping.MappingException;
import io.thalweg.mapping.Numbers;
import io.thalweg.mapping.TimeParts;
import io.thalweg.math.Example;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.header.Headers;
import org.jspecify.annotations.Nullable;

/**
 * Decodes a JSON object into an {@link Example}, as a {@link Mapping} defines. The tokens of the parser go to the same
 * sinks as the fields of Avro records; no tree is built. The fields of an object in the object are named with dots.
 * Not thread-safe.
 */
final class JsonDecoder implements ValueDecoder {
    /** The most fields that a value may have. */
    private static final int MOST_FIELDS = 65_536;

    /** The most fields that are remembered between values. */
    private static final int MOST_REMEMBERED = 8192;

    /** The most characters that the names of fields may have together, those of a value and those remembered. */
    private static final int MOST_CHARACTERS = 1 << 22;

    /** How many objects may be nested in a value that the parser does not have to read. */
    private static final int MOST_PLAIN = 50;

    private final Mapping mapping;
    private final boolean needsLabelField;
    private final MappedRecord record;
    private final FieldSinks sinks;
    private final JsonInput json = new JsonInput();
    private final PlainJson plain = new PlainJson();

    private final Map<String, JsonField> fields = new HashMap<>();
    private JsonField root = new JsonField("", "", null);
    /** The field of the label; null as long as no value had it. */
    private @Nullable JsonField labelField;

    /** The number of the value that is being read. */
    private long number;

    private int fieldCount;
    private long characters;
    /** The characters of the names in {@link #fields}. */
    private long remembered;

    // the items of a list: their types, numbers, and where their texts begin and end
    private JsonToken[] types = new JsonToken[16];
    private long[] wholes = new long[16];
    private double[] doubles = new double[16];
    /** Whether a whole number is one that no long holds, and so in {@link #doubles}. */
    private boolean[] areLarge = new boolean[16];

    private int[] begins = new int[16];
    private int[] ends = new int[16];
    private int itemCount;

    /** Finds rows; null if the values are events themselves. */
    private final @Nullable JsonEnvelope envelope;

    /** Receives which fields there are; null if nobody asks. */
    private @Nullable SchemaFields seen;

    private boolean usesParser;

    /** A field of the values, and what becomes of it. */
    private final class JsonField extends ExpectedName {
        private final String name;
        private final @Nullable JsonField parent;
        /** The field that came first in this object the last time, and the one that came after this one. */
        private @Nullable JsonField first;

        private @Nullable JsonField next;
        private @Nullable Map<String, JsonField> children;
        private boolean resolved;
        private FieldSinks.@Nullable FieldRole role;
        private boolean isTime;
        private @Nullable FieldEncoder encoder;
        /**
         * The encoder, if its numbers and texts are features as they are. Then no sink is called, of which there are
         * too many implementations for a fast call.
         */
        private @Nullable FieldEncoder direct;

        private @Nullable ValueSinks sinks;
        /** The number of the last value that had the field. */
        private long last;

        /** @param parent the object that it was first met in; null for the value itself */
        JsonField(String name, String key, @Nullable JsonField parent) {
            super(key);
            this.name = name;
            this.parent = parent;
        }

        /** Returns a field if it is one of this object, and null if not: a name with dots can be in several. */
        @Nullable
        JsonField ifParentOf(@Nullable JsonField field) {
            return field != null && field.parent == this ? field : null;
        }

        /** Finds out what becomes of the field, the first time that it has a value. */
        void resolve() {
            if (!resolved) {
                resolved = true;
                findSinks();
            }
        }

        private void findSinks() {
            role = JsonDecoder.this.sinks.role(name);
            if (role != null) {
                sinks = role.sinks();
            } else if (mapping.isWanted(name)) {
                TimeParts times = mapping.times(name);
                isTime = times != null;
                FeatureCollector collector = record.features();
                if (times != null) {
                    sinks = FieldSinks.time(times, collector.times(times));
                } else {
                    encoder = collector.feature(name);
                    sinks = JsonDecoder.this.sinks.feature(name, encoder);
                    direct = mapping.isCategorical(name) || mapping.isNumeric(name) ? null : encoder;
                }
            }
        }

        JsonField child(String keyInObject) throws Rejection {
            if (children == null) {
                children = new HashMap<>();
            }
            JsonField child = children.get(keyInObject);
            if (child == null) {
                child = create(this == root ? keyInObject : name + "." + keyInObject, keyInObject, this);
                children.put(keyInObject, child);
            }
            return child;
        }
    }

    JsonDecoder(Mapping mapping, boolean needsLabelField) {
        this(mapping, needsLabelField, null);
    }

    /**
     * Creates a decoder.
     *
     * @param needsLabelField whether events without the field of the label are rejected
     * @param changes how change events are read; null if the values are no change events
     */
    JsonDecoder(Mapping mapping, boolean needsLabelField, @Nullable ChangeEvents changes) {
        envelope = changes == null ? null : new JsonEnvelope(json, changes);
        this.mapping = mapping;
        this.needsLabelField = needsLabelField;
        record = new MappedRecord(mapping);
        sinks = new FieldSinks(mapping, record);
    }

    /** Creates a decoder that reads all values with the parser, for tests. */
    static JsonDecoder withoutShortcut(Mapping mapping) {
        JsonDecoder decoder = new JsonDecoder(mapping, true);
        decoder.usesParser = true;
        return decoder;
    }

    /**
     * Maps some values.
     *
     * @return empty if none of them was read because change events are passed over
     * @throws MappingException if none of them has the field of the label, the id, or the model, in one line. If all of
     *     them are rejected, it says why the first one is.
     */
    static Optional<JsonSummary> summary(List<byte[]> values, Mapping mapping, @Nullable ChangeEvents changes) {
        JsonDecoder decoder = new JsonDecoder(mapping, false, changes);
        SchemaFields all = new SchemaFields(mapping);
        decoder.seen = all;
        decoder.usesParser = true;
        Example x = new Example();
        int decoded = 0;
        int passedOver = 0;
        Rejection first = null;
        for (byte[] value : values) {
            try {
                if (decoder.isPassedOver(value, NO_HEADERS)) {
                    passedOver++;
                } else {
                    decoder.decode(value, x);
                    decoded++;
                }
            } catch (Rejection e) {
                // it becomes a dead letter, and the other values say enough
                first = first == null ? e : first;
            }
        }
        if (decoded == 0 && passedOver > 0) {
            return Optional.empty();
        }
        Map<String, String> missing = all.missing();
        if (decoded == 0 && first != null && missing.keySet().stream().anyMatch(mapping::isNeeded)) {
            throw new MappingException("no value can be used: " + first.getMessage());
        }
        all.checkNeeded(missing);
        return Optional.of(new JsonSummary(all.kinds().lines(), missing));
    }

    @Override
    public void decode(byte[] value, Headers headers, Example x) throws Rejection {
        try {
            if (envelope == null) {
                decode(value, JsonInput.begin(value), value.length, x);
            } else if (envelope.locate(value)) {
                decode(value, envelope.from(), envelope.to(), x);
            } else {
                throw MappedDecoder.passedOver();
            }
        } catch (Rejection e) {
            throw JsonInput.withFormat(e, value, headers, mapping.isOfLabels());
        }
    }

    @Override
    public boolean canPassOver() {
        return envelope != null;
    }

    @Override
    public boolean isPassedOver(byte[] value, Headers headers) throws Rejection {
        try {
            return envelope != null && !envelope.locate(value);
        } catch (Rejection e) {
            throw JsonInput.withFormat(e, value, headers, mapping.isOfLabels());
        }
    }

    /** Decodes a part of a value that is an object. */
    private void decode(byte[] value, int from, int to, Example x) throws Rejection {
        forget();
        begin(x);
        if (usesParser || !isPlain(value, from, to)) {
            begin(x);
            parse(value, from, to);
        }
        record.end();
        Label label = mapping.label();
        if (needsLabelField && label != null && !hasLabelField(label.field())) {
            throw new Rejection(
                    Reason.NO_LABEL_FIELD,
                    ("the value has no field %s that the label can be computed from; an event without a label has null"
                                    + " there")
                            .formatted(label.field()));
        }
        record.checkLabel();
    }

    private void begin(Example x) {
        x.clear();
        record.begin(x);
        number++;
        fieldCount = 0;
        characters = 0;
    }

    /**
     * Reads a value that is written as usual.
     *
     * @return false if it is not, so that the parser has to read it from the beginning
     */
    private boolean isPlain(byte[] value, int from, int to) throws Rejection {
        plain.reset(value, from, to);
        plain.beginObject();
        try {
            return !plain.isUnusual() && isPlain(root, 0) && plain.isAtEnd();
        } catch (Rejection e) {
            // the parser would have said this first
            JsonInput.checkUtf8(value, from, to);
            throw e;
        }
    }

    private boolean isPlain(JsonField of, int depth) throws Rejection {
        JsonField before = null;
        JsonField expected = of.ifParentOf(of.first);
        while (plain.nextName(before == null, expected)) {
            JsonField field;
            if (expected != null && plain.isAsExpected()) {
                field = next(expected);
            } else {
                field = next(
                        of, new String(plain.textIn(), plain.textFrom(), plain.textLength(), StandardCharsets.UTF_8));
                if (before == null) {
                    of.first = field;
                } else {
                    before.next = field;
                }
            }
            field.resolve();
            ValueSinks to = field.sinks;
            // not a switch, which the compiler does not merge with what decided on the value
            PlainValue value = plain.nextValue();
            if (value == PlainValue.TEXT) {
                if (field.direct != null) {
                    field.direct.category(plain.textIn(), plain.textFrom(), plain.textLength());
                } else if (to != null) {
                    text(field, to, plain.textIn(), plain.textFrom(), plain.textLength());
                }
            } else if (value == PlainValue.FRACTION) {
                if (field.direct != null) {
                    field.direct.number(plain.fraction());
                } else if (to != null) {
                    fraction(field, to, plain.fraction());
                }
            } else if (value == PlainValue.WHOLE) {
                if (field.direct != null) {
                    field.direct.number(plain.whole());
                } else if (to != null) {
                    whole(field, to, plain.whole());
                }
            } else if (!isOther(value, field, to, depth)) {
                return false;
            }
            before = field;
            expected = of.ifParentOf(field.next);
        }
        return !plain.isUnusual();
    }

    /** Reads an object, or uses a value that is neither text nor a number. Returns false as {@link #isPlain} does. */
    private boolean isOther(PlainValue value, JsonField field, @Nullable ValueSinks to, int depth) throws Rejection {
        if (value == PlainValue.UNUSUAL) {
            return false;
        } else if (value == PlainValue.OBJECT) {
            return field.role == null
                    && !field.isTime
                    && depth < MOST_PLAIN
                    && (field.encoder == null || !mapping.isUseNamed(field.name))
                    && isPlain(field, depth + 1);
        } else if (to != null && value == PlainValue.NULL) {
            to.missing().take();
        } else if (to != null) {
            flag(field, to, value == PlainValue.TRUE);
        }
        return true;
    }

    private void parse(byte[] value, int from, int to) throws Rejection {
        try (JsonParser in = json.open(value, from, to)) {
            JsonInput.beginObject(in);
            object(in, root);
            JsonInput.end(in);
        } catch (IOException | IllegalStateException e) {
            throw JsonInput.unreadable(e);
        }
    }

    @Override
    public Map<String, CategorySample> categories() {
        return record.features().categories();
    }

    @Override
    public byte[] model() {
        return record.model();
    }

    @Override
    public int modelLength() {
        return record.modelLength();
    }

    /** Whether the value has the field of the label. */
    private boolean hasLabelField(String name) {
        if (labelField == null) {
            labelField = fields.get(name);
        }
        return labelField != null && labelField.last == number;
    }

    /** Forgets the fields if there have been so many that their names must be data. */
    private void forget() {
        if (fields.size() > MOST_REMEMBERED || remembered > MOST_CHARACTERS) {
            json.namesAreData();
            fields.clear();
            record.features().forgetCategories();
            labelField = null;
            remembered = 0;
            root = new JsonField("", "", null);
        }
    }

    /** How many fields are kept between values, for tests. */
    int rememberedFields() {
        return fields.size();
    }

    private JsonField create(String name, String key, JsonField parent) throws Rejection {
        characters += name.length();
        if (characters > MOST_CHARACTERS) {
            throw new Rejection(
                    Reason.TOO_LARGE,
                    "the names of the fields have more than " + MOST_CHARACTERS
                            + " characters, including those of the objects that they are in");
        }
        JsonField known = fields.get(name);
        if (known == null) {
            JsonInput.checkName(name);
            known = new JsonField(name, key, parent);
            remembered += name.length();
            fields.put(name, known);
        }
        return known;
    }

    private void object(JsonParser in, JsonField of) throws IOException, Rejection {
        for (String key = in.nextFieldName(); key != null; key = in.nextFieldName()) {
            JsonField field = next(of, key);
            JsonToken token = in.nextToken();
            field.resolve();
            if (token == JsonToken.START_OBJECT) {
                if (field.role != null || field.isTime) {
                    throw notSingle(field, "an object");
                }
                FieldEncoder encoder = field.encoder;
                ValueSinks to = field.sinks;
                if (encoder != null && to != null && mapping.isUseNamed(field.name)) {
                    map(in, field, encoder, to);
                    continue;
                }
                if (seen != null) {
                    seen.addRecord(field.name);
                }
                object(in, field);
            } else if (token == JsonToken.START_ARRAY) {
                list(in, field);
            } else {
                if (seen != null) {
                    addKind(field, token);
                }
                ValueSinks to = field.sinks;
                if (to != null) {
                    single(in, token, field, to);
                }
            }
        }
    }

    private JsonField next(JsonField of, String key) throws Rejection {
        return next(of.child(key));
    }

    /** Notes that a value has a field. */
    private JsonField next(JsonField field) throws Rejection {
        if (++fieldCount > MOST_FIELDS) {
            throw new Rejection(
                    Reason.TOO_LARGE,
                    "the value has more than " + MOST_FIELDS + " fields, including those of the objects in it");
        }
        if (field.last == number) {
            throw JsonInput.twice(field.name);
        }
        field.last = number;
        return field;
    }

    /** Reads an object as Avro's maps are: a setting names the object, and its values are used as that says. */
    private void map(JsonParser in, JsonField of, FieldEncoder encoder, ValueSinks to) throws IOException, Rejection {
        if (seen != null) {
            // it is there, even if it has nothing that can be used
            addKind(of, JsonToken.VALUE_NULL);
        }
        try {
            for (String key = in.nextFieldName(); key != null; key = in.nextFieldName()) {
                next(of, key);
                JsonToken token = in.nextToken();
                if (token.isStructStart()) {
                    JsonInput.skip(in);
                    continue;
                }
                if (seen != null) {
                    addKind(of, token);
                }
                byte[] utf8 = key.getBytes(StandardCharsets.UTF_8);
                encoder.at(utf8, 0, utf8.length);
                single(in, token, of, to);
            }
        } finally {
            encoder.whole();
        }
    }

    private void single(JsonParser in, JsonToken token, JsonField field, ValueSinks to) throws IOException, Rejection {
        switch (token) {
            case VALUE_STRING -> {
                json.clearText();
                int from = json.readText(in);
                text(field, to, json.text(), from, json.textEnd() - from);
            }
            case VALUE_NUMBER_INT -> {
                if (in.getNumberType() == JsonParser.NumberType.BIG_INTEGER) {
                    json.clearText();
                    int from = json.readText(in);
                    large(field, to, from, json.textEnd(), in.getDoubleValue());
                } else {
                    whole(field, to, in.getLongValue());
                }
            }
            case VALUE_NUMBER_FLOAT -> {
                if (in.isNaN()) {
                    to.missing().take();
                } else {
                    fraction(field, to, in.getDoubleValue());
                }
            }
            case VALUE_TRUE, VALUE_FALSE -> flag(field, to, token == JsonToken.VALUE_TRUE);
            default -> to.missing().take();
        }
    }

    private void text(JsonField field, ValueSinks to, byte[] utf8, int from, int length) throws Rejection {
        if (to.text() != null) {
            to.text().take(utf8, from, length);
            return;
        }
        // a number in quotes
        String text = new String(utf8, from, length, StandardCharsets.UTF_8).strip();
        double parsed = Numbers.parse(text);
        if (!Double.isNaN(parsed)) {
            fraction(field, to, parsed);
        } else if (text.isEmpty() || Numbers.isMissing(text)) {
            to.missing().take();
        } else {
            throw notSingle(field, "text that is not a number");
        }
    }

    private static void whole(JsonField field, ValueSinks to, long value) throws Rejection {
        if (to.whole() == null) {
            throw notSingle(field, "a number");
        }
        to.whole().take(value);
    }

    private static void fraction(JsonField field, ValueSinks to, double value) throws Rejection {
        if (to.number() == null) {
            throw notSingle(field, "a number with a fraction");
        }
        to.number().take(value);
    }

    /**
     * Passes on a whole number that no long holds: with its digits where they count, and else as a double.
     *
     * @param from where its digits begin in the texts that were read
     */
    private void large(JsonField field, ValueSinks to, int from, int end, double value) throws Rejection {
        if (to.digits() != null) {
            to.digits().take(json.text(), from, end - from);
        } else {
            fraction(field, to, value);
        }
    }

    private static void flag(JsonField field, ValueSinks to, boolean value) throws Rejection {
        if (to.flag() == null) {
            throw notSingle(field, "true or false");
        }
        to.flag().take(value);
    }

    private static Rejection notSingle(JsonField field, String what) {
        return new Rejection(
                Reason.BAD_VALUE,
                "field " + field.name + " is " + what + "; "
                        + (field.role == null ? "a time is text or a number" : field.role.needs()));
    }

    /** Reads a list. As of Avro's arrays, numbers have indices, and anything else is a set. */
    private void list(JsonParser in, JsonField field) throws IOException, Rejection {
        if (field.role != null || field.isTime) {
            throw notSingle(field, "a list");
        }
        if (field.sinks == null) {
            if (seen != null) {
                addKind(field, JsonToken.START_ARRAY);
            }
            JsonInput.skip(in);
            return;
        }
        String unusable = items(in);
        if (unusable != null) {
            if (seen != null) {
                seen.addValue(field.name);
                seen.kinds().leaveOut(field.name, unusable);
            }
            return;
        }
        if (seen != null) {
            // it is there, even if it is empty
            addKind(field, JsonToken.VALUE_NULL);
        }
        boolean hasNumbers = false;
        for (int i = 0; i < itemCount; i++) {
            if (seen != null) {
                addKind(field, types[i]);
            }
            hasNumbers |= types[i] != JsonToken.VALUE_NULL && mapping.isNumber(field.name, isWord(types[i]));
        }
        FieldEncoder encoder = field.encoder;
        if (encoder == null) {
            throw new IllegalStateException("a feature has an encoder");
        }
        try {
            FeatureCollector collector = record.features();
            boolean isNullThere = false;
            collector.beginSet();
            for (int i = 0; i < itemCount; i++) {
                if (hasNumbers) {
                    encoder.at(i);
                } else if (types[i] == JsonToken.VALUE_NULL) {
                    if (isNullThere) {
                        continue;
                    }
                    isNullThere = true;
                } else if (!isNew(i, collector)) {
                    continue;
                }
                item(i, field, field.sinks);
            }
        } finally {
            // a record that is rejected must not affect the next one
            encoder.whole();
        }
    }

    /** Whether an item is another category than those before it in the list. */
    private boolean isNew(int i, FeatureCollector collector) {
        if (types[i] == JsonToken.VALUE_NUMBER_FLOAT) {
            // 7.0 and 7.00 are one
            begins[i] = json.addText(Numbers.text(doubles[i]));
            ends[i] = json.textEnd();
        } else if (types[i] == JsonToken.VALUE_NUMBER_INT && !areLarge[i] && wholes[i] == 0) {
            // and so are 0 and -0
            begins[i] = json.addText("0");
            ends[i] = json.textEnd();
        }
        return collector.isNew(json.text(), begins[i], ends[i] - begins[i]);
    }

    private void item(int i, JsonField field, ValueSinks to) throws Rejection {
        switch (types[i]) {
            case VALUE_STRING -> text(field, to, json.text(), begins[i], ends[i] - begins[i]);
            case VALUE_NUMBER_INT -> {
                if (areLarge[i]) {
                    large(field, to, begins[i], ends[i], doubles[i]);
                } else {
                    whole(field, to, wholes[i]);
                }
            }
            case VALUE_NUMBER_FLOAT -> fraction(field, to, doubles[i]);
            case VALUE_TRUE, VALUE_FALSE -> flag(field, to, types[i] == JsonToken.VALUE_TRUE);
            default -> to.missing().take();
        }
    }

    /**
     * Reads the items of a list. How they are used depends on all of them.
     *
     * @return null, or why they cannot be used
     */
    private @Nullable String items(JsonParser in) throws IOException, Rejection {
        json.clearText();
        itemCount = 0;
        for (JsonToken token = in.nextToken(); token != JsonToken.END_ARRAY; token = in.nextToken()) {
            if (token == JsonToken.START_OBJECT || token == JsonToken.START_ARRAY) {
                JsonInput.skip(in);
                while (in.nextToken() != JsonToken.END_ARRAY) {
                    JsonInput.skip(in);
                }
                return token == JsonToken.START_OBJECT ? "list of objects" : "list of lists";
            }
            if (itemCount == MOST_FIELDS) {
                throw new Rejection(Reason.TOO_LARGE, "a list has more than " + MOST_FIELDS + " items");
            }
            if (itemCount == types.length) {
                types = Arrays.copyOf(types, 2 * itemCount);
                wholes = Arrays.copyOf(wholes, 2 * itemCount);
                doubles = Arrays.copyOf(doubles, 2 * itemCount);
                areLarge = Arrays.copyOf(areLarge, 2 * itemCount);
                begins = Arrays.copyOf(begins, 2 * itemCount);
                ends = Arrays.copyOf(ends, 2 * itemCount);
            }
            JsonToken type = token;
            if (token == JsonToken.VALUE_NUMBER_INT) {
                areLarge[itemCount] = in.getNumberType() == JsonParser.NumberType.BIG_INTEGER;
                if (areLarge[itemCount]) {
                    doubles[itemCount] = in.getDoubleValue();
                } else {
                    wholes[itemCount] = in.getLongValue();
                }
            } else if (token == JsonToken.VALUE_NUMBER_FLOAT) {
                if (in.isNaN()) {
                    type = JsonToken.VALUE_NULL;
                } else {
                    doubles[itemCount] = in.getDoubleValue();
                }
            }
            // an item of a set is known by its text
            begins[itemCount] = json.readText(in);
            ends[itemCount] = json.textEnd();
            types[itemCount++] = type;
        }
        return null;
    }

    private static boolean isWord(JsonToken token) {
        return token == JsonToken.VALUE_STRING || token == JsonToken.VALUE_TRUE || token == JsonToken.VALUE_FALSE;
    }

    /** Notes what a value is used as. */
    private void addKind(JsonField field, JsonToken token) {
        SchemaFields to = seen;
        if (to == null) {
            return;
        }
        to.addValue(field.name);
        if (field.role != null) {
            to.kinds().add(field.name, field.role.kind());
            if (field.role.kind() == FieldKind.LABEL && token == JsonToken.VALUE_STRING) {
                to.kinds().addLabelText();
            }
        } else if (field.sinks == null) {
            if (!mapping.isModelOnly()) {
                to.kinds().add(field.name, FieldKind.EXCLUDED);
            }
        } else if (field.isTime) {
            to.kinds().add(field.name, FieldKind.TIME);
        } else if (token == JsonToken.VALUE_NULL) {
            to.kinds().empty(field.name);
        } else {
            to.kinds()
                    .add(
                            field.name,
                            mapping.isNumber(field.name, isWord(token)) ? FieldKind.NUMBER : FieldKind.CATEGORY);
        }
    }
}
