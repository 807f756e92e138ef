/**
 * What a task remembers, on the heap, and how it is written down: the models, the next input offsets and the settings that were learned
 * under ({@link io.thalweg.store.TaskState}), the journal of steps, and the format of the changelog's records.
 *
 * <p>A step costs as much as the example has features. What has changed is written once for each commit, inside the transaction of that
 * commit, and read back into the same arrays after a crash. When that happens is for the caller to say: nothing here knows Kafka Streams.
 */
package io.thalweg.store;
