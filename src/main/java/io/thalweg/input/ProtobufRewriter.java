package io.thalweg.input;

import io.thalweg.input.ProtobufType.WireType;
import io.thalweg.mapping.FeatureCollector;
import java.io.EOFException;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.jspecify.annotations.Nullable;

/**
 * Rewrites Protobuf messages of one type as Avro records, so that they are mapped as Avro records are. The fields of a
 * message can be written in any order and more than once; the record has them in the order of the schema. What cannot
 * be mapped, such as a list of messages, is left out. Not thread-safe.
 */
final class ProtobufRewriter {
    /** How many groups that the schema does not know may be nested, as in Protobuf's own readers. */
    private static final int MOST_GROUPS = 100;

    /** Buffers that are longer do not stay in memory after their value. */
    private static final int KEPT = 1 << 16;

    /** Numbers of fields up to this one are looked up in an array. */
    private static final int MOST_DIRECT = 256;

    /** From 0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z, which a Timestamp can hold. */
    private static final long FIRST_SECOND = -62_135_596_800L;

    private static final long LAST_SECOND = 253_402_300_799L;
    private static final int NANOS = 1_000_000_000;

    /** A decimal with a larger scale has no digit that a double has. */
    private static final int LARGEST_SCALE = 1000;

    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private final Map<ProtobufMessage, MessagePlan> plans = new IdentityHashMap<>();
    private final MessagePlan root;
    private final Schema schema;
    /** Finds keys of maps that are there twice. */
    private final FeatureCollector sets;

    private byte[] in = {};
    private int at;

    private byte[] out = new byte[256];
    private int length;

    // the values of fields that can be there several times: where each begins and ends, with the bits of the end
    // inverted if it is several packed into one, and the next one of the same field
    private int[] begins = new int[16];
    private int[] ends = new int[16];
    private int[] nexts = new int[16];
    private int count;

    // the entries of a map: their keys as text one after the other, where each ends, and the values
    private byte[] keys = {};
    private int[] keyEnds = {};
    private int[] valueBegins = {};
    private int[] valueEnds = {};
    private boolean[] isKept = {};

    /** A field, and where its value was found in the message that is being rewritten. */
    private static final class FieldPlan {
        private final ProtobufField field;
        private final ProtobufType type;
        private final ProtobufForm form;
        private final boolean isSeveral;
        private final boolean isNullable;
        private final boolean isRequired;
        private final boolean isImplicit;
        private final int wireType;
        private final int oneof;
        private final @Nullable MessagePlan message;
        /** The numbers of an enum in order, and the places of their symbols in the Avro schema. */
        private final int[] numbers;

        private final int[] places;

        /** Of a single value; below 0 if it is absent. */
        private int begin;

        private int end;
        /** Of several values: the first and the last of them; below 0 if there is none. */
        private int first;

        private int last;

        FieldPlan(ProtobufField field, ProtobufForm form, boolean isNullable, @Nullable MessagePlan message) {
            this.field = field;
            this.form = form;
            this.isNullable = isNullable;
            this.message = message;
            type = field.type();
            wireType = type.wireType();
            oneof = field.oneof();
            isRequired = field.presence() == ProtobufPresence.REQUIRED;
            isImplicit = field.presence() == ProtobufPresence.IMPLICIT;
            isSeveral = form != ProtobufForm.SINGLE;
            List<Integer> inOrder = List.copyOf(field.symbols().keySet());
            numbers = inOrder.stream().mapToInt(number -> number).sorted().toArray();
            places = Arrays.stream(numbers).map(inOrder::indexOf).toArray();
        }

        void clear() {
            begin = -1;
            first = -1;
        }

        MessagePlan message() {
            if (message == null) {
                throw new IllegalStateException("field " + field.name() + " is no message");
            }
            return message;
        }

        boolean isPacked(int wireType) {
            return wireType == WireType.DELIMITED && field.presence() == ProtobufPresence.REPEATED && type.isPackable();
        }
    }

    /** A message type, with what was found of the message that is being rewritten. */
    private static final class MessagePlan {
        private final ProtobufMessage message;
        private FieldPlan[] fields = {};
        private @Nullable FieldPlan[] direct = {};
        private final Map<Integer, FieldPlan> others = new HashMap<>();
        /** The members of each group of alternatives. */
        private FieldPlan[][] oneofs = {};
        /** Whether a message of this type is being rewritten. One within itself is not mapped. */
        private boolean isActive;

