package io.thalweg.store;

import io.thalweg.math.Example;
import io.thalweg.math.PredictionResult;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.Arrays;

/**
 * What is kept under the id of an event: the event, while it waits for its label; a label, while it waits for its
 * event; or, when both have met or one was given up, what came of it. The object is reused.
 *
 * <p><b>Format.</b> The length and the time until which it is kept have a fixed size; kind, flags, model and id follow,
 * and then what the kind and the flags say. See {@link PackedWriter}.
 */
public final class WaitingEntry {
    private static final Kind[] KINDS = Kind.values();

    // flags
    private static final int PROVISIONAL = 1;
    private static final int HAS_LABEL = 2;
    private static final int HAS_FEATURES = 4;
    private static final int HAS_PREDICTION = 8;

    /** What an entry is. */
    public enum Kind {
        /** An event that waits for its label. */
        EVENT,
        /** A label that waits for its event. */
        LABEL,
        /** An event whose label came. */
        LABELED,
        /** An event that was given up, because its label did not come in time. */
        GIVEN_UP,
        /** Nothing: it hides an older entry with the same key that is kept longer and may still be in the log. */
        GONE;

        /** Returns whether it is an event or a label that waits for the other. */
        boolean isWaiting() {
            return this == EVENT || this == LABEL;
        }
    }

    private Kind kind = Kind.EVENT;
    private byte[] model = {};
    /** The model as a string, which most entries in a row have in common. */
    private String modelName = "";

    private byte[] id = {};
    private long due;
    /** The largest {@link #due} of the entry and of those before it with the same key. */
    private long until;

    private long order;
    private boolean provisional;

    private long eventTimestamp;
    private long eventOffset;
    private boolean hasPrediction;
    private final PredictionResult prediction = new PredictionResult();
    private boolean hasFeatures;
    private final Example example = new Example();
    private double importance;

    private boolean hasLabel;
    private long labelTimestamp;
    private long labelOffset;
    private double label;
    private double labelImportance;

    /** Creates an entry to be filled. */
    public WaitingEntry() {}

    // ---- what it is

    /** Returns what the entry is. */
    public Kind kind() {
        return kind;
    }

    /** Returns the id of the model. */
    public String model() {
        return modelName;
    }

    byte[] modelBytes() {
        return model;
    }

    /** Returns the id of the event as UTF-8. */
    public byte[] id() {
        return id;
    }

    /** Returns the last moment at which the entry is kept, in milliseconds since 1970. */
    public long due() {
        return due;
    }

    /** Returns until when the entry, or one before it with the same key, is kept. */
    long until() {
        return until;
    }

    /** Returns the offset of the event, or the offset of the next event when the label came: entries rise in it. */
    long order() {
        return order;
    }

    // ---- the event

    /** Returns the timestamp of the event, in milliseconds since 1970. */
    public long eventTimestamp() {
        return eventTimestamp;
    }

    /** Returns the offset of the event. */
    public long eventOffset() {
        return eventOffset;
    }

    /** Returns whether there is a prediction of the event. */
    public boolean hasPrediction() {
        return hasPrediction;
    }

    /** Returns the prediction that was published for the event. */
    public PredictionResult prediction() {
        return prediction;
    }

    /** Returns whether the model has learned from the event as a negative, until the label comes. */
    public boolean isProvisional() {
        return provisional;
    }

    /** Returns whether the features are kept. */
    public boolean hasFeatures() {
        return hasFeatures;
    }

    /** Returns the event, with its features as they were and without a label. Each call resets it. */
    public Example example() {
        example.importance(importance);
        return example;
    }

    // ---- the label

    /** Returns whether there is a label. */
    public boolean hasLabel() {
        return hasLabel;
    }

    /** Returns the timestamp of the label record, in milliseconds since 1970. */
    public long labelTimestamp() {
        return labelTimestamp;
    }

    /** Returns the offset of the label record. */
    public long labelOffset() {
        return labelOffset;
    }

    /** Returns the label, from 0 to 1. */
    public double label() {
        return label;
    }

    /** Returns the importance that came with the label; NaN if none did. */
    public double labelImportance() {
        return labelImportance;
    }

    // ---- filling

    private void begin(Kind newKind, String modelId, byte[] eventId, long keptUntil, long newOrder) {
        kind = newKind;
        if (!modelName.equals(modelId)) {
            modelName = modelId;
            model = modelId.getBytes(StandardCharsets.UTF_8);
        }
        id = eventId;
        due = keptUntil;
        order = newOrder;
        provisional = false;
        hasPrediction = false;
        hasFeatures = false;
        hasLabel = false;
    }

    /** Sets the place among entries that are kept until the same time. */
    void setOrder(long newOrder) {
        order = newOrder;
    }

    /** Makes this nothing, so that it only hides entries before it. */
    void gone() {
        begin(Kind.GONE, model(), id, until, order);
    }

