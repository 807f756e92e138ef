package io.thalweg.audit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.thalweg.audit.VerificationReport.Conclusion;
import io.thalweg.avro.Example;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.Weight;
import io.thalweg.avro.Weights;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.FeatureForm;
import io.thalweg.math.Learner;
import io.thalweg.math.Model;
import io.thalweg.output.PublishedWeights;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.Test;

/** A learning rate that was changed between runs, and an input with gaps, worked out by hand. */
class SettingsSpansTest {
    private static final Map<Integer, Schema> REGISTRY =
            Map.of(1, Example.getClassSchema(), 2, Prediction.getClassSchema(), 3, Weights.getClassSchema());
    private static final byte[] MODEL = {'m'};

    private final ThalwegConfig config = new ThalwegConfig(Map.of("application.id", "test", "learning.rate", "0.25"));
    private MemoryClusterView cluster = new MemoryClusterView();

    /** One feature of 1, label 1: z = w + b and both move by α(1 − a). Offsets 1 and 4 are transaction markers. */
    private void learn(long changedAt) {
        cluster.create("metrics");
        cluster.create("dead-letters");
        double w = 0;
        long version = 0;
        for (long offset : new long[] {0, 2, 3, 5, 7}) {
            cluster.put(
                    "examples",
                    offset,
                    offset,
                    MODEL,
                    LearnedLog.encode(1, Example.getClassSchema(), new Example(null, 1.0, 1.0, List.of(1.0))),
                    new RecordHeaders());
            double z = w + w;
            double a = z >= 0 ? 1 / (1 + StrictMath.exp(-z)) : Double.NaN;
            cluster.append(
                    "predictions",
                    0,
                    MODEL,
                    LearnedLog.encode(
                            2,
                            Prediction.getClassSchema(),
                            new Prediction(
                                    null, a, z, version, 1.0, StrictMath.log1p(StrictMath.exp(-z)), 0, offset, null)),
                    new RecordHeaders());
            double alpha = offset < changedAt ? 0.5 : 0.25;
            double move = -(alpha * 1.0 * (a - 1)) * 1.0;
            version++;
            double moved = w + move - w;
            w += move;
            double change = Math.sqrt(moved * moved + moved * moved);
            cluster.append(
                    "weights",
                    0,
                    MODEL,
                    LearnedLog.encode(
                            3,
                            Weights.getClassSchema(),
                            new Weights(
                                    "m",
                                    version,
                                    null,
                                    1,
                                    w,
                                    List.of(new Weight(0, null, w, (double) (float) w)),
                                    Math.abs(w),
                                    change,
                                    alpha,
                                    version)),
                    new RecordHeaders());
        }
        // beyond the last record there is a marker too
        cluster.committed.add(9L);
        cluster.put("examples", 10, 0, MODEL, new byte[0], new RecordHeaders());
    }

