/**
 * Kafka clients for the learner ({@link io.thalweg.clients.StrictClients}), which end a stream thread rather than lose
 * records when brokers do not answer.
 */
package io.thalweg.clients;
