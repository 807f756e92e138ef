package io.thalweg.app.cli;

import io.thalweg.app.serve.Serving;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.registry.ConfluentSchemas;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.LearnerRuntime;
import io.thalweg.runtime.StopException;
import java.time.Duration;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
        name = "run",
        description = "Runs the learner against a Kafka cluster and a Schema Registry, until it is stopped.",
        mixinStandardHelpOptions = true)
final class RunCommand implements Callable<Integer> {
    @Mixin
    private SettingsOptions settings;

    @Override
    public Integer call() {
        ThalwegConfig config = settings.config();
        Duration retry = Duration.ofMillis(config.getLong(ThalwegConfig.REGISTRY_RETRY_MAX_MS));
        ConfluentSchemas schemas = new ConfluentSchemas(config.registry(), retry);
        schemas.check();
        Serving serving = Serving.open(config);
        LearnerRuntime runtime;
        try {
            runtime = LearnerRuntime.start(config, schemas, schemas);
        } catch (RuntimeException e) {
            serving.close();
            throw e;
        }
        serving.serve(runtime);
        Shutdown.Watch watch = Shutdown.whenAsked(() -> {
            boolean clean = runtime.stop();
            serving.close();
            schemas.close();
            if (!clean) {
                throw new StopException(ExitCode.DIED, "stopped, but not cleanly");
            }
        });
        try {
            runtime.await();
        } finally {
            watch.close();
            runtime.close();
            serving.close();
            schemas.close();
        }
        return 0;
    }
}
