package io.thalweg.crash;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.runtime.Repartition;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.producer.ProducerInterceptor;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;

/** A process that moves a learner to another number of partitions, to be killed. */
final class MoveProcess {
    /** What it says when it has ended. */
    static final String MOVED = "moved";
    /** What it says, with the point, when it stands still there. */
    static final String STANDS_STILL = "stands still at ";
    /** Begins a point that is reached with the first record for a topic, in the middle of a transaction. */
    static final String SENDS = "sends to ";
    /** The point that is never reached. */
    static final String NOWHERE = "nowhere";

    private MoveProcess() {}

    /**
     * @param args the number of partitions, the point to stand still at, which is the beginning of a line of progress
     *     or {@link #SENDS} and a topic, and settings, each as name=value
     */
    public static void main(String[] args) {
        JavaProcess.endWithParent();
        String point = args[1];
        Map<String, String> settings = LearnerProcess.settings(args, 2);
        settings.put("producer.interceptor.classes", StandsStill.class.getName());
        StandsStill.topic = point.startsWith(SENDS) ? point.substring(SENDS.length()) : null;
        ThalwegConfig config = new ThalwegConfig(settings);
        try (Admin admin = KafkaSettings.admin(config)) {
            new Repartition(
                            config,
                            admin,
                            LearnerProcess::schema,
                            (topic, schema) -> LearnerProcess.id(schema),
                            Integer.parseInt(args[0]),
                            Optional.empty(),
                            line -> {
                                System.err.println(line);
                                if (line.startsWith(point)) {
                                    standStill(point);
                                }
                            })
                    .run();
        }
        System.err.println(MOVED);
        Runtime.getRuntime().halt(0);
    }

    private static void standStill(String point) {
        System.err.println(STANDS_STILL + point);
        try {
            new CountDownLatch(1).await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Stands still when a record for a topic is to be sent. */
    public static final class StandsStill implements ProducerInterceptor<byte[], byte[]> {
        private static volatile String topic;

        @Override
        public ProducerRecord<byte[], byte[]> onSend(ProducerRecord<byte[], byte[]> record) {
            if (record.topic().equals(topic)) {
                standStill(SENDS + topic);
            }
            return record;
        }

        @Override
        public void onAcknowledgement(RecordMetadata metadata, Exception exception) {
            // nothing to do
        }

        @Override
        public void configure(Map<String, ?> configs) {
            // nothing to configure
        }

        @Override
        public void close() {
            // nothing is open
        }
    }
}
