package io.thalweg.config;

/**
 * Which row of a change event is learned from. Rows that are inserted or updated are taken as they are afterwards.
 *
 * @param learnsFromDeletes whether the row that was deleted is learned from, as it was before
 * @param learnsFromSnapshots whether rows that were read for a snapshot are learned from
 */
public record ChangeEvents(boolean learnsFromDeletes, boolean learnsFromSnapshots) {
    /** The rows of a change event. */
    public enum ChangedRow {
        BEFORE,
        AFTER,
        /** Neither: the event is passed over. */
        NONE
    }

    /** Returns the row to learn from. @param operation the field {@code op} of the event */
    public ChangedRow of(String operation) {
        return switch (operation) {
            case "c", "u" -> ChangedRow.AFTER;
            case "r" -> learnsFromSnapshots ? ChangedRow.AFTER : ChangedRow.NONE;
            case "d" -> learnsFromDeletes ? ChangedRow.BEFORE : ChangedRow.NONE;
            // truncated tables, and messages
            default -> ChangedRow.NONE;
        };
    }
}
