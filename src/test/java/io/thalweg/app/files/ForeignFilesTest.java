package io.thalweg.app.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.thalweg.app.files.ExampleFile.BadLineException;
import io.thalweg.app.files.ExampleFile.Line;
import io.thalweg.math.FeatureForm;
import io.thalweg.runtime.StopException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Files as other programs write them. */
class ForeignFilesTest {
    private static final String TABLE = "size,colour,label\n1.5,red,1\n-2,blue,0\n";

    private static ExampleFile open(String name, byte[] bytes, String... settings) {
        return open(new ByteArrayInputStream(bytes), name, CsvDialect.UNKNOWN, settings);
    }

    private static ExampleFile open(InputStream in, String name, CsvDialect dialect, String... settings) {
        Map<String, String> map = new HashMap<>();
        for (int i = 0; i < settings.length; i += 2) {
            map.put(settings[i], settings[i + 1]);
        }
        return ExampleFile.read(in, name, null, new Columns(map, FeatureForm.NAMED).in(dialect));
    }

    private static ExampleFile open(String name, String text, String... settings) {
        return open(name, text.getBytes(StandardCharsets.UTF_8), settings);
    }

    /** The lines as label and features. */
    private static List<String> read(ExampleFile file) throws BadLineException {
        List<String> lines = new ArrayList<>();
        for (Line line = file.next(); line != null; line = file.next()) {
            lines.add(line.example().getLabel() + " " + line.example().getFeatures());
        }
        return lines;
    }

    private static List<String> read(String name, String text, String... settings) throws BadLineException {
        return read(open(name, text, settings));
    }

    private static List<String> rows(String text) throws BadLineException {
        return read("t.csv", text);
    }

    // ---- where a file ends

