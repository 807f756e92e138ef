package io.thalweg.topology;

import static io.thalweg.topology.LearnerDriver.encode;
import static io.thalweg.topology.LearnerDriver.key;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.thalweg.avro.DeadLetter;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.Weight;
import io.thalweg.avro.Weights;
import io.thalweg.config.ThalwegConfig;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.streams.test.TestRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Records of any schema through the topology. */
class MappedTopologyTest {
    private static final Schema FLIGHT = new Schema.Parser()
            .parse("{\"type\":\"record\",\"name\":\"Flight\",\"fields\":[{\"name\":\"number\",\"type\":\"string\"},"
                    + "{\"name\":\"carrier\",\"type\":[\"null\",\"string\"]},"
                    + "{\"name\":\"distance\",\"type\":\"double\"},{\"name\":\"delay\",\"type\":[\"null\",\"int\"]}]}");
    private static final Schema NO_DELAY = new Schema.Parser()
            .parse("{\"type\":\"record\",\"name\":\"Flight\",\"fields\":[{\"name\":\"distance\","
                    + "\"type\":\"double\"}]}");
    private static final Map<String, String> SETTINGS =
            Map.of("label", "delay > 15", "id.field", "number", "learning.rate", "0.5");

    private static byte[] flight(String carrier, double distance, Integer delay) {
        GenericRecord flight = new GenericData.Record(FLIGHT);
        flight.put("number", "LH 1");
        flight.put("carrier", carrier);
        flight.put("distance", distance);
        flight.put("delay", delay);
        return encode(11, FLIGHT, flight);
    }

    private static LearnerDriver driver(Map<String, String> more) {
        Map<String, String> settings = new HashMap<>(SETTINGS);
        settings.putAll(more);
        LearnerDriver driver = new LearnerDriver(settings);
        driver.registry.put(11, FLIGHT);
        driver.registry.put(12, NO_DELAY);
        return driver;
    }

    private static Prediction predict(LearnerDriver learner, String key, byte[] value) {
        learner.examples.pipeInput(key(key), value);
        return LearnerDriver.decode(learner.predictions.readValue(), Prediction.getClassSchema());
    }

    @Test
    void fieldsAreLearnedFromByName() {
        try (LearnerDriver learner = driver(Map.of())) {
            Prediction first = predict(learner, "m", flight("LH", 2, 16));
            assertThat(first.getId()).hasToString("LH 1");
            assertThat(first.getLabel()).isEqualTo(1.0);
            assertThat(first.getProbability()).isEqualTo(0.5);
            // 0.5·0.5 on the bias and on the carrier, and twice that on the distance
            Prediction second = predict(learner, "m", flight("LH", -1, null));
            assertThat(second.getLabel()).isNull();
            assertThat(second.getLogit()).isCloseTo(0.25 + 0.25 - 0.5, within(1e-15));
            assertThat(learner.lastWeights().getWeights())
                    .extracting(Weight::getName)
                    .extracting(CharSequence::toString)
                    .containsExactly("carrier=LH", "distance");
            assertThat(predict(learner, "m", flight(null, -1, null)).getLogit()).isCloseTo(0.25 - 0.5, within(1e-15));
        }
    }

    @Test
    void theModelCanBeAFieldOrOneForAll() {
        try (LearnerDriver learner = driver(Map.of("model.from", "field:carrier"))) {
            learner.examples.pipeInput(new TestRecord<>(new byte[] {0}, flight("LH", 2, 16)));
            TestRecord<byte[], byte[]> record = learner.predictions.readRecord();
            assertThat(record.key()).isEqualTo(key("LH"));
            predict(learner, "LH", flight("BA", 1, 0));
            assertThat(learner.lastWeights().getModel()).hasToString("BA");
        }
        try (LearnerDriver learner = driver(Map.of("model.from", "fixed:all"))) {
            predict(learner, "x", flight("LH", 2, 16));
            predict(learner, null, flight("LH", 2, 16));
            Weights weights = learner.lastWeights();
            assertThat(weights.getModel()).hasToString("all");
            assertThat(weights.getVersion()).isEqualTo(2);
        }
    }

