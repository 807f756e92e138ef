package io.thalweg.testing;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Gives random numbers to tests, and to methods that run before them: a parameter of type {@link java.util.Random}, or
 * a {@link Seed} where the same numbers are needed more than once.
 *
 * <p>Each test has a seed of its own. A test that fails prints it; {@code -Dthalweg.seed=} gives it back.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(SeedExtension.class)
public @interface Seeded {}
