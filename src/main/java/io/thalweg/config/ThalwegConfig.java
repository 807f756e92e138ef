package io.thalweg.config;

import static org.apache.kafka.common.config.ConfigDef.Importance.HIGH;
import static org.apache.kafka.common.config.ConfigDef.Importance.LOW;
import static org.apache.kafka.common.config.ConfigDef.Importance.MEDIUM;
import static org.apache.kafka.common.config.ConfigDef.Range.atLeast;
import static org.apache.kafka.common.config.ConfigDef.Range.between;

import io.thalweg.mapping.Mapping;
import io.thalweg.mapping.MappingException;
import io.thalweg.math.Algorithm;
import io.thalweg.math.FeatureForm;
import io.thalweg.math.LearnerSettings;
import io.thalweg.math.LearningRate;
import io.thalweg.math.StepOptions;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.NonEmptyString;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.common.config.ConfigDef.ValidString;
import org.apache.kafka.common.config.ConfigException;
import org.jspecify.annotations.Nullable;

/**
 * All settings of Thalweg, with their defaults, ranges and documentation. docs/reference/settings.md is
 * generated from here.
 *
 * <p>Settings of Kafka and of the registry are passed through: see {@link #clients()} and {@link #registry()}.
 */
public final class ThalwegConfig extends AbstractConfig {
    public static final String APPLICATION_ID = "application.id";
    public static final String BOOTSTRAP_SERVERS = "bootstrap.servers";
    public static final String REGISTRY_URL = "schema.registry.url";

    public static final String EXAMPLES_TOPIC = "examples.topic";
    public static final String LABELS_TOPIC = "labels.topic";
    public static final String PREDICTIONS_TOPIC = "predictions.topic";
    public static final String WEIGHTS_TOPIC = "weights.topic";
    public static final String METRICS_TOPIC = "metrics.topic";
    public static final String DEAD_LETTERS_TOPIC = "dead.letters.topic";
    public static final String OUTCOMES_TOPIC = "outcomes.topic";

    public static final String EXAMPLES_FORMAT = "examples.format";
    public static final String LABELS_FORMAT = "labels.format";
    public static final String JSON_SCHEMA_LOOKUP = "json.schema.lookup";
    private static final String LOOKUP_IS_ON = JSON_SCHEMA_LOOKUP + " = true";
    public static final String OUTPUT_FORMAT = "output.format";
    public static final String KEY_FORMAT = "key.format";
    public static final String EVENTS_UNWRAP = "events.unwrap";
    public static final String EVENTS_UNWRAP_DELETES = "events.unwrap.deletes";
    public static final String EVENTS_UNWRAP_SNAPSHOTS = "events.unwrap.snapshots";

    public static final String ALGORITHM = "algorithm";
    public static final String LEARNING_RATE = "learning.rate";
    public static final String LEARNING_RATE_SCHEDULE = "learning.rate.schedule";
    public static final String LEARNING_RATE_DECAY = "learning.rate.decay";
    public static final String SCALING = "scaling";
    public static final String L1 = "l1";
    public static final String L2 = "l2";
    public static final String GRADIENT_CLIP = "gradient.clip";
    public static final String IMPORTANCE_INVARIANT = "importance.invariant";
    public static final String FTRL_BETA = "ftrl.beta";
    public static final String FEATURES_FORM = "features.form";
    public static final String FEATURES_SPACE_BITS = "features.space.bits";
    public static final String NAMES_MAX = "names.max";
    public static final String MODELS_MAX = "models.max";
    public static final String MODEL_DEFAULT = "model.default";
    public static final String EXAMPLE_MAX_BYTES = "example.max.bytes";

    public static final String LABEL = Mapping.LABEL;
    public static final String ID_FIELD = Mapping.ID;
    public static final String IMPORTANCE_FIELD = Mapping.IMPORTANCE;
    public static final String MODEL_FROM = Mapping.MODEL;
    public static final String EVENTS_TYPES = Mapping.TYPES;
    public static final String FEATURES_EXCLUDE = Mapping.EXCLUDE;
    public static final String FEATURES_NUMERIC = Mapping.NUMERIC;
    public static final String FEATURES_CATEGORICAL = Mapping.CATEGORICAL;
    public static final String FEATURES_TIME = Mapping.TIME;
    public static final String FEATURES_BUCKETS = Mapping.BUCKETS;
    public static final String FEATURES_CROSS = Mapping.CROSS;

    public static final String LABELS_LABEL = Mapping.OF_LABELS + Mapping.LABEL;
    public static final String LABELS_ID_FIELD = Mapping.OF_LABELS + Mapping.ID;
    public static final String LABELS_IMPORTANCE_FIELD = Mapping.OF_LABELS + Mapping.IMPORTANCE;
    public static final String LABELS_MODEL_FROM = Mapping.OF_LABELS + Mapping.MODEL;
    public static final String LABELS_WAIT_MS = "labels.wait.ms";
    public static final String LABELS_MISSING = "labels.missing";
    public static final String LABELS_POLICY = "labels.policy";
    public static final String LABELS_EARLY_MS = "labels.early.ms";
    public static final String LABELS_REVISE = "labels.revise";

    public static final String WEIGHTS_RECORD_MAX = "weights.record.max";
    public static final String WEIGHTS_EVERY = "weights.every";
    public static final String WEIGHTS_INTERVAL_MS = "weights.interval.ms";
    public static final String WEIGHTS_WINDOW = "weights.window";
    public static final String METRICS_EVERY = "metrics.every";
    public static final String METRICS_WINDOW = "metrics.window";
    public static final String DEAD_LETTERS_MAX_BYTES = "dead.letters.max.bytes";

    public static final String PROCESSING_GUARANTEE = "processing.guarantee";
    public static final String COMMIT_INTERVAL_MS = "commit.interval.ms";
    public static final String THREADS = "num.stream.threads";
    public static final String READ_AHEAD = "read.ahead";
    public static final String THREAD_REPLACEMENTS_MAX = "thread.replacements.max";
    public static final String BROKER_STALL_MAX_MS = "broker.stall.max.ms";
    public static final String REGISTRY_RETRY_MAX_MS = "registry.retry.max.ms";
    public static final String START_TIMEOUT_MS = "start.timeout.ms";
    public static final String STATE_MIGRATE = "state.migrate";
    public static final String MODEL_START = "model.start";

    public static final String TOPICS_PARTITIONS = "topics.partitions";
    public static final String TOPICS_REPLICATION_FACTOR = "topics.replication.factor";
    public static final String TOPICS_RETENTION_MS = "topics.retention.ms";
    public static final String TOPICS_HISTORY_MS = "topics.history.ms";

    public static final String HTTP_LISTEN = "http.listen";
    public static final String HTTP_TOKENS_FILE = "http.tokens.file";
    public static final String HTTP_ALLOW_ANONYMOUS = "http.allow.anonymous";
    public static final String HTTP_SSL_KEYSTORE_LOCATION = "http.ssl.keystore.location";
    public static final String HTTP_SSL_KEYSTORE_PASSWORD = "http.ssl.keystore.password";
    public static final String HTTP_SSL_KEYSTORE_TYPE = "http.ssl.keystore.type";
    public static final String HTTP_SSL_KEY_PASSWORD = "http.ssl.key.password";
    public static final String HTTP_SSL_TRUSTSTORE_LOCATION = "http.ssl.truststore.location";
    public static final String HTTP_SSL_TRUSTSTORE_PASSWORD = "http.ssl.truststore.password";
    public static final String HTTP_SSL_TRUSTSTORE_TYPE = "http.ssl.truststore.type";
    public static final String HTTP_BODY_MAX_BYTES = "http.body.max.bytes";
    public static final String HTTP_TIMEOUT_MS = "http.timeout.ms";
    public static final String HTTP_FAILURES_MAX = "http.failures.max";
    public static final String HTTP_STALE_MAX_MS = "http.stale.max.ms";
    public static final String HTTP_METRICS_MODELS_MAX = "http.metrics.models.max";
    public static final String HTTP_STALL_MAX_MS = "http.stall.max.ms";

