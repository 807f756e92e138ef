package io.thalweg.store;

import io.thalweg.avro.ModelBlock;
import io.thalweg.avro.ModelFileEntry;
import io.thalweg.avro.ModelHead;
import io.thalweg.avro.ModelNames;
import io.thalweg.avro.ModelOrigin;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.FeatureForm;
import io.thalweg.math.FeatureNames;
import io.thalweg.math.Model;
import io.thalweg.math.Optimizer;
import io.thalweg.math.ProgressiveValidation;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.apache.avro.file.CodecFactory;
import org.apache.avro.file.DataFileStream;
import org.apache.avro.file.DataFileWriter;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.avro.util.Utf8;
import org.apache.kafka.common.config.ConfigException;

/**
 * A file with models, all that their algorithm keeps of them, and where they come from: an Avro container file with
 * entries of the schema {@code schemas/model-file.avsc}.
 *
 * <p>What is written depends on the models and their origin alone, so that the same training gives the same bytes.
 */
public final class ModelFile {
    /**
     * The version of the meaning of the numbers that algorithms keep. To be raised when one of them gives a number
     * another meaning.
     */
    public static final int FORMAT = 1;

    private static final int COMPRESSION = 6;
    private static final int SYNC_BYTES = 16;

    private final Path path;
    private final String sha256;
    private final ModelOrigin origin;
    private final ThalwegConfig settings;
    private final List<Model> models;

    private ModelFile(Path path, String sha256, ModelOrigin origin, ThalwegConfig settings, List<Model> models) {
        this.path = path;
        this.sha256 = sha256;
        this.origin = origin;
        this.settings = settings;
        this.models = models;
    }

    /** Returns where the file was read from. */
    public Path path() {
        return path;
    }

    /** Returns the SHA-256 of the file, in hexadecimal. */
    public String sha256() {
        return sha256;
    }

    /** Returns where the models come from. */
    public ModelOrigin origin() {
        return origin;
    }

    /** Returns the settings that the models were learned with. */
    public ThalwegConfig settings() {
        return settings;
    }

    /** Returns the settings that the models were learned with, by name, as the file has them. */
    public Map<String, String> settingsByName() {
        return settings(origin);
    }

    /** Returns the models, in the order of the file. */
    public List<Model> models() {
        return models;
    }

    // ---- writing