    private static byte[] gzip(byte[] bytes) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
            gzip.write(bytes);
        }
        return out.toByteArray();
    }

    /** A pipe that is given its parts one after the other, and in between knows of nothing that follows. */
    private static InputStream pipe(List<byte[]> parts) {
        Iterator<byte[]> rest = parts.iterator();
        return new InputStream() {
            private byte[] part = {};
            private int at;

            @Override
            public int read() {
                byte[] one = new byte[1];
                return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
            }

            @Override
            public int read(byte[] into, int from, int wanted) {
                while (at == part.length && rest.hasNext()) {
                    part = rest.next();
                    at = 0;
                }
                int taken = Math.min(wanted, part.length - at);
                System.arraycopy(part, at, into, from, taken);
                at += taken;
                return taken == 0 ? -1 : taken;
            }

            @Override
            public int available() {
                return part.length - at;
            }
        };
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 5})
    void gzippedFilesInARowAreReadToTheEndWhateverThePauses(int files) throws IOException, BadLineException {
        List<byte[]> parts = new ArrayList<>();
        StringBuilder whole = new StringBuilder("x,label\n");
        parts.add(gzip("x,label\n".getBytes(StandardCharsets.UTF_8)));
        for (int file = 0; file < files; file++) {
            StringBuilder text = new StringBuilder();
            for (int i = 0; i < 2000; i++) {
                text.append(file * 7919 + i * 31).append(',').append(i % 2).append('\n');
            }
            whole.append(text);
            parts.add(gzip(text.toString().getBytes(StandardCharsets.UTF_8)));
            parts.add(gzip(new byte[0]));
        }

        assertThat(read(open(pipe(parts), "standard input", CsvDialect.UNKNOWN)))
                .isEqualTo(rows(whole.toString()));
    }

    @Test
    void bytesOfAPipeThatComeOneByOneAreTheSameText() throws IOException, BadLineException {
        byte[] gzip = gzip(TABLE.getBytes(StandardCharsets.UTF_8));
        for (byte[] bytes : List.of(gzip, TABLE.getBytes(StandardCharsets.UTF_8))) {
            List<byte[]> one = IntStream.range(0, bytes.length)
                    .mapToObj(i -> new byte[] {bytes[i]})
                    .toList();
            assertThat(read(open(pipe(one), "standard input", CsvDialect.UNKNOWN)))
                    .isEqualTo(rows(TABLE));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 4, 8, 9, 20})
    void gzipThatIsCutAnywhereIsSaid(int missing) throws IOException {
        byte[] first = gzip(TABLE.getBytes(StandardCharsets.UTF_8));
        byte[] second = gzip("3,red,1\n".repeat(5).getBytes(StandardCharsets.UTF_8));
        byte[] both = Arrays.copyOf(first, first.length + second.length - missing);
        System.arraycopy(second, 0, both, first.length, second.length - missing);

        assertThatThrownBy(() -> read(open("t.csv.gz", both)))
                .isInstanceOf(StopException.class)
                .hasMessageMatching("cannot continue to read t.csv.gz after line \\d+ \\((it ends early|.*gz.*)\\)");
    }

    /** What follows the last member is taken as the program does, except that nothing is left out. */
    @ParameterizedTest
    @CsvSource({"00, true", "0000000000, true", "616263, false", "0000616263, false", "1f00, false", "001f8b, false"})
    void whatFollowsGzippedDataIsPaddingIfGunzipSaysSo(String after, boolean isPadding, @TempDir Path directory)
            throws Exception {
        byte[] more = HexFormat.of().parseHex(after);
        ByteArrayOutputStream padded = new ByteArrayOutputStream();
        padded.writeBytes(gzip(TABLE.getBytes(StandardCharsets.UTF_8)));
        padded.writeBytes(gzip("3,red,1\n".getBytes(StandardCharsets.UTF_8)));
        padded.writeBytes(more);
        if (isPadding) {
            // as much as a tape has
            padded.writeBytes(new byte[20_000]);
        }
        Path file = Files.write(directory.resolve("t.csv.gz"), padded.toByteArray());
        Process gunzip = new ProcessBuilder("gunzip", "-c", file.toString())
                .redirectErrorStream(true)
                .start();
        String said = new String(gunzip.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(gunzip.waitFor() == 0).as(said).isEqualTo(isPadding);

        if (isPadding) {
            assertThat(read(open("t.csv.gz", padded.toByteArray()))).isEqualTo(rows(said));
        } else {
            assertThatThrownBy(() -> read(open("t.csv.gz", padded.toByteArray())))
                    .isInstanceOf(StopException.class)
                    .hasMessageContaining("after the gzipped data are bytes that are neither gzipped nor zero");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "\n"})
    void aLongLineIsNoStrayQuoteAlsoIfItIsTheLast(String end) throws BadLineException {
        assertThat(rows("c,label\na,1\n" + "b".repeat(3_000_000) + ",0" + end)).hasSize(2);
    }

    @Test
    void theLabelsPlusAndMinusAreClasses() throws BadLineException {
        String table = "x,y,label\n-,1,+\n3,2,-\n2,.,-\n";
        assertThatThrownBy(() -> rows(table)).hasMessageContaining("label == '+'");
        assertThat(read("t.csv", table, "label", "label == '+'"))
                .containsExactly("1.0 {x:missing=1.0, y=1.0}", "0.0 {x=3.0, y=2.0}", "0.0 {x=2.0, y:missing=1.0}");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "t|[{\"x\": 1}]|t is one JSON array",
                "standard input|[ [{\"x\": 1}]]|standard input is one JSON array",
                "t.jsonl|{\"x\": 1, \"label\": 1}{\"x\": 2, \"label\": 0}|it has more than one JSON value"
            })
    void otherJsonIsSaidSo(String name, String text, String said) {
        assertThatThrownBy(() -> read(name, text)).hasMessageContaining(said);
    }

    // ---- what is not text in UTF-8

    @ParameterizedTest
    @CsvSource({
        "UTF-16LE, fffe, UTF-16",
        "UTF-16BE, feff, UTF-16",
        "UTF-16LE, '', UTF-16LE",
        "UTF-16BE, '', UTF-16BE",
        "UTF-32LE, fffe0000, UTF-32",
        "UTF-32BE, 0000feff, UTF-32",
        "UTF-32LE, '', UTF-32LE",
        "UTF-32BE, '', UTF-32BE",
    })
    void otherUnicodeIsSaid(String charset, String mark, String said) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.write(HexFormat.of().parseHex(mark));
        bytes.write(TABLE.getBytes(Charset.forName(charset)));

        for (byte[] file : List.of(bytes.toByteArray(), gzip(bytes.toByteArray()))) {
            assertThatThrownBy(() -> open("t.csv", file))
                    .isInstanceOf(StopException.class)
                    .hasMessage("t.csv looks like text in %1$s; convert it with iconv -f %1$s -t UTF-8", said);
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    425a683931415926535900      | a file compressed with bzip2
                    fd377a585a000004e6d6b446    | a file compressed with xz
                    28b52ffd2000010000          | a file compressed with Zstandard
                    789ccbcf0600026b0137        | data compressed with zlib
                    04224d186040820000          | a file compressed with lz4
                    504b03041400000008000000    | a zip archive
                    504152311504151415          | a Parquet file
                    4f626a0104166176726f2e      | an Avro file
                    4152524f573100000000        | an Arrow file
                    d0cf11e0a1b11ae100000000    | an Excel workbook
                    1f8b0800000000000003        | a file compressed with gzip twice
                    3c21444f43545950452068746d6c | an HTML page
                    """)
    void otherFilesAreSaidWhatTheyLookLike(String head, String said) throws IOException {
        byte[] bytes = HexFormat.of().parseHex(head);
        byte[] file = said.endsWith("twice") ? gzip(gzip(bytes)) : bytes;

        assertThatThrownBy(() -> open("standard input", file))
                .isInstanceOf(StopException.class)
                .hasMessageStartingWith("standard input looks like " + said + "; ");
    }

    @Test
    void aWorkbookIsToldFromAnArchive() throws IOException {
        for (String entry : List.of("[Content_Types].xml", "xl/workbook.xml", "events.csv")) {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
                zip.putNextEntry(new ZipEntry(entry));
                zip.write(TABLE.getBytes(StandardCharsets.UTF_8));
            }
            assertThatThrownBy(() -> open("t.csv", bytes.toByteArray()))
                    .hasMessageStartingWith(
                            "t.csv looks like " + (entry.endsWith("csv") ? "a zip archive" : "an Excel workbook"));
        }
    }

    @Test
    void wordsThatOtherFilesBeginWithCanBeginAHeader() throws BadLineException {
        for (String word : List.of("PAR1", "ORC", "PK\u0041", "BZh9", "ARROW1", "x^2")) {
            assertThat(rows(word + ",label\n2,1\n")).containsExactly("1.0 {" + word + "=2.0}");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"ISO-8859-1", "windows-1252", "Shift_JIS"})
    void otherEncodingsAreSaidInTheHeaderAndInCells(String charset) {
        String word = charset.equals("Shift_JIS") ? "\u8272" : "gr\u00f6\u00dfe";
        byte[] header = (word + ",label\n1,1\n").getBytes(Charset.forName(charset));
        byte[] cell = ("a,b,label\n1,2,1\n1," + word + ",1\n").getBytes(Charset.forName(charset));

        assertThatThrownBy(() -> open("t.csv", header))
                .isInstanceOf(StopException.class)
                .hasMessageStartingWith("t.csv, line 1: in the header, the text is not UTF-8; convert the file");
        assertThatThrownBy(() -> read(open("t.csv", cell)))
                .isInstanceOf(BadLineException.class)
                .hasMessageStartingWith("the text is not UTF-8; convert the file");
    }

    // ---- how a table is written

    @ParameterizedTest
    @CsvSource(delimiter = '!', textBlock = """
                    size;colour;label\\n1.5;red;1\\n-2;blue;0\\n            ! semicolons
                    size\\tcolour\\tlabel\\n1.5\\tred\\t1\\n-2\\tblue\\t0\\n      ! tabs
                    size|colour|label\\n1.5|red|1\\n-2|blue|0\\n            ! vertical bars
                    size;colour;label\\n1,5;red;1\\n-2,0;blue;0,0\\n        ! semicolons, with decimal commas
                    size\\tcolour\\tlabel\\n1,50\\tred\\t1\\n-2\\tblue\\t0\\n     ! tabs, with decimal commas
                    size;colour;label\\n1,500;red;1\\n-2,000;blue;0\\n      ! semicolons, with decimal commas
                    sep=;\\nsize;colour;label\\n1.5;red;1\\n-2;blue;0\\n     ! semicolons
                    "sep=|"\\nsize|colour|label\\n1.5|red|1\\n-2|blue|0\\n   ! vertical bars
                    """)
    void separatorsAndDecimalCommasAreRecognizedAndSaid(String text, String said) throws BadLineException {
        ExampleFile file = open("t.csv", text.replace("\\n", "\n").replace("\\t", "\t"));

        assertThat(read(file)).isEqualTo(rows(TABLE));
        assertThat(file.remarks())
                .containsExactly("read as separated by " + said + "; --separator and --decimal say otherwise");
    }

    @Test
    void aTableThatIsSeparatedByCommasIsWhatItWas() throws BadLineException {
        ExampleFile file = open("t.csv", "a;b,c|d,\"1,5\",label\n1;5,3,\"2,5\",1\n");

        assertThat(read(file)).containsExactly("1.0 {a;b=1;5=1.0, c|d=3.0, 1,5=2,5=1.0}");
        assertThat(file.remarks()).isEmpty();
    }

    @Test
    void theColumnsThatMustBeThereTellSeparatorsApart() throws BadLineException {
        String text = "price, EUR;note, old;clicked\n3;x;1\n";

        assertThat(read("t.csv", text, "label", "clicked")).containsExactly("1.0 {price, EUR=3.0, note, old=x=1.0}");
    }

    @Test
    void theSeparatorAndTheMarkCanBeGiven() throws BadLineException {
        CsvDialect spaces = new CsvDialect(' ', null);
        CsvDialect comma = new CsvDialect(';', ',');
        CsvDialect point = new CsvDialect(';', '.');

        assertThat(read(open(pipe(List.of("a label\n1 1\n".getBytes(StandardCharsets.UTF_8))), "t", spaces)))
                .containsExactly("1.0 {a=1.0}");
        String text = "a;b;label\n1.234,5;1,234;1\n";
        assertThat(read(open(pipe(List.of(text.getBytes(StandardCharsets.UTF_8))), "t", comma)))
                .containsExactly("1.0 {a=1234.5, b=1.234}");
        assertThat(read(open(pipe(List.of(text.getBytes(StandardCharsets.UTF_8))), "t", point)))
                .containsExactly("1.0 {a=1.234,5=1.0, b=1,234=1.0}");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '!', textBlock = """
                    a;label\\n3.14;1\\n2,5;0\\n         ! the table has 3.14 as well as 2,5
                    a;label\\n2,5;1\\n3.14;0\\n         ! the table has 2,5 as well as 3.14
                    a;label\\n2,5;1\\n"1,234.5";0\\n    ! the table has 2,5 as well as 1,234.5
                    a\\tlabel\\n1,234\\t1\\n             ! is the comma in 1,234 a decimal comma
                    """)
    void aDecimalMarkThatCannotBeKnownIsAskedFor(String text, String said) {
        assertThatThrownBy(() -> read("t.csv", text.replace("\\n", "\n").replace("\\t", "\t")))
                .isInstanceOf(StopException.class)
                .hasMessageStartingWith(said)
                .hasMessageContaining("--decimal , or --decimal .");
    }

    @Test
    void aTableOfOneColumnIsAskedForItsSeparator() throws BadLineException {
        ExampleFile file = open("t.csv", "a b label\n1 2 1\n");
        read(file);

        assertThat(file.remarks()).first().asString().contains("one column, a b label", "--separator");
        assertThatThrownBy(() -> open("t.csv", "a b clicked\n1 2 1\n", "label", "clicked"))
                .hasMessageContaining("--separator");
    }

    @Test
    void wordsAndIdsKeepTheirCommas() throws BadLineException {
        ExampleFile file = open(
                "t.csv", "who;code;a;label\n7,5;1,5;0,5;0,25\n", "id.field", "who", "features.categorical", "code");
        Line line = file.next();

        assertThat(line.example().getId()).hasToString("7,5");
        assertThat(line.example().getLabel()).isEqualTo(0.25);
        assertThat(line.example().getFeatures()).hasToString("{code=1,5=1.0, a=0.5}");
    }

    // ---- names of columns

    @Test
    void aColumnWithoutANameIsPassedOverUnlessItsNumberIsNamed() throws BadLineException {
        String index = ",size,colour,label\n0,1.5,red,1\n1,-2,blue,0\n";
        String end = "size,colour,label,\n1.5,red,1,\n-2,blue,0,\n";
        String onlyRows = "size,colour,label\n1.5,red,1,\n-2,blue,0,,\n";

        for (String text : List.of(index, end, onlyRows)) {
            assertThat(rows(text)).isEqualTo(rows(TABLE));
        }
        ExampleFile file = open("t.csv", index);
        assertThat(file.columns()).isEqualTo("left out: #1 (no name)");
        ExampleFile named = open("t.csv", index, "id.field", "#1");
        assertThat(named.next().example().getId()).hasToString("0");
        assertThat(read("t.csv", index, "features.categorical", "#1").get(0)).contains("#1=0=1.0");
    }

    @ParameterizedTest
    @ValueSource(strings = {"price, EUR", "a=b", "a*b", "p[0]", "x:y", "driver's age", "size \"inch\""})
    void anyNameCanBeInEverySetting(String name) throws BadLineException {
        String quoted = name.indexOf('\'') < 0 ? "'" + name + "'" : "\"" + name + "\"";
        String cell = '"' + name.replace("\"", "\"\"") + '"';
        String text = cell + ",b,label\n7,2,1\n";

        assertThat(read("t.csv", text, "features.exclude", quoted)).containsExactly("1.0 {b=2.0}");
        assertThat(read("t.csv", text, "features.exclude", "b, " + quoted + " ", "features.cross", "b*" + quoted))
                .containsExactly("1.0 {b*" + name + "=14.0}");
        assertThat(read("t.csv", text, "features.categorical", quoted + ",b"))
                .containsExactly("1.0 {" + name.replace("=", "\\=") + "=7=1.0, b=2=1.0}");
        assertThat(read("t.csv", text, "features.buckets", quoted + ":1|10, b:5"))
                .containsExactly("1.0 {" + name.replace("=", "\\=") + "=1..10=1.0, b=..5=1.0}");
        assertThat(read("t.csv", text, "features.time", quoted + "[seconds]:hour, b[millis]:minute"))
                .containsExactly("1.0 {" + name.replace("=", "\\=") + ".hour=0=1.0, b.minute=0=1.0}");
        assertThat(read("t.csv", text, "features.numeric", quoted)).containsExactly("1.0 {" + name + "=7.0, b=2.0}");
        assertThat(read("t.csv", text, "label", quoted + " > 3", "features.exclude", "label"))
                .containsExactly("1.0 {b=2.0}");
        for (String setting : List.of("id.field", "importance.field")) {
            assertThat(read("t.csv", text, setting, quoted)).containsExactly("1.0 {b=2.0}");
        }
        assertThat(open("t.csv", text, "model.from", "field:" + quoted).next().model())
                .isEqualTo("7");
    }

    // ---- words for labels and for what is missing

    @ParameterizedTest
    @CsvSource({
        "True, False",
        "TRUE, FALSE",
        "true, false",
        "yes, no",
        "Yes, No",
        "YES, NO",
        "t, f",
        "T, F",
        "y, n",
        "Y, N",
        "on, off",
        "positive, negative",
        "Pos, Neg",
        "1, 0",
        "1.0, 0.0"
    })
    void wordsForLabelsAreTakenInAllFormats(String one, String zero) throws BadLineException {
        List<String> right = List.of("1.0 {a=1.0}", "0.0 {a=2.0}", "null {a=3.0}");

        assertThat(rows("a,label\n1,%s\n2,%s\n3,NA\n".formatted(one, zero))).isEqualTo(right);
        assertThat(read("t.jsonl", """
                        {"a": 1, "label": "%s"}
                        {"a": 2, "label": "%s"}
                        {"a": 3, "label": "null"}
                        """.formatted(one, zero))).isEqualTo(right);
        assertThat(read("t.jsonl", """
                        {"a": 1, "label": "%s"}
                        {"a": 2, "label": " %s "}
                        {"a": 3, "label": ""}
                        """.formatted(one, zero))).isEqualTo(right);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    Yes,no,Yes     | label                 | label: label (Yes is 1, no is 0); numbers: a
                    0.5,F,0        | label                 | label: label (F is 0); numbers: a
                    true,false,1   | label                 | label: label; numbers: a
                    True,False,NA  | label == 'True'       | label: label == 'True'; numbers: a
                    """)
    void whichWordsWereTakenForLabelsIsSaid(String labels, String label, String said) throws BadLineException {
        String[] words = labels.split(",");
        ExampleFile csv = open("t.csv", "a,label\n1,%s\n2,%s\n3,%s\n".formatted((Object[]) words), "label", label);
        read(csv);
        assertThat(csv.columns()).isEqualTo(said);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    t.csv   | a,label\\n1,-1\\n                    | --label "label > 0"
                    t.csv   | a,label\\n1,2\\n                     | --label "label == 2"
                    t.csv   | a,label\\n1,0.5\\n1,1.5\\n            | --label "label > 0.5"
                    t.csv   | a,label\\n1,lost\\n                  | --label "label == 'lost'"
                    t.csv   | a,"label, x"\\n1,2\\n                | --label "'label, x' == 2"
                    t.jsonl | {"a": 1, "label": -1}\\n             | --label "label > 0"
                    t.jsonl | {"a": 1, "label": "lost"}\\n         | --label "label == 'lost'"
                    t.jsonl | {"features": [1], "label": -1}\\n    | --label "label > 0"
                    t.svm   | 2 1:1\\n                             | --label "label == 2"
                    """)
    void classesThatAreNoLabelsAreRefusedWithTheComparisonThatHelps(String name, String text, String option) {
        String[] settings = text.contains("label, x") ? new String[] {"label", "'label, x'"} : new String[0];

        assertThatThrownBy(() -> read(name, text.replace("\\n", "\n"), settings))
                .isInstanceOfSatisfying(
                        BadLineException.class,
                        bad -> assertThat(bad.isOfLabel()).isTrue())
                .hasMessageEndingWith("such as with " + option);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "NaN",
                "nan",
                "NAN",
                "-nan",
                "+NaN",
                "NA",
                "na",
                "N/A",
                "n/a",
                "#N/A",
                "<NA>",
                "NaT",
                "null",
                "NULL",
                "None",
                "\\N",
                "inf",
                "Inf",
                "INF",
                "-inf",
                "+inf",
                "Infinity",
                "-Infinity",
                "infinity",
                "1e999",
                "-1e999",
                "1.#QNAN",
                "-1.#INF",
                "?",
                "nil",
                "<null>",
                "[NULL]",
                "#DIV/0!",
                "#VALUE!",
                ""
            })
    void whatIsMissingIsMissingInAnySpelling(String word) throws BadLineException {
        ExampleFile file = open("t.csv", "a,b,label\n1,x,1\n" + word + ",y,0\n");

        assertThat(read(file)).containsExactly("1.0 {a=1.0, b=x=1.0}", "0.0 {a:missing=1.0, b=y=1.0}");
        if (!word.isEmpty()) {
            assertThat(file.remarks()).containsExactly("column a: words such as " + word + " count as missing (1)");
            assertThat(read("t.csv", "a,label\n" + word + ",1\n", "features.categorical", "a"))
                    .containsExactly("1.0 {a=" + word + "=1.0}");
        }
        if (!word.endsWith("e999")) {
            assertThat(read("t.csv", "a,b,label\n" + word + ",1,1\n", "features.time", "a[iso]:hour"))
                    .containsExactly("1.0 {a.hour:missing=1.0, b=1.0}");
            assertThat(read(
                            "t.jsonl",
                            "{\"a\": \"" + word.replace("\\", "\\\\") + "\", \"label\": 1}",
                            "features.numeric",
                            "a"))
                    .containsExactly("1.0 {a:missing=1.0}");
        }
    }

    @Test
    void numbersThatAreNoneAreMissingInJsonAndLibsvmToo() throws BadLineException {
        assertThat(read("t.jsonl", """
                        {"a": NaN, "b": 1, "label": 1}
                        {"a": -Infinity, "b": [1, NaN], "label": NaN}
                        {"a": 1e999, "label": 0}
                        """))
                .containsExactly(
                        "1.0 {a:missing=1.0, b=1.0}",
                        "null {a:missing=1.0, b[0]=1.0, b[1]:missing=1.0}",
                        "0.0 {a:missing=1.0}");
        ExampleFile libsvm = open("t.svm", "1 1:nan 2:3\nNA 2:inf 3:1\n");
        assertThat(read(libsvm))
                .containsExactly(
                        "1.0 {\"indices\": [2], \"values\": [3.0]}", "null {\"indices\": [3], \"values\": [1.0]}");
        assertThat(libsvm.remarks()).singleElement().asString().startsWith("values such as nan count as missing");
    }

    // ---- what columns turn out to be

    private static List<String> remarks(Stream<String> cells) throws BadLineException {
        StringBuilder text = new StringBuilder("amount,label\n");
        cells.forEach(cell -> text.append('"').append(cell).append("\",1\n"));
        ExampleFile file = open("t.csv", text.toString());
        read(file);
        return file.remarks();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "%d,123.45",
                "$%d",
                "%d%%",
                "\u20ac %d",
                "\u00a0%d",
                "\u2212%d",
                "%d EUR",
                "1 %d0",
                "%d,5",
                "($%d)",
                "1'%d0"
            })
    void numbersInOtherSpellingsAreWarnedOf(String format) throws BadLineException {
        assertThat(remarks(IntStream.range(10, 40).mapToObj(format::formatted)))
                .singleElement()
                .asString()
                .startsWith("warning: column amount has text that looks like numbers, such as \"");
    }

    @Test
    void aCategoryThatIsDifferentInNearlyEveryRowIsWarnedOf() throws BadLineException {
        assertThat(remarks(IntStream.range(0, 5000).mapToObj(i -> "id-" + i / 1.05)))
                .singleElement()
                .asString()
                .startsWith("warning: column amount is different in nearly every row, such as \"id-");
        assertThat(remarks(IntStream.range(0, 5000).mapToObj(i -> "city-" + i % 500)))
                .isEmpty();
        assertThat(remarks(IntStream.range(0, 40).mapToObj(i -> "id-" + i)))
                .as("a few rows")
                .isEmpty();
        assertThat(remarks(IntStream.range(0, 28).mapToObj(i -> "10.0.0." + i))).isEmpty();
        assertThat(remarks(IntStream.range(1, 29).mapToObj("2026-05-%02d"::formatted)))
                .isEmpty();
    }

    @Test
    void idsThatLoseDigitsAreWarnedOf() throws BadLineException {
        assertThat(remarks(Stream.of("12345678901234567", "5")))
                .singleElement()
                .asString()
                .startsWith("warning: column amount has whole numbers with more digits than a number keeps, such as"
                        + " 12345678901234567");
        assertThat(remarks(Stream.of("1234567890123456", "1000000000000000000")))
                .isEmpty();
    }

    // ---- JSON

    @Test
    void listsAreWhatTheyAreOnATopic() throws BadLineException {
        ExampleFile file = open("t.jsonl", """
                {"a": 1, "tags": ["x", null, "x", true], "label": 1}
                {"a": 1, "tags": [], "scores": [1, null, "high"], "label": 0}
                {"a": 1, "items": [{"sku": "x"}], "more": [[1], [2]], "label": 0}
                {"a": 1, "items": [null, {"sku": "x"}], "label": 0}
                """);

        assertThat(read(file))
                .containsExactly(
                        "1.0 {a=1.0, tags=x=1.0, tags:missing=1.0, tags=true=1.0}",
                        "0.0 {a=1.0, scores[0]=1.0, scores[1]:missing=1.0, scores[2]=high=1.0}",
                        "0.0 {a=1.0}",
                        "0.0 {a=1.0}");
        assertThat(file.columns()).endsWith("; left out: items (list of objects), more (list of lists)");
    }

    @ParameterizedTest
    @ValueSource(strings = {"[{\"a\": 1}]", "[[1], 2]", "NaN", "1e999", "\"\uFFFD\"", "[1, \"x\"]", "{\"deep\": [{}]}"})
    void whatIsExcludedIsNotJudged(String value) throws BadLineException {
        ExampleFile file = open("t.jsonl", "{\"a\": 1, \"b\": " + value + ", \"label\": 1}", "features.exclude", "b");

        assertThat(read(file)).containsExactly("1.0 {a=1.0}");
        assertThat(file.columns()).startsWith("label: label; numbers: a; excluded: b");
        assertThat(file.remarks()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"a\\ud800\": 1, \"label\": 1}",
                "{\"a\": \"\\udc00\", \"label\": 1}",
                "{\"a\": [\"\\ud800\"], \"label\": 1}",
                "{\"label\": 1, \"features\": {\"\\ud800x\": 1}}"
            })
    void halfOfASurrogatePairIsNoText(String line) {
        assertThatThrownBy(() -> read("t.jsonl", line))
                .isInstanceOf(BadLineException.class)
                .hasMessageContaining("half a character");
    }

    @ParameterizedTest
    @ValueSource(strings = {"7", "9007199254740993", "18446744073709551614", "18446744073709551615"})
    void aWholeNumberIsTheSameCategoryAsOnATopic(String digits) throws BadLineException {
        assertThat(read("t.jsonl", "{\"i\": %s, \"label\": 1}".formatted(digits), "features.categorical", "i"))
                .containsExactly("1.0 {i=%s=1.0}".formatted(digits));
        assertThat(read("t.csv", "i,label\n" + digits + ",1\n", "features.categorical", "i"))
                .containsExactly("1.0 {i=%s=1.0}".formatted(digits));
    }

    @Test
    void aFieldThatIsSometimesAListOfObjectsIsStillSaid() throws BadLineException {
        ExampleFile file = open("t.jsonl", """
                {"tags": ["x"], "label": 1}
                {"tags": [{"a": 1}], "b": 2, "label": 1}
                """);
        read(file);

        assertThat(file.columns()).isEqualTo("label: label; numbers: b; categories: tags (list of objects left out)");
    }

    @Test
    void jsonOfOtherWritersIsRead() throws BadLineException {
        List<String> right = List.of("0.0 {a=1.0}", "1.0 {a=2.0}");
        for (String text : List.of(
                "\uFEFF{\"a\": 1, \"label\": 0}\n\n  \n{\"a\": 2, \"label\": 1}\n",
                "{\"a\": 1, \"label\": 0}\r\n{\"a\": 2, \"label\": 1}",
                "{\"a\": 1, \"label\": 0}\r{\"a\": 2, \"label\": 1}\r",
                "\u001e{\"a\": 1, \"label\": 0}\n\u001e{\"a\": 2, \"label\": true}\n",
                "{\"a\": 1, \"b\": NaN, \"label\": 0}\n{\"a\": 2, \"label\": 1, \"b\": -Infinity}\n")) {
            assertThat(read("t.jsonl", text, "features.exclude", "b")).as(text).isEqualTo(right);
        }
        assertThat(read("t.jsonl", "{\"x\": 1, \"a\": [[1, 2], [3]], \"label\": 1}\n"))
                .containsExactly("1.0 {x=1.0}");
    }

    @Test
    void tablesOfOtherWritersAreRead() throws BadLineException {
        Map<String, String> tables = Map.of(
                "a,\"b c\",label\r1,\"q, \"\"x\"\"\",1\r2,y,0\r", "1.0 {a=1.0, b c=q, \"x\"=1.0}",
                "\"a\";\"b\";\"label\"\n\"1,5\";\"x\";1\n\"2,5\";\"x\";0\n", "1.0 {a=1.5, b=x=1.0}",
                "a;b;label\n1,5;1.000,25;1\n2,5;2.000,25;0\n", "1.0 {a=1.5, b=1000.25}",
                "a\tb\t\tlabel\n1\t\t\t1\n", "1.0 {a=1.0, b:missing=1.0}",
                ",,a,label\n7,8,1,1\n", "1.0 {a=1.0}",
                "a,label,\n1,1,\n", "1.0 {a=1.0}",
                "\n\na,label\n\n1,1\n\n", "1.0 {a=1.0}",
                "sep=;\na;label\n1;1\n", "1.0 {a=1.0}");
        for (Map.Entry<String, String> table : tables.entrySet()) {
            assertThat(read("t.csv", table.getKey())).as(table.getKey()).first().isEqualTo(table.getValue());
        }
    }

    @Test
    void aMessageOnJsonNamesNoOptionOfTheParser() {
        String digits = "1".repeat(2000);
        for (String bad : List.of(
                "{\"a\": 1",
                "{\"a\": [1, {",
                "{\"a\": " + digits + "}",
                "{\"a\": .5}",
                "{\"a\": +1}",
                "{'a': 1}",
                "{\"a\": 1} // x",
                "{\"a\": 1} # x",
                "{\"a\": 1},",
                "{\"a\": \"\t\"}",
                "{\"a\": 01}",
                "{a: 1}",
                "{\"a\": [1,]}")) {
            assertThatThrownBy(() -> read("t.jsonl", bad))
                    .isInstanceOf(BadLineException.class)
                    .hasMessageStartingWith("it is not JSON (")
                    .hasMessageNotContaining("`")
                    .hasMessageNotContaining("Feature");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "1777593600000",
                "2026-05-01T00:00:00Z",
                "2026-05-01T00:00:00.000Z",
                "2026-05-01 02:00:00+02:00",
                "2026-04-30T19:00-0500",
                "20260501T000000Z",
                "2026-05-01 00:00:00 UTC"
            })
    void timestampsAreReadInAllForms(String time) throws BadLineException {
        Columns columns = new Columns(Map.of(), FeatureForm.NAMED, "at", null);
        for (String text : List.of("at,a\n" + time + ",1\n", "{\"at\": \"" + time + "\", \"a\": 1}\n")) {
            ExampleFile file = ExampleFile.read(
                    new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)), "-", null, columns);
            assertThat(file.next().time()).isEqualTo(1777593600000L);
        }
    }

    @Test
    void aListThatIsBadDoesNotAffectTheNextLine() throws BadLineException {
        ExampleFile file = open("t.jsonl", "{\"s\": [1, \"\uFFFD\"], \"label\": 1}\n{\"s\": 3, \"label\": 1}\n");

        assertThatThrownBy(file::next).isInstanceOf(BadLineException.class);
        assertThat(read(file)).containsExactly("1.0 {s=3.0}");
    }

    @Test
    void aFieldOfItsOwnCanBeCalledFeatures() throws BadLineException {
        String row = "{\"clicked\": 1, \"features\": {\"wifi\": true, \"floor\": 3}}";

        assertThat(read("t.jsonl", row, "label", "clicked"))
                .containsExactly("1.0 {features.wifi=true=1.0, features.floor=3.0}");
        assertThat(read("t.jsonl", "{\"label\": 1, \"price\": 2, \"features\": [\"new\"]}", "label", "label"))
                .containsExactly("1.0 {price=2.0, features=new=1.0}");
        assertThat(read(
                        "t.jsonl",
                        "{\"label\": 1, \"price\": 2, \"features\": {\"x\": 1}}",
                        "features.exclude",
                        "features"))
                .containsExactly("1.0 {price=2.0}");
        assertThat(read("t.jsonl", "{\"label\": 1, \"features\": {\"x\": 1}}", "label", "clicked"))
                .as("an example among rows")
                .containsExactly("1.0 {x=1.0}");
        assertThatThrownBy(() -> read("t.jsonl", row)).hasMessageContainingAll("no field clicked", "--label");
    }
}
