package io.thalweg.app.cli;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.config.UserInfo;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.StopException;
import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Option;

/**
 * The options for settings. Settings come from the defaults of the command, the file, the environment and {@code
 * --set}; later ones override earlier ones.
 */
final class SettingsOptions {
    private static final Logger LOG = LoggerFactory.getLogger(SettingsOptions.class);
    private static final String ENVIRONMENT_PREFIX = "THALWEG_";

    /** A command in a message that the user is asked to run, up to the backtick after it. */
    private static final Pattern HINT = Pattern.compile("`thalweg (topics|reset)[^`]*(?=`)");

    /** The settings of Kafka and of the registry that are secret. */
    private static final Pattern SECRET = Pattern.compile("password|jaas|secret|token|user\\.info|\\.key$");

    @Option(
            names = {"-c", "--config"},
            paramLabel = "FILE",
            description = "A file of settings, one name=value on each line.")
    private Path file;

    @Option(
            names = {"-s", "--set"},
            paramLabel = "NAME=VALUE",
            description =
                    "A setting, such as learning.rate=0.1. It overrides the file and the environment. Can be repeated.")
    private Map<String, String> set = new LinkedHashMap<>();

    /** What the command uses, for messages; null until the settings were read. */
    private ThalwegConfig used;

    /**
     * The settings.
     *
     * @throws org.apache.kafka.common.config.ConfigException if they are wrong
     */
    ThalwegConfig config() {
        return config(Map.of());
    }

    /** The settings, which override those that the command itself begins with. */
    ThalwegConfig config(Map<String, ?> defaults) {
        Map<String, Object> settings = new LinkedHashMap<>(defaults);
        settings.putAll(given());
        used = new ThalwegConfig(settings);
        allow(used);
        return used;
    }

    /**
     * Allows Kafka's clients what the settings name for OAuth. They ask for it since settings can come from strangers
     * in some programs; here they come from whoever runs the program. A property that the JVM was given stays.
     */
    private static void allow(ThalwegConfig config) {
        allow(
                config,
                "org.apache.kafka.sasl.oauthbearer.allowed.urls",
                List.of("token.endpoint.url", "jwks.endpoint.url"));
        allow(
                config,
                "org.apache.kafka.sasl.oauthbearer.allowed.files",
                List.of("assertion.file", "assertion.private.key.file", "assertion.template.file"));
    }

    private static void allow(ThalwegConfig config, String property, List<String> settings) {
        String values = settings.stream()
                .map(name -> config.clients().get("sasl.oauthbearer." + name))
                .filter(Objects::nonNull)
                .map(Object::toString)
                .collect(Collectors.joining(","));
        if (!values.isEmpty() && System.getProperty(property) == null) {
            System.setProperty(property, values);
        }
    }

    /** The settings that the command uses; empty if they were not read, or are wrong. */
    Optional<ThalwegConfig> used() {
        return Optional.ofNullable(used);
    }

    /** Adds a setting that another option has given, before the settings are read. */
    void add(String name, String value) {
        set.put(name, value);
    }

    /** The settings that were given, in the file, the environment or options. */
    Map<String, Object> given() {
        Map<String, Object> settings = new LinkedHashMap<>();
        if (file != null) {
            settings.putAll(read(file));
        }
        settings.putAll(environment(System.getenv()));
        settings.putAll(set);
        return settings;
    }

    /**
     * Adds the options of this command to the commands that a message suggests, such as {@code `thalweg topics
     * --create`}. Without them the suggestions would be about other topics on other brokers.
     */
    String repeatedIn(String message) {
        return HINT.matcher(message).replaceAll(hint -> Matcher.quoteReplacement(hint.group() + repeated()));
    }

    /** The options of this command, for a shell. Secrets are left out, in addresses too: messages are logged. */
    private String repeated() {
        StringBuilder options = new StringBuilder();
        if (file != null) {
            options.append(" --config ").append(LocalCommand.quoted(file.toString()));
        }
        set.forEach((name, value) -> options.append(" --set ")
                .append(
                        SECRET.matcher(name).find()
                                ? name + "=…"
                                : LocalCommand.quoted(name + "=" + UserInfo.removedFrom(value))));
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
     * Reads settings from environment variables: {@code THALWEG_LEARNING_RATE} is {@code learning.rate}. Names that are
     * not settings are ignored, because launchers and container platforms set variables of their own.
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
                    LOG.debug("environment variable {} is not a setting", variable);
                }
            }
        });
        return settings;
    }
}
