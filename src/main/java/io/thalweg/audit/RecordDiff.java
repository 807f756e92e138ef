package io.thalweg.audit;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.apache.avro.Schema;
import org.apache.avro.generic.IndexedRecord;
import org.apache.avro.util.Utf8;

/**
 * The fields in which two records of the same schema differ. Numbers are compared bit for bit, except that all NaNs are
 * equal.
 */
final class RecordDiff {
    private static final int SHOWN = 3;
    private static final int LONGEST = 60;

    private final List<String> differences = new ArrayList<>();
    private int count;

    private RecordDiff() {}

    /** Returns the first few differences in words; empty if there are none. */
    static String between(IndexedRecord expected, IndexedRecord found) {
        RecordDiff all = new RecordDiff();
        all.records("", expected, found);
        String words = String.join(", ", all.differences);
        return all.count > SHOWN ? words + " and " + (all.count - SHOWN) + " more" : words;
    }

    private void records(String prefix, IndexedRecord expected, IndexedRecord found) {
        for (Schema.Field field : expected.getSchema().getFields()) {
            values(prefix + field.name(), expected.get(field.pos()), found.get(field.pos()));
        }
    }

    private void values(String name, Object expected, Object found) {
        if (expected instanceof IndexedRecord e && found instanceof IndexedRecord f) {
            records(name + ".", e, f);
        } else if (expected instanceof List<?> e && found instanceof List<?> f) {
            for (int i = 0; i < Math.min(e.size(), f.size()); i++) {
                values(name + "[" + i + "]", e.get(i), f.get(i));
            }
            if (e.size() != f.size()) {
                differ(name, e.size() + " long", f.size() + " long");
            }
        } else if (!same(expected, found)) {
            differ(name, expected, found);
        }
    }

    private static boolean same(Object expected, Object found) {
        if (expected instanceof CharSequence e && found instanceof CharSequence f) {
            return utf8(e).equals(utf8(f));
        }
        // Double.equals compares the bits, except those of NaNs, which differ between processors
        return Objects.equals(expected, found);
    }

    private static Utf8 utf8(CharSequence text) {
        return text instanceof Utf8 utf8 ? utf8 : new Utf8(text.toString());
    }

    private void differ(String name, Object expected, Object found) {
        if (count++ < SHOWN) {
            differences.add("field " + name + " is " + words(found) + " and should be " + words(expected));
        }
    }

    private static String words(Object value) {
        return value instanceof CharSequence text ? text(text.toString()) : String.valueOf(value);
    }

    /** Returns text from a record in a form that fits into a line. */
    static String text(String text) {
        String printable = text.replaceAll("\\p{Cntrl}", " ");
        return printable.length() > LONGEST ? printable.substring(0, LONGEST) + "…" : printable;
    }
}
