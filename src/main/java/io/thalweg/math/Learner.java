package io.thalweg.math;

import io.thalweg.math.Rejection.Reason;

/**
 * Predicts examples and learns from them: the two operations that a fold over a stream is made of, and the checks before them.
 *
 * <p>For an example whose label is known they come one after the other: {@link #validate}, {@link #resolve}, {@link #predict},
 * {@link #learn}. Where the label comes later, so does {@link #learn}, with the prediction that was made then.
 *
 * <p>Deterministic: the same calls in the same order give the same bits. Not thread-safe.
 */
public final class Learner {
    private final LearnerSettings settings;
    private final Optimizer optimizer;
    private final ExampleValidator validator;
    private final FeatureResolver resolver;
    private final int weightsWindow;

    // what was predicted last: the optimizer still has the numbers of it
    private Model predictedModel;
    private long predictedVersion;
    private Example predictedExample;
    private long predictedRevision;
    private double predictedLogit;

    /** A learner whose models do not keep what their weights have moved by. */
    public Learner(LearnerSettings settings) {
        this(settings, 0);
    }

    /**
     * A learner as the settings say.
     *
     * @param weightsWindow the recent window in which its models know what weights have moved by, in steps: 2 or more; 0 for none
     */
    public Learner(LearnerSettings settings, int weightsWindow) {
        this.settings = settings;
        this.weightsWindow = weightsWindow;
        optimizer = Optimizer.of(settings);
        validator = new ExampleValidator(settings);
        resolver = new FeatureResolver(settings);
    }

    /** The settings that it learns under. */
    public LearnerSettings settings() {
        return settings;
    }

    /** What takes its steps. */
    public Optimizer optimizer() {
        return optimizer;
    }

    /**
     * Checks an example. Nothing changes.
     *
     * @param model that the example is for; null if there is none yet
     * @param models how many models there are
     * @throws Rejection if the example cannot be used
     */
    public void validate(Example x, Model model, int models) throws Rejection {
        validator.check(x);
        if (model != null) {
            ExampleValidator.checkFits(model, x);
        } else if (x.labelled() && models >= settings.modelsMax()) {
            throw new Rejection(
                    Reason.TOO_MANY_MODELS,
                    "this would be one model more than models.max = " + settings.modelsMax()
                            + " allows in a partition");
        }
    }

    /** Gives each feature of a valid example its number in the model. The model does not change. */
    public void resolve(Example x, Model model) {
        resolver.resolve(x, model);
    }

    /**
     * Predicts an example. The model does not change.
     *
     * @param x valid, its features resolved
     * @param prediction set
     * @throws Rejection if the logit is not a finite number
     */
    public void predict(Model model, Example x, PredictionResult prediction) throws Rejection {
        double z = optimizer.logit(model, x);
        if (!Double.isFinite(z)) {
            throw new Rejection(Reason.OVERFLOW, "the logit is not a finite number; scale the features down");
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
     * Learns from an example: one step with the weights that the model has now. The metrics count the prediction.
     *
     * @param x valid and labelled
     * @param prediction what was predicted for it, now or long before by an older version of the model
     * @return the log loss of the prediction, in nats
     * @throws Rejection if a number would no longer be finite; the model is as it was then
     */
    public double learn(Model model, Example x, PredictionResult prediction) throws Rejection {
        double logLoss = prediction.logLoss(x.label());
        if (!model.validation().overall().hasRoomFor(logLoss, x.importance())) {
            throw new Rejection(
                    Reason.OVERFLOW,
                    "the sums of the metrics would no longer be finite numbers; scale importance down");
        }
        model.window(weightsWindow);
        if (!step(model, x, prediction)) {
            throw new Rejection(
                    Reason.OVERFLOW,
                    "a weight would no longer be a finite number; scale the features or learning.rate down");
        }
        model.validation()
                .add(
                        prediction.logit(),
                        prediction.probability(),
                        x.label(),
                        logLoss,
                        x.importance(),
                        settings.metricsWindow());
        resolver.addNewNames(model);
        if (model.form() == null) {
            model.fix(x.form(), x.form() == FeatureForm.DENSE ? x.size() : 0);
        }
        return logLoss;
    }

    private boolean step(Model model, Example x, PredictionResult prediction) {
        if (prediction.version() == model.version()) {
            double z = wasPredictedLast(model, x) ? predictedLogit : logit(model, x);
            return Double.isFinite(z) && optimizer.step(model, x, z, prediction.probability());
        }
        double z = logit(model, x);
        return Double.isFinite(z) && optimizer.step(model, x, z, Logistic.probability(z), prediction.experts());
    }

    private boolean wasPredictedLast(Model model, Example x) {
        return model == predictedModel
                && model.version() == predictedVersion
                && x == predictedExample
                && x.revision() == predictedRevision;
    }

    /** Names may have got other numbers since the prediction. */
    private double logit(Model model, Example x) {
        resolver.resolve(x, model);
        return optimizer.logit(model, x);
    }
}
