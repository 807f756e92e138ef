package io.thalweg.input;

import io.thalweg.mapping.FeatureCollector;
import io.thalweg.mapping.FieldEncoder;
import io.thalweg.mapping.Kinds;
import io.thalweg.mapping.Kinds.Kind;
import io.thalweg.mapping.Label;
import io.thalweg.mapping.Mapping;
import io.thalweg.mapping.MappingException;
import io.thalweg.mapping.Times;
import io.thalweg.math.Example;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;

/**
 * How records of one writer's schema are read: for each field, a step that passes over it or tells it to a feature, worked out once.
 * Not thread-safe.
 */
final class CompiledMapping {
    /** Records in records, where a schema holds itself. Deeper ones are damaged, or made to exhaust the stack. */
    private static final int DEEPEST = 500;

    /** Fields that a schema may have with those of the records in it: records that hold two of another double them each time. */
    private static final int MOST_FIELDS = 65_536;

    private static final int LARGEST_DECIMAL = 64;
    private static final double[] POWERS_OF_TEN = new double[23];

    static {
        for (int i = 0; i < POWERS_OF_TEN.length; i++) {
            POWERS_OF_TEN[i] = Double.parseDouble("1e" + i);
        }
    }

    /** Reads one value. */
    private interface Step {
        void read(BoundedDecoder in) throws IOException, Rejection;
    }

    /** Says that a value is null. */
    private interface Missing {
        void say() throws Rejection;
    }

    /** Takes a number that was read. */
    private interface NumberSink {
        void take(double number) throws Rejection;
    }

    /** Takes a whole number that was read. */
    private interface WholeSink {
        void take(long number) throws Rejection;
    }

    /** Takes text where it lies in the record. */
    private interface TextSink {
        void take(byte[] utf8, int from, int length) throws Rejection;
    }

    /** What is done with a value. @param missing what is done instead where it, or a record that it is in, is null: by field */
    private record Node(Step step, Map<String, Missing> missing, Plain plain, FieldEncoder encoder) {
        Node(Step step, Map<String, Missing> missing) {
            this(step, missing, Plain.NO, null);
        }

        /** A field that a record need not have. */
        Node(Step step) {
            this(step, Map.of());
        }
    }

    /** The kinds of field that there are most of, which a record reads itself: a step would be a call that cannot be inlined. */
    private enum Plain {
        NO,
        WHOLE,
        FLOAT,
        DOUBLE,
        TEXT
    }

    /** What becomes of single values of any type; null where such a value cannot be used. */
    private record Sinks(NumberSink number, WholeSink whole, TextSink text, Missing missing) {}

    private static final Missing NOTHING = () -> {};

    private final Mapping mapping;
    private final FeatureCollector collector;
    private final Kinds kinds;
    private final String name;
    private final Set<String> fields = new LinkedHashSet<>();
    private final List<String> problems = new ArrayList<>();
    private final Set<String> records = new LinkedHashSet<>();
    private final Deque<String> within = new ArrayDeque<>();
    private final Map<String, Step[]> skipped = new HashMap<>();
    private final Step step;
    private boolean hasLabel;
    private int fieldCount;
    private int depth;

    private Example x;
    private byte[] model = {};
    private int modelLength = -1;

    /**
     * Works out the plan.
     *
     * @throws MappingException if it is not the schema of a record, or has too many fields or records within records
     */
    CompiledMapping(Schema schema, Mapping mapping) {
        this.mapping = mapping;
        collector = new FeatureCollector(mapping);
        kinds = new Kinds(mapping);
        name = schema.getFullName();
        if (schema.getType() != Schema.Type.RECORD) {
            throw new MappingException("it is the schema of " + a(schema) + " and not of a record with fields");
        }
        step = record("", schema).step;
    }

    // ---- what it found

    /** The name of the schema. */
    String name() {
        return name;
    }

    /** What the fields are taken for. */
    Kinds kinds() {
        return kinds;
    }

    /** Whether there is a field that the label can be made from. */
    boolean hasLabel() {
        return hasLabel;
    }

