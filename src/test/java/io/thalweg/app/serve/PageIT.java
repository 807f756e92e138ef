package io.thalweg.app.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import io.thalweg.app.local.EmbeddedBroker;
import io.thalweg.app.local.EmbeddedRegistry;
import io.thalweg.avro.Example;
import io.thalweg.avro.Metrics;
import io.thalweg.avro.Prediction;
import io.thalweg.avro.Weight;
import io.thalweg.avro.Weights;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.output.OutputTopic;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.runtime.OutputReader;
import io.thalweg.testing.FreePort;
import io.thalweg.testing.Programs;
import io.thalweg.testing.Seeded;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.logging.Level;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.openqa.selenium.By;
import org.openqa.selenium.Dimension;
import org.openqa.selenium.Keys;
import org.openqa.selenium.StaleElementReferenceException;
import org.openqa.selenium.WebDriverException;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.interactions.Actions;
import org.openqa.selenium.logging.LogType;
import org.openqa.selenium.logging.LoggingPreferences;

/** The page of a real learner, in a real browser: what it shows is what the topics hold. */
@Seeded
@Timeout(300)
class PageIT {
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final int EXAMPLES = 1_500;

    private static EmbeddedBroker broker;
    private static EmbeddedRegistry registry;
    private static ServedLearner learner;
    private static String url;
    private static ChromeDriver browser;