        MessagePlan(ProtobufMessage message) {
            this.message = message;
        }

        void complete(List<FieldPlan> of) {
            fields = of.toArray(FieldPlan[]::new);
            int largest = 0;
            int groups = 0;
            for (FieldPlan each : fields) {
                int number = each.field.number();
                if (number <= MOST_DIRECT) {
                    largest = Math.max(largest, number);
                } else {
                    others.put(number, each);
                }
                groups = Math.max(groups, each.field.oneof() + 1);
            }
            direct = new FieldPlan[largest + 1];
            for (FieldPlan each : fields) {
                if (each.field.number() <= MOST_DIRECT) {
                    direct[each.field.number()] = each;
                }
            }
            oneofs = new FieldPlan[groups][];
            for (int i = 0; i < groups; i++) {
                int group = i;
                oneofs[i] =
                        of.stream().filter(each -> each.field.oneof() == group).toArray(FieldPlan[]::new);
            }
        }

        @Nullable
        FieldPlan field(int number) {
            return number < direct.length ? direct[number] : others.isEmpty() ? null : others.get(number);
        }

        FieldPlan known(int number) {
            FieldPlan known = field(number);
            if (known == null) {
                throw new IllegalStateException(message + " has no field " + number);
            }
            return known;
        }

        void clear() {
            for (FieldPlan field : fields) {
                field.clear();
            }
        }
    }

    /** @param sets is used while a value is rewritten, to find what is in it twice */
    ProtobufRewriter(ProtobufMessage message, FeatureCollector sets) {
        this.sets = sets;
        schema = new RewrittenSchema().of(message);
        root = plan(message);
    }

    /** The schema of the records. */
    Schema schema() {
        return schema;
    }

    /** The last record; only the first {@link #length} bytes count. */
    byte[] bytes() {
        return out;
    }

    /** How many bytes the last record has. */
    int length() {
        return length;
    }

    /**
     * Rewrites a message.
     *
     * @param from where it begins in the value; it ends with the value
     * @throws IOException if it is damaged or not of this type
     */
    void rewrite(byte[] value, int from) throws IOException {
        in = value;
        length = 0;
        count = 0;
        if (out.length > KEPT) {
            out = new byte[256];
        }
        if (begins.length > KEPT) {
            begins = new int[16];
            ends = new int[16];
            nexts = new int[16];
        }
        if (keyEnds.length > KEPT || keys.length > KEPT) {
            keys = new byte[0];
            keyEnds = new int[0];
            valueBegins = new int[0];
            valueEnds = new int[0];
            isKept = new boolean[0];
        }
        root.clear();
        root.isActive = true;
        try {
            scan(root, from, value.length);
            write(root);
        } finally {
            root.isActive = false;
        }
    }

    private MessagePlan plan(ProtobufMessage message) {
        MessagePlan known = plans.get(message);
        if (known != null) {
            return known;
        }
        MessagePlan plan = new MessagePlan(message);
        plans.put(message, plan);
        List<FieldPlan> fields = new ArrayList<>();
        for (ProtobufField field : message.fields()) {
            // a Struct is a map of messages that can be written after all
            ProtobufForm form =
                    ProtobufForm.of(message) == ProtobufForm.STRUCT ? ProtobufForm.MAP : ProtobufForm.of(field);
            fields.add(new FieldPlan(
                    field,
                    form,
                    RewrittenSchema.isNullable(field),
                    field.message() == null || form == ProtobufForm.LEFT_OUT ? null : plan(field.message())));
        }
        plan.complete(fields);
        return plan;
    }

    // ---- finding the values

    /** Notes where the values of a message are. */
    private void scan(MessagePlan plan, int from, int to) throws IOException {
        at = from;
        while (at < to) {
            int tag = tag(to);
            int wireType = tag & 7;
            FieldPlan field = plan.field(tag >>> 3);
            if (field == null) {
                skip(tag, to);
            } else if (wireType == field.wireType) {
                int begin = at;
                if (wireType == WireType.DELIMITED) {
                    int size = size(to);
                    begin = at;
                    at += size;
                } else {
                    skipSingle(wireType, to);
                }
                note(plan, field, begin, at);
            } else if (field.isPacked(wireType)) {
                int size = size(to);
                note(plan, field, at, ~(at + size));
                at += size;
            } else if (wireType == WireType.GROUP && field.type == ProtobufType.MESSAGE) {
                int begin = at;
                int end = skipGroup(tag >>> 3, to);
                note(plan, field, begin, end);
            } else {
                throw new IOException("field %s of %s is written as wire type %d, not as %s"
                        .formatted(field.field.name(), plan.message, wireType, field.type));
            }
        }
    }