    /** @throws MappingException if a setting names a field that is not there, or that cannot be what the setting says */
    void check() {
        mapping.fields().forEach((field, setting) -> {
            boolean whole = setting.equals(Mapping.EXCLUDE) && records.contains(field);
            if (!fields.contains(field) && !whole) {
                throw records.contains(field)
                        ? new MappingException("%s: field %s is a record; name one of its fields: %s"
                                .formatted(
                                        setting,
                                        field,
                                        String.join(
                                                ", ",
                                                fields.stream()
                                                        .filter(other -> other.startsWith(field + "."))
                                                        .limit(20)
                                                        .toList())))
                        : Mapping.noSuchField(setting, field, List.copyOf(fields));
            }
        });
        if (!problems.isEmpty()) {
            throw new MappingException(problems.get(0));
        }
    }

    // ---- reading

    /** Reads a record. @param example cleared; filled */
    void read(BoundedDecoder in, Example example) throws IOException, Rejection {
        x = example;
        depth = 0;
        modelLength = -1;
        collector.begin(example);
        step.read(in);
        collector.end();
    }

    /** The model that the last record names, as UTF-8; the first {@link #modelLength} bytes. */
    byte[] model() {
        return model;
    }

    /** How long the name of the model is; below 0 if the record names none. */
    int modelLength() {
        return modelLength;
    }

    // ---- records

    private Node record(String prefix, Schema schema) {
        if (within.size() > DEEPEST) {
            throw new MappingException("the schema has records within records, more than " + DEEPEST + " deep");
        }
        within.push(schema.getFullName());
        int size = schema.getFields().size();
        Step[] steps = new Step[size];
        Plain[] plain = new Plain[size];
        FieldEncoder[] encoder = new FieldEncoder[size];
        Map<String, Missing> missing = new LinkedHashMap<>();
        for (Schema.Field field : schema.getFields()) {
            Node node = field(prefix + field.name(), field.schema());
            steps[field.pos()] = node.step;
            plain[field.pos()] = node.plain;
            encoder[field.pos()] = node.encoder;
            missing.putAll(node.missing);
        }
        within.pop();
        return new Node(
                in -> {
                    for (int i = 0; i < size; i++) {
                        switch (plain[i]) {
                            case NO -> steps[i].read(in);
                            case WHOLE -> encoder[i].number(in.readLong());
                            case FLOAT -> encoder[i].number(in.readFloat());
                            case DOUBLE -> encoder[i].number(in.readDouble());
                            case TEXT -> {
                                int from = in.passText();
                                encoder[i].category(in.record(), from, in.position() - from);
                            }
                        }
                    }
                },
                missing);
    }

    private Node field(String field, Schema schema) {
        if (++fieldCount > MOST_FIELDS) {
            throw new MappingException("the schema has more than " + MOST_FIELDS
                    + " fields, with those of the records in it; an event may have no more");
        }
        if (schema.getType() == Schema.Type.RECORD && !within.contains(schema.getFullName())) {
            records.add(field);
            return record(field + ".", schema);
        }
        if (schema.getType() == Schema.Type.UNION && hasRecord(schema)) {
            return unionWithRecords(field, schema);
        }
        fields.add(field);
        if (mapping.label() != null && field.equals(mapping.label().field())) {
            return label(field, schema);
        } else if (field.equals(mapping.id())) {
            return id(field, schema);
        } else if (field.equals(mapping.importance())) {
            return importance(field, schema);
        } else if (field.equals(mapping.modelField())) {
            return model(field, schema);
        }
        return feature(field, schema);
    }

    private boolean hasRecord(Schema union) {
        return union.getTypes().stream()
                .anyMatch(branch -> branch.getType() == Schema.Type.RECORD && !within.contains(branch.getFullName()));
    }

    private Node unionWithRecords(String field, Schema union) {
        Map<String, Missing> missing = new LinkedHashMap<>();
        Step[] steps = new Step[union.getTypes().size()];
        for (int i = 0; i < steps.length; i++) {
            if (union.getTypes().get(i).getType() != Schema.Type.NULL) {
                Node node = field(field, union.getTypes().get(i));
                steps[i] = node.step;
                missing.putAll(node.missing);
            }
        }
        Missing[] all = missing.values().toArray(Missing[]::new);
        for (int i = 0; i < steps.length; i++) {
            if (steps[i] == null) {
                steps[i] = in -> {
                    for (Missing one : all) {
                        one.say();
                    }
                };
            }
        }
        return new Node(branches(steps), missing);
    }

