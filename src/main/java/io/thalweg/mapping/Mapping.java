package io.thalweg.mapping;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The settings that define how the fields of an event become a label and features, parsed and checked. Fields of
 * records in records are named with dots.
 */
public final class Mapping {
    public static final String LABEL = "label";
    public static final String ID = "id.field";
    public static final String IMPORTANCE = "importance.field";
    public static final String MODEL = "model.from";
    public static final String EXCLUDE = "features.exclude";
    public static final String NUMERIC = "features.numeric";
    public static final String CATEGORICAL = "features.categorical";
    public static final String TIME = "features.time";
    public static final String BUCKETS = "features.buckets";
    public static final String CROSS = "features.cross";
    public static final String TYPES = "events.types";

    /** Begins the names of the settings for labels on a topic of their own. */
    public static final String OF_LABELS = "labels.";

    /** The value of {@link #MODEL} for which the record key is the model id. */
    public static final String MODEL_FROM_KEY = "key";

    private static final Pattern MODEL_WORDS = Pattern.compile("(?<how>field|fixed):(?<name>.+)", Pattern.DOTALL);
    private static final Pattern TIME_WORDS = Pattern.compile("(?<field>'[^']*'|\"[^\"]*\"|[^\\[]+?)\\s*"
            + "(\\[(?<pattern>[^\\];]*)(;(?<year>[^\\]]*))?\\])?\\s*:(?<parts>[^:\\]]*)");

    private static final String QUOTES = "'\"";
    /** What may follow a name in quotes. */
    private static final String AFTER_QUOTES = ",*[:";
    /** Characters that separate names in settings. */
    private static final String SIGNS = ",*[]:";

    /** Begins the names of the settings. */
    private final String prefix;

    private final Label label;
    /** The label of all records; NaN if each has its own. */
    private final double constantLabel;

    private final String id;
    private final String importance;
    private final String modelField;
    private final String fixedModel;
    private final Set<String> types;
    private final Set<String> excluded;
    private final Set<String> numeric;
    private final Set<String> categorical;
    private final Map<String, TimeParts> times = new LinkedHashMap<>();
    private final Map<String, Buckets> buckets = new LinkedHashMap<>();
    private final Map<String, String> bucketWords = new LinkedHashMap<>();
    private final List<List<String>> crosses = new ArrayList<>();
    /** The operands of crosses, each with the field that it comes from. */
    private final Map<String, String> operands = new LinkedHashMap<>();
    /** Whether only the model of an event is needed. */
    private final boolean modelOnly;
    /** Whether there are features. */
    private final boolean hasFeatures;

    private Mapping(String prefix, Function<String, String> settings, boolean modelOnly, boolean hasFeatures) {
        this.prefix = prefix;
        this.modelOnly = modelOnly;
        this.hasFeatures = hasFeatures;
        Function<String, String> words = name -> settings.apply(prefix + name) == null
                ? ""
                : settings.apply(prefix + name).strip();
        constantLabel = hasFeatures ? Double.NaN : Numbers.parse(words.apply(LABEL));
        label = modelOnly || words.apply(LABEL).isEmpty() || !Double.isNaN(constantLabel)
                ? null
                : Label.of(words.apply(LABEL));
        id = modelOnly || words.apply(ID).isEmpty() ? null : unquoted(words.apply(ID));
        importance = modelOnly || words.apply(IMPORTANCE).isEmpty() ? null : unquoted(words.apply(IMPORTANCE));
        String model = words.apply(MODEL);
        Matcher from = MODEL_WORDS.matcher(model);
        if (!from.matches() && !model.isEmpty() && !model.equals(MODEL_FROM_KEY)) {
            throw new MappingException(setting(MODEL) + " must be key, field:NAME or fixed:NAME, not " + model);
        }
        modelField = from.matches() && from.group("how").equals("field") ? unquoted(from.group("name")) : null;
        fixedModel = from.matches() && from.group("how").equals("fixed")
                ? from.group("name").strip()
                : null;
        types = hasFeatures ? names(words.apply(TYPES)) : Set.of();
        excluded = hasFeatures ? names(words.apply(EXCLUDE)) : Set.of();
        numeric = hasFeatures ? names(words.apply(NUMERIC)) : Set.of();
        categorical = hasFeatures ? names(words.apply(CATEGORICAL)) : Set.of();
        if (!modelOnly && hasFeatures) {
            items(words.apply(TIME)).forEach(this::addTime);
            items(words.apply(BUCKETS)).forEach(this::addBuckets);
            items(words.apply(CROSS)).forEach(this::addCross);
        }
        check();
    }

