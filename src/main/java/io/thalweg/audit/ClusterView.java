package io.thalweg.audit;

import java.util.Collection;
import java.util.Iterator;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;

/** All that a verification sees of the cluster: committed records and committed offsets. */
interface ClusterView extends AutoCloseable {
    /** How many partitions each topic has; those that are not there are left out. */
    Map<String, Integer> partitions(Collection<String> topics);

    /**
     * The offsets that a consumer group has committed; partitions without any are left out. Where a transaction is about to commit
     * one, waits for it: whatever became visible before this was called came with offsets that this returns.
     */
    Map<TopicPartition, Long> committed(String group, Collection<TopicPartition> partitions);

    /** The first offset of each partition. */
    Map<TopicPartition, Long> beginnings(Collection<TopicPartition> partitions);

    /** One more than the last offset of each partition, records of unfinished transactions included. */
    Map<TopicPartition, Long> ends(Collection<TopicPartition> partitions);

    /**
     * The committed records of a partition, in order.
     *
     * @param from the first offset, which must be there
     * @param to the offset to stop at; none need have it
     */
    Records read(TopicPartition partition, long from, long to);

    @Override
    void close();

    /** Records that are fetched as they are asked for. */
    interface Records extends Iterator<ConsumerRecord<byte[], byte[]>>, AutoCloseable {
        @Override
        void close();
    }
}
