/**
 * The learner in Kafka Streams: the topology ({@link io.thalweg.topology.LearnerTopology}), a processor for other
 * topologies ({@link io.thalweg.topology.LearnerSupplier}), and the store, which writes to its changelog just before
 * each commit.
 */
package io.thalweg.topology;
