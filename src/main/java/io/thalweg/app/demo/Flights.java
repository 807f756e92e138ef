package io.thalweg.app.demo;

import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.time.format.TextStyle;
import java.time.temporal.ChronoField;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVRecord;

/**
 * The first 100,000 flights of 2001 in the United States, in the order of departure. About a quarter of them were late.
 *
 * <p>A flight lands {@value #MINUTES_BESIDES_CRUISING} minutes after its departure, plus its distance at
 * {@value #CRUISING_MILES_PER_MINUTE} miles a minute, plus its delay. Only then is it known whether it is late.
 *
 * <p>The features of a flight are its origin, destination, route, hour and weekday, each as a name with the value 1;
 * the distance; and four pairs: the hour and the weekday at each of the two airports. The pairs let a linear model
 * express that evenings at one airport are worse than evenings at others. Nothing is taken from the delay, or from
 * other flights.
 */
public final class Flights {

    /** How many flights there are. */
    public static final int COUNT = 100_000;

    /** A flight is late if it arrives more than this many minutes after its time. */
    public static final int LATE_MINUTES = 15;

    /** Taxiing, climbing and descending, in minutes. */
    private static final int MINUTES_BESIDES_CRUISING = 30;

    private static final double CRUISING_MILES_PER_MINUTE = 7.5;

    private static final String RESOURCE = "flights-100k.csv.gz";

    private static final CSVFormat CSV =
            CSVFormat.DEFAULT.builder().setHeader().setSkipHeaderRecord(true).get();

    private static final DateTimeFormatter DATE = new DateTimeFormatterBuilder()
            .appendPattern("MMddHHmm")
            .parseDefaulting(ChronoField.YEAR, 2001)
            .toFormatter(Locale.ROOT);

    private Flights() {}

    /**
     * Reads the flights one by one, in the order of departure.
     *
     * @return the flights, to be closed after use
     * @throws IOException if the data set cannot be opened; a later error is an {@link UncheckedIOException}
     */
    public static Stream<Flight> stream() throws IOException {
        CSVParser rows = CSVParser.parse(
                new InputStreamReader(
                        new GZIPInputStream(Flights.class.getResourceAsStream(RESOURCE)), StandardCharsets.UTF_8),
                CSV);
        return rows.stream().map(Flights::flight).onClose(() -> {
            try {
                rows.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    private static Flight flight(CSVRecord row) {
        return flight(
                row.getRecordNumber(),
                LocalDateTime.parse(row.get("date"), DATE),
                row.get("origin"),
                row.get("destination"),
                Integer.parseInt(row.get("distance")),
                Integer.parseInt(row.get("delay")));
    }

    static Flight flight(
            long row, LocalDateTime departure, String origin, String destination, int miles, int delayMinutes) {
        String from = "origin=" + origin;
        String to = "destination=" + destination;
        String hour = "hour=" + departure.getHour();
        String weekday = "weekday=" + departure.getDayOfWeek().getDisplayName(TextStyle.SHORT, Locale.ENGLISH);

        Map<String, Double> features = new LinkedHashMap<>();
        features.put(from, 1.0);
        features.put(to, 1.0);
        features.put("route=" + origin + "-" + destination, 1.0);
        features.put(hour, 1.0);
        features.put(weekday, 1.0);
        features.put(from + ":" + hour, 1.0);
        features.put(to + ":" + hour, 1.0);
        features.put(from + ":" + weekday, 1.0);
        features.put(to + ":" + weekday, 1.0);
        // in thousands of miles, close to the size of the other values, so that one learning rate suits all
        features.put("distance", miles / 1000.0);
        // the times are local ones, and are taken as UTC
        long leaves = departure.toInstant(ZoneOffset.UTC).toEpochMilli();
        double minutes = MINUTES_BESIDES_CRUISING + miles / CRUISING_MILES_PER_MINUTE + Math.max(0, delayMinutes);
        return new Flight(
                String.format(Locale.ROOT, "flight-%06d", row),
                delayMinutes > LATE_MINUTES ? 1.0 : 0.0,
                delayMinutes,
                leaves,
                leaves + Math.round(minutes * 60_000),
                features);
    }
}
