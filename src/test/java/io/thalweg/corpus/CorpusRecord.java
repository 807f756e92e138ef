package io.thalweg.corpus;

import org.apache.kafka.common.header.Headers;

/** A record as it is on a topic. @param value null for a tombstone */
record CorpusRecord(byte[] key, byte[] value, Headers headers, long timestamp) {}
