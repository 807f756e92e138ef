/**
 * The mathematics of online learning: examples, models, the step of an algorithm, and how well a model predicts.
 *
 * <p>Nothing here knows Kafka or Avro. The classes, in the order in which an example passes them:
 *
 * <table>
 * <caption>Classes</caption>
 * <tr><th>class</th><th>what it is</th></tr>
 * <tr><td>{@link Example}</td><td>one event: features, and perhaps a label and an importance</td></tr>
 * <tr><td>{@link ExampleValidator}</td><td>rejects examples that a model cannot use, with a {@link Rejection}</td></tr>
 * <tr><td>{@link FeatureResolver}</td><td>gives each feature its number in the model, by {@link FeatureNames} and
 *     {@link FeatureHash}</td></tr>
 * <tr><td>{@link Learner}</td><td>predicts examples and learns from them, under {@link LearnerSettings}</td></tr>
 * <tr><td>{@link PredictionResult}</td><td>a prediction, which can be kept until the label is known</td></tr>
 * <tr><td>{@link Optimizer}</td><td>an algorithm: it computes the logit and takes the step. {@link Sgd} is plain SGD;
 *     {@link ScaledSgd}, {@link AdaGrad} and {@link Ftrl} work on scaled features and take {@link StepOptions};
 *     {@link FixedShareMixture} mixes several experts and has nothing to set</td></tr>
 * <tr><td>{@link Model}</td><td>the state that an optimizer keeps, with version, names and validation</td></tr>
 * <tr><td>{@link BlockArray}</td><td>the part of that state that belongs to features, in blocks</td></tr>
 * <tr><td>{@link ChangedBlocks}</td><td>which blocks have changed since they were last written or published</td></tr>
 * <tr><td>{@link RecentWindow}</td><td>the weights at the beginning of the recent window</td></tr>
 * <tr><td>{@link ProgressiveValidation}</td><td>how well a model predicts examples before it learns from them, as
 *     {@link MetricSums}</td></tr>
 * </table>
 *
 * <p>Everything is a deterministic function of its input, bit for bit and on any machine: double precision, {@link
 * java.lang.StrictMath} for every transcendental function, sums in the order of the features, no fused multiply-add. So
 * a replay of the input reproduces every prediction and every weight, which is what an audit relies on.
 */
@NullMarked
package io.thalweg.math;

import org.jspecify.annotations.NullMarked;
