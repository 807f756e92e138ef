package io.thalweg.mapping;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BucketsTest {
    private static final Pattern RANGE = Pattern.compile("(?<from>[^.]+(\\.\\d+)?)\\.\\.(?<to>.+)");

    private static String name(Buckets buckets, double number) {
        return new String(buckets.of(number), StandardCharsets.UTF_8);
    }

    @ParameterizedTest
    @CsvSource({
        "-1e300, ..-2.5",
        "-2.6, ..-2.5",
        "-2.5, -2.5..0",
        "-0.0, 0..18",
        "0, 0..18",
        "17.999, 0..18",
        "18, 18..1E+21",
        "1e20, 18..1E+21",
        "1e21, 1E+21..",
        "1.7976931348623157e308, 1E+21..",
    })
    void anEdgeBelongsToTheRangeAboveIt(double number, String range) {
        assertThat(name(Buckets.of("f", "-2.5| 0 |18|1e21"), number)).isEqualTo(range);
    }

    @Test
    void oneEdgeMakesTwoRanges() {
        Buckets buckets = Buckets.of("f", "5");

        assertThat(name(buckets, 4)).isEqualTo("..5");
        assertThat(name(buckets, 5)).isEqualTo("5..");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "|", "1|", "2|1", "1|1", "0|-0.0", "one", "1e999", "NaN", "log10", "1,2"})
    void edgesRiseAndAreNumbers(String words) {
        assertThatThrownBy(() -> Buckets.of("age", words))
                .isInstanceOf(MappingException.class)
                .hasMessageContainingAll(Mapping.BUCKETS, "age", "\"" + words + "\"");
    }

    @ParameterizedTest
    @CsvSource({
        "0, 0",
        "-0.0, 0",
        "1, 1..2",
        "1.999, 1..2",
        "2, 2..4",
        "-1, -2..-1",
        "-3, -4..-2",
        "0.75, 0.5..1",
        "0.0009765625, 0.0009765625..0.001953125",
        "0.0009, 2^-11..0.0009765625",
        "1073741824, 1073741824..2^31",
        "1e-310, 0..2^-1022",
        "-4.9e-324, -2^-1022..-0",
        "2.2250738585072014e-308, 2^-1022..2^-1021",
        "1.7976931348623157e308, 2^1023..2^1024",
    })
    void powersOfTwoGoAwayFromZero(double number, String range) {
        assertThat(name(Buckets.of("f", "log2"), number)).isEqualTo(range);
    }

    @Test
    void theRangeOfAPowerOfTwoHoldsTheNumber() {
        Random random = new Random(1);
        Buckets buckets = Buckets.of("f", "log2");
        for (int i = 0; i < 3000; i++) {
            double number = Double.longBitsToDouble(random.nextLong());
            if (Math.abs(number) < Double.MIN_NORMAL || !Double.isFinite(number)) {
                continue;
            }
            Matcher range = RANGE.matcher(name(buckets, Math.abs(number)));
            assertThat(range.matches()).isTrue();
            BigDecimal from = value(range.group("from"));
            BigDecimal to = value(range.group("to"));
            BigDecimal size = new BigDecimal(number).abs();

            assertThat(from).isLessThanOrEqualTo(size);
            assertThat(to).isGreaterThan(size);
            assertThat(to).isEqualByComparingTo(from.add(from));
            assertThat(name(buckets, -Math.abs(number)))
                    .isEqualTo("-" + range.group("to") + "..-" + range.group("from"));
        }
    }

    private static BigDecimal value(String edge) {
        if (!edge.startsWith("2^")) {
            return new BigDecimal(edge);
        }
        int exponent = Integer.parseInt(edge.substring(2));
        BigDecimal power = new BigDecimal(BigInteger.TWO.pow(Math.abs(exponent)));
        // a power of two divides one exactly, with as many digits behind the point as its exponent
        return exponent >= 0 ? power : BigDecimal.ONE.divide(power);
    }
}