    /**
     * Makes this a label that waits for its event.
     *
     * @param nextEvent the offset of the next event
     * @param c the importance; NaN if the label has none
     */
    public void label(
            String modelId,
            byte[] eventId,
            long keptUntil,
            long nextEvent,
            long timestamp,
            long offset,
            double y,
            double c) {
        begin(Kind.LABEL, modelId, eventId, keptUntil, nextEvent);
        setLabel(timestamp, offset, y, c);
    }

    /** Adds a label to an event, or replaces its label. */
    public void setLabel(long timestamp, long offset, double y, double c) {
        hasLabel = true;
        labelTimestamp = timestamp;
        labelOffset = offset;
        label = y;
        labelImportance = c;
    }

    /**
     * Turns an event into what is remembered of it.
     *
     * @param keepsFeatures whether its label may still be revised
     */
    public void settle(Kind newKind, long keptUntil, boolean keepsFeatures) {
        kind = newKind;
        due = Math.max(due, keptUntil);
        hasFeatures &= keepsFeatures;
    }

    // ---- the format

    /**
     * Writes an event that waits for its label.
     *
     * @param x the event, with its features as they were
     * @param isProvisional whether the model has learned from it as a negative
     */
    static void write(
            PackedWriter out,
            byte[] modelId,
            byte[] eventId,
            Example x,
            PredictionResult served,
            boolean isProvisional,
            long timestamp,
            long offset,
            long keptUntil,
            long hidesUntil) {
        int from = head(
                out,
                Kind.EVENT,
                HAS_PREDICTION | HAS_FEATURES | (isProvisional ? PROVISIONAL : 0),
                modelId,
                eventId,
                offset,
                keptUntil,
                hidesUntil);
        out.putNumber(timestamp);
        out.putNumber(offset);
        StepLogWriter.putPrediction(out, served);
        out.makeRoom(Double.BYTES);
        out.putDouble(x.importance());
        FeatureCodec.putUnresolved(out, x);
        end(out, from);
    }

    /**
     * Writes this entry.
     *
     * @param hidesUntil the largest time until which it, or an entry before it with the same key, is kept
     */
    void write(PackedWriter out, long hidesUntil) {
        int from = head(
                out,
                kind,
                (provisional ? PROVISIONAL : 0)
                        | (hasLabel ? HAS_LABEL : 0)
                        | (hasFeatures ? HAS_FEATURES : 0)
                        | (hasPrediction ? HAS_PREDICTION : 0),
                model,
                id,
                order,
                due,
                hidesUntil);
        if (kind != Kind.LABEL && kind != Kind.GONE) {
            out.putNumber(eventTimestamp);
            out.putNumber(eventOffset);
        }
        if (hasLabel) {
            out.makeRoom(2 * PackedWriter.LONGEST_NUMBER + 2 * Double.BYTES);
            out.putNumber(labelTimestamp);
            out.putNumber(labelOffset);
            out.putDouble(label);
            out.putDouble(labelImportance);
        }
        if (hasPrediction) {
            StepLogWriter.putPrediction(out, prediction);
        }
        if (hasFeatures) {
            out.makeRoom(Double.BYTES);
            out.putDouble(importance);
            FeatureCodec.putUnresolved(out, example);
        }
        end(out, from);
    }

    private static int head(
            PackedWriter out,
            Kind kind,
            int flags,
            byte[] model,
            byte[] id,
            long order,
            long keptUntil,
            long hidesUntil) {
        out.makeRoom(64 + model.length + id.length + 4 * PackedWriter.LONGEST_NUMBER);
        int from = out.size();
        out.putInt(0);
        out.putLong(keptUntil);
        out.putByte(kind.ordinal() << 4 | flags);
        out.putNumber(order);
        out.putNumber(hidesUntil - keptUntil);
        out.putCounted(model);
        out.putCounted(id);
        return from;
    }

    private static void end(PackedWriter out, int from) {
        out.setInt(from, out.size() - from);
    }

    /** The size of the length, which an entry begins with. */
    static final int LENGTH_BYTES = Integer.BYTES;

    private static final int KIND = LENGTH_BYTES + Long.BYTES;

    /** Returns the length of the entry that begins at a place. */
    static int length(PackedReader in, int at) {
        in.position(at);
        return in.getInt();
    }

    /** Returns until when the entry that begins at a place is kept. */
    static long due(PackedReader in, int at) {
        in.position(at + LENGTH_BYTES);
        return in.getLong();
    }

    /** Returns whether the entry that begins at a place is an event or a label that waits for the other. */
    static boolean isWaiting(PackedReader in, int at) {
        return kind(in, at).isWaiting();
    }

    /** Returns what the entry that begins at a place is. */
    static Kind kind(PackedReader in, int at) {
        in.position(at + KIND);
        return KINDS[in.getByte() >> 4];
    }

    /** Returns the order of the entry that begins at a place. */
    static long order(PackedReader in, int at) {
        in.position(at + KIND + 1);
        return in.getNumber();
    }

    /** Returns until when the entry that begins at a place, or one before it with the same key, is kept. */
    static long until(PackedReader in, int at) {
        long due = due(in, at);
        in.position(at + KIND + 1);
        in.getNumber();
        return due + in.getNumber();
    }

