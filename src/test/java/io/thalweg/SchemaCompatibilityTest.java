package io.thalweg;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;
import org.apache.avro.SchemaCompatibility.SchemaCompatibilityType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Holds today's schemas against those on record: readers with one must read what writers with the other wrote, both
 * ways. When a schema changes on purpose, put a copy of all of them into a new directory beside {@code v1}.
 */
class SchemaCompatibilityTest {
    private static final Path TODAY = Path.of("schemas");
    private static final Path ON_RECORD = Path.of("src/test/resources/schemas-on-record");

    static List<Path> today() throws IOException {
        return avsc(TODAY);
    }

    static List<Path> onRecord() throws IOException {
        return avsc(ON_RECORD);
    }

    private static List<Path> avsc(Path directory) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            return files.filter(file -> file.toString().endsWith(".avsc"))
                    .sorted()
                    .toList();
        }
    }

    private static Schema parse(Path file) throws IOException {
        return new Schema.Parser().parse(Files.readString(file));
    }

    private static void assertFullyCompatible(Schema one, Schema other) {
        assertReads(one, other);
        assertReads(other, one);
    }

    private static void assertReads(Schema reader, Schema writer) {
        SchemaCompatibility.SchemaCompatibilityResult result = SchemaCompatibility.checkReaderWriterCompatibility(
                        reader, writer)
                .getResult();
        assertThat(result.getIncompatibilities()).isEmpty();
        assertThat(result.getCompatibility()).isEqualTo(SchemaCompatibilityType.COMPATIBLE);
    }

    @ParameterizedTest
    @MethodSource("onRecord")
    void readsAndIsReadByTheSchemasOnRecord(Path file) throws IOException {
        assertFullyCompatible(parse(TODAY.resolve(file.getFileName())), parse(file));
    }

    @Test
    void everySchemaIsOnRecord() throws IOException {
        Set<Path> names = new HashSet<>();
        onRecord().forEach(file -> names.add(file.getFileName()));
        assertThat(today()).hasSize(7).allSatisfy(file -> assertThat(names).contains(file.getFileName()));
    }

    @Test
    void aChangeThatBreaksIsFound() throws IOException {
        Schema prediction = parse(TODAY.resolve("prediction.avsc"));
        String json = prediction.toString();
        for (String broken : List.of(
                json.replace("\"name\":\"logit\",\"type\":\"double\"", "\"name\":\"logit\",\"type\":\"string\""),
                json.replace("\"name\":\"logit\",\"type\":\"double\"", "\"name\":\"logit\",\"type\":\"float\""),
                json.replace("\"name\":\"logit\"", "\"name\":\"z\""),
                json.replace("\"name\":\"partition\",\"type\":\"int\"", "\"name\":\"partition\",\"type\":\"long\""),
                json.replace("\"name\":\"label\"", "\"name\":\"l\""))) {
            assertThat(broken).isNotEqualTo(json);
            Schema changed = new Schema.Parser().parse(broken);
            boolean one = compatible(prediction, changed);
            boolean other = compatible(changed, prediction);
            // a nullable field with a default may come and go
            assertThat(one && other).isEqualTo(broken.contains("\"name\":\"l\""));
        }
    }

    private static boolean compatible(Schema reader, Schema writer) {
        return SchemaCompatibility.checkReaderWriterCompatibility(reader, writer)
                        .getType()
                == SchemaCompatibilityType.COMPATIBLE;
    }

    @ParameterizedTest
    @MethodSource("today")
    void everyFieldIsDocumented(Path file) throws IOException {
        List<String> undocumented = new ArrayList<>();
        collectUndocumented(parse(file), undocumented, new HashSet<>());
        assertThat(undocumented).isEmpty();
    }

    @Test
    void aFieldWithoutWordsIsFound() {
        List<String> undocumented = new ArrayList<>();
        String json =
                "{\"type\":\"record\",\"name\":\"R\",\"doc\":\"Words.\",\"fields\":[{\"name\":\"a\",\"doc\":\"Words.\","
                        + "\"type\":{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"S\","
                        + "\"fields\":[{\"name\":\"b\",\"type\":\"int\",\"doc\":\" \"}]}}}]}";
        collectUndocumented(new Schema.Parser().parse(json), undocumented, new HashSet<>());
        assertThat(undocumented).containsExactly("S", "S.b");
    }

    private static void collectUndocumented(Schema schema, List<String> found, Set<String> seen) {
        switch (schema.getType()) {
            case RECORD -> {
                if (!seen.add(schema.getFullName())) {
                    return;
                }
                if (isBlank(schema.getDoc())) {
                    found.add(schema.getName());
                }
                for (Schema.Field field : schema.getFields()) {
                    if (isBlank(field.doc())) {
                        found.add(schema.getName() + "." + field.name());
                    }
                    collectUndocumented(field.schema(), found, seen);
                }
            }
            case UNION -> schema.getTypes().forEach(type -> collectUndocumented(type, found, seen));
            case ARRAY -> collectUndocumented(schema.getElementType(), found, seen);
            case MAP -> collectUndocumented(schema.getValueType(), found, seen);
            default -> {
                // no fields
            }
        }
    }

    private static boolean isBlank(String doc) {
        return doc == null || doc.isBlank();
    }
}
