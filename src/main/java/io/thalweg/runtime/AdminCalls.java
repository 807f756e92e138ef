package io.thalweg.runtime;

import io.thalweg.config.ThalwegConfig;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.KafkaFuture;

/** Waits for what the brokers answer to an admin client, and says what is wrong when they do not. */
final class AdminCalls {
    private AdminCalls() {}

    /**
     * Waits for an answer of the brokers, as long as they may take at start.
     *
     * @throws StopException if there is none
     * @throws KafkaException if there is one, and it is no
     */
    static <T> T await(KafkaFuture<T> answer, ThalwegConfig config) {
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
            if (e.getCause() instanceof KafkaException refused) {
                throw refused;
            }
            throw new IllegalStateException(e.getCause());
        }
    }

    /** The end of a program that does not reach the brokers. */
    static StopException unreachable(ThalwegConfig config, String why) {
        return new StopException(
                ExitCode.NOT_READY,
                "cannot reach the brokers at " + config.getString(ThalwegConfig.BOOTSTRAP_SERVERS) + " (" + why
                        + "); check that they run, and bootstrap.servers and the security settings");
    }
}
