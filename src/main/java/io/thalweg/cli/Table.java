package io.thalweg.cli;

import java.util.Arrays;

/** Rows of text in columns, each as wide as the widest cell that has been in it. */
final class Table {
    private static final String GAP = "  ";

    private final Column[] columns;
    private final int[] widths;

    /**
     * A column.
     *
     * @param width at the beginning
     * @param right whether cells stand at the right, as numbers do
     */
    record Column(String title, int width, boolean right) {
        static Column left(String title, int width) {
            return new Column(title, width, false);
        }

        static Column right(String title, int width) {
            return new Column(title, width, true);
        }
    }

    Table(Column... columns) {
        this.columns = columns.clone();
        widths = Arrays.stream(columns).mapToInt(Column::width).toArray();
    }

    String header() {
        return row(Arrays.stream(columns).map(Column::title).toArray(String[]::new));
    }

    String row(String... cells) {
        StringBuilder row = new StringBuilder();
        for (int i = 0; i < cells.length; i++) {
            int length = cells[i].codePointCount(0, cells[i].length());
            widths[i] = Math.max(widths[i], length);
            String space = " ".repeat(widths[i] - length);
            row.append(i == 0 ? "" : GAP)
                    .append(columns[i].right ? space : "")
                    .append(cells[i])
                    .append(columns[i].right ? "" : space);
        }
        return row.toString().stripTrailing();
    }
}
