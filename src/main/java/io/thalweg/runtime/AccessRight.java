package io.thalweg.runtime;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;

/**
 * A right: an operation on a resource of the cluster, which an ACL allows.
 *
 * @param operation what may be done
 * @param resource the topic, the group, or the transactional ids
 */
public record AccessRight(AclOperation operation, ResourcePattern resource) {
    /** The right to do something with a topic. */
    static AccessRight onTopic(AclOperation operation, String topic) {
        return new AccessRight(operation, new ResourcePattern(ResourceType.TOPIC, topic, PatternType.LITERAL));
    }

    /** The right to do something with a consumer group. */
    static AccessRight onGroup(AclOperation operation, String group) {
        return new AccessRight(operation, new ResourcePattern(ResourceType.GROUP, group, PatternType.LITERAL));
    }

    /** The right to use the transactional ids that begin with a prefix. */
    static AccessRight onTransactions(String prefix) {
        return new AccessRight(
                AclOperation.WRITE, new ResourcePattern(ResourceType.TRANSACTIONAL_ID, prefix, PatternType.PREFIXED));
    }

    /** The right to use one transactional id. */
    static AccessRight onTransaction(String id) {
        return new AccessRight(
                AclOperation.WRITE, new ResourcePattern(ResourceType.TRANSACTIONAL_ID, id, PatternType.LITERAL));
    }

    /** The kind and the name of the resource, such as {@code topic clicks}. */
    String resourceText() {
        return switch (resource.resourceType()) {
            case TOPIC -> "topic " + resource.name();
            case GROUP -> "group " + resource.name();
            case TRANSACTIONAL_ID ->
                (resource.patternType() == PatternType.PREFIXED
                                ? "transactional ids that begin with "
                                : "transactional id ")
                        + resource.name();
            default -> resource.resourceType().name().toLowerCase(Locale.ROOT) + " " + resource.name();
        };
    }

    /** Returns the right in words, such as {@code READ on topic clicks}. */
    @Override
    public String toString() {
        return operation + " on " + resourceText();
    }

    /** The operation as {@code kafka-acls} names it, such as {@code DescribeConfigs}. */
    String operationOfTool() {
        return Arrays.stream(operation.name().split("_"))
                .map(word -> word.charAt(0) + word.substring(1).toLowerCase(Locale.ROOT))
                .collect(Collectors.joining());
    }
}
