package io.thalweg.input;

import java.util.Locale;

/** The types of the fields of Protobuf messages. */
public enum ProtobufType {
    DOUBLE(WireType.FIXED64),
    FLOAT(WireType.FIXED32),
    INT32(WireType.VARINT),
    INT64(WireType.VARINT),
    UINT32(WireType.VARINT),
    UINT64(WireType.VARINT),
    SINT32(WireType.VARINT),
    SINT64(WireType.VARINT),
    FIXED32(WireType.FIXED32),
    FIXED64(WireType.FIXED64),
    SFIXED32(WireType.FIXED32),
    SFIXED64(WireType.FIXED64),
    BOOL(WireType.VARINT),
    STRING(WireType.DELIMITED),
    BYTES(WireType.DELIMITED),
    ENUM(WireType.VARINT),
    MESSAGE(WireType.DELIMITED);

    /** How values are written, with the numbers of the wire format. */
    static final class WireType {
        static final int VARINT = 0;
        static final int FIXED64 = 1;
        static final int DELIMITED = 2;
        static final int GROUP = 3;
        static final int END_GROUP = 4;
        static final int FIXED32 = 5;

        private WireType() {}
    }

    private final int wireType;

    ProtobufType(int wireType) {
        this.wireType = wireType;
    }

    /** How values of this type are written. */
    int wireType() {
        return wireType;
    }

    /** Whether the values of a repeated field can be written as one value. */
    boolean isPackable() {
        return wireType != WireType.DELIMITED;
    }

    /** The word for it in schemas. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