    public static final String TOPICS_COMPRESSION = "topics.compression";

    /** The prefix of a setting that is passed to all Kafka clients although Kafka does not define it. */
    public static final String PASS_PREFIX = "client.";

    private static final int LONGEST = 16_000;
    /** The threads that are busy if examples are read ahead: one that reads, one that learns, and one that sends. */
    private static final int THREADS_WHEN_AHEAD = 3;

    private static final String CONNECTION = "Connection";
    private static final String TOPICS = "Topics";
    private static final String FORMATS = "Formats";
    private static final String MAPPING = "Mapping";
    private static final String LABELS = "Labels that come later";
    private static final String LEARNING = "Learning";
    private static final String OUTPUT = "Output";
    private static final String RUNNING = "Running";
    private static final String HTTP = "HTTP";

    /** The flags of each setting, in the order of definition. */
    private static final Map<String, Set<SettingFlag>> FLAGS = new LinkedHashMap<>();

    public static final ConfigDef DEFINITION = define();

    /** The settings that determine which numbers a model keeps. Only {@link #STATE_MIGRATE} allows them to change. */
    public static final List<String> KIND = settings(SettingFlag.KIND);

    /** The settings that cannot be changed once there is state, because it would change its meaning. */
    public static final List<String> FINGERPRINT = settings(SettingFlag.STATE);

    private static final String ROUTED = "-by-model";
    private static final String ROUTED_LABELS = "-by-model-labels";
    private static final Pattern COPIES_NUMBER = Pattern.compile("-([2-9]|[1-9][0-9]{1,5})");
    private static final int COPIES_AT_ONCE = 16;

    private final Mapping mapping;
    private final Mapping labelsMapping;
    private final int copies;

