package io.thalweg.input;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.io.JsonEOFException;
import com.fasterxml.jackson.core.json.DupDetector;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.config.ValueFormat;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.regex.Pattern;
import org.apache.kafka.common.header.Headers;

/**
 * The JSON in values of records, as the tokens of Jackson's parser. Depth and the length of numbers are limited, so
 * that no value takes much more time or memory than its length. Not thread-safe.
 */
final class JsonInput {
    /** How many objects and lists may be nested. Deeper ones are damaged, or were made to exhaust the stack. */
    static final int DEEPEST = 500;

    /** The longest number, in characters: as long as text can be that is read as a number. */
    private static final int LONGEST_NUMBER = 512;

    /** What precedes a value that Confluent's JSON Schema serializer wrote: a zero byte and four bytes of an id. */
    private static final int FRAME = 5;

    /** Texts that are longer do not stay in memory after their record. */
    private static final int KEPT = 1 << 16;

    private static final JsonFactory FACTORY = factory(true);

    /** Without the table of the names that were read, which takes longer to extend than to do without. */
    private static final JsonFactory OF_MANY_NAMES = factory(false);

    private static JsonFactory factory(boolean remembersNames) {
        return JsonFactory.builder()
                .streamReadConstraints(StreamReadConstraints.builder()
                        .maxNestingDepth(DEEPEST)
                        .maxNumberLength(LONGEST_NUMBER)
                        // the two parsers count it in other units; records are not longer than a setting allows
                        .maxNameLength(Integer.MAX_VALUE)
                        .build())
                // names can be anything, and there can be many; the text is UTF-8, as everywhere in Kafka
                .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
                .disable(JsonFactory.Feature.CHARSET_DETECTION)
                .enable(StreamReadFeature.USE_FAST_DOUBLE_PARSER)
                // as Python writes them
                .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
                .configure(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES, remembersNames)
                .build();
    }

    /** What the parser says of its own options, which nobody here can set. */
    private static final Pattern OPTIONS_OF_PARSER =
            Pattern.compile(", from `[^`]*`|,? ?\\(?start marker at .*|: enable `.*| \\(not recognized as .*");

    private boolean namesAreData;
    private byte[] text = new byte[256];
    private int textEnd;

    /** Notes that values have ever new names. */
    void namesAreData() {
        namesAreData = true;
    }

    /**
     * Creates a parser of a part of a value. It has to be closed.
     *
     * @throws Rejection if the part is not UTF-8. The parsers differ in what else they let pass, and which of them
     *     reads a value depends on the values before, which a replay may not have read
     */
    JsonParser open(byte[] value, int from, int to) throws IOException, Rejection {
        checkUtf8(value, from, to);
        if (text.length > KEPT) {
            text = new byte[256];
        }
        textEnd = 0;
        return namesAreData
                // by way of a reader, because only that parser can do without the table
                ? OF_MANY_NAMES.createParser(new InputStreamReader(
                        new ByteArrayInputStream(value, from, to - from), StandardCharsets.UTF_8.newDecoder()))
                : FACTORY.createParser(value, from, to - from);
    }