    private void note(MessagePlan plan, FieldPlan field, int begin, int end) {
        if (field.oneof >= 0) {
            // the last alternative counts
            for (FieldPlan other : plan.oneofs[field.oneof]) {
                if (other != field) {
                    other.clear();
                }
            }
        }
        if (!field.isSeveral) {
            field.begin = begin;
            field.end = end;
            return;
        }
        if (field.form == ProtobufForm.LEFT_OUT) {
            return;
        }
        if (count == begins.length) {
            begins = Arrays.copyOf(begins, 2 * count);
            ends = Arrays.copyOf(ends, 2 * count);
            nexts = Arrays.copyOf(nexts, 2 * count);
        }
        begins[count] = begin;
        ends[count] = end;
        nexts[count] = -1;
        if (field.first < 0) {
            field.first = count;
        } else {
            nexts[field.last] = count;
        }
        field.last = count++;
    }

    private int tag(int to) throws IOException {
        long tag = varint(to);
        if (tag >>> 32 != 0 || tag >>> 3 == 0) {
            throw new IOException("it has a field with the number " + Long.toUnsignedString(tag >>> 3));
        }
        return (int) tag;
    }

    private int size(int to) throws IOException {
        long size = varint(to);
        if (size < 0 || size > to - at) {
            throw new EOFException(
                    "it claims " + Long.toUnsignedString(size) + " bytes where " + (to - at) + " are left");
        }
        return (int) size;
    }

    private long varint(int to) throws IOException {
        if (at < to && in[at] >= 0) {
            return in[at++];
        }
        long value = 0;
        for (int shift = 0; shift < 63; shift += 7) {
            if (at >= to) {
                throw new EOFException("it ends early");
            }
            byte b = in[at++];
            value |= (long) (b & 0x7f) << shift;
            if (b >= 0) {
                return value;
            }
        }
        if (at >= to) {
            throw new EOFException("it ends early");
        }
        if (in[at++] != 1) {
            // one bit is left; readers do not agree on what else could be there
            throw new IOException("it holds a number of more than 64 bits");
        }
        return value | Long.MIN_VALUE;
    }

    private void skipSingle(int wireType, int to) throws IOException {
        switch (wireType) {
            case WireType.VARINT -> varint(to);
            case WireType.FIXED64 -> take(Long.BYTES, to);
            case WireType.DELIMITED -> {
                int size = size(to);
                at += size;
            }
            case WireType.FIXED32 -> take(Integer.BYTES, to);
            default -> throw new IOException("it holds wire type " + wireType + ", which does not exist here");
        }
    }

    private void take(int size, int to) throws EOFException {
        if (size > to - at) {
            throw new EOFException("it ends early");
        }
        at += size;
    }

    private void skip(int tag, int to) throws IOException {
        if ((tag & 7) == WireType.GROUP) {
            skipGroup(tag >>> 3, to);
        } else {
            skipSingle(tag & 7, to);
        }
    }

    /** Skips a group with those in it. @return where its contents end */
    private int skipGroup(int number, int to) throws IOException {
        int[] open = new int[MOST_GROUPS];
        int depth = 0;
        open[depth++] = number;
        int end = at;
        while (depth > 0) {
            end = at;
            int tag = tag(to);
            if ((tag & 7) == WireType.GROUP) {
                if (depth == MOST_GROUPS) {
                    throw new IOException("it has more than " + MOST_GROUPS + " groups nested in each other");
                }
                open[depth++] = tag >>> 3;
            } else if ((tag & 7) == WireType.END_GROUP) {
                if (open[--depth] != tag >>> 3) {
                    throw new IOException("it ends group " + (tag >>> 3) + " in group " + open[depth]);
                }
            } else {
                skipSingle(tag & 7, to);
            }
        }
        return end;
    }

    // ---- writing