    private static ConfigDef define() {
        ConfigDef def = new ConfigDef();
        Group connection = new Group(def, CONNECTION);
        connection.add(
                BOOTSTRAP_SERVERS,
                Type.STRING,
                "localhost:9092",
                new NonEmptyString(),
                HIGH,
                "Kafka brokers to connect to first, as `host:port`, separated by commas.");
        connection.add(
                REGISTRY_URL,
                Type.STRING,
                "http://localhost:8081",
                null,
                HIGH,
                "Address of the Schema Registry. Several addresses are separated by commas. If it is empty, or not set"
                        + " although nothing needs a registry, there is none.");
        connection.add(
                APPLICATION_ID,
                Type.STRING,
                "thalweg",
                new NonEmptyString(),
                HIGH,
                "Name of the learner. Its consumer group has this name, and its changelog topic and transactional"
                        + " ids start with it. Instances with the same name share the partitions.");

        Group topics = new Group(def, TOPICS);
        topics.add(EXAMPLES_TOPIC, Type.STRING, "examples", new NonEmptyString(), HIGH, "Topic to learn from.");
        topics.add(
                LABELS_TOPIC,
                Type.STRING,
                "",
                null,
                HIGH,
                "Topic of labels that come later than their events. If empty, labels are in the events. It has as many"
                        + " partitions as the examples topic, unless `labels.model.from` is not `key`.",
                SettingFlag.REPLAYED,
                SettingFlag.LABELS);
        topics.add(PREDICTIONS_TOPIC, Type.STRING, "predictions", new NonEmptyString(), HIGH, "Topic for predictions.");
        topics.add(WEIGHTS_TOPIC, Type.STRING, "weights", new NonEmptyString(), HIGH, "Topic for weights. Compacted.");
        topics.add(METRICS_TOPIC, Type.STRING, "metrics", new NonEmptyString(), HIGH, "Topic for metrics. Compacted.");
        topics.add(
                DEAD_LETTERS_TOPIC,
                Type.STRING,
                "dead-letters",
                new NonEmptyString(),
                HIGH,
                "Topic for records that could not be used.");
        topics.add(
                OUTCOMES_TOPIC,
                Type.STRING,
                "outcomes",
                new NonEmptyString(),
                HIGH,
                "Topic for what came of each label, and of each event without one, if `labels.topic` is set.");
        topics.add(
                TOPICS_PARTITIONS,
                Type.INT,
                1,
                atLeast(1),
                MEDIUM,
                "Number of partitions of the topics that `topics --create` creates. If the examples topic already"
                        + " exists, the others get the same number.");
        topics.add(
                TOPICS_REPLICATION_FACTOR,
                Type.SHORT,
                (short) -1,
                atLeast(-1),
                MEDIUM,
                "Replication factor of the topics that `topics --create` creates. -1 uses the broker's default.");
        topics.add(
                TOPICS_RETENTION_MS,
                Type.LONG,
                -1L,
                atLeast(-1),
                MEDIUM,
                "How long the topics that `topics --create` creates, other than weights and metrics, keep their"
                        + " records, by record timestamp. -1 keeps them forever, which `verify` needs: it replays every"
                        + " event and every label since the first.");
        topics.add(
                TOPICS_HISTORY_MS,
                Type.LONG,
                604_800_000L,
                atLeast(0),
                LOW,
                "How long the topics of weights and metrics that `topics --create` creates keep all records, by record"
                        + " timestamp, before they are compacted to the last ones. The page shows this history.");

        topics.add(
                TOPICS_COMPRESSION,
                Type.STRING,
                "lz4",
                ValidString.in("none", "gzip", "snappy", "lz4", "zstd"),
                MEDIUM,
                "Compression of what the learner writes. Without a codec of their own, kafkajs and other clients read"
                        + " only `gzip` and `none`. Kafka's `compression.type` overrides it.");

        Group formats = new Group(def, FORMATS, SettingFlag.REPLAYED, SettingFlag.FORMAT);
        formats.add(
                EXAMPLES_FORMAT,
                Type.STRING,
                ValueFormat.AVRO.toString(),
                ValidString.in(ValueFormat.words(ValueFormat.values())),
                HIGH,
                "Format of the values of the examples topic: `avro` or `protobuf` in the frame of a schema registry, or"
                        + " `json`, one object in each value, with or without the frame of Confluent's JSON Schema"
                        + " serializer. `protobuf` needs `label`, or `id.field` if labels come later.");
        formats.add(
                LABELS_FORMAT,
                Type.STRING,
                "",
                ValidString.in(ValueFormat.words(null, ValueFormat.AVRO, ValueFormat.JSON, ValueFormat.PROTOBUF)),
                MEDIUM,
                "Format of the values of the labels topic. If empty, they have that of the examples.",
                SettingFlag.LABELS);
        formats.add(
                JSON_SCHEMA_LOOKUP,
                Type.BOOLEAN,
                false,
                null,
                LOW,
                "Whether the schema that a JSON value names, in its frame or in a header, is looked up in the schema"
                        + " registry. If the registry does not know it, or it is no JSON Schema, the value becomes a"
                        + " dead letter. Values are not validated against it, and those that name none are taken as"
                        + " they are.");
        formats.add(
                KEY_FORMAT,
                Type.STRING,
                KeyFormat.STRING.toString(),
                ValidString.in(KeyFormat.words()),
                MEDIUM,
                "Format of the keys of events and labels, where they are model ids: `string`, `long` (8 bytes), `json`,"
                        + " or `avro` in the frame of a schema registry. Of an object or record, the only field"
                        + " counts.");
        formats.add(
                EVENTS_UNWRAP,
                Type.STRING,
                "",
                ValidString.in("", "after"),
                MEDIUM,
                "`after` if events are change events of Debezium: a row is learned from as it is after"
                        + " the change. Records without a value are passed over. If empty, events are taken as they"
                        + " are.");
        formats.add(
                EVENTS_UNWRAP_DELETES,
                Type.STRING,
                "skip",
                ValidString.in("skip", "before"),
                MEDIUM,
                "What becomes of change events of deleted rows: `skip` passes them over, `before` learns from the row"
                        + " as it was before.");
        formats.add(
                EVENTS_UNWRAP_SNAPSHOTS,
                Type.STRING,
                "after",
                ValidString.in("skip", "after"),
                MEDIUM,
                "What becomes of change events of rows that were read for a snapshot: `after` learns from them like"
                        + " from inserted rows, `skip` passes them over.");
        formats.add(
                OUTPUT_FORMAT,
                Type.STRING,
                ValueFormat.AVRO.toString(),
                ValidString.in(ValueFormat.words(ValueFormat.AVRO, ValueFormat.JSON)),
                HIGH,
                "Format of what the learner writes: `avro` in the frame of a schema registry, or `json`. If nothing is"
                        + " in Avro or Protobuf, no schema registry is needed.");

        Group mapping = new Group(def, MAPPING, SettingFlag.REPLAYED, SettingFlag.MAPPING);
        mapping.add(
                LABEL,
                Type.STRING,
                "",
                null,
                HIGH,
                "Label of an event: a field, or a comparison such as `delay > 15` or `status == 'fraud'`."
                        + " If set, the examples topic may hold records with any fields. If empty, it holds"
                        + " Examples. To change it once there is state, see `" + STATE_MIGRATE + "`.");
        mapping.add(
                ID_FIELD,
                Type.STRING,
                "",
                null,
                MEDIUM,
                "Field with the id of the event. Its prediction repeats the id.");
        mapping.add(
                IMPORTANCE_FIELD,
                Type.STRING,
                "",
                null,
                MEDIUM,
                "Field with the importance of the event. Null counts as 1.");
        mapping.add(
                MODEL_FROM,
                Type.STRING,
                Mapping.MODEL_FROM_KEY,
                null,
                MEDIUM,
                "Where the model id comes from: `key` (the record key), `field:NAME` (a field of the event), or"
                        + " `fixed:NAME` (one model for all events).",
                SettingFlag.STATE);
        mapping.add(
                FEATURES_EXCLUDE,
                Type.STRING,
                "",
                null,
                MEDIUM,
                "Fields that are not features, separated by commas. A record field excludes all fields in it."
                        + " Excluded fields can still be crossed. Here and in the settings below, a name that contains"
                        + " signs is put in quotes: `'price, EUR'`.");
        mapping.add(
                FEATURES_NUMERIC, Type.STRING, "", null, MEDIUM, "Fields whose text or booleans are read as numbers.");
        mapping.add(
                FEATURES_CATEGORICAL,
                Type.STRING,
                "",
                null,
                MEDIUM,
                "Fields whose numbers are names, such as a postal code. They become categories.");
        mapping.add(
                FEATURES_TIME,
                Type.STRING,
                "",
                null,
                MEDIUM,
                "Parts of a time to use as categories, such as `departure:hour\\|weekday`. Parts: hour, minute,"
                        + " weekday, day, month, and year, in UTC. Text and plain numbers need a pattern in brackets:"
                        + " `date[yyyyMMddHHmm]:hour`, `date[MMddHHmm;2001]:weekday` (with the year that the pattern"
                        + " lacks), `t[iso]:hour` (ISO 8601), or `t[seconds]:hour` (also `millis` and `micros`).");
        mapping.add(
                FEATURES_BUCKETS,
                Type.STRING,
                "",
                null,
                MEDIUM,
                "Numbers whose range is used as a category: `age:18\\|25\\|40`, or `amount:log2` for powers"
                        + " of two.");
        mapping.add(
                FEATURES_CROSS,
                Type.STRING,
                "",
                null,
                MEDIUM,
                "Features to combine: `origin*destination, origin*departure.hour`. Their names are joined, and their"
                        + " values multiplied.");

        mapping.add(
                EVENTS_TYPES,
                Type.STRING,
                "",
                null,
                MEDIUM,
                "Types of events to learn from, separated by commas: names of records, with or without the namespace."
                        + " Events of other types are passed over: they have neither a prediction nor a dead letter. If"
                        + " empty, an event that lacks the field of the label becomes a dead letter.");

        Group labels = new Group(def, LABELS, SettingFlag.REPLAYED, SettingFlag.LABELS);
        labels.add(
                LABELS_ID_FIELD,
                Type.STRING,
                "id",
                null,
                HIGH,
                "Field of a label record with the id of its event. The id of an event is in `id.field`, or in the field"
                        + " `id` of an Example.");
        labels.add(
                LABELS_LABEL,
                Type.STRING,
                "label",
                null,
                HIGH,
                "What the label is: a field of the label record, a comparison as for `label`, or a number if all"
                        + " records mean the same: `1` for a topic of clicks.");
        labels.add(
                LABELS_IMPORTANCE_FIELD,
                Type.STRING,
                "",
                null,
                MEDIUM,
                "Field of a label record with an importance, which replaces that of the event. Null keeps that of the"
                        + " event.");
        labels.add(
                LABELS_MODEL_FROM,
                Type.STRING,
                Mapping.MODEL_FROM_KEY,
                null,
                MEDIUM,
                "Where the model id of a label comes from, as for `model.from`.");
        labels.add(
                LABELS_WAIT_MS,
                Type.LONG,
                86_400_000L,
                atLeast(1),
                HIGH,
                "How long an event waits for its label, from the timestamp of the event. Time is the largest timestamp"
                        + " that events and labels have had so far.");
        labels.add(
                LABELS_MISSING,
                Type.STRING,
                "drop",
                ValidString.in("drop", "negative"),
                HIGH,
                "What becomes of an event whose label did not come in time: `drop` learns nothing from it, `negative`"
                        + " takes the step of label 0.");
        labels.add(
                LABELS_POLICY,
                Type.STRING,
                "wait",
                ValidString.in("wait", "provisional"),
                MEDIUM,
                "When a model learns from an event: `wait` for the label, or `provisional`, which learns from it at"
                        + " once as a negative and corrects that when a positive label comes.");
        labels.add(
                LABELS_EARLY_MS,
                Type.LONG,
                600_000L,
                atLeast(0),
                MEDIUM,
                "How long a label waits for its event, from the timestamp of the label: labels can overtake events.");
        labels.add(
                LABELS_REVISE,
                Type.BOOLEAN,
                false,
                null,
                MEDIUM,
                "Whether a second, different label of an event corrects the first. If false, it becomes a dead"
                        + " letter.");

        Group learning = new Group(def, LEARNING, SettingFlag.REPLAYED);
        learning.add(
                ALGORITHM,
                Type.STRING,
                Algorithm.SGD.toString(),
                ValidString.in(
                        Stream.of(Algorithm.values()).map(Algorithm::toString).toArray(String[]::new)),
                HIGH,
                "How a model learns: `sgd`, the plain gradient step; `adagrad`, with a learning rate for each weight;"
                        + " `ftrl`, FTRL-Proximal; or `auto`, a mixture that needs no tuning and takes none of the"
                        + " settings from `learning.rate` to `ftrl.beta`.",
                SettingFlag.KIND);
        learning.add(
                LEARNING_RATE,
                Type.DOUBLE,
                0.05,
                positive(),
                HIGH,
                "Learning rate α. Can be changed between runs; the offset from which each value applies is recorded.",
                SettingFlag.NOT_FOR_AUTO);
        learning.add(
                LEARNING_RATE_SCHEDULE,
                Type.STRING,
                "constant",
                ValidString.in("constant", "inverse-scaling", "inverse-time", "exponential"),
                MEDIUM,
                "How the learning rate falls with the number of steps t: `constant` α, `inverse-scaling`"
                        + " α/(t+1)^decay, `inverse-time` α/(1+decay·t), or `exponential` α·e^(-decay·t).",
                SettingFlag.NOT_FOR_AUTO);
        learning.add(
                LEARNING_RATE_DECAY,
                Type.DOUBLE,
                0.5,
                finite(),
                MEDIUM,
                "Decay of the schedule. 0.5 suits `inverse-scaling`; the other schedules need much less.",
                SettingFlag.NOT_FOR_AUTO);
        learning.add(
                SCALING,
                Type.STRING,
                "none",
                ValidString.in("none", "max-abs", "standard"),
                HIGH,
                "Makes learning independent of the units of the features. `max-abs` divides each by its largest"
                        + " absolute value so far. `standard` subtracts the mean so far and divides by the standard"
                        + " deviation, except for features that have only been 0 or 1. Weights are published in raw"
                        + " units.",
                SettingFlag.KIND,
                SettingFlag.NOT_FOR_AUTO);
        learning.add(
                L1,
                Type.DOUBLE,
                0.0,
                finite(),
                MEDIUM,
                "L1 penalty: on the sum of the absolute weights. Makes weights that matter little exactly 0. With"
                        + " `scaling`, it applies to the weights of the scaled features; never to the bias.",
                SettingFlag.KIND,
                SettingFlag.NOT_FOR_AUTO);
        learning.add(
                L2,
                Type.DOUBLE,
                0.0,
                finite(),
                MEDIUM,
                "L2 penalty: on half the sum of the squares of the same weights as `l1`. Keeps weights small.",
                SettingFlag.KIND,
                SettingFlag.NOT_FOR_AUTO);
        learning.add(
                GRADIENT_CLIP,
                Type.DOUBLE,
                0.0,
                finite(),
                MEDIUM,
                "Largest Euclidean norm of the gradient of one example, including importance and bias. 0 means no"
                        + " limit.",
                SettingFlag.NOT_FOR_AUTO);
        learning.add(
                IMPORTANCE_INVARIANT,
                Type.BOOLEAN,
                false,
                null,
                MEDIUM,
                "Only with `sgd`: an example of importance 10 has the effect of ten examples in a row, rather than"
                        + " of one step ten times as long, which overshoots.",
                SettingFlag.NOT_FOR_AUTO);
        learning.add(
                FTRL_BETA,
                Type.DOUBLE,
                1.0,
                finite(),
                LOW,
                "Only with `ftrl`: β. The larger it is, the shorter the first steps of a weight.",
                SettingFlag.NOT_FOR_AUTO,
                SettingFlag.ONLY_FOR_FTRL);
        learning.add(
                FEATURES_FORM,
                Type.STRING,
                "any",
                ValidString.in("any", "dense", "sparse", "named"),
                MEDIUM,
                "Form that features must have. With `any`, the first labeled example of a model decides for that"
                        + " model.");
        learning.add(
                FEATURES_SPACE_BITS,
                Type.INT,
                20,
                between(1, 24),
                MEDIUM,
                "Size of the feature space: features are numbered from 0 to 2 to this power, exclusive. Only"
                        + " features that occur take memory.",
                SettingFlag.STATE);
        learning.add(
                NAMES_MAX,
                Type.INT,
                65536,
                atLeast(0),
                MEDIUM,
                "How many feature names a model keeps, so that its weights can be read by name. Further names are"
                        + " hashed. Names use at most half of the feature space.",
                SettingFlag.STATE);
        learning.add(
                MODELS_MAX,
                Type.INT,
                10000,
                atLeast(1),
                MEDIUM,
                "How many models a partition may have. An example of one more model becomes a dead letter.");
        learning.add(
                MODEL_DEFAULT,
                Type.STRING,
                "default",
                new NonEmptyString(),
                LOW,
                "Model of records without a key, if the examples topic has one partition. With more partitions such"
                        + " records become dead letters, and this setting is an error.");
        learning.add(
                EXAMPLE_MAX_BYTES,
                Type.INT,
                1_000_000,
                between(1024, 1_000_000),
                LOW,
                "Largest key, value, and headers of an example together. A larger example becomes a dead letter."
                        + " This keeps all outputs within Kafka's default limits.");

        Group output = new Group(def, OUTPUT);
        output.add(
                WEIGHTS_RECORD_MAX,
                Type.INT,
                256,
                // with the longest names about half a megabyte, well below Kafka's default limit
                between(1, 2048),
                MEDIUM,
                "Largest model, in weights, that is published as one record. Of larger models, the blocks that"
                        + " have changed are published.",
                SettingFlag.REPLAYED);
        output.add(
                WEIGHTS_EVERY,
                Type.INT,
                1,
                atLeast(1),
                MEDIUM,
                "For models that are published as one record: number of steps between two weights records.",
                SettingFlag.REPLAYED);
        output.add(
                WEIGHTS_INTERVAL_MS,
                Type.LONG,
                1000L,
                atLeast(10),
                MEDIUM,
                "How often unpublished changes are published: changed blocks of large models, and steps that"
                        + " `weights.every` skipped. Less often if that would take more than a tenth of the time.");
        output.add(
                WEIGHTS_WINDOW,
                Type.INT,
                10000,
                window(),
                MEDIUM,
                "Window, in steps of the model, over which each weights record reports how far the weights have"
                        + " moved. The effective window is between half of this and all of it. 0 turns the report off.",
                SettingFlag.REPLAYED);
        output.add(
                METRICS_EVERY,
                Type.INT,
                100,
                atLeast(1),
                MEDIUM,
                "Number of steps of a model between two metrics records.",
                SettingFlag.REPLAYED);
        output.add(
                METRICS_WINDOW,
                Type.INT,
                10000,
                atLeast(2),
                MEDIUM,
                "Window of the recent metrics, in labeled examples. The effective window is between half of this and"
                        + " all of it.",
                SettingFlag.REPLAYED);
        output.add(
                DEAD_LETTERS_MAX_BYTES,
                Type.INT,
                2_228_224,
                atLeast(65536),
                LOW,
                "Largest dead letter. Must be at least twice the `max.message.bytes` of the examples topic plus 64"
                        + " KiB, and at most that of the dead-letter topic.",
                SettingFlag.REPLAYED);

        Group running = new Group(def, RUNNING);
        running.add(
                PROCESSING_GUARANTEE,
                Type.STRING,
                "exactly_once_v2",
                ValidString.in("exactly_once_v2", "at_least_once"),
                HIGH,
                "`exactly_once_v2` or `at_least_once`. With `at_least_once`, a crash can repeat steps and outputs,"
                        + " and `verify` cannot check the learner.",
                SettingFlag.REPLAYED);
        running.add(
                COMMIT_INTERVAL_MS,
                Type.LONG,
                100L,
                atLeast(1),
                MEDIUM,
                "Time from the end of one commit to the start of the next. Readers see a prediction after at most"
                        + " this long plus the time of two commits.");
        running.add(
                THREADS,
                Type.INT,
                1,
                atLeast(1),
                MEDIUM,
                "Stream threads of this instance. Threads beyond the number of partitions are idle.");
        running.add(
                READ_AHEAD,
                Type.STRING,
                "auto",
                ValidString.in("auto", "on", "off"),
                LOW,
                "Whether each stream thread has another one that decodes and maps its examples. `auto`: if there are"
                        + " three processors or more for each stream thread.");
        running.add(
                THREAD_REPLACEMENTS_MAX,
                Type.INT,
                10,
                atLeast(0),
                LOW,
                "How many stream threads that died are replaced within ten minutes. One more ends the process.");
        running.add(
                BROKER_STALL_MAX_MS,
                Type.LONG,
                900_000L,
                atLeast(1000),
                LOW,
                "How long brokers may be unresponsive before the process gives up.");
        running.add(
                REGISTRY_RETRY_MAX_MS,
                Type.LONG,
                120_000L,
                between(0, 240_000),
                LOW,
                "How long to retry a Schema Registry that does not answer before the process gives up. Must be less"
                        + " than the consumer's `max.poll.interval.ms`.");
        running.add(
                START_TIMEOUT_MS,
                Type.INT,
                15_000,
                atLeast(100),
                LOW,
                "How long brokers and registry may take to answer the checks at startup.");
        running.add(
                STATE_MIGRATE,
                Type.BOOLEAN,
                false,
                null,
                LOW,
                "Allows a learner with state to start with another `algorithm`, `scaling`, `l1`, or `l2`. It continues"
                        + " from its current weights, with `auto` or with plain `sgd`: without scaling, penalties,"
                        + " clipping, and invariance. Also allows another `label` or `labels.label`. If false, such a"
                        + " start is refused.");
        running.add(
                MODEL_START,
                Type.STRING,
                "",
                null,
                MEDIUM,
                "Model file, as `train` writes it, that every new model begins with; if it has several models, each"
                        + " begins the new model of the same id. Models that are already there go on as they are. If"
                        + " empty, new models begin at zero. Its SHA-256 is recorded with the state, and `verify`"
                        + " needs the file.");
        defineHttp(new Group(def, HTTP));
        return def;
    }

