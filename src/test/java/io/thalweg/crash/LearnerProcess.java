package io.thalweg.crash;

import io.thalweg.avro.DeadLetter;
import io.thalweg.avro.Example;
import io.thalweg.avro.Metrics;
import io.thalweg.avro.Outcome;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.Weights;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.SchemaSource;
import io.thalweg.input.UnknownSchemaException;
import io.thalweg.runtime.LearnerRuntime;
import io.thalweg.runtime.StopException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;

/** The learner in a process of its own. Schemas have fixed ids, so that no registry is needed. */
final class LearnerProcess {
    /** What it says when it has committed and stopped. */
    static final String CLOSED = "closed cleanly";

    private static final List<Schema> SCHEMAS = List.of(
            Example.getClassSchema(),
            Prediction.getClassSchema(),
            Weights.getClassSchema(),
            Metrics.getClassSchema(),
            DeadLetter.getClassSchema(),
            Outcome.getClassSchema());

    private LearnerProcess() {}

    /** The id of a schema. */
    static int id(Schema schema) {
        return 1 + SCHEMAS.indexOf(schema);
    }

    /** The schema with an id. */
    static Schema schema(int id) throws UnknownSchemaException {
        if (id < 1 || id > SCHEMAS.size()) {
            throw new UnknownSchemaException(id);
        }
        return SCHEMAS.get(id - 1);
    }

    /** The settings in arguments, each as name=value. @param from the first of them */
    static Map<String, String> settings(String[] args, int from) {
        Map<String, String> settings = new LinkedHashMap<>();
        for (String arg : Arrays.asList(args).subList(from, args.length)) {
            int equals = arg.indexOf('=');
            settings.put(arg.substring(0, equals), arg.substring(equals + 1));
        }
        return settings;
    }

    /** The schemas with their fixed ids. */
    private static final class FixedSchemas implements SchemaSource {
        @Override
        public Schema writerSchema(int id) throws UnknownSchemaException {
            return schema(id);
        }

        @Override
        public SchemaSource withoutAsking() {
            return this;
        }
    }

    /** @param args settings, each as name=value */
    public static void main(String[] args) {
        JavaProcess.endWithParent();
        LearnerRuntime learner = LearnerRuntime.start(
                new ThalwegConfig(settings(args, 0)), new FixedSchemas(), (topic, schema) -> id(schema));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            learner.close();
            System.err.println(CLOSED);
        }));
        try {
            learner.await();
        } catch (StopException e) {
            System.err.println(e.getMessage());
            Runtime.getRuntime().halt(e.exitCode().code());
        }
    }
}
