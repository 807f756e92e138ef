package io.thalweg.registry;

import io.confluent.kafka.schemaregistry.ParsedSchema;
import io.confluent.kafka.schemaregistry.SchemaProvider;
import io.confluent.kafka.schemaregistry.avro.AvroSchema;
import io.confluent.kafka.schemaregistry.client.CachedSchemaRegistryClient;
import io.confluent.kafka.schemaregistry.client.SchemaMetadata;
import io.confluent.kafka.schemaregistry.client.SchemaRegistryClient;
import io.confluent.kafka.schemaregistry.client.SchemaRegistryClientFactory;
import io.confluent.kafka.schemaregistry.client.rest.RestService;
import io.confluent.kafka.schemaregistry.client.rest.entities.SchemaString;
import io.confluent.kafka.schemaregistry.client.rest.exceptions.RestClientException;
import io.confluent.kafka.serializers.AbstractKafkaSchemaSerDeConfig;
import io.confluent.kafka.serializers.KafkaAvroSerializer;
import io.thalweg.input.ProtobufSchema;
import io.thalweg.input.SchemaSource;
import io.thalweg.input.SchemaSourceException;
import io.thalweg.input.UnknownSchemaException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.common.config.ConfigException;
import org.apache.pinot.shaded.com.fasterxml.jackson.core.type.TypeReference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A client of a Confluent Schema Registry, or of anything else that speaks its protocol, for schemas and their ids.
 *
 * <p>It accepts Confluent's settings under Confluent's names and leaves their meaning to Confluent's own client and
 * serializer. It retries requests to a registry that is down, slow or refuses access, with growing pauses, for a
 * limited time.
 *
 * <p>Safe for use by several threads. Looking up a schema that has been seen before takes no lock and allocates
 * nothing.
 */
public final class ConfluentSchemas implements Registry {
    private static final Logger LOG = LoggerFactory.getLogger(ConfluentSchemas.class);

    private static final TypeReference<SchemaString> SCHEMA_STRING = new TypeReference<>() {};

    private static final int NOT_FOUND = 404;
    private static final int SCHEMA_NOT_FOUND = 40403;

    private static final Duration REFUSAL_KEPT = Duration.ofSeconds(10);
    /** How many refusals are remembered. Damaged records can name ever new schemas. */
    private static final int MOST_REFUSED = 500;

    private static final long FIRST_PAUSE_MS = 100;
    private static final long LONGEST_PAUSE_MS = 5_000;

    private final String address;
    private final Duration retry;
    private final Serializer serializer;
    private final SchemaRegistryClient client;

    private final Duration refusalKept;
    private final SchemasOfType<Schema> ofAvro =
            new SchemasOfType<>("Avro", parsed -> parsed instanceof AvroSchema avro ? avro.rawSchema() : null);
    private final SchemasOfType<ProtobufSchema> ofProtobuf =
            new SchemasOfType<>("Protobuf", parsed -> parsed instanceof ProtobufText text ? text.parse() : null);
    private final SchemasOfType<JsonSchemaText> ofJson =
            new SchemasOfType<>("JSON", parsed -> parsed instanceof JsonSchemaText text ? text : null);

    private final Map<String, Object> settings;
    /** Null before it is first needed. */
    private RestService rest;

    private SchemaRegistryClient clientOfRest;

    private record UnusableSchema(UnknownSchemaException why, long at) {}

    /**
     * The schemas of a type that have been seen, and the answers that there is none.
     *
     * @param type what it is called, for people
     * @param use makes of an answer what is remembered: null if it is of another type, an IllegalArgumentException if
     *     it cannot be used
     * @param known by id or GUID
     * @param refused by id or GUID
     */
    private record SchemasOfType<T>(
            String type, Function<ParsedSchema, T> use, Map<Object, T> known, Map<Object, UnusableSchema> refused) {
        SchemasOfType(String type, Function<ParsedSchema, T> use) {
            this(type, use, new ConcurrentHashMap<>(), Collections.synchronizedMap(new LinkedHashMap<>() {
                private static final long serialVersionUID = 1;

                @Override
                protected boolean removeEldestEntry(Map.Entry<Object, UnusableSchema> eldest) {
                    return size() > MOST_REFUSED;
                }
            }));
        }

        T known(int id) throws UnknownSchemaException {
            T schema = known.get(id);
            if (schema == null) {
                throw new UnknownSchemaException(id);
            }
            return schema;
        }

        T known(UUID guid) throws UnknownSchemaException {
            T schema = known.get(guid);
            if (schema == null) {
                throw new UnknownSchemaException(guid);
            }
            return schema;
        }
    }

