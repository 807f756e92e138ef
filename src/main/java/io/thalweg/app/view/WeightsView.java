package io.thalweg.app.view;

import io.thalweg.avro.Weights;
import io.thalweg.runtime.OutputReader.Entry;
import io.thalweg.runtime.WeightsBoard;
import io.thalweg.runtime.WeightsBoard.Board;
import io.thalweg.runtime.WeightsBoard.Strong;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.IntSupplier;
import java.util.function.LongSupplier;

/**
 * A view of the strongest weights of the models that changed last, with the change of each over the recent window and
 * since the last time it was shown. On a terminal it redraws one screen; elsewhere it prints a block of lines. It does
 * so at most once a second, and only if something is new.
 */
public final class WeightsView implements View<Weights> {
    private static final long INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final int MODELS = 3;
    private static final int TOP = 20;
    /** The number of weights of a model to which the view is shortened to fit more models on the screen. */
    private static final int TOP_AT_LEAST = 5;
    /** The lines of a model besides its weights: one above and one below. */
    private static final int AROUND = 2;

    private static final int BAR = 12;
    private static final int NAME_MAX = 44;

    private static final String HOME = "\033[H";
    private static final String CLEAR_SCREEN = "\033[2J";
    private static final String CLEAR_LINE = "\033[K";
    private static final String BOLD = "\033[1m";
    private static final String GREEN = "\033[32m";
    private static final String RED = "\033[31m";
    private static final String PLAIN = "\033[0m";
    private static final String CLEAR_BELOW = "\033[J";
    /** Makes the terminal cut off long lines, which would otherwise take a second line on the screen. */
    private static final String NO_WRAP = "\033[?7l";

    private static final String WRAP = "\033[?7h";

    private final PrintWriter out;
    private final Integer top;
    private final Integer models;
    private final boolean redraw;
    private final boolean colors;
    private final IntSupplier height;
    private final LongSupplier nanoTime;

    private final WeightsBoard board = new WeightsBoard();
    /** The weights that were shown last, by model and feature. */
    private Map<String, Map<Integer, Double>> shown = new HashMap<>();

    private boolean changed;
    private boolean begun;
    private long last;

    /**
     * @param top how many weights of a model to show; null for 20, or fewer if more models then fit on the screen
     * @param models how many models to show; null for as many as fit on the screen, or 3 without a screen
     * @param redraw whether this is a terminal, on which one screen is drawn over the last
     * @param colors whether changes are colored
     * @param height gives the number of lines of the terminal, which may change; 0 if it is unknown
     */
    public WeightsView(
            PrintWriter out,
            Integer top,
            Integer models,
            boolean redraw,
            boolean colors,
            IntSupplier height,
            LongSupplier nanoTime) {
        this.out = out;
        this.top = top;
        this.models = models;
        this.redraw = redraw;
        this.colors = colors;
        this.height = height;
        this.nanoTime = nanoTime;
    }

    @Override
    public void take(Entry<Weights> entry) {
        byte[] key = entry.source().key();
        if (key != null) {
            Printable.utf8(key).ifPresent(text -> board.take(text, entry.value()));
            changed = true;
        }
    }

    @Override
    public void rest() {
        long now = nanoTime.getAsLong();
        if (changed && (!begun || now - last >= INTERVAL_NANOS)) {
            draw();
            last = now;
        }
    }

    @Override
    public void end() {
        if (changed) {
            draw();
        }
    }

    private void draw() {
        // the cursor needs a line, too
        int room = redraw ? Math.max(0, height.getAsInt() - 1) : 0;
        List<String> lines = lines(room);
        if (redraw) {
            out.print((begun ? "" : CLEAR_SCREEN) + HOME + NO_WRAP);
            cut(lines, room).forEach(line -> out.print(line + CLEAR_LINE + "\n"));
            out.print(WRAP + CLEAR_BELOW);
        } else {
            lines.forEach(out::println);
        }
        out.flush();
        begun = true;
        changed = false;
    }

    /**
     * Cuts the lines to a screen that cannot be scrolled back.
     *
     * @param room the number of lines; 0 if it is unknown
     */
    private static List<String> cut(List<String> lines, int room) {
        if (room == 0 || lines.size() <= room) {
            return lines;
        }
        List<String> cut = new ArrayList<>(lines.subList(0, room - 1));
        cut.add("… and %d more lines than fit on the screen".formatted(lines.size() - cut.size()));
        return cut;
    }

