/**
 * The HTTP server: the state and quality of the models, predictions, metrics for Prometheus, and health, for people and
 * for other programs. {@link io.thalweg.app.serve.HttpServer} is the server, and {@link io.thalweg.app.serve.Endpoints}
 * add paths to it.
 *
 * <p>All answers come from committed state. Nothing here is in the way of learning.
 */
package io.thalweg.app.serve;
