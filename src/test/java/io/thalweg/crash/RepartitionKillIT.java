package io.thalweg.crash;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.thalweg.app.local.EmbeddedBroker;
import io.thalweg.audit.Verification;
import io.thalweg.audit.VerificationReport;
import io.thalweg.avro.Example;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.runtime.ExampleSender;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.runtime.LearnerRuntime;
import io.thalweg.runtime.Topics;
import io.thalweg.testing.Seeded;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.kafka.clients.admin.Admin;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A move to another number of partitions whose process is killed at random moments, again and again. */
@Seeded
class RepartitionKillIT {
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final int KILLS = 8;
    private static final int LEARNED = 3000;
    private static final int LEFT = 9000;

    @TempDir
    Path directory;

    @Test
    void everyExampleMovesTheWeightsOnceAllTheSame(Random random) {
        try (EmbeddedBroker broker = EmbeddedBroker.start(directory, 0)) {
            Map<String, String> settings = Map.of(
                    "bootstrap.servers",
                    broker.bootstrapServers(),
                    "application.id",
                    "killed",
                    "topics.partitions",
                    "2",
                    "algorithm",
                    "auto");
            ThalwegConfig config = new ThalwegConfig(settings);
            try (Admin admin = KafkaSettings.admin(config)) {
                new Topics(config, admin).create();
            }
            send(config, LEARNED, random);
            learn(config, LEARNED);
            send(config, LEFT, random);

            List<String> args = new ArrayList<>(List.of("5"));
            settings.forEach((name, value) -> args.add(name + "=" + value));
            boolean moved = false;
            for (int kill = 0; kill < KILLS && !moved; kill++) {
                try (JavaProcess process = JavaProcess.start("move-" + kill, "512m", null, MoveProcess.class, args)) {
                    moved = !process.runsFor(1000 + random.nextInt(4000));
                }
            }
            try (JavaProcess process = JavaProcess.start("move-last", "512m", null, MoveProcess.class, args)) {
                assertThat(process.runsFor(PATIENCE.toMillis()))
                        .as("%s", process)
                        .isFalse();
                assertThat(process.log()).as("%s", process).last().isEqualTo(MoveProcess.MOVED);
            }
            send(config, LEARNED, random);
            learn(config, LEARNED + LEFT + LEARNED);
        }
    }

    private static void send(ThalwegConfig config, int count, Random random) {
        try (ExampleSender sender = ExampleSender.open(config, (topic, schema) -> LearnerProcess.id(schema))) {
            for (int i = 0; i < count; i++) {
                sender.send(
                        "m" + random.nextInt(20),
                        1_000_000L + i,
                        new Example(
                                null,
                                random.nextInt(2) * 1.0,
                                1.0,
                                List.of(random.nextGaussian(), random.nextGaussian())));
            }
            sender.flush();
        }
    }

    /** Learns, and verifies when it has learned. */
    private static void learn(ThalwegConfig config, int predictions) {
        try (LearnerRuntime learner =
                LearnerRuntime.start(config, LearnerProcess::schema, (topic, schema) -> LearnerProcess.id(schema))) {
            await().atMost(PATIENCE).pollInterval(Duration.ofSeconds(1)).untilAsserted(() -> {
                assertThat(learner.hasEnded()).isFalse();
                VerificationReport report = new Verification(config, LearnerProcess::schema).run(progress -> {});
                assertThat(report.conclusion())
                        .as("%s", report.lines())
                        .isEqualTo(VerificationReport.Conclusion.MATCHES);
                assertThat(report.counts().predictions()).isEqualTo(predictions);
                assertThat(report.counts().steps()).isEqualTo(predictions);
            });
        }
    }
}
