package io.thalweg.input;

import org.apache.avro.Schema;

/** Marks on Avro schemas that stand for those of other formats: what the types of Avro do not tell apart. */
final class SchemaMarks {
    private static final String ABSENT = "thalweg.absent";
    private static final String UNSIGNED = "thalweg.unsigned";

    private SchemaMarks() {}

    /** The type of a null that says nothing, not even that a value is missing. */
    static Schema absent() {
        Schema absent = Schema.create(Schema.Type.NULL);
        absent.addProp(ABSENT, true);
        return absent;
    }

    /** The type of whole numbers of 64 bits without a sign. */
    static Schema unsigned() {
        Schema unsigned = Schema.create(Schema.Type.LONG);
        unsigned.addProp(UNSIGNED, true);
        return unsigned;
    }

    /** Whether this, or a branch of this union, is the type of a null that says nothing. */
    static boolean isAbsent(Schema schema) {
        return ValueReaders.branchesOf(schema).stream()
                .anyMatch(branch -> branch.getType() == Schema.Type.NULL && branch.getObjectProp(ABSENT) != null);
    }

    /** Whether this is the type of whole numbers without a sign. */
    static boolean isUnsigned(Schema schema) {
        return schema.getType() == Schema.Type.LONG && schema.getObjectProp(UNSIGNED) != null;
    }
}
