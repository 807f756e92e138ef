package io.thalweg.cli;

import io.thalweg.runtime.ExitCode;

/** What SIGTERM and SIGINT do to a command that runs until it is stopped: it stops cleanly and says so with exit code 0. */
final class Shutdown {
    private static volatile boolean endsByItself;

    private Shutdown() {}

    /** Runs the task when the process is asked to stop. */
    static void whenAsked(Runnable task) {
        Runnable hook = () -> {
            if (!endsByItself) {
                task.run();
                // without this the JVM would report the signal, 143, as if something had gone wrong
                Runtime.getRuntime().halt(ExitCode.OK.code());
            }
        };
        Runtime.getRuntime().addShutdownHook(new Thread(hook, "shutdown"));
    }

    /** Ends the process without having been asked to. */
    static void exit(int code) {
        endsByItself = true;
        System.exit(code);
    }
}
