package io.thalweg.math;

import io.thalweg.math.Rejection.Reason;
import org.jspecify.annotations.Nullable;

/**
 * Predicts examples and learns from them, after checking them: the pure function that a stream of examples is folded
 * with.
 *
 * <p>For an example with a label, the calls are {@link #validate}, {@link #resolve}, {@link #predict} and
 * {@link #learn}. If the label comes later, so does the call of {@link #learn}, with the prediction that was made at
 * first.
 *
 * <p>Deterministic: the same calls in the same order give the same bits. Not thread-safe.
 */
public final class Learner {
    private final LearnerSettings settings;
    private final Optimizer optimizer;
    private final ExampleValidator validator;
    private final FeatureResolver resolver;
    private final int weightsWindow;

    // the last prediction, whose intermediate results the optimizer still has
    private @Nullable Model predictedModel;
    private long predictedVersion;
    private @Nullable Example predictedExample;
    private long predictedRevision;
    private double predictedLogit;

    /** Creates a learner whose models have no recent window of weights. */
    public Learner(LearnerSettings settings) {
        this(settings, 0);
    }

    /**
     * Creates a learner.
     *
     * @param weightsWindow the length of the recent window in which models know how far weights have moved, in steps: 2
     *     or more; 0 for none
     */
    public Learner(LearnerSettings settings, int weightsWindow) {
        this.settings = settings;
        this.weightsWindow = weightsWindow;
        optimizer = Optimizer.of(settings);
        validator = new ExampleValidator(settings);
        resolver = new FeatureResolver(settings);
    }

    /** Returns the settings of this learner. */
    public LearnerSettings settings() {
        return settings;
    }

    /** Returns the optimizer that takes the steps. */
    public Optimizer optimizer() {
        return optimizer;
    }

    /**
     * Checks an example. Nothing changes.
     *
     * @param model the model that the example is for; null if there is none yet
     * @param models how many models there are
     * @throws Rejection if the example cannot be used
     */
    public void validate(Example x, @Nullable Model model, int models) throws Rejection {
        validate(x, model, models, null);
    }

    /**
     * Checks an example. Nothing changes.
     *
     * @param model the model that the example is for; null if there is none yet
     * @param models how many models there are
     * @param start what a new model begins with; null if it begins at zero
     * @throws Rejection if the example cannot be used
     */
    public void validate(Example x, @Nullable Model model, int models, @Nullable Model start) throws Rejection {
        validator.check(x);
        Model fitting = model == null ? start : model;
        if (fitting != null) {
            ExampleValidator.checkFits(fitting, x);
        }
        if (model == null && x.labelled() && models >= settings.modelsMax()) {
            throw new Rejection(
                    Reason.TOO_MANY_MODELS,
                    "this would be one model more than models.max = " + settings.modelsMax()
                            + " allows in a partition; raise it or delete models");
        }
    }

    /** Gives each feature of a valid example its number in the model. The model does not change. */
    public void resolve(Example x, Model model) {
        resolver.resolve(x, model);
    }

    /**
     * Predicts an example. The model does not change.
     *
     * @param x a valid example, its features resolved
     * @param prediction set
     * @throws Rejection if the logit is not a finite number
     */
    public void predict(Model model, Example x, PredictionResult prediction) throws Rejection {
        double z = optimizer.logit(model, x);
        if (!Double.isFinite(z)) {
            throw new Rejection(
                    Reason.OVERFLOW,
                    "the logit is not a finite number; scale the features down or use a lower learning.rate");
        }
        prediction.set(z, model.version(), optimizer.experts());
        optimizer.expertLogits(prediction.experts());
        predictedModel = model;
        predictedVersion = model.version();
        predictedExample = x;
        predictedRevision = x.revision();
        predictedLogit = z;
    }

    /**
     * Computes what each feature adds to the logit. With {@link Model#bias}, these sum to the logit, up to rounding.
     *
     * @param x a valid example, its features resolved
     * @param into set, in the order of the features; 0 for a feature that the model has not met
     */
    public void contributions(Model model, Example x, double[] into) {
        optimizer.contributions(model, x, into);
    }

    /**
     * Learns from an example: counts its prediction in the metrics, and takes one step from the weights that the model
     * has now.
     *
     * @param x a valid example with a label, its features resolved
     * @param prediction the prediction for the example, which may have been made long ago by an older version of the
     *     model
     * @return the log loss of the prediction, in nats
     * @throws Rejection if a number would no longer be finite; the model has not changed then
     */
    public double learn(Model model, Example x, PredictionResult prediction) throws Rejection {
        return learn(model, x, prediction, StepTarget.LABEL, 0);
    }

    /**
     * Takes one step toward a target from the weights that the model has now. If it is the first for which the label is
     * known, also counts the prediction in the metrics.
     *
     * @param x a valid example with a label, its features resolved. The label of a provisional negative is 0
     * @param prediction the prediction for the example, which may have been made long ago by an older version of the
     *     model
     * @param earlierLabel the label that was learned from earlier, if the target revises it; ignored otherwise
     * @return the log loss of the prediction, in nats
     * @throws Rejection if a number would no longer be finite; the model has not changed then
     */
    public double learn(Model model, Example x, PredictionResult prediction, StepTarget target, double earlierLabel)
            throws Rejection {
        double logLoss = prediction.logLoss(x.label());
        if (target.isFirstLabel() && !model.validation().overall().hasRoomFor(logLoss, x.importance())) {
            throw new Rejection(
                    Reason.OVERFLOW,
                    "the sums of the metrics would no longer be finite numbers; use smaller importances");
        }
        model.window(weightsWindow);
        optimizer.aim(target, earlierLabel);
        if (!step(model, x, prediction)) {
            throw new Rejection(
                    Reason.OVERFLOW,
                    "a weight would no longer be a finite number; scale the features down or use a lower"
                            + " learning.rate");
        }
        if (target.isFirstLabel()) {
            model.validation()
                    .add(
                            prediction.logit(),
                            prediction.probability(),
                            x.label(),
                            logLoss,
                            x.importance(),
                            settings.metricsWindow());
        }
        resolver.addNewNames(model);
        if (model.form() == null) {
            model.fix(x.validForm(), x.form() == FeatureForm.DENSE ? x.size() : 0);
        }
        return logLoss;
    }

    private boolean step(Model model, Example x, PredictionResult prediction) {
        if (prediction.version() == model.version()) {
            double z = wasPredictedLast(model, x) ? predictedLogit : logit(model, x);
            return Double.isFinite(z) && optimizer.step(model, x, z, prediction.probability());
        }
        double z = logit(model, x);
        return Double.isFinite(z)
                && optimizer.step(
                        model,
                        x,
                        z,
                        Logistic.probability(z),
                        prediction.experts(),
                        Math.max(0, model.version() - prediction.version()));
    }

    private boolean wasPredictedLast(Model model, Example x) {
        return model == predictedModel
                && model.version() == predictedVersion
                && x == predictedExample
                && x.revision() == predictedRevision;
    }

    /** Computes the logit with the features resolved again: names may have got numbers since the prediction. */
    private double logit(Model model, Example x) {
        resolver.resolve(x, model);
        return optimizer.logit(model, x);
    }
}
