package io.thalweg.input;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import io.thalweg.input.PlainJson.PlainValue;
import io.thalweg.testing.Seeded;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Seeded
class PlainJsonTest {
    private final PlainJson plain = new PlainJson();

    private PlainValue read(String value) {
        byte[] json = ("{\"x\":" + value + "}").getBytes(StandardCharsets.UTF_8);
        plain.reset(json, 0, json.length);
        plain.beginObject();
        assertThat(plain.nextName(true, null)).isTrue();
        return plain.nextValue();
    }

    /** A number must be read as the JDK reads it, or left to the parser. */
    private void check(String number) {
        PlainValue kind = read(number);
        if (kind == PlainValue.WHOLE) {
            assertThat(plain.whole()).isEqualTo(Long.parseLong(number));
        } else if (kind == PlainValue.FRACTION) {
            assertThat(Double.doubleToRawLongBits(plain.fraction()))
                    .as(number)
                    .isEqualTo(Double.doubleToRawLongBits(Double.parseDouble(number)));
        } else {
            assertThat(plain.isUnusual()).as(number).isTrue();
        }
    }

    @Test
    void doublesAreReadAsTheJdkReadsThem(Random random) {
        for (int i = 0; i < 200_000; i++) {
            // of every size
            double any = Double.longBitsToDouble(random.nextLong());
            if (Double.isFinite(any)) {
                check(Double.toString(any));
            }
            // of the sizes that events have, without an exponent
            check(new BigDecimal(random.nextGaussian() * Math.pow(10, random.nextInt(20) - 8)).toPlainString());
            String digits = "" + random.nextLong(1_000_000_000_000_000_000L);
            String kept = digits.substring(0, 1 + random.nextInt(digits.length()));
            int power = random.nextInt(160) - 80;
            check((random.nextBoolean() ? "-" : "") + kept + "e" + power);
            check(kept.charAt(0) + "." + digits + "E" + power);
            check("0." + "0".repeat(random.nextInt(8)) + digits);
        }
    }

    @Test
    void numbersHalfwayBetweenDoublesAreRoundedToTheEvenOne(Random random) {
        for (int i = 0; i < 100_000; i++) {
            // with 54 bits, of which the last is 1, divided by powers of two so small that few digits are needed
            long odd = (1L << 53) + (random.nextLong(1L << 52) << 1) + 1;
            int halvings = random.nextInt(24);
            BigDecimal half =
                    new BigDecimal(BigInteger.valueOf(odd)).divide(new BigDecimal(BigInteger.TWO.pow(halvings)));
            check(half.setScale(Math.max(1, half.scale())).toPlainString());
            check(half.add(half.ulp()).toPlainString() + "e0");
            check(half.subtract(half.ulp()).toPlainString() + "e0");
            // and where a power of five is the factor that is left
            check(odd / 5 / 2 * 5 + "e" + random.nextInt(25));
            check(odd + "e" + (random.nextInt(50) - 25));
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "0.0",
                "-0.0",
                "0e5",
                "-0e-400",
                "1e400",
                "-1e400",
                "1e-400",
                "1e99999999999999999999",
                "1e-99999999999999999999",
                "4.9e-324",
                "2.4703282292062327208e-324",
                "2.4703282292062327209e-324",
                "2.2250738585072011e-308",
                "2.2250738585072014e-308",
                "1.7976931348623157e308",
                "1.7976931348623159e308",
                "9007199254740992.0",
                "9007199254740993.0",
                "9007199254740993.1",
                "9007199254740992e22",
                "9007199254740993e-22",
                "9999999999999999999.0",
                "18446744073709551615.0",
                "18446744073709551616.0",
                "123456789012345678901234567890.5",
                "0.00000000000000000000000000000000000000000000000001",
                "8.5e-45",
                "1.0e64",
                "1.0e65",
                "9.5e-64",
                "9.5e-65",
                "179769313486231580793e289",
                "5e-1",
                "0.3",
                "2.5",
                "7.0064923216240854e-46",
                "1.1754943508222875e-38"
            })
    void hardNumbersAreReadAsTheJdkReadsThem(String number) {
        check(number);
    }

    /** If most doubles were left to the slow parser, nobody would notice but by the time that it takes. */
    @Test
    void theFastAlgorithmIsCertainOfNearlyAllNumbers(Random random) {
        int uncertain = 0;
        for (int i = 0; i < 10_000; i++) {
            BigDecimal number = new BigDecimal(Double.toString(random.nextGaussian()));
            double read = DecimalNumber.toDouble(number.unscaledValue().abs().longValueExact(), -number.scale());
            uncertain += Double.isNaN(read) ? 1 : 0;
        }
        assertThat(uncertain).isLessThan(10);
    }