    /**
     * Parses the settings.
     *
     * @param settings gives the text of each setting; empty or null if it is not set
     * @throws MappingException if one cannot be understood, or two contradict each other
     */
    public static Mapping of(Function<String, String> settings) {
        return new Mapping("", settings, false, true);
    }

    /**
     * Creates a mapping that reads the model of an event and nothing else.
     *
     * @param settings as in {@link #of}
     */
    public static Mapping ofModelOnly(Function<String, String> settings) {
        return new Mapping("", settings, true, true);
    }

    /**
     * Creates a mapping of label records, which have no features. The names of its settings begin with
     * {@value #OF_LABELS}.
     *
     * @param settings as in {@link #of}
     */
    public static Mapping ofLabels(Function<String, String> settings) {
        return new Mapping(OF_LABELS, settings, false, false);
    }

    /**
     * Creates a mapping that reads the model of a label record and nothing else.
     *
     * @param settings as in {@link #of}
     */
    public static Mapping ofModelOfLabels(Function<String, String> settings) {
        return new Mapping(OF_LABELS, settings, true, false);
    }

    /** Returns whether events of any type are learned from. */
    public boolean isOfEveryType() {
        return types.isEmpty();
    }

    /**
     * Returns whether events of a type are learned from; the others are passed over.
     *
     * @param name the name of a record's schema, with its namespace
     */
    public boolean isOfType(String name) {
        return types.isEmpty() || types.contains(name) || types.contains(name.substring(name.lastIndexOf('.') + 1));
    }

    /** Returns the name of a setting of this mapping, such as {@link #LABEL}. */
    public String setting(String name) {
        return prefix + name;
    }

    /** The parts between commas that are not in brackets or in quotes. */
    private static List<String> items(String words) {
        return parts(words, ',').stream().filter(item -> !item.isEmpty()).toList();
    }

    /** The parts between separators that are not in brackets or in quotes. */
    private static List<String> parts(String words, char separator) {
        List<String> parts = new ArrayList<>();
        int depth = 0;
        int begin = 0;
        boolean blank = true;
        for (int i = 0; i <= words.length(); i++) {
            i = blank ? endOfQuotes(words, i) : i;
            char c = i == words.length() ? separator : words.charAt(i);
            // a cross has a name after each sign, too
            blank = c == '*' || blank && Character.isWhitespace(c);
            depth += c == '[' ? 1 : c == ']' ? -1 : 0;
            if (c == separator && (depth <= 0 || i == words.length())) {
                parts.add(words.substring(begin, i).strip());
                begin = i + 1;
                blank = true;
            }
        }
        return parts;
    }

    /**
     * Where quotes that begin a name end.
     *
     * @return the position after them, or {@code from} if the name is not in quotes. A name may begin with a quote that
     *     is a part of it
     */
    private static int endOfQuotes(String words, int from) {
        if (from == words.length() || QUOTES.indexOf(words.charAt(from)) < 0) {
            return from;
        }
        int end = words.indexOf(words.charAt(from), from + 1);
        if (end < 0) {
            return from;
        }
        String rest = words.substring(end + 1).stripLeading();
        return rest.isEmpty() || AFTER_QUOTES.indexOf(rest.charAt(0)) >= 0 ? end + 1 : from;
    }

    private static Set<String> names(String words) {
        Set<String> names = new LinkedHashSet<>();
        items(words).forEach(item -> names.add(unquoted(item)));
        return names;
    }

    /** A name without the quotes that it may be in. */
    private static String unquoted(String words) {
        String name = words.strip();
        return name.length() > 1 && endOfQuotes(name, 0) == name.length() ? name.substring(1, name.length() - 1) : name;
    }

    /** A name as it is written in settings: in quotes if it contains characters that have a meaning there. */
    public static String quoted(String name) {
        boolean plain = name.chars().noneMatch(c -> SIGNS.indexOf(c) >= 0)
                && name.equals(name.strip())
                && !name.isEmpty()
                && QUOTES.indexOf(name.charAt(0)) < 0;
        return plain ? name : name.indexOf('\'') < 0 ? "'" + name + "'" : "\"" + name + "\"";
    }

    private void addTime(String item) {
        Matcher words = TIME_WORDS.matcher(item);
        if (!words.matches()) {
            throw new MappingException(
                    TIME + ": \"%s\" is not like departure:hour|weekday or date[yyyyMMddHHmm]:hour".formatted(item));
        }
        String field = unquoted(words.group("field"));
        if (times.put(field, TimeParts.of(field, words.group("pattern"), words.group("year"), words.group("parts")))
                != null) {
            throw twice(TIME, field);
        }
    }

