package io.thalweg.topology;

import java.util.OptionalLong;
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

        @Override
        public long committed(TopicPartition partition) {
            return 0;
        }

        @Override
        public void ask(TopicPartition partition) {
            // there is never an answer
        }

        @Override
        public OptionalLong answer(TopicPartition partition) {
            return OptionalLong.empty();
        }
    };

    /**
     * Called before a record is learned from that is not where its key belongs, once for each task. The topic may have
     * got more partitions; what is thrown ends the thread.
     */
    void strayed();

    /** Returns the first offset of a partition; 0 if it is not known. */
    long beginning(TopicPartition partition);

    /** Returns the offset that the learner has committed of a partition; 0 if there is none, or it is not known. */
    long committed(TopicPartition partition);

    /** Asks for the first offset of a partition, without waiting for the answer. */
    void ask(TopicPartition partition);

    /** Returns the first offset of a partition as it was some time after it was last asked for; empty until then. */
    OptionalLong answer(TopicPartition partition);
}