    @BeforeAll
    static void start(@TempDir Path directory) {
        Path chromium = Programs.find("chromium", "chromium");
        Path driver = Programs.find("chromedriver", "chromium-driver");
        broker = EmbeddedBroker.start(directory.resolve("broker"), 0);
        registry = EmbeddedRegistry.start(null, 0);
        learner = new ServedLearner(
                broker, registry, "page", "learning.rate", "0.05", "metrics.every", "50", "weights.every", "25");
        learner.createTopics();
        learner.start();
        url = learner.serving().url();
        ChromeOptions options = new ChromeOptions();
        options.setBinary(chromium.toFile());
        options.addArguments(
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--user-data-dir=" + directory.resolve("profile"));
        LoggingPreferences logs = new LoggingPreferences();
        logs.enable(LogType.BROWSER, Level.ALL);
        options.setCapability("goog:loggingPrefs", logs);
        browser = new ChromeDriver(
                new ChromeDriverService.Builder()
                        .usingDriverExecutable(driver.toFile())
                        .build(),
                options);
    }

    @AfterAll
    static void stop() {
        if (browser != null) {
            browser.quit();
        }
        if (learner != null) {
            learner.close();
            registry.close();
            broker.close();
        }
    }

    @BeforeEach
    void open() {
        browser.manage().window().setSize(new Dimension(1300, 900));
        // what other tests have left, such as answers of a learner that was just starting
        browser.manage().logs().get(LogType.BROWSER);
    }

    private static String text(String id) {
        return browser.findElement(By.id(id)).getText();
    }

    private static void awaitText(String id, String expected) {
        await(id)
                .atMost(PATIENCE)
                .ignoreException(StaleElementReferenceException.class)
                .untilAsserted(() -> assertThat(text(id)).contains(expected));
    }

    /** Returns the last record of a model in an output topic. */
    private static <T extends SpecificRecord> T last(OutputTopic topic, Class<T> type, String model) {
        List<T> all = all(topic, type, model);
        return all.isEmpty() ? null : all.get(all.size() - 1);
    }

    private static <T extends SpecificRecord> List<T> all(OutputTopic topic, Class<T> type, String model) {
        List<T> values = new ArrayList<>();
        try (OutputReader<T> reader =
                OutputReader.open(learner.config, learner.schemas, topic, type, null, OutputReader.Start.BEGINNING)) {
            reader.sample(1_000_000, entry -> {
                if (new String(entry.source().key(), StandardCharsets.UTF_8).equals(model)) {
                    values.add(entry.value());
                }
            });
        }
        return values;
    }

    private static String digits(double number) {
        return String.format(Locale.ROOT, "%.4f", number);
    }

    private static void learn(String model, Random random) {
        learner.send(EXAMPLES, i -> model, i -> {
            double sunny = random.nextInt(2);
            double degrees = random.nextGaussian();
            double label = random.nextDouble() < 1 / (1 + Math.exp(-2 * sunny + degrees)) ? 1 : 0;
            return new Example("e" + i, label, 1.0, new LinkedHashMap<>(Map.of("sunny", sunny, "degrees", degrees)));
        });
    }

    /** Presses a button, which the page may replace by the same one at any time. */
    private static void press(String selector) {
        await(selector)
                .atMost(PATIENCE)
                .ignoreExceptionsInstanceOf(WebDriverException.class)
                .until(() -> {
                    browser.findElement(By.cssSelector(selector)).click();
                    return true;
                });
    }

    private static List<WebElement> rows(String table) {
        return browser.findElements(By.cssSelector("#" + table + " tbody tr"));
    }

    @Test
    void showsWhatTheTopicsHold(Random random) throws Exception {
        learn("umbrella", random);
        byte[] garbage = "this is not Avro".getBytes(StandardCharsets.UTF_8);
        long offset;
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(new KafkaSettings(learner.config).writer())) {
            offset = producer.send(new ProducerRecord<>(
                            learner.config.getString(ThalwegConfig.EXAMPLES_TOPIC),
                            "umbrella".getBytes(StandardCharsets.UTF_8),
                            garbage))
                    .get()
                    .offset();
        }
        await().atMost(PATIENCE).until(() -> {
            Metrics metrics = last(OutputTopic.METRICS, Metrics.class, "umbrella");
            return metrics != null && metrics.getVersion() == EXAMPLES;
        });
        browser.get(url + "/#model=umbrella");

        awaitText("state", "running");
        Metrics metrics = last(OutputTopic.METRICS, Metrics.class, "umbrella");
        awaitText(
                "loss-text",
                "Recent: %s, where the base rate has %s."
                        .formatted(
                                digits(metrics.getRecent().getLogLoss()),
                                digits(metrics.getRecent().getBaseRateLogLoss())));
        awaitText("auc-text", "Overall: " + digits(metrics.getOverall().getAuc()));
        double share =
                1 - metrics.getRecent().getLogLoss() / metrics.getRecent().getBaseRateLogLoss();
        awaitText("verdict", String.format(Locale.ROOT, "umbrella: log loss %.1f%% below", share * 100));

        await().atMost(PATIENCE)
                .until(() ->
                        last(OutputTopic.WEIGHTS, Weights.class, "umbrella").getVersion() == EXAMPLES);
        awaitText("weights-text", "At version 1,500, the model has 2 weights");
        Weights weights = last(OutputTopic.WEIGHTS, Weights.class, "umbrella");
        for (Weight weight : weights.getWeights()) {
            await().atMost(PATIENCE)
                    .ignoreException(StaleElementReferenceException.class)
                    .untilAsserted(() -> assertThat(shown(weight.getName().toString()))
                            .isCloseTo(weight.getWeight(), within(Math.abs(weight.getWeight()) / 1000)));
        }
        showsTheEventsThatMovedAWeight(weights);

        awaitText("letters", "1");
        awaitText("reasons", "UNREADABLE 1");
        press("#dead-letters summary");
        assertThat(text("dead-letters")).contains("offset " + offset, "umbrella", "this is not Avro");
        assertThat(browser.manage().logs().get(LogType.BROWSER).getAll())
                .filteredOn(entry -> entry.getLevel().intValue() >= Level.WARNING.intValue())
                .isEmpty();
    }

    /** Returns the weight of a feature that the page shows. */
    private static double shown(String feature) {
        WebElement row = rows("moved").stream()
                .filter(each -> each.getText().startsWith(feature))
                .findFirst()
                .orElseThrow();
        return Double.parseDouble(row.findElements(By.tagName("td")).get(1).getText());
    }

    /** The steps that are computed from predictions and examples add up to the weight, which began at 0. */
    private void showsTheEventsThatMovedAWeight(Weights weights) {
        press("[aria-label='Events that moved degrees']");
        awaitText("moves-text", "1,500 steps moved the weight by ");
        double sum = Double.parseDouble(text("moves-text").replaceFirst(".* by (\\S+) in all.*", "$1"));
        double weight = weights.getWeights().stream()
                .filter(each -> each.getName().toString().equals("degrees"))
                .mapToDouble(Weight::getWeight)
                .findFirst()
                .orElseThrow();
        assertThat(sum).isCloseTo(weight, within(Math.abs(weight) / 1000));
        double before = Double.POSITIVE_INFINITY;
        assertThat(rows("moves-table")).hasSize(20);
        for (WebElement row : rows("moves-table")) {
            List<WebElement> cells = row.findElements(By.tagName("td"));
            double step = Double.parseDouble(cells.get(0).getText());
            double expected = -0.05
                    * (Double.parseDouble(cells.get(2).getText())
                            - Double.parseDouble(cells.get(3).getText()))
                    * Double.parseDouble(cells.get(1).getText());
            assertThat(step).isCloseTo(expected, within(2e-4));
            assertThat(Math.abs(step)).isLessThanOrEqualTo(before);
            before = Math.abs(step);
        }
    }

