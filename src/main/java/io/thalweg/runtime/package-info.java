/**
 * A learner as a process, and what commands need of a cluster. {@link io.thalweg.runtime.LearnerRuntime} checks topics
 * and settings, starts the topology, and replaces threads that die, within limits. Other classes create and check
 * topics, reset a learner, send examples, and read the examples and output topics.
 *
 * <p>It may use all of the library. It prints nothing and ends no process: what stops a command is a
 * {@link io.thalweg.runtime.StopException} with an {@link io.thalweg.runtime.ExitCode}.
 */
package io.thalweg.runtime;
