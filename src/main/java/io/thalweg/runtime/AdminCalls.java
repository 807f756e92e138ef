package io.thalweg.runtime;

import io.thalweg.config.ThalwegConfig;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.AuthorizationException;
import org.jspecify.annotations.Nullable;

/** Waits for answers of the brokers to an admin client, and explains what is wrong if there are none. */
final class AdminCalls {
    private AdminCalls() {}

    /**
     * Waits for an answer of the brokers, for up to {@code start.timeout.ms}.
     *
     * @throws StopException if the brokers do not answer, or do not accept the credentials
     * @throws KafkaException if they refuse the request
     */
    static <T> T await(KafkaFuture<T> answer, ThalwegConfig config) {
        return await(answer, config, null);
    }

    /**
     * Waits for an answer of the brokers, for up to {@code start.timeout.ms}.
     *
     * @param right the right that the request needs; null to get the exception of the brokers if it is denied
     * @throws StopException if the brokers do not answer or deny access
     * @throws KafkaException if they refuse the request otherwise
     */
    static <T> T await(KafkaFuture<T> answer, ThalwegConfig config, @Nullable AccessRight right) {
        int timeout = config.getInt(ThalwegConfig.START_TIMEOUT_MS);
        try {
            return answer.get(timeout, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw unreachable(config, "no answer within " + timeout + " ms");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw unreachable(config, "interrupted");
        } catch (ExecutionException e) {
            if (e.getCause() instanceof org.apache.kafka.common.errors.TimeoutException) {
                throw unreachable(config, e.getCause().getMessage());
            }
            if (e.getCause() instanceof AuthenticationException denied) {
                throw AccessDenied.login(denied, config);
            }
            if (right != null && e.getCause() instanceof AuthorizationException) {
                throw AccessDenied.lacks(config, right);
            }
            if (e.getCause() instanceof KafkaException refused) {
                throw refused;
            }
            throw new IllegalStateException(e.getCause());
        }
    }

    /** The exception for brokers that cannot be reached. */
    static StopException unreachable(ThalwegConfig config, String why) {
        return new StopException(
                ExitCode.NOT_READY,
                "cannot reach the brokers at " + config.getString(ThalwegConfig.BOOTSTRAP_SERVERS) + " (" + why
                        + "); check that they run, and check bootstrap.servers and the security settings");
    }
}
