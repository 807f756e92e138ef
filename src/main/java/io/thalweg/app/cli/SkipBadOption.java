package io.thalweg.app.cli;

import picocli.CommandLine.Option;

/** The option to go on after lines that cannot be used. */
final class SkipBadOption {
    @Option(names = "--skip-bad", description = "Skip what cannot be used, and report how much.")
    private boolean given;

    /** Whether they are skipped. */
    boolean isGiven() {
        return given;
    }
}
