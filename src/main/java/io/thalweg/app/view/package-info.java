/**
 * Showing records of the output topics to people, or as lines of JSON. A {@link io.thalweg.app.view.View} takes records
 * that {@code runtime} has read, and prints rows of a table, JSON, or the strongest weights on a screen.
 *
 * <p>Text that comes from topics or files goes through {@link io.thalweg.app.view.Printable} before it is printed,
 * because it may hold control characters.
 */
package io.thalweg.app.view;
