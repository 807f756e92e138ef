package io.thalweg.registry;

import io.confluent.kafka.schemaregistry.client.rest.exceptions.RestClientException;
import io.thalweg.config.UserInfo;
import java.io.IOException;
import java.net.ConnectException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import javax.net.ssl.SSLException;

/**
 * The reason why a request to the registry did not succeed.
 *
 * @param kind what it means for the caller
 * @param text what happened, without secrets
 * @param remedy what to do about it
 */
record RegistryFault(FaultKind kind, String text, String remedy) {
    enum FaultKind {
        /** The registry does not know the schema or the subject that was asked for. */
        NOT_KNOWN,
        /** The registry knows the schema, and it cannot be used. */
        NOT_READABLE,
        /** The registry does not accept the schema, and will not accept it the next time either. */
        REFUSED,
        /** There is no answer, or none about the schema: a retry may succeed. */
        NO_ANSWER
    }

    /**
     * The error code that the client gives to a body that is not a registry's error message, such as the page of a
     * proxy.
     */
    private static final int NOT_IN_REGISTRY_FORM = 50005;

    private static final int LONGEST_DETAIL = 300;

    /** Creates the fault for what the client threw, which may be wrapped in exceptions of the serializer. */
    static RegistryFault of(Throwable thrown) {
        for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
            if (cause instanceof RestClientException answer) {
                return answer(answer);
            }
            if (cause instanceof IOException failure) {
                return failure(failure);
            }
            if (cause instanceof IllegalStateException
                    && String.valueOf(cause.getMessage()).startsWith("Invalid schema type")) {
                return new RegistryFault(
                        FaultKind.NOT_READABLE, detail(cause), "only Avro, Protobuf, and JSON can be read");
            }
        }
        return new RegistryFault(
                FaultKind.REFUSED,
                thrown.getClass().getSimpleName() + ": " + detail(thrown),
                "check use.latest.version, use.schema.id and use.latest.with.metadata");
    }

    private static RegistryFault answer(RestClientException answer) {
        String text = "HTTP " + answer.getStatus() + ", "
                + (answer.getErrorCode() == NOT_IN_REGISTRY_FORM
                        ? "not the answer of a schema registry"
                        : detail(answer));
        return switch (answer.getStatus()) {
            case 401 ->
                new RegistryFault(
                        FaultKind.NO_ANSWER,
                        text,
                        "check basic.auth.credentials.source and basic.auth.user.info,"
                                + " or bearer.auth.credentials.source and bearer.auth.token");
            case 403 ->
                new RegistryFault(
                        FaultKind.NO_ANSWER,
                        text,
                        "allow this user to read schemas, and to register them if auto.register.schemas is true");
            case 404 ->
                switch (answer.getErrorCode()) {
                    // The embedded mock:// registry answers with 40401 for an id.
                    case 40401, 40402, 40403 ->
                        new RegistryFault(
                                FaultKind.NOT_KNOWN,
                                text,
                                "register the schema first, or set auto.register.schemas=true");
                    default ->
                        new RegistryFault(
                                FaultKind.NO_ANSWER,
                                text,
                                "check the path in schema.registry.url: this is not a schema registry");
                };
            case 409 ->
                new RegistryFault(
                        FaultKind.REFUSED,
                        text,
                        "write to another topic, or change the compatibility level of the subject, or delete its old"
                                + " versions");
            case 400, 405, 406, 415, 422 ->
                new RegistryFault(
                        FaultKind.REFUSED, text, "see the registry's log for why it does not accept the request");
            default -> new RegistryFault(FaultKind.NO_ANSWER, text, "see the registry's log");
        };
    }

    private static RegistryFault failure(IOException failure) {
        String message = String.valueOf(failure.getMessage());
        if (message.startsWith("Incompatible schema")) {
            return new RegistryFault(
                    FaultKind.REFUSED,
                    detail(failure),
                    "register this version's schema, or do not set use.latest.version or use.schema.id");
        }
        if (message.startsWith("Invalid schema ")) {
            // If the schema has references, the reason may also be that they could not be fetched just now.
            boolean complete = message.contains(" with refs [] ") || message.contains(" with refs null ");
            return new RegistryFault(
                    complete ? FaultKind.NOT_READABLE : FaultKind.NO_ANSWER,
                    "the schema, or one that it refers to, cannot be parsed",
                    "check the schema in the registry");
        }
        String text = failure.getClass().getSimpleName() + ": " + detail(failure);
        if (failure instanceof SSLException) {
            return new RegistryFault(
                    FaultKind.NO_ANSWER,
                    text,
                    "check schema.registry.ssl.truststore.location and its password, the host name in the"
                            + " certificate, and schema.registry.ssl.keystore.location if the registry asks for one");
        }
        if (failure instanceof UnknownHostException) {
            return new RegistryFault(FaultKind.NO_ANSWER, text, "check the host in schema.registry.url");
        }
        if (failure instanceof ConnectException) {
            return new RegistryFault(
                    FaultKind.NO_ANSWER, text, "start the registry, or check host and port in schema.registry.url");
        }
        if (failure instanceof SocketTimeoutException) {
            return new RegistryFault(
                    FaultKind.NO_ANSWER,
                    text,
                    "see why the registry is slow, or raise http.read.timeout.ms and http.connect.timeout.ms");
        }
        return new RegistryFault(
                FaultKind.NO_ANSWER, text, "check schema.registry.url, http or https included, and the registry's log");
    }

    static String withoutUserInfo(String text) {
        return UserInfo.removedFrom(text);
    }

    private static String detail(Throwable thrown) {
        String line = withoutUserInfo(String.valueOf(thrown.getMessage()))
                .replaceAll("\\s+", " ")
                .strip();
        return line.length() <= LONGEST_DETAIL ? line : line.substring(0, LONGEST_DETAIL) + "...";
    }
}
