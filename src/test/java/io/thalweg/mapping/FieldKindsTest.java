package io.thalweg.mapping;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class FieldKindsTest {
    private static FieldKinds kinds(String... settings) {
        return new FieldKinds(new Events(settings).mapping);
    }

    @Test
    void aFieldIsListedOnceUnderAllThatItWas() {
        FieldKinds kinds = kinds();
        kinds.add("n", FieldKind.NUMBER);
        kinds.add("n", FieldKind.NUMBER);
        kinds.add("mixed", FieldKind.CATEGORY);
        kinds.add("c", FieldKind.CATEGORY);
        kinds.add("mixed", FieldKind.NUMBER);
        kinds.empty("mixed");
        kinds.empty("nothing");

        assertThat(kinds.lines())
                .containsExactly(
                        "numbers: n",
                        "categories: c",
                        "numbers, and categories where they are text: mixed",
                        "always empty: nothing");
        assertThat(kinds.features()).containsExactly("c", "mixed", "n");
        assertThat(kinds.isEmpty()).isFalse();
        assertThat(kinds().isEmpty()).isTrue();
        assertThat(kinds().lines()).isEmpty();
    }

    @Test
    void aFieldHasBesideItWhatWasSetForItOrWhyItIsLeftOut() {
        FieldKinds kinds = kinds(
                "label", "y > 1",
                "features.buckets", "age:18|25",
                "features.time", "at:weekday|hour",
                "features.cross", "age*zip, zip*at.hour");
        kinds.add("y", FieldKind.LABEL);
        kinds.add("age", FieldKind.NUMBER);
        kinds.add("zip", FieldKind.CATEGORY);
        kinds.add("at", FieldKind.TIME);
        kinds.leaveOut("raw", "bytes");

        assertThat(kinds.lines())
                .containsExactly(
                        "label: y > 1",
                        "numbers: age (18|25)",
                        "categories: zip",
                        "times: at (hour|weekday)",
                        "crosses: age*zip, zip*at.hour",
                        "left out: raw (bytes)");
    }

    @Test
    void anExcludedFieldOfACrossIsACrossedOne() {
        FieldKinds kinds = kinds("features.exclude", "a, b", "features.cross", "a*c");
        kinds.add("a", FieldKind.CATEGORY);
        kinds.add("b", FieldKind.EXCLUDED);
        kinds.add("c", FieldKind.CATEGORY);

        assertThat(kinds.lines()).containsExactly("categories: c", "crosses: a*c", "only in crosses: a", "excluded: b");
        assertThat(kinds.features()).containsExactly("a", "c");
    }

    @Test
    void thereAreNumbersInAFieldThatIsOneOrIsCrossed() {
        FieldKinds kinds = kinds("features.exclude", "crossed", "features.cross", "crossed*n");
        kinds.add("crossed", FieldKind.NUMBER);
        kinds.add("n", FieldKind.NUMBER);
        kinds.add("c", FieldKind.CATEGORY);

        assertThat(kinds.hasNumbers("crossed")).isTrue();
        assertThat(kinds.hasNumbers("n")).isTrue();
        assertThat(kinds.hasNumbers("c")).isFalse();
    }

    @Test
    void twentyNamesAreShownAndTheRestCounted() {
        FieldKinds kinds = kinds();
        List<String> names = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            names.add("f" + i);
            kinds.add("f" + i, FieldKind.NUMBER);
        }
        assertThat(kinds.lines()).containsExactly("numbers: " + String.join(", ", names));

        kinds.add("g", FieldKind.NUMBER);
        kinds.add("h", FieldKind.NUMBER);
        assertThat(kinds.lines()).containsExactly("numbers: " + String.join(", ", names) + " and 2 more");
    }
}