    private static Step branches(Step[] steps) {
        return in -> {
            int branch = in.readIndex();
            if (branch < 0 || branch >= steps.length) {
                throw new AvroRuntimeException("it claims branch " + branch + " of a union of " + steps.length);
            }
            steps[branch].read(in);
        };
    }

    // ---- label, id, importance, model

    private Node label(String field, Schema schema) {
        Label label = mapping.label();
        kinds.add(field, Kind.LABEL);
        Sinks sinks = new Sinks(
                number -> label(field, label.y(number)),
                number -> label(field, label.y((double) number)),
                (utf8, from, length) -> label(
                        field, utf8 == TRUE || utf8 == FALSE ? label.y(utf8 == TRUE) : label.y(utf8, from, length)),
                NOTHING);
        for (Schema symbols : branchesOf(schema)) {
            if (symbols.getType() == Schema.Type.ENUM
                    && symbols.getEnumSymbols().stream().anyMatch(symbol -> Double.isNaN(label.y(symbol)))) {
                problems.add("%s: field %s is an enum of %s; compare it, such as %s == '%s'"
                        .formatted(
                                Mapping.LABEL,
                                field,
                                String.join(", ", symbols.getEnumSymbols()),
                                field,
                                symbols.getEnumSymbols().get(0)));
            }
        }
        hasLabel = branchesOf(schema).stream().anyMatch(branch -> value(branch, sinks) != null);
        return single(Mapping.LABEL, field, schema, "a label is a boolean, a number or text that is compared", sinks);
    }

    private void label(String field, double y) throws Rejection {
        if (Double.isNaN(y)) {
            throw new Rejection(
                    Reason.BAD_VALUE,
                    "field " + field + " is not a finite number"
                            + (mapping.label().isOfNumbersInOrder() ? "; it is compared with one" : "")
                            + "; the label is " + mapping.label());
        }
        x.label(y);
    }

    private Node id(String field, Schema schema) {
        kinds.add(field, Kind.ID);
        return single(
                Mapping.ID,
                field,
                schema,
                "an id is text or a whole number",
                new Sinks(
                        null,
                        number -> x.id(Long.toString(number).getBytes(StandardCharsets.UTF_8)),
                        (utf8, from, length) -> x.id(Arrays.copyOfRange(utf8, from, from + length)),
                        NOTHING));
    }

    private Node importance(String field, Schema schema) {
        kinds.add(field, Kind.IMPORTANCE);
        return single(
                Mapping.IMPORTANCE,
                field,
                schema,
                "an importance is a number",
                new Sinks(number -> x.importance(number), number -> x.importance(number), null, NOTHING));
    }

    private Node model(String field, Schema schema) {
        kinds.add(field, Kind.MODEL);
        return single(
                Mapping.MODEL,
                field,
                schema,
                "a model id is text or a whole number",
                new Sinks(
                        null,
                        number -> {
                            byte[] digits = Long.toString(number).getBytes(StandardCharsets.UTF_8);
                            takeModel(digits, 0, digits.length);
                        },
                        this::takeModel,
                        NOTHING));
    }

    private void takeModel(byte[] utf8, int from, int length) {
        if (length > model.length) {
            model = new byte[length];
        }
        System.arraycopy(utf8, from, model, 0, length);
        modelLength = length;
    }

    // ---- single values

    private static List<Schema> branchesOf(Schema schema) {
        return schema.getType() == Schema.Type.UNION ? schema.getTypes() : List.of(schema);
    }

    /** A field that must be a single value. */
    private Node single(String setting, String field, Schema schema, String need, Sinks sinks) {
        for (Schema branch : branchesOf(schema)) {
            if (branch.getType() != Schema.Type.NULL && value(branch, sinks) == null) {
                problems.add("%s: field %s is %s; %s".formatted(setting, field, a(branch), need));
            }
        }
        return new Node(union(schema, branch -> value(branch, sinks)));
    }

