package io.thalweg.math;

import io.thalweg.math.Rejection.Reason;
import java.util.Arrays;

/**
 * Predicts an example, and then learns from it if it has a label. The fold of {@link #process} over examples in order is all
 * there is to learning: the topology runs it with a store that survives, an audit runs it again from nothing.
 *
 * <p>An example that cannot be used is rejected before anything has changed.
 */
public final class Learner {
    private final LearnerSettings settings;
    private final Optimizer optimizer;
    private final int weightsWindow;
    private final NewNames newNames = new NewNames();
    private final Distinct distinct = new Distinct();

    /** One that does not keep what weights have moved by. */
    public Learner(LearnerSettings settings) {
        this(settings, 0);
    }

    /** @param weightsWindow the recent window in which its models know what weights have moved by, in steps: 2 or more; 0 for none */
    public Learner(LearnerSettings settings, int weightsWindow) {
        this.settings = settings;
        this.weightsWindow = weightsWindow;
        optimizer = Optimizer.of(settings);
    }

    public LearnerSettings settings() {
        return settings;
    }

    /** The kind of its steps. */
    public Optimizer optimizer() {
        return optimizer;
    }

    /**
     * Predicts, and learns if there is a label.
     *
     * @param modelId the model that the example is for; begun if it is new and the example has a label
     * @param x the example; its indices are resolved in place
     * @param result set
     * @throws Rejection if the example cannot be used; nothing has changed then
     */
    public void process(Models models, String modelId, Example x, PredictionResult result) throws Rejection {
        check(x);
        Model known = models.get(modelId);
        boolean begins = known == null || known.form() == null;
        if (!begins) {
            checkAgainst(known, x);
        } else if (x.labelled() && models.size() >= settings.modelsMax()) {
            throw new Rejection(
                    Reason.TOO_MANY_MODELS,
                    "this would be one model more than models.max = " + settings.modelsMax()
                            + " allows in a partition");
        }
        Model model = begins ? new Model(modelId, optimizer) : known;
        resolve(x, model);

        double z = optimizer.logit(model, x);
        if (!Double.isFinite(z)) {
            throw new Rejection(Reason.OVERFLOW, "the logit is not a finite number; scale the features down");
        }
        double tail = Logistic.tail(z);
        double a = Logistic.probability(z, tail);
        result.model = begins && !x.labelled() ? null : model;
        result.logit = z;
        result.probability = a;
        result.version = model.version();
        result.learned = x.labelled();
        result.label = x.label();
        result.logLoss = x.labelled() ? Logistic.logLoss(z, x.label(), tail) : Double.NaN;

        if (x.labelled()) {
            if (!model.validation().overall().hasRoomFor(result.logLoss, x.importance())) {
                throw new Rejection(
                        Reason.OVERFLOW,
                        "the sums of the metrics would no longer be finite numbers; scale importance down");
            }
            model.window(weightsWindow);
            if (!optimizer.step(model, x, z, a)) {
                throw new Rejection(
                        Reason.OVERFLOW,
                        "a weight would no longer be a finite number; scale the features or learning.rate down");
            }
            model.validation().add(z, a, x.label(), result.logLoss, x.importance(), settings.metricsWindow());
            newNames.addTo(model);
            if (begins) {
                model.fix(x.form(), x.form() == FeatureForm.DENSE ? x.size() : 0);
                models.add(model);
            }
        }
    }

    /** What can be said of an example without its model. */
    private void check(Example x) throws Rejection {
        if (x.form() == null) {
            throw new Rejection(
                    Reason.NO_FEATURES, "field features is null; give an array, a SparseFeatures record or a map");
        }
        if (settings.requiredForm() != null && settings.requiredForm() != x.form()) {
            throw new Rejection(
                    Reason.FORM_DIFFERS,
                    "features are " + word(x.form()) + "; features.form allows only " + word(settings.requiredForm()));
        }
        if (x.labelled()) {
            if (!Double.isFinite(x.label())) {
                throw new Rejection(
                        Reason.NOT_FINITE, "field label is " + x.label() + "; it must be a number from 0 to 1");
            }
            if (x.label() < 0 || x.label() > 1) {
                throw new Rejection(
                        Reason.LABEL_OUT_OF_RANGE, "field label is " + x.label() + "; it must be from 0 to 1");
            }
        }
        if (!Double.isFinite(x.importance())) {
            throw new Rejection(
                    Reason.NOT_FINITE, "field importance is " + x.importance() + "; it must be a number, 0 or more");
        }
        if (x.importance() < 0) {
            throw new Rejection(
                    Reason.NEGATIVE_IMPORTANCE, "field importance is " + x.importance() + "; it must be 0 or more");
        }
        if (x.form() == FeatureForm.SPARSE && x.indexCount() != x.size()) {
            throw new Rejection(
                    Reason.LENGTHS_DIFFER,
                    "features have " + x.indexCount() + " indices and " + x.size()
                            + " values; as many of each are needed");
        }
        if (x.size() == 0) {
            throw new Rejection(Reason.EMPTY, "field features is empty; an example needs at least one feature");
        }
        for (int k = 0; k < x.size(); k++) {
            if (!Double.isFinite(x.values()[k])) {
                throw new Rejection(
                        Reason.NOT_FINITE,
                        "the value of feature " + position(x, k) + " is " + x.values()[k] + "; it must be finite");
            }
        }
        switch (x.form()) {
            case DENSE -> checkIndex(x.size() - 1, x.size() - 1);
            case SPARSE -> {
                boolean rising = true;
                for (int k = 0; k < x.size(); k++) {
                    checkIndex(x.indices()[k], k);
                    rising &= k == 0 || x.indices()[k] > x.indices()[k - 1];
                }
                if (!rising) {
                    distinct.check(x);
                }
            }
            case NAMED -> distinct.check(x);
        }
    }

