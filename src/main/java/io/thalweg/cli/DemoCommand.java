package io.thalweg.cli;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.thalweg.demo.Demo;
import io.thalweg.demo.Screen;
import io.thalweg.runtime.ExitCode;
import java.io.IOException;
import java.io.PrintWriter;
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
                "Learns live which of 100,000 real flights will be late, with a broker and a registry of its own.",
        mixinStandardHelpOptions = true)
final class DemoCommand implements Callable<Integer> {
    @Mixin
    private SettingsOptions settings;

    @Option(names = "--json", description = "Print the result as one JSON object, the last line of standard output.")
    private boolean json;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        quieten();
        PrintWriter out = spec.commandLine().getOut();
        PrintWriter people = json ? spec.commandLine().getErr() : out;
        Demo.Result result = new Demo(settings::config, new Screen(people, System.console() != null)).run();
        boolean complete = result.predictions() == result.examples();
        result.audit().lines().forEach(people::println);
        people.printf(
                Locale.ROOT,
                "%,d flights, %,d predictions, %,d dead letters in %.1f s (%,.0f examples/s)%n"
                        + "log loss %.5f, the base rate's is %.5f; accuracy %.4f; AUC %.4f%n",
                result.examples(),
                result.predictions(),
                result.deadLetters(),
                result.seconds(),
                result.examples() / result.seconds(),
                result.logLoss(),
                result.baseRateLogLoss(),
                result.accuracy(),
                result.auc());
        people.flush();
        if (json) {
            out.println(new ObjectMapper().writeValueAsString(asMap(result)));
            out.flush();
        }
        return (complete && result.audit().replayMatches() ? ExitCode.OK : ExitCode.DIFFERS).code();
    }

    /** A line of log would tear the table, and the broker that ends with the demo has its network clients complain. */
    static void quieten() {
        if (System.getenv("THALWEG_LOG_LEVEL") == null) {
            logger("io.thalweg").setLevel(Level.WARN);
            logger("org.apache.kafka.clients.NetworkClient").setLevel(Level.ERROR);
        }
    }

    private static Logger logger(String name) {
        return (Logger) LoggerFactory.getLogger(name);
    }

    private static Map<String, Object> asMap(Demo.Result result) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("examples", result.examples());
        map.put("predictions", result.predictions());
        map.put("dead_letters", result.deadLetters());
        map.put("log_loss", result.logLoss());
        map.put("base_rate_log_loss", result.baseRateLogLoss());
        map.put("accuracy", result.accuracy());
        map.put("auc", result.auc());
        map.put("seconds", result.seconds());
        map.put("examples_per_second", result.examples() / result.seconds());
        map.put("replay_matches", result.audit().replayMatches());
        return map;
    }
}
