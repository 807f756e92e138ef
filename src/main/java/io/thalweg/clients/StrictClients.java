package io.thalweg.clients;

import io.thalweg.output.OutputBundle;
import io.thalweg.output.OutputBundle.SerializedOutput;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.InvalidPidMappingException;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.OutOfOrderSequenceException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.streams.KafkaClientSupplier;
import org.apache.kafka.streams.errors.ErrorHandlerContext;
import org.apache.kafka.streams.errors.ProductionExceptionHandler;

/**
 * Kafka clients whose timeouts end the stream thread. That aborts its transaction, and its successor starts from the
 * last commit.
 *
 * <p>Kafka Streams (4.3.1) would rather keep the thread. With exactly-once semantics it treats a producer that timed
 * out as a corrupted task: it commits what is in flight, drops the records that it has fetched but not processed, and
 * creates the task again. But in the rebalance that follows, the new task does not learn that the consumer must go
 * back, and the dropped records are skipped. This happens when brokers stall at a commit for longer than
 * {@code max.block.ms}.
 *
 * <p>If you run the learner in a topology of your own, start it with these clients, and set {@link NeverRetry} as
 * {@code production.exception.handler}. Use no other handler, because only the stream thread may send records.
 *
 * <p>Producers take records on a thread of their own, by way of an {@link Outbox}.
 *
 * <p>An instance with a name, {@code group.instance.id}, also names its transactions after itself. Kafka Streams would
 * name them after the process. A successor with the same name takes over its place in the group at once, and this also
 * ends its open transactions at once.
 */
public final class StrictClients implements KafkaClientSupplier {
    /**
     * Separates the parts of a transactional id. No application.id and no instance name contains a colon, so ids are
     * unique.
     */
    private static final String INSTANCE = "-instance:";

    /** The transactional ids of Kafka Streams: application, process and thread. */
    private static final Pattern TRANSACTIONAL_ID =
            Pattern.compile("(.*)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(-\\d+)");

    /** How long the partitions of a topic are cached. Kafka Streams asks for them before each record. */
    private static final long PARTITIONS_NANOS = TimeUnit.SECONDS.toNanos(1);

    /** The outbox of the producer that the thread has last sent to. */
    private static final ThreadLocal<Outbox> OUTBOX = new ThreadLocal<>();

    private final String instance;
    private final Runnable assigned;
    private final AtomicBoolean leaves = new AtomicBoolean();
    private final UnaryOperator<ConsumerRecords<byte[], byte[]>> polled;
    /** The clients until {@link #handOver}. */
    private final Queue<AutoCloseable> made = new ConcurrentLinkedQueue<>();

    private volatile boolean handedOver;

    /** Creates clients for an instance without a name. */
    public StrictClients() {
        this(null, () -> {}, UnaryOperator.identity());
    }

    /**
     * Creates clients.
     *
     * @param instance the name of the instance; null for none
     * @param assigned called whenever a thread has been assigned partitions, before it works on them
     * @param polled called with the records that a thread has polled; the thread works on what it returns
     */
    public StrictClients(String instance, Runnable assigned, UnaryOperator<ConsumerRecords<byte[], byte[]>> polled) {
        this.polled = polled;
        this.instance = instance;
        this.assigned = assigned;
    }

    /**
     * Makes consumers leave the group when they are closed from now on, as an instance that ends with an error should:
     * Kafka Streams would let the group wait for their session timeout.
     */
    public void leaveGroup() {
        leaves.set(true);
    }

    /** Says that Kafka Streams was made, which closes its clients from now on. */
    public void handOver() {
        handedOver = true;
        made.clear();
    }

    /** Closes the clients of Kafka Streams that could not be made. It leaves them open. */
    public void abandon() {
        made.forEach(client -> Utils.closeQuietly(client, "a client of Kafka"));
        made.clear();
    }

    private <T extends AutoCloseable> T made(T client) {
        if (!handedOver) {
            made.add(client);
        }
        return client;
    }

    @Override
    public Admin getAdmin(Map<String, Object> config) {
        return made(Admin.create(config));
    }

