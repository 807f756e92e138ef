package io.thalweg.audit;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;

/** Topics of one partition each, in memory, where anything can be tampered with. */
final class MemoryClusterView implements ClusterView {
    private final Map<String, TreeMap<Long, ConsumerRecord<byte[], byte[]>>> logs = new HashMap<>();
    final Map<String, Long> beginnings = new HashMap<>();
    /** What the group has committed, one answer after the other; the last is given again. */
    final List<Long> committed = new ArrayList<>();

    /** What the group has committed of the labels; below 0 if there is no such topic. */
    long committedLabels = -1;

    private int asked;

    MemoryClusterView copy() {
        MemoryClusterView copy = new MemoryClusterView();
        logs.forEach((topic, log) -> copy.logs.put(topic, new TreeMap<>(log)));
        copy.beginnings.putAll(beginnings);
        copy.committed.addAll(committed);
        copy.committedLabels = committedLabels;
        return copy;
    }

    void create(String topic) {
        logs.putIfAbsent(topic, new TreeMap<>());
    }

    void delete(String topic) {
        logs.remove(topic);
    }

    List<ConsumerRecord<byte[], byte[]>> log(String topic) {
        return List.copyOf(logs.get(topic).values());
    }

    long end(String topic) {
        return logs.get(topic).isEmpty() ? 0 : logs.get(topic).lastKey() + 1;
    }

    void append(String topic, long timestamp, byte[] key, byte[] value, Headers headers) {
        create(topic);
        put(topic, end(topic), timestamp, key, value, headers);
    }

    void append(String topic, ConsumerRecord<byte[], byte[]> record) {
        append(topic, record.timestamp(), record.key(), record.value(), record.headers());
    }

    void put(String topic, long offset, long timestamp, byte[] key, byte[] value, Headers headers) {
        create(topic);
        logs.get(topic)
                .put(
                        offset,
                        new ConsumerRecord<>(
                                topic,
                                0,
                                offset,
                                timestamp,
                                TimestampType.CREATE_TIME,
                                -1,
                                -1,
                                key,
                                value,
                                new RecordHeaders(headers),
                                java.util.Optional.empty()));
    }

    void drop(String topic, long offset) {
        logs.get(topic).remove(offset);
    }

    /** Keeps only what lies before an offset. */
    void cut(String topic, long end) {
        logs.get(topic).tailMap(end, true).clear();
    }

    void replaceValue(String topic, long offset, UnaryOperator<byte[]> change) {
        ConsumerRecord<byte[], byte[]> old = logs.get(topic).get(offset);
        put(topic, offset, old.timestamp(), old.key(), change.apply(old.value()), old.headers());
    }

    /** Puts a record in between: what follows moves on by one. */
    void insert(String topic, long offset, ConsumerRecord<byte[], byte[]> record) {
        List<ConsumerRecord<byte[], byte[]>> moved =
                List.copyOf(logs.get(topic).tailMap(offset, true).values());
        cut(topic, offset);
        put(topic, offset, record.timestamp(), record.key(), record.value(), record.headers());
        moved.forEach(old -> put(topic, old.offset() + 1, old.timestamp(), old.key(), old.value(), old.headers()));
    }

    void swap(String topic, long a, long b) {
        ConsumerRecord<byte[], byte[]> first = logs.get(topic).get(a);
        ConsumerRecord<byte[], byte[]> second = logs.get(topic).get(b);
        put(topic, a, second.timestamp(), second.key(), second.value(), second.headers());
        put(topic, b, first.timestamp(), first.key(), first.value(), first.headers());
    }

    // ---- as a verification sees them

    @Override
    public Map<String, Integer> partitions(Collection<String> topics) {
        Map<String, Integer> partitions = new HashMap<>();
        topics.stream().filter(logs::containsKey).forEach(topic -> partitions.put(topic, 1));
        return partitions;
    }

    @Override
    public Set<String> existing(Set<String> topics) {
        return partitions(topics).keySet();
    }

    @Override
    public Map<TopicPartition, Long> committed(String group, Collection<TopicPartition> partitions) {
        if (committed.isEmpty() || !group.equals("test") && !group.equals("late")) {
            return Map.of();
        }
        long answer = committed.get(Math.min(asked++, committed.size() - 1));
        TopicPartition examples = new TopicPartition("examples", 0);
        return committedLabels < 0
                ? Map.of(examples, answer)
                : Map.of(examples, answer, new TopicPartition("labels", 0), committedLabels);
    }

    @Override
    public Map<TopicPartition, Long> beginnings(Collection<TopicPartition> partitions) {
        Map<TopicPartition, Long> found = new HashMap<>();
        partitions.forEach(partition -> found.put(partition, beginnings.getOrDefault(partition.topic(), 0L)));
        return found;
    }

    @Override
    public Map<TopicPartition, Long> ends(Collection<TopicPartition> partitions) {
        Map<TopicPartition, Long> found = new HashMap<>();
        partitions.forEach(partition -> found.put(partition, end(partition.topic())));
        return found;
    }

    @Override
    public Map<TopicPartition, Long> endsOfTransactions(Collection<TopicPartition> partitions) {
        return ends(partitions);
    }

    @Override
    public Records read(TopicPartition partition, long from, long to) {
        Iterator<ConsumerRecord<byte[], byte[]>> records =
                logs.get(partition.topic()).subMap(from, to).values().iterator();
        return new Records() {
            @Override
            public boolean hasNext() {
                return records.hasNext();
            }

            @Override
            public ConsumerRecord<byte[], byte[]> next() {
                return records.next();
            }

            @Override
            public void close() {}
        };
    }

    @Override
    public void close() {}
}
