package io.thalweg.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.launcher.EngineFilter;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

class SeededTest {
    private static final Pattern ADVICE =
            Pattern.compile("Sample\\.test failed; repeat it with -Dthalweg\\.seed=(-?\\d+)");

    private static boolean fails;
    private static final List<Long> numbers = new ArrayList<>();

    /** Two seeded tests, which pass unless they are told to fail. */
    @Seeded
    static class Sample {
        private long before;

        @BeforeEach
        void draw(Random random) {
            before = random.nextLong();
        }

        @ParameterizedTest
        @ValueSource(ints = {0, 1})
        void test(int argument, Random random, Seed seed) {
            long number = random.nextLong();
            assertThat(number).isEqualTo(before).isEqualTo(seed.random().nextLong());
            numbers.add(number);
            assertThat(fails).isFalse();
        }
    }

    private record Run(List<Long> numbers, String printed, List<Throwable> failures) {}

    private static Run run(Map<String, String> parameters) {
        numbers.clear();
        List<Throwable> failures = new ArrayList<>();
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        PrintStream out = System.out;
        System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
        try {
            LauncherFactory.create()
                    .execute(
                            LauncherDiscoveryRequestBuilder.request()
                                    .selectors(selectClass(Sample.class))
                                    .filters(EngineFilter.includeEngines("junit-jupiter"))
                                    .configurationParameters(parameters)
                                    // the seed that this run may have been given is not for the sample
                                    .enableImplicitConfigurationParameters(false)
                                    .build(),
                            new TestExecutionListener() {
                                @Override
                                public void executionFinished(TestIdentifier test, TestExecutionResult result) {
                                    result.getThrowable().ifPresent(failures::add);
                                }
                            });
        } finally {
            System.setOut(out);
        }
        return new Run(List.copyOf(numbers), printed.toString(StandardCharsets.UTF_8), failures);
    }

    @AfterEach
    void pass() {
        fails = false;
    }

    @Test
    void eachTestHasItsOwnNumbersAndPrintsNothingIfItPasses() {
        Run one = run(Map.of());
        assertThat(one.failures).isEmpty();
        assertThat(one.printed).isEmpty();
        assertThat(one.numbers).hasSize(2).doesNotHaveDuplicates();
        assertThat(run(Map.of()).numbers).doesNotContainAnyElementsOf(one.numbers);
    }

    @Test
    void aTestThatFailsPrintsTheSeedThatRepeatsIt() {
        fails = true;
        Run failed = run(Map.of());
        assertThat(failed.failures).hasSize(2);
        List<String> seeds = ADVICE.matcher(failed.printed)
                .results()
                .map(advice -> advice.group(1))
                .toList();
        assertThat(seeds).hasSize(2);
        for (int i = 0; i < 2; i++) {
            Run again = run(Map.of("thalweg.seed", seeds.get(i)));
            long number = failed.numbers.get(i);
            assertThat(again.numbers).containsExactly(number, number);
            assertThat(again.printed).contains("-Dthalweg.seed=" + seeds.get(i));
        }
    }

    @Test
    void aSeedThatIsNoNumberIsRefused() {
        Run run = run(Map.of("thalweg.seed", "twelve"));
        assertThat(run.numbers).isEmpty();
        assertThat(run.failures)
                .hasSize(2)
                .allSatisfy(failure -> assertThat(failure)
                        .hasStackTraceContaining("thalweg.seed")
                        .hasStackTraceContaining("twelve"));
    }
}
