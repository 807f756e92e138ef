package io.thalweg.mapping;

import static io.thalweg.mapping.Events.category;
import static io.thalweg.mapping.Events.utf8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import io.thalweg.testing.CollidingNames;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.Timeout.ThreadMode;

class FeatureCollectorTest {
    @Test
    void onlyFieldsThatAreWantedHaveAnEncoder() {
        FeatureCollector collector = new Events(
                        "label", "y > 1",
                        "id.field", "id",
                        "importance.field", "w",
                        "model.from", "field:m",
                        "features.exclude", "out, deep, crossed",
                        "features.cross", "crossed*a")
                .collector;

        for (String field : List.of("y", "id", "w", "m", "out", "deep", "deep.a", "deep.a.b")) {
            assertThat(collector.feature(field)).as(field).isNull();
        }
        for (String field : List.of("a", "crossed", "deeper", "other.out")) {
            assertThat(collector.feature(field)).as(field).isNotNull();
        }
    }

    @Test
    void anExcludedFieldIsPartOfItsCrossesAlone() throws Rejection {
        Events events = new Events("features.exclude", "b", "features.cross", "a*b");
        FieldEncoder a = events.collector.feature("a");
        FieldEncoder b = events.collector.feature("b");

        assertThat(events.features(() -> {
                    category(b, "y");
                    category(a, "x");
                }))
                .containsExactly("a=x", "a=x*b=y");
    }

    @Test
    void aCrossOfWhichAFieldIsNotThereIsNone() throws Rejection {
        Events events = new Events("features.cross", "a*b, b*c");
        FieldEncoder a = events.collector.feature("a");
        FieldEncoder b = events.collector.feature("b");
        FieldEncoder c = events.collector.feature("c");

        assertThat(events.features(() -> {
                    a.number(2);
                    b.number(3);
                    c.number(5);
                }))
                .containsExactly("a 2.0", "b 3.0", "c 5.0", "a*b 6.0", "b*c 15.0");
        assertThat(events.features(() -> {
                    b.number(3);
                    c.missing();
                }))
                .as("nothing is left of the event before")
                .containsExactly("b 3.0", "c:missing", "b*c:missing 3.0");
        assertThat(events.features(() -> a.number(2))).containsExactly("a 2.0");
    }

