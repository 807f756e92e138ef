package io.thalweg.app.local;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicBoolean;
import kafka.server.BrokerServer;
import kafka.server.ControllerServer;
import kafka.server.FaultHandlerFactory;
import kafka.server.KafkaConfig;
import kafka.server.KafkaRaftServer;
import kafka.server.Server;
import kafka.server.SharedServer;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.metadata.storage.Formatter;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A Kafka broker and its KRaft controller inside this process, reachable from this machine only. It is a real broker
 * with transactions and compaction, configured for one small machine. Its data stays in a directory that a later broker
 * can open again, also after a crash.
 *
 * <p>The parts are assembled here instead of by {@code KafkaRaftServer} for two reasons. That class ends the whole
 * process when something goes wrong; here a fault becomes an exception or completes {@link #failed()}. And because the
 * sockets are bound before the broker starts, no other process can take a port in between, and a port that is in use is
 * reported at once.
 */
public final class EmbeddedBroker implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(EmbeddedBroker.class);

    private static final String HOST = "127.0.0.1";
    private static final String CLUSTER_ID = "thalweg-local-broker-1";
    private static final int NODE_ID = 1;
    private static final String CLIENT_LISTENER = "CLIENT";
    private static final String CONTROLLER_LISTENER = "CONTROLLER";
    private static final Duration SHUTDOWN_PATIENCE = Duration.ofSeconds(30);

    private final FileChannel lock;
    private final int port;
    private final BrokerServer broker;
    private final ControllerServer controller;
    private final CompletableFuture<Throwable> failed;
    private final AtomicBoolean closed = new AtomicBoolean();

    private EmbeddedBroker(
            FileChannel lock,
            int port,
            BrokerServer broker,
            ControllerServer controller,
            CompletableFuture<Throwable> failed) {
        this.lock = lock;
        this.port = port;
        this.broker = broker;
        this.controller = controller;
        this.failed = failed;
    }

    /**
     * Starts a broker, and waits until clients can use it.
     *
     * @param dataDirectory where the topics are kept; created if it does not exist, opened again if it contains a
     *     broker's data
     * @param port the port to listen on, or 0 for the last port of this directory, and the first time for any free one
     * @throws IllegalStateException with one readable line if the port is taken, or the directory is in use or damaged
     */
    public static EmbeddedBroker start(Path dataDirectory, int port) {
        return start(dataDirectory, port, Map.of());
    }

    /**
     * Starts a broker with other settings, and waits until clients can use it. Tests make a secured broker with them.
     *
     * @param settings settings of Kafka's broker, which override those that are chosen here; its listener for clients
     *     is {@value #CLIENT_LISTENER}
     */
    public static EmbeddedBroker start(Path dataDirectory, int port, Map<String, String> settings) {
        Path directory = dataDirectory.toAbsolutePath().normalize();
        Path topics = directory.resolve("topics");
        Path portFile = directory.resolve("port");
        FileChannel lock = null;
        ServerSocketChannel clientSocket = null;
        ServerSocketChannel controllerSocket = null;
        try {
            Files.createDirectories(topics);
            lock = lock(directory.resolve("lock"));
            clientSocket = bind(port == 0 ? lastPort(portFile) : port);
            // Only this broker talks to the controller, and its address is not stored, so any free port will do.
            controllerSocket = bind(0);
            int clientPort = clientSocket.socket().getLocalPort();
            Files.writeString(portFile, clientPort + "\n");
            return start(
                    lock,
                    topics,
                    clientPort,
                    Map.of(CLIENT_LISTENER, clientSocket, CONTROLLER_LISTENER, controllerSocket),
                    settings);
        } catch (Exception e) {
            Utils.closeQuietly(lock, "lock");
            Utils.closeQuietly(clientSocket, "client socket");
            Utils.closeQuietly(controllerSocket, "controller socket");
            throw new IllegalStateException(
                    "The embedded broker did not start with data directory " + directory + ": " + rootMessage(e), e);
        }
    }

    private static EmbeddedBroker start(
            FileChannel lock,
            Path topics,
            int clientPort,
            Map<String, ServerSocketChannel> sockets,
            Map<String, String> others)
            throws Exception {
        int controllerPort = sockets.get(CONTROLLER_LISTENER).socket().getLocalPort();
        Map<String, String> settings = settings(topics, clientPort, controllerPort);
        settings.putAll(others);
        KafkaConfig config = new KafkaConfig(settings, false);
        format(topics);

        CompletableFuture<Throwable> failed = new CompletableFuture<>();
        var directories = KafkaRaftServer.initializeLogDirs(config, log, "");
        SharedServer shared = new SharedServer(
                config,
                directories._1(),
                Time.SYSTEM,
                Server.initializeMetrics(config, Time.SYSTEM, CLUSTER_ID),
                CompletableFuture.completedFuture(Map.of(NODE_ID, new InetSocketAddress(HOST, controllerPort))),
                List.of(),
                faults(failed),
                (listener, address, backlog, receiveBuffer) -> socket(sockets, listener));
        ControllerServer controller = new ControllerServer(shared, KafkaRaftServer.configSchema(), directories._2());
        BrokerServer broker = new BrokerServer(shared);
        EmbeddedBroker embedded = new EmbeddedBroker(lock, clientPort, broker, controller, failed);
        try {
            controller.startup();
            broker.startup();
        } catch (Throwable e) {
            embedded.close();
            throw e;
        }
        return embedded;
    }

    /** The address for clients, as {@code host:port}. */
    public String bootstrapServers() {
        return HOST + ":" + port;
    }

    /** Completes with the reason if the broker fails after it has started; it is unusable from then on. */
    public CompletionStage<Throwable> failed() {
        return failed.minimalCompletionStage();
    }

    /** Shuts down cleanly. The data is kept. */
    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            broker.shutdown(SHUTDOWN_PATIENCE);
            controller.shutdown();
            Utils.closeQuietly(lock, "lock");
        }
    }

    private static Map<String, String> settings(Path topics, int clientPort, int controllerPort) {
        String clients = CLIENT_LISTENER + "://" + HOST + ":" + clientPort;
        Map<String, String> settings = new HashMap<>();
        settings.put("process.roles", "broker,controller");
        settings.put("node.id", Integer.toString(NODE_ID));
        settings.put("controller.quorum.voters", NODE_ID + "@" + HOST + ":" + controllerPort);
        settings.put("listeners", clients + "," + CONTROLLER_LISTENER + "://" + HOST + ":" + controllerPort);
        settings.put("advertised.listeners", clients);
        settings.put(
                "listener.security.protocol.map", CLIENT_LISTENER + ":PLAINTEXT," + CONTROLLER_LISTENER + ":PLAINTEXT");
        settings.put("inter.broker.listener.name", CLIENT_LISTENER);
        settings.put("controller.listener.names", CONTROLLER_LISTENER);
        settings.put("log.dirs", topics.toString());

        // There is one broker, and so one copy of everything.
        settings.put("default.replication.factor", "1");
        settings.put("min.insync.replicas", "1");
        for (String topic : List.of("offsets.topic", "transaction.state.log", "share.coordinator.state.topic")) {
            settings.put(topic + ".num.partitions", "4");
            settings.put(topic + ".replication.factor", "1");
        }
        settings.put("transaction.state.log.min.isr", "1");
        settings.put("share.coordinator.state.topic.min.isr", "1");

        // Topics are created explicitly, with their settings, and their records do not expire.
        settings.put("auto.create.topics.enable", "false");
        settings.put("log.retention.ms", "-1");
        // By default group offsets expire a week after the last use, and everything would be read again.
        settings.put("offsets.retention.minutes", Integer.toString(Integer.MAX_VALUE));
        // Topics may allow records larger than message.max.bytes, which keeps its default.
        settings.put("replica.fetch.max.bytes", Integer.toString(64 << 20));

        // Recover quickly from a restart or a crash, and abort the transaction of a dead
        // producer as soon as it times out.
        settings.put("group.initial.rebalance.delay.ms", "0");
        // Allows a learner a shorter session timeout than six seconds, which is the minimum by default.
        settings.put("group.min.session.timeout.ms", "1000");
        settings.put("broker.session.timeout.ms", "3000");
        settings.put("broker.heartbeat.interval.ms", "500");
        settings.put("transaction.abort.timed.out.transaction.cleanup.interval.ms", "1000");
        settings.put("server.max.startup.time.ms", "120000");

        // For a small machine: few threads, and less than the 128 MiB that the cleaner takes by default.
        settings.put("log.cleaner.dedupe.buffer.size", Integer.toString(2 << 20));
        settings.put("num.network.threads", "2");
        settings.put("num.io.threads", "4");
        settings.put("background.threads", "4");
        return settings;
    }

    private static void format(Path topics) throws Exception {
        new Formatter()
                .setPrintStream(new PrintStream(OutputStream.nullOutputStream(), false))
                .setNodeId(NODE_ID)
                .setClusterId(CLUSTER_ID)
                .setControllerListenerName(CONTROLLER_LISTENER)
                .addDirectory(topics.toString())
                .setMetadataLogDirectory(topics.toString())
                .setIgnoreFormatted(true)
                .run();
    }

    /** Reports faults that would end the process of a stand-alone broker. */
    private static FaultHandlerFactory faults(CompletableFuture<Throwable> failed) {
        return (name, fatal, action) -> (message, cause) -> {
            log.error("The embedded broker has a fault in {}: {}", name, message, cause);
            action.run();
            RuntimeException fault = new IllegalStateException(name + ": " + message, cause);
            if (fatal) {
                failed.complete(fault);
            }
            return fault;
        };
    }

    private static ServerSocketChannel socket(Map<String, ServerSocketChannel> sockets, String listener) {
        ServerSocketChannel socket = sockets.get(listener);
        if (socket == null || !socket.isOpen()) {
            throw new IllegalStateException("no socket for listener " + listener);
        }
        return socket;
    }

    /**
     * Locks the directory, so that only one broker uses it. The broker has a lock of its own, but takes it after its
     * controller has written to the metadata log. The operating system releases this lock however the process ends.
     */
    private static FileChannel lock(Path file) throws IOException {
        FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        boolean locked = false;
        try {
            locked = channel.tryLock() != null;
        } catch (OverlappingFileLockException e) {
            log.debug("Locked by this process", e);
        }
        if (!locked) {
            channel.close();
            throw new IOException("another broker uses this directory; stop it, or choose another directory");
        }
        return channel;
    }

    private static ServerSocketChannel bind(int port) throws IOException {
        ServerSocketChannel socket = ServerSocketChannel.open();
        try {
            socket.configureBlocking(false);
            return socket.bind(new InetSocketAddress(HOST, port));
        } catch (IOException e) {
            socket.close();
            throw new BindException("it cannot listen on " + HOST + ":" + port + " (" + e.getMessage()
                    + "); stop what uses this port, or choose another");
        }
    }

    private static int lastPort(Path file) throws IOException {
        String port = Files.exists(file) ? Files.readString(file).strip() : "";
        return port.isEmpty() ? 0 : Integer.parseInt(port);
    }

    private static String rootMessage(Throwable thrown) {
        Throwable root = thrown;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        return root.getMessage() == null || root instanceof FileSystemException ? root.toString() : root.getMessage();
    }
}
