package io.thalweg.app.cli;

import io.thalweg.app.page.PageEndpoints;
import io.thalweg.app.serve.Serving;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.registry.Registry;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.StopException;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
        name = "run",
        description = "Runs the learner against a Kafka cluster and a Schema Registry, until it is stopped.",
        mixinStandardHelpOptions = true)
final class RunCommand implements Callable<Integer> {
    private static final long START_PATIENCE_MS = 2_000;

    @Mixin
    private SettingsOptions settings;

    @Override
    public Integer call() {
        ThalwegConfig config = settings.config();
        CompletableFuture<Serving> started = new CompletableFuture<>();
        Shutdown.Watch watch = Shutdown.whenAsked(() -> stop(started));
        try {
            run(config, started);
        } finally {
            // if it failed
            started.cancel(false);
            watch.close();
        }
        return 0;
    }

    private static void run(ThalwegConfig config, CompletableFuture<Serving> started) {
        Duration retry = Duration.ofMillis(config.getLong(ThalwegConfig.REGISTRY_RETRY_MAX_MS));
        try (Registry schemas = Registry.of(config, retry)) {
            schemas.check();
            try (Serving serving = Serving.start(config, schemas, PageEndpoints::new)) {
                started.complete(serving);
                serving.learner().await();
            }
        }
    }

    /** Stops the learner. One that is still starting has nothing to commit, and only gets time to join its group. */
    private static void stop(CompletableFuture<Serving> started) {
        try {
            if (!started.get(START_PATIENCE_MS, TimeUnit.MILLISECONDS).stop()) {
                throw new StopException(ExitCode.DIED, "stopped, but not cleanly");
            }
        } catch (TimeoutException | ExecutionException | CancellationException e) {
            // it did not start
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
