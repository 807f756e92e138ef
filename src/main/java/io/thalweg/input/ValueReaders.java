package io.thalweg.input;

import io.thalweg.input.ValueSinks.FlagSink;
import io.thalweg.input.ValueSinks.MissingSink;
import io.thalweg.input.ValueSinks.NumberSink;
import io.thalweg.input.ValueSinks.TextSink;
import io.thalweg.input.ValueSinks.WholeSink;
import io.thalweg.math.Rejection;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.jspecify.annotations.Nullable;

/** Creates readers of single values: null, booleans, numbers, text, enums and decimals. */
final class ValueReaders {
    private static final int LARGEST_DECIMAL = 64;
    private static final double[] POWERS_OF_TEN = new double[23];

    static {
        for (int i = 0; i < POWERS_OF_TEN.length; i++) {
            POWERS_OF_TEN[i] = Double.parseDouble("1e" + i);
        }
    }

    private ValueReaders() {}

    /**
     * Creates a reader of a single value.
     *
     * @return null if the sinks cannot use a value of this type
     */
    static @Nullable ValueReader of(Schema schema, ValueSinks sinks) {
        NumberSink number = sinks.number();
        WholeSink whole = sinks.whole();
        TextSink digits = sinks.digits();
        FlagSink flag = sinks.flag();
        TextSink text = sinks.text();
        MissingSink missing = sinks.missing();
        return switch (schema.getType()) {
            case NULL -> missing == ValueSinks.IGNORED || SchemaMarks.isAbsent(schema) ? null : in -> missing.take();
            case BOOLEAN -> flag == null ? null : in -> flag.take(in.readBoolean());
            case INT, LONG ->
                whole == null
                        ? null
                        : SchemaMarks.isUnsigned(schema)
                                ? unsigned(whole, number, digits)
                                : in -> whole.take(in.readLong());
            case FLOAT -> number == null ? null : in -> number.take(in.readFloat());
            case DOUBLE -> number == null ? null : in -> number.take(in.readDouble());
            case STRING ->
                text == null
                        ? null
                        : in -> {
                            int from = in.passText();
                            text.take(in.record(), from, in.position() - from);
                        };
            case ENUM -> text == null ? null : symbols(schema, text);
            case BYTES, FIXED ->
                number == null || !isDecimal(schema)
                        ? null
                        : whole == null || digits == null || scale(schema) != 0
                                ? decimal(schema, number)
                                : wholeDecimal(schema, whole, digits);
            default -> null;
        };
    }

    /**
     * Creates a reader of a union.
     *
     * @param readers one for each branch
     */
    static ValueReader union(ValueReader[] readers) {
        return in -> {
            int branch = in.readIndex();
            if (branch < 0 || branch >= readers.length) {
                throw new AvroRuntimeException("it claims branch " + branch + " of a union of " + readers.length);
            }
            readers[branch].read(in);
        };
    }

    /** The branches of a union, or the schema itself if it is not a union. */
    static List<Schema> branchesOf(Schema schema) {
        return schema.getType() == Schema.Type.UNION ? schema.getTypes() : List.of(schema);
    }

    /** Creates a reader of whole numbers without a sign. Those above the largest long are used as in JSON. */
    private static ValueReader unsigned(WholeSink whole, @Nullable NumberSink number, @Nullable TextSink digits) {
        return in -> {
            long bits = in.readLong();
            if (bits >= 0) {
                whole.take(bits);
            } else if (digits != null) {
                take(Long.toUnsignedString(bits), digits);
            } else if (number != null) {
                // half of it, which has a sign; the last bit is kept for rounding
                number.take((bits >>> 1 | bits & 1) * 2.0);
            }
        };
    }

    private static void take(String number, TextSink digits) throws Rejection {
        byte[] ascii = number.getBytes(StandardCharsets.US_ASCII);
        digits.take(ascii, 0, ascii.length);
    }

    static boolean isDecimal(Schema schema) {
        return schema.getLogicalType() instanceof LogicalTypes.Decimal;
    }

    private static ValueReader symbols(Schema schema, TextSink text) {
        byte[][] symbols = schema.getEnumSymbols().stream()
                .map(symbol -> symbol.getBytes(StandardCharsets.UTF_8))
                .toArray(byte[][]::new);
        return in -> {
            int symbol = in.readEnum();
            if (symbol < 0 || symbol >= symbols.length) {
                throw new AvroRuntimeException("it claims symbol " + symbol + " of an enum of " + symbols.length);
            }
            text.take(symbols[symbol], 0, symbols[symbol].length);
        };
    }

    private static int scale(Schema decimal) {
        return ((LogicalTypes.Decimal) decimal.getLogicalType()).getScale();
    }

    private static ValueReader decimal(Schema schema, NumberSink number) {
        int scale = scale(schema);
        int fixed = fixedSize(schema);
        return in -> {
            int from = passDecimal(in, fixed);
            number.take(decimal(in.record(), from, in.position() - from, scale));
        };
    }

    /** Creates a reader of decimals without places, for sinks that need all digits. */
    private static ValueReader wholeDecimal(Schema schema, WholeSink whole, TextSink digits) {
        int fixed = fixedSize(schema);
        return in -> {
            int from = passDecimal(in, fixed);
            int length = in.position() - from;
            checkLength(length);
            BigInteger number = new BigInteger(in.record(), from, length);
            if (number.bitLength() < Long.SIZE) {
                whole.take(number.longValue());
            } else {
                take(number.toString(), digits);
            }
        };
    }

    /** The size of a decimal that is fixed; below 0 if its length is in the record. */
    private static int fixedSize(Schema schema) {
        return schema.getType() == Schema.Type.FIXED ? schema.getFixedSize() : -1;
    }

    /** Passes a decimal. Returns where it begins. */
    private static int passDecimal(BoundedDecoder in, int fixed) throws IOException {
        if (fixed < 0) {
            return in.passText();
        }
        int from = in.position();
        in.skipFixed(fixed);
        return from;
    }

    private static void checkLength(int length) {
        if (length == 0 || length > LARGEST_DECIMAL) {
            throw new AvroRuntimeException("it contains a decimal of " + length + " bytes");
        }
    }

    /** Converts a decimal to the nearest double. */
    static double decimal(byte[] bytes, int from, int length, int scale) {
        checkLength(length);
        if (length <= 8) {
            long unscaled = bytes[from];
            for (int i = 1; i < length; i++) {
                unscaled = unscaled << 8 | bytes[from + i] & 0xff;
            }
            if (Math.abs(unscaled) < 1L << 53 && scale >= 0 && scale < POWERS_OF_TEN.length) {
                // both numbers are exact doubles, so the quotient is rounded once
                return unscaled / POWERS_OF_TEN[scale];
            }
        }
        return new BigDecimal(new BigInteger(bytes, from, length), scale).doubleValue();
    }
}
