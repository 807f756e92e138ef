package io.thalweg.runtime;

import io.thalweg.config.ThalwegConfig;
import java.util.Optional;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.common.GroupState;

/** The consumer group of a learner, for commands that need it to be stopped. */
final class LearnerGroup {
    private LearnerGroup() {}

    /**
     * Finds the group of a learner.
     *
     * @return empty if there is none
     * @throws StopException if the learner is running
     */
    static Optional<GroupListing> findStopped(ThalwegConfig config, Admin admin) {
        Optional<GroupListing> group = AdminCalls.await(admin.listGroups().all(), config).stream()
                .filter(listing -> listing.groupId().equals(config.getString(ThalwegConfig.APPLICATION_ID)))
                .findFirst();
        group.flatMap(GroupListing::groupState)
                .filter(state -> state != GroupState.EMPTY && state != GroupState.DEAD && state != GroupState.UNKNOWN)
                .ifPresent(state -> {
                    throw running(config);
                });
        return group;
    }

    /** The exception for a learner that is running. */
    static StopException running(ThalwegConfig config) {
        return new StopException(
                ExitCode.NOT_READY,
                "learner %s is running; stop all its instances first. A killed instance counts as running until its"
                                .formatted(config.getString(ThalwegConfig.APPLICATION_ID))
                        + " session.timeout.ms has passed, 6 s by default");
    }
}
