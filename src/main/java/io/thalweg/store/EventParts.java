package io.thalweg.store;

import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A log of {@link WaitingEntry}, in numbered parts, each of which is one record of the changelog. Entries are appended
 * and never changed. One that is no longer needed is marked as dead, and a part without live entries is dropped.
 *
 * <p>What still waits and what is only remembered are in parts of their own. The entries of a part then die at about
 * the same time, so that little has to be copied to make room.
 *
 * <p>The newest parts of what waits are on the heap. All others are in a file, first of all those of what is only
 * remembered, which is hardly ever read.
 *
 * <p>It gives the entries back in the order of the times until which they are kept. A part is sorted once, when its
 * first entry is due. So the work is for what is due, and not for what waits.
 */
final class EventParts {
    /** The size at which a part is closed. */
    private static final int PART = 1 << 18;
    /** A part below this size is small. */
    private static final int SMALL = PART / 4;

    private static final int MOST_SMALL_PARTS = 256;
    /** How many bits the place of an entry in its part has: an entry begins before the part is closed. */
    private static final int OFFSET_BITS = 20;

    private static final int OFFSET_MASK = (1 << OFFSET_BITS) - 1;
    private static final int MOST_SLOTS = (1 << EventIndex.PLACE_BITS - OFFSET_BITS) - 1;

    /** How many bytes are read from the file at first: most entries are not longer. */
    private static final int FIRST_READ = 512;

    /** Whether there is a changelog. */
    private final boolean logged;

    private final HeapBudget budget;
    private final SpillFile file;

    private final TreeMap<Long, EventPart> parts = new TreeMap<>();
    private final List<@Nullable EventPart> slots = new ArrayList<>();
    private final Deque<Integer> freeSlots = new ArrayDeque<>();
    private final PriorityQueue<EventPart> queue =
            new PriorityQueue<>(Comparator.<EventPart>comparingLong(p -> p.nextDue)
                    .thenComparingLong(p -> p.nextOrder)
                    .thenComparingLong(p -> p.nextTie)
                    .thenComparingLong(p -> p.number));

    /** The parts of what waits that are on the heap, oldest first, without the open one. */
    private final Set<EventPart> waitingOnHeap = new LinkedHashSet<>();
    /** The same of what is only remembered. */
    private final Set<EventPart> rememberedOnHeap = new LinkedHashSet<>();

    private long bytesOnHeap;

    /** Parts that the changelog does not have yet. */
    private final List<EventPart> unwritten = new ArrayList<>();

    /** Whether an entry of a part of what is remembered was removed before the changelog had the part. */
    private boolean removedUnwritten;

    /** Parts that the changelog has and must delete. */
    private final Set<Long> dropped = new LinkedHashSet<>();

    /** The open part of what waits. */
    private EventPart waiting;
    /** The open part of what is only remembered. */
    private EventPart remembered;
    /** That one of the two to which {@link #begin} has begun to write. */
    private EventPart open;

    private long nextNumber;

    private long bytes;
    private long liveBytes;
    private int smallParts;

    private final PackedReader in = new PackedReader(new byte[0], 0);
    private byte[] fetched = new byte[FIRST_READ];

    private static final class EventPart {
        final long number;
        final int slot;
        final boolean isOfWaiting;
        /** Where entries are written; null if the part is closed. */
        @Nullable
        PackedWriter out;
        /** All entries; null if they are in the file, and while the part is open. */
        byte @Nullable [] content;

        long inFile = -1;
        int size;
        int live;
        int liveBytes;
        boolean written;

        // the next entry that is due
        long nextDue = Long.MAX_VALUE;
        long nextOrder = Long.MIN_VALUE;
        long nextTie = Long.MIN_VALUE;
        /** Whether the first entry was due. Then these are the entries that were live at the time, in order. */
        boolean sorted;

        long[] dues = {};
        long[] orders = {};
        long[] ties = {};
        int[] places = {};
        int next;

