package io.thalweg.testing;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.joran.JoranConfigurator;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.joran.spi.JoranException;
import ch.qos.logback.core.read.ListAppender;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.slf4j.LoggerFactory;

/** The warnings and errors that the program would print of its own and of the clients of Kafka, while it is open. */
public final class ProgramLog implements AutoCloseable {
    /** How the program configures its log; the tests configure theirs otherwise. */
    public static final Path CONFIGURATION =
            Path.of("src/main/resources/logback.xml").toAbsolutePath();

    private static final String CLIENTS = "org.apache.kafka.clients";

    private final LoggerContext program = new LoggerContext();
    private final ListAppender<ILoggingEvent> log = new ListAppender<>();
    private final Level before;

    public ProgramLog() {
        JoranConfigurator configurator = new JoranConfigurator();
        configurator.setContext(program);
        try {
            configurator.doConfigure(CONFIGURATION.toFile());
        } catch (JoranException e) {
            throw new IllegalStateException(e);
        }
        // the tests are told less than the program prints
        before = logger(CLIENTS).getLevel();
        logger(CLIENTS).setLevel(Level.WARN);
        log.start();
        logger(org.slf4j.Logger.ROOT_LOGGER_NAME).addAppender(log);
    }

    private static Logger logger(String name) {
        return (Logger) LoggerFactory.getLogger(name);
    }

    /** Forgets what was logged so far. */
    public void clear() {
        log.list.clear();
    }

    public List<String> lines() {
        return List.copyOf(log.list).stream()
                .filter(event -> event.getLevel().isGreaterOrEqual(Level.WARN))
                // not of the broker, which is in the same process
                .filter(event -> Stream.of("io.thalweg", CLIENTS, "org.apache.kafka.streams", "org.apache.kafka.common")
                        .anyMatch(event.getLoggerName()::startsWith))
                .filter(event -> program.getLogger(event.getLoggerName()).isEnabledFor(event.getLevel()))
                .map(event ->
                        event.getLoggerName() + " in " + event.getThreadName() + ": " + event.getFormattedMessage())
                .toList();
    }

    @Override
    public void close() {
        logger(org.slf4j.Logger.ROOT_LOGGER_NAME).detachAppender(log);
        logger(CLIENTS).setLevel(before);
    }
}
