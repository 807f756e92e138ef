package io.thalweg.output;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.config.ThalwegConfig;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class OutputTopicTest {
    @Test
    void everyTopicThatASettingNamesIsDeclared() {
        assertThat(Stream.of(OutputTopic.values()).map(OutputTopic::setting))
                .doesNotHaveDuplicates()
                .containsExactlyInAnyOrderElementsOf(ThalwegConfig.DEFINITION.names().stream()
                        .filter(name -> name.endsWith(".topic")
                                && !Set.of(ThalwegConfig.EXAMPLES_TOPIC, ThalwegConfig.LABELS_TOPIC)
                                        .contains(name))
                        .toList());
    }

    @ParameterizedTest
    @EnumSource
    void theSinkKeepsItsNameWhateverTheTopicIsCalled(OutputTopic topic) {
        ThalwegConfig renamed = new ThalwegConfig(Map.of(topic.setting(), "another"));

        assertThat(topic.nameIn(renamed)).isEqualTo("another");
        assertThat(topic.sink()).isEqualTo(topic.nameIn(new ThalwegConfig(Map.of())));
    }
}
