package io.thalweg.app.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.thalweg.app.view.Figures;
import io.thalweg.audit.Finding;
import io.thalweg.audit.Progress;
import io.thalweg.audit.Verification;
import io.thalweg.audit.VerificationReport;
import io.thalweg.audit.VerificationReport.Counts;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.registry.Registry;
import io.thalweg.runtime.AccessRole;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.KafkaSettings;
import io.thalweg.runtime.Topics;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.acl.AclOperation;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "verify",
        description = "Proves from the topics alone that every committed example has exactly one prediction or dead "
                + "letter, and that a replay gives every prediction and the last weights and metrics bit "
                + "for bit. The learner can keep running.",
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:everything is as it should be",
            "1:something differs; it is named by partition and offset",
            "3:not everything could be verified, because records that are needed are missing"
        },
        mixinStandardHelpOptions = true)
final class VerifyCommand implements Callable<Integer> {
    @Mixin
    private SettingsOptions settings;

    @Option(
            names = "--model",
            paramLabel = "FILE",
            description = "A model file that models of the learner began with, if model.start names another one now."
                    + " Can be repeated.")
    private List<Path> modelFiles = List.of();

    @Option(names = "--json", description = "Print the report as one JSON object.")
    private boolean json;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        ThalwegConfig config = settings.config();
        try (Admin admin = KafkaSettings.admin(config)) {
            // if the brokers do not answer, this fails within seconds, with a message that says what to do
            Topics topics = new Topics(config, admin);
            topics.partitions(ThalwegConfig.EXAMPLES_TOPIC, AclOperation.READ);
            topics.require(AccessRole.AUDITOR);
        }
        VerificationReport report;
        Duration retry = Duration.ofMillis(config.getLong(ThalwegConfig.REGISTRY_RETRY_MAX_MS));
        try (Registry schemas = Registry.of(config, retry)) {
            schemas.check();
            report = new Verification(config, schemas, modelFiles).run(this::progress);
        }
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(json(report));
        } else {
            report.lines().stream().map(settings::repeatedIn).forEach(out::println);
        }
        out.flush();
        return exitCode(report).code();
    }

    static ExitCode exitCode(VerificationReport report) {
        return switch (report.conclusion()) {
            case MATCHES -> ExitCode.OK;
            case DIFFERS -> ExitCode.DIFFERS;
            case CANNOT_VERIFY -> ExitCode.NOT_READY;
        };
    }

    private void progress(Progress progress) {
        if (System.console() != null && !json) {
            PrintWriter err = spec.commandLine().getErr();
            err.print("\r%s of %s records%s"
                    .formatted(
                            Figures.count(progress.records()),
                            Figures.count(progress.total()),
                            progress.records() >= progress.total() ? "\n" : ""));
            err.flush();
        }
    }

    static ObjectNode json(VerificationReport report) {
        ObjectNode object = JsonNodeFactory.instance.objectNode();
        object.put("outcome", report.conclusion().name());
        object.put("replay_matches", report.replayMatches());
        Counts counts = report.counts();
        object.put("partitions", counts.partitions());
        object.put("records", counts.records());
        object.put("examples", counts.examples());
        object.put("predictions", counts.predictions());
        object.put("labels", counts.labels());
        object.put("outcomes", counts.outcomes());
        object.put("dead_letters", counts.deadLetters());
        object.put("dead_letters_on_trust", counts.unknownSchemas());
        object.put("deletions", counts.deletions());
        object.put("models", counts.models());
        object.put("steps", counts.steps());
        object.put("weights_behind", counts.weightsBehind());
        object.put("later", counts.later());
        object.put("findings_total", report.findingsTotal());
        ObjectNode kinds = object.putObject("findings_by_kind");
        report.findingCounts().forEach((kind, count) -> kinds.put(kind.name(), count));
        ArrayNode findings = object.putArray("findings");
        report.findings().forEach(finding -> findings.add(json(finding)));
        object.put("hindrance", report.obstacle().orElse(null));
        return object;
    }

    private static ObjectNode json(Finding finding) {
        ObjectNode object = JsonNodeFactory.instance.objectNode();
        object.put("kind", finding.kind().name());
        object.put("topic", finding.source().topic());
        object.put("partition", finding.source().partition());
        putOffset(object, "offset", finding.offset());
        object.put("output_topic", finding.output().topic());
        object.put("output_partition", finding.output().partition());
        putOffset(object, "output_offset", finding.outputOffset());
        object.put("key", finding.key());
        object.put("sentence", finding.sentence());
        return object;
    }

    private static void putOffset(ObjectNode object, String field, long offset) {
        if (offset == Finding.NONE) {
            object.putNull(field);
        } else {
            object.put(field, offset);
        }
    }
}
