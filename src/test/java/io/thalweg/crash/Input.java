package io.thalweg.crash;

import io.thalweg.avro.Example;
import io.thalweg.math.Rejection.Reason;

/**
 * A record of the examples topic, and what it means.
 *
 * @param key as it is sent
 * @param value as it is sent; null deletes the model
 * @param model the model that it is for; null where the key names none
 * @param example what is in the value; null if it cannot be read
 * @param unusable why the record cannot be read, if it cannot; examples that can be read may still be rejected
 */
record Input(int partition, byte[] key, byte[] value, String model, Example example, Reason unusable) {}
