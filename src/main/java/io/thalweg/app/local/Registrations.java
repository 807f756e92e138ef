package io.thalweg.app.local;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.confluent.kafka.schemaregistry.CompatibilityLevel;
import io.confluent.kafka.schemaregistry.ParsedSchema;
import io.confluent.kafka.schemaregistry.ParsedSchemaHolder;
import io.confluent.kafka.schemaregistry.SchemaProvider;
import io.confluent.kafka.schemaregistry.SimpleParsedSchemaHolder;
import io.confluent.kafka.schemaregistry.avro.AvroSchemaProvider;
import io.confluent.kafka.schemaregistry.client.MockSchemaRegistryClient;
import io.confluent.kafka.schemaregistry.client.SchemaMetadata;
import io.confluent.kafka.schemaregistry.client.rest.entities.Schema;
import io.confluent.kafka.schemaregistry.client.rest.entities.requests.RegisterSchemaRequest;
import io.confluent.kafka.schemaregistry.client.rest.exceptions.RestClientException;
import io.thalweg.registry.JsonSchemaText;
import io.thalweg.registry.ProtobufText;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * The contents of an embedded registry: subjects, their versions, ids and compatibility levels.
 *
 * <p>The rules are those of Confluent's in-memory registry, which does not check compatibility itself and answers some
 * requests loosely; both are corrected here. Changes are appended to a journal, one JSON object on each line, and are
 * on disk before they are acknowledged. Ids are assigned in order, so replaying the journal assigns the same ids again.
 */
final class Registrations implements Closeable {
    /** An exception for a request that is refused, with the codes of Confluent's interface. */
    static final class Refusal extends RuntimeException {
        private static final long serialVersionUID = 1L;

        final int status;
        final int code;

        Refusal(int status, int code, String message) {
            super(message, null, false, false);
            this.status = status;
            this.code = code;
        }
    }

    /** One version of a subject. */
    record RegisteredVersion(String subject, int version, int id, ParsedSchema schema) {}

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final CompatibilityLevel DEFAULT_LEVEL = CompatibilityLevel.BACKWARD;
    private static final String GLOBAL = "";

    private final AvroSchemaProvider avro = new AvroSchemaProvider();
    private final ProtobufText.ProtobufProvider protobuf = new ProtobufText.ProtobufProvider();
    private final JsonSchemaText.JsonSchemaProvider json = new JsonSchemaText.JsonSchemaProvider();
    private final MockSchemaRegistryClient registry = new MockSchemaRegistryClient(List.of(avro, protobuf, json));
    private final Map<String, CompatibilityLevel> levels = new HashMap<>();
    private final FileChannel journal;

    /**
     * Creates the contents from a journal.
     *
     * @param file the journal, created if it does not exist; null to keep nothing
     * @throws IOException with a readable message if the file cannot be used
     */
    Registrations(Path file) throws IOException {
        journal = file == null ? null : open(file);
        if (journal != null) {
            try {
                replay(file);
            } catch (IOException | RuntimeException e) {
                journal.close();
                throw e;
            }
        }
    }

    synchronized List<String> subjects() {
        return call(registry::getAllSubjects).stream().filter(this::exists).toList();
    }

    synchronized List<Integer> versions(String subject) {
        requireSubject(subject);
        return call(() -> registry.getAllVersions(subject));
    }

    /** @param version a number, or {@code latest} or -1 for the last one */
    synchronized RegisteredVersion version(String subject, String version) {
        List<Integer> versions = versions(subject);
        int number;
        if (version.equals("latest") || version.equals("-1")) {
            number = versions.get(versions.size() - 1);
        } else {
            try {
                number = Integer.parseInt(version);
            } catch (NumberFormatException e) {
                throw new Refusal(
                        422,
                        42202,
                        "The specified version '" + version + "' is not a valid version id."
                                + " Allowed values are numbers from 1 and \"latest\"");
            }
            if (!versions.contains(number)) {
                throw new Refusal(404, 40402, "Version " + number + " not found.");
            }
        }
        SchemaMetadata found = call(() -> registry.getSchemaMetadata(subject, number));
        return new RegisteredVersion(
                subject, number, found.getId(), call(() -> registry.getSchemaBySubjectAndId(subject, found.getId())));
    }

    synchronized ParsedSchema schema(int id) {
        try {
            return registry.getSchemaById(id);
        } catch (IOException | RestClientException e) {
            throw new Refusal(404, 40403, "Schema " + id + " not found");
        }
    }

    /** The schema with a GUID, which is made of its text. */
    synchronized ParsedSchema byGuid(String guid) {
        return subjects().stream()
                .flatMap(subject -> versions(subject).stream().map(number -> version(subject, number.toString())))
                .map(RegisteredVersion::schema)
                .filter(schema -> guid(schema).toString().equals(guid))
                .findFirst()
                .orElseThrow(() -> new Refusal(404, 40403, "Schema " + guid + " not found"));
    }

    static UUID guid(ParsedSchema schema) {
        return UUID.nameUUIDFromBytes(schema.canonicalString().getBytes(StandardCharsets.UTF_8));
    }

