package io.thalweg.audit;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.app.local.EmbeddedBroker;
import io.thalweg.audit.ClusterView.Records;
import io.thalweg.config.ThalwegConfig;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KafkaClusterViewIT {
    private static final TopicPartition WEIGHTS = new TopicPartition("weights", 0);

    @TempDir
    private Path directory;

    /** As when a learner is about to publish the blocks of a large model. */
    @Test
    void aTransactionThatIsBeingWrittenIsSeenWhole() throws Exception {
        try (EmbeddedBroker broker = EmbeddedBroker.start(directory, 0);
                Admin admin = Admin.create(
                        Map.of(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, (Object) broker.bootstrapServers()));
                ClusterView view = new KafkaClusterView(
                        new ThalwegConfig(Map.of(ThalwegConfig.BOOTSTRAP_SERVERS, broker.bootstrapServers())));
                KafkaProducer<byte[], byte[]> learner = new KafkaProducer<>(
                        Map.of(
                                ProducerConfig.BOOTSTRAP_SERVERS_CONFIG,
                                broker.bootstrapServers(),
                                ProducerConfig.TRANSACTIONAL_ID_CONFIG,
                                "learner"),
                        new ByteArraySerializer(),
                        new ByteArraySerializer())) {
            admin.createTopics(List.of(new NewTopic(WEIGHTS.topic(), 1, (short) 1)))
                    .all()
                    .get();
            learner.initTransactions();
            learner.beginTransaction();
            send(learner, 5);
            assertThat(view.ends(List.of(WEIGHTS))).containsEntry(WEIGHTS, 5L);

            CompletableFuture<Map<TopicPartition, Long>> ends =
                    CompletableFuture.supplyAsync(() -> view.endsOfTransactions(List.of(WEIGHTS)));
            send(learner, 5);
            learner.commitTransaction();

            int records = 0;
            try (Records read = view.read(WEIGHTS, 0, ends.get().get(WEIGHTS))) {
                for (; read.hasNext(); read.next()) {
                    records++;
                }
            }
            assertThat(records).isEqualTo(10);
        }
    }

    private static void send(KafkaProducer<byte[], byte[]> learner, int records) {
        for (int i = 0; i < records; i++) {
            learner.send(new ProducerRecord<>(WEIGHTS.topic(), new byte[1], new byte[1]));
        }
        learner.flush();
    }
}
