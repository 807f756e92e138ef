package io.thalweg.store;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.FeatureForm;
import io.thalweg.math.Model;
import io.thalweg.math.Optimizer;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.common.config.ConfigException;
import org.jspecify.annotations.Nullable;

/**
 * What new models begin with: the models of a {@link ModelFile}, or nothing. The only model of a file is for every new
 * model. Of a file with several, each is for the new model of the same id, and others begin at zero.
 *
 * <p>Immutable, and shared by all tasks of a learner.
 */
public final class StartModels {
    /** Every model begins at zero. */
    public static final StartModels NONE = new StartModels("", null, Map.of());

    private final String sha256;
    /** For every model; null if the file has more than one. */
    private final @Nullable Model forAll;

    private final Map<String, Model> byId;

    private StartModels(String sha256, @Nullable Model forAll, Map<String, Model> byId) {
        this.sha256 = sha256;
        this.forAll = forAll;
        this.byId = byId;
    }

    /**
     * Reads the file in {@value ThalwegConfig#MODEL_START}.
     *
     * @return {@link #NONE} if there is no such setting
     * @throws ConfigException if the file cannot be read, or does not suit the settings
     */
    public static StartModels of(ThalwegConfig config) {
        String file = config.getString(ThalwegConfig.MODEL_START);
        return file.isEmpty() ? NONE : of(ModelFile.read(Path.of(file)), config);
    }

    /**
     * Takes the models of a file.
     *
     * @param config the settings of the learner that is to go on from them
     * @throws ConfigException if they do not suit these settings; the message is one line for people
     */
    public static StartModels of(ModelFile file, ThalwegConfig config) {
        Map<String, String> learned = file.settings().replayedSettings("");
        Map<String, String> now = config.replayedSettings("");
        for (String name : List.of(ThalwegConfig.FEATURES_SPACE_BITS, ThalwegConfig.NAMES_MAX)) {
            if (differs(name, learned, now)) {
                throw misfit(file, name, learned, now, "set it to the same");
            }
        }
        Optimizer optimizer = Optimizer.of(config.learner());
        boolean sameState = ThalwegConfig.KIND.stream().noneMatch(name -> differs(name, learned, now));
        if (!sameState && !optimizer.canStartFromWeights()) {
            String name = ThalwegConfig.KIND.stream()
                    .filter(each -> differs(each, learned, now))
                    .findFirst()
                    .orElseThrow();
            throw misfit(
                    file,
                    name,
                    learned,
                    now,
                    "set it to the same, or use auto or plain sgd, which can start from given weights");
        }
        String form = config.getString(ThalwegConfig.FEATURES_FORM);
        Map<String, Model> byId = new HashMap<>();
        for (Model model : file.models()) {
            String has = model.head().form().name().toLowerCase(Locale.ROOT);
            if (!form.equals("any") && !form.equals(has)) {
                throw new ConfigException("model file %s has a model with %s features, and %s is %s; set it to %s"
                        .formatted(file.path(), has, ThalwegConfig.FEATURES_FORM, form, has));
            }
            Model start = sameState ? model : model.under(optimizer);
            if (byId.put(model.id(), start) != null) {
                throw new ConfigException("model file %s has model %s twice".formatted(file.path(), model.id()));
            }
        }
        Model forAll = byId.size() == 1 ? byId.values().iterator().next() : null;
        return new StartModels(file.sha256(), forAll, byId);
    }

    private static boolean differs(String name, Map<String, String> learned, Map<String, String> now) {
        return !SettingsHistory.setting(name, learned).equals(SettingsHistory.setting(name, now));
    }

    private static ConfigException misfit(
            ModelFile file, String name, Map<String, String> learned, Map<String, String> now, String remedy) {
        return new ConfigException("model file %s was learned with %s = %s, and it is now %s; %s"
                .formatted(
                        file.path(),
                        name,
                        SettingsHistory.setting(name, learned),
                        SettingsHistory.setting(name, now),
                        remedy));
    }

    /** Returns the SHA-256 of the file, in hexadecimal; empty if there is none. */
    public String sha256() {
        return sha256;
    }

    /** Returns the form of the features of all models; null if there are none, or not all have the same. */
    public @Nullable FeatureForm form() {
        Set<FeatureForm> forms =
                byId.values().stream().map(model -> model.head().form()).collect(Collectors.toSet());
        return forms.size() == 1 ? forms.iterator().next() : null;
    }

    /** Returns what a new model begins with, which must not be changed; null if it begins at zero. */
    public @Nullable Model of(String id) {
        return forAll != null ? forAll : byId.get(id);
    }
}
