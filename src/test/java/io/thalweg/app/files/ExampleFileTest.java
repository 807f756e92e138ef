package io.thalweg.app.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.entry;

import io.thalweg.app.files.ExampleFile.BadLineException;
import io.thalweg.app.files.ExampleFile.Format;
import io.thalweg.app.files.ExampleFile.Line;
import io.thalweg.avro.Example;
import io.thalweg.avro.SparseFeatures;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.input.RecordReader;
import io.thalweg.math.FeatureForm;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.StopException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ExampleFileTest {
    private static final Columns ALL = new Columns(
            Map.of(
                    "model.from", "field:shop",
                    "label", "clicked",
                    "id.field", "visit",
                    "importance.field", "weight",
                    "features.categorical", "weekday"),
            FeatureForm.NAMED);

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] gzipped(String text) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(bytes)) {
            gzip.write(utf8(text));
        }
        return bytes.toByteArray();
    }

    private static ExampleFile open(String name, byte[] bytes, Columns columns) {
        return ExampleFile.read(new ByteArrayInputStream(bytes), name, null, columns);
    }

    private static List<Line> lines(String name, String text, Columns columns) throws BadLineException {
        return lines(open(name, utf8(text), columns));
    }

    private static List<Line> lines(ExampleFile file) throws BadLineException {
        List<Line> lines = new ArrayList<>();
        for (Line line = file.next(); line != null; line = file.next()) {
            lines.add(line);
        }
        return lines;
    }

    @SuppressWarnings("unchecked")
    private static Map<CharSequence, Double> named(Example example) {
        return (Map<CharSequence, Double>) example.getFeatures();
    }

    /** What is said of the only line that cannot be used, the number of the line in front. */
    private static String complaint(String name, String text, Columns columns) {
        ExampleFile file = open(name, utf8(text), columns);
        while (true) {
            try {
                assertThat(file.next()).as("a bad line in %s", text).isNotNull();
            } catch (BadLineException e) {
                return file.lineNumber() + ": " + e.getMessage();
            }
        }
    }

    @Test
    void numbersAreValuesAndTextIsOneHotInTheOrderOfTheColumns() throws BadLineException {
        List<Line> lines = lines("visits.csv", """
                zone,price,label,browser,empty,ten
                z, 3.50 ,1,Fire fox,,1e1
                a,-.5,,"a, ""b""
                c",0,+1.
                """, Columns.DEFAULT);

        assertThat(lines).extracting(Line::number).containsExactly(2L, 3L);
        assertThat(lines).extracting(Line::model).containsOnlyNulls();
        Example first = lines.get(0).example();
        assertThat(first.getLabel()).isEqualTo(1.0);
        assertThat(first.getImportance()).isEqualTo(1.0);
        assertThat(first.getId()).isNull();
        assertThat(named(first))
                .containsExactly(
                        entry("zone=z", 1.0),
                        entry("price", 3.5),
                        entry("browser=Fire fox", 1.0),
                        entry("empty:missing", 1.0),
                        entry("ten", 10.0));
        Example second = lines.get(1).example();
        assertThat(second.getLabel()).as("empty").isNull();
        assertThat(named(second))
                .containsExactly(
                        entry("zone=a", 1.0),
                        entry("price", -0.5),
                        entry("browser=a, \"b\"\nc", 1.0),
                        entry("empty", 0.0),
                        entry("ten", 1.0));
    }

    @Test
    void columnsThatAreNamedAreNoFeatures() throws BadLineException {
        List<Line> lines = lines("v.csv", """
                shop,visit,weight,clicked,weekday,label
                17,a-1,2.5,true,3,0.5
                ,,,false,,2
                """, ALL);

        assertThat(lines.get(0).model()).isEqualTo("17");
        Example first = lines.get(0).example();
        assertThat(first.getId()).hasToString("a-1");
        assertThat(first.getImportance()).isEqualTo(2.5);
        assertThat(first.getLabel()).isEqualTo(1.0);
        assertThat(named(first)).containsExactly(entry("weekday=3", 1.0), entry("label", 0.5));
        Example second = lines.get(1).example();
        assertThat(lines.get(1).model()).isNull();
        assertThat(second.getImportance()).isEqualTo(1.0);
        assertThat(second.getLabel()).isEqualTo(0.0);
        assertThat(named(second)).containsExactly(entry("weekday:missing", 1.0), entry("label", 2.0));
    }

    @Test
    void columnsMayBeDenseOrSparse() throws BadLineException {
        String table = "a,label,b,c\n1,1,0,-2\n0,0,,3\n";
        Columns dense = new Columns(Map.of(), FeatureForm.DENSE);
        Columns sparse = new Columns(Map.of(), FeatureForm.SPARSE);

        assertThat(lines("t.csv", "a,label,b\n1,1,0\n", dense).get(0).example().getFeatures())
                .isEqualTo(List.of(1.0, 0.0));
        assertThat(complaint("t.csv", table, dense)).startsWith("3: column b is empty");
        assertThat(complaint("t.csv", "a,b\n1,x\n", dense)).startsWith("2: column b is \"x\", which is not a number");
        assertThat(lines("t.csv", table, sparse))
                .extracting(line -> line.example().getFeatures())
                .containsExactly(
                        new SparseFeatures(List.of(0, 2), List.of(1.0, -2.0)),
                        new SparseFeatures(List.of(2), List.of(3.0)));
    }

    @Test
    void jsonExamplesAreTakenAsTheyAre() throws BadLineException {
        List<Line> lines = lines("x.jsonl", """
                {"model": "m", "id": "7", "label": 0.25, "importance": 3, "features": {"b": 1, "a": -2.5}}

                {"features": [0.5, 2, -1e3], "label": true}
                {"model": null, "id": null, "features": {"indices": [17, 3], "values": [1, 0.5]}}
                {"features": {"indices": 4, "values": 5}}
                {"model": "m", "delete": true}
                """, Columns.DEFAULT);

        assertThat(lines).extracting(Line::number).containsExactly(1L, 3L, 4L, 5L, 6L);
        assertThat(lines).extracting(Line::model).containsExactly("m", null, null, null, "m");
        assertThat(lines.get(0).example().getId()).hasToString("7");
        assertThat(lines.get(0).example().getLabel()).isEqualTo(0.25);
        assertThat(lines.get(0).example().getImportance()).isEqualTo(3.0);
        assertThat(named(lines.get(0).example())).containsExactly(entry("b", 1.0), entry("a", -2.5));
        assertThat(lines.get(1).example()).isEqualTo(new Example(null, 1.0, 1.0, List.of(0.5, 2.0, -1000.0)));
        assertThat(lines.get(2).example())
                .isEqualTo(new Example(null, null, 1.0, new SparseFeatures(List.of(17, 3), List.of(1.0, 0.5))));
        assertThat(named(lines.get(3).example())).containsExactly(entry("indices", 4.0), entry("values", 5.0));
        assertThat(lines.get(4).example()).isNull();
    }

    @Test
    void flatJsonObjectsAreRows() throws BadLineException {
        Example example = lines(
                        "x.jsonl",
                        "{\"model\": \"corsa\", \"km\": 12.5, \"new\": false, \"sold\": true, \"colour\": null,"
                                + " \"label\": 1, \"code\": \"17\"}",
                        Columns.DEFAULT)
                .get(0)
                .example();

        assertThat(example.getLabel()).isEqualTo(1.0);
        assertThat(named(example))
                .containsExactly(
                        entry("model=corsa", 1.0),
                        entry("km", 12.5),
                        entry("new=false", 1.0),
                        entry("sold=true", 1.0),
                        entry("colour:missing", 1.0),
                        entry("code=17", 1.0));

        Line all = lines(
                        "x.jsonl",
                        "{\"shop\": 4, \"visit\": 12, \"weight\": 0, \"clicked\": false, \"weekday\": 5}",
                        ALL)
                .get(0);
        assertThat(all.model()).isEqualTo("4");
        assertThat(all.example().getId()).hasToString("12");
        assertThat(all.example().getImportance()).isZero();
        assertThat(all.example().getLabel()).isZero();
        assertThat(named(all.example())).containsExactly(entry("weekday=5", 1.0));
    }

    @ParameterizedTest
    @CsvSource({
        "a.csv,CSV",
        "A.CSV.GZ,CSV",
        "a.jsonl,JSONL",
        "a.ndjson.gz,JSONL",
        "a.json,JSONL",
        "standard input,JSONL",
        "a.txt,JSONL"
    })
    void theNameSaysTheFormatOrElseTheFirstCharacter(String name, Format format) throws BadLineException {
        String text = "\uFEFF \n{\"a\": 1}\n";
        ExampleFile file = open(name, utf8(text), Columns.DEFAULT);

        assertThat(file).isInstanceOf(format == Format.CSV ? CsvExamples.class : JsonExamples.class);
        if (format == Format.JSONL) {
            assertThat(lines(file)).hasSize(1);
        }
    }

    @Test
    void aMarkOfTheEncodingIsNoPartOfTheFirstColumn() throws BadLineException {
        assertThat(named(lines("a.csv", "\uFEFFx,label\r\n1,0\r\n\r\n2,1", Columns.DEFAULT)
                        .get(1)
                        .example()))
                .containsExactly(entry("x", 2.0));
    }

    @Test
    void gzippedFilesAreKnownByTheirFirstBytes() throws IOException, BadLineException {
        assertThat(lines(open("a.csv", gzipped("x\n1\n2\n"), Columns.DEFAULT))).hasSize(2);
        assertThat(lines(open("standard input", gzipped("{\"x\": 1}\n"), Columns.DEFAULT)))
                .hasSize(1);
    }

    @Test
    void aGzippedFileThatEndsEarlyIsSaidSo() throws IOException {
        StringBuilder text = new StringBuilder("x\n");
        for (int i = 0; i < 100_000; i++) {
            text.append(Integer.toString(i * 7919 % 100_003)).append('\n');
        }
        byte[] whole = gzipped(text.toString());
        ExampleFile file = open("a.csv.gz", Arrays.copyOf(whole, whole.length / 2), Columns.DEFAULT);

        assertThatThrownBy(() -> lines(file))
                .isInstanceOfSatisfying(
                        StopException.class, e -> assertThat(e.exitCode()).isEqualTo(ExitCode.BAD_SETTINGS))
                .hasMessageMatching("cannot continue to read a.csv.gz after line \\d{2,} .*");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
                    a,b\\n1,2\\n3\\n           | 3: it has 1 cells, but the header has 2
                    a,b\\n\\n\\n1,2,3,4\\n     | 4: it has 4 cells, but the header has 2
                    a,label\\n1,lost\\n        | 2: column label is "lost", which is neither a number nor a word such as yes; compare it, such as with --label "label == 'lost'"
                    a,label\\n1,2\\n           | 2: the label is 2.0; a label must be from 0 to 1. If these are classes, compare them, such as with --label "label == 2"
                    a,label\\n1,-1\\n          | 2: the label is -1.0; a label must be from 0 to 1. If these are classes, compare them, such as with --label "label > 0"
                    label\\n1\\n                | 2: it has no features
                    a\\n"x\\ny"\\n1,2,3\\n     | 4: it has 3 cells, but the header has 1
                    a=b,a\\n1,b\\n             | 2: feature a=b occurs twice
                    """)
    void badLinesOfATableAreNamedByTheirFirstLine(String text, String complaint) {
        assertThat(complaint("t.csv", text.replace("\\n", "\n"), Columns.DEFAULT))
                .isEqualTo(complaint);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
                    {"a": 1                                       | it is not JSON (
                    {"a": 1} {"a": 2}                             | it has more than one JSON value
                    {"a": nan}                                    | it is not JSON (
                    {"a": 1, "a": 2}                              | it is not JSON (
                    [1]                                           | it is not a JSON object
                    {}                                            | it has no features
                    {"features": []}                              | it has no features
                    {"features": {}}                              | it has no features
                    {"features": [1, "2"]}                        | value 1 is not a finite number
                    {"features": {"a": null}}                     | feature a is not a finite number
                    {"features": {"indices": [1], "values": []}}  | there are 1 indices and 0 values
                    {"features": {"indices": [1.5], "values": [1]}} | an index is not a whole number
                    {"features": {"indices": [3000000000], "values": [1]}} | an index is not a whole number
                    {"features": [1], "lable": 1}                 | an example has no field lable; it has model,
                    {"features": [1], "label": "1"}               | field label is not a finite number
                    {"features": [1], "importance": -1}           | the importance is -1.0
                    {"features": [1], "model": ""}                | the model id must have
                    {"features": [1], "model": "a\\u0000b"}       | the model id must have
                    {"features": [1], "model": 1.5}               | field model is not text
                    {"model": "m", "delete": false}               | "delete" is false
                    """)
    void badLinesOfJsonAreNamed(String json, String complaint) {
        assertThat(complaint("x.jsonl", "{\"a\": 1}\n\n" + json + "\n", Columns.DEFAULT))
                .startsWith("3: " + complaint)
                .doesNotContain("\n");
    }

    @Test
    void theLinesAfterABadOneAreRead() {
        ExampleFile file = open("t.csv", utf8("a\n1,2\n1\n"), Columns.DEFAULT);

        assertThatThrownBy(file::next).isInstanceOf(BadLineException.class);
        assertThat(complaintOrNumber(file)).isEqualTo("3");
        assertThat(complaintOrNumber(file)).isEqualTo("end");
    }

    private static String complaintOrNumber(ExampleFile file) {
        try {
            Line line = file.next();
            return line == null ? "end" : String.valueOf(line.number());
        } catch (BadLineException e) {
            return e.getMessage();
        }
    }

    @Test
    void bytesThatAreNotUtf8AreSaidSo() {
        byte[] latin1 = "a\nx\ncaf\u00e9\n".getBytes(StandardCharsets.ISO_8859_1);

        ExampleFile file = open("t.csv", latin1, Columns.DEFAULT);
        assertThat(complaintOrNumber(file)).isEqualTo("2");
        assertThat(complaintOrNumber(file)).startsWith("the text is not UTF-8");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
                    ``                 | t.csv is empty
                    \\na,a\\n1,2       | t.csv: two columns are named a in the header, line 2
                    a,b\\n1,2          | t.csv has no column clicked; it has a, b
                    """)
    void aHeaderThatDoesNotDoIsSaidBeforeAnythingIsSent(String text, String complaint) {
        Columns columns = new Columns(Map.of("label", "clicked"), FeatureForm.NAMED);

        assertThatThrownBy(() -> open("t.csv", utf8(text.replace("\\n", "\n")), columns))
                .isInstanceOfSatisfying(
                        StopException.class, e -> assertThat(e.exitCode()).isEqualTo(ExitCode.BAD_SETTINGS))
                .hasMessage(complaint);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
                    a\\n"never closed\\n1\\n               | 2 bad, 3, end
                    a\\n"x"y\\n1\\n                        | 2 bad, 3, end
                    a\\n"5" pipe"\\n1\\n"x\\ny"\\n2\\n       | 2 bad, 3, 4, 6, end
                    a,b\\n"5 inch,1\\n2,2\\n"x, y",3\\n4,4\\n  | 2 bad, 3, 4, 5, end
                    a,b\\n"5 inch,1\\n2,2\\nx",3\\n4,4\\n   | 2, 5, end
                    a,b\\n"5,1\\n2,2\\nx",3,4\\n4,4\\n       | 2 bad, 3, 4 bad, 5, end
                    a,b\\r\\n"5 inch,1\\r\\n2,2\\r\\n         | 2 bad, 3, end
                    a,b\\r"5 inch,1\\r2,2\\r                | 2 bad, 3, end
                    a,b\\n1,1\\r"5" x,1\\n2,2\\n3,3\\n       | 2, 3 bad, 3, 4, end
                    """)
    void aQuoteThatDoesNotMatchCostsItsLineAndNoOther(String text, String read) {
        ExampleFile file = open("t.csv", utf8(text.replace("\\n", "\n").replace("\\r", "\r")), Columns.DEFAULT);

        List<String> seen = new ArrayList<>();
        while (!seen.contains("end")) {
            String line = complaintOrNumber(file);
            seen.add(line.matches("\\d+|end") ? line : file.lineNumber() + " bad");
        }
        assertThat(String.join(", ", seen)).isEqualTo(read);
    }

    @Test
    void aQuoteThatDoesNotMatchInTheHeaderIsSaid() {
        assertThatThrownBy(() -> open("t.csv", utf8("a,\"b\n1,2\n"), Columns.DEFAULT))
                .isInstanceOf(StopException.class)
                .hasMessageStartingWith("t.csv, line 1: in the header, a quote does not match another");
    }

    @Test
    void anArrayIsNotJsonLines() {
        assertThatThrownBy(() -> open("x.json", utf8("[{\"a\": 1}]"), Columns.DEFAULT))
                .isInstanceOf(StopException.class)
                .hasMessageStartingWith("x.json is one JSON array");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '`',
            value = {
                "[7, 8, 7]; categorical",
                "[7, 8, 7];",
                "[7, null, 8.5, 8.50]; categorical",
                "[\"1\", \"2.5\"]; numeric",
                "[\"1\", null, \"1\"]; numeric",
                "[true, false]; numeric",
                "[true, \"true\", \"x\"];",
                "[\"a\", \"b\", \"a\", null, null];",
                "[\"null\", null];",
                "[7, \"7\", \"a\"]; categorical",
                "[1, null, NaN];",
                "[NaN, \"a\"];",
                "[NaN, null];",
                "[null];",
                "[0.5, \"b\"];",
                "[1.0, 1, 1e2, 100, 0.1, 1e-7, 12345678901234567890]; categorical",
                "[0, -0, 0.0, -0.0]; categorical",
                "[];",
                "7.0; categorical",
                "7.50; categorical",
                "12345678901234567890; categorical",
                "\"12\"; numeric",
                "true;",
                "NaN;",
                "{\"k\": [1, 2], \"l\": [\"u\"]};",
            })
    void aLineOfJsonHasTheFeaturesThatItHasOnATopic(String value, String kind) throws Exception {
        Map<String, String> settings = new HashMap<>(Map.of("label", "y"));
        if (kind != null) {
            settings.put("features." + kind, "v");
        }
        String json = "{\"y\": 1, \"v\": %s, \"other\": 1}".formatted(value);
        Map<String, Double> ofFile = new TreeMap<>();
        named(lines("v.jsonl", json + "\n", new Columns(settings, FeatureForm.NAMED))
                        .get(0)
                        .example())
                .forEach((name, number) -> ofFile.put(name.toString(), number));

        settings.put("examples.format", "json");
        io.thalweg.math.Example x = new io.thalweg.math.Example();
        new RecordReader(
                        id -> {
                            throw new AssertionError("asked for a schema");
                        },
                        new ThalwegConfig(settings),
                        "m")
                .example(utf8(json), "m", x);
        Map<String, Double> ofTopic = new TreeMap<>();
        for (int k = 0; k < x.size(); k++) {
            ofTopic.put(x.name(k), x.value(k));
        }
        assertThat(ofFile).isEqualTo(ofTopic).hasSize(x.size());
    }

    private static Columns labelled(String label) {
        return new Columns(Map.of("label", label), FeatureForm.NAMED);
    }

    @Test
    void aLabelThatIsComparedTakesItsColumnFromTheFeatures() throws BadLineException {
        List<Line> csv = lines("f.csv", "delay,origin\n16,ORD\n15.0,ORD\n,JFK\n", labelled("delay > 15"));

        assertThat(csv).extracting(line -> line.example().getLabel()).containsExactly(1.0, 0.0, null);
        assertThat(csv)
                .extracting(line -> named(line.example()))
                .containsExactly(Map.of("origin=ORD", 1.0), Map.of("origin=ORD", 1.0), Map.of("origin=JFK", 1.0));

        List<Line> json = lines("f.jsonl", """
                {"status": "lost", "label": 7}
                {"status": "won", "label": 7}
                {"status": null, "label": 7}
                {"label": 7}
                """, labelled("status == 'lost'"));

        assertThat(json).extracting(line -> line.example().getLabel()).containsExactly(1.0, 0.0, null, null);
        assertThat(json).extracting(line -> named(line.example())).containsOnly(Map.of("label", 7.0));
    }

    @Test
    void columnsThatAreExcludedAreNoFeaturesAndHaveNoPlace() throws BadLineException {
        Columns named = new Columns(Map.of("features.exclude", "b"), FeatureForm.NAMED);
        Columns sparse = new Columns(Map.of("features.exclude", "b"), FeatureForm.SPARSE);

        assertThat(named(lines("t.csv", "a,b,c\n1,NaN,3\n", named).get(0).example()))
                .containsExactly(entry("a", 1.0), entry("c", 3.0));
        assertThat(lines("t.csv", "a,b,c\n1,x,3\n", sparse).get(0).example().getFeatures())
                .isEqualTo(new SparseFeatures(List.of(0, 1), List.of(1.0, 3.0)));
        assertThatThrownBy(() -> open("t.csv", utf8("a\n1\n"), named))
                .hasMessage("t.csv has no column b; it has a."
                        + " If these are several, say what separates them with --separator");
    }

    @Test
    void whatColumnsWereTakenForIsSaid() throws BadLineException {
        ExampleFile csv = open("t.csv", utf8("""
                shop,visit,weight,clicked,weekday,price,browser,grade,nothing
                1,2,3,1,4,5,fox,6,
                1,2,3,1,4,5,,A,
                """), ALL);
        lines(csv);
        assertThat(csv.columns())
                .isEqualTo("label: clicked; model: shop; id: visit; importance: weight; numbers: price;"
                        + " categories: weekday, browser; numbers, and categories where they are text: grade;"
                        + " always empty: nothing");

        ExampleFile json =
                open("t.jsonl", utf8("{\"a\": true, \"b\": null}\n{\"label\": 1, \"a\": \"x\"}\n"), Columns.DEFAULT);
        lines(json);
        assertThat(json.columns()).isEqualTo("label: label; categories: a; always empty: b");

        ExampleFile examples = open("t.jsonl", utf8("{\"features\": [1]}\n"), Columns.DEFAULT);
        lines(examples);
        assertThat(examples.columns()).isNull();
    }

    private static Example sparse(Double label, List<Integer> indices, List<Double> values) {
        return new Example(null, label, 1.0, new SparseFeatures(indices, values));
    }

    @Test
    void libsvmTextIsLabelsAndSparseFeaturesByTheirNumbers() throws BadLineException {
        ExampleFile file = open("x.svm", utf8("""
                # made by hand
                -1 3:1 11:0.5\t7:-2e1 \r
                +1 0:1 # the first

                1
                0.25 1:.5
                4:2
                """), Columns.DEFAULT);
        List<Line> lines = lines(file);

        assertThat(lines).extracting(Line::number).containsExactly(2L, 3L, 5L, 6L, 7L);
        assertThat(lines)
                .extracting(Line::example)
                .containsExactly(
                        sparse(0.0, List.of(3, 11, 7), List.of(1.0, 0.5, -20.0)),
                        sparse(1.0, List.of(0), List.of(1.0)),
                        sparse(1.0, List.of(0), List.of(0.0)),
                        sparse(0.25, List.of(1), List.of(0.5)),
                        sparse(null, List.of(4), List.of(2.0)));
        assertThat(file.columns()).isEqualTo("features by their numbers, 0 to 11");
    }

    @Test
    void labelsOfLibsvmTextAreComparedAsTheyAre() throws BadLineException {
        String text = "-1 1:1\n2 1:1\n3 1:1\n";

        assertThat(lines("x.svm", text, labelled("label == 2")))
                .extracting(line -> line.example().getLabel())
                .containsExactly(0.0, 1.0, 0.0);
        assertThat(lines("x.svm", text, labelled("class < 0")))
                .extracting(line -> line.example().getLabel())
                .containsExactly(1.0, 0.0, 0.0);
        assertThat(complaint("x.svm", text, labelled("y")))
                .isEqualTo("2: the label is 2.0; a label must be from 0 to 1"
                        + ". If these are classes, compare them, such as with --label \"y == 2\"");
    }

    @ParameterizedTest
    @CsvSource({
        "a.svm.gz,0 x,LIBSVM",
        "a.LIBSVM,0 x,LIBSVM",
        "a9a,-1 3:1 11:1,LIBSVM",
        "a.txt,# note\\n\\n+1 1:0.5,LIBSVM",
        "a.txt,0.5 0:1 x,LIBSVM",
        "a.txt,1,CSV",
        "a.txt,a 3:1,CSV",
        "a.txt,1 a:1,CSV",
        "a.csv,1 3:1,CSV"
    })
    void libsvmTextIsKnownByItsNameOrElseItsFirstLine(String name, String text, Format format) {
        assertThat(open(name, utf8(text.replace("\\n", "\n")), Columns.DEFAULT))
                .isInstanceOf(format == Format.CSV ? CsvExamples.class : LibsvmExamples.class);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
                    x 1:1          | the label is "x", which is not a finite number
                    2 1:1          | the label is 2.0; a label must be from 0 to 1. If these are classes, compare them, such as with --label "label == 2"
                    1 1            | "1" is not a feature; a feature is a number, a colon and a value
                    1 a:1          | "a:1" is not a feature; a feature is a number, a colon and a value
                    1 qid:3 1:1    | "qid:3" is not a feature; a feature is a number, a colon and a value
                    1 9999999999:1 | "9999999999:1" is not a feature; a feature is a number, a colon and a value
                    1 1:           | the value of feature 1 is "", which is not a finite number
                    1 1:x          | the value of feature 1 is "x", which is not a finite number
                    """)
    void badLinesOfLibsvmTextAreNamed(String line, String complaint) {
        assertThat(complaint("x.svm", "0 1:1\n# note\n" + line + "\n", Columns.DEFAULT))
                .isEqualTo("3: " + complaint);
    }

    @Test
    void featuresThatAreNullAreNotAFlatObject() {
        assertThat(complaint("x.jsonl", "{\"label\": 1, \"features\": null}\n", Columns.DEFAULT))
                .isEqualTo("1: \"features\" is null");
    }

    @Test
    void libsvmTextHasNoColumns() {
        assertThatThrownBy(() -> open("x.svm", utf8("1 1:1"), ALL))
                .isInstanceOf(StopException.class)
                .hasMessageStartingWith("x.svm is LIBSVM text, which has no columns");
    }
}
