/**
 * The output topics ({@link io.thalweg.output.OutputTopic}), how their records are created and serialized, and when
 * weights are published ({@link io.thalweg.output.PublishedWeights}).
 */
@NullMarked
package io.thalweg.output;

import org.jspecify.annotations.NullMarked;
