package io.thalweg.app.files;

import io.thalweg.app.view.Printable;
import io.thalweg.avro.Example;
import io.thalweg.avro.SparseFeatures;
import io.thalweg.mapping.Label;
import io.thalweg.mapping.Mapping;
import io.thalweg.mapping.Numbers;
import java.io.BufferedReader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * A reader of examples in LIBSVM text. Each line is a label, and then {@code number:value} for each feature that is not
 * zero; a comment begins with #. Feature numbers are used as they are, whichever number they begin with. A feature
 * whose value is a word such as nan is left out. A label of −1 means 0, unless labels are compared. A line without a
 * label, which begins with a feature, is an example that is only predicted.
 */
final class LibsvmExamples extends ExampleFile {
    private static final Pattern SPACE = Pattern.compile("\\s+");

    private final BufferedReader text;
    private final Label label;
    private long line;

    private long missing;
    private int lowest = Integer.MAX_VALUE;
    private int highest = -1;

    /**
     * @param label how labels are compared, whatever the name of its column, because there is only one label; null if
     *     they are not
     */
    LibsvmExamples(String name, BufferedReader text, Label label) {
        super(name);
        this.text = text;
        this.label = label;
    }

    /** Whether a line is like those of the format: a number, and a feature. */
    static boolean isLike(String line) {
        String[] words = words(line);
        return words.length > 1 && Double.isFinite(Numbers.parse(words[0])) && words[1].matches("\\d+:[^:]+");
    }

    private static String[] words(String line) {
        int comment = line.indexOf('#');
        String content = (comment < 0 ? line : line.substring(0, comment)).strip();
        return content.isEmpty() ? new String[0] : SPACE.split(content);
    }

    @Override
    public long lineNumber() {
        return line;
    }

    @Override
    public String columns() {
        return highest < 0 ? null : "features by their numbers, %d to %d".formatted(lowest, highest);
    }

    @Override
    public List<String> remarks() {
        return missing == 0
                ? List.of()
                : List.of("values such as nan count as missing, so that these features are 0 (%d)".formatted(missing));
    }

    @Override
    Line read() throws IOException, BadLineException {
        String[] words;
        do {
            String next = text.readLine();
            if (next == null) {
                return null;
            }
            line++;
            words = words(next);
        } while (words.length == 0);

        boolean labelled = words[0].indexOf(':') < 0;
        Double y = labelled ? label(words[0]) : null;
        List<Integer> indices = new ArrayList<>(words.length);
        List<Double> values = new ArrayList<>(words.length);
        for (int i = labelled ? 1 : 0; i < words.length; i++) {
            addFeature(words[i], indices, values);
        }
        if (indices.isEmpty()) {
            // all features are zero, so one of them has to be given explicitly
            indices.add(0);
            values.add(0.0);
        }
        return new Line(line, null, new Example(null, y, 1.0, new SparseFeatures(indices, values)));
    }

    /** @return null if the word says that there is no label */
    private Double label(String word) throws BadLineException {
        double number = Numbers.parse(word);
        if (!Double.isFinite(number)) {
            if (Numbers.isMissing(word)) {
                return null;
            }
            throw new BadLineException(
                    "the label is \"%s\", which is not a finite number".formatted(Printable.of(word)));
        }
        if (label != null && label.isComparison()) {
            return label.y(word);
        }
        double y = number == -1 ? 0 : number;
        BadLineException.checkRange(label == null ? Mapping.LABEL : label.field(), y);
        return y;
    }

    private void addFeature(String word, List<Integer> indices, List<Double> values) throws BadLineException {
        int colon = word.indexOf(':');
        int index;
        try {
            index = Integer.parseInt(word, 0, Math.max(0, colon), 10);
        } catch (NumberFormatException e) {
            throw new BadLineException("\"%s\" is not a feature; a feature is a number, a colon and a value"
                    .formatted(Printable.of(word)));
        }
        double value = Numbers.parse(word.substring(colon + 1));
        if (Numbers.isMissing(word.substring(colon + 1)) || Double.isInfinite(value)) {
            missing++;
            return;
        }
        if (!Double.isFinite(value)) {
            throw new BadLineException("the value of feature %d is \"%s\", which is not a finite number"
                    .formatted(index, Printable.of(word.substring(colon + 1))));
        }
        indices.add(index);
        values.add(value);
        lowest = Math.min(lowest, index);
        highest = Math.max(highest, index);
    }

    @Override
    public void close() throws IOException {
        text.close();
    }
}
