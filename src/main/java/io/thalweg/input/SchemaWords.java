package io.thalweg.input;

import org.apache.avro.Schema;

/** The words that messages use for Avro's types. */
final class SchemaWords {
    private SchemaWords() {}

    /** A type with its article, such as "an array of string". */
    static String a(Schema schema) {
        String words = words(schema);
        return ("aeiou".indexOf(words.charAt(0)) >= 0 ? "an " : "a ") + words;
    }

    /** A type, such as "array of string". */
    static String words(Schema schema) {
        if (schema.getLogicalType() != null) {
            return schema.getLogicalType().getName();
        }
        return switch (schema.getType()) {
            case ARRAY -> "array of " + words(schema.getElementType());
            case MAP -> "map of " + words(schema.getValueType());
            case RECORD -> "record";
            case UNION ->
                String.join(
                        " or ",
                        schema.getTypes().stream().map(SchemaWords::words).toList());
            default -> schema.getType().getName();
        };
    }
}
