package io.thalweg.crash;

import io.thalweg.avro.Example;
import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.Rejection.Reason;

/**
 * A record of the input, and what it means.
 *
 * @param topic the setting that names its topic
 * @param timestamp in milliseconds since 1970; null for the time at which it is sent
 * @param key as it is sent
 * @param value as it is sent; null deletes the model
 * @param model the model that it is for; null where the key names none
 * @param example what is in the value; null if it cannot be read
 * @param unusable why the record cannot be read, if it cannot; examples that can be read may still be rejected
 */
record Input(
        String topic,
        Long timestamp,
        int partition,
        byte[] key,
        byte[] value,
        String model,
        Example example,
        Reason unusable) {
    /** A record of the examples topic, with the time at which it is sent. */
    Input(int partition, byte[] key, byte[] value, String model, Example example, Reason unusable) {
        this(ThalwegConfig.EXAMPLES_TOPIC, null, partition, key, value, model, example, unusable);
    }
}