    /** @throws Rejection if a part of a value is not UTF-8 */
    static void checkUtf8(byte[] value, int from, int to) throws Rejection {
        int i = from;
        while (i < to && value[i] >= 0) {
            i++;
        }
        if (i == to) {
            return;
        }
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(value, i, to - i));
        } catch (CharacterCodingException e) {
            throw new Rejection(Reason.UNREADABLE, "the value is not JSON: it is not UTF-8");
        }
    }

    /**
     * Creates a parser that knows at which byte it is, of a part that is UTF-8 or not. It accepts no name twice in an
     * object, wherever that is. It has to be closed.
     */
    JsonParser openBytes(byte[] value, int from, int to) throws IOException {
        return FACTORY.createParser(value, from, to - from).enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION);
    }

    /** Where the JSON in a value begins: behind the frame of the JSON Schema serializer, or a byte order mark. */
    static int begin(byte[] value) {
        if (value.length > FRAME && value[0] == 0) {
            return FRAME;
        }
        boolean marked =
                value.length > 2 && value[0] == (byte) 0xef && value[1] == (byte) 0xbb && value[2] == (byte) 0xbf;
        return marked ? 3 : 0;
    }

    /** The texts that were read, as UTF-8; valid until the next one is read. */
    byte[] text() {
        return text;
    }

    /** Where the texts that were read end. */
    int textEnd() {
        return textEnd;
    }

    /** Forgets the texts that were read. */
    void clearText() {
        textEnd = 0;
    }

    /**
     * Adds the text at the parser to {@link #text}.
     *
     * @return where it begins; it ends at {@link #textEnd}
     * @throws Rejection if it contains half of a surrogate pair, which is no text
     */
    int readText(JsonParser in) throws IOException, Rejection {
        char[] chars = in.getTextCharacters();
        int at = in.getTextOffset();
        int end = at + in.getTextLength();
        int start = textEnd;
        if (text.length - textEnd < 3 * (end - at)) {
            text = Arrays.copyOf(text, Math.max(2 * text.length, textEnd + 3 * (end - at)));
        }
        byte[] into = text;
        int to = textEnd;
        while (at < end) {
            char c = chars[at++];
            if (c < 0x80) {
                into[to++] = (byte) c;
            } else if (!Character.isSurrogate(c)) {
                to = writeUtf8(c, into, to);
            } else {
                if (at == end || !Character.isSurrogatePair(c, chars[at])) {
                    throw halfCharacter();
                }
                to = writeUtf8(Character.toCodePoint(c, chars[at++]), into, to);
            }
        }
        textEnd = to;
        return start;
    }

    /** Adds ASCII to {@link #text}. Returns where it begins. */
    int addText(String ascii) {
        int start = textEnd;
        byte[] more = ascii.getBytes(StandardCharsets.US_ASCII);
        if (text.length - start < more.length) {
            text = Arrays.copyOf(text, 2 * (start + more.length));
        }
        System.arraycopy(more, 0, text, start, more.length);
        textEnd = start + more.length;
        return start;
    }

    /**
     * Checks a name, as only one of the two parsers does.
     *
     * @throws Rejection if it contains half of a surrogate pair, which is no text
     */
    static void checkName(String name) throws Rejection {
        int i = 0;
        while (i < name.length()) {
            int point = name.codePointAt(i);
            if (point >= Character.MIN_SURROGATE && point <= Character.MAX_SURROGATE) {
                throw halfCharacter();
            }
            i += Character.charCount(point);
        }
    }

    private static Rejection halfCharacter() {
        return new Rejection(Reason.UNREADABLE, "the value is not JSON: text contains half a character");
    }

    /**
     * Writes a character as UTF-8.
     *
     * @param point not half of a surrogate pair
     * @return where it ends
     */
    static int writeUtf8(int point, byte[] into, int from) {
        int to = from;
        if (point < 0x80) {
            into[to++] = (byte) point;
        } else if (point < 0x800) {
            into[to++] = (byte) (0xc0 | point >> 6);
            into[to++] = (byte) (0x80 | point & 0x3f);
        } else if (point < 0x10000) {
            into[to++] = (byte) (0xe0 | point >> 12);
            into[to++] = (byte) (0x80 | point >> 6 & 0x3f);
            into[to++] = (byte) (0x80 | point & 0x3f);
        } else {
            into[to++] = (byte) (0xf0 | point >> 18);
            into[to++] = (byte) (0x80 | point >> 12 & 0x3f);
            into[to++] = (byte) (0x80 | point >> 6 & 0x3f);
            into[to++] = (byte) (0x80 | point & 0x3f);
        }
        return to;
    }

    /** @throws Rejection if the next token does not begin an object */
    static void beginObject(JsonParser in) throws IOException, Rejection {
        JsonToken first = in.nextToken();
        if (first != JsonToken.START_OBJECT) {
            throw new Rejection(
                    Reason.UNREADABLE,
                    first == null ? "the value is empty, and not a JSON object" : "the value is not a JSON object");
        }
    }

    /** @throws Rejection if something follows */
    static void end(JsonParser in) throws IOException, Rejection {
        if (in.nextToken() != null) {
            throw new Rejection(Reason.UNREADABLE, "the value is not one JSON object: more follows after its end");
        }
    }

    /**
     * Passes the value at the parser, up to its last token.
     *
     * @throws Rejection if an object in it has a name twice, or one that is no text. The parser itself does not look,
     *     as those who use the values see it
     */
    static void skip(JsonParser in) throws IOException, Rejection {
        if (in.currentToken() == JsonToken.START_OBJECT) {
            DupDetector names = DupDetector.rootDetector(in);
            for (String name = in.nextFieldName(); name != null; name = in.nextFieldName()) {
                if (names.isDup(name)) {
                    throw twice(name);
                }
                checkName(name);
                in.nextToken();
                skip(in);
            }
        } else if (in.currentToken() == JsonToken.START_ARRAY) {
            while (in.nextToken() != JsonToken.END_ARRAY) {
                skip(in);
            }
        }
    }

    /** The rejection of a value that the parser cannot read. */
    static Rejection unreadable(Exception thrown) {
        String why = thrown instanceof JsonEOFException
                ? "it ends early"
                : thrown instanceof JsonProcessingException json ? json.getOriginalMessage() : thrown.getMessage();
        return new Rejection(
                Reason.UNREADABLE,
                "the value is not JSON: "
                        + ExampleDecoder.brief(
                                OPTIONS_OF_PARSER.matcher(String.valueOf(why)).replaceAll("")));
    }

    /**
     * Adds to the rejection of a value that it was probably written with a schema, if it was.
     *
     * @param areLabels whether it is one of the labels topic
     */
    static Rejection withFormat(Rejection rejection, byte[] value, Headers headers, boolean areLabels) {
        int begin = begin(value);
        boolean isLikeJson = value.length > begin && value[begin] == '{';
        boolean isNamed = begin == FRAME || headers.lastHeader(SchemaLocator.VALUE_HEADER) != null;
        if (rejection.reason() != Reason.UNREADABLE || isLikeJson || !isNamed) {
            return rejection;
        }
        return new Rejection(
                Reason.UNREADABLE,
                "%s; it names a schema, so if the topic holds Avro, set %s=%s"
                        .formatted(
                                rejection.getMessage(),
                                areLabels ? ThalwegConfig.LABELS_FORMAT : ThalwegConfig.EXAMPLES_FORMAT,
                                ValueFormat.AVRO));
    }

    /** The rejection of a value in which a name is there twice. */
    static Rejection twice(String name) {
        return new Rejection(Reason.UNREADABLE, "the value has field " + ExampleDecoder.brief(name) + " twice");
    }
}
