package io.thalweg.corpus;

import io.thalweg.avro.Example;
import io.thalweg.avro.SparseFeatures;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;

/**
 * The input of the corpus: records of every form, for several models, with deletions and every kind of bad input among
 * them. The same every time: it follows from a seed that never changes, and must not change itself, or the recorded
 * digests mean nothing.
 */
final class CorpusInput {
    static final int EXAMPLE_ID = 1;
    static final int ORDER_ID = 11;
    static final int LATER_ORDER_ID = 12;
    static final int UNLABELLED_ORDER_ID = 13;
    static final int NOT_A_RECORD_ID = 14;
    private static final int UNKNOWN_ID = 99;

    private static final String ORDER = """
            {"type": "record", "name": "Order", "fields": [
              {"name": "id", "type": "string"},
              {"name": "shop", "type": ["null", "string"]},
              {"name": "amount", "type": "double"},
              {"name": "items", "type": "int"},
              {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
              {"name": "customer", "type": ["null", {"type": "record", "name": "Customer", "fields": [
                {"name": "age", "type": ["null", "int"]},
                {"name": "vip", "type": "boolean"}]}]},
              {"name": "tags", "type": {"type": "array", "items": "string"}},
              {"name": "scores", "type": {"type": "array", "items": "float"}},
              {"name": "counts", "type": {"type": "map", "values": "long"}},
              {"name": "channel", "type": {"type": "enum", "name": "Channel", "symbols": ["WEB", "APP", "SHOP"]}},
              {"name": "weight", "type": ["null", "double"]},
              {"name": "status", "type": ["null", "string"]}]}""";
    private static final String LATER_ORDER = """
            {"type": "record", "name": "Order", "fields": [
              {"name": "shop", "type": ["null", "string"]},
              {"name": "id", "type": "string"},
              {"name": "amount", "type": "float"},
              {"name": "country", "type": ["null", "string"]},
              {"name": "weight", "type": ["null", "double"]},
              {"name": "status", "type": ["null", "string"]}]}""";
    private static final String UNLABELLED_ORDER = """
            {"type": "record", "name": "Order", "fields": [
              {"name": "shop", "type": ["null", "string"]},
              {"name": "amount", "type": "double"}]}""";

    /** The schemas by their ids. */
    static final Map<Integer, Schema> SCHEMAS = Map.of(
            EXAMPLE_ID,
            Example.getClassSchema(),
            ORDER_ID,
            new Schema.Parser().parse(ORDER),
            LATER_ORDER_ID,
            new Schema.Parser().parse(LATER_ORDER),
            UNLABELLED_ORDER_ID,
            new Schema.Parser().parse(UNLABELLED_ORDER),
            NOT_A_RECORD_ID,
            Schema.create(Schema.Type.STRING));

    private final Random random;
    private long count;

    private CorpusInput(long seed) {
        random = new Random(seed);
    }

