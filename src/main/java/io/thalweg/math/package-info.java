/**
 * The mathematics, and nothing else: examples, the model, the step, and how well it predicts.
 *
 * <p>Nothing here knows Kafka or Avro. Everything is a deterministic function of its input, bit for bit and on any machine:
 * double precision, {@link java.lang.StrictMath} for every transcendental function, sums in the order in which the features
 * arrived, no fused multiply-add. That is what makes a replay of the input an audit of the model.
 */
package io.thalweg.math;
