package io.thalweg.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.joran.JoranConfigurator;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.LoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import io.thalweg.config.UserInfo;
import io.thalweg.testing.ProgramLog;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** What the program's log shows of addresses, whoever logs them. */
class LogMaskingTest {
    @Test
    void theLogHasNoUsersAndPasswordsOfAddresses() throws Exception {
        LoggerContext program = new LoggerContext();
        JoranConfigurator configurator = new JoranConfigurator();
        configurator.setContext(program);
        configurator.doConfigure(ProgramLog.CONFIGURATION.toFile());
        ConsoleAppender<ILoggingEvent> appender = (ConsoleAppender<ILoggingEvent>)
                program.getLogger(Logger.ROOT_LOGGER_NAME).getAppender("stderr");

        for (String address : new String[] {
            "http://user:secret@registry:8081/a",
            "https://user:s@cr@secret@r1,https://b:secret@r2",
            "http://user:se/secret@r"
        }) {
            LoggingEvent event = new LoggingEvent(
                    "x",
                    program.getLogger("some.library"),
                    Level.WARN,
                    "cannot reach {}",
                    new IllegalStateException("no answer of " + address),
                    new Object[] {address});
            String line = new String(appender.getEncoder().encode(event), StandardCharsets.UTF_8);
            assertThat(line)
                    .contains("cannot reach " + UserInfo.removedFrom(address), "no answer of", "\tat io.thalweg")
                    .doesNotContain("secret", "user")
                    .endsWith("\n");
        }
    }
}