    @Test
    void showsPredictionsAsTheyCome(Random random) {
        browser.get(url);
        awaitText("state", "running");
        learn("live", random);
        browser.get(url + "/#model=live");
        await().atMost(PATIENCE)
                .ignoreException(StaleElementReferenceException.class)
                .until(() -> rows("predictions").stream()
                        .anyMatch(row -> row.getText().contains("e1499")));
        awaitText("reliability-text", "recent predictions with a label");
        press("#predictions button");
        awaitText("why-text", "add up to the logit");
        String[] said = text("why-text")
                .replaceFirst(".*the bias (\\S+) and .* the logit (.+)\\.", "$1 $2")
                .split(" ");
        double sum = Double.parseDouble(said[0]);
        for (WebElement row : rows("why-table")) {
            sum += Double.parseDouble(row.findElements(By.tagName("td")).get(2).getText());
        }
        assertThat(sum).isCloseTo(Double.parseDouble(said[1]), within(2e-3));
    }

    /** A history of any length costs about the same. */
    @Test
    void readsASampleOfALongTopic(Random random) {
        for (int i = 0; i < 4; i++) {
            learn("long", random);
        }
        await().atMost(PATIENCE).until(() -> {
            Metrics metrics = last(OutputTopic.METRICS, Metrics.class, "long");
            return metrics != null && metrics.getVersion() == 4 * EXAMPLES;
        });
        List<Long> offsets = new ArrayList<>();
        try (OutputReader<Prediction> reader = OutputReader.open(
                learner.config,
                learner.schemas,
                OutputTopic.PREDICTIONS,
                Prediction.class,
                null,
                OutputReader.Start.BEGINNING)) {
            reader.sample(600, entry -> offsets.add(entry.source().offset()));
            assertThat(reader.poll(Duration.ofMillis(100)))
                    .as("what is behind the end")
                    .isEmpty();
        }
        assertThat(offsets).isSorted().doesNotHaveDuplicates().hasSizeBetween(300, 600);
        assertThat(offsets.get(0)).isZero();
        assertThat(offsets).last().satisfies(last -> assertThat(last).isGreaterThan(4 * EXAMPLES - 20));
        for (int i = 1; i < offsets.size(); i++) {
            assertThat(offsets.get(i) - offsets.get(i - 1)).isLessThan(offsets.get(offsets.size() - 1) / 40);
        }
    }

    @Test
    void findsModelsByKeyboard(Random random) {
        learn("north", random);
        learn("south", random);
        browser.get(url);
        await().atMost(PATIENCE)
                .until(() -> browser.findElement(By.id("models")).getText().contains("south"));
        WebElement search = browser.findElement(By.id("search"));
        search.sendKeys("NOR");
        await().atMost(PATIENCE)
                .ignoreException(StaleElementReferenceException.class)
                .until(() -> browser.findElements(By.cssSelector("#models-list button")).stream()
                        .map(WebElement::getText)
                        .allMatch(text -> text.startsWith("north")));
        search.sendKeys(Keys.TAB);
        browser.switchTo().activeElement().sendKeys(Keys.ENTER);
        awaitText("verdict", "north: log loss ");
    }

    @Test
    void fitsOnAPhone(Random random) {
        learn("pocket", random);
        Map<String, Object> phone = Map.of("width", 360, "height", 800, "deviceScaleFactor", 2, "mobile", true);
        browser.executeCdpCommand("Emulation.setDeviceMetricsOverride", phone);
        browser.get(url);
        awaitText("state", "running");
        awaitText("verdict", "log loss");
        Object overflow = browser.executeScript("return document.documentElement.scrollWidth > window.innerWidth");
        assertThat(overflow).isEqualTo(false);
        browser.executeCdpCommand("Emulation.clearDeviceMetricsOverride", Map.of());
    }

    // ---- a jump of a weight

