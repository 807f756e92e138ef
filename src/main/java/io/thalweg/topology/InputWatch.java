package io.thalweg.topology;

import org.apache.kafka.common.TopicPartition;

/** What a learner wants to know of the partitions that it reads, beyond their records. */
public interface InputWatch {
    /** Knows nothing. */
    InputWatch NONE = new InputWatch() {
        @Override
        public void strayed() {
            // nothing is known of other partitions
        }

        @Override
        public long beginning(TopicPartition partition) {
            return 0;
        }
    };

    /**
     * Called before a record is learned from that is not where its key belongs, once for each task. The topic may have
     * got more partitions; what is thrown ends the thread.
     */
    void strayed();

    /** Returns the first offset of a partition; 0 if it is not known. */
    long beginning(TopicPartition partition);
}
