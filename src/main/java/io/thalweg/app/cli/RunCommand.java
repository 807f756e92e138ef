package io.thalweg.app.cli;

import io.thalweg.app.page.PageEndpoints;
import io.thalweg.app.serve.Serving;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.registry.ConfluentSchemas;
import io.thalweg.runtime.ExitCode;
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
        Serving serving = Serving.start(config, schemas, PageEndpoints::new);
        Shutdown.Watch watch = Shutdown.whenAsked(() -> {
            boolean clean = serving.stop();
            schemas.close();
            if (!clean) {
                throw new StopException(ExitCode.DIED, "stopped, but not cleanly");
            }
        });
        try {
            serving.learner().await();
        } finally {
            watch.close();
            serving.close();
            schemas.close();
        }
        return 0;
    }
}
