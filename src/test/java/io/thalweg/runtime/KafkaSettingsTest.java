package io.thalweg.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.thalweg.config.ThalwegConfig;
import java.util.Map;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.streams.StreamsConfig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is passed through wins over what Thalweg chooses, which wins over what Kafka Streams chooses. */
class KafkaSettingsTest {
    @ParameterizedTest
    @ValueSource(strings = {"linger.ms", "producer.linger.ms"})
    void theUsersOwnWins(String setting) {
        assertThat(producer(Map.of())).containsEntry("linger.ms", 5);
        assertThat(producer(Map.of("processing.guarantee", "at_least_once"))).containsEntry("linger.ms", 1);
        assertThat(producer(Map.of(setting, "20")).get("linger.ms")).hasToString("20");
    }

    @ParameterizedTest
    @ValueSource(strings = {"group.instance.id", "consumer.group.instance.id", "main.consumer.group.instance.id"})
    void anInstanceHasANameWhereItIsGivenOne(String setting) {
        assertThat(settings(Map.of(setting, "pod-7")).instance()).isEqualTo("pod-7");
    }

    @Test
    void anInstanceHasNoNameOtherwise() {
        assertThat(settings(Map.of()).instance()).isNull();
    }

    @Test
    void settingsThatKafkaStreamsRefusesAreSettings() {
        ThalwegConfig config = new ThalwegConfig(Map.of("commit.interval.ms", "600000"));
        assertThatThrownBy(() -> KafkaSettings.admin(config))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("commit.interval.ms");
    }

    private static KafkaSettings settings(Map<String, ?> passed) {
        return new KafkaSettings(new ThalwegConfig(passed));
    }

    private static Map<String, Object> producer(Map<String, ?> passed) {
        return new StreamsConfig(settings(passed).streams()).getProducerConfigs("producer");
    }

    @Test
    void theCompressionIsASettingThatKafkasOwnOverrides() {
        assertThat(new KafkaSettings(new ThalwegConfig(Map.of())).compression()).isEqualTo("lz4");
        assertThat(new KafkaSettings(new ThalwegConfig(Map.of("topics.compression", "gzip"))).compression())
                .isEqualTo("gzip");
        assertThat(new KafkaSettings(
                                new ThalwegConfig(Map.of("topics.compression", "gzip", "compression.type", "zstd")))
                        .compression())
                .isEqualTo("zstd");
    }
}
