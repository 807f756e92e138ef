package io.thalweg.mapping;

import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import java.util.Arrays;

/**
 * Turns the values of one field into features. It is told what an event contains, and adds the features to a {@link
 * FeatureCollector}. A field may have several values, each of which it is told.
 */
public final class FieldEncoder {
    private static final byte[] MISSING = Numbers.ascii(":missing");

    private final FeatureCollector collector;
    private final String field;
    private final boolean emitted;
    private final int operand;
    private final Buckets buckets;
    private final CategorySample sample;
    /** Whether no more categories are needed for the sample. */
    private boolean isSampled;

    /** The name of the feature, and an equals sign. */
    private byte[] prefix;

    private int nameLength;
    private final int fieldLength;

    /** The same for a category whose name has equals signs of its own, which are masked. */
    private byte[] masked = {};
    /** How many of these bytes count; 0 if nothing has to be masked. */
    private int maskedLength;

    private final byte[] digits = new byte[20];

    /**
     * @param emitted whether the field is a feature by itself
     * @param operand its position among the values that are crossed; below 0 if it is in no cross
     * @param sample receives the first categories; null if nothing does
     */
    FieldEncoder(
            FeatureCollector collector,
            String field,
            boolean emitted,
            int operand,
            Buckets buckets,
            CategorySample sample) {
        this.sample = sample;
        isSampled = !emitted || sample == null;
        this.collector = collector;
        this.field = field;
        this.emitted = emitted;
        this.operand = operand;
        this.buckets = buckets;
        prefix = Numbers.ascii(field + "=");
        nameLength = prefix.length - 1;
        fieldLength = nameLength;
        mask();
    }

    /**
     * Adds a number.
     *
     * @throws Rejection if it is not finite and the feature would not show that
     */
    public void number(double value) throws Rejection {
        if (buckets == null) {
            add(prefix, nameLength, prefix, 0, 0, value);
            return;
        }
        if (!Double.isFinite(value)) {
            throw new Rejection(Reason.NOT_FINITE, "field " + field + " is " + value + "; it must be finite");
        }
        byte[] range = buckets.of(value);
        addCategory(range, 0, range.length);
    }

    /** Adds a whole number as a category. */
    public void category(long number) throws Rejection {
        category(digits, 0, Numbers.write(number, digits));
    }

    /** Adds a number as a category. */
    public void category(double number) throws Rejection {
        if (!Double.isFinite(number)) {
            throw new Rejection(Reason.NOT_FINITE, "field " + field + " is " + number + "; it must be finite");
        }
        byte[] text = Numbers.ascii(Numbers.text(number));
        category(text, 0, text.length);
    }

    /**
     * Adds text as a category. The feature is named after the field, an equals sign and the text. An equals sign in the
     * name of the field or of a key has a backslash before it, and a backslash before an equals sign is doubled, so
     * that no two categories have the same name: {@code a\=b=c} and {@code a=b=c}.
     *
     * @param utf8 contains it as UTF-8; it is copied
     */
    public void category(byte[] utf8, int from, int length) throws Rejection {
        if (!isSampled) {
            sample.add(utf8, from, length);
            isSampled = sample.isComplete();
        }
        addCategory(utf8, from, length);
    }

    private void addCategory(byte[] utf8, int from, int length) throws Rejection {
        if (maskedLength > 0) {
            add(masked, maskedLength, utf8, from, length, 1);
        } else {
            add(prefix, nameLength + 1, utf8, from, length, 1);
        }
    }

    /**
     * Adds text that is written as a number, or says that there is none.
     *
     * @throws Rejection if it is not a number
     */
    public void parse(String text) throws Rejection {
        double number = Numbers.parse(text.strip());
        if (Double.isNaN(number) && Numbers.isMissing(text.strip())) {
            missing();
            return;
        }
        if (Double.isNaN(number)) {
            throw new Rejection(
                    Reason.BAD_VALUE,
                    "field " + field + " contains text that is not a number, but is listed in " + Mapping.NUMERIC);
        }
        number(number);
    }

    /** Adds the feature for a value that is null or empty. */
    public void missing() throws Rejection {
        add(prefix, nameLength, MISSING, 0, MISSING.length, 1);
    }

    /** Says that the next value is at a key of the field: {@code field.key}. */
    public void at(byte[] utf8, int from, int length) {
        reserve(length + 2);
        prefix[fieldLength] = '.';
        System.arraycopy(utf8, from, prefix, fieldLength + 1, length);
        nameLength = fieldLength + 1 + length;
        prefix[nameLength] = '=';
        mask();
    }

    /** Says that the next value is at an index of the field: {@code field[0]}. */
    public void at(int place) {
        reserve(16);
        int length = Numbers.write(place, digits);
        prefix[fieldLength] = '[';
        System.arraycopy(digits, 0, prefix, fieldLength + 1, length);
        prefix[fieldLength + 1 + length] = ']';
        nameLength = fieldLength + 2 + length;
        prefix[nameLength] = '=';
        mask();
    }

    /** Says that the next value is of the field itself again. */
    public void whole() {
        nameLength = fieldLength;
        prefix[nameLength] = '=';
        mask();
    }

    /** Masks the equals signs of the name. */
    private void mask() {
        maskedLength = 0;
        if (!needsMask()) {
            return;
        }
        if (masked.length <= 2 * nameLength + 1) {
            masked = new byte[2 * nameLength + 2];
        }
        for (int i = 0; i <= nameLength; i++) {
            if (prefix[i] == '=') {
                for (int before = i - 1; before >= 0 && prefix[before] == '\\'; before--) {
                    masked[maskedLength++] = '\\';
                }
                if (i < nameLength) {
                    masked[maskedLength++] = '\\';
                }
            }
            masked[maskedLength++] = prefix[i];
        }
    }

    private boolean needsMask() {
        for (int i = 0; i < nameLength; i++) {
            if (prefix[i] == '=') {
                return true;
            }
        }
        return nameLength > 0 && prefix[nameLength - 1] == '\\';
    }

    private void reserve(int more) {
        if (fieldLength + more > prefix.length) {
            prefix = Arrays.copyOf(prefix, Math.max(2 * prefix.length, fieldLength + more));
        }
    }

    private void add(byte[] name, int nameLength, byte[] rest, int from, int length, double value) throws Rejection {
        if (emitted) {
            collector.add(name, nameLength, rest, from, length, value);
        }
        if (operand >= 0) {
            collector.addOperand(operand, name, nameLength, rest, from, length, value);
        }
    }
}