    private static void defineHttp(Group http) {
        http.add(
                HTTP_LISTEN,
                Type.STRING,
                "",
                null,
                HIGH,
                "Where the HTTP server listens, as `host:port`; `0.0.0.0:8080` listens on all addresses. If empty,"
                        + " there is no server. `local` and `demo` set it to `127.0.0.1:8080`.");
        http.add(
                HTTP_TOKENS_FILE,
                Type.STRING,
                "",
                null,
                HIGH,
                "File of the tokens that clients must send as `Authorization: Bearer`. Each line is `read` or `write`,"
                        + " a space, and a token of at least 16 characters. A `write` token can also read. Required if"
                        + " the server listens beyond this machine.");
        http.add(
                HTTP_ALLOW_ANONYMOUS,
                Type.BOOLEAN,
                false,
                null,
                MEDIUM,
                "Allows the server to listen beyond this machine without tokens. Whoever reaches it can then read the"
                        + " models, and send examples and labels.");
        http.add(
                HTTP_SSL_KEYSTORE_LOCATION,
                Type.STRING,
                "",
                null,
                MEDIUM,
                "Keystore with the certificate of the server. If set, the server speaks HTTPS only.");
        http.add(HTTP_SSL_KEYSTORE_PASSWORD, Type.PASSWORD, "", null, MEDIUM, "Password of the keystore.");
        http.add(
                HTTP_SSL_KEYSTORE_TYPE,
                Type.STRING,
                "PKCS12",
                new NonEmptyString(),
                LOW,
                "Type of the keystore: `PKCS12` or `JKS`.");
        http.add(
                HTTP_SSL_KEY_PASSWORD,
                Type.PASSWORD,
                "",
                null,
                LOW,
                "Password of the key in the keystore, if it is not that of the keystore.");
        http.add(
                HTTP_SSL_TRUSTSTORE_LOCATION,
                Type.STRING,
                "",
                null,
                MEDIUM,
                "Truststore with the certificates that this instance accepts from other instances, when it passes a"
                        + " request on. If empty, those that the JVM accepts.");
        http.add(HTTP_SSL_TRUSTSTORE_PASSWORD, Type.PASSWORD, "", null, LOW, "Password of the truststore.");
        http.add(
                HTTP_SSL_TRUSTSTORE_TYPE,
                Type.STRING,
                "PKCS12",
                new NonEmptyString(),
                LOW,
                "Type of the truststore: `PKCS12` or `JKS`.");
        http.add(
                HTTP_BODY_MAX_BYTES,
                Type.INT,
                4_194_304,
                between(1024, 1 << 28),
                LOW,
                "Largest body of a request. A larger one is answered with 413.");
        http.add(
                HTTP_TIMEOUT_MS,
                Type.LONG,
                10_000L,
                between(100, 600_000),
                LOW,
                "How long an answer may take, and how long a connection may be idle.");
        http.add(
                HTTP_FAILURES_MAX,
                Type.INT,
                20,
                atLeast(1),
                LOW,
                "How many requests with a wrong token an address may send in a minute. Further requests from it are"
                        + " answered with 429 for the rest of the minute.");
        http.add(
                HTTP_STALE_MAX_MS,
                Type.LONG,
                0L,
                atLeast(0),
                MEDIUM,
                "While the partition of a model moves to another instance: how far behind the last commit the answer of"
                        + " a standby may be. 0 answers with 503 and `Retry-After` instead.");
        http.add(
                HTTP_STALL_MAX_MS,
                Type.LONG,
                300_000L,
                atLeast(1000),
                LOW,
                "How long the committed offsets of a partition may stand still while there are records to read, before"
                        + " `/health/live` fails. Partitions that move or are restored do not count.");
        http.add(
                HTTP_METRICS_MODELS_MAX,
                Type.INT,
                20,
                between(0, 1000),
                LOW,
                "How many models have a label of their own at `/metrics`: those with the most labeled examples. The"
                        + " others are added up under the label `other`.");
    }

