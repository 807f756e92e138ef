/**
 * Kafka clients for the learner ({@link io.thalweg.clients.StrictClients}), which end a stream thread rather than lose
 * records when brokers do not answer, and which take up certificates that are renewed ({@link
 * io.thalweg.clients.ReloadingSslEngineFactory}).
 */
package io.thalweg.clients;