    private interface ByBranch {
        /** The step for a branch; null if it is passed over. */
        Step step(Schema branch);
    }

    private Step union(Schema schema, ByBranch steps) {
        if (schema.getType() != Schema.Type.UNION) {
            Step only = steps.step(schema);
            return only == null ? skip(schema) : only;
        }
        return branches(schema.getTypes().stream()
                .map(branch -> {
                    Step one = steps.step(branch);
                    return one == null ? skip(branch) : one;
                })
                .toArray(Step[]::new));
    }

    /** How a single value is read; null if it cannot be used. */
    private Step value(Schema schema, Sinks sinks) {
        NumberSink number = sinks.number;
        WholeSink whole = sinks.whole;
        TextSink text = sinks.text;
        return switch (schema.getType()) {
            case NULL -> {
                Missing missing = sinks.missing;
                yield missing == NOTHING ? null : in -> missing.say();
            }
            case BOOLEAN -> bool(sinks);
            case INT, LONG -> whole == null ? null : in -> whole.take(in.readLong());
            case FLOAT -> number == null ? null : in -> number.take(in.readFloat());
            case DOUBLE -> number == null ? null : in -> number.take(in.readDouble());
            case STRING ->
                text == null
                        ? null
                        : in -> {
                            int from = in.passText();
                            text.take(in.record(), from, in.position() - from);
                        };
            case ENUM -> text == null ? null : symbols(schema, text);
            case BYTES, FIXED -> number == null ? null : decimal(schema, number);
            default -> null;
        };
    }

    private static final byte[] TRUE = {'t', 'r', 'u', 'e'};
    private static final byte[] FALSE = {'f', 'a', 'l', 's', 'e'};

    private static Step bool(Sinks sinks) {
        TextSink text = sinks.text;
        if (text == null) {
            return null;
        }
        return in -> {
            byte[] word = in.readBoolean() ? TRUE : FALSE;
            text.take(word, 0, word.length);
        };
    }

    private static Step symbols(Schema schema, TextSink text) {
        byte[][] symbols = schema.getEnumSymbols().stream()
                .map(symbol -> symbol.getBytes(StandardCharsets.UTF_8))
                .toArray(byte[][]::new);
        return in -> {
            int symbol = in.readEnum();
            if (symbol < 0 || symbol >= symbols.length) {
                throw new AvroRuntimeException("it claims symbol " + symbol + " of an enum of " + symbols.length);
            }
            text.take(symbols[symbol], 0, symbols[symbol].length);
        };
    }

    private static Step decimal(Schema schema, NumberSink number) {
        if (!(schema.getLogicalType() instanceof LogicalTypes.Decimal decimal)) {
            return null;
        }
        int scale = decimal.getScale();
        int fixed = schema.getType() == Schema.Type.FIXED ? schema.getFixedSize() : -1;
        return in -> {
            int from = fixed < 0 ? in.passText() : in.position();
            if (fixed >= 0) {
                in.skipFixed(fixed);
            }
            number.take(decimal(in.record(), from, in.position() - from, scale));
        };
    }

    /** The double that is nearest. */
    private static double decimal(byte[] bytes, int from, int length, int scale) {
        if (length == 0 || length > LARGEST_DECIMAL) {
            throw new AvroRuntimeException("it holds a decimal of " + length + " bytes");
        }
        if (length <= 8) {
            long unscaled = bytes[from];
            for (int i = 1; i < length; i++) {
                unscaled = unscaled << 8 | bytes[from + i] & 0xff;
            }
            if (Math.abs(unscaled) < 1L << 53 && scale >= 0 && scale < POWERS_OF_TEN.length) {
                // both are doubles of their own, and so the quotient is rounded once
                return unscaled / POWERS_OF_TEN[scale];
            }
        }
        return new BigDecimal(new BigInteger(bytes, from, length), scale).doubleValue();
    }

    // ---- features

