package io.thalweg.app.page;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.thalweg.avro.Weight;
import io.thalweg.avro.Weights;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The weights over time of the models that were looked at last. Of each, it has the strongest weights. Safe for use by
 * several threads.
 */
final class WeightsHistory {
    /** How many models it has. */
    static final int MOST_MODELS = 8;

    /** How many weights of a model it has. */
    private static final int MOST_WEIGHTS = 256;

    private static final int MOST_POINTS = 300;

    /** The models, those first that nobody has looked at for the longest time. */
    private final Map<String, ModelWeights> models = new LinkedHashMap<>(16, 0.75f, true);

    /** A weight over time. */
    private static final class Track {
        final int feature;
        final String name;
        final TimeSeries series = new TimeSeries(MOST_POINTS, "weight");
        double weight;
        double moved = Double.NaN;

        Track(int feature, String name) {
            this.feature = feature;
            this.name = name;
        }

        double size() {
            return Math.abs(weight);
        }
    }

    private static final class ModelWeights {
        final Map<Integer, Track> tracks = new HashMap<>();
        final TimeSeries bias = new TimeSeries(MOST_POINTS, "weight");
        long version = -1;
        long movedSteps;
        /** How many weights each record of the model has, by the number of its block. */
        final Map<Integer, Integer> sizes = new HashMap<>();

        /** The least of the strongest weights, below which no other weight is added. */
        double least;

        void take(Weights record, long time) {
            int block = record.getBlock() == null ? 0 : record.getBlock();
            sizes.put(block, record.getWeights().size());
            if (record.getVersion() >= version) {
                version = record.getVersion();
                movedSteps = record.getMovedSteps() == null ? 0 : record.getMovedSteps();
                bias.add(time, version, record.getBias());
            }
            for (Weight weight : record.getWeights()) {
                Track track = tracks.get(weight.getFeature());
                if (track == null) {
                    if (tracks.size() >= MOST_WEIGHTS && Math.abs(weight.getWeight()) <= least) {
                        continue;
                    }
                    track = new Track(
                            weight.getFeature(),
                            weight.getName() == null
                                    ? "#" + weight.getFeature()
                                    : weight.getName().toString());
                    tracks.put(weight.getFeature(), track);
                }
                track.weight = weight.getWeight();
                track.moved = weight.getMoved() == null ? Double.NaN : weight.getMoved();
                track.series.add(time, record.getVersion(), weight.getWeight());
            }
            while (tracks.size() > MOST_WEIGHTS) {
                tracks.remove(tracks.values().stream()
                        .min(Comparator.comparingDouble(Track::size))
                        .orElseThrow()
                        .feature);
            }
            least = tracks.size() < MOST_WEIGHTS
                    ? 0
                    : tracks.values().stream().mapToDouble(Track::size).min().orElse(0);
        }
    }

    /** Forgets everything, so that the history of models that somebody looks at is read again. */
    synchronized void clear() {
        models.clear();
    }

    /** Adds a record of the weights topic, if its model is looked at. @param record null if the weights are gone */
    synchronized void take(String model, @Nullable Weights record, long time) {
        if (record == null) {
            models.computeIfPresent(model, (id, gone) -> new ModelWeights());
            return;
        }
        ModelWeights of = models.get(model);
        if (of != null) {
            if (record.getBlock() == null && record.getVersion() < of.version) {
                // a new model of the same name, after a reset
                of = new ModelWeights();
                models.put(model, of);
            }
            of.take(record, time);
        }
    }

    /** Returns whether a model is looked at. It then stays longer than others. */
    synchronized boolean isLookedAt(String model) {
        return models.get(model) != null;
    }

    /** Looks at a model, of which nothing is known yet. */
    synchronized void lookAt(String model) {
        models.put(model, new ModelWeights());
        if (models.size() > MOST_MODELS) {
            models.remove(models.keySet().iterator().next());
        }
    }

    /** Returns whether there is room for another model to be looked at without being asked for. */
    synchronized boolean hasRoom() {
        return models.size() < MOST_MODELS;
    }

    /**
     * Returns the weights of a model.
     *
     * @param picked the names of features that are drawn; empty for the strongest
     * @param search what the names in the list must contain, in any case
     * @param most how many are drawn, and how many are listed as having moved most
     */
    synchronized ObjectNode json(String model, List<String> picked, String search, int most) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        ModelWeights of = models.get(model);
        if (of == null) {
            return json;
        }
        String wanted = search.toLowerCase(Locale.ROOT);
        json.put("version", of.version);
        json.put("movedSteps", of.movedSteps);
        json.put("size", of.sizes.values().stream().mapToInt(Integer::intValue).sum());
        json.put("kept", of.tracks.size());
        List<Track> strongest = of.tracks.values().stream()
                .sorted(Comparator.comparingDouble(Track::size).reversed().thenComparingInt(track -> track.feature))
                .toList();
        ArrayNode drawn = json.putArray("drawn");
        strongest.stream()
                .filter(track -> picked.isEmpty() || picked.contains(track.name))
                .limit(most)
                .forEach(track -> weight(drawn.addObject(), track).set("history", track.series.json()));
        ArrayNode list = json.putArray("strongest");
        strongest.stream()
                .filter(track -> track.name.toLowerCase(Locale.ROOT).contains(wanted))
                .limit(MOST_WEIGHTS)
                .forEach(track -> weight(list.addObject(), track));
        ArrayNode moved = json.putArray("moved");
        strongest.stream()
                .filter(track -> Double.isFinite(track.moved) && track.moved != 0)
                .sorted(Comparator.comparingDouble((Track track) -> Math.abs(track.moved))
                        .reversed())
                .limit(most)
                .forEach(track -> weight(moved.addObject(), track));
        return json;
    }

    private static ObjectNode weight(ObjectNode json, Track track) {
        json.put("feature", track.feature);
        json.put("name", track.name);
        json.put("weight", track.weight);
        if (Double.isFinite(track.moved)) {
            json.put("moved", track.moved);
        }
        return json;
    }
}