    private volatile Known known = new Known(new int[0], new Schema[0]);

    /**
     * Creates a client. It does not contact the registry yet.
     *
     * @param settings settings of Confluent's registry client and Avro serializer, including {@code
     *     schema.registry.url}
     * @param retry how long to retry requests that the registry does not answer
     * @throws ConfigException with one readable line if a setting is missing, wrong or not supported
     */
    public ConfluentSchemas(Map<String, ?> settings, Duration retry) {
        this(settings, retry, REFUSAL_KEPT);
    }

    /** @param refusalKept how long an id that the registry does not know is not asked for again */
    ConfluentSchemas(Map<String, ?> given, Duration retry, Duration refusalKept) {
        this.refusalKept = refusalKept;
        Map<String, Object> complete = RegistrySettings.complete(given);
        this.settings = complete;
        this.address = RegistrySettings.address(complete);
        this.retry = retry;
        this.serializer = new Serializer();
        try {
            serializer.configure(complete, false);
        } catch (ConfigException e) {
            throw e;
        } catch (RuntimeException | LinkageError e) {
            throw new ConfigException("The settings of the schema registry client do not work: " + rootMessage(e));
        }
        this.client = serializer.getSchemaRegistryClient();
    }

    /**
     * Sends one request to the registry, to find out at start whether it can be used.
     *
     * @throws SchemaSourceException with one readable line if it cannot
     */
    @Override
    public void check() {
        // The answer that it does not know this id is enough, and the request needs no more
        // permissions than learning does.
        RegistryFault fault =
                attempt(() -> client.getSchemaById(Integer.MAX_VALUE)).fault();
        if (fault != null && fault.kind() == RegistryFault.FaultKind.NO_ANSWER) {
            throw failure("cannot be used", fault);
        }
    }

    @Override
    public Schema writerSchema(int id) throws UnknownSchemaException {
        Schema schema = known.get(id);
        if (schema == null) {
            schema = find(ofAvro, id);
            remember(id, schema);
        }
        return schema;
    }

    @Override
    public Schema writerSchema(UUID guid) throws UnknownSchemaException {
        return find(ofAvro, guid);
    }

    @Override
    public ProtobufSchema protobufSchema(int id) throws UnknownSchemaException {
        return find(ofProtobuf, id);
    }

    @Override
    public ProtobufSchema protobufSchema(UUID guid) throws UnknownSchemaException {
        return find(ofProtobuf, guid);
    }

    @Override
    public void checkJsonSchema(int id) throws UnknownSchemaException {
        find(ofJson, id);
    }

    @Override
    public void checkJsonSchema(UUID guid) throws UnknownSchemaException {
        find(ofJson, guid);
    }

    @Override
    public SchemaSource withoutAsking() {
        return new SchemaSource() {
            @Override
            public Schema writerSchema(int id) throws UnknownSchemaException {
                return ofAvro.known(id);
            }

            @Override
            public Schema writerSchema(UUID guid) throws UnknownSchemaException {
                return ofAvro.known(guid);
            }

            @Override
            public ProtobufSchema protobufSchema(int id) throws UnknownSchemaException {
                return ofProtobuf.known(id);
            }

            @Override
            public ProtobufSchema protobufSchema(UUID guid) throws UnknownSchemaException {
                return ofProtobuf.known(guid);
            }

            @Override
            public void checkJsonSchema(int id) throws UnknownSchemaException {
                ofJson.known(id);
            }

            @Override
            public void checkJsonSchema(UUID guid) throws UnknownSchemaException {
                ofJson.known(guid);
            }
        };
    }

    private <T> T find(SchemasOfType<T> schemas, int id) throws UnknownSchemaException {
        T known = schemas.known.get(id);
        return known != null
                ? known
                : fetch(
                        schemas,
                        id,
                        "schema id " + id,
                        () -> Optional.of(client.getSchemaById(id)),
                        fault -> new UnknownSchemaException(id),
                        why -> new UnknownSchemaException(id, why));
    }

    private <T> T find(SchemasOfType<T> schemas, UUID guid) throws UnknownSchemaException {
        T known = schemas.known.get(guid);
        return known != null
                ? known
                : fetch(
                        schemas,
                        guid,
                        "schema GUID " + guid,
                        () -> byGuid(guid),
                        // a registry of an earlier version knows no GUIDs
                        fault -> new UnknownSchemaException(guid, "cannot be looked up (%s)".formatted(fault.text())),
                        why -> new UnknownSchemaException(guid, why));
    }

