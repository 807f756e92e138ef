package io.thalweg.app.cli;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.thalweg.app.demo.Demo;
import io.thalweg.app.demo.Screen;
import io.thalweg.math.Algorithm;
import io.thalweg.runtime.ExitCode;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "demo",
        description =
                "Learns live which of 100,000 real flights will be late, with two learners, sgd and auto, side by "
                        + "side, and its own broker and registry: first with the labels in the events, then with "
                        + "labels that come when the flights land. Settings apply to both learners, except "
                        + "algorithm, which the demo sets, and settings of the step, which apply to sgd only.",
        mixinStandardHelpOptions = true)
final class DemoCommand implements Callable<Integer> {
    @Mixin
    private SettingsOptions settings;

    @Option(names = "--json", description = "Print the result as one JSON object, the last line of standard output.")
    private boolean json;

    @Option(
            names = "--stay",
            description = "Afterwards, serve the page of auto until you press Enter, or the input ends.")
    private boolean stay;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        quieten();
        PrintWriter out = spec.commandLine().getOut();
        PrintWriter people = json ? spec.commandLine().getErr() : out;
        Demo.Result result = new Demo(settings::config, new Screen(people, System.console() != null))
                .run(found -> print(people, found), stay ? page -> awaitEnter(people, page) : null);
        if (json) {
            out.println(new ObjectMapper().writeValueAsString(asMap(result)));
            out.flush();
        }
        return exitCode(result).code();
    }

    private static void awaitEnter(PrintWriter people, String page) {
        people.println(
                "The page of auto, with labels in the events, stays at %s until you press Enter.".formatted(page));
        people.flush();
        try {
            int c = System.in.read();
            while (c >= 0 && c != '\n') {
                c = System.in.read();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static ExitCode exitCode(Demo.Result result) {
        return result.isComplete() ? ExitCode.OK : ExitCode.DIFFERS;
    }

    private static void print(PrintWriter people, Demo.Result result) {
        print(people, "", result.examples(), result.learners());
        print(people, ", labels at landing", result.examples(), result.late());
        people.println(result.lead() + ".");
        result.priceOfLateness().forEach(people::println);
        people.flush();
    }

    private static void print(PrintWriter people, String how, int examples, Map<Algorithm, Demo.Learned> learners) {
        learners.forEach((algorithm, learned) -> {
            people.println(algorithm + how + ":");
            learned.audit().lines().forEach(line -> people.println("  " + line));
            people.printf(
                    Locale.ROOT,
                    "  %,d flights, %,d predictions, %,d dead letters in %.1f s (%,.0f examples/s)%n"
                            + "  log loss %.5f, the base rate's is %.5f; accuracy %.4f; AUC %.4f; calibration %.4f%n",
                    examples,
                    learned.predictions(),
                    learned.deadLetters(),
                    learned.seconds(),
                    examples / learned.seconds(),
                    learned.logLoss(),
                    learned.baseRateLogLoss(),
                    learned.accuracy(),
                    learned.auc(),
                    learned.calibration());
        });
    }

    /**
     * Turns off the logs that would break the table. The broker's network clients complain when the demo ends it. On a
     * slow machine, a transaction begins before the previous one has completed; broker and producer log this and then
     * recover.
     */
    static void quieten() {
        if (System.getenv("THALWEG_LOG_LEVEL") == null) {
            logger("io.thalweg").setLevel(Level.WARN);
            // the screens show how much worse than the base rate a model is
            logger("io.thalweg.topology.InputHealth").setLevel(Level.ERROR);
            logger("org.apache.kafka.clients.NetworkClient").setLevel(Level.ERROR);
            logger("org.apache.kafka.clients.producer.internals.Sender").setLevel(Level.ERROR);
            logger("kafka.server.ReplicaManager").setLevel(Level.OFF);
        }
    }

    private static Logger logger(String name) {
        return (Logger) LoggerFactory.getLogger(name);
    }

    /**
     * The metrics of {@code sgd}, and under {@code models} those of each learner. Under {@code late}, the same of the
     * learners whose labels come later.
     */
    static Map<String, Object> asMap(Demo.Result result) {
        Map<String, Object> map = asMap(result.examples(), result.learners(), false);
        map.put("late", asMap(result.examples(), result.late(), true));
        return map;
    }

    private static Map<String, Object> asMap(int examples, Map<Algorithm, Demo.Learned> learners, boolean isLate) {
        Map<String, Object> models = new LinkedHashMap<>();
        learners.forEach((algorithm, learned) -> models.put(algorithm.toString(), figures(examples, learned, isLate)));
        Map<String, Object> map = figures(examples, learners.get(Algorithm.SGD), isLate);
        map.put("models", models);
        return map;
    }

    private static Map<String, Object> figures(int examples, Demo.Learned learned, boolean isLate) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("examples", examples);
        map.put("predictions", learned.predictions());
        map.put("dead_letters", learned.deadLetters());
        map.put("log_loss", learned.logLoss());
        map.put("base_rate_log_loss", learned.baseRateLogLoss());
        map.put("accuracy", learned.accuracy());
        map.put("auc", learned.auc());
        map.put("seconds", learned.seconds());
        map.put("examples_per_second", examples / learned.seconds());
        map.put("replay_matches", learned.audit().replayMatches());
        if (isLate) {
            map.put("labels", learned.audit().counts().labels());
            map.put("in_time", learned.inTime());
            map.put("given_up", learned.givenUp());
            map.put("delay_p50_ms", learned.delayP50Ms());
        }
        return map;
    }
}
