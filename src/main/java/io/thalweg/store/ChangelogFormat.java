package io.thalweg.store;

import io.thalweg.math.FeatureForm;
import io.thalweg.math.LabelCounts;
import io.thalweg.math.Model;
import io.thalweg.math.ProgressiveValidation;
import io.thalweg.store.InputOffsets.UnreadGap;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * The format of the records in the changelog. A key begins with a letter that says what the record is; a value begins
 * with the version of its format.
 *
 * <table>
 * <caption>Records</caption>
 * <tr><th>key</th><th>value</th></tr>
 * <tr><td>m, model id</td><td>the head of a model: everything but weights and names; with the first part of the journal
 *     that is later, and the number of the model in the journal</td></tr>
 * <tr><td>b, block, model id</td><td>a block: the version that last changed it, and the state of its features</td></tr>
 * <tr><td>n, chunk, model id</td><td>up to {@value #NAMES_IN_CHUNK} names, the first of which has the number
 *     chunk·{@value #NAMES_IN_CHUNK}</td></tr>
 * <tr><td>l, part</td><td>a part of the {@link Journal}: steps of models, and what was last published of them</td></tr>
 * <tr><td>o, partition, topic</td><td>the next offset of a partition of the input</td></tr>
 * <tr><td>s</td><td>the settings, with the offsets from which they applied</td></tr>
 * <tr><td>w, part</td><td>a part of the {@link WaitingEvents}: events and labels that wait</td></tr>
 * <tr><td>d, model id</td><td>a deletion of a model of which outdated events may still be in these parts</td></tr>
 * <tr><td>c, model id</td><td>the {@link LabelCounts} of a model</td></tr>
 * <tr><td>t</td><td>the time of the stream, and the number of outcomes</td></tr>
 * <tr><td>u, partition, topic</td><td>what retention deleted of the input before it was applied</td></tr>
 * <tr><td>y</td><td>the {@link Layout} that the models were learned in</td></tr>
 * <tr><td>h</td><td>the {@link PastLayout}s; only in partition 0</td></tr>
 * </table>
 */
final class ChangelogFormat {
    /** The format of records that have had only one. */
    static final byte FORMAT = 1;
    /**
     * The format of a head. In format 1 the shared state was only a bias. Up to format 2 there was nothing about the
     * journal. Up to format 3 models had no numbers. Up to format 4 {@code auto} and scales kept other state.
     */
    static final byte HEAD_FORMAT = 5;
    /** The first format of a head in which models have numbers. */
    private static final byte HEAD_FORMAT_WITH_NUMBERS = 4;

    /** The format of a block. In format 1 it had a number for every feature, whether or not it was met. */
    static final byte BLOCK_FORMAT = 2;
    /**
     * The format of a part of the journal. Format 1, which is not read, had the steps of each model together, under its
     * id.
     */
    static final byte PART_FORMAT = 3;
    /** The format of a part of the events that wait. It is the first byte, before the entries. */
    static final byte WAITING_FORMAT = 1;

    /** The format in which no step had a target. */
    private static final byte PART_FORMAT_WITHOUT_TARGETS = 2;
    /** How many bytes are before the entries in a part of the journal. */
    static final int PART_HEADER = 1;

    /** The number of a model whose head has none. */
    static final int NO_NUMBER = -1;

    static final int NAMES_IN_CHUNK = 64;

    static final byte HEAD = 'm';
    static final byte BLOCK = 'b';
    static final byte NAMES = 'n';
    static final byte OFFSET = 'o';
    static final byte SETTINGS = 's';
    static final byte JOURNAL = 'l';
    static final byte WAITING = 'w';
    static final byte DELETION = 'd';
    static final byte COUNTS = 'c';
    static final byte CLOCK = 't';
    static final byte GAPS = 'u';
    static final byte LAYOUT = 'y';
    static final byte PAST = 'h';
    /** Steps of one model, and its last publication, as they were written before there was one journal for all. */
    static final byte STEPS_OF_MODEL = 'j';

    static final byte PUBLISHED_OF_MODEL = 'p';

    private ChangelogFormat() {}

    // ---- keys

    static byte[] headKey(String model) {
        return key(HEAD, model);
    }

    static byte[] journalKey(long part) {
        return ByteBuffer.allocate(1 + Long.BYTES).put(JOURNAL).putLong(part).array();
    }

    static byte[] waitingKey(long part) {
        return ByteBuffer.allocate(1 + Long.BYTES).put(WAITING).putLong(part).array();
    }

    static byte[] deletionKey(String model) {
        return key(DELETION, model);
    }

    static byte[] countsKey(String model) {
        return key(COUNTS, model);
    }

    static byte[] clockKey() {
        return new byte[] {CLOCK};
    }

    private static byte[] key(byte kind, String model) {
        byte[] id = model.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(1 + id.length).put(kind).put(id).array();
    }

    static byte[] key(byte kind, int number, String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(5 + utf8.length)
                .put(kind)
                .putInt(number)
                .put(utf8)
                .array();
    }

    static byte[] settingsKey() {
        return new byte[] {SETTINGS};
    }

    static byte[] layoutKey() {
        return new byte[] {LAYOUT};
    }

    static byte[] pastKey() {
        return new byte[] {PAST};
    }

    /** Returns the text at the end of a key, after the letter and, if there was one, the number have been read. */
    static String text(ByteBuffer key) {
        return StandardCharsets.UTF_8.decode(key).toString();
    }

    // ---- values

    private interface Writer {
        void write(DataOutputStream out) throws IOException;
    }

    private interface Reader<T> {
        T read(DataInputStream in) throws IOException;
    }

    private static byte[] write(Writer writer) {
        return write(FORMAT, writer);
    }

    private static byte[] write(byte format, Writer writer) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.writeByte(format);
            writer.write(out);
        } catch (IOException e) {
            throw new UncheckedIOException("writing to memory", e);
        }
        return bytes.toByteArray();
    }

    private static <T> T read(byte[] value, Reader<T> reader) {
        return read(value, FORMAT, reader);
    }

    private static <T> T read(byte[] value, byte format, Reader<T> reader) {
        checkFormat(value, format);
        try {
            return reader.read(new DataInputStream(new ByteArrayInputStream(value, 1, value.length - 1)));
        } catch (IOException | RuntimeException e) {
            throw new StateException("the changelog has a damaged record ("
                    + (e.getMessage() == null ? "it is too short" : e.getMessage())
                    + "); delete this learner's state with `thalweg reset` and learn again from the input");
        }
    }

    private static void checkFormat(byte[] value, byte format) {
        checkFormat(value, FORMAT, format);
    }

    private static void checkFormat(byte[] value, byte from, byte format) {
        if (value.length == 0 || value[0] < from || value[0] > format) {
            throw new StateException("the changelog is written in format " + (value.length == 0 ? "none" : value[0])
                    + ", and this version of Thalweg reads format " + format
                    + "; run the version that wrote it, or delete this learner's state with `thalweg reset`");
        }
    }

    /**
     * Returns the record of a head.
     *
     * @param entry the model
     * @param part the first part of the journal that is later
     */
    static byte[] head(ModelEntry entry, long part) {
        Model.Head head = entry.model().head();
        return write(HEAD_FORMAT, out -> {
            out.writeByte(head.form().ordinal());
            out.writeInt(head.length());
            out.writeInt(head.extent());
            out.writeInt(head.shared().length);
            for (double value : head.shared()) {
                out.writeDouble(value);
            }
            out.writeLong(head.version());
            out.writeDouble(head.learningRate());
            out.writeLong(entry.published().version());
            out.writeBoolean(entry.published().isWhole());
            head.validation().write(out);
            out.writeLong(part);
            out.writeInt(entry.number);
        });
    }

    /**
     * A model without its blocks and names, as the changelog has it.
     *
     * @param format the format in which it was written
     * @param model the head of the model
     * @param publishedVersion the version that the weights topic has
     * @param publishedWhole whether the weights topic has it as one record
     * @param part the first part of the journal that is later
     * @param number the number of the model in the journal; {@link #NO_NUMBER} if it has none yet
     */
    record EntryHead(
            byte format, Model.Head model, long publishedVersion, boolean publishedWhole, long part, int number) {}

    static EntryHead readHead(byte[] value) {
        return read(value, HEAD_FORMAT, in -> {
            FeatureForm form = FeatureForm.values()[in.readByte()];
            int length = in.readInt();
            int extent = in.readInt();
            double[] shared = value[0] == FORMAT ? new double[] {in.readDouble()} : doubles(in);
            long version = in.readLong();
            double learningRate = in.readDouble();
            long publishedVersion = in.readLong();
            boolean publishedWhole = in.readBoolean();
            ProgressiveValidation validation = ProgressiveValidation.read(in);
            return new EntryHead(
                    value[0],
                    new Model.Head(form, length, extent, shared, version, learningRate, validation),
                    publishedVersion,
                    publishedWhole,
                    value[0] < 3 ? 0 : in.readLong(),
                    value[0] < HEAD_FORMAT_WITH_NUMBERS ? NO_NUMBER : in.readInt());
        });
    }

    private static double[] doubles(DataInputStream in) throws IOException {
        double[] values = new double[in.readInt()];
        for (int i = 0; i < values.length; i++) {
            values[i] = in.readDouble();
        }
        return values;
    }

    /**
     * Returns a digest of a model: of all that the changelog has of it, but for its place there.
     *
     * @param counts the counts of its labels; null if there are none
     */
    static String digest(ModelEntry entry, @Nullable LabelCounts counts) {
        Model model = entry.model();
        Model.Head head = model.head();
        MessageDigest digest = sha256();
        digest.update(write(out -> {
            out.writeByte(head.form().ordinal());
            out.writeInt(head.length());
            out.writeInt(head.extent());
            for (double value : head.shared()) {
                out.writeDouble(value);
            }
            out.writeLong(head.version());
            out.writeDouble(head.learningRate());
            out.writeLong(entry.published().version());
            out.writeBoolean(entry.published().isWhole());
            head.validation().write(out);
            out.writeBoolean(counts != null);
            if (counts != null) {
                counts.write(out);
            }
        }));
        for (int block = 0; block < model.blockEnd(); block++) {
            if (model.block(block) != null) {
                digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(0, block));
                digest.update(block(model, block));
            }
        }
        for (int chunk = 0; chunk * NAMES_IN_CHUNK < model.names().size(); chunk++) {
            digest.update(names(model, chunk));
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    static byte[] block(Model model, int block) {
        int count = model.used(block) * model.width();
        ByteBuffer record = ByteBuffer.allocate(blockBytes(model, block))
                .put(BLOCK_FORMAT)
                .putLong(model.changedAt(block))
                .putInt(count);
        record.asDoubleBuffer().put(model.block(block), 0, count);
        return record.array();
    }

    static void restoreBlock(Model model, int block, byte[] value) {
        read(value, BLOCK_FORMAT, in -> {
            long changedAt = in.readLong();
            int count = value[0] == FORMAT ? Model.BLOCK : in.readInt();
            if (in.available() != count * Double.BYTES) {
                throw new IOException("it has %d bytes for %d numbers".formatted(in.available(), count));
            }
            double[] values = new double[count];
            ByteBuffer.wrap(value, value.length - in.available(), in.available())
                    .asDoubleBuffer()
                    .get(values);
            model.restoreBlock(block, changedAt, values);
            return model;
        });
    }

    /** Returns the size of the record of a block. */
    static int blockBytes(Model model, int block) {
        return 1 + Long.BYTES + Integer.BYTES + model.used(block) * model.width() * Double.BYTES;
    }

    /** Returns the largest size that the records of all blocks can have together. */
    static long mostBlockBytes(Model model) {
        long features = Math.min(model.extent(), (long) model.blockCount() * Model.BLOCK);
        return features * model.width() * Double.BYTES;
    }

    /** Returns the record of a part of the journal. */
    static byte[] part(StepLogWriter entries) {
        byte[] part = new byte[PART_HEADER + entries.size()];
        part[0] = PART_FORMAT;
        entries.copyTo(part, PART_HEADER);
        return part;
    }

    /** Checks the format of a part of the journal, whose entries begin at {@link #PART_HEADER}. */
    static byte[] checkPart(byte[] value) {
        checkFormat(value, PART_FORMAT_WITHOUT_TARGETS, PART_FORMAT);
        return value;
    }

    static byte[] names(Model model, int chunk) {
        int from = chunk * NAMES_IN_CHUNK;
        int to = Math.min(from + NAMES_IN_CHUNK, model.names().size());
        return write(out -> {
            out.writeByte(to - from);
            for (int i = from; i < to; i++) {
                byte[] name = model.names().get(i);
                out.writeShort(name.length);
                out.write(name);
            }
        });
    }

    static List<byte[]> readNames(byte[] value) {
        return read(value, in -> {
            int count = in.readByte();
            List<byte[]> names = new ArrayList<>(count);
            for (int i = 0; i < count; i++) {
                names.add(in.readNBytes(in.readUnsignedShort()));
            }
            return names;
        });
    }

    static byte[] offset(long next) {
        return write(out -> out.writeLong(next));
    }

    static long readOffset(byte[] value) {
        return read(value, DataInputStream::readLong);
    }

    static byte[] gaps(List<UnreadGap> gaps) {
        return write(out -> {
            out.writeInt(gaps.size());
            for (UnreadGap gap : gaps) {
                out.writeLong(gap.from());
                out.writeLong(gap.to());
            }
        });
    }

    static List<UnreadGap> readGaps(byte[] value) {
        return read(value, in -> {
            List<UnreadGap> gaps = new ArrayList<>();
            for (int n = in.readInt(); n > 0; n--) {
                gaps.add(new UnreadGap(in.readLong(), in.readLong()));
            }
            return gaps;
        });
    }

    /** Checks the format of a part of the events that wait. */
    static byte[] checkWaiting(byte[] value) {
        checkFormat(value, WAITING_FORMAT, WAITING_FORMAT);
        return value;
    }

    static byte[] deletion(long order, long due) {
        return twoLongs(order, due);
    }

    /** Reads order and due. */
    static long[] readDeletion(byte[] value) {
        return readTwoLongs(value);
    }

    static byte[] clock(long time, long outcomes) {
        return twoLongs(time, outcomes);
    }

    /** Reads time and number of outcomes. */
    static long[] readClock(byte[] value) {
        return readTwoLongs(value);
    }

    private static byte[] twoLongs(long first, long second) {
        return write(out -> {
            out.writeLong(first);
            out.writeLong(second);
        });
    }

    private static long[] readTwoLongs(byte[] value) {
        return read(value, in -> new long[] {in.readLong(), in.readLong()});
    }

    static byte[] counts(LabelCounts counts) {
        return write(counts::write);
    }

    static LabelCounts readCounts(byte[] value) {
        return read(value, LabelCounts::read);
    }

    static byte[] settings(List<SettingsSpan> spans) {
        return write(out -> writeSpans(out, spans));
    }

    private static void writeSpans(DataOutputStream out, List<SettingsSpan> spans) throws IOException {
        out.writeInt(spans.size());
        for (SettingsSpan span : spans) {
            writeOffsets(out, span.from());
            out.writeInt(span.settings().size());
            for (Map.Entry<String, String> setting : span.settings().entrySet()) {
                out.writeUTF(setting.getKey());
                out.writeUTF(setting.getValue());
            }
        }
    }

    private static void writeOffsets(DataOutputStream out, Map<TopicPartition, Long> offsets) throws IOException {
        out.writeInt(offsets.size());
        for (Map.Entry<TopicPartition, Long> offset : offsets.entrySet()) {
            out.writeUTF(offset.getKey().topic());
            out.writeInt(offset.getKey().partition());
            out.writeLong(offset.getValue());
        }
    }

    static List<SettingsSpan> readSettings(byte[] value) {
        return read(value, ChangelogFormat::readSpans);
    }

    private static List<SettingsSpan> readSpans(DataInputStream in) throws IOException {
        List<SettingsSpan> spans = new ArrayList<>();
        for (int n = in.readInt(); n > 0; n--) {
            Map<TopicPartition, Long> from = readOffsets(in);
            Map<String, String> settings = new TreeMap<>();
            for (int i = in.readInt(); i > 0; i--) {
                settings.put(in.readUTF(), in.readUTF());
            }
            spans.add(new SettingsSpan(from, settings));
        }
        return spans;
    }

    private static Map<TopicPartition, Long> readOffsets(DataInputStream in) throws IOException {
        Map<TopicPartition, Long> offsets = new LinkedHashMap<>();
        for (int i = in.readInt(); i > 0; i--) {
            offsets.put(new TopicPartition(in.readUTF(), in.readInt()), in.readLong());
        }
        return offsets;
    }

    static byte[] layout(Layout layout) {
        return write(out -> writeLayout(out, layout));
    }

    private static void writeLayout(DataOutputStream out, Layout layout) throws IOException {
        out.writeInt(layout.partitions());
        KeyPartitioner partitioner = layout.partitioner();
        out.writeUTF(partitioner == null ? "" : partitioner.name());
    }

    static Layout readLayout(byte[] value) {
        return read(value, ChangelogFormat::readLayout);
    }

    private static Layout readLayout(DataInputStream in) throws IOException {
        int partitions = in.readInt();
        String partitioner = in.readUTF();
        return new Layout(partitions, partitioner.isEmpty() ? null : KeyPartitioner.valueOf(partitioner));
    }

    static byte[] past(List<PastLayout> layouts) {
        return write(out -> {
            out.writeInt(layouts.size());
            for (PastLayout past : layouts) {
                writeLayout(out, past.layout());
                out.writeInt(past.parts().size());
                for (PastLayout.PastPart part : past.parts()) {
                    writeOffsets(out, part.next());
                    writeSpans(out, part.spans());
                    out.writeInt(part.outputs().size());
                    for (Map.Entry<String, Long> output : part.outputs().entrySet()) {
                        out.writeUTF(output.getKey());
                        out.writeLong(output.getValue());
                    }
                }
            }
        });
    }

    static List<PastLayout> readPast(byte[] value) {
        return read(value, in -> {
            List<PastLayout> layouts = new ArrayList<>();
            for (int n = in.readInt(); n > 0; n--) {
                Layout layout = readLayout(in);
                List<PastLayout.PastPart> parts = new ArrayList<>();
                for (int i = in.readInt(); i > 0; i--) {
                    Map<TopicPartition, Long> next = readOffsets(in);
                    List<SettingsSpan> spans = readSpans(in);
                    Map<String, Long> outputs = new TreeMap<>();
                    for (int k = in.readInt(); k > 0; k--) {
                        outputs.put(in.readUTF(), in.readLong());
                    }
                    parts.add(new PastLayout.PastPart(next, spans, outputs));
                }
                layouts.add(new PastLayout(layout, parts));
            }
            return layouts;
        });
    }
}
