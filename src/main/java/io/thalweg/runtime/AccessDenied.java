package io.thalweg.runtime;

import io.thalweg.config.ThalwegConfig;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.ClusterAuthorizationException;
import org.apache.kafka.common.errors.GroupAuthorizationException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.errors.TransactionalIdAuthorizationException;
import org.apache.kafka.common.errors.UnsupportedSaslMechanismException;
import org.apache.kafka.common.resource.ResourceType;

/**
 * The line about access that the brokers denied: the principal, and the operation and the resource that it has no right
 * to, or why it could not log in. Brokers do not change their mind by themselves, so nobody should try again without
 * having changed something.
 */
public final class AccessDenied {
    /** How a producer says that a topic must not be read whose offsets it commits. It does not say which. */
    private static final String OFFSETS_DENIED = "TxnOffsetCommitResponse: Topic authorization failed";

    private AccessDenied() {}

    /** Returns the exception for rights that a principal lacks. */
    static StopException lacks(ThalwegConfig config, Collection<AccessRight> rights) {
        return lacks(config, rights, "`thalweg topics --acls` prints the commands that grant it");
    }

    /** Returns the exception for rights that a principal lacks. @param hint why they are needed, or how to get them */
    static StopException lacks(ThalwegConfig config, Collection<AccessRight> rights, String hint) {
        return new StopException(
                ExitCode.NOT_READY,
                "principal %s has no right to %s; %s".formatted(ClientPrincipal.of(config), text(rights), hint));
    }

    /** Names rights, those on one resource together. */
    private static String text(Collection<AccessRight> rights) {
        Map<String, List<AccessRight>> byResource = rights.stream()
                .collect(Collectors.groupingBy(AccessRight::resourceText, LinkedHashMap::new, Collectors.toList()));
        return byResource.entrySet().stream()
                .map(entry -> entry.getValue().stream()
                                .map(right -> right.operation().name())
                                .collect(Collectors.joining(" and "))
                        + " on "
                        + entry.getKey())
                .collect(Collectors.joining(", "));
    }

    /** Returns the exception for one right that a principal lacks. */
    static StopException lacks(ThalwegConfig config, AccessRight right) {
        return lacks(config, List.of(right));
    }

    /**
     * Explains a failure, if access was denied.
     *
     * @param role what the clients do, which tells the operation
     * @return empty if access was not denied
     */
    public static Optional<StopException> explain(Throwable failure, ThalwegConfig config, AccessRole role) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof AuthenticationException denied) {
                return Optional.of(login(denied, config));
            }
            if (cause instanceof AuthorizationException denied) {
                List<AccessRight> rights = rights(denied, config, role);
                return Optional.of(
                        rights.isEmpty()
                                ? new StopException(
                                        ExitCode.NOT_READY,
                                        "the brokers deny access to principal %s: %s; `thalweg topics --acls` prints"
                                                        .formatted(ClientPrincipal.of(config), denied.getMessage())
                                                + " the commands that grant the rights of each role")
                                : lacks(config, rights));
            }
            if (cause instanceof KafkaException
                    && String.valueOf(cause.getMessage()).contains(OFFSETS_DENIED)) {
                return Optional.of(lacks(config, onTopics(AclOperation.READ, config, role)));
            }
        }
        return Optional.empty();
    }

    private static List<AccessRight> onTopics(AclOperation operation, ThalwegConfig config, AccessRole role) {
        return role.rights(config).stream()
                .filter(right ->
                        right.operation() == operation && right.resource().resourceType() == ResourceType.TOPIC)
                .toList();
    }

    /** Returns the rights of a role on the resources that an exception names. */
    private static List<AccessRight> rights(AuthorizationException denied, ThalwegConfig config, AccessRole role) {
        List<AccessRight> rights = new ArrayList<>();
        if (denied instanceof TopicAuthorizationException topics) {
            for (String topic : topics.unauthorizedTopics()) {
                List<AccessRight> ofRole = on(ResourceType.TOPIC, topic, config, role);
                // whoever is told of a topic that its role does not have reads it
                rights.addAll(ofRole.isEmpty() ? List.of(AccessRight.onTopic(AclOperation.READ, topic)) : ofRole);
            }
        } else if (denied instanceof GroupAuthorizationException group && group.groupId() != null) {
            List<AccessRight> ofRole = on(ResourceType.GROUP, group.groupId(), config, role);
            rights.addAll(ofRole.isEmpty() ? List.of(AccessRight.onGroup(AclOperation.READ, group.groupId())) : ofRole);
        } else if (denied instanceof ClusterAuthorizationException) {
            // what a broker tells an idempotent producer that may write to no topic
            rights.addAll(onTopics(AclOperation.WRITE, config, role));
        } else if (denied instanceof TransactionalIdAuthorizationException) {
            role.rights(config).stream()
                    .filter(right -> right.resource().resourceType() == ResourceType.TRANSACTIONAL_ID)
                    .forEach(rights::add);
        }
        return rights;
    }

    private static List<AccessRight> on(ResourceType type, String name, ThalwegConfig config, AccessRole role) {
        return role.rights(config).stream()
                .filter(right -> right.resource().resourceType() == type
                        && right.resource().name().equals(name))
                .toList();
    }

    /** Returns the exception for credentials that the brokers do not accept. */
    static StopException login(AuthenticationException denied, ThalwegConfig config) {
        Throwable root = denied;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        String why = denied.getMessage()
                + (root == denied || root.getMessage() == null ? "" : " (" + root.getMessage() + ")");
        // another mechanism is only chosen in the settings, whereas a password can also be wrong on the brokers
        return denied instanceof UnsupportedSaslMechanismException
                ? new StopException(
                        ExitCode.BAD_SETTINGS, "the brokers do not accept this sasl.mechanism: " + oneLine(why))
                : new StopException(
                        ExitCode.NOT_READY,
                        "the brokers do not let principal %s log in: %s; check the security settings and the"
                                        .formatted(ClientPrincipal.of(config), oneLine(why))
                                + " credentials");
    }

    private static String oneLine(String text) {
        return text.replaceAll("\\s+", " ").strip();
    }
}
