package io.thalweg.input;

import io.thalweg.math.Rejection;

/**
 * The places that the single values of a field go to, one for each type of value. One is null if the field cannot use
 * values of its type.
 */
record ValueSinks(NumberSink number, WholeSink whole, FlagSink flag, TextSink text, MissingSink missing) {
    /** Takes a null and does nothing with it. */
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

    /** Takes text where it lies in the record. */
    interface TextSink {
        void take(byte[] utf8, int from, int length) throws Rejection;
    }

    /** Takes a null: of the field, or of a record that the field is in. */
    interface MissingSink {
        void take() throws Rejection;
    }

    /** A sink that takes a boolean as the text "true" or "false". */
    static FlagSink asText(TextSink text) {
        return flag -> {
            byte[] word = flag ? TRUE : FALSE;
            text.take(word, 0, word.length);
        };
    }
}
