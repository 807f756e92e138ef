package io.thalweg.app.cli;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.runtime.ExampleRange;
import io.thalweg.runtime.ExampleRange.Place;
import io.thalweg.runtime.ExampleRange.Span;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.StopException;
import java.util.List;
import java.util.stream.Collectors;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** The options for a range of the examples topic. */
final class RangeOptions {
    @Option(
            names = "--from",
            paramLabel = "PLACE",
            converter = Places.class,
            description =
                    "Begin each partition of the topic at this offset, or at the first record with this ISO timestamp"
                            + " or a later one. Default: the oldest record.")
    private Place from;

    @Option(
            names = "--to",
            paramLabel = "PLACE",
            converter = Places.class,
            description = "Stop before this offset, or before the first record with this ISO timestamp or a later one.")
    private Place to;

    @Option(names = "--partition", paramLabel = "P", description = "Only this partition of the topic.")
    private Integer partition;

    /** Parses a position: an offset or a timestamp. */
    static final class Places implements ITypeConverter<Place> {
        @Override
        public Place convert(String text) {
            try {
                return Place.of(text);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(e.getMessage());
            }
        }
    }

    /** Opens the range. @throws StopException if it cannot be found */
    ExampleRange open(ThalwegConfig config) {
        return ExampleRange.open(config, partition, from, to);
    }

    /**
     * Opens the labels for the range: with a time to begin at, from that time on.
     *
     * @param partitions how many partitions the examples topic has
     */
    ExampleRange openLabels(ThalwegConfig config, int partitions) {
        // if events or labels are sent on, the labels of a partition can be in any
        boolean areTogether = !config.isRouted(partitions) && !config.areLabelsRouted(partitions);
        return ExampleRange.openLabels(
                config, areTogether ? partition : null, from != null && from.time() != null ? from : null);
    }

    /** @throws StopException if a range has no offsets */
    void requireOffsets(ThalwegConfig config, ExampleRange range) {
        if (range.spans().stream().allMatch(span -> span.size() == 0)) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS,
                    "the range of topic %s is empty: %s"
                            .formatted(
                                    config.getString(ThalwegConfig.EXAMPLES_TOPIC),
                                    from == null && to == null
                                            ? "it has no committed records"
                                            : "--from and --to exclude all of its records"));
        }
    }

    /** The words for what a span covers, such as examples-0@5 to 9. */
    static String words(Span span) {
        return "%s@%d to %d".formatted(span.partition(), span.from(), span.to() - 1);
    }

    /** The words for what spans cover. */
    static String words(List<Span> spans) {
        return spans.stream()
                .filter(span -> span.size() > 0)
                .map(RangeOptions::words)
                .collect(Collectors.joining(", "));
    }
}
