package io.thalweg.input;

import io.thalweg.mapping.FieldKind;
import io.thalweg.mapping.Label;
import io.thalweg.mapping.Mapping;
import org.apache.avro.Schema;
import org.jspecify.annotations.Nullable;

/** Creates the readers of the fields that are not features: label, id, importance and model. */
final class RoleReaders {
    private final Mapping mapping;
    private final SchemaFields fields;
    private final SkipReaders skip;
    private final FieldSinks sinks;
    private boolean hasLabel;

    RoleReaders(Mapping mapping, SchemaFields fields, SkipReaders skip, FieldSinks sinks) {
        this.mapping = mapping;
        this.fields = fields;
        this.skip = skip;
        this.sinks = sinks;
    }

    /** Creates a reader of a field that has one of these roles; null if it has none. */
    @Nullable
    FieldReader of(String field, Schema schema) {
        FieldSinks.FieldRole role = sinks.role(field);
        if (role == null) {
            return null;
        }
        fields.kinds().add(field, role.kind());
        if (role.kind() == FieldKind.LABEL) {
            checkLabel(field, schema, role.sinks());
        }
        for (Schema branch : ValueReaders.branchesOf(schema)) {
            if (branch.getType() != Schema.Type.NULL && ValueReaders.of(branch, role.sinks()) == null) {
                fields.addProblem(
                        "%s: field %s is %s; %s".formatted(role.setting(), field, SchemaWords.a(branch), role.needs()));
            }
        }
        return new FieldReader(skip.orSkip(schema, branch -> ValueReaders.of(branch, role.sinks())));
    }

    /** Whether there is a field that the label can be computed from. */
    boolean hasLabel() {
        return hasLabel;
    }

    private void checkLabel(String field, Schema schema, ValueSinks sinksOfLabel) {
        Label label = mapping.label();
        for (Schema symbols : ValueReaders.branchesOf(schema)) {
            if (symbols.getType() == Schema.Type.STRING) {
                fields.kinds().addLabelText();
            }
            if (symbols.getType() == Schema.Type.ENUM) {
                symbols.getEnumSymbols().forEach(symbol -> fields.kinds().addLabelText(symbol, label.y(symbol)));
            }
            if (symbols.getType() == Schema.Type.ENUM
                    && symbols.getEnumSymbols().stream().anyMatch(symbol -> Double.isNaN(label.y(symbol)))) {
                fields.addProblem("%s: field %s is an enum of %s; compare it, such as %s == '%s'"
                        .formatted(
                                mapping.setting(Mapping.LABEL),
                                field,
                                String.join(", ", symbols.getEnumSymbols()),
                                field,
                                symbols.getEnumSymbols().get(0)));
            }
        }
        hasLabel = ValueReaders.branchesOf(schema).stream()
                .anyMatch(branch -> ValueReaders.of(branch, sinksOfLabel) != null);
    }
}
