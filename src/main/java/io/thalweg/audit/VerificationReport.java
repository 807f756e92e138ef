package io.thalweg.audit;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * The result of a verification.
 *
 * @param counts what was checked
 * @param findings the first findings, at most {@value FindingLog#KEPT}
 * @param findingCounts how many findings there are of each kind, including those that are not in the list
 * @param obstacle why some or all could not be checked, and what to do; empty if everything was checked
 */
public record VerificationReport(
        Counts counts, List<Finding> findings, Map<FindingKind, Long> findingCounts, Optional<String> obstacle) {
    private static final int SHOWN = 20;

    /**
     * What was checked.
     *
     * @param partitions partitions of the examples topic
     * @param records input records up to the committed offsets
     * @param examples examples that the replay predicts
     * @param predictions predictions that were found, right or wrong
     * @param labels labels that came on a topic of their own and that the replay uses
     * @param outcomes outcomes that were found, right or wrong
     * @param deadLetters dead letters that were found, right or wrong
     * @param unknownSchemas dead letters that say the registry did not know a schema id; they cannot be checked,
     *     because it may know the id by now
     * @param deletions input records without a value
     * @param models models at the committed offsets
     * @param steps steps of the replay
     * @param weightsBehind steps that are not in the weights topic yet, because it is written at an interval; the sum
     *     over all models
     * @param later outputs that were not checked: those of examples that were committed while the verification ran, and
     *     of models that these examples changed
     */
    public record Counts(
            int partitions,
            long records,
            long examples,
            long predictions,
            long labels,
            long outcomes,
            long deadLetters,
            long unknownSchemas,
            long deletions,
            long models,
            long steps,
            long weightsBehind,
            long later) {}

    /** The conclusion of a verification. */
    public enum Conclusion {
        /** Everything is right. */
        MATCHES,
        /** Something is wrong. */
        DIFFERS,
        /** Nothing wrong was found, but not everything could be checked. */
        CANNOT_VERIFY
    }

    /** Returns the conclusion. A difference counts even if not everything could be checked. */
    public Conclusion conclusion() {
        if (!findingCounts.isEmpty()) {
            return Conclusion.DIFFERS;
        }
        return obstacle.isPresent() ? Conclusion.CANNOT_VERIFY : Conclusion.MATCHES;
    }

    /**
     * Returns whether every committed example has its one output, and the replay gives all outputs and the weights bit
     * for bit.
     */
    public boolean replayMatches() {
        return conclusion() == Conclusion.MATCHES;
    }

    /** Returns how many findings there are. */
    public long findingsTotal() {
        return findingCounts.values().stream().mapToLong(Long::longValue).sum();
    }

    /** Returns the report for people. */
    public List<String> lines() {
        List<String> lines = new ArrayList<>();
        if (counts.records > 0 || obstacle.isEmpty()) {
            lines.add(format(
                    "Read %s and %s, %s and %s.",
                    count(counts.partitions, "partition"),
                    count(counts.records, "committed record"),
                    count(counts.predictions, "prediction"),
                    count(counts.deadLetters, "dead letter")));
            lines.add(format(
                    "Replayed %s with %s of %s; %s.",
                    count(counts.examples, "example"),
                    count(counts.steps, "step"),
                    count(counts.models, "model"),
                    count(counts.deletions, "deletion")));
            if (counts.labels + counts.outcomes > 0) {
                lines.add(format(
                        "Replayed %s; read %s.", count(counts.labels, "label"), count(counts.outcomes, "outcome")));
            }
        }
        if (counts.unknownSchemas > 0) {
            lines.add(format(
                    "Taken on trust: %s because the registry did not know a schema id.",
                    count(counts.unknownSchemas, "dead letter")));
        }
        if (counts.weightsBehind > 0) {
            lines.add(format(
                    "The weights topic is behind by %s, to be published at the next interval.",
                    count(counts.weightsBehind, "step")));
        }
        if (counts.later > 0) {
            lines.add(format("Left out %s of what was committed meanwhile.", count(counts.later, "output")));
        }
        if (!findingCounts.isEmpty()) {
            lines.add(format(
                    "DIFFERS: %s: %s.",
                    count(findingsTotal(), "finding"),
                    new TreeMap<>(findingCounts)
                            .entrySet().stream()
                                    .map(entry -> format("%,d %s", entry.getValue(), entry.getKey()))
                                    .collect(Collectors.joining(", "))));
            findings.stream().limit(SHOWN).forEach(finding -> lines.add("  " + finding));
            if (findingsTotal() > SHOWN) {
                lines.add(format("  and %,d more", findingsTotal() - SHOWN));
            }
        }
        obstacle.ifPresent(reason -> lines.add("CANNOT VERIFY: " + reason));
        if (replayMatches()) {
            lines.add("MATCHES: every committed record has its one prediction or dead letter or is a deletion, and the"
                    + " replay gives every prediction and the last weights and metrics, bit for bit."
                    + (counts.labels + counts.outcomes > 0
                            ? " So it does for every outcome of labels that came later."
                            : ""));
        }
        return lines;
    }

    private static String count(long n, String noun) {
        return format("%,d %s%s", n, noun, n == 1 ? "" : "s");
    }

    private static String format(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