    private Node feature(String field, Schema schema) {
        if (!mapping.isWanted(field)) {
            if (!mapping.isModelOnly()) {
                kinds.add(field, Kind.EXCLUDED);
            }
            return new Node(skip(schema));
        }
        Times times = mapping.times(field);
        if (times != null) {
            return time(field, schema, times);
        }
        FieldEncoder encoder = collector.feature(field);
        Missing missing = encoder::missing;
        Sinks sinks = sinks(field, encoder);
        boolean[] used = {false};
        List<String> unused = new ArrayList<>();
        Step step = union(schema, branch -> {
            Step one = whole(field, branch, encoder, sinks, missing);
            if (branch.getType() != Schema.Type.NULL) {
                used[0] |= one != null;
                if (one == null) {
                    unused.add(whyNot(field, branch));
                }
            }
            return one;
        });
        if (!used[0]) {
            kinds.leaveOut(field, unused.isEmpty() ? "always null" : unused.get(0));
            mapping.fields().entrySet().stream()
                    .filter(named ->
                            named.getKey().equals(field) && !named.getValue().equals(Mapping.EXCLUDE))
                    .forEach(named -> problems.add("%s: field %s is %s, which cannot be a feature"
                            .formatted(named.getValue(), field, unused.isEmpty() ? "always null" : unused.get(0))));
            return new Node(skip(schema));
        }
        if (mapping.bucketWords(field) != null && !kinds.hasNumbers(field)) {
            problems.add("%s: field %s holds no numbers; where it is text of numbers, name it in %s"
                    .formatted(Mapping.BUCKETS, field, Mapping.NUMERIC));
        }
        return new Node(step, Map.of(field, missing), plain(field, schema), encoder);
    }

    private Sinks sinks(String field, FieldEncoder encoder) {
        boolean categorical = mapping.isCategorical(field);
        boolean numeric = mapping.isNumeric(field);
        return new Sinks(
                categorical ? encoder::category : encoder::number,
                categorical ? encoder::category : encoder::number,
                numeric ? (utf8, from, length) -> parse(encoder, utf8, from, length) : encoder::category,
                encoder::missing);
    }

    private static void parse(FieldEncoder encoder, byte[] utf8, int from, int length) throws Rejection {
        if (utf8 == TRUE || utf8 == FALSE) {
            encoder.number(utf8 == TRUE ? 1 : 0);
            return;
        }
        String text = new String(utf8, from, length, StandardCharsets.UTF_8);
        if (text.isBlank()) {
            encoder.missing();
        } else {
            encoder.parse(text);
        }
    }

    /** How a value is read that may hold several; null if it cannot be used. */
    private Step whole(String field, Schema schema, FieldEncoder encoder, Sinks sinks, Missing missing) {
        switch (schema.getType()) {
            case NULL -> {
                return in -> missing.say();
            }
            case ARRAY -> {
                return array(field, schema.getElementType(), encoder, sinks);
            }
            case MAP -> {
                return map(field, schema.getValueType(), encoder, sinks);
            }
            default -> {
                if (!isUsable(field, schema)) {
                    return null;
                }
                kinds.add(field, isNumber(field, schema) ? Kind.NUMBER : Kind.CATEGORY);
                return value(schema, sinks);
            }
        }
    }

    /** Whether a field is nothing but a number or text that is a feature as it is. */
    private Plain plain(String field, Schema schema) {
        if (mapping.isCategorical(field) || mapping.isNumeric(field) || !isUsable(field, schema)) {
            return Plain.NO;
        }
        return switch (schema.getType()) {
            case INT, LONG -> Plain.WHOLE;
            case FLOAT -> Plain.FLOAT;
            case DOUBLE -> Plain.DOUBLE;
            case STRING -> Plain.TEXT;
            default -> Plain.NO;
        };
    }

    /** Whether a single value of this type is a number, as a feature. */
    private boolean isNumber(String field, Schema schema) {
        return switch (schema.getType()) {
            case STRING, BOOLEAN, ENUM -> mapping.isNumeric(field);
            default -> !mapping.isCategorical(field);
        };
    }

    private boolean isUsable(String field, Schema schema) {
        boolean forced = mapping.isNumeric(field) || mapping.isCategorical(field) || mapping.bucketWords(field) != null;
        return switch (schema.getType()) {
            case BOOLEAN, FLOAT, DOUBLE, ENUM -> true;
            case INT, LONG, STRING -> forced || schema.getLogicalType() == null || isDecimal(schema);
            case BYTES, FIXED -> isDecimal(schema);
            default -> false;
        };
    }