    /** The record of the changelog that holds the settings, in its documented format. */
    private void spans(long changedAt, Map<String, String> first, Map<String, String> second) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.writeByte(1);
            out.writeInt(2);
            out.writeInt(0);
            write(out, first);
            out.writeInt(1);
            out.writeUTF("examples");
            out.writeInt(0);
            out.writeLong(changedAt);
            write(out, second);
        }
        cluster.append("test-weights-changelog", 0, new byte[] {'s'}, bytes.toByteArray(), new RecordHeaders());
    }

    private static void write(DataOutputStream out, Map<String, String> settings) throws IOException {
        out.writeInt(settings.size());
        for (Map.Entry<String, String> setting : settings.entrySet()) {
            out.writeUTF(setting.getKey());
            out.writeUTF(setting.getValue());
        }
    }

    private VerificationReport verify() {
        return new Verification(config, REGISTRY::get, () -> cluster).run(progress -> {});
    }

    @Test
    void eachStretchIsReplayedUnderItsOwnSettings() throws IOException {
        learn(5);
        spans(5, config.with("learning.rate", "0.5").replayedSettings(""), config.replayedSettings(""));
        VerificationReport report = verify();
        assertThat(report.lines()).last().asString().startsWith("MATCHES");
        assertThat(report.counts().records()).isEqualTo(5);
        assertThat(report.counts().steps()).isEqualTo(5);
    }

    /** The log of a learner that went on from sgd's weights with auto. */
    private void migrate(long changedAt, ThalwegConfig first, ThalwegConfig second) throws Exception {
        cluster.create("metrics");
        cluster.create("dead-letters");
        Learner learner = new Learner(first.learner(), first.getInt("weights.window"));
        io.thalweg.math.PredictionResult result = new io.thalweg.math.PredictionResult();
        Model model = new Model("m", learner.optimizer());
        PublishedWeights published = new PublishedWeights();
        published.begin(model);
        io.thalweg.math.Example x = new io.thalweg.math.Example();
        for (long offset = 0; offset < 20; offset++) {
            List<Double> features = List.of(offset % 3 * 15.0, offset % 2 - 1.0);
            double z = 0;
            if (offset == changedAt) {
                learner = new Learner(second.learner(), second.getInt("weights.window"));
                Model old = model;
                model = old.under(learner.optimizer());
                published = published.under(model);
                z = old.bias() + features.get(0) * old.weight(0) + features.get(1) * old.weight(1);
            }
            double label = offset % 4 < 2 ? 1 : 0;
            cluster.append(
                    "examples",
                    offset,
                    MODEL,
                    LearnedLog.encode(1, Example.getClassSchema(), new Example(null, label, 1.0, features)),
                    new RecordHeaders());
            x.clear();
            x.label(label);
            x.form(FeatureForm.DENSE);
            features.forEach(x::addValue);
            learner.validate(x, model.form() == null ? null : model, 1);
            learner.resolve(x, model);
            learner.predict(model, x, result);
            learner.learn(model, x, result);
            if (offset == changedAt) {
                assertThat(result.logit()).isCloseTo(z, within(1e-12));
            }
            cluster.append(
                    "predictions",
                    0,
                    MODEL,
                    LearnedLog.encode(
                            2,
                            Prediction.getClassSchema(),
                            new Prediction(
                                    null,
                                    result.probability(),
                                    result.logit(),
                                    result.version(),
                                    label,
                                    result.logLoss(label),
                                    0,
                                    offset,
                                    null)),
                    new RecordHeaders());
            published.afterStep(
                    new PublishedWeights.Policy(256, 1),
                    (key, weights) -> cluster.append(
                            "weights",
                            0,
                            key,
                            LearnedLog.encode(3, Weights.getClassSchema(), weights),
                            new RecordHeaders()));
        }
        cluster.committed.add(20L);
    }

    @Test
    void aMigrationIsReplayedWhereItWas() throws Exception {
        ThalwegConfig auto = new ThalwegConfig(Map.of("application.id", "test", "algorithm", "auto"));
        // the last stop is at the last offset: its record is the first after the migration
        for (long changedAt : new long[] {5, 8, 19}) {
            for (long recordedAt : new long[] {changedAt, changedAt - 1, changedAt - 3}) {
                MemoryClusterView before = cluster.copy();
                migrate(changedAt, config, auto);
                spans(recordedAt, config.replayedSettings(""), auto.replayedSettings(""));
                VerificationReport report = verify();
                if (recordedAt == changedAt) {
                    assertThat(report.lines()).last().asString().startsWith("MATCHES");
                } else {
                    assertThat(report.conclusion()).isEqualTo(Conclusion.DIFFERS);
                    assertThat(report.findings()).extracting(Finding::kind).contains(FindingKind.ALTERED);
                }
                cluster = before;
            }
        }
    }

    @Test
    void whatWasLearnedAtLeastOnceCannotBeVerifiedAfterwards() throws IOException {
        learn(5);
        spans(
                5,
                config.with("processing.guarantee", "at_least_once").replayedSettings(""),
                config.replayedSettings(""));
        VerificationReport report = verify();
        assertThat(report.conclusion()).isEqualTo(Conclusion.CANNOT_VERIFY);
        assertThat(report.obstacle())
                .hasValueSatisfying(reason -> assertThat(reason).contains("at_least_once"));
    }

    @Test
    void aRateThatCountedFromAnotherOffsetOnIsFound() throws IOException {
        learn(5);
        spans(7, config.with("learning.rate", "0.5").replayedSettings(""), config.replayedSettings(""));
        VerificationReport report = verify();
        assertThat(report.conclusion()).isEqualTo(Conclusion.DIFFERS);
        assertThat(report.findings()).extracting(Finding::offset).containsOnly(7L);
    }

    @Test
    void settingsOfALaterVersionCannotBeVerified() throws IOException {
        learn(5);
        spans(5, Map.of("momentum.of.later.versions", "0.9"), config.replayedSettings(""));
        assertThat(verify().obstacle())
                .hasValueSatisfying(reason -> assertThat(reason).contains("settings that this version"));
    }

    @Test
    void aDamagedChangelogCannotBeVerified() {
        learn(5);
        cluster.append("test-weights-changelog", 0, new byte[] {'s'}, new byte[] {1, 0, 0}, new RecordHeaders());
        assertThat(verify().obstacle())
                .hasValueSatisfying(reason -> assertThat(reason).contains("damaged"));
    }
}
