package io.thalweg.app.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.thalweg.app.files.ExampleFile.BadLineException;
import io.thalweg.app.files.ExampleFile.Line;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.InputRecord;
import io.thalweg.input.RecordReader;
import io.thalweg.math.Example;
import io.thalweg.math.FeatureForm;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.StopException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Files of labels that come later, and timestamps in files. */
class LabelFileTest {
    private static ThalwegConfig config(String... settings) {
        Map<String, String> all = new HashMap<>(Map.of("labels.topic", "labels"));
        for (int i = 0; i < settings.length; i += 2) {
            all.put(settings[i], settings[i + 1]);
        }
        return new ThalwegConfig(all);
    }

    private static LabelRecords records(String... settings) {
        return new LabelRecords(config(settings), Map.of());
    }

    private static ExampleFile open(String name, String text, Columns columns) {
        return ExampleFile.read(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)), name, null, columns);
    }

    private static List<Line> lines(String name, String text, Columns columns) throws BadLineException {
        List<Line> lines = new ArrayList<>();
        ExampleFile file = open(name, text, columns);
        for (Line line = file.next(); line != null; line = file.next()) {
            lines.add(line);
        }
        return lines;
    }

    private static List<Line> labels(String name, String text, String... settings) throws BadLineException {
        return lines(name, text, Columns.ofLabels(records(settings), null));
    }

    private static void assertBad(String name, String text, Columns columns, String why) {
        assertThatThrownBy(() -> lines(name, text, columns))
                .isInstanceOf(BadLineException.class)
                .hasMessageContaining(why);
    }

    /** What the learner reads in a record: model, id, label and importance. */
    private static String read(ThalwegConfig config, Line line) throws Exception {
        GenericRecord record = line.label();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(ByteBuffer.allocate(5).putInt(1, 1).array());
        BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
        new GenericDatumWriter<GenericRecord>(record.getSchema()).write(record, encoder);
        RecordReader reader = new RecordReader(id -> record.getSchema(), config, "default");
        Example x = new Example();
        byte[] key = line.model() == null ? null : line.model().getBytes(StandardCharsets.UTF_8);
        reader.read(
                InputRecord.produced(new TopicPartition("labels", 0), 0, 0, key, out.toByteArray(), new RecordHeaders())
                        .asLabel(),
                x);
        return reader.modelId() + " " + new String(x.id(), StandardCharsets.UTF_8) + " " + x.label() + " "
                + x.importance();
    }

    @Test
    void aRowIsARecordWithTheFieldsOfTheSettings() throws Exception {
        List<Line> lines = labels("l.csv", """
                note,label,id
                x,1,a-1
                ,0.25,07
                y,true, b\s
                """);

        assertThat(lines)
                .extracting(line -> line.label().toString())
                .containsExactly(
                        "{\"id\": \"a-1\", \"label\": 1.0}",
                        "{\"id\": \"07\", \"label\": 0.25}",
                        "{\"id\": \"b\", \"label\": 1.0}");
        assertThat(lines).extracting(Line::example).containsOnlyNulls();
        assertThat(lines).extracting(Line::model).containsOnlyNulls();
        assertThat(lines).extracting(Line::time).containsOnlyNulls();
        assertThat(read(config(), lines.get(1))).isEqualTo("default 07 0.25 NaN");
    }

    @Test
    void importanceAndModelAreFieldsIfSettingsNameThem() throws Exception {
        String[] settings = {
            "labels.id.field", "order", "labels.importance.field", "loss", "labels.model.from", "field:shop"
        };
        List<Line> lines = labels("l.jsonl", """
                {"order": 17, "shop": "north", "label": 0, "loss": 2.5, "items": [1, 2], "by": {"clerk": "joe"}}
                {"label": true, "order": "x", "shop": "south", "loss": null}
                """, settings);

        assertThat(lines).extracting(Line::model).containsExactly("north", "south");
        assertThat(read(config(settings), lines.get(0))).isEqualTo("north 17 0.0 2.5");
        assertThat(read(config(settings), lines.get(1))).isEqualTo("south x 1.0 NaN");
    }

    @ParameterizedTest
    @CsvSource({
        "status == 'lost', lost, lost, 1.0",
        "status == 'lost', found, found, 0.0",
        "status == '7', 7, 7, 1.0",
        "status > 15, 20, 20.0, 1.0",
        "status > 15, -2, -2.0, 0.0",
        "status == true, true, 1.0, 1.0",
    })
    void aFieldThatTheLearnerComparesIsSentAsItIs(String label, String cell, String sent, double y) throws Exception {
        String[] settings = {"labels.label", label};
        Line line = labels("l.csv", "id,status\n1," + cell + "\n", settings).get(0);

        assertThat(line.label().get("status")).hasToString(sent);
        assertThat(read(config(settings), line)).isEqualTo("default 1 " + y + " NaN");
    }

    @Test
    void aLabelThatAllHaveInCommonIsNoField() throws Exception {
        Line line =
                labels("clicks.csv", "id,page\n1,home\n", "labels.label", "1").get(0);

        assertThat(line.label()).hasToString("{\"id\": \"1\"}");
        assertThat(read(config("labels.label", "1"), line)).isEqualTo("default 1 1.0 NaN");
    }

    @Test
    void optionsNameColumnsThatHaveOtherNames() throws Exception {
        LabelRecords records = new LabelRecords(
                config("labels.importance.field", "importance", "labels.model.from", "field:shop"),
                Map.of(
                        "labels.id.field",
                        "Order ID",
                        "labels.label",
                        "delay > 15",
                        "labels.importance.field",
                        "loss",
                        "labels.model.from",
                        "fixed:all"));
        Line line = lines("l.csv", "Order ID,delay,loss\n1,20,3\n", Columns.ofLabels(records, null))
                .get(0);

        assertThat(line.label()).hasToString("{\"id\": \"1\", \"label\": 1.0, \"importance\": 3.0, \"shop\": \"all\"}");
        assertThat(line.model()).isEqualTo("all");
    }

    @ParameterizedTest
    @CsvSource({
        "'id,label\n,1', column id is empty or missing",
        "'id,label\n1,', column label is empty or missing",
        "'id,label\n1,2', the label is 2.0; a label must be from 0 to 1",
        "'id,label\n1,lost', 'column label is \"lost\", which is neither a number nor a word such as yes; compare it'",
        "'id,label\n1,1,1', it has 3 cells",
    })
    void rowsThatTheLearnerWouldRefuseAreBadLines(String text, String why) {
        assertBad("l.csv", text.replace("\\n", "\n"), Columns.ofLabels(records(), null), why);
    }

    @ParameterizedTest
    @CsvSource({
        "'{\"id\": \"1\"}', column label is empty or missing",
        "'{\"id\": [1], \"label\": 1}', field id is a list",
        "'{\"id\": 1, \"label\": 1}', column shop is empty or missing",
        "'{\"id\": 1, \"label\": 1, \"shop\": \"\"}', the model id must have 1 to 1024 bytes",
        "'{\"id\": 1, \"label\": 1, \"shop\": \"s\", \"w\": -1}', an importance is a finite number",
    })
    void objectsThatTheLearnerWouldRefuseAreBadLines(String json, String why) {
        LabelRecords records = records("labels.model.from", "field:shop", "labels.importance.field", "w");

        assertBad("l.jsonl", json, Columns.ofLabels(records, null), why);
    }

    @Test
    void whatCannotBeARecordIsSaidAtOnce() {
        assertThatThrownBy(() -> records("labels.id.field", "Order ID"))
                .isInstanceOfSatisfying(
                        StopException.class, e -> assertThat(e.exitCode()).isEqualTo(ExitCode.BAD_SETTINGS))
                .hasMessageContaining("labels.id.field: a field of a record cannot be named Order ID");
        assertThatThrownBy(() -> open("l.svm", "1 1:1\n", Columns.ofLabels(records(), null)))
                .isInstanceOf(StopException.class)
                .hasMessageContaining("LIBSVM");
        assertThatThrownBy(() -> open("l.csv", "id,y\n1,1\n", Columns.ofLabels(records(), null)))
                .isInstanceOf(StopException.class)
                .hasMessageContaining("l.csv has no column label; it has id, y");
        assertThatThrownBy(() -> open("l.csv", "id,label\n1,1\n", Columns.ofLabels(records(), "at")))
                .isInstanceOf(StopException.class)
                .hasMessageContaining("l.csv has no column at; it has id, label");
    }

    @ParameterizedTest
    @CsvSource({
        "1767225600123, 2026-01-01T00:00:00.123Z",
        "1.7672256E12, 2026-01-01T00:00:00Z",
        "0, 1970-01-01T00:00:00Z",
        "2026-01-01T00:00:00Z, 2026-01-01T00:00:00Z",
        "2026-01-01T01:30+01:30, 2026-01-01T00:00:00Z",
    })
    void aTimestampIsInMillisecondsOrHasATimeZone(String cell, Instant time) throws BadLineException {
        Columns labels = Columns.ofLabels(records(), "at");
        Columns examples = new Columns(Map.of(), FeatureForm.NAMED, "at", null);

        assertThat(lines("l.csv", "id,at,label\n1, " + cell + " ,1\n", labels))
                .extracting(Line::time)
                .containsExactly(time.toEpochMilli());
        assertThat(lines("e.csv", "at,a\n" + cell + ",1\n", examples))
                .extracting(Line::time)
                .containsExactly(time.toEpochMilli());
        assertThat(lines(
                        "e.jsonl",
                        "{\"at\": \"%1$s\", \"a\": 1}\n{\"at\": \"%1$s\", \"features\": [1]}\n".formatted(cell),
                        examples))
                .extracting(Line::time)
                .containsExactly(time.toEpochMilli(), time.toEpochMilli());
    }

    @ParameterizedTest
    @CsvSource({
        "2026-01-01, neither milliseconds since 1970 nor a timestamp such as",
        "2026-01-01T00:00:00, neither milliseconds since 1970 nor a timestamp such as",
        "-5, a timestamp is in milliseconds since 1970",
        "1969-01-01T00:00:00Z, a timestamp is in milliseconds since 1970",
        "1e40, a timestamp is in milliseconds since 1970",
        "'', it has no timestamp: column at is empty or missing",
    })
    void aTimestampThatCannotBeOneIsABadLine(String cell, String why) {
        Columns examples = new Columns(Map.of(), FeatureForm.NAMED, "at", null);

        assertBad("l.csv", "id,at,label\n1," + cell + ",1\n", Columns.ofLabels(records(), "at"), why);
        assertBad("e.csv", "at,a\n" + cell + ",1\n", examples, why);
    }

    @Test
    void theTimestampIsNoFeatureUnlessASettingNamesItToo() throws BadLineException {
        String text = "at,a\n1767225600000,1\n";
        ExampleFile file = open("e.csv", text, new Columns(Map.of(), FeatureForm.NAMED, "at", null));
        assertThat(file.next().example().getFeatures()).isEqualTo(Map.of("a", 1.0));
        assertThat(file.columns()).isEqualTo("timestamp: at; numbers: a");

        Columns named = new Columns(Map.of("features.time", "at[millis]:hour"), FeatureForm.NAMED, "at", null);
        Line line = lines("e.csv", text, named).get(0);
        assertThat(line.example().getFeatures()).isEqualTo(Map.of("at.hour=0", 1.0, "a", 1.0));
        assertThat(line.time()).isEqualTo(1767225600000L);
    }
}
