package io.thalweg.app.cli;

import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.StopException;

/**
 * The handling of SIGTERM and SIGINT for commands that run until they are stopped: the command stops cleanly and exits
 * with code 0.
 */
final class Shutdown {
    private static volatile boolean endsByItself;
    /** What runs until a command has registered its own task; null if there is none. */
    private static Watch atFirst;

    private Shutdown() {}

    /** A registered task. Closing it removes the task. */
    interface Watch extends AutoCloseable {
        @Override
        void close();
    }

    /** Makes the process exit with code 0 if it is asked to stop before a command has registered a task. */
    static void beginning() {
        atFirst = whenAsked(() -> {});
    }

    /**
     * Registers a task that runs when the process is asked to stop. After it the process exits with code 0, or with the
     * code of a {@link StopException}.
     *
     * @return must be closed when the command ends by itself
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
                // otherwise the JVM would exit with the code of the signal, 143, as if something had failed
                Runtime.getRuntime().halt(exitCode.code());
            }
        };
        Thread hook = new Thread(stop, "shutdown");
        if (atFirst != null) {
            atFirst.close();
            atFirst = null;
        }
        Runtime.getRuntime().addShutdownHook(hook);
        return () -> {
            try {
                Runtime.getRuntime().removeShutdownHook(hook);
            } catch (IllegalStateException e) {
                // the hook is running, and will end the process
            }
        };
    }

    /** Ends the process, if it was not asked to stop. */
    static void exit(int code) {
        endsByItself = true;
        System.exit(code);
    }
}
