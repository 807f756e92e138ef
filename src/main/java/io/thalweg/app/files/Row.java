package io.thalweg.app.files;

import io.thalweg.app.files.ExampleFile.BadLineException;
import java.util.List;

/** A row of a table, which is given its cells and becomes a line of a file. It is reused for the next row. */
sealed interface Row permits ExampleRow, LabelRow, TimedRow {
    /** Begins a row. */
    void clear();

    /** Adds a cell that is text, which may be a number. */
    void cell(String name, String cell) throws BadLineException;

    /** Adds text that is text, even if it looks like a number. */
    void text(String name, String text) throws BadLineException;

    /**
     * Adds a number.
     *
     * @param text how it is written
     */
    void number(String name, double number, String text) throws BadLineException;

    /** Adds a list of text, in which each item counts once. */
    void set(String name, List<String> texts) throws BadLineException;

    /** Adds a list of numbers, each of which is a feature named by its index. */
    void numbers(String name, double[] numbers) throws BadLineException;

    /** Adds a cell that is empty. */
    void empty(String name) throws BadLineException;

    /** Ends the row. */
    ExampleFile.Line line(long number) throws BadLineException;
}
