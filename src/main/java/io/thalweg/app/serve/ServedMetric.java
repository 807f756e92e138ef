package io.thalweg.app.serve;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The metrics of Thalweg's own at {@code /metrics}, with the names that Prometheus gives them. The table in
 * docs/reference/metrics.md is generated from here.
 */
public enum ServedMetric {
    INFO("thalweg", MetricType.INFO, "Version of the program, and the algorithm.", "version", "algorithm"),
    LIVE("thalweg_live", MetricType.GAUGE, "Whether /health/live succeeds: 1 or 0."),
    READY("thalweg_ready", MetricType.GAUGE, "Whether /health/ready succeeds: 1 or 0."),
    PARTITIONS("thalweg_partitions", MetricType.GAUGE, "Number of partitions that are active in this instance."),
    LAG(
            "thalweg_lag_records",
            MetricType.GAUGE,
            "Number of records between the committed offset of a partition and its end. Markers of transactions count"
                    + " too.",
            "topic",
            "partition"),
    COMMITTED("thalweg_committed_offset", MetricType.GAUGE, "Committed offset of a partition.", "topic", "partition"),
    MODELS("thalweg_models", MetricType.GAUGE, "Number of models in this instance."),
    VERSION(
            "thalweg_model_version",
            MetricType.GAUGE,
            "Version of the model: the number of steps it has taken. Under `other`, the sum.",
            "model"),
    EXAMPLES(
            "thalweg_model_examples",
            MetricType.COUNTER,
            "Number of labeled examples. Under `other`, those since the first scrape.",
            "model"),
    LOG_LOSS(
            "thalweg_model_log_loss_nats",
            MetricType.GAUGE,
            "Mean log loss of the predictions, over all labeled examples or the recent window.",
            "model",
            "window"),
    BASE_RATE_LOG_LOSS(
            "thalweg_model_base_rate_log_loss_nats",
            MetricType.GAUGE,
            "Log loss of always predicting the mean label. A model above it is worse than no model.",
            "model",
            "window"),
    AUC(
            "thalweg_model_auc_ratio",
            MetricType.GAUGE,
            "Area under the ROC curve, from 0 to 1. Not under `other`, and not of a model in several partitions.",
            "model",
            "window"),
    CALIBRATION(
            "thalweg_model_calibration_ratio",
            MetricType.GAUGE,
            "Mean probability divided by mean label. 1 is right.",
            "model",
            "window"),
    MEAN_LABEL("thalweg_model_mean_label_ratio", MetricType.GAUGE, "Mean label, from 0 to 1.", "model", "window"),
    LABELS_WAITING(
            "thalweg_model_labels_waiting",
            MetricType.GAUGE,
            "Number of events that wait for their labels. Only with labels.topic.",
            "model"),
    LABELS_IN_TIME(
            "thalweg_model_labels_in_time",
            MetricType.COUNTER,
            "Number of events whose label came in time. Under `other`, those since the first scrape. Only with"
                    + " labels.topic.",
            "model"),
    LABELS_GIVEN_UP(
            "thalweg_model_labels_given_up",
            MetricType.COUNTER,
            "Number of events whose label did not come in time. Under `other`, those since the first scrape. Only with"
                    + " labels.topic.",
            "model"),
    LABEL_RATE(
            "thalweg_model_label_rate_ratio",
            MetricType.GAUGE,
            "Share of events whose label came in time, of those that no longer wait. Only with labels.topic.",
            "model"),
    HTTP_REQUESTS(
            "thalweg_http_requests_seconds",
            MetricType.HISTOGRAM,
            "Time from a request to the end of its answer.",
            "method",
            "path",
            "status");

    /**
     * The value of the label {@code model} under which models without a label of their own are added up. A model of
     * this name is one of them.
     */
    static final String OTHER = "other";

    /** Types of metrics. */
    enum MetricType {
        GAUGE,
        COUNTER,
        HISTOGRAM,
        INFO
    }

    private final String name;
    private final MetricType kind;
    private final String help;
    private final List<String> labels;

    ServedMetric(String name, MetricType kind, String help, String... labels) {
        this.name = name;
        this.kind = kind;
        this.help = help;
        this.labels = List.of(labels);
    }

    /** Returns the name without the suffix of its type. */
    String base() {
        return name;
    }

    /** Returns the name that a query uses. */
    public String queried() {
        return switch (kind) {
            case COUNTER -> name + "_total";
            case INFO -> name + "_info";
            case HISTOGRAM -> name + "_bucket";
            case GAUGE -> name;
        };
    }

    MetricType kind() {
        return kind;
    }

    String help() {
        return help.replace("`", "");
    }

    List<String> labels() {
        return labels;
    }

    /** Returns the table of all metrics in Markdown. */
    public static String markdown() {
        return "| metric | type | labels | |\n|---|---|---|---|\n"
                + Stream.of(values())
                        .map(metric -> "| `%s` | %s | %s | %s |\n"
                                .formatted(
                                        metric.kind == MetricType.HISTOGRAM ? metric.name : metric.queried(),
                                        metric.kind.name().toLowerCase(Locale.ROOT),
                                        metric.labels.stream()
                                                .map(label -> "`" + label + "`")
                                                .collect(Collectors.joining(", ")),
                                        metric.help))
                        .collect(Collectors.joining());
    }
}