    /**
     * Writes a file. It replaces one of the same name once it is complete.
     *
     * @param models models that have taken a step
     * @throws IOException if it cannot be written
     */
    public static void write(Path file, ModelOrigin origin, Collection<Model> models) throws IOException {
        Path incomplete = file.resolveSibling("." + file.getFileName() + ".incomplete");
        try {
            try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(incomplete));
                    DataFileWriter<ModelFileEntry> entries =
                            new DataFileWriter<>(new SpecificDatumWriter<>(ModelFileEntry.class))) {
                entries.setCodec(CodecFactory.deflateCodec(COMPRESSION));
                entries.create(ModelFileEntry.getClassSchema(), out, sync(origin));
                entries.append(new ModelFileEntry(origin));
                for (Model model : models) {
                    append(entries, model);
                }
            }
            Files.move(incomplete, file, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(incomplete);
        }
    }

    /** Returns what separates the blocks of the container. Avro would take random bytes. */
    private static byte[] sync(ModelOrigin origin) {
        byte[] digest = newDigest().digest(origin.toString().getBytes(StandardCharsets.UTF_8));
        return Arrays.copyOf(digest, SYNC_BYTES);
    }

    private static void append(DataFileWriter<ModelFileEntry> entries, Model model) throws IOException {
        Model.Head head = model.head();
        FeatureNames names = model.names();
        entries.append(new ModelFileEntry(new ModelHead(
                model.id(),
                head.form().name().toLowerCase(Locale.ROOT),
                head.length(),
                head.extent(),
                head.version(),
                head.learningRate(),
                model.bias(),
                list(head.shared(), head.shared().length),
                model.width(),
                names.size(),
                model.blockCount())));
        for (int from = 0; from < names.size(); from += ChangelogFormat.NAMES_IN_CHUNK) {
            List<CharSequence> chunk = new ArrayList<>();
            for (int i = from; i < Math.min(from + ChangelogFormat.NAMES_IN_CHUNK, names.size()); i++) {
                chunk.add(new Utf8(names.get(i)));
            }
            entries.append(new ModelFileEntry(new ModelNames(chunk)));
        }
        for (int block = 0; block < model.blockEnd(); block++) {
            double[] state = model.block(block);
            if (state != null) {
                double[] weights = model.weights(block);
                entries.append(new ModelFileEntry(new ModelBlock(
                        block * Model.BLOCK,
                        list(weights, weights.length),
                        list(state, weights.length * model.width()))));
            }
        }
    }

    private static List<Double> list(double[] numbers, int count) {
        List<Double> list = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            list.add(numbers[i]);
        }
        return list;
    }

    // ---- reading

    /**
     * Reads a file.
     *
     * @throws ConfigException if that is not possible; the message is one line for people
     */
    public static ModelFile read(Path file) {
        try (DigestInputStream in =
                        new DigestInputStream(new BufferedInputStream(Files.newInputStream(file)), newDigest());
                DataFileStream<ModelFileEntry> entries =
                        new DataFileStream<>(in, new SpecificDatumReader<>(ModelFileEntry.class))) {
            if (!(next(entries) instanceof ModelOrigin origin)) {
                throw new IOException("it does not begin with where its models come from");
            }
            if (origin.getFormat() != FORMAT) {
                throw new ConfigException("model file " + file + " has format " + origin.getFormat()
                        + ", and this version of Thalweg reads format " + FORMAT
                        + "; train it again, or use the version that wrote it: " + origin.getProgram());
            }
            ThalwegConfig settings = ThalwegConfig.ofReplayed(settings(origin));
            Optimizer optimizer = Optimizer.of(settings.learner());
            List<Model> models = new ArrayList<>();
            while (entries.hasNext()) {
                models.add(model(entries, optimizer));
            }
            if (models.isEmpty()) {
                throw new IOException("it has no model");
            }
            in.transferTo(OutputStream.nullOutputStream());
            return new ModelFile(file, hex(in.getMessageDigest()), origin, settings, List.copyOf(models));
        } catch (ConfigException e) {
            throw e;
        } catch (NoSuchFileException e) {
            throw new ConfigException("there is no model file " + file);
        } catch (IOException | RuntimeException e) {
            // a damaged file makes Avro throw many kinds of exceptions
            throw new ConfigException("cannot read the model file %s (%s: %s)"
                    .formatted(
                            file,
                            e.getClass().getSimpleName(),
                            String.valueOf(e.getMessage()).lines().findFirst().orElse("")));
        }
    }

    private static Map<String, String> settings(ModelOrigin origin) {
        Map<String, String> settings = new TreeMap<>();
        origin.getSettings().forEach((name, value) -> settings.put(name.toString(), value.toString()));
        return settings;
    }

    private static Object next(DataFileStream<ModelFileEntry> entries) throws IOException {
        if (!entries.hasNext()) {
            throw new IOException("it is not complete");
        }
        return entries.next().getContent();
    }

    private static Model model(DataFileStream<ModelFileEntry> entries, Optimizer optimizer) throws IOException {
        if (!(next(entries) instanceof ModelHead head)) {
            throw new IOException("the head of a model is missing");
        }
        double[] shared = array(head.getShared());
        if (!optimizer.keeps(head.getWidth(), shared.length) || head.getVersion() < 1 || head.getExtent() < 0) {
            throw new IOException("its algorithm does not keep such numbers");
        }
        Model model = new Model(head.getModel().toString());
        model.restore(new Model.Head(
                FeatureForm.valueOf(head.getForm().toString().toUpperCase(Locale.ROOT)),
                head.getLength(),
                head.getExtent(),
                shared,
                head.getVersion(),
                head.getLearningRate(),
                new ProgressiveValidation()));
        model.learnsBy(optimizer);
        FeatureNames names = new FeatureNames();
        while (names.size() < head.getNames()) {
            if (!(next(entries) instanceof ModelNames chunk) || chunk.getNames().isEmpty()) {
                throw new IOException("names of a model are missing");
            }
            for (CharSequence name : chunk.getNames()) {
                names.add(name instanceof Utf8 utf8 ? utf8(utf8) : utf8(new Utf8(name.toString())));
            }
        }
        model.restoreNames(names);
        for (int i = 0; i < head.getBlocks(); i++) {
            if (!(next(entries) instanceof ModelBlock block)) {
                throw new IOException("blocks of a model are missing");
            }
            double[] state = array(block.getState());
            if (block.getFirst() < 0
                    || block.getFirst() % Model.BLOCK != 0
                    || state.length % model.width() != 0
                    || state.length > Model.BLOCK * model.width()) {
                throw new IOException("a block of a model is not where blocks are");
            }
            model.restoreBlock(block.getFirst() / Model.BLOCK, model.version(), state);
        }
        model.restored();
        return model;
    }

    private static byte[] utf8(Utf8 text) {
        byte[] bytes = new byte[text.getByteLength()];
        System.arraycopy(text.getBytes(), 0, bytes, 0, bytes.length);
        return bytes;
    }

    private static double[] array(List<Double> list) {
        double[] numbers = new double[list.size()];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = list.get(i);
        }
        return numbers;
    }

    // ---- SHA-256

    /**
     * Computes the SHA-256 of a file.
     *
     * @return in hexadecimal
     * @throws IOException if the file cannot be read
     */
    public static String sha256(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file);
                DigestInputStream digest = new DigestInputStream(in, newDigest())) {
            digest.transferTo(OutputStream.nullOutputStream());
            return hex(digest.getMessageDigest());
        }
    }

    private static MessageDigest newDigest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    private static String hex(MessageDigest digest) {
        return HexFormat.of().formatHex(digest.digest());
    }
}