    /**
     * Asks for a schema.
     *
     * @param notKnown makes the exception for a schema that the registry does not know
     * @param notUsable makes the exception for one that is of no use, from the reason
     */
    private <T> T fetch(
            SchemasOfType<T> schemas,
            Object key,
            String what,
            RegistryRequest<Optional<ParsedSchema>> request,
            Function<RegistryFault, UnknownSchemaException> notKnown,
            Function<String, UnknownSchemaException> notUsable)
            throws UnknownSchemaException {
        UnusableSchema before = schemas.refused.get(key);
        // A schema can still be registered, so the registry is asked again, but not for every record.
        if (before != null && System.nanoTime() - before.at < refusalKept.toNanos()) {
            throw before.why;
        }
        Answer<Optional<ParsedSchema>> answer = ask(what, request);
        RegistryFault fault = answer.fault();
        UnknownSchemaException refusal;
        if (fault == null) {
            try {
                ParsedSchema parsed = answer.value().orElse(null);
                T schema = parsed == null ? null : schemas.use.apply(parsed);
                if (schema != null) {
                    schemas.known.put(key, schema);
                    return schema;
                }
                refusal = notUsable.apply(
                        parsed == null ? "cannot be read" : ofAnotherType(parsed.schemaType(), schemas.type));
            } catch (IllegalArgumentException e) {
                refusal = notUsable.apply("cannot be used: " + e.getMessage());
            }
        } else {
            refusal = switch (fault.kind()) {
                case REFUSED -> throw failure("does not return " + what, fault);
                case NOT_READABLE -> notUsable.apply("cannot be used: " + fault.text() + "; " + fault.remedy());
                default -> notKnown.apply(fault);
            };
        }
        schemas.refused.put(key, new UnusableSchema(refusal, System.nanoTime()));
        throw refusal;
    }

    private static String ofAnotherType(String type, String wanted) {
        return "is of type " + type + ", not " + wanted
                + Stream.of("Avro", "Protobuf", "JSON")
                        .filter(format -> format.equalsIgnoreCase(type))
                        .map(format -> "; if the topic holds %s, set its format to %s"
                                .formatted(format, format.toLowerCase(Locale.ROOT)))
                        .findFirst()
                        .orElse("");
    }

    /** Asks for a schema by its GUID, which this version of Confluent's client does not know of. */
    private Optional<ParsedSchema> byGuid(UUID guid) throws IOException, RestClientException {
        SchemaString found;
        try {
            found = rest().httpRequest(
                            "/schemas/guids/" + guid,
                            "GET",
                            null,
                            RestService.DEFAULT_REQUEST_PROPERTIES,
                            SCHEMA_STRING);
        } catch (RestClientException e) {
            if (e.getStatus() == NOT_FOUND
                    && RegistryFault.of(e).kind() == RegistryFault.FaultKind.NO_ANSWER
                    && isRegistry()) {
                // it has no such path, and will not have it the next time either
                throw new RestClientException(e.getMessage(), NOT_FOUND, SCHEMA_NOT_FOUND);
            }
            throw e;
        }
        return client.parseSchema(new io.confluent.kafka.schemaregistry.client.rest.entities.Schema("", 0, 0, found));
    }

    /** Whether the registry answers as one. */
    private boolean isRegistry() {
        RegistryFault fault =
                attempt(() -> client.getSchemaById(Integer.MAX_VALUE)).fault();
        return fault == null || fault.kind() == RegistryFault.FaultKind.NOT_KNOWN;
    }

    /** What sends requests that the client has no method for, with the client's own settings. */
    private synchronized RestService rest() {
        if (rest == null) {
            List<String> urls =
                    List.of(String.valueOf(settings.get("schema.registry.url")).split("\\s*,\\s*"));
            RestService created = new RestService(urls);
            // the constructor of the client configures it
            clientOfRest = new CachedSchemaRegistryClient(created, 1, providers(), settings, Map.of());
            rest = created;
        }
        return rest;
    }

    @Override
    public Optional<Schema> latestSchema(String topic) {
        Optional<Integer> id = latestId(topic);
        try {
            return id.isEmpty() ? Optional.empty() : Optional.of(writerSchema(id.get()));
        } catch (UnknownSchemaException e) {
            return Optional.empty();
        }
    }

