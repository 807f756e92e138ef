import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Properties;
import java.util.stream.Stream;

/**
 * A step of the build, which adds to the bill of materials what is in the distribution without being a dependency: the
 * charts of the page, and the classes of the registry client, which are unpacked from the jar that carries them.
 */
public final class BundledComponents {
    private static final ObjectMapper JSON =
            JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

    private BundledComponents() {}

    /**
     * Runs the step.
     *
     * @param arguments the bill; the directory in which the carried libraries say what they are; version and SHA-256 of
     *     the carrier; version of uPlot
     */
    public static void main(String[] arguments) throws IOException {
        Path bill = Path.of(arguments[0]);
        ObjectNode root = (ObjectNode) JSON.readTree(bill.toFile());
        ArrayNode components = (ArrayNode) root.get("components");

        component(components, "", "uplot", arguments[4], "npm/uplot@" + arguments[4], "MIT");

        ObjectNode carrier = component(
                components,
                "org.apache.pinot",
                "pinot-confluent-avro",
                arguments[2],
                "maven/org.apache.pinot/pinot-confluent-avro@" + arguments[2] + "?classifier=shaded&type=jar",
                "Apache-2.0");
        carrier.put("description", "Carries the classes of the registry client; others of its classes are not here.");
        carrier.putArray("hashes").addObject().put("alg", "SHA-256").put("content", arguments[3]);
        ArrayNode carried = carrier.putArray("components");
        for (Path file : descriptions(Path.of(arguments[1]))) {
            Properties library = new Properties();
            try (InputStream in = Files.newInputStream(file)) {
                library.load(in);
            }
            String group = library.getProperty("groupId");
            String name = library.getProperty("artifactId");
            String version = library.getProperty("version");
            component(
                    carried,
                    group,
                    name,
                    version,
                    "maven/%s/%s@%s?type=jar".formatted(group, name, version),
                    "Apache-2.0");
        }
        if (carried.isEmpty()) {
            throw new IOException("no library says what it is in " + arguments[1]);
        }
        JSON.writeValue(bill.toFile(), root);
    }

    private static List<Path> descriptions(Path directory) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            return files.filter(file -> file.endsWith("pom.properties"))
                    .sorted()
                    .toList();
        }
    }

    private static ObjectNode component(
            ArrayNode components, String group, String name, String version, String address, String license) {
        ObjectNode component = components.addObject();
        component.put("type", "library");
        component.put("bom-ref", "bundled:pkg:" + address);
        if (!group.isEmpty()) {
            component.put("group", group);
        }
        component.put("name", name);
        component.put("version", version);
        component.put("purl", "pkg:" + address);
        component.putArray("licenses").addObject().putObject("license").put("id", license);
        return component;
    }
}
