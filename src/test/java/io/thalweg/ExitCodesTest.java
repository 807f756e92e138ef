package io.thalweg;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.runtime.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Which tests see the exit codes that the documentation has, for each reason that it gives. */
class ExitCodesTest {
    private static final Path PAGE = Path.of("docs/reference/exit-codes.md");
    private static final Pattern ROW = Pattern.compile("(?m)^\\| (?<code>\\d+) \\| (?<meaning>[^|]+) \\|");

    /** Words between reasons. */
    private static final Pattern CONNECTION = Pattern.compile("[.,;\\s]+|\\b(?:or|also|the|a|and)\\b");

    private static final String CLI = "io.thalweg.app.cli.";
    private static final String RUNTIME = "io.thalweg.runtime.";

    /** The test that sees a code for a reason. @param reason as the documentation has it */
    private record Seen(int code, String reason, String test) {}

    private static final List<Seen> SEEN = List.of(
            new Seen(0, "Success", CLI + "CommandsIT#fromAFileToAProofAndBackToTheBeginning"),
            new Seen(
                    0,
                    "a clean stop after SIGTERM",
                    CLI + "LoginIT#learnsOverMutualTlsWithSecretsFromElsewhereAndTakesUpRenewedCertificates"),
            new Seen(0, "SIGINT", CLI + "RunIT#aStopInTheFirstSecondsIsCleanToo"),
            new Seen(0, "while the learner is starting", CLI + "RunIT#aStopInTheFirstSecondsIsCleanToo"),
            new Seen(1, "`verify` found a difference", CLI + "CommandsIT#fromAFileToAProofAndBackToTheBeginning"),
            new Seen(
                    1,
                    "the demo found one at its end",
                    CLI + "DemoCommandTest#itIsWellOnlyIfBothPredictedEverythingAndBothReplaysMatch"),
            new Seen(2, "A setting", CLI + "SecuredIT#whatIsWrongInTheSecuritySettingsIsASetting"),
            new Seen(2, "an option", CLI + "ThalwegTest#optionsThatAreWrongExitWith2AndSayHowTheyAreUsed"),
            new Seen(2, "a file is wrong", CLI + "EvaluateCommandTest#aLineThatCannotBeUsedStopsOrIsCounted"),
            new Seen(
                    2,
                    "security settings that cannot work among them",
                    CLI + "SecuredIT#whatIsWrongInTheSecuritySettingsIsASetting"),
            new Seen(3, "Brokers", CLI + "EvaluateCommandTest#brokersThatAreNotThereAreOneLine"),
            new Seen(3, "registry", CLI + "RunIT#aRegistryThatIsNotThereExitsWith3"),
            new Seen(3, "topics are not ready", CLI + "CommandsIT#whatIsMissingIsOneLineWithTheRemedy"),
            new Seen(3, "brokers do not accept the login", CLI + "SecuredIT#whoeverCannotLogInIsNamed"),
            new Seen(3, "a right is missing", CLI + "SecuredIT#aLearnerThatLacksARightSaysSoInOneLineAtItsStart"),
            new Seen(3, "was taken away", CLI + "SecuredIT#aLearnerThatLosesARightEndsAtOnceInOneLine"),
            new Seen(
                    3,
                    "`verify` lacks records that it needs",
                    CLI + "CommandsIT#fromAFileToAProofAndBackToTheBeginning"),
            new Seen(
                    3,
                    "The JVM also exits with 3 if it runs out of memory",
                    CLI + "RunIT#aHeapThatIsTooSmallExitsWith3"),
            new Seen(4, "The state cannot be read", CLI + "RunIT#stateThatCannotBeReadExitsWith4"),
            new Seen(
                    4,
                    "was learned under other settings",
                    CLI + "LocalIT#whatItKeepsIsThereAgainAndItStopsCleanlyWhenAsked"),
            new Seen(
                    5,
                    "The learner ran and could not continue",
                    RUNTIME + "LearnerRuntimeIT#aThreadThatKeepsDyingEndsTheProcess"),
            new Seen(
                    5,
                    "was stopped and could not commit in time",
                    CLI + "RunIT#aLearnerThatCannotCommitWhenItIsStoppedExitsWith5"),
            new Seen(127, "The launcher found no JDK", CLI + "LauncherIT#refusesAnOldJava"),
            new Seen(127, "no Maven", CLI + "LauncherIT#saysWhatIsMissing"),
            new Seen(127, "the build failed", CLI + "LauncherIT#aFailedBuildSaysWhyAndWhere"));

    /** What the documentation says of each code. */
    private static Map<Integer, String> documented() throws IOException {
        Map<Integer, String> meanings = new LinkedHashMap<>();
        ROW.matcher(Files.readString(PAGE))
                .results()
                .forEach(row -> meanings.put(Integer.valueOf(row.group(1)), row.group(2)));
        return meanings;
    }

    @Test
    void everyReasonInTheDocumentationIsSeenByATest() throws IOException {
        Map<Integer, String> meanings = documented();
        assertThat(meanings.keySet())
                .containsAll(
                        Arrays.stream(ExitCode.values()).map(ExitCode::code).toList());
        meanings.forEach((code, meaning) -> {
            String rest = meaning;
            List<String> reasons = SEEN.stream()
                    .filter(seen -> seen.code == code)
                    .map(Seen::reason)
                    .toList();
            for (String reason : reasons) {
                assertThat(meaning).as("exit code %d", code).contains(reason);
                rest = rest.replace(reason, "");
            }
            assertThat(CONNECTION.matcher(rest).replaceAll(""))
                    .as("what no test sees of exit code %d, %s", code, meaning)
                    .isEmpty();
        });
        assertThat(SEEN.stream().map(Seen::code).collect(Collectors.toSet())).isEqualTo(meanings.keySet());
    }

    private static Stream<Seen> seen() {
        return SEEN.stream();
    }

    @ParameterizedTest
    @MethodSource("seen")
    void theTestIsThere(Seen seen) throws ClassNotFoundException {
        String[] test = seen.test.split("#");
        assertThat(Class.forName(test[0]).getDeclaredMethods())
                .filteredOn(method -> method.getName().equals(test[1]))
                .singleElement()
                .satisfies(method -> assertThat(method.isAnnotationPresent(Test.class)
                                || method.isAnnotationPresent(ParameterizedTest.class))
                        .isTrue());
    }
}