    /** Crosses of fields that hold several values each, against loops over all of them. */
    @Test
    void aCrossHasEveryCombination() throws Rejection {
        Random random = new Random(1);
        Events events = new Events("features.cross", "a*b*c, c*a");
        FieldEncoder[] encoders = {
            events.collector.feature("a"), events.collector.feature("b"), events.collector.feature("c")
        };
        for (int round = 0; round < 200; round++) {
            List<List<String>> names = List.of(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
            List<List<Double>> values = List.of(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
            List<String> expected = new ArrayList<>();
            for (int field = 0; field < 3; field++) {
                int count = random.nextInt(4);
                for (int i = 0; i < count; i++) {
                    names.get(field).add("abc".charAt(field) + "[" + i + "]");
                    // powers of two, whose products are exact
                    values.get(field).add(Math.scalb(1.0, 1 + random.nextInt(8)));
                    expected.add(
                            names.get(field).get(i) + " " + values.get(field).get(i));
                }
            }
            for (int i = 0; i < names.get(0).size(); i++) {
                for (int j = 0; j < names.get(1).size(); j++) {
                    for (int k = 0; k < names.get(2).size(); k++) {
                        expected.add(names.get(0).get(i) + "*" + names.get(1).get(j) + "*"
                                + names.get(2).get(k) + " "
                                + values.get(0).get(i)
                                        * values.get(1).get(j)
                                        * values.get(2).get(k));
                    }
                }
            }
            for (int k = 0; k < names.get(2).size(); k++) {
                for (int i = 0; i < names.get(0).size(); i++) {
                    expected.add(names.get(2).get(k) + "*" + names.get(0).get(i) + " "
                            + values.get(2).get(k) * values.get(0).get(i));
                }
            }

            assertThat(events.features(() -> {
                        for (int field = 0; field < 3; field++) {
                            for (int i = 0; i < values.get(field).size(); i++) {
                                encoders[field].at(i);
                                encoders[field].number(values.get(field).get(i));
                            }
                            encoders[field].whole();
                        }
                    }))
                    .isEqualTo(expected);
        }
    }

    @Test
    void anEventHasAsManyFeaturesAsTheLimitAllowsAndNoMore() throws Rejection {
        Events events = new Events();
        FieldEncoder a = events.collector.feature("a");

        assertThat(events.features(() -> tell(a, 65_536))).hasSize(65_536);
        assertThat(catchThrowableOfType(Rejection.class, () -> events.features(() -> tell(a, 65_537)))
                        .reason())
                .isEqualTo(Reason.TOO_LARGE);
        assertThat(events.features(() -> tell(a, 1))).as("the next event").hasSize(1);
    }

    @Test
    void crossesCountBeforeTheyAreMade() throws Rejection {
        Events events = new Events("features.cross", "a*b");
        FieldEncoder a = events.collector.feature("a");
        FieldEncoder b = events.collector.feature("b");

        assertThat(events.features(() -> {
                    tell(a, 255);
                    tell(b, 255);
                }))
                .hasSize(255 + 255 + 255 * 255);
        assertThat(catchThrowableOfType(
                                Rejection.class,
                                () -> events.features(() -> {
                                    tell(a, 256);
                                    tell(b, 256);
                                }))
                        .reason())
                .isEqualTo(Reason.TOO_LARGE);
        assertThat(events.x.size())
                .as("features that were made before it was rejected")
                .isEqualTo(512);
    }

    @Test
    void theNamesOfAnEventHaveALimitTogether() throws Rejection {
        Events events = new Events();
        FieldEncoder a = events.collector.feature("a");
        String text = "x".repeat((1 << 24) - "a=".length());

        assertThat(events.features(() -> category(a, text))).hasSize(1);
        assertThat(catchThrowableOfType(Rejection.class, () -> events.features(() -> category(a, text + "x")))
                        .reason())
                .isEqualTo(Reason.TOO_LARGE);
    }

    private static void tell(FieldEncoder encoder, int values) throws Rejection {
        for (int i = 0; i < values; i++) {
            encoder.at(i);
            encoder.number(1);
        }
        encoder.whole();
    }

    @Test
    void aSetTellsWhatIsNew() {
        FeatureCollector collector = new Events().collector;
        Random random = new Random(1);
        for (int round = 0; round < 50; round++) {
            // also sets after one that was so large that its table is not kept
            int different = 1 + random.nextInt(round % 10 == 0 ? 3000 : 20);
            StringBuilder text = new StringBuilder();
            List<int[]> places = new ArrayList<>();
            for (int i = 0; i < 2 * different; i++) {
                String value = "v" + random.nextInt(different);
                places.add(new int[] {text.length(), value.length()});
                text.append(value);
            }
            byte[] bytes = utf8(text.toString());
            Set<String> seen = new LinkedHashSet<>();
            collector.beginSet();
            for (int[] place : places) {
                String value = text.substring(place[0], place[0] + place[1]);
                assertThat(collector.isNew(bytes, place[0], place[1])).as(value).isEqualTo(seen.add(value));
            }
        }
    }

    /** A table that looks at all items whose hashes collide would need minutes for these. */
    @Test
    @Timeout(value = 20, unit = TimeUnit.SECONDS, threadMode = ThreadMode.SEPARATE_THREAD)
    void itemsWhoseHashesCollideAreToldApartInBoundedTime() {
        FeatureCollector collector = new Events().collector;
        int count = 300_000;
        byte[] items = CollidingNames.of(count);
        for (int round = 0; round < 2; round++) {
            collector.beginSet();
            for (int i = 0; i < 2 * count; i++) {
                assertThat(collector.isNew(items, CollidingNames.LENGTH * (i % count), CollidingNames.LENGTH))
                        .isEqualTo(i < count);
            }
        }
    }
}