    /** All versions of all subjects that have this id. */
    synchronized List<RegisteredVersion> versionsOf(int id) {
        schema(id);
        return subjects().stream()
                .flatMap(subject -> versions(subject).stream().map(number -> version(subject, number.toString())))
                .filter(version -> version.id() == id)
                .toList();
    }

    /** The version of a subject that has this schema. */
    synchronized RegisteredVersion lookUp(String subject, RegisterSchemaRequest request, boolean normalize) {
        requireSubject(subject);
        return find(subject, parse(subject, request, normalize));
    }

    /** The id of a schema under a subject. It is registered if it is not yet. */
    synchronized int register(String subject, RegisterSchemaRequest request, boolean normalize) {
        if (request.getId() != null && request.getId() >= 0) {
            throw new Refusal(422, 42205, "Subject " + subject + " is not in import mode");
        }
        ParsedSchema schema = parse(subject, request, normalize);
        if (exists(subject)) {
            try {
                return find(subject, schema).id();
            } catch (Refusal e) {
                List<String> faults = incompatibilities(subject, schema);
                if (!faults.isEmpty()) {
                    throw new Refusal(
                            409,
                            409,
                            "Schema being registered is incompatible with an earlier schema for subject \"" + subject
                                    + "\", details: " + faults);
                }
            }
        }
        int id = call(() -> registry.register(subject, schema));
        append(line("register", subject).put("id", id).set("request", json(schema)));
        return id;
    }

    /**
     * The reasons why a schema is incompatible as the next version of a subject, at the level of the subject; empty if
     * there are none.
     */
    synchronized List<String> incompatibilities(String subject, RegisterSchemaRequest request, boolean normalize) {
        return incompatibilities(subject, parse(subject, request, normalize));
    }

    /**
     * The reasons why a schema is incompatible with one version of a subject, at the level of the subject; empty if
     * there are none.
     */
    synchronized List<String> incompatibilities(
            String subject, String version, RegisterSchemaRequest request, boolean normalize) {
        return parse(subject, request, normalize)
                .isCompatible(
                        level(subject),
                        List.of(new SimpleParsedSchemaHolder(
                                version(subject, version).schema())));
    }

    synchronized List<Integer> delete(String subject) {
        requireSubject(subject);
        List<Integer> deleted = call(() -> registry.deleteSubject(subject, true));
        levels.remove(subject);
        append(line("delete", subject));
        return deleted;
    }

    /** The level of all subjects that have none of their own. */
    synchronized CompatibilityLevel globalLevel() {
        return levels.getOrDefault(GLOBAL, DEFAULT_LEVEL);
    }

    /** The level that applies to a subject. */
    synchronized CompatibilityLevel level(String subject) {
        return levels.getOrDefault(subject, globalLevel());
    }

    /** The level that is set for a subject itself. */
    synchronized CompatibilityLevel ownLevel(String subject) {
        CompatibilityLevel level = levels.get(subject);
        if (level == null) {
            throw new Refusal(
                    404, 40408, "Subject '" + subject + "' does not have subject-level compatibility configured");
        }
        return level;
    }

    /** @param subject the subject, or null for the level of all that have none of their own */
    synchronized CompatibilityLevel setLevel(String subject, String name) {
        CompatibilityLevel level = name == null ? null : CompatibilityLevel.forName(name.toUpperCase(Locale.ROOT));
        if (level == null) {
            throw new Refusal(
                    422,
                    42203,
                    "Invalid compatibility level. Valid values are none, backward, backward_transitive, forward,"
                            + " forward_transitive, full and full_transitive");
        }
        String key = subject == null ? GLOBAL : subject;
        levels.put(key, level);
        append(line("level", key).put("compatibility", level.name));
        return level;
    }

    /** @param subject the subject, or null for the level of all that have none of their own */
    synchronized CompatibilityLevel removeLevel(String subject) {
        String key = subject == null ? GLOBAL : subject;
        CompatibilityLevel removed = subject == null ? globalLevel() : ownLevel(subject);
        levels.remove(key);
        append(line("level", key));
        return removed;
    }