    @Test
    void textIsReadWithoutTheParserUpToALimit() {
        assertThat(read("\"m\\u00fcnchen \\ud83d\\ude00 \\\"\\\\\\/\\b\\f\\n\\r\\t ü€😀\""))
                .isEqualTo(PlainValue.TEXT);
        assertThat(text()).isEqualTo("münchen 😀 \"\\/\b\f\n\r\t ü€😀");

        for (int length = 4080; length < 4110; length++) {
            String letters = "a".repeat(length);
            for (String json : new String[] {"\\n" + letters, letters + "\\n", letters + "\\u20ac", letters + "\\n€"}) {
                if (read("\"" + json + "\"") == PlainValue.TEXT) {
                    assertThat(text()).isEqualTo(json.replace("\\n", "\n").replace("\\u20ac", "€"));
                    assertThat(length).isLessThan(4105);
                } else {
                    assertThat(length).isGreaterThan(4090);
                }
            }
        }
    }

    /** Where escapes begin and end matters, because eight bytes are looked at together. */
    @Test
    void textWithEscapesIsReadAsJacksonReadsIt(Random random) throws IOException {
        String[] parts = {
            "\\\"",
            "\\\\",
            "\\/",
            "\\n",
            "\\t",
            "\\u00fc",
            "\\ud83d\\ude00",
            "a",
            "#",
            "!",
            "]",
            "[",
            " ",
            "\u007f",
            "ü",
            "€",
            "😀",
            "value",
            "twelve bytes",
            "\\x",
            "\\u12",
            "\\",
            "\t",
            "\u0000"
        };
        JsonFactory jackson = new JsonFactory();
        int read = 0;
        for (int i = 0; i < 200_000; i++) {
            StringBuilder text = new StringBuilder("\"");
            // most without what is not allowed
            int kinds = random.nextInt(4) == 0 ? parts.length : parts.length - 5;
            for (int k = random.nextInt(12); k >= 0; k--) {
                text.append(parts[random.nextInt(kinds)]);
            }
            String json = text.append(random.nextBoolean() ? "\"" : "\",\"y\":\"\\\"\"")
                    .toString();
            PlainValue kind = read(json);
            if (kind == PlainValue.TEXT) {
                read++;
                try (JsonParser parser = jackson.createParser("{\"x\":" + json)) {
                    parser.nextToken();
                    parser.nextToken();
                    parser.nextToken();
                    assertThat(text()).as(json).isEqualTo(parser.getText());
                }
            } else {
                assertThat(plain.isUnusual()).as(json).isTrue();
                assertThat(kinds).as(json).isEqualTo(parts.length);
            }
        }
        assertThat(read).isGreaterThan(100_000);
    }

    /** Digits are read together if enough bytes follow, so the same number is read near the end and far from it. */
    @Test
    void numbersAreReadTheSameWhateverFollows(Random random) {
        String rest = ",\"y\":\"twelve bytes and more of them\"";
        for (int i = 0; i < 200_000; i++) {
            String digits = Long.toString(random.nextLong(1L << 1 + random.nextInt(62)));
            String number = (random.nextInt(4) == 0 ? "-" : "")
                    + digits.substring(0, Math.min(digits.length(), 1 + random.nextInt(6)))
                    + (random.nextInt(8) == 0 ? "" : "." + "0".repeat(random.nextInt(4)) + digits)
                    + (random.nextInt(8) == 0 ? "e" + (random.nextInt(40) - 20) : "");
            int more = random.nextInt(rest.length());
            PlainValue kind = read(number + rest.substring(0, more));
            if (number.matches("-?[0-9]+")) {
                assertThat(kind).as(number).isEqualTo(PlainValue.WHOLE);
                assertThat(plain.whole()).isEqualTo(Long.parseLong(number));
            } else {
                assertThat(kind).as(number).isEqualTo(PlainValue.FRACTION);
                assertThat(Double.doubleToRawLongBits(plain.fraction()))
                        .as(number)
                        .isEqualTo(Double.doubleToRawLongBits(Double.parseDouble(number)));
            }
        }
    }

    private String text() {
        return new String(plain.textIn(), plain.textFrom(), plain.textLength(), StandardCharsets.UTF_8);
    }
}
