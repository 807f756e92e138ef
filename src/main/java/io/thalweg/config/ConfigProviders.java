package io.thalweg.config;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.config.provider.DirectoryConfigProvider;
import org.apache.kafka.common.config.provider.EnvVarConfigProvider;
import org.apache.kafka.common.config.provider.FileConfigProvider;

/**
 * Kafka's providers of values that are kept elsewhere: {@code ${file:PATH:NAME}} is a line of a properties file, {@code
 * ${directory:PATH:FILE}} a whole file, and {@code ${env:NAME}} an environment variable. These three need no set-up;
 * {@value AbstractConfig#CONFIG_PROVIDERS_CONFIG} replaces them.
 */
final class ConfigProviders {
    /** What a setting of providers begins with. */
    static final String PREFIX = AbstractConfig.CONFIG_PROVIDERS_CONFIG + ".";

    /** A setting of one provider, whose name is the user's, as those of its parameters are. */
    private static final Pattern OF_PROVIDER = Pattern.compile(Pattern.quote(PREFIX) + "[^.]+\\.(class|param\\..+)");

    private static final Map<String, Class<?>> PROVIDERS = Map.of(
            "file", FileConfigProvider.class,
            "directory", DirectoryConfigProvider.class,
            "env", EnvVarConfigProvider.class);

    private ConfigProviders() {}

    /** Returns settings with the providers, unless they name their own. */
    static Map<String, Object> addedTo(Map<String, ?> settings) {
        Map<String, Object> added = new LinkedHashMap<>(settings);
        if (!settings.containsKey(AbstractConfig.CONFIG_PROVIDERS_CONFIG)) {
            added.put(AbstractConfig.CONFIG_PROVIDERS_CONFIG, String.join(",", PROVIDERS.keySet()));
            PROVIDERS.forEach((name, provider) -> added.put(PREFIX + name + ".class", provider.getName()));
        }
        return added;
    }

    /** Returns whether a setting is about providers. */
    static boolean isOfProviders(String name) {
        return name.equals(AbstractConfig.CONFIG_PROVIDERS_CONFIG)
                || OF_PROVIDER.matcher(name).matches();
    }

    /**
     * Checks that all values were found. Kafka leaves those that were not as they are.
     *
     * @throws ConfigException if one was not
     */
    static void checkResolved(Map<String, ?> settings) {
        String providers = String.valueOf(settings.get(AbstractConfig.CONFIG_PROVIDERS_CONFIG));
        Pattern left = Pattern.compile("\\$\\{(" + providers.replaceAll("\\s*,\\s*", "|") + "):[^}]*}");
        settings.forEach((name, value) -> {
            Matcher matcher = left.matcher(String.valueOf(value));
            if (matcher.find()) {
                throw new ConfigException(
                        "there is no value for " + matcher.group() + ", which " + name + " refers to");
            }
        });
    }
}