    @Override
    public Optional<ProtobufSchema> latestProtobufSchema(String topic) {
        Optional<Integer> id = latestId(topic);
        try {
            return id.isEmpty() ? Optional.empty() : Optional.of(protobufSchema(id.get()));
        } catch (UnknownSchemaException e) {
            return Optional.empty();
        }
    }

    /** The id of the schema that was last registered for the values of a topic. */
    private Optional<Integer> latestId(String topic) {
        String subject = topic + "-value";
        Answer<SchemaMetadata> answer =
                ask("the latest schema of subject " + subject, () -> client.getLatestSchemaMetadata(subject));
        if (answer.fault() != null) {
            if (answer.fault().kind() == RegistryFault.FaultKind.NOT_KNOWN) {
                return Optional.empty();
            }
            throw failure("does not return the latest schema of subject " + subject, answer.fault());
        }
        return Optional.of(answer.value().getId());
    }

    private synchronized void remember(int id, Schema schema) {
        known = known.with(id, schema);
    }

    /**
     * {@inheritDoc}
     *
     * <p>Registers the schema, looks it up, or uses the one that the registry prescribes, depending on {@code
     * auto.register.schemas}, {@code use.latest.version}, {@code subject.name.strategy} and similar settings.
     *
     * @throws SchemaSourceException with one readable line if the registry does not accept the schema, prescribes one
     *     that records cannot be written with, or does not answer
     */
    @Override
    public int idFor(String topic, Schema schema) {
        GenericRecord blank = (GenericRecord) blank(schema);
        String subject = serializer.subject(topic, blank);
        // The id is taken from what Confluent's serializer writes, so that all of its settings have their effect.
        Answer<Integer> answer = ask(
                "the id of " + schema.getFullName() + " under subject " + subject,
                () -> ByteBuffer.wrap(serializer.serialize(topic, blank)).getInt(1));
        if (answer.fault() != null) {
            throw failure(
                    "does not accept the schema " + schema.getFullName() + " under subject " + subject, answer.fault());
        }
        int id = answer.value();
        Answer<ParsedSchema> prescribed = ask("schema id " + id, () -> client.getSchemaBySubjectAndId(subject, id));
        if (prescribed.fault() != null) {
            throw failure("does not return schema id " + id + " under subject " + subject, prescribed.fault());
        }
        requireSameBytes(schema, prescribed.value(), id, subject);
        return id;
    }

    /**
     * With {@code use.latest.version} and similar settings, an id may stand for a schema that records are not written
     * with.
     */
    private void requireSameBytes(Schema schema, ParsedSchema prescribed, int id, String subject) {
        boolean same = prescribed instanceof AvroSchema avro
                && SchemaNormalization.toParsingForm(avro.rawSchema())
                        .equals(SchemaNormalization.toParsingForm(schema));
        if (!same) {
            throw new SchemaSourceException(
                    at("prescribes schema id " + id + " for subject " + subject + ", which differs from the "
                            + schema.getFullName() + " that is written here; register the schema of this version, or do"
                            + " not set use.latest.version, use.schema.id or use.latest.with.metadata"),
                    null);
        }
        if (prescribed.ruleSet() != null
                && !prescribed.ruleSet().getDomainRules().isEmpty()) {
            throw new SchemaSourceException(
                    at("has data rules for subject " + subject + ", which are not applied here; remove the rules or"
                            + " write to another topic"),
                    null);
        }
    }

    @Override
    public void close() {
        serializer.close();
        closeRest();
    }

    private synchronized void closeRest() {
        if (clientOfRest != null) {
            try {
                clientOfRest.close();
            } catch (IOException e) {
                LOG.debug("closing the client of the registry", e);
            }
        }
    }

    private interface RegistryRequest<T> {
        T send() throws IOException, RestClientException;
    }

    /** The answer to a request: a value or a fault, and null for the other. */
    private record Answer<T>(T value, RegistryFault fault) {}

    private static <T> Answer<T> attempt(RegistryRequest<T> request) {
        try {
            return new Answer<>(request.send(), null);
        } catch (IOException | RestClientException | RuntimeException e) {
            // Not kept as the cause, because its message may contain the user and password of the address.
            return new Answer<>(null, RegistryFault.of(e));
        }
    }

