/**
 * Reading examples, and labels that come later, from files. {@link io.thalweg.app.files.ExampleFile} opens CSV, JSON
 * Lines and LIBSVM text, plain or gzipped, and gives the lines as Examples, as they would be sent to the examples
 * topic, or as label records.
 *
 * <p>Columns become features by the same {@code mapping} as the fields of events. A line that cannot be used is a
 * {@link io.thalweg.app.files.ExampleFile.BadLineException}; whether it is skipped is for the command to decide.
 */
package io.thalweg.app.files;
