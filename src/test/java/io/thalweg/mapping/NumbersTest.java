package io.thalweg.mapping;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NumbersTest {
    @ParameterizedTest
    @CsvSource({"1, 1", "-0, -0.0", "+.5, 0.5", "5., 5", "1e3, 1000", "-1.5E-3, -0.0015", "007, 7", "1e999, Infinity"})
    void textIsANumber(String text, double number) {
        assertThat(Numbers.parse(text)).isEqualTo(number);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", " 1", "1 ", ".", "e5", "1e", "1e+", "--1", "0x10", "1f", "1d", "NaN", "Infinity", "1,5", "١"
            })
    void otherTextIsNone(String text) {
        assertThat(Numbers.parse(text)).isNaN();
    }

    @ParameterizedTest
    @ValueSource(strings = {"NaN", "-nan(ind)", "N/A", "#N/A", "NULL", "None", "\\N", "missing", "undefined", "\u221e"})
    void theWordsForNoNumberAreKnown(String text) {
        assertThat(Numbers.isMissing(text)).isTrue();
        assertThat(Numbers.isNone(text)).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"-", "--", "\u2014", "."})
    void aMarkStandsForNoNumberButCanBeAClass(String text) {
        assertThat(Numbers.isMissing(text)).isFalse();
        assertThat(Numbers.isNone(text)).isTrue();
    }

    @Test
    void textOfMoreThan512CharactersIsNone() {
        assertThat(Numbers.parse("1".repeat(300) + "." + "1".repeat(211))).isFinite();
        assertThat(Numbers.parse("1".repeat(300) + "." + "1".repeat(212))).isNaN();
    }

    @ParameterizedTest
    @CsvSource({
        "0, 0",
        "-0.0, 0",
        "5, 5",
        "-123456, -123456",
        "9007199254740992, 9007199254740992",
        "0.1, 0.1",
        "0.30000000000000004, 0.30000000000000004",
        "-2.50, -2.5",
        "1e21, 1E+21",
        "1e-7, 1E-7",
        "4.9e-324, 5E-324",
        "NaN, NaN",
    })
    void aNumberIsWrittenAsShortAsItCanBe(double number, String text) {
        assertThat(Numbers.text(number)).isEqualTo(text);
    }

    @Test
    void noShorterTextIsTheSameNumber() {
        Random random = new Random(1);
        for (int i = 0; i < 5000; i++) {
            double number = i % 2 == 0 ? random.nextGaussian() : Double.longBitsToDouble(random.nextLong());
            if (!Double.isFinite(number)) {
                continue;
            }
            String text = Numbers.text(number);
            BigDecimal written = new BigDecimal(text).stripTrailingZeros();

            assertThat(Double.parseDouble(text)).as(text).isEqualTo(number);
            assertThat(written.precision()).as(text).isLessThanOrEqualTo(17);
            if (written.precision() > 1) {
                BigDecimal shorter = new BigDecimal(number).round(new MathContext(written.precision() - 1));
                assertThat(shorter.doubleValue()).as(text).isNotEqualTo(number);
            }
        }
    }

    @Test
    void wholeNumbersAreWrittenAsJavaDoes() {
        Random random = new Random(1);
        byte[] bytes = new byte[20];
        for (int i = 0; i < 5000; i++) {
            long number = random.nextLong() >> random.nextInt(64);
            assertThat(new String(bytes, 0, Numbers.write(number, bytes), StandardCharsets.US_ASCII))
                    .isEqualTo(Long.toString(number));
        }
        for (long number : new long[] {0, 9, 10, -1, Long.MAX_VALUE, Long.MIN_VALUE}) {
            assertThat(new String(bytes, 0, Numbers.write(number, bytes), StandardCharsets.US_ASCII))
                    .isEqualTo(Long.toString(number));
        }
    }
}
