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
 * Aborts the transactions that instances which died have left open. Until then whoever reads what is committed sees
 * nothing of what the successor writes, and where offsets were part of the transaction the successor itself waits: for
 * the {@code transaction.timeout.ms} of the dead, and for the broker to look, which it does every ten seconds. Brokers
 * abort by themselves only for a producer of the same transactional id, but the ids of Kafka Streams hold a process id,
 * which without persistent stores is another one at each start. (An instance with a name of its own needs nothing of
 * this, see {@link StrictClients}.)
 *
 * <p>Dead is a process that has a transaction open and is no member of the group, asked in this order. Who is to have a
 * transaction must first have been given partitions as a member; and the transaction of who has been put out of the
 * group, though alive, cannot commit any more. So no transaction is aborted here that might have come to something, and
 * if one were, its thread would die and the work be done again. To be looked at whenever the group has shared out its
 * partitions: by then it has put out the dead.
 *
 * <p>All this needs no more rights than a learner has. If it fails, readers wait for the timeout.
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

    /** @param executor does what {@link #lookSoon} asks for */
    DeadTransactions(ThalwegConfig config, Executor executor) {
        this.config = config;
        this.executor = executor;
        String application = Pattern.quote(config.getString(ThalwegConfig.APPLICATION_ID));
        // all of it: the ids of another application may begin with the name of this one
        transaction = Pattern.compile(application + PROCESS + "\\d+");
        member = Pattern.compile(application + PROCESS + "StreamThread-.*");
    }

    /** Looks for such transactions in the background; once, where several threads ask at the same time. */
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
                LOG.info("aborted what an instance that died had left open: {}", String.join(", ", dead));
            }
        } catch (InterruptedException e) {
            // the learner stops
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
                    "transactions of instances that died cannot be aborted; after a crash, readers wait for"
                            + " transaction.timeout.ms: {}",
                    why);
        }
    }

    /** Which of these transactions belong to a process that is not in the group. */
    Set<String> ofTheDead(Collection<String> transactionalIds, Collection<MemberDescription> members) {
        Set<String> living = new HashSet<>();
        for (MemberDescription description : members) {
            Matcher matcher = member.matcher(description.clientId());
            if (description.groupInstanceId().isPresent()) {
                // its transactions have its name; the client id is that of the process which was
                // the first to have the name
                continue;
            }
            if (!matcher.matches()) {
                // started with a client.id: this member's process, and so who is dead, cannot be known
                return Set.of();
            }
            living.add(matcher.group(1));
        }
        if (members.isEmpty()) {
            // whoever asks is in the group: this is not all of it
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
