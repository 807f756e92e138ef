package io.thalweg.app.demo;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * One flight as an example to learn from.
 *
 * @param id the flight's row in the data set, from {@code flight-000001}
 * @param label 1 if the flight arrived more than 15 minutes late, else 0
 * @param delay minutes that the flight arrived after its time; negative if early
 * @param departure when the flight leaves, in milliseconds since 1970
 * @param landing when it is known whether it is late, in milliseconds since 1970
 * @param features what is known when the flight leaves, by name; the order of iteration is always the same
 */
public record Flight(String id, double label, int delay, long departure, long landing, Map<String, Double> features) {

    public Flight {
        features = Collections.unmodifiableMap(new LinkedHashMap<>(features));
    }
}
