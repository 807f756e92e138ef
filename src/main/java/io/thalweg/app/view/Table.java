package io.thalweg.app.view;

import java.util.Arrays;

/**
 * A formatter of rows of text in columns, each as wide as its widest cell so far. If the length of rows is limited, the
 * least important columns are left out.
 */
public final class Table {
    private static final String GAP = "  ";

    private final int limit;
    private final Column[] columns;
    private final int[] widths;
    private final boolean[] hidden;

    /**
     * A column.
     *
     * @param width the initial width
     * @param right whether cells are right-aligned, as numbers are
     * @param dispensable 0 for a column that is always shown; of the others the one with the largest number is left out
     *     first
     */
    public record Column(String title, int width, boolean right, int dispensable) {
        public static Column left(String title, int width) {
            return new Column(title, width, false, 0);
        }

        public static Column right(String title, int width) {
            return new Column(title, width, true, 0);
        }

        /**
         * This column, but left out if there is not enough room.
         *
         * @param rank the column with the largest rank is left out first
         */
        Column dispensable(int rank) {
            return new Column(title, width, right, rank);
        }
    }

    public Table(Column... columns) {
        this(Integer.MAX_VALUE, columns);
    }

    /** @param limit the maximum length of a row, in characters */
    Table(int limit, Column... columns) {
        this.limit = limit;
        this.columns = columns.clone();
        widths = Arrays.stream(columns).mapToInt(Column::width).toArray();
        hidden = new boolean[columns.length];
    }

    /**
     * Makes room for the next row.
     *
     * @return whether columns are left out from now on that were shown before, so that the header changes
     */
    boolean makeRoom(String... cells) {
        widen(cells);
        boolean changed = false;
        for (int last = leastNeeded(); length() > limit && last >= 0; last = leastNeeded()) {
            hidden[last] = true;
            changed = true;
        }
        return changed;
    }

    public String header() {
        return row(Arrays.stream(columns).map(Column::title).toArray(String[]::new));
    }

    public String row(String... cells) {
        widen(cells);
        StringBuilder row = new StringBuilder();
        for (int i = 0; i < cells.length; i++) {
            if (hidden[i]) {
                continue;
            }
            String cell = cut(cells[i]);
            String space = " ".repeat(widths[i] - length(cell));
            row.append(row.isEmpty() ? "" : GAP)
                    .append(columns[i].right ? space : "")
                    .append(cell)
                    .append(columns[i].right ? "" : space);
        }
        return row.toString().stripTrailing();
    }

    private void widen(String... cells) {
        for (int i = 0; i < cells.length; i++) {
            widths[i] = Math.max(widths[i], length(cut(cells[i])));
        }
    }

    /** Shortens a cell to three eighths of the row: otherwise one long name would leave no room for the rest. */
    private String cut(String cell) {
        int most = Math.max(1, limit / 8 * 3);
        return length(cell) <= most ? cell : cell.substring(0, cell.offsetByCodePoints(0, most - 1)) + "…";
    }

    private int length() {
        int length = -GAP.length();
        for (int i = 0; i < columns.length; i++) {
            length += hidden[i] ? 0 : widths[i] + GAP.length();
        }
        return length;
    }

    /** @return the column to leave out next; -1 if there is none */
    private int leastNeeded() {
        int least = -1;
        for (int i = 0; i < columns.length; i++) {
            if (!hidden[i]
                    && columns[i].dispensable > 0
                    && (least < 0 || columns[i].dispensable > columns[least].dispensable)) {
                least = i;
            }
        }
        return least;
    }

    private static int length(String cell) {
        return cell.codePointCount(0, cell.length());
    }
}
