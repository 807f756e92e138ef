package io.thalweg.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.thalweg.math.Algorithm;
import io.thalweg.math.FeatureForm;
import io.thalweg.math.LearnerSettings;
import io.thalweg.math.LearningRate.Schedule;
import io.thalweg.math.StepOptions;
import io.thalweg.math.StepOptions.Scaling;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.common.config.ConfigException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ThalwegConfigTest {
    private static ThalwegConfig config(Map<String, ?> settings) {
        return new ThalwegConfig(settings);
    }

    @Test
    void needsNoSetting() {
        ThalwegConfig config = config(Map.of());
        LearnerSettings learner = config.learner();
        assertThat(learner.algorithm()).isEqualTo(Algorithm.SGD);
        assertThat(learner.learningRate().schedule()).isEqualTo(Schedule.CONSTANT);
        assertThat(learner.requiredForm()).isNull();
        assertThat(learner.space()).isEqualTo(1 << 20);
        assertThat(learner.namesMax()).isEqualTo(65536);
        assertThat(config.getInt(ThalwegConfig.WEIGHTS_RECORD_MAX)).isEqualTo(256);
        assertThat(config.getLong(ThalwegConfig.WEIGHTS_INTERVAL_MS)).isEqualTo(1000);
        assertThat(config.getString(ThalwegConfig.PROCESSING_GUARANTEE)).isEqualTo("exactly_once_v2");
        assertThat(config.clients()).isEmpty();
        assertThat(config.registry()).containsOnlyKeys("schema.registry.url");
        assertThat(config.isGiven(ThalwegConfig.LEARNING_RATE)).isFalse();
    }

    @Test
    void settingsMakeTheLearner() {
        LearnerSettings learner = config(Map.of(
                        "learning.rate", "0.25",
                        "learning.rate.schedule", "inverse-scaling",
                        "learning.rate.decay", 0.75,
                        "features.form", "sparse",
                        "features.space.bits", 24,
                        "names.max", "5",
                        "models.max", "7",
                        "metrics.window", "99"))
                .learner();
        assertThat(learner.learningRate().at(0)).isEqualTo(0.25);
        assertThat(learner.learningRate().at(15)).isEqualTo(0.25 / 8);
        assertThat(learner.requiredForm()).isEqualTo(FeatureForm.SPARSE);
        assertThat(learner.spaceBits()).isEqualTo(24);
        assertThat(learner.namesMax()).isEqualTo(5);
        assertThat(learner.modelsMax()).isEqualTo(7);
        assertThat(learner.metricsWindow()).isEqualTo(99);
    }

    @Test
    void everyScheduleAndFormThatIsOfferedExists() {
        for (Schedule schedule : Schedule.values()) {
            String word = schedule.name().toLowerCase().replace('_', '-');
            assertThat(config(Map.of("learning.rate.schedule", word))
                            .learner()
                            .learningRate()
                            .schedule())
                    .isEqualTo(schedule);
        }
        for (FeatureForm form : FeatureForm.values()) {
            assertThat(config(Map.of("features.form", form.name().toLowerCase()))
                            .learner()
                            .requiredForm())
                    .isEqualTo(form);
        }
    }

    @Test
    void namesTakeAtMostHalfTheSpace() {
        for (int bits = 1; bits <= 24; bits++) {
            LearnerSettings learner =
                    config(Map.of("features.space.bits", bits)).learner();
            assertThat(learner.namesMax()).isEqualTo(Math.min(65536, learner.space() / 2));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "learning.rat, learning.rate",
        "learning-rate, learning.rate",
        "weight.every, weights.every",
        "schema.registry.ur, schema.registry.url",
        "ssl.truststre.location, ssl.truststore.location",
        "sasl.jaas.confg, sasl.jaas.config",
        "consumer.ssl.truststre.location, consumer.ssl.truststore.location",
        "topic.retention.m, topic.retention.ms",
        "schema.registry.ssl.truststre.location, schema.registry.ssl.truststore.location",
        "basic.auth.user.inf, basic.auth.user.info",
        "security.protocl, security.protocol",
        "main.consumer.ssl.protocl, main.consumer.ssl.protocol",
        "restore.consumer.sasl.jaas.confg, restore.consumer.sasl.jaas.config",
        "admin.ssl.keystore.locatio, admin.ssl.keystore.location",
        "producer.linger.m, producer.linger.ms",
        "bootstrap.server, bootstrap.servers",
        "feature.form, features.form",
        "max.poll.record, max.poll.records",
        "auto.register.schema, auto.register.schemas",
    })
    void aSettingThatNobodyKnowsSuggestsTheNearest(String mistake, String meant) {
        assertThatThrownBy(() -> config(Map.of(mistake, "1")))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("there is no setting " + mistake)
                .hasMessageContaining("did you mean " + meant + "?")
                .hasMessageNotContaining("\n");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "consumer.linger.ms",
                "main.consumer.acks",
                "producer.max.poll.records",
                "admin.fetch.max.bytes",
                "topic.ssl.keystore.location",
                "config.providers.vault.clas",
                "config.providers.vault"
            })
    void aSettingOfAnotherKindOfClientWouldHaveNoEffect(String mistake) {
        assertThatThrownBy(() -> config(Map.of(mistake, "1")))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("there is no setting " + mistake);
    }

    @Test
    void suggestsNothingWhereNothingIsNear() {
        assertThatThrownBy(() -> config(Map.of("completely.different.thing", "1")))
                .isInstanceOf(ConfigException.class)
                .hasMessageNotContaining("did you mean")
                .hasMessageContaining("client.completely.different.thing");
    }

    @ParameterizedTest
    @CsvSource({
        "learning.rate, 0, above 0",
        "learning.rate, -0.1, above 0",
        "learning.rate, NaN, above 0",
        "learning.rate, Infinity, above 0",
        "learning.rate, fast, double",
        "learning.rate.decay, -1, 0 or more",
        "learning.rate.decay, NaN, 0 or more",
        "learning.rate.schedule, linear, inverse-scaling",
        "features.form, any old, sparse",
        "features.space.bits, 25, 24",
        "features.space.bits, 0, 1",
        "features.space.bits, 3000000000, int",
        "names.max, -1, 0",
        "models.max, 0, 1",
        "example.max.bytes, 10, 1024",
        "weights.record.max, 0, 1",
        "weights.record.max, 2049, 2048",
        "weights.every, 0, 1",
        "weights.interval.ms, 9, 10",
        "metrics.every, 0, 1",
        "metrics.window, 1, 2",
        "algorithm, adam, sgd",
        "scaling, minmax, max-abs",
        "l1, -1, 0 or more",
        "l2, Infinity, 0 or more",
        "gradient.clip, NaN, 0 or more",
        "importance.invariant, perhaps, true or false",
        "processing.guarantee, exactly_once, exactly_once_v2",
        "examples.topic, '', non-empty",
        "registry.retry.max.ms, 300000, 240000",
    })
    void aValueOutOfRangeIsOneLineThatNamesSettingAndRange(String setting, String value, String range) {
        assertThatThrownBy(() -> config(Map.of(setting, value)))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining(setting)
                .hasMessageContaining(value)
                .satisfies(e -> assertThat(e.getMessage().toLowerCase()).contains(range.toLowerCase()))
                .hasMessageNotContaining("\n");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "security.protocol",
                "sasl.jaas.config",
                "sasl.login.callback.handler.class",
                "ssl.truststore.location",
                "client.id",
                "client.rack",
                "consumer.max.poll.records",
                "main.consumer.fetch.max.bytes",
                "producer.linger.ms",
                "admin.retries",
                "topic.retention.ms",
                "linger.ms",
                "max.poll.interval.ms",
                "num.standby.replicas",
                "state.dir",
                "metric.reporters"
            })
    void kafkasOwnSettingsAreHandedOn(String name) {
        ThalwegConfig config = config(Map.of(name, "x"));
        assertThat(config.clients()).containsEntry(name, "x");
        assertThat(config.registry()).doesNotContainKey(name);
    }

    @ParameterizedTest
    @CsvSource({
        "acks, 1",
        "acks, 0",
        "producer.acks, 1",
        "client.acks, 1",
        "enable.idempotence, false",
        "producer.enable.idempotence, false"
    })
    void whatBreaksTheGuaranteeIsRefused(String name, String value) {
        for (String guarantee : List.of("at_least_once", "exactly_once_v2")) {
            assertThatThrownBy(() -> config(Map.of(name, value, "processing.guarantee", guarantee)))
                    .isInstanceOf(ConfigException.class)
                    .hasMessageContaining(name)
                    .hasMessageContaining("drop it")
                    .hasMessageNotContaining("\n");
        }
        assertThat(config(Map.of("acks", "all", "processing.guarantee", "at_least_once"))
                        .clients())
                .containsEntry("acks", "all");
    }

    @ParameterizedTest
    @CsvSource({
        "http://registry:8081/a, http://registry:8081/a",
        "at http://user:secret@registry:8081/a!, at http://registry:8081/a!",
        "http://user:se@cr:et@registry, http://registry",
        "http://user:se/cret@registry/x, http://registry/x",
        "http://token@registry, http://registry",
        "'https://a:secret@r1,https://b:secret@r2', 'https://r1,https://r2'",
        "mail to a@b, mail to a@b",
    })
    void noMessageShowsUsersAndPasswordsOfAddresses(String text, String shown) {
        assertThat(UserInfo.removedFrom(text)).isEqualTo(shown);
    }

    @Test
    void valuesCanBeKeptInFilesAndInTheEnvironment(@TempDir Path directory) throws IOException {
        Path secrets = Files.writeString(directory.resolve("secrets.properties"), "rate=0.25\nword=hidden\n");
        Files.writeString(directory.resolve("token"), "of-a-file");
        Map<String, Object> settings = Map.of(
                "learning.rate", "${file:" + secrets + ":rate}",
                "sasl.jaas.config", "x password=${file:" + secrets + ":word};",
                "bearer.auth.token", "${directory:" + directory + ":token}",
                "client.id", "${env:PATH}");
        ThalwegConfig config = config(settings);

        assertThat(config.getDouble("learning.rate")).isEqualTo(0.25);
        assertThat(config.registry()).containsEntry("bearer.auth.token", "of-a-file");
        assertThat(config.clients())
                .containsOnly(
                        Map.entry("sasl.jaas.config", "x password=hidden;"),
                        Map.entry("client.id", System.getenv("PATH")));
        assertThat(config.with("learning.rate", "0.5").clients()).isEqualTo(config.clients());
    }

    @ParameterizedTest
    @ValueSource(strings = {"${file:/nowhere.properties:a}", "${env:THALWEG_NOWHERE}", "${directory:/nowhere:a}"})
    void aValueThatIsNotThereIsNamed(String reference) {
        assertThatThrownBy(() -> config(Map.of("ssl.key.password", reference)))
                .isInstanceOf(ConfigException.class)
                .satisfies(
                        e -> assertThat(e.getMessage().toLowerCase(Locale.ROOT)).contains("nowhere"))
                .hasMessageNotContaining("\n");
    }

    @Test
    void otherProvidersReplaceThese() {
        ThalwegConfig config = config(Map.of(
                "config.providers",
                "mine",
                "config.providers.mine.class",
                "org.apache.kafka.common.config.provider.EnvVarConfigProvider",
                "client.id",
                "${mine:PATH}",
                "client.rack",
                "${env:PATH}"));
        assertThat(config.clients())
                .containsEntry("client.id", System.getenv("PATH"))
                .containsEntry("client.rack", "${env:PATH}");
    }

    @Test
    void thePrefixHandsOnWhatNobodyDocuments() {
        assertThat(config(Map.of("client.some.plugin.setting", "x")).clients())
                .containsExactly(Map.entry("some.plugin.setting", "x"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "schema.registry.ssl.truststore.location",
                "schema.registry.basic.auth.user.info",
                "basic.auth.credentials.source",
                "basic.auth.user.info",
                "bearer.auth.token",
                "proxy.host",
                "auto.register.schemas",
                "use.latest.version",
                "value.subject.name.strategy",
                "http.read.timeout.ms"
            })
    void theRegistrysOwnSettingsAreHandedOn(String name) {
        ThalwegConfig config = config(Map.of(name, "x", "schema.registry.url", "http://r:1"));
        assertThat(config.registry()).containsEntry(name, "x").containsEntry("schema.registry.url", "http://r:1");
        assertThat(config.clients()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "default.key.serde",
                "default.timestamp.extractor",
                "isolation.level",
                "consumer.isolation.level",
                "group.id",
                "main.consumer.group.id",
                "enable.auto.commit",
                "transactional.id",
                "producer.transactional.id",
                "processing.exception.handler",
                "deserialization.exception.handler",
                "default.deserialization.exception.handler",
                "production.exception.handler",
                "default.production.exception.handler",
                "errors.dead.letter.queue.topic.name",
                "client.processing.exception.handler",
                "topic.cleanup.policy"
            })
    void whatThalwegDecidesCannotBeSet(String name) {
        assertThatThrownBy(() -> config(Map.of(name, "x")))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("setting " + name + " cannot be set: ")
                .hasMessageNotContaining("\n");
    }

    @ParameterizedTest
    @ValueSource(strings = {"producer.lingerr.ms", "consumer.max.pol.records", "admin.retrys"})
    void aPrefixHidesNoTypingMistake(String name) {
        assertThatThrownBy(() -> config(Map.of(name, "1")))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("there is no setting " + name);
    }

    /** What is recorded with a state, down to the text. States that there are have it. */
    @Test
    void theRecordedSettingsAreAllThatAReplayNeeds() {
        Map<String, String> recorded = new TreeMap<>(Map.ofEntries(
                Map.entry("algorithm", "sgd"),
                Map.entry("dead.letters.max.bytes", "2228224"),
                Map.entry("example.max.bytes", "1000000"),
                Map.entry("features.form", "any"),
                Map.entry("features.space.bits", "20"),
                Map.entry("gradient.clip", "0.0"),
                Map.entry("importance.invariant", "false"),
                Map.entry("l1", "0.0"),
                Map.entry("l2", "0.0"),
                Map.entry("learning.rate", "0.1"),
                Map.entry("learning.rate.decay", "0.5"),
                Map.entry("learning.rate.schedule", "constant"),
                Map.entry("metrics.every", "100"),
                Map.entry("metrics.window", "10000"),
                Map.entry("model.default", "m"),
                Map.entry("models.max", "10000"),
                Map.entry("names.max", "65536"),
                Map.entry("processing.guarantee", "exactly_once_v2"),
                Map.entry("scaling", "none"),
                Map.entry("weights.every", "1"),
                Map.entry("weights.record.max", "256"),
                Map.entry("weights.window", "10000")));
        assertThat(config(Map.of("learning.rate", "0.1")).replayedSettings("m")).isEqualTo(recorded);

        recorded.put("algorithm", "ftrl");
        recorded.put("ftrl.beta", "1.0");
        assertThat(config(Map.of("learning.rate", "0.1", "algorithm", "ftrl")).replayedSettings("m"))
                .isEqualTo(recorded);

        recorded.put("algorithm", "auto");
        recorded.keySet()
                .removeAll(List.of(
                        "learning.rate",
                        "learning.rate.schedule",
                        "learning.rate.decay",
                        "scaling",
                        "l1",
                        "l2",
                        "gradient.clip",
                        "importance.invariant",
                        "ftrl.beta"));
        assertThat(config(Map.of("algorithm", "auto")).replayedSettings("m")).isEqualTo(recorded);

        recorded.putAll(Map.of(
                "label", "y",
                "id.field", "",
                "importance.field", "",
                "model.from", "fixed:x",
                "features.exclude", "",
                "features.numeric", "",
                "features.categorical", "",
                "features.time", "",
                "features.buckets", "",
                "features.cross", ""));
        recorded.put("events.types", "");
        assertThat(config(Map.of("algorithm", "auto", "label", "y", "model.from", "fixed:x"))
                        .replayedSettings("m"))
                .isEqualTo(recorded);
        // without a label there is no mapping
        assertThat(config(Map.of("model.from", "fixed:x")).replayedSettings("m"))
                .doesNotContainKeys("label", "model.from", "features.cross");
    }

    @Test
    void theRecordedSettingsMakeTheLearnerAgain() {
        Map<String, String> replayed = config(Map.of("learning.rate", "0.1")).replayedSettings("default");
        assertThat(config(Map.of("features.space.bits", "4")).replayedSettings(""))
                .containsEntry("names.max", "8");
        // a learner made from it is the same
        Map<String, String> again = new TreeMap<>(replayed);
        again.remove("model.default");
        assertThat(config(again).learner())
                .isEqualTo(config(Map.of("learning.rate", "0.1")).learner());
        // what changes neither weights nor what is published is not in it
        assertThat(config(Map.of("learning.rate", "0.1", "commit.interval.ms", "7"))
                        .replayedSettings("default"))
                .isEqualTo(replayed);
    }

    @Test
    void settingsMakeTheStep() {
        LearnerSettings learner = config(Map.of(
                        "algorithm", "ftrl",
                        "scaling", "max-abs",
                        "l1", "0.5",
                        "l2", "0.25",
                        "gradient.clip", "3",
                        "ftrl.beta", "2"))
                .learner();
        assertThat(learner.algorithm()).isEqualTo(Algorithm.FTRL);
        assertThat(learner.options()).isEqualTo(new StepOptions(Scaling.MAX_ABS, 0.5, 0.25, 3, false, 2));
        assertThat(config(Map.of("importance.invariant", true)).learner().options())
                .isEqualTo(new StepOptions(Scaling.NONE, 0, 0, 0, true, 1));
        assertThat(config(Map.of("scaling", "standard")).learner().options().scaling())
                .isEqualTo(Scaling.STANDARD);
        assertThat(config(Map.of()).learner().options()).isEqualTo(StepOptions.NONE);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "algorithm=auto learning.rate=0.1; auto sets its own learning rates, scales and penalties; drop"
                        + " learning.rate",
                "algorithm=auto l1=0 scaling=none learning.rate.schedule=constant; auto sets; drop"
                        + " learning.rate.schedule, scaling, l1",
                "algorithm=auto importance.invariant=false; auto sets; drop importance.invariant",
                "algorithm=sgd ftrl.beta=1; only algorithm = ftrl; drop ftrl.beta",
                "algorithm=adagrad importance.invariant=true; algorithm = sgd, not adagrad; drop it",
                "importance.invariant=true l2=0.1; cannot be used with l2; drop one",
                "importance.invariant=true gradient.clip=2; cannot be used with gradient.clip; drop one",
                "algorithm=ftrl learning.rate.schedule=inverse-time; by itself; drop learning.rate.schedule",
            })
    void whatTheAlgorithmHasNoUseForIsOneLineThatSaysWhatToDrop(String given, String why, String remedy) {
        Map<String, String> settings = new TreeMap<>();
        for (String setting : given.split(" ")) {
            settings.put(setting.split("=")[0], setting.split("=")[1]);
        }
        assertThatThrownBy(() -> config(settings))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining(why)
                .hasMessageContaining(remedy)
                .hasMessageNotContaining("\n");
    }

    @ParameterizedTest
    @CsvSource({
        "avro, '', json.schema.lookup has no effect unless examples.format or labels.format is json",
        "json, avro, 'schema.registry.url is empty, but labels.format = avro and json.schema.lookup = true need a"
                + " schema registry; set its address, or set the format to json and drop json.schema.lookup'",
        "json, json, 'schema.registry.url is empty, but json.schema.lookup = true needs a schema registry; set its"
                + " address, or drop json.schema.lookup'",
        "avro, json, 'schema.registry.url is empty, but examples.format = avro and json.schema.lookup = true need a"
                + " schema registry; set its address, or set the format to json and drop json.schema.lookup'",
    })
    void lookingUpJsonSchemasNeedsJsonAndARegistry(String events, String labels, String why) {
        Map<String, String> settings = new HashMap<>(Map.of(
                "examples.format", events,
                "output.format", "json",
                "json.schema.lookup", "true",
                "schema.registry.url", ""));
        if (!labels.isEmpty()) {
            settings.putAll(
                    Map.of("labels.topic", "l", "labels.format", labels, "id.field", "id", "labels.id.field", "id"));
        }
        assertThatThrownBy(() -> config(settings))
                .isInstanceOf(ConfigException.class)
                .hasMessage(why);
        settings.put("schema.registry.url", "http://registry:8081");
        if (!labels.isEmpty()) {
            assertThat(config(settings).needsRegistry()).isTrue();
        }
    }

    /** A setting of these groups that is not recorded is one that neither weights nor outputs of a replay depend on. */
    @Test
    void allThatAReplayMayDependOnIsRecorded() {
        assertThat(ThalwegConfig.DEFINITION.configKeys().values().stream()
                        .filter(key -> List.of("Mapping", "Learning", "Output").contains(key.group))
                        .map(key -> key.name)
                        .filter(name ->
                                !ThalwegConfig.settings(SettingFlag.REPLAYED).contains(name)))
                // an audit takes weights whenever they were published
                .containsExactly("weights.interval.ms");
    }

    /** As the documentation of the algorithm has it. */
    @Test
    void autoDecidesTheSettingsFromTheLearningRateToBeta() {
        List<String> all = ThalwegConfig.settings(SettingFlag.REPLAYED);

        assertThat(ThalwegConfig.unusedBy(Algorithm.AUTO))
                .isEqualTo(all.subList(all.indexOf("learning.rate"), all.indexOf("ftrl.beta") + 1));
        assertThat(ThalwegConfig.unusedBy(Algorithm.SGD)).containsExactly("ftrl.beta");
        assertThat(ThalwegConfig.unusedBy(Algorithm.ADAGRAD)).containsExactly("ftrl.beta");
        assertThat(ThalwegConfig.unusedBy(Algorithm.FTRL)).isEmpty();
    }

    @Test
    void theStateDependsOnTheKindAndOnTheFeatureSpace() {
        assertThat(ThalwegConfig.KIND).containsExactlyInAnyOrder("algorithm", "scaling", "l1", "l2");
        assertThat(ThalwegConfig.FINGERPRINT)
                .containsExactlyInAnyOrder("features.space.bits", "names.max", "model.from");
    }

    /** Also where settings stand beside it that are another algorithm's. */
    @ParameterizedTest
    @ValueSource(strings = {"sgd", "adagrad", "ftrl", "auto"})
    void recordedSettingsMakeTheLearnerOfEachAlgorithmAgain(String algorithm) {
        ThalwegConfig config = config(Map.of("algorithm", algorithm, "metrics.window", "50"));
        Map<String, String> replayed = config(Map.of("learning.rate", "0.3")).replayedSettings("default");
        replayed.putAll(config.replayedSettings("default"));
        replayed.remove("model.default");
        ThalwegConfig again = ThalwegConfig.ofReplayed(replayed);
        assertThat(again.learner().algorithm()).hasToString(algorithm);
        assertThat(again.learner().metricsWindow()).isEqualTo(50);
        assertThat(again.replayedSettings("default")).isEqualTo(config.replayedSettings("default"));
    }

    @Test
    void oneSettingChanged() {
        ThalwegConfig config = config(Map.of("learning.rate", "0.1", "linger.ms", "5"));
        ThalwegConfig changed = config.with("learning.rate", 0.2);
        assertThat(changed.learner().learningRate().initial()).isEqualTo(0.2);
        assertThat(changed.clients()).containsEntry("linger.ms", "5");
        assertThat(config.learner().learningRate().initial()).isEqualTo(0.1);
        assertThat(changed.isGiven("learning.rate")).isTrue();
    }

    @Test
    void theTableHasEverySetting() {
        String table = ThalwegConfig.markdown();
        ThalwegConfig.DEFINITION.configKeys().forEach((name, key) -> {
            assertThat(key.documentation).as(name).isNotBlank();
            assertThat(table.lines().filter(line -> line.startsWith("| `" + name + "` |")))
                    .as(name)
                    .hasSize(1);
        });
        // a line of a table has five bars, so no text in it has one that is not escaped
        assertThat(table.lines().filter(line -> line.startsWith("| `")))
                .allSatisfy(line -> assertThat(line.replace("\\|", "")
                                .chars()
                                .filter(c -> c == '|')
                                .count())
                        .isEqualTo(5));
    }

    @Test
    void theLastTopicsThatRecordsAreSentOnToAreFoundAlsoIfOthersWereDeleted() {
        ThalwegConfig config =
                new ThalwegConfig(Map.of("application.id", "a", "label", "y", "model.from", "field:shop"));
        Set<String> existing = Set.of("a-by-model-3", "a-by-model-labels-18", "a-by-model-x-40", "other");
        ThalwegConfig last = config.withLastCopies(names -> {
            Set<String> found = new HashSet<>(names);
            found.retainAll(existing);
            return found;
        });
        assertThat(last.copies()).isEqualTo(18);
        assertThat(last.routedTopic()).isEqualTo("a-by-model-18");
        assertThat(last.with("learning.rate", 0.5).copies()).isEqualTo(18);
        assertThat(config.withLastCopies(names -> Set.of()).routedTopic()).isEqualTo("a-by-model");
        // nothing is asked for a learner that sends nothing on
        assertThat(new ThalwegConfig(Map.of())
                        .withLastCopies(names -> {
                            throw new AssertionError();
                        })
                        .copies())
                .isEqualTo(1);
    }

    @ParameterizedTest
    @CsvSource({
        "a-by-model, 1",
        "a-by-model-2, 2",
        "a-by-model-17, 17",
        "a-by-model-labels, 1",
        "a-by-model-labels-3, 3",
        "a-by-model-1, 0",
        "a-by-model-02, 0",
        "a-by-model-x, 0",
        "a-by-models, 0",
        "a-by-model-99999999999, 0",
        "b-by-model, 0"
    })
    void aTopicThatRecordsAreSentOnToIsKnownByItsName(String topic, int copies) {
        ThalwegConfig config = new ThalwegConfig(Map.of("application.id", "a"));
        assertThat(config.copiesIn(topic)).isEqualTo(copies);
        assertThat(config.isSentOn(topic)).isEqualTo(copies > 0);
        assertThat(config.isOfLabels(topic)).isEqualTo(copies > 0 && topic.contains("labels"));
    }
}
