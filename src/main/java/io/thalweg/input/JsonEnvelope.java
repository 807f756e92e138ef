package io.thalweg.input;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.thalweg.config.ChangeEvents;
import io.thalweg.config.ChangeEvents.ChangedRow;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import java.io.IOException;

/**
 * Finds the row in a change event of Debezium that is JSON: an object with {@code before}, {@code after} and {@code
 * op}, which can be in the {@code payload} beside a {@code schema}. Not thread-safe.
 */
final class JsonEnvelope {
    private static final int BEFORE = 1;
    private static final int AFTER = 2;
    private static final int OP = 4;
    private static final int PAYLOAD = 8;

    private final JsonInput json;
    private final ChangeEvents changes;

    private int seen;
    private boolean isNull;
    private String operation = "";
    private int beforeFrom;
    private int beforeTo;
    private int afterFrom;
    private int afterTo;
    private int payloadFrom;
    private int payloadTo;

    private int from;
    private int to;

    JsonEnvelope(JsonInput json, ChangeEvents changes) {
        this.json = json;
        this.changes = changes;
    }

    /**
     * Finds the row to learn from.
     *
     * @return whether there is one; if not, the event is passed over
     * @throws Rejection if the value is not a change event
     */
    boolean locate(byte[] value) throws Rejection {
        scan(value, JsonInput.begin(value), value.length);
        if ((seen & (PAYLOAD | OP)) == PAYLOAD) {
            if (isNull) {
                // a tombstone, from a converter that writes schemas
                return false;
            }
            scan(value, payloadFrom, payloadTo);
        }
        if ((seen & OP) == 0) {
            throw new Rejection(
                    Reason.UNREADABLE,
                    "the value is not a change event: it has no field op, which events.unwrap needs");
        }
        ChangedRow row = changes.of(operation);
        if (row == ChangedRow.NONE) {
            return false;
        }
        boolean isAfter = row == ChangedRow.AFTER;
        if ((seen & (isAfter ? AFTER : BEFORE)) == 0) {
            throw noRow(isAfter, operation);
        }
        from = isAfter ? afterFrom : beforeFrom;
        to = isAfter ? afterTo : beforeTo;
        return true;
    }

    /** The rejection of a change event without the row that its operation calls for. */
    static Rejection noRow(boolean isAfter, String operation) {
        return new Rejection(
                Reason.BAD_VALUE,
                "the change event has op " + ExampleDecoder.brief(operation) + ", but its field "
                        + (isAfter ? "after" : "before") + " is null or missing"
                        + (isAfter ? "" : "; let the database log whole rows, or set events.unwrap.deletes=skip"));
    }

    /** Where the row begins. */
    int from() {
        return from;
    }

    /** Where the row ends. */
    int to() {
        return to;
    }

    private void scan(byte[] value, int begin, int end) throws Rejection {
        seen = 0;
        isNull = false;
        try (JsonParser in = json.openBytes(value, begin, end)) {
            JsonInput.beginObject(in);
            for (String name = in.nextFieldName(); name != null; name = in.nextFieldName()) {
                JsonToken token = in.nextToken();
                int start = begin + (int) in.currentTokenLocation().getByteOffset();
                if (token == JsonToken.VALUE_STRING && name.equals("op")) {
                    operation = in.getText();
                }
                in.skipChildren();
                int bit = switch (name) {
                    case "before" -> BEFORE;
                    case "after" -> AFTER;
                    case "op" -> OP;
                    case "payload" -> PAYLOAD;
                    default -> 0;
                };
                if (bit == 0) {
                    continue;
                }
                if (bit == PAYLOAD) {
                    isNull = token == JsonToken.VALUE_NULL;
                } else if (token != (bit == OP ? JsonToken.VALUE_STRING : JsonToken.START_OBJECT)) {
                    continue;
                }
                seen |= bit;
                int stop = begin + (int) in.currentLocation().getByteOffset();
                if (bit == BEFORE) {
                    beforeFrom = start;
                    beforeTo = stop;
                } else if (bit == AFTER) {
                    afterFrom = start;
                    afterTo = stop;
                } else if (bit == PAYLOAD) {
                    payloadFrom = start;
                    payloadTo = stop;
                }
            }
            JsonInput.end(in);
        } catch (IOException | IllegalStateException e) {
            throw JsonInput.unreadable(e);
        }
    }
}