    /** A group of settings, which share a table in the documentation, in the order of definition. */
    private static final class Group {
        private final ConfigDef def;
        private final String name;
        private final List<SettingFlag> ofAll;

        /** @param ofAll the flags that every setting of the group has */
        Group(ConfigDef def, String name, SettingFlag... ofAll) {
            this.def = def;
            this.name = name;
            this.ofAll = List.of(ofAll);
        }

        void add(
                String setting,
                Type type,
                Object byDefault,
                ConfigDef.Validator validator,
                ConfigDef.Importance importance,
                String doc,
                SettingFlag... flags) {
            Set<SettingFlag> all = EnumSet.noneOf(SettingFlag.class);
            all.addAll(ofAll);
            all.addAll(List.of(flags));
            FLAGS.put(setting, all);
            String ofTheState = all.contains(SettingFlag.STATE)
                    ? " Cannot be changed once there is state."
                    : all.contains(SettingFlag.KIND)
                            ? " To change it once there is state, see `" + STATE_MIGRATE + "`."
                            : "";
            int order = def.configKeys().size();
            def.define(
                    setting,
                    type,
                    byDefault,
                    validator,
                    importance,
                    doc + ofTheState,
                    name,
                    order,
                    ConfigDef.Width.MEDIUM,
                    setting);
        }
    }

