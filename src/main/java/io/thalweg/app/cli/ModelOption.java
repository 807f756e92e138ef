package io.thalweg.app.cli;

import io.thalweg.config.SettingFlag;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.Algorithm;
import io.thalweg.store.ModelFile;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import picocli.CommandLine.Option;

/** The option for a model file to go on from. */
final class ModelOption {
    @Option(
            names = "--model",
            paramLabel = "FILE",
            description = "Go on from the models in this file, which train has written, with the settings that they"
                    + " were learned with, unless others are given.")
    private Path file;

    /** Adds the file, if it was given, to the settings. It overrides a file that is named there. */
    void addTo(SettingsOptions settings) {
        if (file != null) {
            settings.add(ThalwegConfig.MODEL_START, file.toString());
        }
    }

    /**
     * The settings that the models of the file were learned with, as defaults of a command.
     *
     * @param given those that were given; a setting of the file that the given algorithm does not use is left out
     * @param mapped whether the mapping of the file applies too
     * @return empty if there is no file
     */
    Map<String, String> defaults(Map<String, Object> given, boolean mapped) {
        if (file == null) {
            return Map.of();
        }
        Map<String, String> settings = new HashMap<>(ModelFile.read(file).settingsByName());
        Object algorithm = given.getOrDefault(
                ThalwegConfig.ALGORITHM, settings.getOrDefault(ThalwegConfig.ALGORITHM, Algorithm.SGD.toString()));
        Algorithm.of(algorithm.toString())
                .ifPresent(known -> settings.keySet().removeAll(ThalwegConfig.unusedBy(known)));
        if (!mapped) {
            settings.keySet().removeAll(ThalwegConfig.settings(SettingFlag.MAPPING));
        }
        // they say nothing of a file or a topic that is read now
        settings.remove(ThalwegConfig.MODEL_DEFAULT);
        settings.keySet().removeAll(ThalwegConfig.settings(SettingFlag.LABELS));
        settings.remove(ThalwegConfig.JSON_SCHEMA_LOOKUP);
        return settings;
    }
}
