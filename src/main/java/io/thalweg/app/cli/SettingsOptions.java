package io.thalweg.app.cli;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.StopException;
import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Option;

/**
 * Where settings come from: defaults of the command, then the file, then the environment, then {@code --set};
 * the last wins.
 */
final class SettingsOptions {
    private static final Logger LOG = LoggerFactory.getLogger(SettingsOptions.class);
    private static final String ENVIRONMENT_PREFIX = "THALWEG_";

    /** A command to be repeated, up to the backtick after it. */
    private static final Pattern HINT = Pattern.compile("`thalweg (topics|reset)[^`]*(?=`)");

    /** Settings of Kafka and of the registry that hold secrets. */
    private static final Pattern SECRET = Pattern.compile("password|jaas|secret|token|user\\.info|\\.key$");

    @Option(
            names = {"-c", "--config"},
            paramLabel = "FILE",
            description = "Settings, one name=value a line.")
    private Path file;

    @Option(
            names = {"-s", "--set"},
            paramLabel = "NAME=VALUE",
            description =
                    "A setting, such as learning.rate=0.1; wins over the file and the environment. May be repeated.")
    private Map<String, String> set = new LinkedHashMap<>();

    /** The settings. @throws org.apache.kafka.common.config.ConfigException if they are wrong */
    ThalwegConfig config() {
        return config(Map.of());
    }

    /** The settings, over those that the command itself begins with. */
    ThalwegConfig config(Map<String, ?> defaults) {
        Map<String, Object> settings = new LinkedHashMap<>(defaults);
        if (file != null) {
            settings.putAll(read(file));
        }
        settings.putAll(environment(System.getenv()));
        settings.putAll(set);
        return new ThalwegConfig(settings);
    }

    /**
     * A message whose hints, such as {@code `thalweg topics --create`}, have the options that this command was given:
     * without them they would be for other topics on other brokers.
     */
    String repeatedIn(String message) {
        return HINT.matcher(message).replaceAll(hint -> Matcher.quoteReplacement(hint.group() + repeated()));
    }

    /** The options for a shell. A secret is left out: messages go to logs. */
    private String repeated() {
        StringBuilder options = new StringBuilder();
        if (file != null) {
            options.append(" --config ").append(LocalCommand.quoted(file.toString()));
        }
        set.forEach((name, value) -> options.append(" --set ")
                .append(SECRET.matcher(name).find() ? name + "=…" : LocalCommand.quoted(name + "=" + value)));
        return options.toString();
    }

    private static Map<String, String> read(Path file) {
        Properties properties = new Properties();
        try (Reader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            properties.load(reader);
        } catch (IOException | IllegalArgumentException e) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    "cannot read the settings in " + file + " (" + e.getClass().getSimpleName() + ": " + e.getMessage()
                            + ")");
        }
        return properties.stringPropertyNames().stream()
                .collect(Collectors.toMap(name -> name, properties::getProperty));
    }

    /**
     * {@code THALWEG_LEARNING_RATE} is {@code learning.rate}. A name that is no setting is left alone: launchers and
     * container platforms put variables of their own there.
     */
    static Map<String, String> environment(Map<String, String> variables) {
        Map<String, String> settings = new LinkedHashMap<>();
        variables.forEach((variable, value) -> {
            if (variable.startsWith(ENVIRONMENT_PREFIX)) {
                String name = variable.substring(ENVIRONMENT_PREFIX.length())
                        .toLowerCase(Locale.ROOT)
                        .replace('_', '.');
                if (ThalwegConfig.isSetting(name)) {
                    settings.put(name, value);
                } else {
                    LOG.debug("environment variable {} is no setting", variable);
                }
            }
        });
        return settings;
    }
}