    private static ConfigDef.Validator positive() {
        return ConfigDef.LambdaValidator.with(
                (name, value) -> {
                    if (!((double) value > 0) || Double.isInfinite((double) value)) {
                        throw new ConfigException(name, value, "it must be a finite number above 0");
                    }
                },
                () -> "above 0");
    }

    private static ConfigDef.Validator window() {
        return ConfigDef.LambdaValidator.with(
                (name, value) -> {
                    if ((int) value < 0 || (int) value == 1) {
                        throw new ConfigException(name, value, "it must be 0, or 2 or more");
                    }
                },
                () -> "0 or [2,...]");
    }

    private static ConfigDef.Validator finite() {
        return ConfigDef.LambdaValidator.with(
                (name, value) -> {
                    if (!((double) value >= 0) || Double.isInfinite((double) value)) {
                        throw new ConfigException(name, value, "it must be a finite number, 0 or more");
                    }
                },
                () -> "0 or more");
    }

    /**
     * Creates the settings, and checks them.
     *
     * @param settings the settings by name; values are text, or have the type of the setting
     * @throws ConfigException if a value is out of range, or a name is not a setting of Thalweg, Kafka or the registry;
     *     the message is one line for people
     */
    public ThalwegConfig(Map<String, ?> settings) {
        this(settings, 1);
    }

    private ThalwegConfig(Map<String, ?> settings, int copies) {
        super(DEFINITION, ConfigProviders.addedTo(settings), false);
        PassedThrough.check(settings.keySet());
        ConfigProviders.checkResolved(originals());
        PassedThrough.checkGuarantee(originals());
        this.copies = copies;
        checkLengths();
        checkStep();
        checkLabels();
        try {
            mapping = Mapping.of(this::getString);
            labelsMapping = Mapping.ofLabels(this::getString);
        } catch (MappingException e) {
            throw new ConfigException(e.getMessage());
        }
        checkFormats();
    }

    /** Limits the length of values, because they are recorded with the state. */
    private void checkLengths() {
        for (String name : DEFINITION.names()) {
            if (String.valueOf(get(name)).length() > LONGEST) {
                throw new ConfigException(
                        name + " has more than " + LONGEST + " characters; make it shorter, with fewer fields");
            }
        }
    }

    /**
     * The mapping of fields of events to features. It has a label only if {@link #isMapped}, or if the events are in a
     * file.
     */
    public Mapping mapping() {
        return mapping;
    }

    /** What becomes of the fields of label records. */
    public Mapping labelsMapping() {
        return labelsMapping;
    }

    /** Whether the examples topic holds records with any fields, rather than Examples. */
    public boolean isMapped() {
        return mapping.label() != null || hasLateLabels() && mapping.id() != null;
    }

    /** Whether labels come later than their events, on a topic of their own. */
    public boolean hasLateLabels() {
        return !getString(LABELS_TOPIC).isEmpty();
    }

    /** The format of the values of the examples topic. */
    public ValueFormat examplesFormat() {
        return ValueFormat.of(getString(EXAMPLES_FORMAT));
    }

    /** The format of the values of the labels topic. */
    public ValueFormat labelsFormat() {
        String format = getString(LABELS_FORMAT);
        return format.isEmpty() ? examplesFormat() : ValueFormat.of(format);
    }

    /** The format of keys. */
    public KeyFormat keyFormat() {
        return KeyFormat.valueOf(getString(KEY_FORMAT).toUpperCase(Locale.ROOT));
    }

    /** Whether the bytes of a key are the model id. */
    public boolean areKeysModelIds() {
        return mapping().isModelFromKey() && keyFormat() == KeyFormat.STRING;
    }

    /** How change events are read; null if events are taken as they are. */
    public @Nullable ChangeEvents changeEvents() {
        return getString(EVENTS_UNWRAP).isEmpty()
                ? null
                : new ChangeEvents(
                        getString(EVENTS_UNWRAP_DELETES).equals("before"),
                        getString(EVENTS_UNWRAP_SNAPSHOTS).equals("after"));
    }

    /** The format of what the learner writes. */
    public ValueFormat outputFormat() {
        return ValueFormat.of(getString(OUTPUT_FORMAT));
    }

    /** Whether there is a schema registry: one is needed, or its address is given although none is needed. */
    public boolean hasRegistry() {
        return !getString(REGISTRY_URL).isBlank() && (isGiven(REGISTRY_URL) || needsRegistry());
    }

    /** Whether a format, or looking up JSON Schemas, needs a schema registry. */
    public boolean needsRegistry() {
        return !needingRegistry().isEmpty();
    }

    /** The settings that need a schema registry, with their values. */
    private List<String> needingRegistry() {
        List<String> needing = new ArrayList<>();
        if (examplesFormat() != ValueFormat.JSON) {
            needing.add(EXAMPLES_FORMAT + " = " + examplesFormat());
        }
        if (hasLateLabels() && labelsFormat() != ValueFormat.JSON) {
            needing.add(LABELS_FORMAT + " = " + labelsFormat());
        }
        if (getBoolean(JSON_SCHEMA_LOOKUP)) {
            needing.add(LOOKUP_IS_ON);
        }
        if (keyFormat() == KeyFormat.AVRO) {
            needing.add(KEY_FORMAT + " = " + keyFormat());
        }
        if (outputFormat() != ValueFormat.JSON) {
            needing.add(OUTPUT_FORMAT + " = " + outputFormat());
        }
        return needing;
    }

    /** Rejects settings that need a registry where there is none, and those of the mapping that need a schema. */
    private void checkFormats() {
        if (getBoolean(JSON_SCHEMA_LOOKUP)
                && examplesFormat() != ValueFormat.JSON
                && !(hasLateLabels() && labelsFormat() == ValueFormat.JSON)) {
            throw new ConfigException("%s has no effect unless %s or %s is json"
                    .formatted(JSON_SCHEMA_LOOKUP, EXAMPLES_FORMAT, LABELS_FORMAT));
        }
        if (getString(REGISTRY_URL).isBlank() && needsRegistry()) {
            List<String> needing = needingRegistry();
            long formats =
                    needing.stream().filter(each -> !each.equals(LOOKUP_IS_ON)).count();
            List<String> instead = new ArrayList<>();
            if (formats > 0) {
                instead.add("set the " + (formats == 1 ? "format" : "formats") + " to json");
            }
            if (formats < needing.size()) {
                instead.add("drop " + JSON_SCHEMA_LOOKUP);
            }
            throw new ConfigException("%s is empty, but %s a schema registry; set its address, or %s"
                    .formatted(
                            REGISTRY_URL,
                            String.join(" and ", needing) + (needing.size() == 1 ? " needs" : " need"),
                            String.join(" and ", instead)));
        }
        if (changeEvents() == null) {
            List.of(EVENTS_UNWRAP_DELETES, EVENTS_UNWRAP_SNAPSHOTS).stream()
                    .filter(this::isGiven)
                    .findFirst()
                    .ifPresent(name -> {
                        throw new ConfigException(name + " has no effect unless " + EVENTS_UNWRAP + " is after");
                    });
        } else if (!isMapped()) {
            throw new ConfigException(EVENTS_UNWRAP + " is set, but " + (hasLateLabels() ? ID_FIELD : LABEL)
                    + " is not; change events have rows, which become examples only by a mapping");
        }
        if (examplesFormat() == ValueFormat.PROTOBUF && !isMapped()) {
            throw new ConfigException(
                    "%s is %s, but %s is not set; Examples are in Avro or JSON, and only events are in"
                                    .formatted(
                                            EXAMPLES_FORMAT, ValueFormat.PROTOBUF, hasLateLabels() ? ID_FIELD : LABEL)
                            + " Protobuf");
        }
        if (examplesFormat() != ValueFormat.JSON || !isMapped()) {
            return;
        }
        if (!mapping.isOfEveryType()) {
            throw new ConfigException(EVENTS_TYPES + " needs events with a schema that has a name; with "
                    + EXAMPLES_FORMAT + " = json, drop it");
        }
        mapping.timesWithoutPattern().stream().findFirst().ifPresent(field -> {
            throw new ConfigException(("%s: JSON has no times, so specify the format of field %s, such as"
                            + " %2$s[iso]:hour, %2$s[yyyyMMddHHmm]:hour or %2$s[seconds]:hour")
                    .formatted(FEATURES_TIME, field));
        });
    }