    /**
     * How many models to show.
     *
     * @param room the number of lines; 0 if it is unknown
     */
    private int modelsShown(int room) {
        if (models != null || room == 0) {
            return Math.min(models == null ? MODELS : models, board.size());
        }
        long largest = board.latest(room).stream().mapToLong(Board::size).max().orElse(0);
        int each = AROUND + (int) Math.min(top == null ? TOP_AT_LEAST : top, largest);
        int fit = room / each >= board.size() ? board.size() : (room - AROUND) / each;
        return Math.max(1, fit);
    }

    /** How many weights of each model to show. */
    private int topOf(int modelsShown, int room) {
        if (top != null || room == 0 || modelsShown == 0) {
            return top == null ? TOP : top;
        }
        int left = modelsShown < board.size() ? room - AROUND : room;
        return Math.max(TOP_AT_LEAST, Math.min(TOP, left / modelsShown - AROUND));
    }

    private List<String> lines(int room) {
        int modelsShown = modelsShown(room);
        int topShown = topOf(modelsShown, room);
        List<String> lines = new ArrayList<>();
        Map<String, Map<Integer, Double>> showing = new HashMap<>();
        for (Board model : board.latest(modelsShown)) {
            Map<Integer, Double> before = shown.get(model.model());
            Map<Integer, Double> now = new HashMap<>();
            lines.add(colored(BOLD, Printable.of(model.model())) + "  "
                    + String.format(
                            Locale.ROOT,
                            "version %,d%s  bias %s  L2 norm %.4f  %,d weights  learning rate %s%s",
                            model.version(),
                            model.isComplete() ? "" : "  (not all of it has been read yet)",
                            Figures.signed(model.bias()),
                            model.l2Norm(),
                            model.size(),
                            Figures.brief(model.learningRate()),
                            model.movedSteps() == 0
                                    ? ""
                                    : "  moved over " + Figures.count(model.movedSteps()) + " steps"));
            List<Strong> strongest = model.strongest(topShown);
            double largest = strongest.isEmpty() ? 0 : Math.abs(strongest.get(0).weight());
            int width = strongest.stream()
                    .map(strong -> name(strong))
                    .mapToInt(name -> name.codePointCount(0, name.length()))
                    .max()
                    .orElse(0);
            for (Strong strong : strongest) {
                lines.add(line(strong, largest, width, before == null ? null : before.get(strong.feature()), before));
                now.put(strong.feature(), strong.weight());
            }
            lines.add("");
            showing.put(model.model(), now);
        }
        if (board.size() > modelsShown) {
            lines.add("%s more models; --model shows one of them".formatted(Figures.count(board.size() - modelsShown)));
            lines.add("");
        } else if (board.size() == 0) {
            lines.add("there are no models left");
            lines.add("");
        }
        shown = showing;
        return lines;
    }

    private String line(Strong strong, double largest, int width, Double before, Map<Integer, Double> modelBefore) {
        String name = name(strong);
        String bar = Figures.bar(largest == 0 ? 0 : Math.abs(strong.weight()) / largest, BAR);
        String text = "  " + name + " ".repeat(width - name.codePointCount(0, name.length()))
                + String.format(Locale.ROOT, "  %11s  ", Figures.signed(strong.weight())) + bar;
        if (!Double.isNaN(strong.moved())) {
            text += String.format(
                    Locale.ROOT, "  moved %-10s", strong.moved() == 0 ? "0" : Figures.signed(strong.moved()));
        }
        return (text + "  " + change(strong.weight(), before, modelBefore != null)).stripTrailing();
    }

    private String change(double weight, Double before, boolean modelBefore) {
        if (before == null) {
            return modelBefore ? "new" : "";
        }
        if (weight == before) {
            return "";
        }
        return weight > before
                ? colored(GREEN, "▲ " + Figures.signed(weight - before))
                : colored(RED, "▼ " + Figures.signed(weight - before));
    }

    private String colored(String color, String text) {
        return colors ? color + text + PLAIN : text;
    }

    private static String name(Strong strong) {
        String name = Printable.of(strong.name());
        int length = name.codePointCount(0, name.length());
        return length <= NAME_MAX ? name : name.substring(0, name.offsetByCodePoints(0, NAME_MAX - 1)) + "…";
    }
}