    /** A schema in the form of Confluent's interface. */
    static ObjectNode json(ParsedSchema schema) {
        try {
            ObjectNode json = (ObjectNode) JSON.readTree(new RegisterSchemaRequest(schema).toJson());
            if ("AVRO".equals(json.path("schemaType").asText())) {
                json.remove("schemaType"); // the default, and left out
            }
            return json;
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public synchronized void close() throws IOException {
        if (journal != null) {
            journal.close();
        }
    }

    private boolean exists(String subject) {
        try {
            return !registry.getAllVersions(subject).isEmpty();
        } catch (IOException | RestClientException e) {
            return false;
        }
    }

    private void requireSubject(String subject) {
        if (!exists(subject)) {
            throw new Refusal(404, 40401, "Subject '" + subject + "' not found.");
        }
    }

    private RegisteredVersion find(String subject, ParsedSchema schema) {
        int id;
        try {
            id = registry.getId(subject, schema);
        } catch (IOException | RestClientException e) {
            throw new Refusal(404, 40403, "Schema not found");
        }
        return versions(subject).stream()
                .map(number -> version(subject, number.toString()))
                .filter(version -> version.id() == id)
                .reduce((earlier, later) -> later)
                .orElseThrow(() -> new Refusal(404, 40403, "Schema not found"));
    }

    private List<String> incompatibilities(String subject, ParsedSchema schema) {
        List<ParsedSchemaHolder> history = new ArrayList<>();
        if (exists(subject)) {
            for (int number : versions(subject)) {
                history.add(new SimpleParsedSchemaHolder(
                        version(subject, Integer.toString(number)).schema()));
            }
        }
        return schema.isCompatible(level(subject), history);
    }

    private ParsedSchema parse(String subject, RegisterSchemaRequest request, boolean normalize) {
        String type = request.getSchemaType() == null ? avro.schemaType() : request.getSchemaType();
        SchemaProvider provider = Stream.of(avro, protobuf, json)
                .filter(each -> each.schemaType().equals(type))
                .findFirst()
                .orElseThrow(() -> new Refusal(
                        422, 42201, "Invalid schema: this registry holds Avro, Protobuf, and JSON schemas only"));
        ParsedSchema schema;
        try {
            schema = provider.parseSchemaOrElseThrow(new Schema(subject, request), true, normalize);
            if (schema instanceof ProtobufText text) {
                text.parse();
            } else if (schema instanceof JsonSchemaText text) {
                checkJsonSchema(text.text());
            }
        } catch (JsonProcessingException | RuntimeException e) {
            throw new Refusal(422, 42201, "Invalid schema: " + e.getMessage());
        }
        return normalize ? schema.normalize() : schema;
    }

    private static void checkJsonSchema(String text) throws JsonProcessingException {
        JsonNode schema = JSON.reader()
                .with(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                .readTree(text);
        if (!schema.isObject() && !schema.isBoolean()) {
            throw new IllegalArgumentException("a JSON Schema is an object, true, or false");
        }
    }

    private static FileChannel open(Path file) throws IOException {
        Path directory = file.toAbsolutePath().getParent();
        Files.createDirectories(directory);
        FileChannel channel =
                FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        try {
            if (channel.tryLock() != null) {
                return channel;
            }
        } catch (OverlappingFileLockException e) {
            // this process has it open already, which is the same to the user as another process
        }
        channel.close();
        throw new IOException("another registry uses " + file + "; stop it, or choose another file");
    }

    private void replay(Path file) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(journal.size()));
        while (bytes.hasRemaining() && journal.read(bytes) >= 0) {}
        String text = new String(bytes.array(), 0, bytes.position(), StandardCharsets.UTF_8);
        // A last line without a line end was being written when the process died, and was never acknowledged.
        String whole = text.substring(0, text.lastIndexOf('\n') + 1);
        long number = 0;
        for (String line : whole.lines().toList()) {
            number++;
            try {
                replay(JSON.readTree(line));
            } catch (IOException | RuntimeException e) {
                throw new IOException(
                        file + " cannot be read at line " + number + " (" + e.getMessage()
                                + "); restore the file, or move it away to start with no schemas",
                        e);
            }
        }
        journal.truncate(whole.getBytes(StandardCharsets.UTF_8).length);
        journal.position(journal.size());
    }

    private void replay(JsonNode line) throws IOException {
        String subject = line.path("subject").asText();
        switch (line.path("action").asText()) {
            case "register" -> {
                RegisterSchemaRequest request =
                        RegisterSchemaRequest.fromJson(line.path("request").toString());
                int id = call(() -> registry.register(subject, parse(subject, request, false)));
                if (id != line.path("id").asInt()) {
                    throw new IllegalStateException("id " + line.path("id") + " would become " + id);
                }
            }
            case "delete" -> {
                call(() -> registry.deleteSubject(subject, true));
                levels.remove(subject);
            }
            case "level" -> {
                if (line.has("compatibility")) {
                    levels.put(
                            subject,
                            CompatibilityLevel.valueOf(
                                    line.path("compatibility").asText()));
                } else {
                    levels.remove(subject);
                }
            }
            default -> throw new IllegalStateException("unknown action");
        }
    }

    private static ObjectNode line(String action, String subject) {
        return JSON.createObjectNode().put("action", action).put("subject", subject);
    }

    private void append(JsonNode line) {
        if (journal == null) {
            return;
        }
        try {
            ByteBuffer bytes = ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.UTF_8));
            while (bytes.hasRemaining()) {
                journal.write(bytes);
            }
            journal.force(true);
        } catch (IOException e) {
            // Memory and disk now differ, so no more changes are accepted.
            try {
                journal.close();
            } catch (IOException closing) {
                e.addSuppressed(closing);
            }
            throw new Refusal(500, 50001, "The registry cannot write its journal: " + e);
        }
    }

    private interface Call<T> {
        T run() throws IOException, RestClientException;
    }

    /** Runs a call that cannot fail here. */
    private static <T> T call(Call<T> call) {
        try {
            return call.run();
        } catch (IOException | RestClientException e) {
            throw new IllegalStateException(e.getMessage(), e);
        }
    }
}