    private void addBuckets(String item) {
        int colon = item.lastIndexOf(':');
        if (colon <= 0) {
            throw new MappingException(BUCKETS + ": \"%s\" is not like age:18|25|40 or amount:log2".formatted(item));
        }
        String field = unquoted(item.substring(0, colon));
        String words = item.substring(colon + 1).strip();
        if (buckets.put(field, Buckets.of(field, words)) != null) {
            throw twice(BUCKETS, field);
        }
        bucketWords.put(field, words);
    }

    private void addCross(String item) {
        Set<String> cross = new LinkedHashSet<>();
        for (String word : parts(item, '*')) {
            String operand = unquoted(word);
            if (operand.isEmpty()) {
                throw new MappingException(CROSS + ": \"%s\" is not like origin*destination".formatted(item));
            }
            if (!cross.add(operand)) {
                throw new MappingException(CROSS + ": \"%s\" has %s twice".formatted(item, operand));
            }
        }
        if (cross.size() < 2) {
            throw new MappingException(
                    CROSS + ": \"%s\" needs at least two fields; a cross is like origin*destination".formatted(item));
        }
        if (crosses.contains(List.copyOf(cross))) {
            throw twice(CROSS, item);
        }
        crosses.add(List.copyOf(cross));
        for (String operand : cross) {
            operands.put(operand, source(operand));
        }
    }

    /** The field that an operand comes from: itself, or the field whose time it is a part of. */
    private String source(String operand) {
        return times.entrySet().stream()
                .filter(time -> time.getValue().names().contains(operand))
                .map(Map.Entry::getKey)
                .findFirst()
                .orElse(operand);
    }

    private static MappingException twice(String setting, String what) {
        return new MappingException(setting + ": " + what + " is listed twice");
    }

    private void check() {
        Map<String, String> special = new LinkedHashMap<>();
        special(special, label == null ? null : label.field(), setting(LABEL));
        special(special, id, setting(ID));
        special(special, importance, setting(IMPORTANCE));
        special(special, modelField, setting(MODEL));
        Map<String, String> seen = new LinkedHashMap<>();
        Map<String, Set<String>> ways = new LinkedHashMap<>();
        ways.put(NUMERIC, numeric);
        ways.put(CATEGORICAL, categorical);
        ways.put(TIME, times.keySet());
        ways.put(BUCKETS, buckets.keySet());
        ways.forEach((setting, fields) -> fields.forEach(field -> {
            // text can be read as a number and then sorted into buckets
            String other = setting.equals(BUCKETS) && numeric.contains(field) ? null : seen.put(field, setting);
            if (other != null) {
                throw new MappingException(
                        "field %s is in %s and in %s; it can only be one of them".formatted(field, other, setting));
            }
        }));
        ways.put(CROSS, new LinkedHashSet<>(operands.values()));
        ways.forEach((setting, fields) -> fields.forEach(field -> {
            if (special.containsKey(field)) {
                throw new MappingException("field %s is in %s and in %s; %s"
                        .formatted(
                                field,
                                special.get(field),
                                setting,
                                special.get(field).equals(LABEL)
                                        ? "the label's field cannot be a feature"
                                        : "it can only be one of them"));
            }
        }));
    }

    private static void special(Map<String, String> special, String field, String setting) {
        String other = field == null ? null : special.put(field, setting);
        if (other != null) {
            throw new MappingException(
                    "field %s is in %s and in %s; it can only be one of them".formatted(field, other, setting));
        }
    }

    /** How the label is computed; null if there is none. */
    public Label label() {
        return label;
    }

    /** The label of all records; NaN if each has its own. */
    public double constantLabel() {
        return constantLabel;
    }

    /** The field that contains the id; null if there is none. */
    public String id() {
        return id;
    }

    /** The field that contains the importance; null if there is none. */
    public String importance() {
        return importance;
    }

    /** The field that contains the model id; null if there is none. */
    public String modelField() {
        return modelField;
    }

    /** The model of all events; null if each event names its own. */
    public String fixedModel() {
        return fixedModel;
    }

    /** Whether the record key is the model id. */
    public boolean isModelFromKey() {
        return modelField == null && fixedModel == null;
    }

    /** Whether the records are labels, and not events with features. */
    public boolean isOfLabels() {
        return !hasFeatures;
    }

    /** Whether only the model of an event is needed. */
    public boolean isModelOnly() {
        return modelOnly;
    }

    /** Whether it makes features that only named features can be. */
    public boolean needsNames() {
        return !times.isEmpty() || !buckets.isEmpty() || !crosses.isEmpty();
    }

