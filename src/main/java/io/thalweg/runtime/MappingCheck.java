package io.thalweg.runtime;

import io.thalweg.config.SettingFlag;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.MappedDecoder;
import io.thalweg.input.SchemaSource;
import io.thalweg.input.SchemaSourceException;
import io.thalweg.input.UnknownSchemaException;
import io.thalweg.mapping.Mapping;
import io.thalweg.mapping.MappingException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.apache.avro.Schema;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * A check at start: whether the mappings fit the records of the examples topic and of the labels topic. It logs what
 * each field is used as.
 */
final class MappingCheck {
    private static final Logger LOG = LoggerFactory.getLogger(MappingCheck.class);
    /** How many offsets back from the end to look for a record, because the last offsets may be transaction markers. */
    private static final int LOOK_BACK = 10;

    private MappingCheck() {}

    /** @throws StopException if a mapping does not fit, in one line */
    static void run(ThalwegConfig config, SchemaSource schemas) {
        log(config.getString(ThalwegConfig.EXAMPLES_TOPIC), ofEvents(config, schemas));
        if (config.hasLateLabels()) {
            String topic = config.getString(ThalwegConfig.LABELS_TOPIC);
            log(topic, check(config, schemas, topic, config.labelsMapping()));
        }
    }

    /**
     * Checks only the examples topic.
     *
     * @return what each field is used as, one line for each kind; empty if that is not known, or nothing is mapped
     * @throws StopException as above
     */
    static List<String> ofEvents(ThalwegConfig config, SchemaSource schemas) {
        checkSettings(config);
        return config.isMapped()
                ? check(config, schemas, config.getString(ThalwegConfig.EXAMPLES_TOPIC), config.mapping())
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

    private static List<String> check(ThalwegConfig config, SchemaSource schemas, String topic, Mapping mapping) {
        Optional<Schema> schema;
        try {
            schema = schemas.latestSchema(topic);
            if (schema.isEmpty()) {
                schema = ofLastRecord(config, schemas, topic);
            }
        } catch (SchemaSourceException e) {
            throw new StopException(ExitCode.NOT_READY, e.getMessage());
        }
        if (schema.isEmpty()) {
            // of labels, nothing has to be set, and then nothing is likely to be wrong
            boolean isSet = mapping.fields().values().stream().anyMatch(config::isGiven);
            LOG.atLevel(isSet ? Level.WARN : Level.INFO)
                    .log(
                            "the registry has no schema under subject {}-value, and no record of topic {} names one, so"
                                    + " it could not be checked whether the mapping fits",
                            topic,
                            topic);
            return List.of();
        }
        try {
            return MappedDecoder.summary(schema.get(), mapping);
        } catch (MappingException e) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    "%s (in %s, the schema of topic %s)"
                            .formatted(e.getMessage(), schema.get().getFullName(), topic));
        }
    }

    private static Optional<Schema> ofLastRecord(ThalwegConfig config, SchemaSource schemas, String topic) {
        ConsumerRecord<byte[], byte[]> last = null;
        try (Consumer<byte[], byte[]> consumer = new KafkaConsumer<>(new KafkaSettings(config).reader())) {
            List<TopicPartition> all = consumer.partitionsFor(topic).stream()
                    .map(found -> new TopicPartition(topic, found.partition()))
                    .toList();
            consumer.assign(all);
            Map<TopicPartition, Long> ends = consumer.endOffsets(all);
            Map<TopicPartition, Long> beginnings = consumer.beginningOffsets(all);
            all.forEach(partition ->
                    consumer.seek(partition, Math.max(beginnings.get(partition), ends.get(partition) - LOOK_BACK)));
            long deadline =
                    System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(config.getInt(ThalwegConfig.START_TIMEOUT_MS));
            while (all.stream().anyMatch(partition -> consumer.position(partition) < ends.get(partition))
                    && System.nanoTime() < deadline) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                    boolean framed = record.value() != null && record.value().length >= 5 && record.value()[0] == 0;
                    if (framed && (last == null || record.timestamp() >= last.timestamp())) {
                        last = record;
                    }
                }
            }
        }
        if (last == null) {
            return Optional.empty();
        }
        try {
            return Optional.of(
                    schemas.writerSchema(ByteBuffer.wrap(last.value(), 1, 4).getInt()));
        } catch (UnknownSchemaException e) {
            return Optional.empty();
        }
    }
}