    private void checkLabels() {
        if (!hasLateLabels()) {
            List<String> vain = settings(SettingFlag.LABELS).stream()
                    .filter(setting -> !setting.equals(LABELS_TOPIC) && isGiven(setting))
                    .toList();
            if (!vain.isEmpty()) {
                throw new ConfigException(String.join(", ", vain) + " needs a topic of labels; set " + LABELS_TOPIC);
            }
            return;
        }
        boolean provisional = getString(LABELS_POLICY).equals("provisional");
        if (provisional && isGiven(LABELS_MISSING)) {
            throw new ConfigException("with " + LABELS_POLICY + " = provisional, an event without a label stays a"
                    + " negative; drop " + LABELS_MISSING);
        }
        if (getBoolean(IMPORTANCE_INVARIANT) && (provisional || getBoolean(LABELS_REVISE))) {
            throw new ConfigException(IMPORTANCE_INVARIANT + " cannot be used with "
                    + (provisional ? LABELS_POLICY + " = provisional" : LABELS_REVISE)
                    + ", because its steps are not proportional to their residuals; drop one");
        }
    }

    /** Rejects settings that the algorithm does not use, because they would have no effect. */
    private void checkStep() {
        Algorithm algorithm = algorithm();
        List<String> vain = unusedBy(algorithm).stream().filter(this::isGiven).toList();
        if (!vain.isEmpty()) {
            String why = algorithm == Algorithm.AUTO
                    ? "auto sets its own learning rates, scales and penalties"
                    : "only algorithm = ftrl uses it";
            throw new ConfigException(why + "; drop " + String.join(", ", vain));
        }
        boolean invariant = getBoolean(IMPORTANCE_INVARIANT);
        if (invariant && algorithm != Algorithm.SGD) {
            throw new ConfigException(IMPORTANCE_INVARIANT + " requires algorithm = sgd, not " + algorithm
                    + "; drop it, or set " + ALGORITHM + " = sgd");
        }
        for (String other : List.of(L1, L2, GRADIENT_CLIP)) {
            if (invariant && getDouble(other) > 0) {
                throw new ConfigException(IMPORTANCE_INVARIANT + " follows the log loss alone and cannot be used with "
                        + other + "; drop one");
            }
        }
        if (algorithm == Algorithm.FTRL && !getString(LEARNING_RATE_SCHEDULE).equals("constant")) {
            throw new ConfigException(
                    "with ftrl, the rate of each weight falls by itself; drop " + LEARNING_RATE_SCHEDULE);
        }
    }

    /** The settings that have a flag, in the order of definition. */
    public static List<String> settings(SettingFlag flag) {
        return FLAGS.entrySet().stream()
                .filter(setting -> setting.getValue().contains(flag))
                .map(Map.Entry::getKey)
                .toList();
    }

    /** The settings that an algorithm does not use. They are refused if they are given with it. */
    public static List<String> unusedBy(Algorithm algorithm) {
        return switch (algorithm) {
            case SGD, ADAGRAD -> settings(SettingFlag.ONLY_FOR_FTRL);
            case FTRL -> List.of();
            case AUTO -> settings(SettingFlag.NOT_FOR_AUTO);
        };
    }

    /** The algorithm. */
    public Algorithm algorithm() {
        return Algorithm.of(getString(ALGORITHM)).orElseThrow();
    }

    /** Returns a copy with one setting changed. */
    public ThalwegConfig with(String setting, Object value) {
        Map<String, Object> changed = new LinkedHashMap<>(originals());
        changed.put(setting, value);
        return new ThalwegConfig(changed, copies);
    }

    /** Whether the settings in {@link #KIND} have the same values. */
    public boolean isOfTheKindOf(ThalwegConfig other) {
        return KIND.stream().allMatch(name -> get(name).equals(other.get(name)));
    }

    /** Whether a name is a setting of Thalweg, Kafka or the registry. */
    public static boolean isSetting(String name) {
        return PassedThrough.isKnown(name);
    }

    /** Whether a setting was given, rather than left at its default. */
    public boolean isGiven(String setting) {
        return originals().containsKey(setting);
    }

    /**
     * Whether events are copied to another topic before they are learned from. This is necessary if the model id is not
     * the record key, because the events of a model can then be in any partition of the examples topic.
     *
     * @param partitions how many partitions the examples topic has
     */
    public boolean isRouted(int partitions) {
        return isMapped() && !mapping.isModelFromKey() && partitions > 1;
    }

    /** The topic that events are copied to. It has as many partitions as the examples topic. */
    public String routedTopic() {
        return copiesTopic(ROUTED, copies);
    }

    private String copiesTopic(String suffix, int number) {
        return getString(APPLICATION_ID) + suffix + (number == 1 ? "" : "-" + number);
    }

    /**
     * The number of the topics that records are sent on to: 1, and one more whenever a move has begun new ones. Kafka
     * cannot take partitions away, and the copies of an old input and a new one must not be mixed.
     */
    public int copies() {
        return copies;
    }

    /** Returns these settings with other topics that records are sent on to. @param number as {@link #copies} */
    public ThalwegConfig withCopies(int number) {
        return number == copies ? this : new ThalwegConfig(originals(), number);
    }

    /**
     * Returns these settings with the topics that records are sent on to at present: the last that exist.
     *
     * @param existing returns those of some topics that exist; asked only if records are sent on
     */
    public ThalwegConfig withLastCopies(Function<Set<String>, Set<String>> existing) {
        return areSentOn(Integer.MAX_VALUE) ? withCopies(lastCopies(existing)) : this;
    }

    /**
     * Returns the number, as {@link #copies}, of the last topics that records were sent on to.
     *
     * @param existing returns those of some topics that exist
     */
    public int lastCopies(Function<Set<String>, Set<String>> existing) {
        int last = copies;
        int asked = last;
        while (asked < last + COPIES_AT_ONCE) {
            // many at once, because those in between may have been deleted
            Set<String> names = new HashSet<>();
            for (int end = last + COPIES_AT_ONCE; asked < end; asked++) {
                names.addAll(copiesTopics(asked + 1));
            }
            last = existing.apply(names).stream().mapToInt(this::copiesIn).reduce(last, Math::max);
        }
        return last;
    }

