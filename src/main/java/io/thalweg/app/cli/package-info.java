/**
 * The commands of {@code bin/thalweg}. {@link io.thalweg.app.cli.Thalweg} has a subcommand for each class named Command
 * here, which reads options, calls other packages and prints the result.
 *
 * <p>Results go to standard output, and everything else to standard error. With {@code --json} the last line of
 * standard output is one JSON object. This package may use all others, and none uses it.
 */
package io.thalweg.app.cli;