        EventPart(long number, int slot, boolean isOfWaiting) {
            this.number = number;
            this.slot = slot;
            this.isOfWaiting = isOfWaiting;
        }
    }

    /**
     * Creates an empty log.
     *
     * @param logged whether it is written to a changelog
     * @param directory where the file is
     * @param budget says how many bytes may be on the heap before the rest goes to the file
     */
    EventParts(boolean logged, Path directory, HeapBudget budget) {
        this.logged = logged;
        this.budget = budget;
        file = new SpillFile(directory);
        waiting = openPart(true, new PackedWriter());
        remembered = openPart(false, new PackedWriter());
        open = waiting;
    }

    private EventPart openPart(boolean isOfWaiting, PackedWriter out) {
        EventPart part = newPart(nextNumber++, isOfWaiting);
        part.out = out;
        return part;
    }

    private EventPart newPart(long number, boolean isOfWaiting) {
        int slot = freeSlots.isEmpty() ? slots.size() : freeSlots.pop();
        if (slot >= MOST_SLOTS) {
            throw new StateException("more waits for labels than there is room for; use more partitions");
        }
        EventPart part = new EventPart(number, slot, isOfWaiting);
        if (slot == slots.size()) {
            slots.add(part);
        } else {
            slots.set(slot, part);
        }
        return part;
    }

    private EventPart part(long place) {
        return Objects.requireNonNull(slots.get((int) (place >>> OFFSET_BITS)));
    }

    private static int offset(long place) {
        return (int) place & OFFSET_MASK;
    }

    private static long place(EventPart part, int offset) {
        return (long) part.slot << OFFSET_BITS | offset;
    }

    private static PackedWriter out(EventPart open) {
        return Objects.requireNonNull(open.out);
    }

    // ---- appending

    /**
     * Begins an entry, which is written to the result. {@link #end} must follow.
     *
     * @param isWaiting whether it is an event or a label that waits for the other
     * @param before the place of the entry before it with the same key; {@link EventIndex#NONE} if there is none
     */
    PackedWriter begin(boolean isWaiting, long before) {
        // a commit writes what waits first, so an entry must not go there if it comes after one that is remembered
        boolean isLater = removedUnwritten || before != EventIndex.NONE && isUnwritten(part(before));
        return begin(isWaiting && !isLater);
    }

    private boolean isUnwritten(EventPart ofRemembered) {
        return logged && !ofRemembered.isOfWaiting && !ofRemembered.written;
    }

    private PackedWriter begin(boolean isOfWaiting) {
        open = isOfWaiting ? waiting : remembered;
        PackedWriter out = out(open);
        if (out.size() == 0) {
            out.putByte(ChangelogFormat.WAITING_FORMAT);
        }
        return out;
    }

    /**
     * Returns the place of the entry that {@link #begin} has begun. Must be called before anything is written to it.
     */
    long next() {
        return place(open, out(open).size());
    }

    /** Ends an entry. */
    void end(long place) {
        PackedWriter out = out(open);
        in.reset(out.bytes(), 0);
        appended(open, in, offset(place), out.size());
        if (out.size() >= PART) {
            close(open);
        }
    }

    private void appended(EventPart part, PackedReader entry, int from, int to) {
        part.live++;
        part.liveBytes += to - from;
        liveBytes += to - from;
        part.nextDue = Math.min(part.nextDue, WaitingEntry.due(entry, from));
    }

    /** Closes an open part, unless it is empty. */
    private void close(EventPart part) {
        PackedWriter out = out(part);
        if (out.size() > 0) {
            byte[] content = Arrays.copyOf(out.bytes(), out.size());
            out.clear();
            part.out = null;
            closed(part, content);
            EventPart next = openPart(part.isOfWaiting, out);
            if (part.isOfWaiting) {
                waiting = next;
            } else {
                remembered = next;
            }
            open = next;
            if (part.live == 0) {
                drop(part);
            } else if (logged) {
                unwritten.add(part);
            } else {
                spill();
            }
        }
    }

