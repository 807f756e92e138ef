package io.thalweg.input;

import io.thalweg.math.Rejection;
import org.jspecify.annotations.Nullable;

/**
 * The sinks for the single values of a field, one for each type of value. A sink is null if the field cannot use values
 * of its type.
 *
 * @param digits takes a whole number that no long holds, as its digits; null if it is used as a double
 */
record ValueSinks(
        @Nullable NumberSink number,
        @Nullable WholeSink whole,
        @Nullable TextSink digits,
        @Nullable FlagSink flag,
        @Nullable TextSink text,
        MissingSink missing) {
    /** A sink that ignores nulls. */
    static final MissingSink IGNORED = () -> {};

    private static final byte[] TRUE = {'t', 'r', 'u', 'e'};
    private static final byte[] FALSE = {'f', 'a', 'l', 's', 'e'};

    /** Takes a number with a fraction. */
    interface NumberSink {
        void take(double number) throws Rejection;
    }

    /** Takes a whole number. */
    interface WholeSink {
        void take(long number) throws Rejection;
    }

    /** Takes a boolean. */
    interface FlagSink {
        void take(boolean flag) throws Rejection;
    }

    /** Takes text, at its position in the record. */
    interface TextSink {
        void take(byte[] utf8, int from, int length) throws Rejection;
    }

    /** Takes a null: of the field itself, or of a record that contains it. */
    interface MissingSink {
        void take() throws Rejection;
    }

    /** Creates a sink that passes a boolean on as the text "true" or "false". */
    static FlagSink asText(TextSink text) {
        return flag -> {
            byte[] word = flag ? TRUE : FALSE;
            text.take(word, 0, word.length);
        };
    }
}
