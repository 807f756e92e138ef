package io.thalweg.app.serve;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.thalweg.math.Model;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.PriorityQueue;

/**
 * The first weights of a model in some order.
 *
 * @param movedSteps how many steps {@code moved} covers; −1 if it is not known
 * @param weights the weights that were asked for, first ones first
 * @param size how many weights the model has, those that are 0 included
 */
record WeightsPage(long version, double bias, long movedSteps, int size, List<ListedWeight> weights) {
    /** The orders of weights. */
    static final String[] SORTS = {"strongest", "moved", "name"};

    /** A weight. @param moved how far it has moved in the recent window; NaN if that is not known */
    record ListedWeight(int feature, String name, double weight, double moved) {
        double strength(String sort) {
            return Math.abs(sort.equals("moved") ? moved : weight);
        }
    }

    /**
     * Returns the first weights of a model.
     *
     * @param sort one of {@link #SORTS}
     * @param search what names must contain, whatever the case; empty for all
     */
    static WeightsPage of(Model model, String sort, String search, int limit) {
        String wanted = search.toLowerCase(Locale.ROOT);
        Comparator<ListedWeight> order = sort.equals("name")
                ? Comparator.comparing(ListedWeight::name).thenComparingInt(ListedWeight::feature)
                : Comparator.<ListedWeight>comparingDouble(weight -> weight.strength(sort))
                        .reversed()
                        .thenComparingInt(ListedWeight::feature);
        PriorityQueue<ListedWeight> kept = new PriorityQueue<>(order.reversed());
        boolean isMovedKnown = model.windowBegin() >= 0;
        int size = 0;
        for (int block = 0; block < model.blockEnd(); block++) {
            if (model.block(block) == null) {
                continue;
            }
            double[] weights = model.weights(block);
            float[] then = isMovedKnown ? model.weightsThen(block, weights) : null;
            size += weights.length;
            for (int i = 0; i < weights.length; i++) {
                double moved = !isMovedKnown ? Double.NaN : then == null ? 0 : weights[i] - then[i];
                if (!sort.equals("name")
                        && kept.size() == limit
                        && Math.abs(sort.equals("moved") ? moved : weights[i])
                                < kept.peek().strength(sort)) {
                    continue;
                }
                int feature = block * Model.BLOCK + i;
                String name = name(model, feature);
                if (wanted.isEmpty() || name.toLowerCase(Locale.ROOT).contains(wanted)) {
                    kept.add(new ListedWeight(feature, name, weights[i], moved));
                    if (kept.size() > limit) {
                        kept.poll();
                    }
                }
            }
        }
        List<ListedWeight> page = new ArrayList<>();
        while (!kept.isEmpty()) {
            page.add(kept.poll());
        }
        Collections.reverse(page);
        return new WeightsPage(
                model.version(),
                model.bias(),
                isMovedKnown ? model.version() - model.windowBegin() : -1,
                size,
                List.copyOf(page));
    }

    private static String name(Model model, int feature) {
        return feature < model.names().size()
                ? new String(model.names().get(feature), StandardCharsets.UTF_8)
                : "#" + feature;
    }

    ObjectNode json(String id) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("model", id);
        json.put("version", version);
        json.put("bias", bias);
        json.put("size", size);
        json.set("movedSteps", movedSteps < 0 ? json.nullNode() : json.numberNode(movedSteps));
        ArrayNode list = json.putArray("weights");
        for (ListedWeight weight : weights) {
            ObjectNode each = list.addObject()
                    .put("feature", weight.feature)
                    .put("name", weight.name)
                    .put("weight", weight.weight);
            each.set("moved", ModelSummary.number(weight.moved));
        }
        return json;
    }
}
