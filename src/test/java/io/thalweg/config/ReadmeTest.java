package io.thalweg.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class ReadmeTest {
    private static final String BEGIN = "<!-- settings -->";
    private static final String END = "<!-- /settings -->";

    @Test
    void theTableOfSettingsIsTheOneThatTheDefinitionGives() throws IOException {
        String readme = Files.readString(Path.of("README.md"));

        assertThat(readme).containsOnlyOnce(BEGIN).containsOnlyOnce(END);
        assertThat(readme.substring(readme.indexOf(BEGIN) + BEGIN.length(), readme.indexOf(END))
                        .strip())
                .as("what ThalwegConfig.markdown() gives, to be put between %s and %s", BEGIN, END)
                .isEqualTo(ThalwegConfig.markdown().strip());
    }
}
