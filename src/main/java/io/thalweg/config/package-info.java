/**
 * The settings: their names, defaults, checks and descriptions, and the objects that other packages are given instead
 * of them. A {@link io.thalweg.config.ThalwegConfig} is made from the text of a file or of a command line. The
 * reference page of the settings is generated from it.
 *
 * <p>It may use {@code math} and {@code mapping}, whose settings it reads, and Kafka's classes for configuration.
 */
package io.thalweg.config;
