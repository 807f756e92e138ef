package io.thalweg.app.page;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.thalweg.app.view.JsonView;
import io.thalweg.avro.Metrics;
import io.thalweg.avro.Quality;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The metrics of all models over time. Safe for use by several threads. */
final class MetricsHistory {
    /** How many points are kept for all models together. */
    private static final int MOST_POINTS = 400_000;

    private static final int MOST_POINTS_OF_A_MODEL = 600;
    private static final int FEWEST_POINTS_OF_A_MODEL = 24;
    /** How many points the small line of a model in the list has. */
    private static final int LINE = 24;

    private static final String[] COLUMNS = {
        "recentLogLoss",
        "recentBaseRateLogLoss",
        "logLoss",
        "baseRateLogLoss",
        "auc",
        "recentAuc",
        "calibration",
        "meanLabel",
        "meanProbability",
        "waiting"
    };
    private static final int RECENT = 0;
    private static final int RECENT_BASE = 1;

    private final Map<String, ShownMetrics> models = new TreeMap<>();
    /** How many points all models have together. */
    private long points;

    private static final class ShownMetrics {
        final String model;
        final TimeSeries series;
        Metrics latest;
        long time;

        ShownMetrics(String model, int most, Metrics latest) {
            this.model = model;
            this.latest = latest;
            series = new TimeSeries(most, COLUMNS);
        }

        /** How much worse than the base rate it has recently been, in nats. */
        double loss() {
            double over = series.latest(RECENT) - series.latest(RECENT_BASE);
            return Double.isNaN(over) ? Double.NEGATIVE_INFINITY : over;
        }
    }

    /** A longer history of a model, which is read while the one that is there is shown. For one thread. */
    final class LongerHistory {
        private final String model;
        private @Nullable ShownMetrics of;

        LongerHistory(String model) {
            this.model = model;
        }

        /** Adds a record of the metrics topic. @param metrics null if the model was deleted */
        void take(@Nullable Metrics metrics, long time) {
            if (metrics == null) {
                of = null;
                return;
            }
            if (of == null || metrics.getVersion() < of.latest.getVersion()) {
                of = new ShownMetrics(model, MOST_POINTS_OF_A_MODEL, metrics);
            }
            add(of, metrics, time);
        }

        /** Shows it instead, with the latest record that is known. */
        void end() {
            if (of != null) {
                replace(of);
            }
        }
    }

    private synchronized void replace(ShownMetrics by) {
        ShownMetrics before = models.get(by.model);
        if (before != null && by.latest.getVersion() < before.latest.getVersion()) {
            add(by, before.latest, before.time);
        }
        points += by.series.size() - (before == null ? 0 : before.series.size());
        models.put(by.model, by);
        limit();
    }

    /** Adds a record of the metrics topic. @param metrics null if the model was deleted */
    synchronized void take(String model, @Nullable Metrics metrics, long time) {
        ShownMetrics of = models.get(model);
        if (of != null && (metrics == null || metrics.getVersion() < of.latest.getVersion())) {
            // also after a reset: a new model of the same name begins at version 0
            models.remove(model);
            points -= of.series.size();
            of = null;
        }
        if (metrics == null) {
            return;
        }
        if (of == null) {
            of = new ShownMetrics(model, MOST_POINTS_OF_A_MODEL, metrics);
            models.put(model, of);
        }
        points -= of.series.size();
        add(of, metrics, time);
        points += of.series.size();
        limit();
    }

    private void limit() {
        if (points > Math.max(MOST_POINTS, (long) FEWEST_POINTS_OF_A_MODEL * models.size())) {
            // those that have long had no record, too
            int most = Math.max(FEWEST_POINTS_OF_A_MODEL, MOST_POINTS / models.size());
            points = 0;
            for (ShownMetrics each : models.values()) {
                each.series.limit(most);
                points += each.series.size();
            }
        }
    }

    /** Returns whether anything is known of a model. */
    synchronized boolean isKnown(String model) {
        return models.containsKey(model);
    }

    private static void add(ShownMetrics of, Metrics metrics, long time) {
        of.latest = metrics;
        of.time = time;
        Quality all = metrics.getOverall();
        Quality recent = metrics.getRecent();
        of.series.add(
                time,
                metrics.getVersion(),
                recent.getLogLoss(),
                recent.getBaseRateLogLoss(),
                all.getLogLoss(),
                all.getBaseRateLogLoss(),
                all.getAuc(),
                recent.getAuc(),
                recent.getCalibration(),
                recent.getMeanLabel(),
                recent.getMeanProbability(),
                metrics.getLabels() == null ? Double.NaN : metrics.getLabels().getWaiting());
    }

    /** Returns the models that are worst compared with their base rate. */
    synchronized List<String> worst(int most) {
        return models.values().stream()
                .sorted(Comparator.comparingDouble(ShownMetrics::loss).reversed())
                .limit(most)
                .map(of -> of.model)
                .toList();
    }

    /** Returns how many models there are. */
    synchronized int size() {
        return models.size();
    }

    /** Returns how many events of all models wait for their labels. */
    synchronized long waiting() {
        return models.values().stream()
                .mapToLong(of -> of.latest.getLabels() == null
                        ? 0
                        : of.latest.getLabels().getWaiting())
                .sum();
    }

    /** Returns the history of a model; null if nothing is known of it. */
    synchronized @Nullable ObjectNode json(String model) {
        ShownMetrics of = models.get(model);
        if (of == null) {
            return null;
        }
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.set("latest", JsonView.json(of.latest));
        json.set("history", of.series.json());
        return json;
    }

    /**
     * Returns a list of models, those first that are worst compared with their base rate.
     *
     * @param search what their ids must contain, in any case
     */
    synchronized ObjectNode list(String search, int limit) {
        String wanted = search.toLowerCase(Locale.ROOT);
        List<ShownMetrics> found = models.values().stream()
                .filter(of -> of.model.toLowerCase(Locale.ROOT).contains(wanted))
                .sorted(Comparator.comparingDouble(ShownMetrics::loss).reversed())
                .toList();
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("total", models.size());
        json.put("found", found.size());
        ArrayNode list = json.putArray("models");
        found.stream().limit(limit).forEach(of -> {
            ObjectNode model = list.addObject();
            model.put("model", of.model);
            model.put("version", of.latest.getVersion());
            model.put("examples", of.latest.getOverall().getExamples());
            model.set("recent", JsonView.json(of.latest.getRecent()));
            model.set("line", of.series.json(RECENT, LINE));
        });
        return json;
    }
}
