package io.thalweg.app.view;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.thalweg.runtime.OutputReader.Entry;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.util.Base64;
import java.util.List;
import org.apache.avro.Schema;
import org.apache.avro.generic.IndexedRecord;

/**
 * A view that prints a JSON object on a line for each record: its {@code key}, {@code timestamp}, {@code partition} and
 * {@code offset}, and in {@code value} the fields of its schema, null for a tombstone. Bytes are in Base64; so is a key
 * that is not UTF-8, under {@code keyBase64}. NaN and infinity are null.
 *
 * @param <T> the class of the records
 */
public final class JsonView<T extends IndexedRecord> implements View<T> {
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    private final PrintWriter out;

    public JsonView(PrintWriter out) {
        this.out = out;
    }

    @Override
    public void take(Entry<T> entry) {
        ObjectNode line = NODES.objectNode();
        byte[] key = entry.source().key();
        if (key == null) {
            line.putNull("key");
        } else {
            Printable.utf8(key)
                    .ifPresentOrElse(text -> line.put("key", text), () -> line.put("keyBase64", base64(key)));
        }
        line.put("timestamp", entry.source().timestamp());
        line.put("partition", entry.source().partition());
        line.put("offset", entry.source().offset());
        line.set("value", json(entry.value()));
        out.println(line);
    }

    @Override
    public void rest() {
        out.flush();
    }

    /** Returns a value of an output record, or a whole record, as JSON. */
    public static JsonNode json(Object value) {
        if (value == null) {
            return NODES.nullNode();
        } else if (value instanceof IndexedRecord record) {
            ObjectNode object = NODES.objectNode();
            for (Schema.Field field : record.getSchema().getFields()) {
                object.set(field.name(), json(record.get(field.pos())));
            }
            return object;
        } else if (value instanceof List<?> list) {
            ArrayNode array = NODES.arrayNode(list.size());
            list.forEach(element -> array.add(json(element)));
            return array;
        } else if (value instanceof Integer number) {
            return NODES.numberNode(number);
        } else if (value instanceof Long number) {
            return NODES.numberNode(number);
        } else if (value instanceof Double number) {
            return Double.isFinite(number) ? NODES.numberNode(number) : NODES.nullNode();
        } else if (value instanceof Boolean flag) {
            return NODES.booleanNode(flag);
        } else if (value instanceof CharSequence text) {
            return NODES.textNode(text.toString());
        } else if (value instanceof Enum<?> symbol) {
            return NODES.textNode(symbol.name());
        } else if (value instanceof ByteBuffer buffer) {
            byte[] bytes = new byte[buffer.remaining()];
            buffer.duplicate().get(bytes);
            return NODES.textNode(base64(bytes));
        }
        throw new IllegalArgumentException("no output contains a " + value.getClass());
    }

    private static String base64(byte[] bytes) {
        return Base64.getEncoder().encodeToString(bytes);
    }
}