    private void checkIndex(int index, int k) throws Rejection {
        if (index < 0 || index >= settings.space()) {
            throw new Rejection(
                    Reason.INDEX_OUT_OF_RANGE,
                    "feature number " + index + ", in place " + k + ", is not from 0 to " + (settings.space() - 1)
                            + "; features.space.bits sets the size of the space");
        }
    }

    private static void checkAgainst(Model model, Example x) throws Rejection {
        if (x.form() != model.form()) {
            throw new Rejection(
                    Reason.FORM_DIFFERS,
                    "features are " + word(x.form()) + "; the first labelled example of this model had them "
                            + word(model.form()));
        }
        if (x.form() == FeatureForm.DENSE && x.size() != model.length()) {
            throw new Rejection(
                    Reason.LENGTH_DIFFERS,
                    "there are " + x.size() + " features; the first labelled example of this model had "
                            + model.length());
        }
    }

    private static String word(FeatureForm form) {
        return switch (form) {
            case DENSE -> "dense (an array)";
            case SPARSE -> "sparse (indices and values)";
            case NAMED -> "named (a map)";
        };
    }

    /** Says which feature is meant, without repeating the payload. */
    private static String position(Example x, int k) {
        return x.form() == FeatureForm.SPARSE && k < x.indexCount() ? "number " + x.indices()[k] : "in place " + k;
    }

    /** Gives every feature its index in the model. */
    private void resolve(Example x, Model model) {
        newNames.forget();
        switch (x.form()) {
            case DENSE -> {
                x.resolveAll();
                for (int k = 0; k < x.size(); k++) {
                    x.resolve(k, k);
                }
            }
            case SPARSE -> {
                // they are indices already
            }
            case NAMED -> newNames.resolve(x, model);
        }
    }

    /** Names that an example brings: numbered for it, and remembered by the model only if it learns from it. */
    private final class NewNames {
        private int count;
        private int[] places = new int[16];
        private Example example;

        /** Drops the names of an example that was rejected after they had been resolved. */
        void forget() {
            count = 0;
        }

        void resolve(Example x, Model model) {
            x.resolveAll();
            example = x;
            FeatureNames names = model.names();
            for (int k = 0; k < x.size(); k++) {
                int hash = FeatureHash.of(x.names(), x.nameStart(k), x.nameLength(k));
                int index = names.indexOf(x.names(), x.nameStart(k), x.nameLength(k), hash);
                if (index == Example.UNMET) {
                    if (x.nameLength(k) > FeatureNames.LONGEST || names.size() + count >= settings.namesMax()) {
                        index = FeatureHash.index(hash, settings.namesMax(), settings.space());
                    } else if (x.labelled()) {
                        index = names.size() + count;
                        if (count == places.length) {
                            places = Arrays.copyOf(places, count * 2);
                        }
                        places[count++] = k;
                    }
                }
                x.resolve(k, index);
            }
        }

        void addTo(Model model) {
            for (int i = 0; i < count; i++) {
                int k = places[i];
                model.names().add(example.names(), example.nameStart(k), example.nameLength(k));
            }
        }
    }

    /** Finds an index or a name that is there twice, with a hash table that is used again. */
    private static final class Distinct {
        private int[] table = new int[64];
        private int[] epochs = new int[64];
        private int epoch;

        void check(Example x) throws Rejection {
            if (x.size() * 2 > table.length) {
                int length = Integer.highestOneBit(x.size()) * 4;
                table = new int[length];
                epochs = new int[length];
                epoch = 0;
            }
            if (++epoch == 0) {
                Arrays.fill(epochs, 0);
                epoch = 1;
            }
            int mask = table.length - 1;
            for (int k = 0; k < x.size(); k++) {
                int hash = x.form() == FeatureForm.NAMED
                        ? FeatureHash.of(x.names(), x.nameStart(k), x.nameLength(k))
                        : x.indices()[k] * 0x9e3779b9;
                int slot = (hash ^ hash >>> 16) & mask;
                while (epochs[slot] == epoch) {
                    if (same(x, table[slot], k)) {
                        throw new Rejection(
                                Reason.DUPLICATE_FEATURE,
                                "feature " + position(x, k) + " is there twice, first in place " + table[slot]);
                    }
                    slot = slot + 1 & mask;
                }
                epochs[slot] = epoch;
                table[slot] = k;
            }
        }

        private static boolean same(Example x, int j, int k) {
            if (x.form() == FeatureForm.SPARSE) {
                return x.indices()[j] == x.indices()[k];
            }
            return Arrays.equals(
                    x.names(),
                    x.nameStart(j),
                    x.nameStart(j) + x.nameLength(j),
                    x.names(),
                    x.nameStart(k),
                    x.nameStart(k) + x.nameLength(k));
        }
    }
}
