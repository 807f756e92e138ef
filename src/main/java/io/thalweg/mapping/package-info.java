/**
 * What becomes of the fields of an event: which is the label, and which features the others are. The same for Avro
 * records of a topic and for the rows of a file, which only differ in how they are read.
 *
 * <p>Names of features are made from bytes to bytes. A number is the feature {@code field}; a category
 * {@code field=value} with the value 1; what is null or empty {@code field:missing} with the value 1, which no category
 * can be called.
 */
package io.thalweg.mapping;