    /** Returns the topics that events and labels are sent on to. @param number as {@link #copies} */
    public Set<String> copiesTopics(int number) {
        return Set.of(copiesTopic(ROUTED, number), copiesTopic(ROUTED_LABELS, number));
    }

    /** The number, as {@link #copies}, of a topic that records are sent on to; 0 if it is none. */
    public int copiesIn(String topic) {
        return Math.max(copiesIn(topic, ROUTED), copiesIn(topic, ROUTED_LABELS));
    }

    private int copiesIn(String topic, String suffix) {
        String first = getString(APPLICATION_ID) + suffix;
        if (!topic.startsWith(first)) {
            return 0;
        }
        String number = topic.substring(first.length());
        return number.isEmpty()
                ? 1
                : COPIES_NUMBER.matcher(number).matches() ? Integer.parseInt(number, 1, number.length(), 10) : 0;
    }

    /**
     * Whether labels are sent on to the partition of their model before they are used.
     *
     * @param partitions how many partitions the examples topic has
     */
    public boolean areLabelsRouted(int partitions) {
        return hasLateLabels() && !labelsMapping.isModelFromKey() && partitions > 1;
    }

    /** Whether events or labels are sent on to the partition of their model. */
    public boolean areSentOn(int partitions) {
        return isRouted(partitions) || areLabelsRouted(partitions);
    }

    /** The topic that labels are sent on to; it has as many partitions as the examples topic. */
    public String routedLabelsTopic() {
        return copiesTopic(ROUTED_LABELS, copies);
    }

    /** The topics that a learner learns from: events first, then labels, if they come later. */
    public List<String> learnedTopics(int partitions) {
        String events = isRouted(partitions) ? routedTopic() : getString(EXAMPLES_TOPIC);
        return hasLateLabels()
                ? List.of(events, areLabelsRouted(partitions) ? routedLabelsTopic() : getString(LABELS_TOPIC))
                : List.of(events);
    }

    /** Whether records of a topic are labels. */
    public boolean isOfLabels(String topic) {
        return hasLateLabels() && topic.equals(getString(LABELS_TOPIC)) || copiesIn(topic, ROUTED_LABELS) > 0;
    }

    /** Whether records of a topic were sent on to it, now or before a move. */
    public boolean isSentOn(String topic) {
        return copiesIn(topic) > 0;
    }

    /** Whether examples are read ahead on threads of their own. */
    public boolean readsAhead() {
        String ahead = getString(READ_AHEAD);
        return ahead.equals("on")
                || ahead.equals("auto")
                        && Runtime.getRuntime().availableProcessors() >= THREADS_WHEN_AHEAD * getInt(THREADS);
    }

    /** The settings that learning depends on, as {@link LearnerSettings}. */
    public LearnerSettings learner() {
        String form = getString(FEATURES_FORM);
        LearningRate rate = new LearningRate(
                LearningRate.Schedule.valueOf(constant(getString(LEARNING_RATE_SCHEDULE))),
                getDouble(LEARNING_RATE),
                getDouble(LEARNING_RATE_DECAY));
        StepOptions options = new StepOptions(
                StepOptions.Scaling.valueOf(constant(getString(SCALING))),
                getDouble(L1),
                getDouble(L2),
                getDouble(GRADIENT_CLIP),
                getBoolean(IMPORTANCE_INVARIANT),
                getDouble(FTRL_BETA));
        int bits = getInt(FEATURES_SPACE_BITS);
        return new LearnerSettings(
                algorithm(),
                rate,
                options,
                bits,
                Math.min(getInt(NAMES_MAX), 1 << bits - 1),
                getInt(MODELS_MAX),
                form.equals("any") ? null : FeatureForm.valueOf(constant(form)),
                getInt(METRICS_WINDOW));
    }

    private static String constant(String word) {
        return word.toUpperCase(Locale.ROOT).replace('-', '_');
    }

    /**
     * The settings, as text, that a replay needs to reach the same result. They are recorded with the state.
     *
     * @param keyless the model of records without a key; empty if such records become dead letters
     */
    public Map<String, String> replayedSettings(String keyless) {
        Map<String, String> replayed = new TreeMap<>();
        for (String name : settings(SettingFlag.REPLAYED)) {
            replayed.put(name, String.valueOf(get(name)));
        }
        replayed.keySet().removeAll(unusedBy(algorithm()));
        if (!isMapped()) {
            replayed.keySet().removeAll(settings(SettingFlag.MAPPING));
        }
        if (!hasLateLabels()) {
            replayed.keySet().removeAll(settings(SettingFlag.LABELS));
        } else if (getString(LABELS_POLICY).equals("provisional")) {
            replayed.remove(LABELS_MISSING);
        }
        settings(SettingFlag.FORMAT)
                .forEach(name -> replayed.remove(
                        name, String.valueOf(DEFINITION.defaultValues().get(name))));
        // the effective values, which can differ from those that were given
        replayed.put(NAMES_MAX, String.valueOf(learner().namesMax()));
        replayed.put(MODEL_DEFAULT, keyless);
        return replayed;
    }

    /**
     * The settings of a replay.
     *
     * @param replayed the result of {@link #replayedSettings}, possibly with settings that the algorithm does not use
     */
    public static ThalwegConfig ofReplayed(Map<String, String> replayed) {
        Map<String, String> settings = new TreeMap<>(replayed);
        // the constructor refuses an unknown algorithm
        Algorithm algorithm = Algorithm.of(replayed.get(ALGORITHM)).orElse(Algorithm.SGD);
        settings.keySet().removeAll(unusedBy(algorithm));
        // it is empty if records without a key are rejected, which is not allowed as a setting
        settings.remove(MODEL_DEFAULT);
        // what is recorded is the SHA-256 of the file
        settings.remove(MODEL_START);
        return new ThalwegConfig(settings);
    }

    /**
     * The settings for Kafka's clients and Kafka Streams that were passed through, without {@value #PASS_PREFIX}.
     */
    public Map<String, Object> clients() {
        return PassedThrough.clients(originals());
    }

    /** The settings for the Schema Registry's client and serializers, including the address. */
    public Map<String, Object> registry() {
        Map<String, Object> settings = PassedThrough.registry(originals());
        settings.put(REGISTRY_URL, getString(REGISTRY_URL));
        return settings;
    }

    /** The tables of all settings in Markdown, one for each group. */
    public static String markdown() {
        StringBuilder table = new StringBuilder();
        String group = "";
        List<ConfigDef.ConfigKey> keys = DEFINITION.configKeys().values().stream()
                .sorted((a, b) -> Integer.compare(a.orderInGroup, b.orderInGroup))
                .toList();
        for (ConfigDef.ConfigKey key : keys) {
            if (!key.group.equals(group)) {
                group = key.group;
                table.append(table.isEmpty() ? "" : "\n")
                        .append("| ")
                        .append(group)
                        .append(" | default | range | what it does |\n|---|---|---|---|\n");
            }
            String range =
                    key.validator == null || key.validator instanceof NonEmptyString ? "" : key.validator.toString();
            String byDefault = "".equals(key.defaultValue) ? "" : "`" + key.defaultValue + "`";
            table.append("| `%s` | %s | %s | %s |\n".formatted(key.name, byDefault, range, key.documentation));
        }
        return table.toString();
    }
}
