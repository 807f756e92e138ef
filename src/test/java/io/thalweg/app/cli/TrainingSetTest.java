package io.thalweg.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.math.Example;
import io.thalweg.math.Examples;
import io.thalweg.math.Rejection;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TrainingSetTest {
    /** Of the last partition, nothing but one example would be left if partitions counted together. */
    @Test
    void theLastExamplesOfEachPartitionAreHeldOut() throws Rejection {
        try (TrainingSet set = new TrainingSet(new ThalwegConfig(Map.of()))) {
            for (int partition = 0; partition < 4; partition++) {
                set.nextPartition();
                set.source("p" + partition + "@%d");
                // the third has none
                for (int i = 0; i < new int[] {10, 4, 0, 6}[partition]; i++) {
                    set.add(i == 2 ? "deleted" : "m" + partition, Examples.dense(1.0, i), i);
                }
            }
            set.delete("deleted");
            set.end(0.3, null);
            List<String> heldOut = new ArrayList<>();
            TrainingSet.Pass pass = set.read(null);
            while (pass.next(new Example())) {
                if (pass.isHeldOut()) {
                    heldOut.add(pass.where());
                }
            }
            assertThat(heldOut).containsExactly("p0@7", "p0@8", "p0@9", "p1@3", "p3@4", "p3@5");
            assertThat(set.heldOut()).isEqualTo(6);
            assertThat(set.size()).isEqualTo(17);
            assertThat(set.deleted()).isEqualTo(3);
        }
    }
}
