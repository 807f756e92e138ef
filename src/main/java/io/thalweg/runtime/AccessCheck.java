package io.thalweg.runtime;

import io.thalweg.config.ThalwegConfig;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.DescribeConsumerGroupsOptions;
import org.apache.kafka.clients.admin.DescribeTopicsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.errors.ApiException;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.TransactionalIdAuthorizationException;
import org.apache.kafka.common.resource.ResourcePattern;

/**
 * A check of rights before they are needed, as far as brokers tell: what may be done with topics and groups that exist,
 * whether a topic could be created, and whether transactional ids may be seen, which those who may use them can. A
 * right that it does not find missing can still be missing.
 */
final class AccessCheck {
    private final ThalwegConfig config;
    private final Admin admin;

    AccessCheck(ThalwegConfig config, Admin admin) {
        this.config = config;
        this.admin = admin;
    }

    /**
     * Checks that no right is missing.
     *
     * @throws StopException if some are, with one line that names them
     */
    void require(List<AccessRight> rights) {
        List<AccessRight> missing = missing(rights);
        if (!missing.isEmpty()) {
            throw AccessDenied.lacks(config, missing);
        }
    }

    /** Returns the rights that are missing, as far as the brokers tell. */
    List<AccessRight> missing(List<AccessRight> rights) {
        Map<ResourcePattern, List<AccessRight>> byResource = rights.stream()
                .collect(Collectors.groupingBy(AccessRight::resource, LinkedHashMap::new, Collectors.toList()));
        List<AccessRight> missing = new ArrayList<>();
        byResource.forEach((resource, needed) -> missing.addAll(
                switch (resource.resourceType()) {
                    case TOPIC -> ofTopic(resource.name(), needed);
                    case GROUP -> ofGroup(resource.name(), needed);
                    case TRANSACTIONAL_ID -> ofTransactions(resource.name(), needed);
                    default -> List.<AccessRight>of();
                }));
        return missing;
    }

    private List<AccessRight> ofTopic(String topic, List<AccessRight> needed) {
        List<AccessRight> others = needed.stream()
                .filter(right -> right.operation() != AclOperation.CREATE)
                .toList();
        List<AccessRight> missing = new ArrayList<>();
        boolean exists = false;
        try {
            Optional<Set<AclOperation>> allowed = Optional.ofNullable(AdminCalls.await(
                            admin.describeTopics(
                                            List.of(topic),
                                            new DescribeTopicsOptions().includeAuthorizedOperations(true))
                                    .topicNameValues()
                                    .get(topic),
                            config)
                    .authorizedOperations());
            exists = true;
            missing.addAll(notIn(allowed, others));
        } catch (AuthorizationException e) {
            // whoever had one of these could see it; the right to see its settings can be there all the same
            others.stream()
                    .filter(right -> right.operation() != AclOperation.DESCRIBE_CONFIGS)
                    .forEach(missing::add);
        } catch (ApiException e) {
            // there is no such topic, and nobody knows what may be done with it
        }
        if (!exists && others.size() < needed.size() && !canCreate(topic)) {
            needed.stream()
                    .filter(right -> right.operation() == AclOperation.CREATE)
                    .forEach(missing::add);
        }
        return missing;
    }

    /** Returns whether a topic may be created, which the right to create any topic also allows. */
    boolean canCreate(String topic) {
        NewTopic anything = new NewTopic(topic, Optional.empty(), Optional.empty());
        try {
            AdminCalls.await(
                    admin.createTopics(List.of(anything), new CreateTopicsOptions().validateOnly(true))
                            .all(),
                    config);
        } catch (AuthorizationException e) {
            return false;
        } catch (ApiException e) {
            // it exists, or a policy of the cluster wants other settings
        }
        return true;
    }

    private List<AccessRight> ofGroup(String group, List<AccessRight> needed) {
        try {
            return notIn(
                    Optional.ofNullable(AdminCalls.await(
                                    admin.describeConsumerGroups(
                                                    List.of(group),
                                                    new DescribeConsumerGroupsOptions()
                                                            .includeAuthorizedOperations(true))
                                            .describedGroups()
                                            .get(group),
                                    config)
                            .authorizedOperations()),
                    needed);
        } catch (AuthorizationException e) {
            return needed;
        } catch (ApiException e) {
            // there is no such group yet
            return List.of();
        }
    }

    private List<AccessRight> ofTransactions(String prefix, List<AccessRight> needed) {
        try {
            AdminCalls.await(admin.describeTransactions(List.of(prefix)).description(prefix), config);
        } catch (TransactionalIdAuthorizationException e) {
            return needed;
        } catch (KafkaException e) {
            // there is no such id, which whoever may not see it is not told
        }
        return List.of();
    }

    /** @param allowed what may be done; empty if the brokers do not tell */
    private static List<AccessRight> notIn(Optional<Set<AclOperation>> allowed, List<AccessRight> needed) {
        // a list without DESCRIBE is of a broker that does not keep any, because it has just described the resource
        return allowed.filter(operations -> operations.contains(AclOperation.DESCRIBE))
                .map(operations -> needed.stream()
                        .filter(right -> !operations.contains(right.operation()))
                        .toList())
                .orElse(List.of());
    }
}