    private static void assertBuried(LearnerDriver learner, String reason, String detail, byte[] value) {
        DeadLetter letter = learner.bury(key("m"), value);
        assertThat(letter.getReason()).hasToString(reason);
        assertThat(letter.getDetail().toString()).contains(detail);
        assertThat(letter.getTopic()).hasToString("examples");
    }

    @Test
    void whatTheMappingCannotUseIsADeadLetter() {
        try (LearnerDriver learner = driver(Map.of("model.from", "field:carrier"))) {
            GenericRecord bare = new GenericData.Record(NO_DELAY);
            bare.put("distance", 1.0);
            assertBuried(learner, "NO_LABEL_FIELD", "no field delay", encode(12, NO_DELAY, bare));
            assertBuried(learner, "NO_VALUE", "no value", null);
            assertBuried(learner, "NO_KEY", "field carrier", flight(null, 1, 0));
            assertBuried(learner, "NOT_FINITE", "NaN", flight("LH", Double.NaN, 0));
        }
        try (LearnerDriver learner = driver(Map.of("label", "carrier > 5"))) {
            assertBuried(learner, "BAD_VALUE", "field carrier is not a finite number", flight("LH", 1, 0));
        }
    }

    /** Several types of events in one topic: a union of records, or a schema of its own for each. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void anEventOfAnotherTypeIsADeadLetterOrPassedOver(boolean isUnion) {
        Schema ping = SchemaBuilder.record("Ping")
                .namespace("a.b")
                .fields()
                .requiredInt("n")
                .endRecord();
        Schema union = Schema.createUnion(Schema.create(Schema.Type.NULL), ping, FLIGHT);
        GenericRecord other = new GenericData.Record(ping);
        other.put("n", 7);
        GenericRecord flight = new GenericData.Record(FLIGHT);
        flight.put("number", "LH 1");
        flight.put("carrier", "LH");
        flight.put("distance", 2.0);
        flight.put("delay", 16);
        byte[] otherValue = isUnion ? encode(13, union, other) : encode(14, ping, other);
        byte[] flightValue = isUnion ? encode(13, union, flight) : encode(11, FLIGHT, flight);
        for (String types : List.of("", FLIGHT.getFullName(), "Passenger, " + FLIGHT.getName())) {
            try (LearnerDriver learner = driver(Map.of("events.types", types))) {
                learner.registry.put(13, union);
                learner.registry.put(14, ping);
                assertThat(predict(learner, "m", flightValue).getLabel()).isEqualTo(1.0);
                if (types.isEmpty()) {
                    assertBuried(learner, "NO_LABEL_FIELD", "(a.b.Ping) has no field delay", otherValue);
                } else {
                    // nor does it matter that its key is no model id
                    learner.examples.pipeInput(new byte[] {0}, otherValue);
                    assertThat(learner.deadLetters.isEmpty()).isTrue();
                    assertThat(learner.total("passed-over")).isEqualTo(1);
                }
                assertThat(predict(learner, "m", flightValue).getVersion()).isEqualTo(1);
            }
        }
        try (LearnerDriver learner = driver(Map.of())) {
            learner.registry.put(13, union);
            assertBuried(learner, "UNREADABLE", "not one of the records in the union", new byte[] {0, 0, 0, 0, 13, 0});
        }
    }

    @Test
    void aRecordWithoutValueDeletesTheModelThatItsKeyNames() {
        try (LearnerDriver learner = driver(Map.of())) {
            predict(learner, "m", flight("LH", 2, 16));
            learner.delete("m");
            assertThat(predict(learner, "m", flight("LH", 2, 16)).getVersion()).isZero();
        }
    }

    @Test
    void theCourseSaysHowRecordsAreMapped() {
        assertThat(new ThalwegConfig(Map.of()).replayedSettings("")).doesNotContainKey("features.cross");
        assertThat(new ThalwegConfig(SETTINGS).replayedSettings(""))
                .containsEntry("label", "delay > 15")
                .containsEntry("model.from", "key")
                .containsKey("features.cross");
    }
}
