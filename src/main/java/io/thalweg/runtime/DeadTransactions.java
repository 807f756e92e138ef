package io.thalweg.runtime;

import io.thalweg.clients.StrictClients;
import io.thalweg.config.ThalwegConfig;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListTransactionsOptions;
import org.apache.kafka.clients.admin.MemberDescription;
import org.apache.kafka.clients.admin.TransactionListing;
import org.apache.kafka.clients.admin.TransactionState;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Aborts the transactions that dead instances left open. While such a transaction is open, read_committed consumers see
 * nothing that the successor writes. If offsets were part of it, the successor itself waits too: for the {@code
 * transaction.timeout.ms} of the dead instance, and for the broker to check, which it does every ten seconds. Brokers
 * abort a transaction early only for a producer with the same transactional id, but the ids of Kafka Streams contain a
 * process id, which is new at every start unless there are persistent stores. (An instance with a name of its own does
 * not need any of this, see {@link StrictClients}.)
 *
 * <p>A process is dead if it has a transaction open and is not a member of the group, checked in this order. A process
 * must be a member and be given partitions before it can have a transaction; and a process that was removed from the
 * group, though alive, can no longer commit its transaction. So no transaction that could still be committed is aborted
 * here. If one were, its thread would die and the work would be done again. The check runs whenever the group has
 * assigned its partitions: by then it has removed the dead.
 *
 * <p>This needs no more permissions than a learner has. If it fails, readers wait for the timeout.
 */
final class DeadTransactions {
    private static final Logger LOG = LoggerFactory.getLogger(DeadTransactions.class);
    private static final String PROCESS = "-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-";

    private final ThalwegConfig config;
    private final Executor executor;
    private final Pattern transaction;
    private final Pattern member;
    private final AtomicBoolean willLook = new AtomicBoolean();
    private final AtomicBoolean hasFailed = new AtomicBoolean();

    /** @param executor runs what {@link #lookSoon} schedules */
    DeadTransactions(ThalwegConfig config, Executor executor) {
        this.config = config;
        this.executor = executor;
        String application = Pattern.quote(config.getString(ThalwegConfig.APPLICATION_ID));
        // the whole name, because the ids of another application may begin with the name of this one
        transaction = Pattern.compile(application + PROCESS + "\\d+");
        member = Pattern.compile(application + PROCESS + "StreamThread-.*");
    }

    /** Checks in the background; once, if several threads ask at the same time. */
    void lookSoon() {
        if (willLook.compareAndSet(false, true)) {
            executor.execute(() -> {
                willLook.set(false);
                look();
            });
        }
    }

    private void look() {
        try (Admin admin = KafkaSettings.admin(config)) {
            Collection<TransactionListing> open = admin.listTransactions(
                            new ListTransactionsOptions().filterStates(List.of(TransactionState.ONGOING)))
                    .all()
                    .get();
            List<String> ids = open.stream()
                    .map(TransactionListing::transactionalId)
                    .filter(transaction.asMatchPredicate())
                    .toList();
            if (ids.isEmpty()) {
                return;
            }
            String group = config.getString(ThalwegConfig.APPLICATION_ID);
            Set<String> dead = ofTheDead(
                    ids,
                    admin.describeConsumerGroups(List.of(group))
                            .describedGroups()
                            .get(group)
                            .get()
                            .members());
            if (!dead.isEmpty()) {
                admin.fenceProducers(dead).all().get();
                LOG.info("aborted transactions that a dead instance had left open: {}", String.join(", ", dead));
            }
        } catch (InterruptedException e) {
            // the learner is stopping
            Thread.currentThread().interrupt();
        } catch (ExecutionException e) {
            failed(String.valueOf(e.getCause()));
        } catch (RuntimeException e) {
            failed(e.toString());
        }
    }

    private void failed(String why) {
        if (hasFailed.compareAndSet(false, true)) {
            LOG.warn(
                    "cannot abort the transactions of dead instances; after a crash, readers wait for"
                            + " transaction.timeout.ms: {}",
                    why);
        }
    }

    /** The transactions that belong to processes that are not in the group. */
    Set<String> ofTheDead(Collection<String> transactionalIds, Collection<MemberDescription> members) {
        Set<String> living = new HashSet<>();
        for (MemberDescription description : members) {
            Matcher matcher = member.matcher(description.clientId());
            if (description.groupInstanceId().isPresent()) {
                // its transactions have its name, while its client id is that of the process that first had the name
                continue;
            }
            if (!matcher.matches()) {
                // started with a client.id: the process of this member is unknown, and so is who is dead
                return Set.of();
            }
            living.add(matcher.group(1));
        }
        if (members.isEmpty()) {
            // this instance is in the group, so a list without it is incomplete
            return Set.of();
        }
        return transactionalIds.stream()
                .filter(id -> {
                    Matcher matcher = transaction.matcher(id);
                    return matcher.matches() && !living.contains(matcher.group(1));
                })
                .collect(Collectors.toCollection(TreeSet::new));
    }
}
