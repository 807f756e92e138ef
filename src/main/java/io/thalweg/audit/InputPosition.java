package io.thalweg.audit;

import org.apache.kafka.common.TopicPartition;

/**
 * The place of a record of the input.
 *
 * @param offset {@link Finding#NONE} if it is not known
 */
record InputPosition(TopicPartition partition, long offset) {
    @Override
    public String toString() {
        return partition + "@" + offset;
    }
}
