package io.thalweg.audit;

import java.util.Collection;
import java.util.Iterator;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;

/** A cluster as a verification sees it: committed records and committed offsets. */
interface ClusterView extends AutoCloseable {
    /** Returns how many partitions each topic has. Topics that do not exist are left out. */
    Map<String, Integer> partitions(Collection<String> topics);

    /** Returns those of some topics that exist, and that this client may know of. */
    Set<String> existing(Set<String> topics);

    /**
     * Returns the offsets that a consumer group has committed. Partitions without any are left out. If a transaction is
     * about to commit an offset, waits for it: whatever became visible before this call came with offsets that it
     * returns.
     */
    Map<TopicPartition, Long> committed(String group, Collection<TopicPartition> partitions);

    /** Returns the first offset of each partition. */
    Map<TopicPartition, Long> beginnings(Collection<TopicPartition> partitions);

    /** Returns one more than the last offset of each partition, including records of unfinished transactions. */
    Map<TopicPartition, Long> ends(Collection<TopicPartition> partitions);

    /**
     * Returns an offset of each partition that is not before its end and not within a transaction: one that is being
     * written is waited for. Otherwise a part of what a running learner publishes together would seem to be missing.
     */
    Map<TopicPartition, Long> endsOfTransactions(Collection<TopicPartition> partitions);

    /**
     * Reads the committed records of a partition, in order.
     *
     * @param from the first offset, which must exist
     * @param to the offset to stop before; no record need have it
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
