package io.thalweg.audit;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.store.ModelFile;
import io.thalweg.store.StartModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.ConfigException;

/**
 * The model files that are at hand for a replay. What the learner recorded of the file that its models began with is
 * the SHA-256.
 */
final class StartFiles {
    private final List<Path> files = new ArrayList<>();
    private final Map<Path, String> hashes = new HashMap<>();

    /**
     * Creates a collection of files.
     *
     * @param config may name one in {@value ThalwegConfig#MODEL_START}
     * @param more others
     */
    StartFiles(ThalwegConfig config, List<Path> more) {
        if (!config.getString(ThalwegConfig.MODEL_START).isEmpty()) {
            files.add(Path.of(config.getString(ThalwegConfig.MODEL_START)));
        }
        files.addAll(more);
    }

    /**
     * Returns what models began with.
     *
     * @param sha256 the SHA-256 of the file, as recorded; empty if models began at zero
     * @param settings the settings of that time
     * @param source what was learned, for messages
     * @throws UnverifiableException if the file is not at hand
     */
    StartModels get(String sha256, ThalwegConfig settings, Object source) {
        if (sha256.isEmpty()) {
            return StartModels.NONE;
        }
        List<String> others = new ArrayList<>();
        for (Path file : files) {
            String hash = hashes.computeIfAbsent(file, StartFiles::hash);
            if (hash.equals(sha256)) {
                try {
                    return StartModels.of(ModelFile.read(file), settings);
                } catch (ConfigException e) {
                    throw new UnverifiableException(e.getMessage(), e);
                }
            }
            others.add(file + (hash.isEmpty() ? " cannot be read" : " has " + hash));
        }
        throw new UnverifiableException(
                "models of %s began with a model file whose SHA-256 is %s; give that file with --model%s"
                        .formatted(source, sha256, others.isEmpty() ? "" : " (" + String.join(", ", others) + ")"));
    }

    private static String hash(Path file) {
        try {
            return ModelFile.sha256(file);
        } catch (IOException e) {
            return "";
        }
    }
}
