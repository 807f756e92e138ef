package io.thalweg.app.serve;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/** A limit on how often an address may send a wrong token in a minute. It remembers a limited number of addresses. */
final class FailureLimit {
    private static final int MOST_ADDRESSES = 10_000;
    private static final long MINUTE = TimeUnit.MINUTES.toNanos(1);

    private final int most;
    private final LongSupplier nanoTime;
    private final Map<String, Failures> byAddress = new LinkedHashMap<>() {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Failures> eldest) {
            return size() > MOST_ADDRESSES;
        }
    };

    private static final class Failures {
        final long since;
        int count;

        Failures(long since) {
            this.since = since;
        }
    }

    /** @param most how many failures an address may have in a minute */
    FailureLimit(int most, LongSupplier nanoTime) {
        this.most = most;
        this.nanoTime = nanoTime;
    }

    /**
     * Returns for how many seconds requests of an address are refused.
     *
     * @return 0 if they are not
     */
    synchronized int refusedFor(String address) {
        Failures failures = current(address);
        if (failures == null || failures.count < most) {
            return 0;
        }
        long left = MINUTE - (nanoTime.getAsLong() - failures.since);
        return (int) Math.max(1, TimeUnit.NANOSECONDS.toSeconds(left));
    }

    /** Counts a failure of an address. */
    synchronized void failed(String address) {
        Failures failures = current(address);
        if (failures == null) {
            failures = new Failures(nanoTime.getAsLong());
            byAddress.put(address, failures);
        }
        failures.count++;
    }

    /** Returns the failures of an address in this minute; null if there are none. */
    private Failures current(String address) {
        Failures failures = byAddress.get(address);
        if (failures != null && nanoTime.getAsLong() - failures.since >= MINUTE) {
            byAddress.remove(address);
            return null;
        }
        return failures;
    }
}