    private void write(MessagePlan plan) throws IOException {
        for (FieldPlan field : plan.fields) {
            if (field.isRequired && (field.isSeveral ? field.first : field.begin) < 0) {
                throw new IOException(
                        "it lacks field " + field.field.name() + " of " + plan.message + ", which is required");
            }
            switch (field.form) {
                case SINGLE -> single(field);
                case LIST -> list(field);
                case MAP -> map(field, field.message(), false);
                case LEFT_OUT -> writeByte(0);
                default -> message(field, field.message());
            }
        }
    }

    private void single(FieldPlan field) throws IOException {
        boolean isAbsent = field.begin < 0;
        if (!field.isNullable) {
            value(field, field.begin, field.end);
        } else if (isAbsent && !field.isImplicit) {
            writeByte(0);
        } else {
            nullable(field, field.begin, field.end);
        }
    }

    /** Writes a value as one that could be null. */
    private void nullable(FieldPlan field, int begin, int end) throws IOException {
        if (field.type == ProtobufType.ENUM) {
            symbol(field, begin, RewrittenSchema.isDefaultFirst(field.field) ? 1 : 0);
        } else {
            writeBranch(1);
            value(field, begin, end);
        }
    }

    /** Writes a symbol, or null. @param branchOfNull which of the two branches is null */
    private void symbol(FieldPlan field, int begin, int branchOfNull) throws IOException {
        int place = 0;
        if (begin >= 0) {
            int found = Arrays.binarySearch(field.numbers, (int) varintAt(begin));
            place = found < 0 ? -1 : field.places[found];
        }
        if (place < 0) {
            writeBranch(branchOfNull);
        } else {
            writeBranch(1 - branchOfNull);
            writeLong(place);
        }
    }

    /** Writes a value. @param begin below 0 for the default of its type */
    private void value(FieldPlan field, int begin, int end) throws IOException {
        ProtobufType type = field.type;
        if (begin < 0) {
            int zeros = type == ProtobufType.DOUBLE ? Double.BYTES : type == ProtobufType.FLOAT ? Float.BYTES : 1;
            reserve(zeros);
            Arrays.fill(out, length, length + zeros, (byte) 0);
            length += zeros;
            return;
        }
        switch (type) {
            case DOUBLE -> copy(begin, Double.BYTES);
            case FLOAT -> copy(begin, Float.BYTES);
            case STRING, BYTES -> {
                writeLong(end - begin);
                copy(begin, end - begin);
            }
            case BOOL -> writeByte(varintAt(begin) == 0 ? 0 : 1);
            default -> writeLong(whole(type, begin));
        }
    }

    /** The whole number at a position. */
    private long whole(ProtobufType type, int begin) throws IOException {
        return switch (type) {
            case INT32, ENUM -> (int) varintAt(begin);
            case INT64, UINT64, BOOL -> varintAt(begin);
            case UINT32 -> varintAt(begin) & 0xffff_ffffL;
            case SINT32 -> {
                int zigzag = (int) varintAt(begin);
                yield zigzag >>> 1 ^ -(zigzag & 1);
            }
            case SINT64 -> {
                long zigzag = varintAt(begin);
                yield zigzag >>> 1 ^ -(zigzag & 1);
            }
            case FIXED32 -> (int) INT.get(in, begin) & 0xffff_ffffL;
            case SFIXED32 -> (int) INT.get(in, begin);
            case FIXED64, SFIXED64 -> (long) LONG.get(in, begin);
            default -> throw new IllegalArgumentException(type + " is no whole number");
        };
    }

    private long varintAt(int begin) throws IOException {
        at = begin;
        return varint(in.length);
    }

    private void list(FieldPlan field) throws IOException {
        int items = 0;
        for (int i = field.first; i >= 0; i = nexts[i]) {
            items += ends[i] < 0 ? packedItems(field, begins[i], ~ends[i]) : 1;
        }
        if (items > 0) {
            writeLong(items);
            for (int i = field.first; i >= 0; i = nexts[i]) {
                if (ends[i] < 0) {
                    packed(field, begins[i], ~ends[i]);
                } else {
                    item(field, begins[i], ends[i]);
                }
            }
        }
        writeByte(0);
    }