    private static boolean isDecimal(Schema schema) {
        return schema.getLogicalType() instanceof LogicalTypes.Decimal;
    }

    private Step array(String field, Schema items, FieldEncoder encoder, Sinks sinks) {
        Set<Boolean> numbers = new HashSet<>();
        for (Schema branch : branchesOf(items)) {
            if (branch.getType() == Schema.Type.NULL) {
                continue;
            }
            if (!isUsable(field, branch) || value(branch, sinks) == null) {
                return null;
            }
            kinds.add(field, isNumber(field, branch) ? Kind.NUMBER : Kind.CATEGORY);
            numbers.add(isNumber(field, branch));
        }
        if (numbers.isEmpty()) {
            return null;
        }
        Step item = union(items, branch -> value(branch, sinks));
        if (numbers.contains(true)) {
            return in -> {
                int place = 0;
                try {
                    for (long n = in.readArrayStart(); n > 0; n = in.arrayNext()) {
                        for (long i = 0; i < n; i++) {
                            encoder.at(place++);
                            item.read(in);
                        }
                    }
                } finally {
                    // a record that is rejected must not leave its mark on the next
                    encoder.whole();
                }
            };
        }
        // what has the same bytes is the same
        Step pass = skip(items);
        return in -> {
            collector.beginSet();
            for (long n = in.readArrayStart(); n > 0; n = in.arrayNext()) {
                for (long i = 0; i < n; i++) {
                    int from = in.position();
                    pass.read(in);
                    if (collector.isNew(in.record(), from, in.position() - from)) {
                        in.back(from);
                        item.read(in);
                    }
                }
            }
        };
    }

    private Step map(String field, Schema values, FieldEncoder encoder, Sinks sinks) {
        boolean any = false;
        for (Schema branch : branchesOf(values)) {
            if (branch.getType() == Schema.Type.NULL) {
                continue;
            }
            if (!isUsable(field, branch) || value(branch, sinks) == null) {
                return null;
            }
            any = true;
            kinds.add(field, isNumber(field, branch) ? Kind.NUMBER : Kind.CATEGORY);
        }
        if (!any) {
            return null;
        }
        Step value = union(values, branch -> value(branch, sinks));
        return in -> {
            try {
                for (long n = in.readMapStart(); n > 0; n = in.mapNext()) {
                    for (long i = 0; i < n; i++) {
                        int from = in.passText();
                        encoder.at(in.record(), from, in.position() - from);
                        value.read(in);
                    }
                }
            } finally {
                encoder.whole();
            }
        };
    }

    // ---- times

    private Node time(String field, Schema schema, Times times) {
        kinds.add(field, Kind.TIME);
        Times.Sink sink = collector.times(times);
        Step step = union(schema, branch -> {
            if (branch.getType() == Schema.Type.NULL) {
                return in -> sink.missing();
            }
            Step one = time(branch, times, sink);
            if (one == null) {
                problems.add("%s: field %s is %s; %s"
                        .formatted(
                                Mapping.TIME,
                                field,
                                a(branch),
                                isTimeable(branch)
                                        ? "say how it is written, such as %s[yyyyMMddHHmm]:hour or %s[seconds]:hour"
                                                .formatted(field, field)
                                        : "that is no time"));
            }
            return one;
        });
        return new Node(step, Map.of(field, sink::missing));
    }

    private static boolean isTimeable(Schema schema) {
        return switch (schema.getType()) {
            case STRING, INT, LONG -> true;
            default -> false;
        };
    }

