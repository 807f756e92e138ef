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

    /**
     * Begins a list, the items of which are added like single values.
     *
     * @return whether they are used
     * @throws BadLineException if the column must be a single value
     */
    boolean beginList(String name) throws BadLineException;

    /** Says that the next item of the list is a feature named by its index. */
    void at(String name, int index);

    /** Ends a list of which items were added. */
    void endList(String name);

    /** Whether a column is used for nothing, so that it does not matter what is in it. */
    boolean isExcluded(String name);

    /** Adds a value that cannot be used. @param why for people, in a few words */
    void leaveOut(String name, String why);

    /** Adds a cell that is empty. */
    void empty(String name) throws BadLineException;

    /** What should be known of the columns so far, one line for each fact, for people. */
    List<String> remarks();

    /** Ends the row. */
    ExampleFile.Line line(long number) throws BadLineException;
}
