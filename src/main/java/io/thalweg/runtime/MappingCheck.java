package io.thalweg.runtime;

import io.thalweg.config.ChangeEvents;
import io.thalweg.config.SettingFlag;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.config.ValueFormat;
import io.thalweg.input.JsonSummary;
import io.thalweg.input.MappedDecoder;
import io.thalweg.input.RecordReader;
import io.thalweg.input.SchemaSource;
import io.thalweg.input.SchemaSourceException;
import io.thalweg.input.UnknownSchemaException;
import io.thalweg.mapping.Mapping;
import io.thalweg.mapping.MappingException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.apache.avro.Schema;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * A check at start: whether the mappings fit the records of the examples topic and of the labels topic. It logs what
 * each field is used as.
 */
final class MappingCheck {
    private static final Logger LOG = LoggerFactory.getLogger(MappingCheck.class);

    private MappingCheck() {}

    /** @throws StopException if a mapping or a format does not fit, in one line */
    static void run(ThalwegConfig config, SchemaSource schemas) {
        run(config, schemas, topic -> TopicSample.of(config, topic), () -> committed(config));
    }

    /**
     * @param samples gives some records of a topic
     * @param committed gives the offsets that the learner has committed
     */
    static void run(
            ThalwegConfig config,
            SchemaSource schemas,
            Function<String, TopicSample> samples,
            Supplier<Map<TopicPartition, Long>> committed) {
        log(config.getString(ThalwegConfig.EXAMPLES_TOPIC), ofEvents(config, schemas, samples, committed));
        if (config.hasLateLabels()) {
            String topic = config.getString(ThalwegConfig.LABELS_TOPIC);
            TopicSample sample = samples.apply(topic);
            sample.check(ThalwegConfig.LABELS_FORMAT, config.labelsFormat(), schemas, committed);
            log(topic, check(config, schemas, topic, config.labelsMapping(), config.labelsFormat(), sample));
        }
    }

    /** The offsets that the learner has committed; none if the brokers do not tell. */
    private static Map<TopicPartition, Long> committed(ThalwegConfig config) {
        Map<TopicPartition, Long> offsets = new HashMap<>();
        try (Admin admin = KafkaSettings.admin(config)) {
            AdminCalls.await(
                            admin.listConsumerGroupOffsets(config.getString(ThalwegConfig.APPLICATION_ID))
                                    .partitionsToOffsetAndMetadata(),
                            config)
                    .forEach((partition, offset) -> {
                        if (offset != null) {
                            offsets.put(partition, offset.offset());
                        }
                    });
        } catch (KafkaException e) {
            LOG.debug("no offsets", e);
        }
        return offsets;
    }

    /**
     * Checks only the examples topic, for a program that reads it without the learner's offsets.
     *
     * @return what each field is used as, one line for each kind; empty if that is not known, or nothing is mapped
     * @throws StopException as above
     */
    static List<String> ofEvents(ThalwegConfig config, SchemaSource schemas) {
        return ofEvents(config, schemas, topic -> TopicSample.of(config, topic), Map::of);
    }

    private static List<String> ofEvents(
            ThalwegConfig config,
            SchemaSource schemas,
            Function<String, TopicSample> samples,
            Supplier<Map<TopicPartition, Long>> committed) {
        checkSettings(config);
        String topic = config.getString(ThalwegConfig.EXAMPLES_TOPIC);
        TopicSample sample = samples.apply(topic);
        sample.check(ThalwegConfig.EXAMPLES_FORMAT, config.examplesFormat(), schemas, committed);
        return config.isMapped()
                ? check(config, schemas, topic, config.mapping(), config.examplesFormat(), sample)
                : List.of();
    }

    private static void log(String topic, List<String> lines) {
        lines.forEach(line -> LOG.info("in topic {}, {}", topic, line));
    }

