package io.thalweg.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.thalweg.avro.ModelFileEntry;
import io.thalweg.avro.ModelHead;
import io.thalweg.avro.ModelOrigin;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.Example;
import io.thalweg.math.Examples;
import io.thalweg.math.Learner;
import io.thalweg.math.Model;
import io.thalweg.testing.Seeded;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.avro.Schema;
import org.apache.avro.file.DataFileReader;
import org.apache.avro.file.DataFileWriter;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.common.config.ConfigException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Seeded
class ModelFileTest {
    private static final String AUTO = "algorithm=auto";

    @TempDir
    private Path directory;

    private Random random;

    @BeforeEach
    void seed(Random seeded) {
        random = seeded;
    }

    /** @param settings name=value, separated by spaces */
    private static ThalwegConfig config(String settings) {
        Map<String, String> map = new HashMap<>();
        for (String setting : settings.split(" ")) {
            if (!setting.isEmpty()) {
                map.put(setting.substring(0, setting.indexOf('=')), setting.substring(setting.indexOf('=') + 1));
            }
        }
        return new ThalwegConfig(map);
    }

    /** Many features in few blocks, and names. */
    private Example named() {
        List<Object> features = new ArrayList<>();
        for (int feature : random.ints(0, 400).distinct().limit(5).toArray()) {
            features.add("Größe " + feature);
            features.add(random.nextGaussian());
        }
        return Examples.named((double) random.nextInt(2), features.toArray());
    }

    private Example sparse() {
        return Examples.randomSparse(random, 6, 100_000);
    }

    private Model learned(ThalwegConfig config, String id, boolean isNamed) {
        Learner learner = new Learner(config.learner());
        Model model = new Model(id, learner.optimizer());
        for (int i = 0; i < 300; i++) {
            ModelFiles.learn(learner, model, isNamed ? named() : sparse());
        }
        return model;
    }

