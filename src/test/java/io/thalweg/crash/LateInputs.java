package io.thalweg.crash;

import io.thalweg.avro.Example;
import io.thalweg.config.ThalwegConfig;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.function.Supplier;

/**
 * Events without labels, and their labels on a topic of their own, without end, that follow from a seed. Labels come
 * before their events, soon, late, too late, twice, and never. Timestamps are those of a stream with an event each
 * millisecond.
 */
final class LateInputs implements Supplier<Input> {
    static final int LENGTH = 3;
    static final long WAIT_MS = 2000;
    static final long EARLY_MS = 300;

    private static final int MODELS = 5;
    private static final long START = 1_750_000_000_000L;

    private final Random random;
    private final int partitions;
    private final PriorityQueue<Due> due = new PriorityQueue<>(Comparator.comparingLong(Due::at));
    private long count;

    /** A label on its way. */
    private record Due(long at, String id, int model, double label) {}

    LateInputs(Random random, int partitions) {
        this.random = random;
        this.partitions = partitions;
    }

    @Override
    public Input get() {
        long now = START + count;
        if (!due.isEmpty() && due.peek().at <= now) {
            Due label = due.poll();
            return input(
                    ThalwegConfig.LABELS_TOPIC, label.at, label.model, new Example(label.id, label.label, 1.0, null));
        }
        count++;
        int model = random.nextInt(MODELS);
        String id = "e" + count;
        List<Double> features = new ArrayList<>();
        for (int i = 0; i < LENGTH; i++) {
            features.add(random.nextGaussian());
        }
        double y = features.get(0) - features.get(1) + random.nextGaussian() > 0 ? 1 : 0;
        switch (random.nextInt(20)) {
            case 0, 1, 2 -> {
                // never
            }
            case 3 -> due.add(new Due(now + WAIT_MS + 1 + random.nextInt(1500), id, model, y));
            case 4 -> {
                due.add(new Due(now + random.nextInt(1000), id, model, y));
                due.add(new Due(now + random.nextInt(1000), id, model, y));
            }
            default -> due.add(new Due(now - 100 + random.nextInt((int) WAIT_MS), id, model, y));
        }
        // an event that comes after its label
        long lag = random.nextInt(30) == 0 ? 50 : 0;
        return input(ThalwegConfig.EXAMPLES_TOPIC, now - lag, model, new Example(id, null, 1.0, features));
    }

    private Input input(String topic, long timestamp, int model, Example example) {
        String name = "m" + model;
        return new Input(
                topic,
                timestamp,
                model % partitions,
                name.getBytes(StandardCharsets.UTF_8),
                AvroWireFormat.encode(example),
                name,
                example,
                null);
    }
}
