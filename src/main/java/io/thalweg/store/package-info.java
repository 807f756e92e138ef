/**
 * The weights of all models of a task, on the heap, and how they outlive the process.
 *
 * <p>A step costs as much as the example has features. What has changed is written to the store's changelog once for each commit,
 * inside the transaction of that commit, and read back into the same arrays after a crash: see {@link
 * io.thalweg.store.ChangelogAtCommit}.
 */
package io.thalweg.store;