    /** Whether a field is the label, id, importance or model, and so not a feature. */
    public boolean isSpecial(String field) {
        return label != null && field.equals(label.field())
                || field.equals(id)
                || field.equals(importance)
                || field.equals(modelField);
    }

    /** Whether a field, or a record that it is in, is excluded from the features. */
    public boolean isExcluded(String field) {
        if (modelOnly || !hasFeatures || excluded.contains(field)) {
            return true;
        }
        for (int dot = field.lastIndexOf('.'); dot > 0; dot = field.lastIndexOf('.', dot - 1)) {
            if (excluded.contains(field.substring(0, dot))) {
                return true;
            }
        }
        return false;
    }

    /** Whether the numbers in a field are categories. */
    public boolean isCategorical(String field) {
        return categorical.contains(field);
    }

    /** Whether text in a field is read as numbers. */
    public boolean isNumeric(String field) {
        return numeric.contains(field);
    }

    /** Whether a single value of a feature becomes a number. @param isWord whether it is text or a boolean */
    public boolean isNumber(String field, boolean isWord) {
        return isWord ? isNumeric(field) : !isCategorical(field);
    }

    /** The parts of a field that is a time; null if it is not used as one. */
    public TimeParts times(String field) {
        return times.get(field);
    }

    /** The fields that are times without a pattern, so that only a schema can say how their values are meant. */
    public List<String> timesWithoutPattern() {
        return times.entrySet().stream()
                .filter(time -> !time.getValue().hasPattern())
                .map(Map.Entry::getKey)
                .toList();
    }

    /** The ranges of a field; null if it has none. */
    Buckets buckets(String field) {
        return buckets.get(field);
    }

    /** The crosses, in the order of the settings. */
    List<List<String>> crosses() {
        return crosses;
    }

    /** All operands of crosses, in the order in which they first occur. */
    List<String> operands() {
        return List.copyOf(operands.keySet());
    }

    /** Whether a field, or something computed from it, is a feature or part of a cross. */
    public boolean isWanted(String field) {
        TimeParts time = times.get(field);
        return operands.containsValue(field)
                || !isExcluded(field) && (time == null || time.names().stream().anyMatch(part -> !isExcluded(part)));
    }

    /** The crosses as they are written in the settings. */
    public List<String> crossWords() {
        return crosses.stream().map(cross -> String.join("*", cross)).toList();
    }

    /** Whether a setting says how the values of a field are used, or crosses them. */
    public boolean isUseNamed(String field) {
        return numeric.contains(field)
                || categorical.contains(field)
                || buckets.containsKey(field)
                || operands.containsKey(field);
    }

    /** The ranges of a field as they are written in the settings; null if it has none. */
    public String bucketWords(String field) {
        return bucketWords.get(field);
    }

    /** Every field that a setting names, with that setting. A record in a record can be excluded as a whole. */
    public Map<String, String> fields() {
        Map<String, String> fields = new LinkedHashMap<>();
        if (label != null) {
            fields.put(label.field(), setting(LABEL));
        }
        put(fields, id, setting(ID));
        put(fields, importance, setting(IMPORTANCE));
        put(fields, modelField, setting(MODEL));
        if (modelOnly) {
            return fields;
        }
        excluded.forEach(field -> put(fields, source(field), EXCLUDE));
        numeric.forEach(field -> put(fields, field, NUMERIC));
        categorical.forEach(field -> put(fields, field, CATEGORICAL));
        times.keySet().forEach(field -> put(fields, field, TIME));
        buckets.keySet().forEach(field -> put(fields, field, BUCKETS));
        operands.values().forEach(field -> put(fields, field, CROSS));
        return fields;
    }

    /** Whether a field is that of the label, the id, or the model, without which the settings make no sense. */
    public boolean isNeeded(String field) {
        return label != null && label.field().equals(field) || field.equals(id) || field.equals(modelField);
    }

    private static void put(Map<String, String> fields, String field, String setting) {
        if (field != null) {
            fields.putIfAbsent(field, setting);
        }
    }

    /**
     * Creates the exception for a setting that names a field that events, or label records, do not have.
     *
     * @param there the names of the fields that they have
     */
    public static MappingException noSuchField(String setting, String field, List<String> there) {
        int shown = Math.min(20, there.size());
        return new MappingException("%s: there is no field %s; the %s has %s%s"
                .formatted(
                        setting,
                        field,
                        setting.startsWith(OF_LABELS) ? "label record" : "event",
                        there.isEmpty() ? "no fields" : String.join(", ", there.subList(0, shown)),
                        there.size() > shown ? " and %d more".formatted(there.size() - shown) : ""));
    }
}