    /** Learns a model with one weight, which stands about still until some events move it. */
    private static void learnWithAJump(ServedLearner of, String model) {
        of.send(600, i -> model, i -> {
            boolean jumps = i >= 300 && i < 310;
            return new Example(
                    jumps ? "culprit-" + i : "usual-" + i,
                    jumps ? 1.0 : i % 2,
                    jumps ? 20.0 : 1.0,
                    new LinkedHashMap<>(Map.of("load", jumps ? 3.0 : 0.01)));
        });
    }

    /** Clicks on the chart of weights where the model has a version, which is between the first and last published. */
    private static void clickOnWeightsAt(double version, double first, double last) {
        press("[data-axis='version']");
        await("the chart of weights by steps")
                .atMost(PATIENCE)
                .ignoreExceptionsInstanceOf(WebDriverException.class)
                .until(() -> {
                    WebElement over = browser.findElement(By.cssSelector("#weights-chart .u-over"));
                    int width = over.getSize().getWidth();
                    int x = (int) Math.round((version - first) / (last - first) * width - width / 2.0);
                    new Actions(browser).moveToElement(over, x, 0).click().perform();
                    return browser.findElement(By.id("moves")).isDisplayed();
                });
    }

    @Test
    void aClickOnAJumpShowsTheEventsThatMovedTheWeightMost() {
        learnWithAJump(learner, "jumpy");
        await().atMost(PATIENCE).until(() -> {
            Weights weights = last(OutputTopic.WEIGHTS, Weights.class, "jumpy");
            return weights != null && weights.getVersion() == 600;
        });
        browser.get(url + "/#model=jumpy");
        awaitText("weights-text", "At version 600");
        // every 25 steps, and also where the learner waited for more events
        List<Long> versions = all(OutputTopic.WEIGHTS, Weights.class, "jumpy").stream()
                .map(Weights::getVersion)
                .toList();
        assertThat(versions).contains(25L, 300L, 325L);
        long from = versions.stream().filter(version -> version <= 300).reduce(0L, Math::max);
        long to = versions.stream().filter(version -> version > 300).reduce(325L, Math::min);
        clickOnWeightsAt((from + to) / 2.0, versions.get(0), 600);
        awaitText("moves-title", "load, from version %d to %d".formatted(from, to));
        awaitText("moves-text", "%d steps moved the weight by ".formatted(to - from));
        assertThat(rows("moves-table").subList(0, (int) Math.min(10, to - from)))
                .allSatisfy(row -> assertThat(row.getText()).contains("culprit-"));
    }

    @Test
    void whereMovesCannotBeToldAClickSaysSo() {
        try (ServedLearner auto = new ServedLearner(
                broker, registry, "page-auto", "algorithm", "auto", "metrics.every", "50", "weights.every", "25")) {
            auto.createTopics();
            auto.start();
            learnWithAJump(auto, "jumpy");
            browser.get(auto.serving().url() + "/#model=jumpy");
            awaitText("weights-text", "At version 600");
            awaitText("weights-text", "can only be shown with algorithm=sgd");
            assertThat(browser.findElements(By.cssSelector("#moved button"))).isEmpty();
            clickOnWeightsAt(312, 25, 600);
            awaitText("moves-text", "can only be shown with algorithm=sgd");
            assertThat(browser.findElement(By.id("moves-table")).isDisplayed()).isFalse();
        }
    }

    // ---- for everybody

    private static List<String> violations() throws IOException {
        try (InputStream script = PageIT.class.getResourceAsStream("/axe.min.js")) {
            browser.executeScript(new String(script.readAllBytes(), StandardCharsets.UTF_8));
        }
        Object found = browser.executeAsyncScript("""
                const done = arguments[arguments.length - 1];
                axe.run().then(
                    (result) => done(result.violations.flatMap(
                        (rule) => rule.nodes.map((node) => rule.id + ': ' + rule.help + ': ' + node.html))),
                    (problem) => done([String(problem)]));
                """);
        return ((List<?>) found).stream().map(String::valueOf).toList();
    }

    @ParameterizedTest
    @CsvSource({"light, 1280", "light, 390", "dark, 1280", "dark, 390"})
    void canBeUsedByEverybody(String theme, int width, Random random) throws IOException {
        learn("accessible-" + theme + width, random);
        learn("other-" + theme + width, random);
        browser.manage().window().setSize(new Dimension(width, 900));
        browser.get(url);
        browser.executeScript("localStorage.setItem('theme', arguments[0])", theme);
        browser.get(url + "/#model=accessible-" + theme + width);
        browser.navigate().refresh();
        awaitText("verdict", "log loss");
        awaitText("weights-text", "At version 1,500");
        press("[aria-label='Events that moved degrees']");
        awaitText("moves-text", "steps moved the weight by ");
        assertThat(violations()).isEmpty();
        browser.executeScript("localStorage.removeItem('theme')");
    }

