package io.thalweg.input;

import com.google.protobuf.CodedOutputStream;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.Example;
import io.thalweg.math.Rejection;
import io.thalweg.registry.ProtobufParser;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.CommandLineOptionException;
import org.openjdk.jmh.runner.options.CommandLineOptions;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/**
 * Decoding and mapping of an event of 5 numbers and 5 texts, in each format. Not a test;
 * {@code mvn -Pjmh test-compile exec:exec -Djmh.main=io.thalweg.input.DecodeBenchmark} runs it.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
public class DecodeBenchmark {
    private static final int EVENTS = 1024;
    private static final int EACH = 5;

    /**
     * How the values are written. {@code json-spaces} has spaces after commas and colons, as Python's
     * {@code json.dumps} writes them, and {@code json-escapes} also escapes what is not in ASCII, as that does.
     */
    @Param({"avro", "protobuf", "json", "json-spaces", "json-escapes"})
    public String format;

    /**
     * What the values are: numbers with two decimals and texts in ASCII; numbers of about 17 digits, as random doubles
     * have; texts with a letter beyond ASCII; texts with quotes, which JSON has to escape.
     */
    @Param({"plain", "digits", "accents", "quotes"})
    public String values;

    private final Example x = new Example();
    private final byte[][] events = new byte[EVENTS][];
    private RecordReader reader;
    private int next;

    /** The same events in each format. */
    @Setup
    public void write() throws IOException {
        StringBuilder proto = new StringBuilder("syntax = \"proto3\"; message Event {");
        SchemaBuilder.FieldAssembler<Schema> fields =
                SchemaBuilder.record("Event").fields();
        for (int i = 0; i < EACH; i++) {
            fields = fields.requiredDouble("number" + i).requiredString("text" + i);
            proto.append("double number%d = %d; string text%1$d = %d;".formatted(i, 2 * i + 1, 2 * i + 2));
        }
        proto.append("bool label = %d; }".formatted(2 * EACH + 1));
        Schema schema = fields.requiredBoolean("label").endRecord();
        boolean isJson = format.startsWith("json");
        SplittableRandom random = new SplittableRandom(1);
        for (int k = 0; k < EVENTS; k++) {
            GenericRecord event = new GenericData.Record(schema);
            StringBuilder json = new StringBuilder("{");
            ByteArrayOutputStream protobuf = new ByteArrayOutputStream();
            protobuf.writeBytes(new byte[] {0, 0, 0, 0, 1, 0});
            CodedOutputStream out = CodedOutputStream.newInstance(protobuf);
            for (int i = 0; i < EACH; i++) {
                double number = values.equals("digits") ? random.nextDouble() : random.nextInt(100_000) / 100.0;
                String text = text(random.nextInt(1000));
                event.put("number" + i, number);
                event.put("text" + i, text);
                out.writeDouble(2 * i + 1, number);
                out.writeString(2 * i + 2, text);
                json.append("\"number%d\":%s,\"text%1$d\":\"%s\",".formatted(i, number, text.replace("\"", "\\\"")));
            }
            event.put("label", k % 2 == 0);
            out.writeBool(2 * EACH + 1, k % 2 == 0);
            out.flush();
            json.append("\"label\":%s}".formatted(k % 2 == 0));
            events[k] = switch (format) {
                case "avro" -> avro(schema, event);
                case "protobuf" -> protobuf.toByteArray();
                case "json" -> json(json.toString());
                case "json-spaces" -> json(withSpaces(json.toString()));
                case "json-escapes" -> json(withSpaces(json.toString()).replace("ü", "\\u00fc"));
                default -> throw new IllegalArgumentException(format);
            };
        }
        ThalwegConfig config = new ThalwegConfig(
                Map.of(ThalwegConfig.LABEL, "label", ThalwegConfig.EXAMPLES_FORMAT, isJson ? "json" : format));
        ProtobufSchema ofProtobuf = ProtobufParser.parse(proto.toString(), Map.of());
        SchemaSource schemas = new SchemaSource() {
            @Override
            public Schema writerSchema(int id) {
                return schema;
            }

            @Override
            public ProtobufSchema protobufSchema(int id) {
                return ofProtobuf;
            }
        };
        reader = new RecordReader(schemas, config, "m");
    }

    private String text(int number) {
        return switch (values) {
            case "accents" -> "münchen" + number;
            case "quotes" -> "\"value\" " + number;
            default -> "value" + number;
        };
    }

    private static String withSpaces(String json) {
        return json.replace(":", ": ").replace(",", ", ");
    }

    private static byte[] json(String json) {
        return json.getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] avro(Schema schema, GenericRecord event) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(new byte[] {0, 0, 0, 0, 1});
        BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
        new GenericDatumWriter<GenericRecord>(schema).write(event, encoder);
        encoder.flush();
        return out.toByteArray();
    }

    @Benchmark
    public Example decode() throws Rejection {
        reader.example(events[next++ & EVENTS - 1], "m", x);
        return x;
    }

    /** @param args options of JMH, which win over what is chosen here */
    public static void main(String[] args) throws RunnerException, CommandLineOptionException {
        new Runner(new OptionsBuilder()
                        .parent(new CommandLineOptions(args))
                        .include(DecodeBenchmark.class.getName())
                        .addProfiler(GCProfiler.class)
                        .build())
                .run()
                .forEach(result -> System.out.printf(
                        Locale.ROOT,
                        "%-12s  %-8s  %8.0f ns/event  %8.1f bytes/event%n",
                        result.getParams().getParam("format"),
                        result.getParams().getParam("values"),
                        result.getPrimaryResult().getStatistics().getMin(),
                        result.getSecondaryResults().get("gc.alloc.rate.norm").getScore()));
    }
}
