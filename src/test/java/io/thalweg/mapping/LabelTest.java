package io.thalweg.mapping;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LabelTest {
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
                    delay > 15            | delay         | 15.5  | 1
                    delay > 15            | delay         | 15.0  | 0
                    delay>15              | delay         | 16    | 1
                    delay >= 15           | delay         | 15    | 1
                    delay >= 15           | delay         | 14.9  | 0
                    delay<15              | delay         | 15    | 0
                    delay < -1.5e1        | delay         | -16   | 1
                    delay <= 15           | delay         | 15    | 1
                    delay <= 15           | delay         | 1e2   | 0
                    class == 2            | class         | 2.0   | 1
                    class == 2            | class         | 3     | 0
                    class != 2            | class         | 2     | 0
                    class != 2            | class         | 3     | 1
                    zero == 0             | zero          | -0.0  | 1
                    zero < 0              | zero          | -0.0  | 0
                    new == true           | new           | true  | 1
                    new == true           | new           | 1     | 1
                    new != false          | new           | false | 0
                    state == 'lost'       | state         | lost  | 1
                    state == "lost"       | state         | won   | 0
                    state == lost         | state         | lost  | 1
                    state != lost         | state         | won   | 1
                    state == 'it is > 5'  | state         | it is > 5 | 1
                    state == '7'          | state         | 7.0   | 0
                    date >= '2001-02-01'  | date          | 2001-02-10 | 1
                    date < '2001-02-01'   | date          | 2001-02-10 | 0
                    "x > 1" == 3          | x > 1         | 3     | 1
                    'a=' == 3             | a=            | 3     | 1
                    a=b > 3               | a=b           | 4     | 1
                    'p > 0.5' == 1        | p > 0.5       | 1     | 1
                    two words > 1         | two words     | 2     | 1
                    clicked               | clicked       | true  | 1
                    clicked               | clicked       | false | 0
                    clicked               | clicked       | 0.25  | 0.25
                    'a > b'               | a > b         | 1     | 1
                    """)
    void aCellGivesTheLabel(String words, String field, String cell, double y) {
        Label label = Label.of(words);

        assertThat(label.field()).isEqualTo(field);
        assertThat(label.y(cell)).isEqualTo(y);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"> 15", "delay >", "delay === 15", "delay => 15", "delay >> 15", "delay == 'x", "'delay > 5"})
    void whatIsNoComparisonIsSaid(String words) {
        assertThatThrownBy(() -> {
                    Label label = Label.of(words);
                    throw new AssertionError(label.toString());
                })
                .isInstanceOf(MappingException.class)
                .hasMessageContainingAll("\"" + words + "\"", "== != >= <= > <", "delay > 15");
    }

    @Test
    void theOrderOfTextIsMeantOnlyInQuotes() {
        assertThatThrownBy(() -> Label.of("delay > fifteen"))
                .isInstanceOf(MappingException.class)
                .hasMessage("label \"delay > fifteen\": fifteen is not a number; put it in quotes to compare text");
    }

    @Test
    void whatIsNoNumberWhereOneIsWantedIsNoLabel() {
        assertThat(Label.of("delay > 15").y("NA")).isNaN();
        assertThat(Label.of("clicked").y("lost")).isNaN();
        assertThat(Label.of("clicked").y("NA")).isNaN();
        assertThat(Label.of("delay > 15").y("yes")).isNaN();
        assertThat(Label.of("delay > 15").y(Double.NaN)).isNaN();
        assertThat(Label.of("delay > 15").y(Double.POSITIVE_INFINITY)).isNaN();
    }

    @Test
    void numbersAndBooleansAreComparedAsTextIfThatIsWanted() {
        assertThat(Label.of("code == '7'").y(7.0)).isEqualTo(1);
        assertThat(Label.of("code == '7.5'").y(7.5)).isEqualTo(1);
        assertThat(Label.of("paid == 'true'").y(true)).isEqualTo(1);
        assertThat(Label.of("paid != 'true'").y(true)).isZero();
        assertThat(Label.of("paid").y(true)).isEqualTo(1);
    }

    @Test
    void itReadsAsItWasWritten() {
        assertThat(Label.of("clicked")).hasToString("clicked");
        assertThat(Label.of(" delay>15 ")).hasToString("delay > 15");
        assertThat(Label.of("delay <= 0.5")).hasToString("delay <= 0.5");
        assertThat(Label.of("state == lost")).hasToString("state == 'lost'");
    }
}