    // ---- hours

    /** Ticks as fast as the page takes them, with a clock that goes faster, instead of one a second. */
    private static final String FAST = """
            (() => {
              const get = window.fetch.bind(window);
              window.shown = 0;
              let clock = 0;
              performance.now = () => (clock += 10000);
              window.fetch = async (path, options) => {
                if (String(path).startsWith('v1/events')) {
                  const about = await (await get('v1/page')).json();
                  const tick = new TextEncoder().encode('event: tick\\ndata: ' + JSON.stringify(about.tick) + '\\n\\n');
                  return new Response(new ReadableStream({
                    async pull(to) {
                      await new Promise((resolve) => setTimeout(resolve, 2));
                      to.enqueue(tick);
                    },
                  }));
                }
                const answer = await get(path, options);
                if (/^v1.page.models.[^?]/.test(path)) window.shown++;
                return answer;
              };
            })();
            """;

    /** What the browser holds after garbage was collected. */
    private record Held(long nodes, long listeners, long bytes) {}

    private static Held held() {
        browser.executeCdpCommand("HeapProfiler.collectGarbage", Map.of());
        Map<String, Long> metrics = new HashMap<>();
        for (Object each : (List<?>)
                browser.executeCdpCommand("Performance.getMetrics", Map.of()).get("metrics")) {
            Map<?, ?> metric = (Map<?, ?>) each;
            metrics.put((String) metric.get("name"), ((Number) metric.get("value")).longValue());
        }
        return new Held(metrics.get("Nodes"), metrics.get("JSEventListeners"), metrics.get("JSHeapUsedSize"));
    }

    private static void awaitShown(int times) {
        await().atMost(PATIENCE)
                .until(() -> ((Number) browser.executeScript("return window.shown")).intValue() >= times);
    }

    /** The page shows a model once in two seconds at most. */
    @Test
    void holdsNoMoreAfterHours(Random random) {
        learn("lasting", random);
        String script =
                (String) browser.executeCdpCommand("Page.addScriptToEvaluateOnNewDocument", Map.of("source", FAST))
                        .get("identifier");
        browser.executeCdpCommand("Performance.enable", Map.of());
        try {
            browser.get(url + "/#model=lasting");
            browser.navigate().refresh();
            awaitText("weights-text", "At version 1,500");
            awaitShown(100);
            Held before = held();
            awaitShown(600);
            Held after = held();
            assertThat(after.nodes).as("%s, then %s", before, after).isLessThan(before.nodes + before.nodes / 4);
            assertThat(after.listeners).as("%s, then %s", before, after).isLessThan(before.listeners + 100);
            assertThat(after.bytes).as("%s, then %s", before, after).isLessThan(before.bytes + 2_000_000);
        } finally {
            browser.executeCdpCommand("Page.removeScriptToEvaluateOnNewDocument", Map.of("identifier", script));
        }
    }

    /** The server is that of another learner when it comes back, as at the end of a rolling upgrade of the settings. */
    @Test
    void showsTheLearnerThatAnswersNow() throws IOException {
        int port = FreePort.find();
        String listen = "127.0.0.1:" + port;
        try (ServedLearner first = new ServedLearner(broker, registry, "page-first", "http.listen", listen)) {
            first.createTopics();
            first.start();
            browser.get(first.serving().url());
            awaitText("application", "page-first");
            awaitText("state", "running");
        }
        awaitText("state", "not connected, trying again");
        assertThat(text("steps")).isEqualTo("–");
        try (ServedLearner second = new ServedLearner(broker, registry, "page-second", "http.listen", listen)) {
            second.createTopics();
            second.start();
            awaitText("application", "page-second");
            awaitText("state", "running");
        }
    }

    /** As when a machine loses its power: the connection stays, and nothing comes any more. */
    @Test
    void noticesThatNothingComes() throws IOException {
        try (HaltingProxy proxy = HaltingProxy.to(learner.serving().port())) {
            browser.get("http://localhost:" + proxy.port());
            awaitText("state", "running");
            proxy.halt();
            awaitText("state", "not connected, trying again");
            proxy.goOn();
            awaitText("state", "running");
        }
    }
}
