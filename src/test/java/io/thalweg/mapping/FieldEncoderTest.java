package io.thalweg.mapping;

import static io.thalweg.mapping.Events.category;
import static io.thalweg.mapping.Events.utf8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FieldEncoderTest {
    private final Events events = new Events();
    private final FieldEncoder encoder = events.collector.feature("größe");

    @Test
    void aNumberIsTheFieldAndACategoryIsAFeatureOfItsOwn() throws Rejection {
        assertThat(events.features(() -> encoder.number(-2.5))).containsExactly("größe -2.5");
        assertThat(events.features(() -> category(encoder, "50 µm"))).containsExactly("größe=50 µm");
        assertThat(events.features(() -> category(encoder, ""))).containsExactly("größe=");
        assertThat(events.features(() -> encoder.category(-7L))).containsExactly("größe=-7");
        assertThat(events.features(() -> encoder.category(0.1))).containsExactly("größe=0.1");
        assertThat(events.features(() -> encoder.category(7.0))).containsExactly("größe=7");
        assertThat(events.features(encoder::missing)).containsExactly("größe:missing");
    }

    @Test
    void aNumberThatIsNotFiniteIsLeftToTheLearnerUnlessItWouldNotShow() throws Rejection {
        assertThat(events.features(() -> encoder.number(Double.NaN))).containsExactly("größe NaN");
        assertThat(catchThrowableOfType(Rejection.class, () -> encoder.category(Double.NaN))
                        .reason())
                .isEqualTo(Reason.NOT_FINITE);
        FieldEncoder bucketed = new Events("features.buckets", "a:1|2").collector.feature("a");
        assertThat(catchThrowableOfType(Rejection.class, () -> bucketed.number(Double.NEGATIVE_INFINITY))
                        .reason())
                .isEqualTo(Reason.NOT_FINITE);
    }

    @Test
    void bucketsMakeCategoriesOfNumbersAndLeaveTextAlone() throws Rejection {
        Events bucketed = new Events("features.buckets", "a:1|2");
        FieldEncoder a = bucketed.collector.feature("a");

        assertThat(bucketed.features(() -> a.number(1.5))).containsExactly("a=1..2");
        assertThat(bucketed.features(() -> category(a, "1.5"))).containsExactly("a=1.5");
        assertThat(bucketed.features(a::missing)).containsExactly("a:missing");
    }

    @Test
    void textIsParsedWithSpaceAroundIt() throws Rejection {
        assertThat(events.features(() -> encoder.parse(" 2.5e1\t"))).containsExactly("größe 25.0");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "secret", "1 2"})
    void aRejectionNamesTheFieldAndNotWhatItHolds(String text) {
        Rejection rejection = catchThrowableOfType(Rejection.class, () -> encoder.parse(text));

        assertThat(rejection.reason()).isEqualTo(Reason.BAD_VALUE);
        assertThat(rejection).hasMessageContaining("field größe").hasMessageNotContaining("secret");
    }

    @ParameterizedTest
    @ValueSource(strings = {"NaN", "nan", " NA ", "null", "-inf", "N/A"})
    void wordsForNoNumberAreMissing(String text) throws Rejection {
        assertThat(events.features(() -> encoder.parse(text))).containsExactly("größe:missing");
    }

    @Test
    void noTwoCategoriesHaveTheSameName() throws Rejection {
        List<String> parts = List.of("a", "=", "\\", "b=", "=c", "\\=", "a\\", "==", "\\\\=\\");
        Set<String> names = new HashSet<>();
        Set<String> pairs = new HashSet<>();
        for (String start : parts) {
            for (String end : parts) {
                for (String value : parts) {
                    String key = start + end;
                    names.addAll(events.features(() -> {
                        encoder.at(utf8(key), 0, key.length());
                        category(encoder, value);
                        encoder.whole();
                    }));
                    pairs.add(key + " " + value);
                }
            }
        }
        assertThat(names).hasSameSizeAs(pairs);
    }

    @Test
    void onlyEqualsSignsAreMaskedInNames() throws Rejection {
        assertThat(events.features(() -> {
                    for (String key : List.of("k", "C:\\x", "a=b", "x\\")) {
                        encoder.at(utf8(key), 0, key.length());
                        category(encoder, "v=w");
                        encoder.number(2);
                    }
                    encoder.whole();
                    category(encoder, "v=w");
                }))
                .containsExactly(
                        "größe.k=v=w",
                        "größe.k 2.0",
                        "größe.C:\\x=v=w",
                        "größe.C:\\x 2.0",
                        "größe.a\\=b=v=w",
                        "größe.a=b 2.0",
                        "größe.x\\\\=v=w",
                        "größe.x\\ 2.0",
                        "größe=v=w");
    }

    @Test
    void keysAndPlacesArePartOfTheNameUntilTheFieldIsWholeAgain() throws Rejection {
        String longKey = "k".repeat(300);
        assertThat(events.features(() -> {
                    encoder.at(utf8("xkeyx"), 1, 3);
                    encoder.number(2);
                    category(encoder, "v");
                    encoder.at(utf8(longKey), 0, 300);
                    encoder.missing();
                    encoder.at(0);
                    encoder.number(3);
                    encoder.at(1234567);
                    category(encoder, "v");
                    encoder.whole();
                    encoder.number(4);
                    category(encoder, "v");
                }))
                .containsExactly(
                        "größe.key 2.0",
                        "größe.key=v",
                        "größe." + longKey + ":missing",
                        "größe[0] 3.0",
                        "größe[1234567]=v",
                        "größe 4.0",
                        "größe=v");
    }
}
