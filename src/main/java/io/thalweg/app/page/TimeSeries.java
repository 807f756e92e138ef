package io.thalweg.app.page;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;

/**
 * A history of some numbers in bounded memory. When it is full, every second point is dropped, so that it always spans
 * the whole time, with points about equally far apart. The latest point is always there. Not thread-safe.
 */
final class TimeSeries {
    private static final int FIRST_CAPACITY = 16;

    private final String[] columns;
    private int most;
    private long[] times = new long[FIRST_CAPACITY];
    private long[] versions = new long[FIRST_CAPACITY];
    private float[][] values;
    private int size;
    /** How many points that were added stand behind one that is kept. */
    private long stride = 1;

    private long added;

    /**
     * @param columns the names of the numbers
     * @param most the most points that are kept; 2 or more
     */
    TimeSeries(int most, String... columns) {
        this.columns = columns;
        this.most = most;
        values = new float[columns.length][FIRST_CAPACITY];
    }

    /**
     * Adds a point. One of an earlier version than the latest is ignored.
     *
     * @param time in milliseconds since 1970
     * @param version the version of the model
     * @param numbers one for each column; NaN where there is none
     */
    void add(long time, long version, double... numbers) {
        if (size > 0 && version <= versions[size - 1]) {
            return;
        }
        // the point before was only there because it was the latest
        if (size > 1 && (added - 1) % stride != 0) {
            size--;
        }
        if (size == most) {
            halve();
        }
        makeRoom();
        times[size] = time;
        versions[size] = version;
        for (int column = 0; column < values.length; column++) {
            values[column][size] = (float) numbers[column];
        }
        size++;
        added++;
    }

    /** Lowers the most points that are kept. @param points 2 or more */
    void limit(int points) {
        most = Math.min(most, points);
        if (size > most) {
            while (size > most) {
                halve();
            }
            resize(most);
        }
    }

    private void halve() {
        int kept = 0;
        for (int i = 0; i < size; i += 2) {
            times[kept] = times[i];
            versions[kept] = versions[i];
            for (float[] column : values) {
                column[kept] = column[i];
            }
            kept++;
        }
        size = kept;
        stride *= 2;
    }

    private void makeRoom() {
        if (size == times.length) {
            resize(Math.min(most, 2 * size));
        }
    }

    private void resize(int capacity) {
        times = Arrays.copyOf(times, capacity);
        versions = Arrays.copyOf(versions, capacity);
        for (int column = 0; column < values.length; column++) {
            values[column] = Arrays.copyOf(values[column], capacity);
        }
    }

    int size() {
        return size;
    }

    /** Returns the latest number of a column; NaN if there is none. */
    double latest(int column) {
        return size == 0 ? Double.NaN : values[column][size - 1];
    }

    /** Returns the points as one array for each column, and two for times and versions. */
    ObjectNode json() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        ArrayNode time = json.putArray("time");
        ArrayNode version = json.putArray("version");
        for (int i = 0; i < size; i++) {
            time.add(times[i]);
            version.add(versions[i]);
        }
        for (int column = 0; column < columns.length; column++) {
            json.set(columns[column], json(column, size));
        }
        return json;
    }

    /** Returns about so many of the points of a column. */
    ArrayNode json(int column, int about) {
        ArrayNode array = JsonNodeFactory.instance.arrayNode();
        int step = Math.max(1, size / Math.max(1, about));
        for (int i = (size - 1) % step; i < size; i += step) {
            float value = values[column][i];
            if (Float.isFinite(value)) {
                array.add(value);
            } else {
                array.addNull();
            }
        }
        return array;
    }
}