    /** How a time is read; null if it is none, or its parts are not to be had. */
    private Step time(Schema schema, Times times, Times.Sink sink) {
        if (times.hasPattern()) {
            return switch (schema.getType()) {
                case INT, LONG -> in -> sink.number(in.readLong());
                case STRING ->
                    !times.isOfText()
                            ? null
                            : in -> {
                                int from = in.passText();
                                int length = in.position() - from;
                                if (length == 0) {
                                    sink.missing();
                                } else {
                                    sink.text(in.record(), from, length);
                                }
                            };
                default -> null;
            };
        }
        if (schema.getLogicalType() == null) {
            return null;
        }
        try {
            return switch (schema.getLogicalType().getName()) {
                case "date" -> {
                    times.check(Times.Holds.DAY_ONLY);
                    yield in -> sink.millis(in.readLong() * 86_400_000);
                }
                case "time-millis" -> {
                    times.check(Times.Holds.TIME_ONLY);
                    yield in -> sink.millis(in.readLong());
                }
                case "time-micros" -> {
                    times.check(Times.Holds.TIME_ONLY);
                    yield in -> sink.millis(Math.floorDiv(in.readLong(), 1000L));
                }
                case "timestamp-millis", "local-timestamp-millis" -> in -> sink.millis(in.readLong());
                case "timestamp-micros", "local-timestamp-micros" ->
                    in -> sink.millis(Math.floorDiv(in.readLong(), 1000L));
                case "timestamp-nanos", "local-timestamp-nanos" ->
                    in -> sink.millis(Math.floorDiv(in.readLong(), 1_000_000L));
                default -> null;
            };
        } catch (MappingException e) {
            problems.add(e.getMessage());
            return skip(schema);
        }
    }

    private String whyNot(String field, Schema schema) {
        String why = words(schema);
        if (schema.getLogicalType() != null && isTimeable(schema) && schema.getType() != Schema.Type.STRING) {
            return why + "; features.time=" + field + ":"
                    + (schema.getLogicalType().getName().equals("date") ? "weekday" : "hour")
                    + " takes parts of it";
        }
        return why;
    }

    private static String a(Schema schema) {
        String words = words(schema);
        return ("aeiou".indexOf(words.charAt(0)) >= 0 ? "an " : "a ") + words;
    }

    private static String words(Schema schema) {
        if (schema.getLogicalType() != null) {
            return schema.getLogicalType().getName();
        }
        return switch (schema.getType()) {
            case ARRAY -> "array of " + words(schema.getElementType());
            case MAP -> "map of " + words(schema.getValueType());
            case RECORD -> "record";
            case UNION ->
                String.join(
                        " or ",
                        schema.getTypes().stream().map(CompiledMapping::words).toList());
            default -> schema.getType().getName();
        };
    }

    // ---- passing over

    private Step skip(Schema schema) {
        return switch (schema.getType()) {
            case NULL -> in -> {};
            case BOOLEAN -> in -> in.skipFixed(1);
            case INT, LONG, ENUM -> BoundedDecoder::readLong;
            case FLOAT -> in -> in.skipFixed(4);
            case DOUBLE -> in -> in.skipFixed(8);
            case STRING, BYTES -> BoundedDecoder::skipBytes;
            case FIXED -> {
                int size = schema.getFixedSize();
                yield in -> in.skipFixed(size);
            }
            case ARRAY -> {
                Step item = skip(schema.getElementType());
                yield in -> {
                    for (long n = in.skipArray(); n > 0; n = in.skipArray()) {
                        for (long i = 0; i < n; i++) {
                            item.read(in);
                        }
                    }
                };
            }
            case MAP -> {
                Step value = skip(schema.getValueType());
                yield in -> {
                    for (long n = in.skipMap(); n > 0; n = in.skipMap()) {
                        for (long i = 0; i < n; i++) {
                            in.skipBytes();
                            value.read(in);
                        }
                    }
                };
            }
            case UNION -> branches(schema.getTypes().stream().map(this::skip).toArray(Step[]::new));
            case RECORD -> skipRecord(schema);
        };
    }

    /** A record may hold others of its own kind, so it is looked up when it is met. */
    private Step skipRecord(Schema schema) {
        String record = schema.getFullName();
        if (!skipped.containsKey(record)) {
            Step[] steps = new Step[schema.getFields().size()];
            skipped.put(record, steps);
            for (Schema.Field field : schema.getFields()) {
                steps[field.pos()] = skip(field.schema());
            }
        }
        Step[] steps = skipped.get(record);
        return in -> {
            if (++depth > DEEPEST) {
                throw new AvroRuntimeException("it holds records within records, more than " + DEEPEST + " deep");
            }
            for (Step one : steps) {
                one.read(in);
            }
            depth--;
        };
    }
}