    @Override
    public Producer<byte[], byte[]> getProducer(Map<String, Object> config) {
        if (instance != null && config.get(ProducerConfig.TRANSACTIONAL_ID_CONFIG) instanceof String id) {
            config.put(ProducerConfig.TRANSACTIONAL_ID_CONFIG, ofInstance(id));
        }
        return made(new StrictProducer(config));
    }

    private String ofInstance(String id) {
        Matcher parts = TRANSACTIONAL_ID.matcher(id);
        if (!parts.matches()) {
            throw new IllegalStateException("a transactional id of an unknown form: " + id
                    + "; this version of Kafka Streams is not supported with group.instance.id");
        }
        return parts.group(1) + INSTANCE + instance + parts.group(2);
    }

    @Override
    public Consumer<byte[], byte[]> getConsumer(Map<String, Object> config) {
        return made(new MainConsumer(config, assigned, polled, leaves));
    }

    @Override
    public Consumer<byte[], byte[]> getRestoreConsumer(Map<String, Object> config) {
        return made(new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer()));
    }

    @Override
    public Consumer<byte[], byte[]> getGlobalConsumer(Map<String, Object> config) {
        return getRestoreConsumer(config);
    }

    /** A consumer that reports when it has been assigned partitions, and can be made to leave its group. */
    private static final class MainConsumer extends KafkaConsumer<byte[], byte[]> {
        private final Runnable assigned;
        private final UnaryOperator<ConsumerRecords<byte[], byte[]>> polled;
        private final AtomicBoolean leaves;

        MainConsumer(
                Map<String, Object> config,
                Runnable assigned,
                UnaryOperator<ConsumerRecords<byte[], byte[]>> polled,
                AtomicBoolean leaves) {
            super(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
            this.assigned = assigned;
            this.polled = polled;
            this.leaves = leaves;
        }

        @Override
        public void close(CloseOptions options) {
            super.close(
                    leaves.get()
                            ? options.withGroupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP)
                            : options);
        }

        @Override
        public ConsumerRecords<byte[], byte[]> poll(Duration timeout) {
            Outbox outbox = OUTBOX.get();
            if (outbox != null) {
                outbox.handOn();
            }
            return polled.apply(super.poll(timeout));
        }

        @Override
        public void subscribe(Collection<String> topics, ConsumerRebalanceListener listener) {
            super.subscribe(topics, new ConsumerRebalanceListener() {
                @Override
                public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
                    assigned.run();
                    listener.onPartitionsAssigned(partitions);
                }

                @Override
                public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
                    listener.onPartitionsRevoked(partitions);
                }

                @Override
                public void onPartitionsLost(Collection<TopicPartition> partitions) {
                    listener.onPartitionsLost(partitions);
                }
            });
        }
    }

    private static final class StrictProducer extends KafkaProducer<byte[], byte[]> {
        private final Outbox outbox;
        private final Map<String, Partitions> partitions = new HashMap<>();

        /** The partitions of a topic, with the time until which they may be used, by System.nanoTime. */
        private record Partitions(List<PartitionInfo> list, long untilNanos) {}

        StrictProducer(Map<String, Object> config) {
            super(config, new ByteArraySerializer(), new ByteArraySerializer());
            outbox = new Outbox("outbox | " + config.get(ProducerConfig.CLIENT_ID_CONFIG), this::sendNow);
        }

        /** Sends a record. Called by the thread of the outbox. */
        private void sendNow(ProducerRecord<byte[], byte[]> record, Callback callback) {
            try {
                Future<RecordMetadata> sent = super.send(record, callback);
                if (sent.isDone()) {
                    sent.get();
                }
            } catch (ExecutionException e) {
                // the callback has been told, but nothing later may be sent
                if (!isOfZombie(e.getCause())) {
                    throw e.getCause() instanceof TimeoutException timeout
                            ? fatal(timeout)
                            : new KafkaException(e.getCause().getMessage(), e.getCause());
                }
            } catch (InterruptedException e) {
                throw new InterruptException(e);
            } catch (KafkaException e) {
                if (!isOfZombie(e.getCause())) {
                    throw e;
                }
                callback.onCompletion(null, (KafkaException) e.getCause());
            }
        }

        /**
         * Returns whether an error means that another instance has taken over. If a callback reports it, Kafka Streams
         * joins the group again.
         */
        private static boolean isOfZombie(Throwable cause) {
            return cause instanceof ProducerFencedException
                    || cause instanceof InvalidProducerEpochException
                    || cause instanceof InvalidPidMappingException
                    || cause instanceof OutOfOrderSequenceException;
        }

        @Override
        public Future<RecordMetadata> send(ProducerRecord<byte[], byte[]> record, Callback callback) {
            OUTBOX.set(outbox);
            List<SerializedOutput> rest = OutputBundle.of(record.headers());
            return rest == null ? outbox.add(record, callback) : sendAll(record, rest, callback);
        }

        /** Sends a record and those that follow it. The callback hears of the last one, and of all that fail. */
        private Future<RecordMetadata> sendAll(
                ProducerRecord<byte[], byte[]> first, List<SerializedOutput> rest, Callback callback) {
            Callback ofFailures = (metadata, failure) -> {
                if (failure != null) {
                    callback.onCompletion(metadata, failure);
                }
            };
            outbox.add(
                    new ProducerRecord<>(
                            first.topic(),
                            first.partition(),
                            first.timestamp(),
                            first.key(),
                            first.value(),
                            OutputBundle.without(first.headers())),
                    ofFailures);
            Future<RecordMetadata> sent = null;
            for (int i = 0; i < rest.size(); i++) {
                SerializedOutput each = rest.get(i);
                sent = outbox.add(
                        new ProducerRecord<>(
                                first.topic(),
                                first.partition(),
                                each.timestamp(),
                                each.key(),
                                each.value(),
                                each.headers()),
                        i < rest.size() - 1 ? ofFailures : callback);
            }
            return sent;
        }

        @Override
        public void flush() {
            outbox.drain();
            super.flush();
        }

        @Override
        public void sendOffsetsToTransaction(
                Map<TopicPartition, OffsetAndMetadata> offsets, ConsumerGroupMetadata group) {
            outbox.drain();
            try {
                super.sendOffsetsToTransaction(offsets, group);
            } catch (TimeoutException e) {
                throw fatal(e);
            }
        }

        @Override
        public void commitTransaction() {
            outbox.drain();
            try {
                super.commitTransaction();
            } catch (TimeoutException e) {
                throw fatal(e);
            }
        }

        @Override
        public void abortTransaction() {
            outbox.drop();
            super.abortTransaction();
        }

        @Override
        public void close(Duration timeout) {
            outbox.close();
            super.close(timeout);
        }

        @Override
        public List<PartitionInfo> partitionsFor(String topic) {
            Partitions known = partitions.get(topic);
            long now = System.nanoTime();
            if (known == null || now - known.untilNanos >= 0) {
                try {
                    known = new Partitions(super.partitionsFor(topic), now + PARTITIONS_NANOS);
                } catch (TimeoutException e) {
                    throw fatal(e);
                }
                partitions.put(topic, known);
            }
            return known.list;
        }

        private static KafkaException fatal(TimeoutException e) {
            return new KafkaException("the brokers did not answer within max.block.ms: " + e.getMessage(), e);
        }
    }

    /**
     * An exception handler that fails on every record that cannot be sent, even if a retry might help. The next thread
     * tries again.
     */
    public static final class NeverRetry implements ProductionExceptionHandler {
        @Override
        public Response handleError(
                ErrorHandlerContext context, ProducerRecord<byte[], byte[]> record, Exception exception) {
            return Response.fail();
        }

        @Override
        @SuppressWarnings("rawtypes") // as declared
        public Response handleSerializationError(
                ErrorHandlerContext context,
                ProducerRecord record,
                Exception exception,
                SerializationExceptionOrigin origin) {
            return Response.fail();
        }

        @Override
        public void configure(Map<String, ?> configs) {
            // nothing to set
        }
    }
}
