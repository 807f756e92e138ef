package io.thalweg.registry;

import com.squareup.wire.Syntax;
import com.squareup.wire.schema.Field;
import com.squareup.wire.schema.Location;
import com.squareup.wire.schema.internal.parser.EnumConstantElement;
import com.squareup.wire.schema.internal.parser.EnumElement;
import com.squareup.wire.schema.internal.parser.FieldElement;
import com.squareup.wire.schema.internal.parser.GroupElement;
import com.squareup.wire.schema.internal.parser.MessageElement;
import com.squareup.wire.schema.internal.parser.OneOfElement;
import com.squareup.wire.schema.internal.parser.ProtoFileElement;
import com.squareup.wire.schema.internal.parser.ProtoParser;
import com.squareup.wire.schema.internal.parser.TypeElement;
import io.thalweg.input.ProtobufField;
import io.thalweg.input.ProtobufMessage;
import io.thalweg.input.ProtobufPresence;
import io.thalweg.input.ProtobufSchema;
import io.thalweg.input.ProtobufType;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A parser of Protobuf schemas. Wire parses the text, and types are looked up here: only those that a field has must be
 * known, so that files which are imported for options need not be there.
 */
public final class ProtobufParser {
    private static final Pattern MAP = Pattern.compile("map\\s*<\\s*(\\w+)\\s*,\\s*([\\w.]+)\\s*>");
    private static final int LARGEST_NUMBER = (1 << 29) - 1;

    private final Map<String, String> references;
    private final Set<String> files = new HashSet<>();
    private final Map<String, DeclaredType> types = new HashMap<>();
    private final Map<String, ProtobufMessage> messages = new HashMap<>();

    /** A type and the syntax of the file that declares it. */
    private record DeclaredType(TypeElement element, boolean isProto3) {}

    private ProtobufParser(Map<String, String> references) {
        this.references = references;
    }

    /**
     * Parses a schema.
     *
     * @param text the file of the schema
     * @param references the texts of the files that it imports, directly or not, by the names that it imports them by;
     *     those that come with Protobuf may be missing
     * @throws IllegalArgumentException if it is not a schema, or a type is not declared, in one line
     */
    public static ProtobufSchema parse(String text, Map<String, String> references) {
        ProtobufParser parser = new ProtobufParser(references);
        try {
            return parser.schema(text);
        } catch (StackOverflowError e) {
            throw new IllegalArgumentException("its messages are nested too deeply", e);
        }
    }

    private ProtobufSchema schema(String text) {
        ProtoFileElement main = load("schema", text);
        references.forEach(this::loadOnce);
        String scope = main.getPackageName() == null ? "" : main.getPackageName();
        return new ProtobufSchema(main.getTypes().stream()
                .filter(MessageElement.class::isInstance)
                .map(type -> message(join(scope, type.getName())))
                .toList());
    }

    private void loadOnce(String path, String text) {
        if (files.add(path)) {
            load(path, text);
        }
    }

    private ProtoFileElement load(String path, String text) {
        ProtoFileElement file;
        try {
            file = ProtoParser.Companion.parse(Location.get(path), text);
        } catch (IllegalStateException | IllegalArgumentException | IndexOutOfBoundsException e) {
            throw new IllegalArgumentException(
                    String.valueOf(e.getMessage()).lines().findFirst().orElse("it is no schema"), e);
        }
        declare(
                file.getPackageName() == null ? "" : file.getPackageName(),
                file.getTypes(),
                file.getSyntax() == Syntax.PROTO_3);
        file.getImports().forEach(this::importFile);
        file.getPublicImports().forEach(this::importFile);
        return file;
    }

    private void importFile(String path) {
        String text = references.get(path);
        if (text == null) {
            text = text(path);
        }
        if (text != null) {
            loadOnce(path, text);
        }
    }

    /** The text of a file that every reader is expected to know; null if it is another one. */
    private static String text(String path) {
        try (InputStream in = path.startsWith("google/protobuf/")
                ? ProtoParser.class.getClassLoader().getResourceAsStream(path)
                : path.startsWith("google/type/")
                        ? ProtobufParser.class.getResourceAsStream("google-type.proto")
                        : path.startsWith("confluent/type/")
                                ? ProtobufParser.class.getResourceAsStream("confluent-type.proto")
                                : null) {
            return in == null ? null : new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException("reading " + path + " from the class path", e);
        }
    }

    private void declare(String scope, List<TypeElement> declared, boolean isProto3) {
        for (TypeElement type : declared) {
            String name = join(scope, type.getName());
            types.put(name, new DeclaredType(type, isProto3));
            declare(name, type.getNestedTypes(), isProto3);
            if (type instanceof MessageElement message) {
                declareGroups(name, message.getGroups(), isProto3);
                message.getOneOfs().forEach(oneof -> declareGroups(name, oneof.getGroups(), isProto3));
            }
        }
    }

    /** A group is a message and a field of it at once. */
    private void declareGroups(String scope, List<GroupElement> groups, boolean isProto3) {
        for (GroupElement group : groups) {
            MessageElement message = new MessageElement(
                    group.getLocation(),
                    group.getName(),
                    "",
                    List.of(),
                    List.of(),
                    List.of(),
                    group.getFields(),
                    List.of(),
                    List.of(),
                    List.of(),
                    List.of());
            types.put(join(scope, group.getName()), new DeclaredType(message, isProto3));
        }
    }

    private static String join(String scope, String name) {
        return scope.isEmpty() ? name : scope + "." + name;
    }

