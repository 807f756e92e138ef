/**
 * The benchmarks of {@code bin/thalweg benchmark}: throughput, latency, restoring and memory of the learner, beside
 * programs that do less. {@link io.thalweg.app.benchmark.Benchmark} runs the rows that were asked for and fills a
 * {@link io.thalweg.app.benchmark.BenchmarkReport}.
 *
 * <p>The broker runs in the benchmark's own process. Everything that is measured runs in processes of its own, which
 * receive commands and report events as lines of JSON ({@link io.thalweg.app.benchmark.ProcessCommand},
 * {@link io.thalweg.app.benchmark.ProcessEvent}).
 */
package io.thalweg.app.benchmark;