    private Path write(ThalwegConfig config, Model... models) throws IOException {
        return ModelFiles.write(directory.resolve("model.avro"), config, models);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "learning.rate.schedule=inverse-time learning.rate.decay=0.01",
                "scaling=standard l1=0.001 l2=0.01",
                "algorithm=adagrad scaling=max-abs",
                "algorithm=ftrl l1=0.1",
                AUTO
            })
    void aModelFromAFileGoesOnBitForBit(String settings) throws IOException {
        ThalwegConfig config = config(settings);
        for (boolean isNamed : new boolean[] {true, false}) {
            Model model = learned(config, "m", isNamed);
            StartModels start = StartModels.of(
                    config.with(ThalwegConfig.MODEL_START, write(config, model).toString()));
            Learner other = new Learner(config.learner());
            Model copy = start.of("anything").copyAs("other");
            copy.learnsBy(other.optimizer());

            assertThat(copy.version()).isEqualTo(model.version());
            assertThat(copy.id()).isEqualTo("other");
            assertThat(copy.validation().overall().examples()).isZero();
            Learner learner = new Learner(config.learner());
            model.learnsBy(learner.optimizer());
            for (int i = 0; i < 200; i++) {
                Example x = isNamed ? named() : sparse();
                assertThat(ModelFiles.learn(other, copy, x)).isEqualTo(ModelFiles.learn(learner, model, x));
            }
            assertThat(copy.bias()).isEqualTo(model.bias());
            assertThat(copy.extent()).isEqualTo(model.extent());
            for (int i = 0; i < model.extent(); i++) {
                assertThat(copy.weight(i)).isEqualTo(model.weight(i));
            }
            // the template has not moved
            assertThat(start.of("anything").version()).isEqualTo(300);
        }
    }

    @Test
    void otherProgramsCanReadWeightsByName() throws IOException {
        ThalwegConfig config = config(AUTO);
        Model model = learned(config, "m", true);
        List<GenericRecord> entries = new ArrayList<>();
        try (DataFileReader<GenericRecord> reader =
                new DataFileReader<>(write(config, model).toFile(), new GenericDatumReader<>())) {
            reader.forEach(entry -> entries.add((GenericRecord) entry.get("content")));
        }
        assertThat(entries.get(0).getSchema().getName()).isEqualTo(ModelOrigin.class.getSimpleName());
        assertThat(entries.get(1).getSchema().getName()).isEqualTo(ModelHead.class.getSimpleName());
        assertThat(entries.get(1).get("bias")).isEqualTo(model.bias());
        List<String> names = new ArrayList<>();
        Map<String, Double> weights = new HashMap<>();
        for (GenericRecord entry : entries.subList(2, entries.size())) {
            if (entry.getSchema().getName().equals("ModelNames")) {
                ((List<?>) entry.get("names")).forEach(name -> names.add(name.toString()));
            } else {
                int first = (int) entry.get("first");
                List<?> block = (List<?>) entry.get("weights");
                for (int i = 0; i < block.size(); i++) {
                    weights.put(names.get(first + i), (Double) block.get(i));
                }
            }
        }
        assertThat(names).hasSize(model.names().size()).hasSizeGreaterThan(Model.BLOCK);
        for (int i = 0; i < names.size(); i++) {
            assertThat(weights.get(names.get(i))).isEqualTo(model.weight(i));
        }
    }

    @Test
    void theSameModelsGiveTheSameBytes() throws IOException {
        ThalwegConfig config = config("");
        Model model = learned(config, "m", true);
        byte[] first = Files.readAllBytes(write(config, model));
        assertThat(Files.readAllBytes(write(config, model))).isEqualTo(first);
        ModelFiles.learn(new Learner(config.learner()), model, named());
        assertThat(Files.readAllBytes(write(config, model))).isNotEqualTo(first);
        assertThat(directory).isDirectoryNotContaining("glob:**incomplete");
    }

    @Test
    void aFileOfSeveralModelsIsForThoseOfTheSameId() throws IOException {
        ThalwegConfig config = config("");
        Path file = write(config, learned(config, "a", true), learned(config, "b", false));
        StartModels start = StartModels.of(config.with(ThalwegConfig.MODEL_START, file.toString()));
        assertThat(start.of("a").names().size()).isPositive();
        assertThat(start.of("b").names().size()).isZero();
        assertThat(start.of("c")).isNull();
        assertThat(start.sha256()).isEqualTo(ModelFile.sha256(file));
        assertThat(StartModels.of(config)).isSameAs(StartModels.NONE);
    }

    @ParameterizedTest
    @ValueSource(strings = {AUTO, "learning.rate=0.2"})
    void weightsOfAnotherAlgorithmAreTaken(String settings) throws IOException {
        ThalwegConfig adagrad = config("algorithm=adagrad scaling=standard");
        Model model = learned(adagrad, "m", false);
        ThalwegConfig config = config(settings)
                .with(ThalwegConfig.MODEL_START, write(adagrad, model).toString());
        Model start = StartModels.of(config).of("m");
        assertThat(start.bias()).isCloseTo(model.bias(), within(1e-12));
        for (int i = 0; i < model.extent(); i++) {
            assertThat(start.weight(i)).isCloseTo(model.weight(i), within(1e-12));
        }
    }

    @Test
    void whatDoesNotSuitTheSettingsIsRefusedInOneLine() throws IOException {
        ThalwegConfig config = config(AUTO);
        Path file = write(config, learned(config, "m", true));
        Map<String, String> refused = Map.of(
                "algorithm=adagrad", "algorithm = auto, and it is now adagrad",
                "scaling=standard", "auto or plain sgd",
                "algorithm=auto features.space.bits=10", "features.space.bits = 20, and it is now 10",
                "algorithm=auto names.max=7", "names.max = 65536, and it is now 7",
                "algorithm=auto features.form=dense", "has a model with named features");
        refused.forEach((settings, words) -> assertThatThrownBy(
                        () -> StartModels.of(config(settings).with(ThalwegConfig.MODEL_START, file.toString())))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining(words)
                .hasMessageContaining(file.toString())
                .satisfies(e -> assertThat(e.getMessage().lines()).hasSize(1)));
    }

    @Test
    void aFileThatCannotBeReadIsRefusedInOneLine() throws IOException {
        ThalwegConfig config = config(AUTO);
        byte[] whole = Files.readAllBytes(write(config, learned(config, "m", true)));
        Path file = directory.resolve("damaged.avro");
        for (int length : new int[] {0, 3, 1000, whole.length / 2, whole.length - 1, whole.length - 17}) {
            Files.write(file, Arrays.copyOf(whole, length));
            assertUnreadable(file, "cannot read the model file");
        }
        Files.writeString(file, "x,y,label\n1,2,0\n");
        assertUnreadable(file, "cannot read the model file");
        assertUnreadable(directory.resolve("none.avro"), "there is no model file");

        Schema other = new Schema.Parser().parse("{\"type\":\"record\",\"name\":\"R\",\"fields\":[]}");
        try (DataFileWriter<GenericRecord> writer = new DataFileWriter<>(new GenericDatumWriter<>(other))) {
            writer.create(other, file.toFile());
            writer.append(new org.apache.avro.generic.GenericData.Record(other));
        }
        assertUnreadable(file, "cannot read the model file");

        ModelOrigin later = ModelFiles.origin(config);
        later.setFormat(ModelFile.FORMAT + 1);
        ModelFile.write(file, later, List.of());
        assertUnreadable(file, "this version of Thalweg reads format " + ModelFile.FORMAT);
        assertThat(ModelFileEntry.getClassSchema().getDoc()).isNotBlank();
    }

    private static void assertUnreadable(Path file, String words) {
        assertThatThrownBy(() -> ModelFile.read(file))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining(words)
                .hasMessageContaining(file.toString())
                .satisfies(e -> assertThat(e.getMessage().lines()).hasSize(1));
    }
}
