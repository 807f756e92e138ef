package io.thalweg.store;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.TopicPartition;

/**
 * A move of everything that belongs to a model from the tasks of one layout to those of another: the model, the events
 * and labels that wait, and their counts. What belongs to a partition stays: the offsets of the input, and the number
 * of outcomes.
 *
 * <p>The learner makes it once, and an audit makes it again, so it is deterministic: events that wait until the same
 * time are put in one order, whichever partitions they came from.
 */
public final class StateMove {
    private StateMove() {}

    /**
     * Moves models. The states of the old layout must not be used any more.
     *
     * @param from the states of the old layout, in the order of their partitions
     * @param to empty states of the new layout
     * @param layout the new layout, which has a partitioner
     * @throws StateException if a model is in two partitions
     */
    public static void run(List<TaskState> from, List<TaskState> to, Layout layout) {
        checkNotSplit(from);
        for (int at = 0; at < from.size(); at++) {
            for (ModelEntry entry : List.copyOf(from.get(at).models())) {
                to.get(layout.home(entry.id(), at)).adopt(entry);
            }
        }
        LateLabels.move(
                from.stream().map(TaskState::lateLabels).toList(),
                to.stream().map(TaskState::lateLabels).toList(),
                layout);
    }

    /**
     * Checks that no model is in two partitions.
     *
     * @param states the states of a layout, in the order of their partitions
     * @throws StateException if one is
     */
    public static void checkNotSplit(List<TaskState> states) {
        Set<String> models = new HashSet<>();
        for (TaskState state : states) {
            for (ModelEntry entry : state.models()) {
                if (!models.add(entry.id())) {
                    throw split(entry.id(), states);
                }
            }
        }
    }

    private static StateException split(String model, List<TaskState> from) {
        List<String> where = new ArrayList<>();
        for (int at = 0; at < from.size(); at++) {
            ModelEntry entry = from.get(at).get(model);
            if (entry != null) {
                where.add("partition %d (%,d steps)".formatted(at, entry.model().version()));
            }
        }
        return new StateException(
                ("model %s is in %s: each has learned from a part of its examples, and nothing can join them; delete"
                                + " one with a record that has its key and no value, sent to that partition")
                        .formatted(model, String.join(" and in ", where)));
    }

    /**
     * Returns the partitioners that have put every model of a layout where it is.
     *
     * @param states the states of the layout, in the order of their partitions
     */
    public static List<KeyPartitioner> partitionersOf(List<TaskState> states) {
        List<KeyPartitioner> fitting = new ArrayList<>();
        for (KeyPartitioner partitioner : KeyPartitioner.values()) {
            Layout layout = new Layout(states.size(), partitioner);
            boolean fits = true;
            for (int at = 0; at < states.size() && fits; at++) {
                int here = at;
                fits = states.get(at).models().stream().allMatch(entry -> layout.home(entry.id(), here) == here);
            }
            if (fits) {
                fitting.add(partitioner);
            }
        }
        return fitting;
    }

    /** An entry that waits, and where it is. */
    record WaitingPlace(long due, long order, long tie, int task, long place) {
        static final Comparator<WaitingPlace> IN_ORDER = Comparator.comparingLong(WaitingPlace::due)
                .thenComparingLong(WaitingPlace::order)
                .thenComparingLong(WaitingPlace::tie)
                .thenComparingInt(WaitingPlace::task);
    }

    /** Says in a state from where on it goes on with the input. @param next the next offset of each partition */
    public static void goOnFrom(TaskState state, Map<TopicPartition, Long> next) {
        next.forEach((partition, offset) -> {
            if (offset > 0) {
                state.offsets().advanceTo(partition, offset - 1);
            }
        });
    }
}