    private void closed(EventPart part, byte[] content) {
        part.content = content;
        part.size = content.length;
        parts.put(part.number, part);
        bytes += part.size;
        smallParts += part.size < SMALL ? 1 : 0;
        onHeap(part).add(part);
        budget.take(part.size);
        bytesOnHeap += part.size;
        queue.add(part);
    }

    private Set<EventPart> onHeap(EventPart part) {
        return part.isOfWaiting ? waitingOnHeap : rememberedOnHeap;
    }

    // ---- reading

    /** Returns a reader of the entry at a place, which begins at {@link #begins}. It is valid until the next call. */
    PackedReader read(long place) {
        EventPart part = part(place);
        int from = offset(place);
        if (part.out != null) {
            in.reset(part.out.bytes(), from);
        } else if (part.content != null) {
            in.reset(part.content, from);
        } else {
            int first = Math.min(FIRST_READ, part.size - from);
            file.read(part.inFile + from, fetched, 0, first);
            in.reset(fetched, 0);
            int length = WaitingEntry.length(in, 0);
            if (length > first) {
                if (length > fetched.length) {
                    fetched = Arrays.copyOf(fetched, Math.max(length, 2 * fetched.length));
                }
                file.read(part.inFile + from + first, fetched, first, length - first);
            }
            in.reset(fetched, 0);
        }
        return in;
    }

    /** Returns where the entry of the last {@link #read} begins. */
    int begins(long place) {
        EventPart part = part(place);
        return part.out != null || part.content != null ? offset(place) : 0;
    }

    // ---- dead entries

    /** Marks an entry as dead that no other one replaces. */
    void removed(long place) {
        removedUnwritten |= isUnwritten(part(place));
        dead(place);
    }

    /** Marks an entry as dead. */
    void dead(long place) {
        PackedReader entry = read(place);
        int length = WaitingEntry.length(entry, begins(place));
        EventPart part = part(place);
        part.live--;
        part.liveBytes -= length;
        liveBytes -= length;
        if (part.live == 0 && part.out == null) {
            drop(part);
        }
    }

    private void drop(EventPart part) {
        parts.remove(part.number, part);
        queue.remove(part);
        if (part.written) {
            dropped.add(part.number);
        }
        bytes -= part.size;
        smallParts -= part.size < SMALL ? 1 : 0;
        if (part.content == null) {
            file.free(part.inFile, part.size);
        } else {
            giveBack(part.size);
            onHeap(part).remove(part);
            part.content = null;
        }
        part.size = 0;
        slots.set(part.slot, null);
        freeSlots.push(part.slot);
    }

    // ---- what is due

    /** Says whether an entry is live. */
    @FunctionalInterface
    interface Live {
        boolean is(long hash, long place);
    }

    /**
     * Returns the place of the first live entry that was to be kept until before a time; {@link EventIndex#NONE} if
     * there is none. Entries come in the order of the times until which they are kept, and then of their events. One
     * that is still live the next time is not returned again.
     */
    long nextDue(long time, Live live) {
        if (waiting.nextDue < time) {
            close(waiting);
        }
        if (remembered.nextDue < time) {
            close(remembered);
        }
        while (!queue.isEmpty() && queue.peek().nextDue < time) {
            EventPart part = queue.poll();
            if (!part.sorted) {
                sort(part, live);
            } else {
                int i = part.next++;
                setNext(part);
                long place = place(part, part.places[i]);
                PackedReader entry = read(place);
                if (live.is(WaitingEntry.hash(entry, begins(place)), place)) {
                    enqueue(part);
                    return place;
                }
            }
            enqueue(part);
        }
        return EventIndex.NONE;
    }

    private void enqueue(EventPart part) {
        if (part.nextDue != Long.MAX_VALUE) {
            queue.add(part);
        }
    }

    private static void setNext(EventPart part) {
        boolean more = part.next < part.dues.length;
        part.nextDue = more ? part.dues[part.next] : Long.MAX_VALUE;
        part.nextOrder = more ? part.orders[part.next] : Long.MIN_VALUE;
        part.nextTie = more ? part.ties[part.next] : Long.MIN_VALUE;
    }