    /** Examples in Thalweg's own schema. */
    static List<CorpusRecord> examples(long seed, int count) {
        CorpusInput input = new CorpusInput(seed);
        List<CorpusRecord> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            all.add(input.example());
        }
        // whoever waits for what comes of the last record must not wait for a deletion
        all.add(input.record("dense-0", encode(new Example("last", 1.0, 1.0, dense(8, 0.5)))));
        return all;
    }

    /** Records of schemas of their own. */
    static List<CorpusRecord> orders(long seed, int count) {
        CorpusInput input = new CorpusInput(seed);
        List<CorpusRecord> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            all.add(input.order());
        }
        all.add(input.record("shop-1", input.order(ORDER_ID, "shop-1", 1)));
        return all;
    }

    /** How many of the records delete a model, where a record without value does. */
    static int deletions(List<CorpusRecord> records) {
        return (int) records.stream()
                .filter(record -> record.value() == null
                        && (record.key() == null || !Arrays.equals(record.key(), new byte[] {(byte) 0xff})))
                .count();
    }

    private CorpusRecord record(String model, byte[] value) {
        return record(model == null ? null : model.getBytes(StandardCharsets.UTF_8), value);
    }

    private CorpusRecord record(byte[] key, byte[] value) {
        Headers headers = new RecordHeaders();
        if (random.nextInt(8) == 0) {
            headers.add("trace", String.valueOf(count).getBytes(StandardCharsets.UTF_8));
        }
        if (random.nextInt(50) == 0) {
            headers.add("thalweg.reason", null);
        }
        // out of order now and then
        return new CorpusRecord(key, value, headers, 1_700_000_000_000L + 1000 * count - random.nextInt(5000));
    }

    private CorpusRecord example() {
        count++;
        int number = random.nextInt(9);
        String model = model(number);
        Object features = features(number);
        byte[] value = encode(
                new Example(random.nextInt(3) == 0 ? "é" + count : null, label(features), importance(), features));
        if (count % 211 == 0) {
            return record(model, null);
        }
        return switch (random.nextInt(160)) {
            case 0 -> record(model, "not Avro".getBytes(StandardCharsets.UTF_8));
            case 1 -> record(model, Arrays.copyOf(value, value.length - 1));
            case 2 -> record(model, Arrays.copyOf(value, value.length + 1));
            case 3 -> record(model, withId(value, UNKNOWN_ID));
            case 4 -> record(model, withId(value, NOT_A_RECORD_ID));
            case 5 -> record(new byte[] {(byte) 0xff}, value);
            case 6 -> record("", value);
            case 7 -> record("with\0NUL", value);
            case 8 -> record("x".repeat(1025), value);
            case 9, 10, 11 -> record((String) null, value);
            case 12 -> record(model, encode(new Example(null, 1.5, 1.0, features)));
            case 13 -> record(model, encode(new Example(null, -0.1, 1.0, features)));
            case 14 -> record(model, encode(new Example(null, Double.NaN, 1.0, features)));
            case 15 -> record(model, encode(new Example(null, 1.0, -1.0, features)));
            case 16 -> record(model, encode(new Example(null, 1.0, Double.POSITIVE_INFINITY, features)));
            case 17 -> record(model, encode(new Example(null, 1.0, 1.0, null)));
            case 18 -> record(model, encode(new Example(null, 1.0, 1.0, List.of())));
            case 19 -> record(model, encode(new Example(null, 1.0, 1.0, sparse())));
            case 20 -> record(model, encode(new Example(null, 1.0, 1.0, Map.of())));
            case 21 -> record(model, encode(new Example(null, 1.0, 1.0, Map.of("x", Double.NaN))));
            case 22 -> record(model, encode(new Example(null, 1.0, 1.0, dense(8, Double.NEGATIVE_INFINITY))));
            case 23 -> record(model, encode(new Example(null, 1.0, 1.0, sparse(3, 1.0, 3, 1.0))));
            case 24 -> record(model, encode(new Example(null, 1.0, 1.0, sparse(-1, 1.0))));
            case 25 -> record(model, encode(new Example(null, 1.0, 1.0, sparse(1 << 14, 1.0))));
            case 26 ->
                record(
                        model,
                        encode(new Example(
                                null, 1.0, 1.0, new SparseFeatures(List.of(1, 2), Collections.nCopies(3, 1.0)))));
            case 27 -> record(model, encode(new Example(null, 1.0, 1.0, dense(9, 1))));
            // another form than the model has, if there is such a model
            case 28 -> record(model(6), encode(new Example(null, 1.0, 1.0, count < 100 ? null : Map.of("x", 1.0))));
            case 29 -> record(model, encode(new Example("x".repeat(5000), 1.0, 1.0, features)));
            // beyond the range of a double, in the logit or in the step
            case 30 -> record(model, encode(new Example(null, 1.0, 1e10, huge(features))));
            case 31 -> record(model, encode(new Example(null, 1.0, 1e300, features)));
            case 32 -> record("one-too-many-" + random.nextInt(8), encode(new Example(null, 1.0, 1.0, features)));
            case 33 -> record("never-learned", encode(new Example(null, null, 1.0, features)));
            case 34 -> record(model, encode(new Example(null, 1.0, 1.0, Map.of("x".repeat(2000), 1.0))));
            case 35 -> record("one-too-many-" + random.nextInt(8), null);
            default -> record(model, value);
        };
    }

    /** Two dense models, one of them wide, four named ones, a sparse and two hashed ones. */
    private static String model(int number) {
        return switch (number) {
            case 0, 1 -> "dense-" + number;
            case 2, 3, 4, 5 -> "named-é-" + number;
            case 6 -> "sparse";
            default -> "hashed-" + number;
        };
    }

    private Object features(int number) {
        switch (number) {
            case 0 -> {
                return numbers(8);
            }
            case 1 -> {
                return numbers(150);
            }
            case 2, 3, 4, 5 -> {
                Map<CharSequence, Double> named = new LinkedHashMap<>();
                int carrier = random.nextInt(12);
                named.put("carrier=" + carrier, 1.0);
                named.put("hour=" + random.nextInt(24), 1.0);
                if (number > 2) {
                    named.put("route=" + carrier + "-" + random.nextInt(20), 1.0);
                }
                named.put("distance", 100 * random.nextDouble());
                named.put("temperature", 300 + random.nextGaussian());
                return named;
            }
            default -> {
                Set<Integer> indices = new LinkedHashSet<>();
                List<Double> values = new ArrayList<>();
                int size = number == 6 ? 5 : 20;
                while (indices.size() < size) {
                    double u = random.nextDouble();
                    indices.add((int) (number == 6 ? 40 * u : 16_000 * u * u * u));
                }
                for (int i = 0; i < size; i++) {
                    values.add(random.nextInt(3) == 0 ? random.nextGaussian() : random.nextInt(4) / 2.0);
                }
                return new SparseFeatures(new ArrayList<>(indices), values);
            }
        }
    }

    private List<Double> numbers(int size) {
        List<Double> numbers = new ArrayList<>();
        for (int i = 0; i < size; i++) {
            numbers.add(i == 3 ? 1000 * random.nextGaussian() : i == 4 ? 1 : random.nextGaussian());
        }
        return numbers;
    }

    private Double label(Object features) {
        double evidence = features instanceof List<?> dense
                ? (Double) dense.get(0) - (Double) dense.get(1)
                : features instanceof SparseFeatures sparse ? sparse.getValues().get(0) : random.nextGaussian();
        double y = evidence + random.nextGaussian() > 0 ? 1 : 0;
        return switch (random.nextInt(12)) {
            case 0, 1 -> null;
            case 2 -> 0.1 + 0.8 * y;
            default -> y;
        };
    }

    private double importance() {
        return switch (random.nextInt(16)) {
            case 0 -> 0;
            case 1 -> 2.5;
            case 2 -> 0.1;
            default -> 1;
        };
    }

    private static List<Double> dense(int size, double value) {
        return Collections.nCopies(size, value);
    }

    private static SparseFeatures sparse(Number... indicesAndValues) {
        SparseFeatures features = new SparseFeatures(new ArrayList<>(), new ArrayList<>());
        for (int i = 0; i < indicesAndValues.length; i += 2) {
            features.getIndices().add(indicesAndValues[i].intValue());
            features.getValues().add(indicesAndValues[i + 1].doubleValue());
        }
        return features;
    }

    private static Object huge(Object features) {
        if (features instanceof List<?> dense) {
            return dense(dense.size(), 1e300);
        }
        return features instanceof SparseFeatures ? sparse(1, 1e300) : Map.of("distance", 1e300);
    }

    private CorpusRecord order() {
        count++;
        String shop = random.nextInt(30) == 0 ? null : "shop-" + random.nextInt(4);
        byte[] value = order(random.nextInt(4) == 0 ? LATER_ORDER_ID : ORDER_ID, shop, random.nextDouble());
        if (count % 97 == 0) {
            return record("shop-2", null);
        }
        return switch (random.nextInt(80)) {
            case 0 -> record(shop, "not Avro".getBytes(StandardCharsets.UTF_8));
            case 1 -> record(shop, Arrays.copyOf(value, value.length - 1));
            case 2 -> record(shop, withId(value, UNKNOWN_ID));
            case 3 -> record(shop, withId(value, NOT_A_RECORD_ID));
            case 4 -> record(shop, order(UNLABELLED_ORDER_ID, shop, 1));
            case 5 -> record(shop, order(ORDER_ID, shop, Double.NaN));
            case 6 -> record(shop, order(ORDER_ID, "x".repeat(1025), 1));
            case 7 -> record(shop, order(ORDER_ID, shop + "x".repeat(5000), 1));
            default -> record(shop, value);
        };
    }

    private byte[] order(int id, String shop, double amount) {
        GenericRecord order = new GenericData.Record(SCHEMAS.get(id));
        order.put("shop", shop);
        order.put("amount", id == LATER_ORDER_ID ? (Object) (float) (50 * amount) : (Object) (50 * amount));
        if (id != UNLABELLED_ORDER_ID) {
            order.put("id", "order-" + count);
            order.put("weight", random.nextInt(3) == 0 ? 2 * random.nextDouble() : null);
            order.put("status", random.nextInt(9) == 0 ? null : random.nextInt(3) == 0 ? "fraud" : "fine");
        }
        if (id == LATER_ORDER_ID) {
            order.put("country", random.nextInt(5) == 0 ? null : "C" + random.nextInt(5));
        }
        if (id == ORDER_ID) {
            order.put("items", random.nextInt(20));
            order.put("at", 1_700_000_000_000L + 3_600_000L * random.nextInt(500));
            if (random.nextInt(6) > 0) {
                GenericRecord customer = new GenericData.Record(order.getSchema()
                        .getField("customer")
                        .schema()
                        .getTypes()
                        .get(1));
                customer.put("age", random.nextInt(5) == 0 ? null : 18 + random.nextInt(60));
                customer.put("vip", random.nextBoolean());
                order.put("customer", customer);
            }
            List<String> tags = new ArrayList<>();
            List<Float> scores = new ArrayList<>();
            Map<String, Long> counts = new LinkedHashMap<>();
            for (int i = random.nextInt(4); i > 0; i--) {
                tags.add("tag" + random.nextInt(6));
                scores.add(random.nextFloat());
                counts.put("k" + i, (long) random.nextInt(100));
            }
            order.put("tags", tags);
            order.put("scores", scores);
            order.put("counts", counts);
            order.put(
                    "channel",
                    new GenericData.EnumSymbol(
                            order.getSchema().getField("channel").schema(),
                            List.of("WEB", "APP", "SHOP").get(random.nextInt(3))));
        }
        ByteArrayOutputStream out = header(id);
        try {
            BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
            new GenericDatumWriter<GenericRecord>(order.getSchema()).write(order, encoder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    private static byte[] encode(Example example) {
        ByteArrayOutputStream out = header(EXAMPLE_ID);
        try {
            BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
            new SpecificDatumWriter<>(Example.class).write(example, encoder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    private static ByteArrayOutputStream header(int id) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(ByteBuffer.allocate(5).putInt(1, id).array());
        return out;
    }

    private static byte[] withId(byte[] value, int id) {
        return ByteBuffer.wrap(value.clone()).putInt(1, id).array();
    }
}