    private int packedItems(FieldPlan field, int begin, int end) throws IOException {
        int size = sizeOf(field.type);
        if (size > 0) {
            if ((end - begin) % size != 0) {
                throw new EOFException("field " + field.field.name() + " ends early");
            }
            return (end - begin) / size;
        }
        int items = 0;
        for (int i = begin; i < end; i++) {
            items += in[i] >= 0 ? 1 : 0;
        }
        return items;
    }

    /** How many bytes a value has; 0 if that depends on the value. */
    private static int sizeOf(ProtobufType type) {
        return switch (type.wireType()) {
            case WireType.FIXED32 -> Integer.BYTES;
            case WireType.FIXED64 -> Long.BYTES;
            default -> 0;
        };
    }

    private void packed(FieldPlan field, int begin, int end) throws IOException {
        int size = sizeOf(field.type);
        int next = begin;
        while (next < end) {
            int item = next;
            if (size > 0) {
                next += size;
            } else {
                at = item;
                varint(end);
                next = at;
            }
            item(field, item, next);
        }
    }

    private void item(FieldPlan field, int begin, int end) throws IOException {
        if (field.type == ProtobufType.ENUM) {
            symbol(field, begin, 0);
        } else {
            value(field, begin, end);
        }
    }

    private void message(FieldPlan field, MessagePlan message) throws IOException {
        if (field.first < 0 || message.isActive) {
            writeByte(0);
            return;
        }
        message.clear();
        message.isActive = true;
        try {
            // a message that is there several times is merged
            for (int i = field.first; i >= 0; i = nexts[i]) {
                scan(message, begins[i], ends[i]);
            }
            switch (field.form) {
                case TIME -> {
                    writeBranch(1);
                    writeLong(micros(seconds(message), nanos(message)));
                }
                case SECONDS -> {
                    writeBranch(1);
                    writeDouble(seconds(message) + nanos(message) / (double) NANOS);
                }
                case DECIMAL -> decimal(message.known(1), message.known(3));
                case WRAPPER -> {
                    writeBranch(1);
                    FieldPlan wrapped = message.known(1);
                    value(wrapped, wrapped.begin, wrapped.end);
                }
                case STRUCT -> {
                    writeBranch(1);
                    FieldPlan entries = message.known(1);
                    map(entries, entries.message(), true);
                }
                case ANY_VALUE -> anyValue(message);
                default -> {
                    writeBranch(1);
                    write(message);
                }
            }
        } finally {
            message.isActive = false;
        }
    }

    private void decimal(FieldPlan unscaled, FieldPlan scale) throws IOException {
        if (unscaled.begin < 0 || unscaled.begin == unscaled.end) {
            // without digits it says nothing
            writeByte(0);
            return;
        }
        int digits = scale.begin < 0 ? 0 : (int) varintAt(scale.begin);
        if (Math.abs((long) digits) > LARGEST_SCALE) {
            throw new IOException("it holds a decimal with a scale of " + digits);
        }
        writeBranch(1);
        writeDouble(ValueReaders.decimal(in, unscaled.begin, unscaled.end - unscaled.begin, digits));
    }

    private long seconds(MessagePlan message) throws IOException {
        FieldPlan field = message.known(1);
        return field.begin < 0 ? 0 : varintAt(field.begin);
    }

    private int nanos(MessagePlan message) throws IOException {
        FieldPlan field = message.known(2);
        return field.begin < 0 ? 0 : (int) varintAt(field.begin);
    }

    private static long micros(long seconds, int nanos) throws IOException {
        if (seconds < FIRST_SECOND || seconds > LAST_SECOND || nanos < 0 || nanos >= NANOS) {
            throw new IOException(
                    "it holds a Timestamp of " + seconds + " seconds and " + nanos + " nanoseconds, which is no time");
        }
        return seconds * 1_000_000 + nanos / 1000;
    }

    /** Writes a value of any type; lists and objects are null. */
    private void anyValue(MessagePlan message) throws IOException {
        for (int branch = 1; branch <= 3; branch++) {
            FieldPlan field = message.known(branch + 1);
            if (field.begin >= 0) {
                writeBranch(branch);
                value(field, field.begin, field.end);
                return;
            }
        }
        writeByte(0);
    }

