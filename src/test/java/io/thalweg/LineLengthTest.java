package io.thalweg;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The formatter wraps code, but neither comments nor literals. Text blocks hold what may have any length. */
class LineLengthTest {
    private static final int LONGEST = 120;

    @ParameterizedTest
    @ValueSource(strings = {"src/main/java", "src/test/java", "examples"})
    void noLineIsLonger(String directory) throws IOException {
        List<String> longer = new ArrayList<>();
        try (Stream<Path> files = Files.walk(Path.of(directory))) {
            for (Path file : (Iterable<Path>) files::iterator) {
                if (file.toString().endsWith(".java")) {
                    longer.addAll(longLines(file));
                }
            }
        }
        assertThat(longer).isEmpty();
    }

    private static List<String> longLines(Path file) throws IOException {
        List<String> found = new ArrayList<>();
        boolean textBlock = false;
        int number = 0;
        for (String line : Files.readAllLines(file)) {
            number++;
            if (!textBlock && line.codePointCount(0, line.length()) > LONGEST) {
                found.add(file + ":" + number);
            }
            // a line with an odd number of them opens a text block, or closes it
            if ((line.split("\"\"\"", -1).length & 1) == 0) {
                textBlock = !textBlock;
            }
        }
        return found;
    }
}
