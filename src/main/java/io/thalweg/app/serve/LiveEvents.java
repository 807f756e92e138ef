package io.thalweg.app.serve;

import io.javalin.http.sse.SseClient;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The server-sent events, which every open page receives at {@value #PATH}. A client that reads too slowly is
 * disconnected, so that it costs no memory; browsers connect again by themselves.
 *
 * <p>Safe for use by several threads. {@link #publish} does not wait for clients.
 */
public final class LiveEvents implements AutoCloseable {
    /** Where clients connect. */
    public static final String PATH = "/v1/events";

    private static final int MOST_CLIENTS = 32;
    /** How many events may wait for a client. */
    private static final int MOST_WAITING = 256;
    /** A comment is sent after this time without an event, so that a connection that is gone is noticed. */
    private static final long QUIET_MS = 3_000;

    private final Set<Client> clients = ConcurrentHashMap.newKeySet();
    private final AtomicLong numbers = new AtomicLong();
    private volatile boolean closed;

    /** An event as it is sent. @param json the data, on one line */
    private record LiveEvent(String name, String json, String id) {}

    /** A client, with a thread that sends it what waits. */
    private static final class Client implements Runnable {
        final SseClient connection;
        final BlockingQueue<LiveEvent> waiting = new ArrayBlockingQueue<>(MOST_WAITING);

        Client(SseClient connection) {
            this.connection = connection;
        }

        @Override
        public void run() {
            try {
                while (!connection.terminated()) {
                    LiveEvent next = waiting.poll(QUIET_MS, TimeUnit.MILLISECONDS);
                    if (next == null) {
                        connection.sendComment("still here");
                    } else {
                        connection.sendEvent(next.name, next.json, next.id);
                    }
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } finally {
                connection.close();
            }
        }
    }

    LiveEvents() {}

    /** Takes a connection, until the client or the server ends it. */
    void connect(SseClient connection) {
        if (clients.size() >= MOST_CLIENTS || closed) {
            connection.sendEvent("full", "{\"clients\":" + MOST_CLIENTS + "}");
            connection.close();
            return;
        }
        connection.keepAlive();
        Client client = new Client(connection);
        Thread thread = new Thread(client, "http-events");
        thread.setDaemon(true);
        clients.add(client);
        connection.onClose(() -> {
            clients.remove(client);
            thread.interrupt();
        });
        thread.start();
    }

    /** Returns whether anybody receives events, so that it is worth making them. */
    public boolean hasClients() {
        return !clients.isEmpty();
    }

    /**
     * Sends an event to all clients.
     *
     * @param name the kind of event
     * @param json the data, on one line
     */
    public void publish(String name, String json) {
        LiveEvent event = new LiveEvent(name, json, Long.toString(numbers.incrementAndGet()));
        for (Client client : clients) {
            if (!client.waiting.offer(event)) {
                client.connection.close();
            }
        }
    }

    @Override
    public void close() {
        closed = true;
        clients.forEach(client -> client.connection.close());
    }
}
