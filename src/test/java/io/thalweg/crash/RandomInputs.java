package io.thalweg.crash;

import io.thalweg.avro.Example;
import io.thalweg.avro.SparseFeatures;
import io.thalweg.math.Rejection.Reason;
import io.thalweg.testing.Seed;
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
import java.util.function.Supplier;

/**
 * Examples of every kind, without end, that follow from a seed: labelled and not, with and without importance and id,
 * dense, sparse, hashed and named, of several models; in between some that cannot be used, and models that are deleted
 * and begin again.
 */
final class RandomInputs implements Supplier<Input> {
    /**
     * Models with dense examples begin with this. They are never deleted, so that their weights can be
     * computed by hand.
     */
    static final String DENSE_PREFIX = "dense-";

    static final int DENSE_LENGTH = 8;
    private static final int DENSE = 2;
    private static final int NAMED = 3;
    private static final int SPARSE = 2;
    private static final int MODELS = DENSE + NAMED + SPARSE + 1;
    private static final int HASHED_SPACE = 1 << 18;

    private final Random random;
    private final int partitions;
    private long count;

    RandomInputs(Seed seed, int partitions) {
        random = seed.random();
        this.partitions = partitions;
    }

    @Override
    public Input get() {
        count++;
        int number = random.nextInt(MODELS);
        String model = model(number);
        int partition = number % partitions;
        byte[] key = model.getBytes(StandardCharsets.UTF_8);
        Example example = example(number);
        byte[] value = AvroWireFormat.encode(example);
        if (count % 5003 == 0 && number >= DENSE) {
            return new Input(partition, key, null, model, null, null);
        }
        return switch (random.nextInt(400)) {
            case 0 -> unusable(partition, key, "not Avro".getBytes(StandardCharsets.UTF_8), Reason.UNREADABLE);
            case 1 -> unusable(partition, key, Arrays.copyOf(value, value.length - 1), Reason.UNREADABLE);
            case 2 -> {
                ByteBuffer.wrap(value).putInt(1, 99);
                yield unusable(partition, key, value, Reason.UNKNOWN_SCHEMA);
            }
            case 3 -> unusable(partition, new byte[] {(byte) 0xff}, value, Reason.BAD_KEY);
            case 4 ->
                partitions == 1
                        ? new Input(partition, null, value, "default", example, null)
                        : unusable(partition, null, value, Reason.NO_KEY);
            case 5 -> usable(partition, model, new Example(null, 1.5, 1.0, example.getFeatures()));
            case 6 -> usable(partition, model, new Example(null, 1.0, -1.0, example.getFeatures()));
            case 7 -> usable(partition, model, new Example(null, 1.0, 1.0, null));
            case 8 -> usable(partition, model, new Example(null, 1.0, 1.0, Map.of("x", Double.NaN)));
            case 9 ->
                usable(
                        partition,
                        model,
                        new Example(null, 1.0, 1.0, new SparseFeatures(List.of(3, 3), List.of(1.0, 1.0))));
            // another form than the model has; or, where it has just been deleted, from now on the form it has
            case 10 -> usable(partition, model, new Example(null, 1.0, 1.0, count < 1000 ? null : Map.of("x", 1.0)));
            // a step beyond the range of a double
            case 11 -> usable(partition, model, new Example(null, 1.0, 1e10, huge(example.getFeatures())));
            default -> new Input(partition, key, value, model, example, null);
        };
    }

    private static Input unusable(int partition, byte[] key, byte[] value, Reason reason) {
        return new Input(partition, key, value, null, null, reason);
    }

    private static Input usable(int partition, String model, Example example) {
        return new Input(
                partition,
                model.getBytes(StandardCharsets.UTF_8),
                AvroWireFormat.encode(example),
                model,
                example,
                null);
    }

    private static Object huge(Object features) {
        if (features instanceof List<?> dense) {
            return Collections.nCopies(dense.size(), 1e300);
        }
        if (features instanceof SparseFeatures) {
            return new SparseFeatures(List.of(1), List.of(1e300));
        }
        return Map.of("distance", 1e300);
    }

    private static String model(int number) {
        if (number < DENSE) {
            return DENSE_PREFIX + number;
        }
        if (number < DENSE + NAMED) {
            return "named-é-" + number;
        }
        return number < MODELS - 1 ? "sparse-" + number : "hashed";
    }

    private Example example(int number) {
        Object features;
        double evidence;
        if (number < DENSE) {
            List<Double> values = new ArrayList<>();
            for (int i = 0; i < DENSE_LENGTH; i++) {
                values.add(random.nextGaussian());
            }
            features = values;
            evidence = values.get(0) - values.get(1);
        } else if (number < DENSE + NAMED) {
            int carrier = random.nextInt(12);
            int hour = random.nextInt(24);
            double distance = random.nextDouble();
            // with routes there are more names than are kept, and some are hashed
            Map<CharSequence, Double> named = new LinkedHashMap<>();
            named.put("carrier=" + carrier, 1.0);
            named.put("hour=" + hour, 1.0);
            if (number > DENSE) {
                named.put("route=" + carrier + "-" + random.nextInt(20), 1.0);
            }
            named.put("distance", distance);
            features = named;
            evidence = (hour - 12) / 6.0 + distance;
        } else {
            Set<Integer> indices = new LinkedHashSet<>();
            List<Double> values = new ArrayList<>();
            boolean hashed = number == MODELS - 1;
            int size = hashed ? 20 : 5;
            while (indices.size() < size) {
                // many that are met often, and a long tail
                double u = random.nextDouble();
                indices.add((int) (hashed ? HASHED_SPACE * u * u * u : 40 * u));
            }
            for (int i = 0; i < size; i++) {
                values.add(random.nextGaussian());
            }
            features = new SparseFeatures(new ArrayList<>(indices), values);
            evidence = values.get(0);
        }
        double y = evidence + random.nextGaussian() > 0 ? 1 : 0;
        Double label = switch (random.nextInt(20)) {
            case 0, 1 -> null;
            case 2 -> 0.1 + 0.8 * y;
            default -> y;
        };
        double importance = switch (random.nextInt(20)) {
            case 0 -> 0.0;
            case 1 -> 2.5;
            default -> 1.0;
        };
        return new Example(random.nextInt(10) == 0 ? "e" + count : null, label, importance, features);
    }
}