    private ProtobufMessage message(String name) {
        ProtobufMessage known = messages.get(name);
        if (known != null) {
            return known;
        }
        ProtobufMessage message = new ProtobufMessage(name);
        messages.put(name, message);
        DeclaredType declared = types.get(name);
        MessageElement element = (MessageElement) declared.element;
        List<FieldInSchema> found = new ArrayList<>();
        element.getFields().forEach(field -> found.add(FieldInSchema.of(field, -1)));
        element.getGroups().forEach(group -> found.add(FieldInSchema.of(group, -1)));
        for (int i = 0; i < element.getOneOfs().size(); i++) {
            int oneof = i;
            OneOfElement alternatives = element.getOneOfs().get(i);
            alternatives.getFields().forEach(field -> found.add(FieldInSchema.of(field, oneof)));
            alternatives.getGroups().forEach(group -> found.add(FieldInSchema.of(group, oneof)));
        }
        message.complete(
                found.stream()
                        // the order of the file: alternatives are listed apart
                        .sorted(FieldInSchema.BY_PLACE)
                        .map(field -> field(name, field, declared.isProto3))
                        .toList(),
                element.getNestedTypes().stream()
                        .filter(MessageElement.class::isInstance)
                        .map(nested -> message(join(name, nested.getName())))
                        .toList());
        return message;
    }

    /** A field as its message declares it. @param oneof the group of alternatives that it belongs to; or below 0 */
    private record FieldInSchema(
            Location location, Field.Label label, String type, String name, int number, int oneof) {
        private static final Comparator<FieldInSchema> BY_PLACE = Comparator.comparingInt(
                        (FieldInSchema field) -> field.location.getLine())
                .thenComparingInt(field -> field.location.getColumn());

        static FieldInSchema of(FieldElement field, int oneof) {
            return new FieldInSchema(
                    field.getLocation(), field.getLabel(), field.getType(), field.getName(), field.getTag(), oneof);
        }

        static FieldInSchema of(GroupElement group, int oneof) {
            return new FieldInSchema(
                    group.getLocation(),
                    group.getLabel(),
                    group.getName(),
                    group.getName().toLowerCase(Locale.ROOT),
                    group.getTag(),
                    oneof);
        }
    }

    private ProtobufField field(String scope, FieldInSchema field, boolean isProto3) {
        if (field.number < 1 || field.number > LARGEST_NUMBER) {
            throw new IllegalArgumentException(
                    "field " + field.name + " of " + scope + " has the number " + field.number);
        }
        Matcher map = MAP.matcher(field.type);
        if (map.matches()) {
            ProtobufMessage entry = new ProtobufMessage(join(scope, field.name + "Entry"));
            entry.complete(
                    List.of(
                            single(scope, "key", 1, map.group(1), ProtobufPresence.IMPLICIT, -1),
                            single(scope, "value", 2, map.group(2), ProtobufPresence.IMPLICIT, -1)),
                    List.of());
            return new ProtobufField(
                    field.name, field.number, ProtobufType.MESSAGE, ProtobufPresence.MAP, -1, entry, Map.of());
        }
        ProtobufPresence presence = switch (field.label == null ? Field.Label.ONE_OF : field.label) {
            case REPEATED -> ProtobufPresence.REPEATED;
            case REQUIRED -> ProtobufPresence.REQUIRED;
            case OPTIONAL -> ProtobufPresence.OPTIONAL;
            default -> isProto3 && field.oneof < 0 ? ProtobufPresence.IMPLICIT : ProtobufPresence.OPTIONAL;
        };
        return single(scope, field.name, field.number, field.type, presence, field.oneof);
    }

    private ProtobufField single(
            String scope, String name, int number, String type, ProtobufPresence presence, int oneof) {
        ProtobufType scalar = SCALARS.get(type);
        if (scalar != null) {
            return new ProtobufField(name, number, scalar, presence, oneof, null, Map.of());
        }
        String found = resolve(scope, type);
        if (types.get(found).element instanceof EnumElement symbols) {
            Map<Integer, String> names = new LinkedHashMap<>();
            for (EnumConstantElement symbol : symbols.getConstants()) {
                // of several names for a number, the first one
                names.putIfAbsent(symbol.getTag(), symbol.getName());
            }
            return new ProtobufField(
                    name, number, ProtobufType.ENUM, presence, oneof, null, Collections.unmodifiableMap(names));
        }
        ProtobufPresence ofMessage = presence == ProtobufPresence.IMPLICIT ? ProtobufPresence.OPTIONAL : presence;
        return new ProtobufField(name, number, ProtobufType.MESSAGE, ofMessage, oneof, message(found), Map.of());
    }

    private static final Map<String, ProtobufType> SCALARS = scalars();

    private static Map<String, ProtobufType> scalars() {
        Map<String, ProtobufType> scalars = new HashMap<>();
        for (ProtobufType type : ProtobufType.values()) {
            if (type != ProtobufType.ENUM && type != ProtobufType.MESSAGE) {
                scalars.put(type.toString(), type);
            }
        }
        return Map.copyOf(scalars);
    }

    /** Finds a type as Protobuf does: in the message itself, in those around it, and in the packages around them. */
    private String resolve(String scope, String type) {
        if (type.startsWith(".") && types.containsKey(type.substring(1))) {
            return type.substring(1);
        }
        String within = scope;
        while (!type.startsWith(".")) {
            String name = join(within, type);
            if (types.containsKey(name)) {
                return name;
            }
            if (within.isEmpty()) {
                break;
            }
            within = within.substring(0, Math.max(0, within.lastIndexOf('.')));
        }
        throw new IllegalArgumentException(
                "type " + type + " in " + scope + " is not declared in the schema, nor in a reference of it");
    }
}
