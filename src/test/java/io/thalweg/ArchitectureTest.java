package io.thalweg;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

@AnalyzeClasses(packages = "io.thalweg", importOptions = ArchitectureTest.OnlyThalweg.class)
class ArchitectureTest {
    /** The registry's client lies beside our classes. ArchUnit's own option knows tests only where they usually are. */
    static final class OnlyThalweg implements ImportOption {
        @Override
        public boolean includes(Location location) {
            return location.contains("/io/thalweg/") && !location.contains("/test-classes/");
        }
    }

    @ArchTest
    static final ArchRule MATHEMATICS_KNOWS_NOTHING_ELSE = classes()
            .that()
            .resideInAPackage("io.thalweg.math..")
            .should()
            .onlyDependOnClassesThat()
            .resideInAnyPackage("java..", "org.jspecify.annotations..", "io.thalweg.math..")
            .because("whoever replays an input needs neither Kafka nor Avro to trust the arithmetic");

    @ArchTest
    static final ArchRule THE_MAPPING_IS_THE_SAME_FOR_TOPICS_AND_FILES = classes()
            .that()
            .resideInAPackage("io.thalweg.mapping..")
            .should()
            .onlyDependOnClassesThat()
            .resideInAnyPackage("java..", "io.thalweg.mapping..", "io.thalweg.math..")
            .because("what fields become does not depend on how they are read");

    @ArchTest
    static final ArchRule ONE_CLASS_KNOWS_THE_INTERNALS_OF_KAFKA_STREAMS = noClasses()
            .that()
            .doNotHaveFullyQualifiedName("io.thalweg.topology.ChangelogAtCommit")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("org.apache.kafka.streams..internals..")
            .because("they may change with any version");

    @ArchTest
    static final ArchRule THE_FOLD_KNOWS_NOTHING_OF_KAFKA_STREAMS = noClasses()
            .that()
            .resideInAnyPackage("io.thalweg.fold..", "io.thalweg.store..", "io.thalweg.output..", "io.thalweg.input..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("org.apache.kafka.streams..")
            .because("an audit and a file drive the same state machine as the running learner");

    @ArchTest
    static final ArchRule THE_LIBRARY_STANDS_ALONE = noClasses()
            .that()
            .resideInAnyPackage(
                    "io.thalweg.avro..",
                    "io.thalweg.input..",
                    "io.thalweg.mapping..",
                    "io.thalweg.math..",
                    "io.thalweg.store..",
                    "io.thalweg.fold..",
                    "io.thalweg.topology..",
                    "io.thalweg.output..",
                    "io.thalweg.config..",
                    "io.thalweg.clients..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    "io.confluent..",
                    "org.apache.pinot..",
                    "picocli..",
                    "io.javalin..",
                    "kafka..",
                    "org.apache.kafka.server..",
                    "org.apache.kafka.metadata..",
                    "com.fasterxml.jackson.databind..",
                    "org.apache.commons.csv..",
                    "ch.qos.logback..",
                    "io.thalweg.app..",
                    "io.thalweg.runtime..",
                    "io.thalweg.audit..",
                    "io.thalweg.registry..")
            .because("who embeds processor and store does not inherit the program");

    @ArchTest
    static final ArchRule NOTHING_KNOWS_THE_PROGRAM = noClasses()
            .that()
            .resideOutsideOfPackage("io.thalweg.app..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("io.thalweg.app..")
            .because("the commands are one use of the library and its runtime");

    @ArchTest
    static final ArchRule PACKAGES_KNOW_EACH_OTHER_IN_ONE_DIRECTION =
            slices().matching("io.thalweg.(**)").should().beFreeOfCycles();

    /**
     * The classes that are generated from the schemas are left out: their names are part of the format of the topics.
     */
    @ArchTest
    static void aSimpleNameStandsForOneType(JavaClasses classes) {
        Map<String, List<String>> bySimpleName = classes.stream()
                .filter(type -> !type.getPackageName().equals("io.thalweg.avro"))
                .filter(type ->
                        !type.isAnonymousClass() && !type.getSimpleName().equals("package-info"))
                .collect(Collectors.groupingBy(
                        JavaClass::getSimpleName,
                        TreeMap::new,
                        Collectors.mapping(JavaClass::getName, Collectors.toList())));

        assertThat(bySimpleName).as("what was imported").hasSizeGreaterThan(100);
        bySimpleName.values().removeIf(types -> types.size() == 1);
        assertThat(bySimpleName).as("names of more than one type").isEmpty();
    }
}
