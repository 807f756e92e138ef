package io.thalweg.audit;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * What a verification has found.
 *
 * @param findings the first of them, at most {@value FindingLog#KEPT}
 * @param findingCounts how many there are of each kind, those included that are not in the list
 * @param obstacle why nothing can be said of what was not looked at, and what to do; empty if all could be looked at
 */
public record VerificationReport(
        Counts counts, List<Finding> findings, Map<FindingKind, Long> findingCounts, Optional<String> obstacle) {
    private static final int SHOWN = 20;

    /**
     * What was looked at.
     *
     * @param partitions of the examples topic
     * @param records input records up to the committed offsets
     * @param examples those that the replay predicts
     * @param predictions those that were found, whatever they say
     * @param deadLetters those that were found, whatever they say
     * @param unknownSchemas dead letters because the registry did not know a schema id, which is taken on trust: it may have learned
     *     the id since
     * @param deletions input records without a value
     * @param models at the committed offsets
     * @param steps taken by the replay
     * @param weightsBehind steps that the weights topic does not show yet, because it is written at an interval: the sum over models
     * @param later outputs of examples that were committed while the verification ran, and of models that these examples changed; not
     *     looked at
     */
    public record Counts(
            int partitions,
            long records,
            long examples,
            long predictions,
            long deadLetters,
            long unknownSchemas,
            long deletions,
            long models,
            long steps,
            long weightsBehind,
            long later) {}

    /** What it comes to. */
    public enum Outcome {
        /** Everything is as it must be. */
        MATCHES,
        /** Something is not. */
        DIFFERS,
        /** Nothing wrong was found, but not all could be looked at. */
        CANNOT_VERIFY
    }

    /** What it comes to. A difference that was found counts, whatever could not be looked at. */
    public Outcome outcome() {
        if (!findingCounts.isEmpty()) {
            return Outcome.DIFFERS;
        }
        return obstacle.isPresent() ? Outcome.CANNOT_VERIFY : Outcome.MATCHES;
    }

    /** Whether every committed example has its one output and the replay gives all of them, and the weights, bit for bit. */
    public boolean replayMatches() {
        return outcome() == Outcome.MATCHES;
    }

    /** How many findings there are. */
    public long findingsTotal() {
        return findingCounts.values().stream().mapToLong(Long::longValue).sum();
    }

    /** The report for people. */
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
            lines.add(
                    "MATCHES: every committed record has its one prediction or dead letter or is a deletion, and the replay gives"
                            + " every prediction and the last weights and metrics, bit for bit.");
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
