package io.thalweg.crash;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.runtime.Repartition;
import java.util.Optional;
import org.apache.kafka.clients.admin.Admin;

/** A process that moves a learner to another number of partitions, to be killed. */
final class MoveProcess {
    /** What it says when it has ended. */
    static final String MOVED = "moved";

    private MoveProcess() {}

    /** @param args the number of partitions, and settings, each as name=value */
    public static void main(String[] args) {
        JavaProcess.endWithParent();
        ThalwegConfig config = new ThalwegConfig(LearnerProcess.settings(args, 1));
        try (Admin admin = KafkaSettings.admin(config)) {
            new Repartition(
                            config,
                            admin,
                            LearnerProcess::schema,
                            (topic, schema) -> LearnerProcess.id(schema),
                            Integer.parseInt(args[0]),
                            Optional.empty(),
                            System.err::println)
                    .run();
        }
        System.err.println(MOVED);
        Runtime.getRuntime().halt(0);
    }
}
