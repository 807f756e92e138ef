package io.thalweg.app.benchmark;

/** Something that uses the HTTP server of a learner, from its creation to its end. */
interface HttpVisit {
    /** Counts what happens from now on. */
    void count();

    /** Ends it, and waits until it has ended. */
    void end();

    /** Returns how many requests failed since they were counted. */
    long failures();

    /** Waits for threads that have been told to end. */
    static void join(Iterable<Thread> threads) {
        for (Thread thread : threads) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
