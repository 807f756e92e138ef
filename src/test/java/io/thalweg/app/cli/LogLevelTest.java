package io.thalweg.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.joran.JoranConfigurator;
import ch.qos.logback.core.joran.spi.JoranException;
import org.junit.jupiter.api.Test;

/** The program's configuration of the log, read as at a start. */
class LogLevelTest {
    @Test
    void thalwegIsAtInfoAndItsLibrariesAreAtWarn() throws JoranException {
        LoggerContext log = configured(null);
        assertThat(level(log, "io.thalweg.runtime")).isEqualTo(Level.INFO);
        assertThat(level(log, "org.apache.kafka.clients")).isEqualTo(Level.WARN);
    }

    /** Messages promise that it shows details, and these are logged by Thalweg's own classes. */
    @Test
    void theEnvironmentSetsTheLevelOfBoth() throws JoranException {
        LoggerContext log = configured("DEBUG");
        assertThat(level(log, "io.thalweg.app.cli")).isEqualTo(Level.DEBUG);
        assertThat(level(log, "org.apache.kafka.clients")).isEqualTo(Level.DEBUG);
    }

    private static Level level(LoggerContext log, String name) {
        return log.getLogger(name).getEffectiveLevel();
    }

    /** Properties of the context stand for the environment, which a process cannot change for itself. */
    private static LoggerContext configured(String level) throws JoranException {
        LoggerContext log = new LoggerContext();
        if (level != null) {
            log.putProperty("THALWEG_LOG_LEVEL", level);
        }
        JoranConfigurator configurator = new JoranConfigurator();
        configurator.setContext(log);
        configurator.doConfigure(LogLevelTest.class.getResource("/logback.xml"));
        return log;
    }
}
