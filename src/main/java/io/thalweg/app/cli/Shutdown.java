package io.thalweg.app.cli;

import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.StopException;

/**
 * What SIGTERM and SIGINT do to a command that runs until it is stopped: it stops cleanly and says so with exit code 0.
 */
final class Shutdown {
    private static volatile boolean endsByItself;

    private Shutdown() {}

    /** Ends the waiting for a request to stop. */
    interface Watch extends AutoCloseable {
        @Override
        void close();
    }

    /**
     * Runs the task when the process is asked to stop, and then ends the process: with 0, or with the code of a
     * {@link StopException}.
     *
     * @return to be closed when the command ends by itself
     */
    static Watch whenAsked(Runnable task) {
        Runnable stop = () -> {
            if (!endsByItself) {
                ExitCode exitCode = ExitCode.OK;
                try {
                    task.run();
                } catch (StopException e) {
                    exitCode = e.exitCode();
                }
                // without this the JVM would report the signal, 143, as if something had gone wrong
                Runtime.getRuntime().halt(exitCode.code());
            }
        };
        Thread hook = new Thread(stop, "shutdown");
        Runtime.getRuntime().addShutdownHook(hook);
        return () -> {
            try {
                Runtime.getRuntime().removeShutdownHook(hook);
            } catch (IllegalStateException e) {
                // the hook is running, and ends the process
            }
        };
    }

    /** Ends the process without having been asked to. */
    static void exit(int code) {
        endsByItself = true;
        System.exit(code);
    }
}
