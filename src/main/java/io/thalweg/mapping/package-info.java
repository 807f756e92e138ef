/**
 * Mapping the fields of an event: which field is the label, and which features the others become. It is the same for
 * Avro records of a topic and for the rows of a file, which differ only in how they are read. It depends on {@code
 * math} and on nothing else.
 *
 * <p>Names of features are built from bytes, without text objects. A number is the feature {@code field}; a category is
 * {@code field=value} with the value 1; a value that is null or empty is {@code field:missing} with the value 1, which
 * no category can be named.
 */
package io.thalweg.mapping;
