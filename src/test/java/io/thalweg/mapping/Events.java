package io.thalweg.mapping;

import io.thalweg.math.Example;
import io.thalweg.math.Rejection;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Events whose fields are told to encoders one by one, and the features that come of them. */
final class Events {
    final Mapping mapping;
    final FeatureCollector collector;
    final Example x = new Example();

    /** @param settings names and values in turn */
    Events(String... settings) {
        Map<String, String> map = new HashMap<>();
        for (int i = 0; i < settings.length; i += 2) {
            map.put(settings[i], settings[i + 1]);
        }
        mapping = Mapping.of(map::get);
        collector = new FeatureCollector(mapping);
    }

    /** Tells the fields of one event. */
    @FunctionalInterface
    interface Fields {
        void tell() throws Rejection;
    }

    /** The features of an event, in their order: {@code name value}, where the value is not 1. */
    List<String> features(Fields fields) throws Rejection {
        x.clear();
        collector.begin(x);
        fields.tell();
        collector.end();
        List<String> features = new ArrayList<>();
        for (int k = 0; k < x.size(); k++) {
            features.add(x.value(k) == 1 ? x.name(k) : x.name(k) + " " + x.value(k));
        }
        return features;
    }

    static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** Tells an encoder text that has other bytes around it. */
    static void category(FieldEncoder encoder, String text) throws Rejection {
        byte[] bytes = utf8("<<" + text + ">>");
        encoder.category(bytes, 2, bytes.length - 4);
    }
}
