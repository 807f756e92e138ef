package io.thalweg.app.page;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.thalweg.app.view.Printable;
import io.thalweg.avro.DeadLetter;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;

/** The latest dead letters, and how many there are for each reason. Safe for use by several threads. */
final class RecentDeadLetters {
    private static final int MOST = 50;
    /** How many bytes of a key or value are shown. */
    private static final int MOST_BYTES = 2_000;

    private static final HexFormat HEX = HexFormat.ofDelimiter(" ");

    private final Map<String, Long> counts = new TreeMap<>();
    private final Deque<ObjectNode> letters = new ArrayDeque<>();
    private boolean isSample;

    /** Forgets everything, before the topic is read again. */
    synchronized void clear() {
        counts.clear();
        letters.clear();
        isSample = false;
    }

    /** Adds a record of the dead letters topic. */
    synchronized void take(DeadLetter letter) {
        counts.merge(letter.getReason().toString(), 1L, Long::sum);
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("reason", letter.getReason().toString());
        json.put("detail", Printable.of(letter.getDetail().toString()));
        json.put("topic", letter.getTopic().toString());
        json.put("partition", letter.getPartition());
        json.put("offset", letter.getOffset());
        json.put("time", letter.getTimestamp());
        bytes(json, "key", letter.getKey());
        bytes(json, "value", letter.getValue());
        letters.addFirst(json);
        if (letters.size() > MOST) {
            letters.removeLast();
        }
    }

    private static void bytes(ObjectNode json, String name, ByteBuffer buffer) {
        if (buffer == null) {
            json.putNull(name);
            return;
        }
        byte[] shown = new byte[Math.min(buffer.remaining(), MOST_BYTES)];
        buffer.duplicate().get(shown);
        ObjectNode field = json.putObject(name);
        field.put("bytes", buffer.remaining());
        field.put("hex", HEX.formatHex(shown));
        Printable.utf8(shown)
                .filter(text -> text.equals(Printable.of(text)))
                .ifPresent(text -> field.put("text", text));
    }

    /** Notes that some were not read. */
    synchronized void skipped() {
        isSample = true;
    }

    /** Returns the counts and the latest letters, newest first. */
    synchronized ObjectNode json() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("atLeast", isSample);
        ObjectNode byReason = json.putObject("counts");
        counts.forEach(byReason::put);
        ArrayNode latest = json.putArray("latest");
        letters.forEach(latest::add);
        return json;
    }

    /** Returns whether there are more than were read. */
    synchronized boolean isSample() {
        return isSample;
    }

    /** Returns how many there are, or at least how many. */
    synchronized long count() {
        return counts.values().stream().mapToLong(Long::longValue).sum();
    }
}
