package io.thalweg;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import io.thalweg.app.cli.Thalweg;
import io.thalweg.app.serve.ServedMetric;
import io.thalweg.audit.FindingKind;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.Rejection;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.apache.avro.Schema;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;

/**
 * Holds the documentation against the program: what is generated, links, commands, settings and programs in it. After a
 * change of settings or schemas, {@code mvn test -Dtest=DocumentationTest -Dthalweg.docs.write=true} writes the
 * generated parts anew.
 */
class DocumentationTest {
    private static final Path ROOT = Path.of("").toAbsolutePath();
    private static final Path REFERENCE = ROOT.resolve("docs/reference");
    private static final String PROGRAM = "bin/thalweg";
    private static final int README_BYTES = 10_240;

    private static final Pattern GENERATED =
            Pattern.compile("(?<begin><!-- generated: (?<name>.+?) -->\n)(?<text>.*?)(?=<!-- end -->)", Pattern.DOTALL);
    private static final Pattern FENCE =
            Pattern.compile("^```(?<language>\\w*)\n(?<text>.*?)^```$", Pattern.DOTALL | Pattern.MULTILINE);
    private static final Pattern HEREDOC =
            Pattern.compile("<<(?<end>\\w+)\n(?<text>.*?)^\\k<end>$", Pattern.DOTALL | Pattern.MULTILINE);
    private static final Pattern LINK = Pattern.compile("\\[[^\\]]*]\\((?<target>[^)\\s]+)\\)");
    private static final Pattern HEADING = Pattern.compile("^#+ (?<text>.+)$", Pattern.MULTILINE);
    /** A word of a shell command, an operator between two commands, or a comment. */
    private static final Pattern WORD = Pattern.compile("#.*|[|&;<>]+|(?:'[^']*'|\"[^\"]*\"|[^\\s|&;<>'\"])+");

    /** Commands that learn from whatever they are given. */
    private static final Set<String> LEARNING = Set.of("evaluate", "local", "run", "train");

    static List<Path> pages() throws IOException {
        try (Stream<Path> files = Files.walk(ROOT)) {
            return files.filter(file -> file.toString().endsWith(".md"))
                    .filter(file -> !isBuilt(ROOT.relativize(file)))
                    .sorted()
                    .toList();
        }
    }

    /** Whether a file is in a directory that a build has filled, of this project or of an example. */
    private static boolean isBuilt(Path file) {
        return file.startsWith("target")
                || file.startsWith("examples") && file.toString().contains("/node_modules/");
    }

    // ---- generated parts

    @ParameterizedTest
    @MethodSource("pages")
    void whatIsGeneratedIsUpToDate(Path page) throws IOException {
        String text = Files.readString(page);
        Matcher parts = GENERATED.matcher(text);
        String fresh = parts.replaceAll(part -> Matcher.quoteReplacement(part.group(1) + generate(part.group(2))));

        if (Boolean.getBoolean("thalweg.docs.write") && !fresh.equals(text)) {
            Files.writeString(page, fresh);
        }
        assertThat(Files.readString(page))
                .as("%s; run this test with -Dthalweg.docs.write=true", ROOT.relativize(page))
                .isEqualTo(fresh);
    }

    @Test
    void allThatCanBeGeneratedIs() throws IOException {
        List<String> names = new ArrayList<>();
        for (Path page : pages()) {
            GENERATED.matcher(Files.readString(page)).results().forEach(part -> names.add(part.group(2)));
        }
        List<String> all = new ArrayList<>(List.of("settings", "served metrics"));
        try (Stream<Path> schemas = Files.list(ROOT.resolve("schemas"))) {
            schemas.map(file -> "schema " + file.getFileName().toString().replace(".avsc", ""))
                    .forEach(all::add);
        }
        assertThat(names).containsExactlyInAnyOrderElementsOf(all);
    }

    private static String generate(String name) {
        if (name.equals("settings")) {
            return ThalwegConfig.markdown();
        }
        if (name.equals("served metrics")) {
            return ServedMetric.markdown();
        }
        assertThat(name).startsWith("schema ");
        Path file = ROOT.resolve("schemas").resolve(name.substring("schema ".length()) + ".avsc");
        try {
            return table(new Schema.Parser().parse(Files.readString(file)));
        } catch (IOException e) {
            throw new AssertionError("there is nothing to generate " + name + " from", e);
        }
    }

    /** The fields of a record, and after them those of the records in it. */
    private static String table(Schema record) {
        List<Schema> inside = new ArrayList<>();
        StringBuilder table = new StringBuilder(
                "**%s**: %s\n\n| field | type | |\n|---|---|---|\n".formatted(record.getName(), record.getDoc()));
        for (Schema.Field field : record.getFields()) {
            table.append("| `%s` | %s | %s |\n".formatted(field.name(), type(field.schema(), inside), field.doc()));
        }
        inside.forEach(schema -> table.append('\n').append(table(schema)));
        return table.toString();
    }

