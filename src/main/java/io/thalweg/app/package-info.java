/**
 * The program: commands, and what only commands need, each in a package below this one. It is run from its classes by
 * {@code bin/thalweg}, and is left out of the library's jar.
 *
 * <p>It may use all other packages; none of them may depend on it.
 */
package io.thalweg.app;