    private void sort(EventPart part, Live live) {
        record Due(long due, long order, long tie, int place) {}
        List<Due> sorted = new ArrayList<>();
        forEach(part, (entry, at, length) -> {
            if (live.is(WaitingEntry.hash(entry, at), place(part, at))) {
                sorted.add(new Due(
                        WaitingEntry.due(entry, at), WaitingEntry.order(entry, at), WaitingEntry.tie(entry, at), at));
            }
        });
        sorted.sort(
                Comparator.comparingLong(Due::due).thenComparingLong(Due::order).thenComparingLong(Due::tie));
        part.dues = sorted.stream().mapToLong(Due::due).toArray();
        part.orders = sorted.stream().mapToLong(Due::order).toArray();
        part.ties = sorted.stream().mapToLong(Due::tie).toArray();
        part.places = sorted.stream().mapToInt(Due::place).toArray();
        part.sorted = true;
        setNext(part);
    }

    /** A visitor of entries. */
    @FunctionalInterface
    private interface Visitor {
        void entry(PackedReader in, int at, int length);
    }

    private void forEach(EventPart part, Visitor visitor) {
        byte[] content = contentOf(part);
        PackedReader entry = new PackedReader(content, 0);
        for (int at = 1; at < content.length; ) {
            int length = WaitingEntry.length(entry, at);
            visitor.entry(entry, at, length);
            at += length;
        }
    }

    /** A visitor of live entries. */
    @FunctionalInterface
    interface LiveVisitor {
        void entry(long place, PackedReader in, int at);
    }

    /** Visits all live entries. */
    void forEach(Live live, LiveVisitor visitor) {
        close(waiting);
        close(remembered);
        for (EventPart part : List.copyOf(parts.values())) {
            forEach(part, (entry, at, length) -> {
                long place = place(part, at);
                if (live.is(WaitingEntry.hash(entry, at), place)) {
                    visitor.entry(place, entry, at);
                }
            });
        }
    }

    private byte[] contentOf(EventPart part) {
        if (part.content != null) {
            return part.content;
        }
        byte[] content = new byte[part.size];
        file.read(part.inFile, content, 0, part.size);
        return content;
    }

    // ---- keeping it small

    /** Called for an entry that has moved to another place. */
    @FunctionalInterface
    interface Moved {
        void moved(long hash, long from, long to);
    }

    /**
     * Copies live entries together, if more than a third of the log is dead or there are many small parts. Each byte
     * that is copied makes room for half a byte or more.
     */
    void compact(Live live, Moved moved) {
        while (bytes > liveBytes * 3 / 2 + 4 * PART && !parts.isEmpty()) {
            copy(emptiest(), live, moved);
        }
        if (smallParts > MOST_SMALL_PARTS) {
            parts.values().stream().filter(part -> part.size < SMALL).toList().forEach(part -> copy(part, live, moved));
        }
    }

    private EventPart emptiest() {
        return parts.values().stream()
                .min(Comparator.comparingDouble(part -> (double) part.liveBytes / part.size))
                .orElseThrow();
    }

    private void copy(EventPart part, Live live, Moved moved) {
        byte[] content = contentOf(part);
        List<long[]> copied = new ArrayList<>();
        forEach(part, (entry, at, length) -> {
            long from = place(part, at);
            long hash = WaitingEntry.hash(entry, at);
            if (live.is(hash, from)) {
                // with those that it was put after
                PackedWriter to = begin(part.isOfWaiting);
                long place = next();
                to.makeRoom(length);
                to.putBytes(content, at, length);
                end(place);
                copied.add(new long[] {hash, from, place});
            }
        });
        // the last one to be marked as dead drops the part
        copied.forEach(one -> moved.moved(one[0], one[1], one[2]));
        if (copied.isEmpty() && parts.containsKey(part.number)) {
            drop(part);
        }
    }

    // ---- the changelog

