/**
 * The demo: two learners, {@code sgd} and {@code auto}, learn from 100,000 flights on an embedded broker, while a
 * screen shows how well they predict. At the end both are verified.
 *
 * <p>{@link io.thalweg.app.demo.Flights} makes the examples, {@link io.thalweg.app.demo.Demo} runs the learners and
 * {@link io.thalweg.app.demo.Screen} draws. The learners are run by {@code runtime}, as they are by the other commands.
 */
package io.thalweg.app.demo;
