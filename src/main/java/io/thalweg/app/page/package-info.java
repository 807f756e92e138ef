/**
 * What the page shows: the history of metrics and weights, the latest predictions and dead letters. They are read from
 * the output topics as any other consumer would read them, into bounded memory, by one thread that never keeps up with
 * more than it can show.
 */
package io.thalweg.app.page;