    /** Writes the parts that the changelog does not have, and deletes those that were dropped. */
    void writeChanges(Changelog changelog) {
        close(waiting);
        close(remembered);
        unwritten.sort(
                Comparator.comparing((EventPart part) -> !part.isOfWaiting).thenComparingLong(part -> part.number));
        removedUnwritten = false;
        for (EventPart part : unwritten) {
            if (part.live > 0) {
                changelog.write(ChangelogFormat.waitingKey(part.number), contentOf(part));
                part.written = true;
            }
        }
        unwritten.clear();
        for (long number : dropped) {
            changelog.write(ChangelogFormat.waitingKey(number), null);
        }
        dropped.clear();
        spill();
    }

    private void spill() {
        spill(rememberedOnHeap);
        spill(waitingOnHeap);
    }

    private void spill(Set<EventPart> onHeap) {
        for (Iterator<EventPart> oldest = onHeap.iterator(); budget.isExceeded() && oldest.hasNext(); ) {
            EventPart part = oldest.next();
            oldest.remove();
            part.inFile = file.write(contentOf(part));
            part.content = null;
            giveBack(part.size);
        }
    }

    private void giveBack(long size) {
        budget.giveBack(size);
        bytesOnHeap -= size;
    }

    /** A receiver of restored entries. */
    @FunctionalInterface
    interface Restored {
        void entry(long place, PackedReader in, int at);
    }

    /**
     * Restores a part.
     *
     * @param content as the changelog has it
     */
    void restore(long number, byte[] content, Restored restored) {
        dropped.remove(number);
        PackedReader entry = new PackedReader(content, 0);
        EventPart part = newPart(number, content.length == 1 || WaitingEntry.isWaiting(entry, 1));
        part.written = true;
        nextNumber = Math.max(nextNumber, number + 1);
        for (int at = 1; at < content.length; ) {
            int length = WaitingEntry.length(entry, at);
            appended(part, entry, at, at + length);
            at += length;
        }
        closed(part, content);
        forEach(part, (in, at, length) -> restored.entry(place(part, at), in, at));
        spill();
    }

    /** Removes a part that the changelog no longer has, with the entries in it that are live. */
    void restoreDropped(long number, Live live, Moved moved) {
        dropped.remove(number);
        nextNumber = Math.max(nextNumber, number + 1);
        EventPart part = parts.get(number);
        if (part != null) {
            List<long[]> left = new ArrayList<>();
            forEach(part, (entry, at, length) -> {
                long hash = WaitingEntry.hash(entry, at);
                if (live.is(hash, place(part, at))) {
                    left.add(new long[] {hash, place(part, at)});
                }
            });
            left.forEach(one -> moved.moved(one[0], one[1], EventIndex.NONE));
            if (parts.containsKey(number)) {
                drop(part);
            }
        }
    }

    /** Ends a restoration. */
    void restored() {
        // an open part may have a number that a restored one has
        waiting = reopened(waiting);
        remembered = reopened(remembered);
        open = waiting;
    }

    private EventPart reopened(EventPart part) {
        PackedWriter out = out(part);
        if (out.size() > 0) {
            return part;
        }
        freeSlots.push(part.slot);
        slots.set(part.slot, null);
        return openPart(part.isOfWaiting, out);
    }

    /** Returns the size of all parts, in bytes. */
    long bytes() {
        return bytes + out(waiting).size() + out(remembered).size();
    }

    /** Returns the size of the file, in bytes. */
    long fileBytes() {
        return file.size();
    }

    /** Removes everything. */
    void clear() {
        file.close();
        parts.clear();
        slots.clear();
        freeSlots.clear();
        queue.clear();
        waitingOnHeap.clear();
        rememberedOnHeap.clear();
        unwritten.clear();
        dropped.clear();
        giveBack(bytesOnHeap);
        bytes = 0;
        liveBytes = 0;
        smallParts = 0;
        nextNumber = 0;
        removedUnwritten = false;
        waiting = openPart(true, new PackedWriter());
        remembered = openPart(false, new PackedWriter());
        open = waiting;
    }
}