    /** Sends a request until there is an answer. A fault that is returned is an answer too. */
    private <T> Answer<T> ask(String what, RegistryRequest<T> request) {
        long end = System.nanoTime() + retry.toNanos();
        long pause = FIRST_PAUSE_MS;
        while (true) {
            Answer<T> answer = attempt(request);
            if (answer.fault() == null || answer.fault().kind() != RegistryFault.FaultKind.NO_ANSWER) {
                return answer;
            }
            long left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
            if (left <= 0) {
                throw failure(
                        "gave no usable answer about " + what + " for " + retry.toSeconds()
                                + " s (registry.retry.max.ms)",
                        answer.fault());
            }
            // Jitter keeps many learners from retrying at the same moment.
            long wait = Math.min(left, ThreadLocalRandom.current().nextLong(pause / 2, pause + 1));
            LOG.warn(
                    "The schema registry at {} gave no usable answer about {}: {}; {}. Retrying in {} ms, for {} s"
                            + " more.",
                    address,
                    what,
                    answer.fault().text(),
                    answer.fault().remedy(),
                    wait,
                    TimeUnit.MILLISECONDS.toSeconds(left));
            try {
                TimeUnit.MILLISECONDS.sleep(wait);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new SchemaSourceException(
                        at("was not asked again, because the thread was interrupted while waiting for " + what), null);
            }
            pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
        }
    }

    private SchemaSourceException failure(String did, RegistryFault fault) {
        return new SchemaSourceException(at(did + ": " + fault.text() + "; " + fault.remedy()), null);
    }

    private String at(String did) {
        return "The schema registry at " + address + " " + did;
    }

    /** A record that has every field, with empty values. */
    private static Object blank(Schema schema) {
        return switch (schema.getType()) {
            case RECORD -> {
                GenericRecord blank = new GenericData.Record(schema);
                schema.getFields().forEach(field -> blank.put(field.pos(), blank(field.schema())));
                yield blank;
            }
            case UNION -> blank(schema.getTypes().get(0));
            case ARRAY -> List.of();
            case MAP -> Map.of();
            case STRING -> "";
            case BYTES -> ByteBuffer.allocate(0);
            case FIXED -> new GenericData.Fixed(schema, new byte[schema.getFixedSize()]);
            case ENUM ->
                new GenericData.EnumSymbol(schema, schema.getEnumSymbols().get(0));
            case BOOLEAN -> false;
            case INT -> 0;
            case LONG -> 0L;
            case FLOAT -> 0f;
            case DOUBLE -> 0.0;
            case NULL -> null;
        };
    }

    private static String rootMessage(Throwable thrown) {
        Throwable root = thrown;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        return RegistryFault.withoutUserInfo(root.toString());
    }

    private static List<SchemaProvider> providers() {
        return List.of(
                new LenientAvroProvider(),
                new ProtobufText.ProtobufProvider(),
                new JsonSchemaText.JsonSchemaProvider());
    }

    /** Confluent's serializer, which also gives the name of a subject. */
    private static final class Serializer extends KafkaAvroSerializer {
        @Override
        protected void configureClientProperties(AbstractKafkaSchemaSerDeConfig config, SchemaProvider provider) {
            if (schemaRegistry == null) {
                // the one of the superclass knows one type of schemas
                schemaRegistry = SchemaRegistryClientFactory.newClient(
                        config.getSchemaRegistryUrls(),
                        config.getMaxSchemasPerSubject(),
                        providers(),
                        config.originalsWithPrefix(""),
                        config.requestHeaders());
            }
            super.configureClientProperties(config, provider);
        }

        String subject(String topic, GenericRecord value) {
            return getSubjectName(topic, false, value, new AvroSchema(value.getSchema()));
        }
    }

    /** The schemas that have been seen, sorted by id. It never changes, so that readers need no lock. */
    private record Known(int[] ids, Schema[] schemas) {
        Schema get(int id) {
            int position = Arrays.binarySearch(ids, id);
            return position < 0 ? null : schemas[position];
        }

        Known with(int id, Schema schema) {
            int position = Arrays.binarySearch(ids, id);
            if (position >= 0) {
                return this;
            }
            int insertion = -position - 1;
            int[] moreIds = Arrays.copyOf(ids, ids.length + 1);
            Schema[] moreSchemas = Arrays.copyOf(schemas, schemas.length + 1);
            System.arraycopy(ids, insertion, moreIds, insertion + 1, ids.length - insertion);
            System.arraycopy(schemas, insertion, moreSchemas, insertion + 1, schemas.length - insertion);
            moreIds[insertion] = id;
            moreSchemas[insertion] = schema;
            return new Known(moreIds, moreSchemas);
        }
    }
}
