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
import java.util.stream.IntStream;
import org.apache.avro.Schema;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A check at start: whether the mapping fits the records of the examples topic. It logs what each field is used as. */
final class MappingCheck {
    private static final Logger LOG = LoggerFactory.getLogger(MappingCheck.class);
    /** How many offsets back from the end to look for a record, because the last offsets may be transaction markers. */
    private static final int LOOK_BACK = 10;

    private MappingCheck() {}

    /** @throws StopException if the mapping does not fit, in one line */
    static void run(ThalwegConfig config, SchemaSource schemas, int partitions) {
        String topic = config.getString(ThalwegConfig.EXAMPLES_TOPIC);
        if (!config.isMapped()) {
            ThalwegConfig.settings(SettingFlag.MAPPING).stream()
                    .filter(config::isGiven)
                    .filter(name -> !config.getString(name).isBlank())
                    .filter(name -> !config.getString(name).equals(Mapping.MODEL_FROM_KEY))
                    .findFirst()
                    .ifPresent(name -> {
                        throw new StopException(
                                ExitCode.BAD_SETTINGS,
                                ("%s is set but label is not; without a label, topic %s must hold Examples, and "
                                                + "nothing is mapped")
                                        .formatted(name, topic));
                    });
            return;
        }
        String form = config.getString(ThalwegConfig.FEATURES_FORM);
        if (!form.equals("any") && !form.equals("named")) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    "features.form is %s, but with a label events become named features; leave it at any"
                            .formatted(form));
        }
        Optional<Schema> schema;
        try {
            schema = schemas.latestSchema(topic);
            if (schema.isEmpty()) {
                schema = ofLastRecord(config, schemas, topic, partitions);
            }
        } catch (SchemaSourceException e) {
            throw new StopException(ExitCode.NOT_READY, e.getMessage());
        }
        if (schema.isEmpty()) {
            LOG.warn(
                    "the registry has no schema under subject {}-value, and no record of topic {} names one, so it"
                            + " could not be checked whether the mapping fits",
                    topic,
                    topic);
            return;
        }
        try {
            MappedDecoder.summary(schema.get(), config.mapping()).forEach(line -> LOG.info("{}", line));
        } catch (MappingException e) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    "%s (in %s, the schema of topic %s)"
                            .formatted(e.getMessage(), schema.get().getFullName(), topic));
        }
    }

    private static Optional<Schema> ofLastRecord(
            ThalwegConfig config, SchemaSource schemas, String topic, int partitions) {
        ConsumerRecord<byte[], byte[]> last = null;
        try (Consumer<byte[], byte[]> consumer = new KafkaConsumer<>(new KafkaSettings(config).reader())) {
            List<TopicPartition> all = IntStream.range(0, partitions)
                    .mapToObj(partition -> new TopicPartition(topic, partition))
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
