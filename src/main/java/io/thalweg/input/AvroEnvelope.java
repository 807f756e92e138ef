package io.thalweg.input;

import io.thalweg.config.ChangeEvents;
import io.thalweg.config.ChangeEvents.ChangedRow;
import io.thalweg.mapping.MappingException;
import io.thalweg.math.Rejection;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.avro.Schema;
import org.jspecify.annotations.Nullable;

/**
 * Finds the row in a change event of Debezium that is Avro: a record with {@code before}, {@code after} and {@code op}.
 * It is compiled for one schema. Not thread-safe.
 */
final class AvroEnvelope {
    private static final String BEFORE = "before";
    private static final String AFTER = "after";
    private static final String OP = "op";

    private final ChangeEvents changes;
    private final ValueReader[] skips;
    private final int before;
    private final int after;
    private final int op;
    private final int[] begins;
    private final int rowOfBefore;
    private final int rowOfAfter;
    private final boolean isUnionBefore;
    private final boolean isUnionAfter;
    private final Schema row;

    /** @throws MappingException if the schema is not one of change events */
    AvroEnvelope(Schema schema, ChangeEvents changes, MappedRecord record) {
        this.changes = changes;
        if (schema.getType() != Schema.Type.RECORD
                || schema.getField(AFTER) == null
                || schema.getField(OP) == null
                || rowOf(schema.getField(AFTER).schema()) < 0
                || schema.getField(OP).schema().getType() != Schema.Type.STRING) {
            throw new MappingException(
                    "events.unwrap is set, but the schema is not one of change events, with the record"
                            + " after and the text op");
        }
        SkipReaders skip = new SkipReaders(record);
        skips = schema.getFields().stream()
                .map(field -> skip.of(field.schema()))
                .toArray(ValueReader[]::new);
        begins = new int[skips.length];
        after = schema.getField(AFTER).pos();
        op = schema.getField(OP).pos();
        Schema ofAfter = schema.getField(AFTER).schema();
        rowOfAfter = rowOf(ofAfter);
        row = ValueReaders.branchesOf(ofAfter).get(rowOfAfter);
        Schema.Field old = schema.getField(BEFORE);
        rowOfBefore = old == null ? -1 : rowOf(old.schema());
        // rows are read with one mapping
        boolean isSame = old != null
                && rowOfBefore >= 0
                && ValueReaders.branchesOf(old.schema()).get(rowOfBefore).equals(row);
        before = isSame ? old.pos() : -1;
        isUnionBefore = isSame && old.schema().getType() == Schema.Type.UNION;
        isUnionAfter = ofAfter.getType() == Schema.Type.UNION;
    }

    /** Returns which branch of a field is a record; below 0 if none is. */
    private static int rowOf(Schema field) {
        List<Schema> branches = ValueReaders.branchesOf(field);
        for (int i = 0; i < branches.size(); i++) {
            if (branches.get(i).getType() == Schema.Type.RECORD) {
                return i;
            }
        }
        return -1;
    }

    /** The schema of rows. */
    Schema row() {
        return row;
    }

    /**
     * Goes to the row to learn from.
     *
     * @return null if the event is passed over; otherwise how many bytes are left over behind the event
     * @throws Rejection if the event lacks the row that its operation calls for
     */
    @Nullable
    Integer locate(BoundedDecoder in) throws IOException, Rejection {
        String operation = "";
        for (int i = 0; i < skips.length; i++) {
            begins[i] = in.position();
            if (i == op) {
                int from = in.passText();
                operation = new String(in.record(), from, in.position() - from, StandardCharsets.UTF_8);
            } else {
                skips[i].read(in);
            }
        }
        int left = in.remaining();
        ChangedRow wanted = changes.of(operation);
        if (wanted == ChangedRow.NONE) {
            return null;
        }
        boolean isAfter = wanted == ChangedRow.AFTER;
        int field = isAfter ? after : before;
        if (field < 0) {
            throw JsonEnvelope.noRow(isAfter, operation);
        }
        in.back(begins[field]);
        if ((isAfter ? isUnionAfter : isUnionBefore) && in.readIndex() != (isAfter ? rowOfAfter : rowOfBefore)) {
            throw JsonEnvelope.noRow(isAfter, operation);
        }
        return left;
    }
}