    private static void checkSettings(ThalwegConfig config) {
        boolean late = config.hasLateLabels();
        if (!config.isMapped()) {
            ThalwegConfig.settings(SettingFlag.MAPPING).stream()
                    .filter(config::isGiven)
                    .filter(name -> !config.getString(name).isBlank())
                    .filter(name -> !config.getString(name).equals(Mapping.MODEL_FROM_KEY))
                    .findFirst()
                    .ifPresent(name -> {
                        throw new StopException(
                                ExitCode.BAD_SETTINGS,
                                ("%s is set but %s is not; without %s, topic %s must hold Examples, and nothing is"
                                                + " mapped")
                                        .formatted(
                                                name,
                                                late ? Mapping.ID : Mapping.LABEL,
                                                late ? "it" : "a label",
                                                config.getString(ThalwegConfig.EXAMPLES_TOPIC)));
                    });
            return;
        }
        if (late && config.mapping().id() == null) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    "%s is set but %s is not; a label that comes later finds its event by its id"
                            .formatted(ThalwegConfig.LABELS_TOPIC, Mapping.ID));
        }
        String form = config.getString(ThalwegConfig.FEATURES_FORM);
        if (!form.equals("any") && !form.equals("named")) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    "features.form is %s, but with %s events become named features; leave it at any"
                            .formatted(form, config.mapping().label() == null ? "an " + Mapping.ID : "a label"));
        }
    }

    private static List<String> check(
            ThalwegConfig config,
            SchemaSource schemas,
            String topic,
            Mapping mapping,
            ValueFormat format,
            TopicSample sample) {
        if (format == ValueFormat.JSON) {
            return checkJson(config, topic, mapping, sample);
        }
        Optional<Schema> schema;
        try {
            schema = writerSchema(format, schemas, topic, sample, mapping, changes(config, mapping));
        } catch (UnknownSchemaException e) {
            unchecked(config, mapping)
                    .log(
                            "the registry has no schema under subject {}-value, and of the last record of topic {}: {};"
                                    + " so it could not be checked whether the mapping fits",
                            topic,
                            topic,
                            e.getMessage());
            return List.of();
        } catch (SchemaSourceException e) {
            throw new StopException(ExitCode.NOT_READY, e.getMessage());
        }
        if (schema.isEmpty()) {
            unchecked(config, mapping)
                    .log(
                            "the registry has no schema under subject {}-value, and no record of topic {} names one, so"
                                    + " it could not be checked whether the mapping fits",
                            topic,
                            topic);
            return List.of();
        }
        try {
            return MappedDecoder.summary(schema.get(), mapping, changes(config, mapping));
        } catch (MappingException e) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    "%s (in %s, the schema of topic %s)"
                            .formatted(e.getMessage(), schema.get().getFullName(), topic));
        }
    }

    private static List<String> checkJson(ThalwegConfig config, String topic, Mapping mapping, TopicSample sample) {
        List<byte[]> values = sample.values(ValueFormat.JSON);
        if (values.isEmpty()) {
            unchecked(config, mapping)
                    .log("topic {} holds no JSON yet, so it could not be checked whether the mapping fits", topic);
            return List.of();
        }
        try {
            Optional<JsonSummary> found = RecordReader.summary(values, mapping, changes(config, mapping));
            if (found.isEmpty()) {
                unchecked(config, mapping)
                        .log(
                                "in the {} values of topic {} that were looked at, there is no change event to learn"
                                        + " from, so it could not be checked whether the mapping fits",
                                values.size(),
                                topic);
                return List.of();
            }
            JsonSummary summary = found.get();
            if (!summary.missing().isEmpty()) {
                LOG.warn(
                        "none of the {} values of topic {} that were looked at has {}; check the names, unless these"
                                + " fields are often left out",
                        values.size(),
                        topic,
                        summary.missing().entrySet().stream()
                                .map(field -> "%s (%s)".formatted(Mapping.quoted(field.getKey()), field.getValue()))
                                .collect(Collectors.joining(", ")));
            }
            return summary.lines();
        } catch (MappingException e) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    "%s (in the %d values of topic %s that were looked at)"
                            .formatted(e.getMessage(), values.size(), topic));
        }
    }

    private static @Nullable ChangeEvents changes(ThalwegConfig config, Mapping mapping) {
        return mapping.isOfLabels() ? null : config.changeEvents();
    }

    private static LoggingEventBuilder unchecked(ThalwegConfig config, Mapping mapping) {
        // of labels, nothing has to be set, and then nothing is likely to be wrong
        boolean isSet = mapping.fields().values().stream().anyMatch(config::isGiven);
        return LOG.atLevel(isSet ? Level.WARN : Level.INFO);
    }

    /** @throws UnknownSchemaException if only records name a schema, and none of these can be had */
    private static Optional<Schema> writerSchema(
            ValueFormat format,
            SchemaSource schemas,
            String topic,
            TopicSample sample,
            Mapping mapping,
            @Nullable ChangeEvents changes)
            throws UnknownSchemaException {
        Optional<Schema> latest = RecordReader.latestSchema(format, topic, schemas, mapping, changes);
        if (latest.isPresent() && format != ValueFormat.PROTOBUF) {
            return latest;
        }
        // which of the messages of a Protobuf schema they are, records tell
        UnknownSchemaException unknown = null;
        List<ConsumerRecord<byte[], byte[]>> records = sample.records();
        for (int i = records.size() - 1; i >= 0; i--) {
            try {
                Optional<Schema> schema = RecordReader.writerSchema(
                        format, records.get(i).value(), records.get(i).headers(), schemas);
                if (schema.isPresent()) {
                    return schema;
                }
            } catch (UnknownSchemaException e) {
                unknown = unknown == null ? e : unknown;
            }
        }
        if (latest.isEmpty() && unknown != null) {
            throw unknown;
        }
        return latest;
    }
}
