/**
 * The learner as a Kafka Streams topology. {@link io.thalweg.topology.LearnerProcessor} gives each record of its partition to the
 * {@link io.thalweg.fold.LearningTask}, and sends what comes of it to the output topics. Where the models of a topic are in several
 * partitions, {@link io.thalweg.topology.ModelRouter} first sends its records to the partition of their model.
 *
 * <p>The state of a task is in a {@link io.thalweg.topology.WeightStore}, which writes its changelog at each commit. This package may
 * use all of the library's other packages except {@code clients}; those do not depend on it.
 */
package io.thalweg.topology;
