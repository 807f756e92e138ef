package io.thalweg.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.config.SettingFlag;
import io.thalweg.config.ThalwegConfig;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.kafka.common.config.ConfigDef.ConfigKey;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.common.config.ConfigDef.ValidString;
import org.apache.kafka.common.config.ConfigException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Settings are recorded in the changelog, so that steps that are taken again are taken as they were. */
class RecordedSettingsTest {
    private static final List<String> REPLAYED = ThalwegConfig.settings(SettingFlag.REPLAYED);

    /**
     * What a setting is changed beside: the mapping is of use with a label only, some settings are with ftrl only, some
     * with a topic of labels only, and some with JSON only.
     */
    private static final List<Map<String, String>> BESIDE = List.of(
            Map.of("label", "y"),
            Map.of("label", "y", "algorithm", "ftrl"),
            Map.of("label", "y", "labels.topic", "l"),
            Map.of("label", "y", "labels.topic", "l", "labels.format", "json"),
            Map.of("label", "y", "examples.format", "json"),
            Map.of("label", "y", "events.unwrap", "after"));

    /** Words for settings that are text: each is what one of them may be. */
    private static final List<String> WORDS = List.of("x", "fixed:x", "x:hour", "x:log2", "x*z");

    /** @param before the same without the change */
    private record Change(ThalwegConfig before, ThalwegConfig after) {}

    static Stream<String> settings() {
        return ThalwegConfig.DEFINITION.names().stream().sorted();
    }

    @ParameterizedTest
    @MethodSource("settings")
    void whateverIsSetTheStepsTakenAgainAreTheSame(String setting) {
        List<Change> changes = changes(setting);
        assertThat(changes).as("what %s may be beside its default", setting).isNotEmpty();
        for (Change change : changes) {
            ThalwegConfig config = change.after;
            Map<String, String> recorded = config.replayedSettings("m");
            Map<String, String> read = throughTheChangelog(recorded);
            ThalwegConfig again = ThalwegConfig.ofReplayed(read);

            assertThat(read).isEqualTo(recorded);
            assertThat(again.replayedSettings("m")).isEqualTo(recorded);
            assertThat(again.learner()).isEqualTo(config.learner());
            if (!config.learner().equals(change.before.learner())) {
                assertThat(REPLAYED).contains(setting);
            }
            // recorded is the model that records without key have had, which depends on more than the setting
            if (REPLAYED.contains(setting) && !setting.equals(ThalwegConfig.MODEL_DEFAULT)) {
                assertThat(again.values().get(setting))
                        .isEqualTo(config.values().get(setting));
            }
        }
    }

    @Test
    void whatIsOfTheStateIsRecorded() {
        assertThat(REPLAYED).containsAll(ThalwegConfig.KIND).containsAll(ThalwegConfig.FINGERPRINT);
    }

    private static Map<String, String> throughTheChangelog(Map<String, String> settings) {
        byte[] record = ChangelogFormat.settings(List.of(new SettingsSpan(Map.of(), settings)));
        return ChangelogFormat.readSettings(record).get(0).settings();
    }

    /** Everything that is tried of a setting and is valid. */
    private static List<Change> changes(String setting) {
        List<Change> changes = new ArrayList<>();
        for (Map<String, String> beside : BESIDE) {
            ThalwegConfig before = new ThalwegConfig(beside);
            for (Object value : values(ThalwegConfig.DEFINITION.configKeys().get(setting))) {
                Map<String, Object> settings = new HashMap<>(beside);
                settings.put(setting, value);
                ThalwegConfig after;
                try {
                    after = new ThalwegConfig(settings);
                } catch (ConfigException e) {
                    continue;
                }
                if (!after.values().get(setting).equals(before.values().get(setting))) {
                    changes.add(new Change(before, after));
                }
            }
        }
        return changes;
    }

    private static List<?> values(ConfigKey key) {
        if (key.type == Type.BOOLEAN) {
            return List.of(true, false);
        }
        if (key.type == Type.STRING || key.type == Type.PASSWORD) {
            return key.validator instanceof ValidString
                    ? List.of(
                            key.validator.toString().replaceAll("[\\[\\]]", "").split(", "))
                    : WORDS;
        }
        double byDefault = ((Number) key.defaultValue).doubleValue();
        return Stream.of(byDefault + 1, byDefault - 1, byDefault / 2)
                .map(value -> key.type == Type.DOUBLE ? String.valueOf(value) : String.valueOf(value.longValue()))
                .toList();
    }
}
