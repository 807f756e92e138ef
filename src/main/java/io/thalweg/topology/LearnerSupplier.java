package io.thalweg.topology;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.fold.LearningTask;
import io.thalweg.input.ReadAhead;
import io.thalweg.input.SchemaSource;
import io.thalweg.output.OutputRecord;
import io.thalweg.store.StartModels;
import io.thalweg.store.TaskState;
import java.nio.file.Path;
import java.util.Set;
import java.util.function.LongSupplier;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorSupplier;
import org.apache.kafka.streams.state.StoreBuilder;

/**
 * The learner as a node for any topology. It takes the raw keys and values of an examples topic, and forwards what the
 * learner publishes. It brings its own store. {@link LearnerTopology} uses it, and other topologies can:
 *
 * <pre>{@code
 * KStream<byte[], OutputRecord> learned = builder
 *     .stream("examples", Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
 *     .process(new LearnerSupplier(config, schemas, "default"), Named.as("learner"));
 * }</pre>
 *
 * <p>Start such a topology with {@code io.thalweg.clients.StrictClients}; its documentation says why.
 *
 * <p>The keys of output records are those of their topic, which is {@link OutputRecord#topic()}.
 */
public final class LearnerSupplier implements ProcessorSupplier<byte[], byte[], byte[], OutputRecord> {
    /** The name of the store, from which Kafka Streams makes the name of the changelog topic. */
    public static final String STORE = "weights";

    private final ThalwegConfig config;
    private final SchemaSource schemas;
    private final String keyless;
    private final boolean hasSinks;
    /** Null if nobody reads. */
    private final CommittedReads readers;

    /** Null if nothing is read ahead. */
    private final ReadAhead ahead;

    private final StartModels start;
    private final int partitions;
    private final InputWatch watch;
    private final LongSupplier nanoTime;

    /**
     * Creates a supplier of nodes that forward every output record to every child.
     *
     * @param schemas finds the schema that an example was written with
     * @param keyless the model of records without a key; empty if these become dead letters, as they must if the input
     *     has more than one partition
     * @throws org.apache.kafka.common.config.ConfigException if {@value ThalwegConfig#MODEL_START} cannot be used
     */
    public LearnerSupplier(ThalwegConfig config, SchemaSource schemas, String keyless) {
        this(config, schemas, keyless, false, 0, InputWatch.NONE, null, null, System::nanoTime);
    }

    /**
     * Creates a supplier.
     *
     * @param hasSinks whether each child is the sink of an output topic, and only gets the records for it
     * @param partitions how many the input has; 0 if that is not known
     * @param watch knows more of the input
     * @param readers what other threads want to read of committed state; null if nobody does
     * @param ahead reads examples ahead; null if nothing does
     * @param nanoTime the clock by which publishing takes a part of the time at most
     */
    LearnerSupplier(
            ThalwegConfig config,
            SchemaSource schemas,
            String keyless,
            boolean hasSinks,
            int partitions,
            InputWatch watch,
            CommittedReads readers,
            ReadAhead ahead,
            LongSupplier nanoTime) {
        this.ahead = ahead;
        this.nanoTime = nanoTime;
        this.config = config;
        this.schemas = schemas;
        this.keyless = keyless;
        this.hasSinks = hasSinks;
        this.readers = readers;
        start = StartModels.of(config);
        this.partitions = partitions;
        this.watch = watch;
    }

    @Override
    public Processor<byte[], byte[], byte[], OutputRecord> get() {
        return new LearnerProcessor(config, hasSinks, partitions, watch, ahead, new PublishingPace(nanoTime));
    }

    @Override
    public Set<StoreBuilder<?>> stores() {
        return Set.of(WeightStore.builder(
                STORE,
                () -> new LearningTask(
                        config,
                        schemas,
                        keyless,
                        TaskState.logged(STORE, directory(config))
                                .of(config.getString(ThalwegConfig.EXAMPLES_TOPIC), partitions),
                        start),
                readers));
    }

    /** Returns the name of the topic that contains the state of a learner. */
    public static String changelog(ThalwegConfig config) {
        return config.getString(ThalwegConfig.APPLICATION_ID) + "-" + STORE + "-changelog";
    }

    /** Returns where a task can have temporary files: the state directory of Kafka Streams. */
    public static Path directory(ThalwegConfig config) {
        Object given = config.clients().get(StreamsConfig.STATE_DIR_CONFIG);
        return Path.of(
                String.valueOf(
                        given != null
                                ? given
                                : StreamsConfig.configDef().defaultValues().get(StreamsConfig.STATE_DIR_CONFIG)),
                config.getString(ThalwegConfig.APPLICATION_ID));
    }
}