    /** @param inside gets the records that are defined here */
    private static String type(Schema schema, List<Schema> inside) {
        return switch (schema.getType()) {
            case UNION -> {
                List<String> branches = new ArrayList<>();
                for (Schema branch : schema.getTypes()) {
                    if (branch.getType() != Schema.Type.NULL) {
                        branches.add(type(branch, inside));
                    }
                }
                String or = branches.size() > 1 ? ", or null" : " or null";
                yield String.join(", ", branches) + (schema.isNullable() ? or : "");
            }
            case ARRAY -> "array of " + type(schema.getElementType(), inside);
            case MAP -> "map of " + type(schema.getValueType(), inside);
            case RECORD -> {
                if (!inside.contains(schema)) {
                    inside.add(schema);
                }
                yield schema.getName();
            }
            default -> schema.getType().getName();
        };
    }

    // ---- links and sizes

    @ParameterizedTest
    @MethodSource("pages")
    void linksLeadSomewhere(Path page) throws IOException {
        List<String> broken = new ArrayList<>();
        LINK.matcher(withoutCode(Files.readString(page)))
                .results()
                .map(link -> link.group(1))
                .filter(target -> !target.matches("[a-z]+:.*"))
                .filter(target -> !leadsSomewhere(page, target))
                .forEach(broken::add);
        assertThat(broken).as("links in %s", ROOT.relativize(page)).isEmpty();
    }

    private static boolean leadsSomewhere(Path page, String target) {
        String[] parts = target.split("#", 2);
        Path file = parts[0].isEmpty() ? page : page.resolveSibling(parts[0]).normalize();
        if (!file.startsWith(ROOT) || file.startsWith(ROOT.resolve("target")) || !Files.exists(file)) {
            return false;
        }
        try {
            return parts.length == 1 || anchors(Files.readString(file)).contains(parts[1]);
        } catch (IOException e) {
            return false;
        }
    }

    /** The anchors that a page has on GitHub. */
    private static Set<String> anchors(String page) {
        Map<String, Integer> times = new HashMap<>();
        Set<String> anchors = new HashSet<>();
        HEADING.matcher(FENCE.matcher(page).replaceAll("")).results().forEach(heading -> {
            String anchor = heading.group(1)
                    .toLowerCase(Locale.ROOT)
                    .replaceAll("[^\\p{L}\\p{N} _-]", "")
                    .replace(' ', '-');
            int before = times.merge(anchor, 1, Integer::sum) - 1;
            anchors.add(before == 0 ? anchor : anchor + "-" + before);
        });
        return anchors;
    }

    private static String withoutCode(String page) {
        return FENCE.matcher(page).replaceAll("").replaceAll("`[^`\n]*`", "``");
    }

    @Test
    void theReadmeIsShort() throws IOException {
        assertThat(Files.size(ROOT.resolve("README.md"))).isLessThanOrEqualTo(README_BYTES);
    }

    @Test
    void everyPageIsLinked() throws IOException {
        Set<Path> linked = new HashSet<>();
        for (Path page : pages()) {
            LINK.matcher(withoutCode(Files.readString(page)))
                    .results()
                    .map(link -> link.group(1).split("#", 2)[0])
                    .filter(target -> !target.isEmpty())
                    .forEach(target -> linked.add(page.resolveSibling(target).normalize()));
        }
        assertThat(pages().stream().filter(page -> page.startsWith(ROOT.resolve("docs"))))
                .isNotEmpty()
                .allSatisfy(page -> assertThat(linked).contains(page));
    }

    // ---- commands and settings

    @Test
    void commandsAreUnderstood() throws IOException {
        assertThat(eachCommand((page, command) -> {
                    CommandLine.ParseResult parsed = parse(command);
                    new ThalwegConfig(settings(parsed.subcommand()));
                }))
                .isGreaterThan(20);
    }

    @Test
    void commandsThatLearnFromAnythingSayHow() throws IOException {
        assertThat(eachCommand((page, command) -> {
                    CommandLine.ParseResult subcommand = parse(command).subcommand();
                    boolean learns = LEARNING.contains(subcommand.commandSpec().name())
                            && !subcommand.hasMatchedOption("--config")
                            && !subcommand.hasMatchedOption("--model")
                            && !subcommand.hasMatchedOption("--no-learner");
                    assertThat(!learns || settings(subcommand).containsKey(ThalwegConfig.ALGORITHM))
                            .as("whether %s sets algorithm: sgd is for features that have been scaled", command)
                            .isTrue();
                }))
                .isPositive();
    }

