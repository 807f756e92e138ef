package io.thalweg.input;

import io.thalweg.mapping.CategorySample;
import io.thalweg.math.Example;
import io.thalweg.math.Rejection;
import io.thalweg.math.Rejection.Reason;
import java.util.Map;
import org.apache.kafka.common.header.Headers;
import org.jspecify.annotations.Nullable;

/**
 * A decoder of JSON that first looks up the schema which a value names, in a header or in its frame. Values that name
 * none are decoded without it. Not thread-safe.
 */
final class JsonSchemaLookup implements ValueDecoder {
    private final ValueDecoder json;
    private final SchemaSource schemas;
    private final SchemaLocator locator;
    /** The last schema that was found, as most values have the same one; null if there was none. */
    private @Nullable SchemaKey found;

    /** @param areLabels whether values are those of the labels topic */
    JsonSchemaLookup(ValueDecoder json, SchemaSource schemas, boolean areLabels) {
        this.json = json;
        this.schemas = schemas;
        locator = SchemaLocator.ofValues(areLabels);
    }

    @Override
    public void decode(byte[] value, Headers headers, Example x) throws Rejection {
        lookUp(value, headers);
        json.decode(value, headers, x);
    }

    @Override
    public boolean isPassedOver(byte[] value, Headers headers) throws Rejection {
        lookUp(value, headers);
        return json.isPassedOver(value, headers);
    }

    private void lookUp(byte[] value, Headers headers) throws Rejection {
        if (!SchemaLocator.isNamed(value, headers)) {
            return;
        }
        locator.locate(value, headers);
        if (found != null && locator.isAt(found)) {
            return;
        }
        SchemaKey key = locator.key();
        try {
            key.checkJsonIn(schemas);
        } catch (UnknownSchemaException e) {
            throw new Rejection(Reason.UNKNOWN_SCHEMA, ExampleDecoder.brief(e.getMessage()));
        }
        found = key;
    }

    @Override
    public boolean canPassOver() {
        return json.canPassOver();
    }

    @Override
    public byte[] model() {
        return json.model();
    }

    @Override
    public int modelLength() {
        return json.modelLength();
    }

    @Override
    public Map<String, CategorySample> categories() {
        return json.categories();
    }
}
