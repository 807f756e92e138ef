package io.thalweg.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.thalweg.math.Examples;
import io.thalweg.math.FeatureForm;
import io.thalweg.math.Model;
import io.thalweg.math.ProgressiveValidation;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

class ChangelogFormatTest {
    private static String hex(byte[] bytes) {
        return HexFormat.of().formatHex(bytes);
    }

    /** Golden: a changed key or format would make what is stored unreadable. */
    @Test
    void keysAndSmallValuesAreTheseBytes() {
        assertThat(hex(ChangelogFormat.headKey("é"))).isEqualTo("6dc3a9");
        assertThat(hex(ChangelogFormat.key(ChangelogFormat.BLOCK, 258, "m"))).isEqualTo("62000001026d");
        assertThat(hex(ChangelogFormat.key(ChangelogFormat.NAMES, 1, "m"))).isEqualTo("6e000000016d");
        assertThat(hex(ChangelogFormat.key(ChangelogFormat.OFFSET, 3, "examples")))
                .isEqualTo("6f000000036578616d706c6573");
        assertThat(hex(ChangelogFormat.settingsKey())).isEqualTo("73");
        assertThat(hex(ChangelogFormat.journalKey(258))).isEqualTo("6c0000000000000102");
        StepLogWriter log = new StepLogWriter();
        log.addPublished(7, 300, true);
        assertThat(hex(ChangelogFormat.part(log))).isEqualTo("03" + "07" + "ac02" + "41");
        assertThat(hex(ChangelogFormat.offset(42))).isEqualTo("01000000000000002a");
        assertThat(hex(ChangelogFormat.settings(
                        List.of(new SettingsSpan(Map.of(new TopicPartition("t", 1), 2L), Map.of("a", "b"))))))
                .isEqualTo("01" + "00000001" + "00000001" + "000174" + "00000001" + "0000000000000002" + "00000001"
                        + "000161" + "000162");
        Model model = Examples.plain("m");
        model.names().add(new byte[] {'x'});
        model.names().add(new byte[0]);
        assertThat(hex(ChangelogFormat.names(model, 0))).isEqualTo("01" + "02" + "000178" + "0000");
        // form, length, extent, what is kept of the whole, version, rate, published version, published whole; three
        // empty tallies; the next part of the journal; the number
        ModelEntry entry = new ModelEntry("m");
        entry.number = 5;
        entry.model()
                .restore(new Model.Head(
                        FeatureForm.SPARSE, 0, 7, new double[] {0.5}, 3, 0.25, new ProgressiveValidation()));
        entry.published().restore(2, true);
        assertThat(hex(ChangelogFormat.head(entry, 258)))
                .isEqualTo("05" + "01" + "00000000" + "00000007" + "00000001" + "3fe0000000000000" + "0000000000000003"
                        + "3fd0000000000000" + "0000000000000002" + "01" + "00".repeat(3 * (8 + 5 * 8 + 4))
                        + "0000000000000102" + "00000005");
        double[] weights = new double[Model.BLOCK];
        weights[1] = -2;
        entry.model().learnsBy(Examples.SGD);
        entry.model().restoreBlock(0, 3, weights);
        assertThat(hex(ChangelogFormat.block(entry.model(), 0)))
                .as("up to the last feature that has been met, which is number 6")
                .isEqualTo("02" + "0000000000000003" + "00000007" + "00".repeat(8) + "c000000000000000"
                        + "00".repeat(5 * 8));
    }

    @Test
    void valuesAreReadBack() {
        assertThat(ChangelogFormat.readOffset(ChangelogFormat.offset(Long.MAX_VALUE)))
                .isEqualTo(Long.MAX_VALUE);
        ModelEntry entry = new ModelEntry("m", Examples.SGD);
        entry.number = 9;
        entry.published().restore(4, false);
        Model model = entry.model();
        model.restore(
                new Model.Head(FeatureForm.NAMED, 0, 300, new double[] {-0.5, 2}, 9, 0.1, new ProgressiveValidation()));
        for (int i = 0; i < 130; i++) {
            model.names().add(("näme".repeat(40) + i).getBytes(java.nio.charset.StandardCharsets.UTF_8));
        }
        double[] weights = new double[Model.BLOCK];
        weights[43] = Double.MIN_VALUE;
        model.restoreBlock(2, 9, weights);

        Model back = new Model("m");
        ChangelogFormat.EntryHead head = ChangelogFormat.readHead(ChangelogFormat.head(entry, 1L << 40));
        assertThat(head.publishedVersion()).isEqualTo(4);
        assertThat(head.publishedWhole()).isFalse();
        assertThat(head.part()).isEqualTo(1L << 40);
        assertThat(head.number()).isEqualTo(9);
        back.restore(head.model());
        for (int chunk = 0; chunk < 3; chunk++) {
            ChangelogFormat.readNames(ChangelogFormat.names(model, chunk)).forEach(back.names()::add);
        }
        ChangelogFormat.restoreBlock(back, 2, ChangelogFormat.block(model, 2));
        assertThat(Examples.bits(back)).isEqualTo(Examples.bits(model));
        assertThat(ChangelogFormat.text(ByteBuffer.wrap(ChangelogFormat.headKey("模型"), 1, 6)))
                .isEqualTo("模型");

        List<SettingsSpan> spans = List.of(
                new SettingsSpan(Map.of(), new TreeMap<>(Map.of("learning.rate", "0.1", "x", ""))),
                new SettingsSpan(Map.of(new TopicPartition("a", 0), 5L, new TopicPartition("b", 0), 0L), Map.of()));
        assertThat(ChangelogFormat.readSettings(ChangelogFormat.settings(spans)))
                .isEqualTo(spans);
        assertThat(ChangelogFormat.readSettings(ChangelogFormat.settings(List.of())))
                .isEmpty();
    }
}
