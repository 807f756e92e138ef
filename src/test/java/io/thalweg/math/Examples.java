package io.thalweg.math;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Random;

/** Examples, models and settings for tests. */
public final class Examples {
    private Examples() {}

    /** The algorithm of models whose steps come from the test itself. */
    public static final Optimizer SGD = new Sgd(LearningRate.constant(1));

    /** A model that keeps weights and a bias and nothing else. */
    public static Model plain(String id) {
        return new Model(id, SGD);
    }

    /** Moves a weight, within a step of a plain model. */
    public static void moveWeight(Model model, int i, double by) {
        Example x = sparse(null, new int[] {i}, new double[] {by});
        int[] slots = new int[1];
        model.find(x, slots);
        model.touch(x, slots);
        model.touched(slots[0])[model.at(i)] += by;
    }

    /** Moves the bias, within a step of a plain model. */
    public static void moveBias(Model model, double by) {
        model.shared()[0] += by;
    }

    public static Example dense(Double label, double... values) {
        Example x = begin(label, FeatureForm.DENSE);
        Arrays.stream(values).forEach(x::addValue);
        return x;
    }

    public static Example sparse(Double label, int[] indices, double[] values) {
        Example x = begin(label, FeatureForm.SPARSE);
        Arrays.stream(indices).forEach(x::addIndex);
        Arrays.stream(values).forEach(x::addValue);
        return x;
    }

    /** @param namesAndValues name, value, name, value, … */
    public static Example named(Double label, Object... namesAndValues) {
        Example x = begin(label, FeatureForm.NAMED);
        for (int i = 0; i < namesAndValues.length; i += 2) {
            byte[] name = ((String) namesAndValues[i]).getBytes(StandardCharsets.UTF_8);
            x.addNamed(name, 0, name.length, ((Number) namesAndValues[i + 1]).doubleValue());
        }
        return x;
    }

    public static Example begin(Double label, FeatureForm form) {
        Example x = new Example();
        x.clear();
        if (label != null) {
            x.label(label);
        }
        x.form(form);
        return x;
    }

    /** A sparse example with up to {@code most} features below {@code space}, in any order, labelled. */
    public static Example randomSparse(Random random, int most, int space) {
        int[] indices =
                random.ints(0, space).distinct().limit(1 + random.nextInt(most)).toArray();
        double[] values =
                Arrays.stream(indices).mapToDouble(i -> random.nextGaussian()).toArray();
        return sparse((double) random.nextInt(2), indices, values);
    }

    public static LearnerSettings settings(double rate) {
        return settings(rate, 20, 1000, 100);
    }

    public static LearnerSettings settings(double rate, int spaceBits, int namesMax, int modelsMax) {
        return new LearnerSettings(
                Algorithm.SGD, LearningRate.constant(rate), spaceBits, namesMax, modelsMax, null, 100);
    }

    /** Settings of another algorithm. */
    public static LearnerSettings settings(Algorithm algorithm) {
        return new LearnerSettings(algorithm, LearningRate.constant(0.1), 20, 1000, 100, null, 100);
    }

    /** Settings of an algorithm with options. */
    public static LearnerSettings settings(Algorithm algorithm, LearningRate rate, StepOptions options) {
        return new LearnerSettings(algorithm, rate, options, 20, 1000, 100, null, 100);
    }

    /** Everything that is in a model and must survive, as text that is the same only if every bit is. */
    public static String bits(Model model) {
        StringBuilder text = new StringBuilder();
        text.append("form %s length %d extent %d version %d blocks %d"
                .formatted(model.form(), model.length(), model.extent(), model.version(), model.blockCount()));
        text.append(" rate ").append(Double.doubleToRawLongBits(model.learningRate()));
        text.append(" bias ").append(Arrays.toString(model.shared()));
        for (int block = 0; block < model.blockEnd(); block++) {
            if (model.block(block) != null) {
                text.append("\nblock ").append(block).append(" @").append(model.changedAt(block));
                for (int i = 0; i < model.block(block).length; i++) {
                    long weight = Double.doubleToRawLongBits(model.block(block)[i]);
                    if (weight != 0) {
                        text.append(' ').append(i).append('=').append(Long.toHexString(weight));
                    }
                }
            }
        }
        text.append("\nnames");
        for (int i = 0; i < model.names().size(); i++) {
            text.append(' ').append(new String(model.names().get(i), StandardCharsets.UTF_8));
        }
        ByteArrayOutputStream validation = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(validation)) {
            model.validation().write(out);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return text.append("\nvalidation ")
                .append(HexFormat.of().formatHex(validation.toByteArray()))
                .toString();
    }

    /** Everything that a decoder reads, as text that is the same only if every bit is. */
    public static String bits(Example x) {
        StringBuilder text = new StringBuilder();
        text.append("id ").append(Arrays.toString(x.id()));
        text.append(" label ").append(x.labelled() ? Double.doubleToRawLongBits(x.label()) : null);
        text.append(" importance ").append(Double.doubleToRawLongBits(x.importance()));
        text.append(" form ").append(x.form()).append(" indices");
        for (int k = 0; k < x.indexCount(); k++) {
            text.append(' ').append(x.indices()[k]);
        }
        text.append(" values");
        for (int k = 0; k < x.size(); k++) {
            text.append(' ').append(Double.doubleToRawLongBits(x.values()[k]));
        }
        for (int k = 0; x.form() == FeatureForm.NAMED && k < x.size(); k++) {
            int start = x.nameStart(k);
            text.append(' ').append(Arrays.toString(Arrays.copyOfRange(x.names(), start, start + x.nameLength(k))));
        }
        return text.toString();
    }

    /** A learner and its one model. */
    static final class Learning {
        private final Learner learner;
        private final ModelMap models = new ModelMap();
        private final PredictionResult result = new PredictionResult();

        Learning(LearnerSettings settings) {
            learner = new Learner(settings);
        }

        /** Predicts, learns, and gives the logit that was predicted. */
        double logit(Example x) {
            try {
                models.process(learner, "m", x, result);
                return result.logit();
            } catch (Rejection e) {
                throw new AssertionError(e);
            }
        }

        /** @return the reason, or null if it was taken */
        Rejection.Reason reason(Example x) {
            try {
                models.process(learner, "m", x, result);
                return null;
            } catch (Rejection e) {
                return e.reason();
            }
        }

        /** The log loss of the last example that was learned from. */
        double logLoss() {
            return models.logLoss;
        }

        Model model() {
            return models.get("m");
        }
    }

    /** Models in a map, and what a learner does with an example one step after the other. */
    public static final class ModelMap {
        public final Map<String, Model> models = new HashMap<>();

        /** The log loss of the last example that was learned from. */
        public double logLoss = Double.NaN;

        /** The model with this id, or null. */
        public Model get(String id) {
            return models.get(id);
        }

        public void add(Model model) {
            models.put(model.id(), model);
        }

        public int size() {
            return models.size();
        }

        /** Predicts an example and, if it has a label, learns from it. @return the model, after the step */
        public Model process(Learner learner, String id, Example x, PredictionResult prediction) throws Rejection {
            Model known = models.get(id);
            learner.validate(x, known, models.size());
            Model model = known == null ? new Model(id, learner.optimizer()) : known;
            learner.resolve(x, model);
            learner.predict(model, x, prediction);
            if (x.labelled()) {
                logLoss = learner.learn(model, x, prediction);
                models.put(id, model);
            }
            return model;
        }
    }
}