    @Test
    void filesOfSettingsAreUnderstood() throws IOException {
        int found = 0;
        for (Path page : pages()) {
            String text = Files.readString(page);
            List<String> files = new ArrayList<>();
            blocks(text, "properties").forEach(files::add);
            blocks(text, "")
                    .forEach(block -> HEREDOC.matcher(block).results().forEach(file -> files.add(file.group(2))));
            for (String file : files) {
                Properties settings = new Properties();
                settings.load(new StringReader(file));
                Map<String, Object> map = new TreeMap<>();
                settings.forEach((name, value) -> map.put((String) name, value));
                assertThatCode(() -> new ThalwegConfig(map))
                        .as("%s: %s", ROOT.relativize(page), file)
                        .doesNotThrowAnyException();
                assertThat(!map.containsKey(ThalwegConfig.EXAMPLES_TOPIC) || map.containsKey(ThalwegConfig.ALGORITHM))
                        .as("whether %s sets algorithm: %s", ROOT.relativize(page), file)
                        .isTrue();
                found++;
            }
        }
        assertThat(found).isPositive();
    }

    /** @return how many there are */
    private static int eachCommand(BiConsumer<Path, List<String>> check) throws IOException {
        int found = 0;
        for (Path page : pages()) {
            for (String block : blocks(Files.readString(page), "").toList()) {
                for (List<String> command : commands(block)) {
                    assertThatCode(() -> check.accept(page, command))
                            .as("%s: %s", ROOT.relativize(page), command)
                            .doesNotThrowAnyException();
                    found++;
                }
            }
        }
        return found;
    }

    private static Stream<String> blocks(String page, String language) {
        return FENCE.matcher(page)
                .results()
                .filter(block -> block.group(1).equals(language))
                .map(block -> block.group(2));
    }

    /** The words after the name of the program, of each command in which it is called. */
    private static List<List<String>> commands(String shell) {
        List<List<String>> commands = new ArrayList<>();
        for (String line : shell.replace("\\\n", " ").split("\n")) {
            List<String> command = null;
            for (MatchResult word : WORD.matcher(line).results().toList()) {
                String text = word.group();
                if (text.equals(PROGRAM)) {
                    command = new ArrayList<>();
                    commands.add(command);
                } else if (text.matches("#.*|[|&;<>]+")) {
                    command = null;
                } else if (command != null) {
                    command.add(text.replaceAll("['\"]", ""));
                }
            }
        }
        return commands;
    }

    private static CommandLine.ParseResult parse(List<String> command) {
        CommandLine.ParseResult parsed = new CommandLine(new Thalweg())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .parseArgs(command.toArray(String[]::new));
        assertThat(parsed.hasSubcommand())
                .as("whether %s names a command", command)
                .isTrue();
        return parsed;
    }

    private static Map<String, String> settings(CommandLine.ParseResult subcommand) {
        Map<String, String> settings = new LinkedHashMap<>();
        if (subcommand.hasMatchedOption("--label-delay") || subcommand.hasMatchedOption("--label-time")) {
            // as evaluate does
            settings.put(ThalwegConfig.LABELS_TOPIC, "labels");
        }
        settings.putAll(subcommand.<Map<String, String>>matchedOptionValue("--set", Map.of()));
        return settings;
    }

    // ---- programs

    @ParameterizedTest
    @MethodSource("pages")
    void programsCompile(Path page, @TempDir Path directory) throws IOException {
        List<Path> sources = new ArrayList<>();
        for (String program : blocks(Files.readString(page), "java").toList()) {
            Matcher name = Pattern.compile("public class (\\w+)").matcher(program);
            assertThat(name.find()).as("whether this has a class: %s", program).isTrue();
            sources.add(Files.writeString(directory.resolve(name.group(1) + ".java"), program));
        }
        if (sources.isEmpty()) {
            return;
        }
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        DiagnosticCollector<JavaFileObject> problems = new DiagnosticCollector<>();
        try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, null)) {
            List<String> options =
                    List.of("-d", directory.toString(), "-cp", System.getProperty("java.class.path"), "-proc:none");
            boolean compiled = compiler.getTask(
                            null, files, problems, options, null, files.getJavaFileObjectsFromPaths(sources))
                    .call();
            assertThat(compiled)
                    .as("%s: %s", ROOT.relativize(page), problems.getDiagnostics())
                    .isTrue();
        }
    }

    // ---- lists

    @Test
    void everyReasonOfADeadLetterIsDocumented() throws IOException {
        assertDocumented(REFERENCE.resolve("dead-letters.md"), Rejection.Reason.values());
    }

    @Test
    void everyFindingIsDocumented() throws IOException {
        assertDocumented(ROOT.resolve("docs/concepts/verify.md"), FindingKind.values());
    }

    private static void assertDocumented(Path page, Enum<?>[] constants) throws IOException {
        String text = Files.readString(page);
        assertThat(constants).allSatisfy(constant -> assertThat(text).contains("`" + constant.name() + "`"));
    }
}
