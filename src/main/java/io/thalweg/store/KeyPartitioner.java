package io.thalweg.store;

import java.util.zip.CRC32;
import org.apache.kafka.common.utils.Utils;

/** A way in which producers choose the partition of a record from its key. */
public enum KeyPartitioner {
    /** The default of the Java client, of kafkajs, and of most others: 32 bits of MurmurHash2. */
    MURMUR2 {
        @Override
        long hash(byte[] key) {
            return Utils.toPositive(Utils.murmur2(key));
        }
    },
    /** The default of librdkafka, and so of kcat and of the clients for Python, Go and .NET that use it. */
    CRC32 {
        @Override
        long hash(byte[] key) {
            CRC32 crc = new CRC32();
            crc.update(key);
            return crc.getValue();
        }
    };

    /** Returns a hash of a key, 0 or more. */
    abstract long hash(byte[] key);

    /** Returns the partition of a key. @param partitions how many there are, 1 or more */
    public int partition(byte[] key, int partitions) {
        return (int) (hash(key) % partitions);
    }
}