    /**
     * Returns the order of entries that are kept until the same time and have the same {@link #order}. Labels come
     * before the event that is read next, in their own order.
     */
    static long tie(PackedReader in, int at) {
        if (kind(in, at) != Kind.LABEL) {
            return Long.MAX_VALUE;
        }
        in.getNumber();
        in.getNumber();
        in.skip((int) in.getNumber());
        in.skip((int) in.getNumber());
        // the timestamp
        in.getNumber();
        return in.getNumber();
    }

    /** Returns a hash of model and id of the entry that begins at a place. */
    static long hash(PackedReader in, int at) {
        in.position(at + KIND + 1);
        in.getNumber();
        in.getNumber();
        int modelLength = (int) in.getNumber();
        int modelAt = in.position();
        in.skip(modelLength);
        int idLength = (int) in.getNumber();
        long hash = hash(0, HASH_POINT, in.bytes(), modelAt, modelLength);
        return mix(hash(hash, HASH_POINT, in.bytes(), in.position(), idLength));
    }

    /** Returns a hash of model and id. */
    static long hash(byte[] model, byte[] id) {
        return mix(hash(hash(0, HASH_POINT, model, 0, model.length), HASH_POINT, id, 0, id.length));
    }

    /** Returns whether the entry that begins at a place has this model and id. */
    static boolean isOf(PackedReader in, int at, byte[] model, byte[] id) {
        in.position(at + KIND + 1);
        in.getNumber();
        in.getNumber();
        return isNext(in, model) && isNext(in, id);
    }

    private static boolean isNext(PackedReader in, byte[] expected) {
        int length = (int) in.getNumber();
        int from = in.position();
        in.skip(length);
        return Arrays.equals(in.bytes(), from, from + length, expected, 0, expected.length);
    }

    /** The prime of the field in which hashes are computed: 2^61 - 1. */
    static final long HASH_PRIME = (1L << 61) - 1;

    /**
     * Where the polynomials of hashes are evaluated. It is different in each process, so that nobody can choose ids
     * that have the same hash, which would take quadratic time. No result depends on it.
     */
    private static final long HASH_POINT = new SecureRandom().nextLong(1L << 32, HASH_PRIME);

    /**
     * Adds bytes to a hash: the value of a polynomial at a secret point, modulo a prime. Two texts of n bytes have the
     * same hash at no more than n + 1 of all points (Carter and Wegman, "Universal Classes of Hash Functions", 1979).
     *
     * @param before the hash of what comes before them, from 0 to the prime
     */
    static long hash(long before, long point, byte[] bytes, int from, int length) {
        long hash = timesPlus(before, point, length);
        for (int i = from; i < from + length; i++) {
            hash = timesPlus(hash, point, bytes[i] & 0xff);
        }
        return hash;
    }

    /** Returns a * b + c modulo the prime, for a and b below it and a small c. */
    private static long timesPlus(long a, long b, long c) {
        // 2^61 is 1 modulo the prime, so the digits of base 2^61 are added up
        long sum = (a * b & HASH_PRIME) + (Math.multiplyHigh(a, b) << 3 | a * b >>> 61) + c;
        sum = (sum & HASH_PRIME) + (sum >>> 61);
        return sum >= HASH_PRIME ? sum - HASH_PRIME : sum;
    }

    /** The last mixing steps of MurmurHash3. */
    private static long mix(long hash) {
        long h = (hash ^ hash >>> 33) * 0xff51afd7ed558ccdL;
        h = (h ^ h >>> 33) * 0xc4ceb9fe1a85ec53L;
        return h ^ h >>> 33;
    }

    private void readModel(PackedReader in) {
        int from = in.position();
        if (!isNext(in, model)) {
            in.position(from);
            model = in.getCounted();
            modelName = new String(model, StandardCharsets.UTF_8);
        }
    }

    /** Reads the entry that begins at a place. */
    void read(PackedReader in, int at) {
        due = due(in, at);
        int kindAndFlags = in.getByte();
        kind = KINDS[kindAndFlags >> 4];
        order = in.getNumber();
        until = due + in.getNumber();
        readModel(in);
        id = in.getCounted();
        provisional = (kindAndFlags & PROVISIONAL) != 0;
        hasLabel = (kindAndFlags & HAS_LABEL) != 0;
        hasFeatures = (kindAndFlags & HAS_FEATURES) != 0;
        hasPrediction = (kindAndFlags & HAS_PREDICTION) != 0;
        if (kind != Kind.LABEL && kind != Kind.GONE) {
            eventTimestamp = in.getNumber();
            eventOffset = in.getNumber();
        }
        if (hasLabel) {
            labelTimestamp = in.getNumber();
            labelOffset = in.getNumber();
            label = in.getDouble();
            labelImportance = in.getDouble();
        }
        if (hasPrediction) {
            StepLogReader.readPrediction(in, prediction);
        }
        if (hasFeatures) {
            importance = in.getDouble();
            example.clear();
            example.id(id);
            FeatureCodec.readUnresolved(in, example);
        }
    }
}