    /** Writes a map. Of entries with the same key, the last one counts. @param ofAny whether values are of any type */
    private void map(FieldPlan field, MessagePlan entry, boolean ofAny) throws IOException {
        int entries = 0;
        int keysEnd = 0;
        FieldPlan key = entry.known(1);
        FieldPlan value = entry.known(2);
        for (int i = field.first; i >= 0; i = nexts[i]) {
            entry.clear();
            scan(entry, begins[i], ends[i]);
            if (entries == keyEnds.length) {
                int more = Math.max(16, 2 * entries);
                keyEnds = Arrays.copyOf(keyEnds, more);
                valueBegins = Arrays.copyOf(valueBegins, more);
                valueEnds = Arrays.copyOf(valueEnds, more);
                isKept = Arrays.copyOf(isKept, more);
            }
            keysEnd = key(key, keysEnd);
            keyEnds[entries] = keysEnd;
            valueBegins[entries] = ofAny ? value.first : value.begin;
            valueEnds[entries] = value.end;
            entries++;
        }
        int kept = keep(entries);
        if (kept > 0 && !ofAny) {
            writeLong(kept);
        }
        for (int i = 0; i < entries; i++) {
            if (!isKept[i]) {
                continue;
            }
            if (ofAny) {
                anyEntry(i, value.message());
            } else {
                writeKey(i);
                item(value, valueBegins[i], valueEnds[i]);
            }
        }
        writeByte(0);
    }

    /** Writes an entry whose value is of any type, unless it is a list or an object. */
    private void anyEntry(int entry, MessagePlan value) throws IOException {
        value.clear();
        for (int i = valueBegins[entry]; i >= 0; i = nexts[i]) {
            scan(value, begins[i], ends[i]);
        }
        if (value.known(5).first < 0 && value.known(6).first < 0) {
            writeLong(1);
            writeKey(entry);
            anyValue(value);
        }
    }

    private void writeKey(int entry) {
        int from = entry == 0 ? 0 : keyEnds[entry - 1];
        int size = keyEnds[entry] - from;
        writeLong(size);
        reserve(size);
        System.arraycopy(keys, from, out, length, size);
        length += size;
    }

    /** Appends a key as text. @return where it ends */
    private int key(FieldPlan key, int from) throws IOException {
        byte[] text;
        int begin;
        int size;
        if (key.type == ProtobufType.STRING) {
            text = in;
            begin = Math.max(0, key.begin);
            size = key.begin < 0 ? 0 : key.end - key.begin;
        } else {
            long number = key.begin < 0 ? 0 : whole(key.type, key.begin);
            text = (switch (key.type) {
                        case BOOL -> String.valueOf(number != 0);
                        case UINT64, FIXED64 -> Long.toUnsignedString(number);
                        default -> Long.toString(number);
                    })
                    .getBytes(StandardCharsets.US_ASCII);
            begin = 0;
            size = text.length;
        }
        if (keys.length - from < size) {
            keys = Arrays.copyOf(keys, Math.max(2 * keys.length, from + size));
        }
        System.arraycopy(text, begin, keys, from, size);
        return from + size;
    }

    /** Chooses the last entry of each key. @return how many there are */
    private int keep(int entries) {
        sets.beginSet();
        int kept = 0;
        for (int i = entries - 1; i >= 0; i--) {
            int from = i == 0 ? 0 : keyEnds[i - 1];
            isKept[i] = entries == 1 || sets.isNew(keys, from, keyEnds[i] - from);
            kept += isKept[i] ? 1 : 0;
        }
        return kept;
    }

    private void writeBranch(int branch) {
        writeByte(branch << 1);
    }

    private void writeByte(int b) {
        reserve(1);
        out[length++] = (byte) b;
    }

    private void writeLong(long number) {
        reserve(10);
        long rest = number << 1 ^ number >> 63;
        while ((rest & ~0x7fL) != 0) {
            out[length++] = (byte) (rest | 0x80);
            rest >>>= 7;
        }
        out[length++] = (byte) rest;
    }

    private void writeDouble(double number) {
        reserve(Double.BYTES);
        LONG.set(out, length, Double.doubleToRawLongBits(number));
        length += Double.BYTES;
    }

    private void copy(int from, int size) {
        reserve(size);
        System.arraycopy(in, from, out, length, size);
        length += size;
    }

    private void reserve(int size) {
        if (out.length - length < size) {
            out = Arrays.copyOf(out, Math.max(2 * out.length, length + size));
        }
    }
}
