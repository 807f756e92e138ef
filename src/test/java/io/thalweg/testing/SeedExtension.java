package io.thalweg.testing;

import java.util.Random;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/** What {@link Seeded} does. */
final class SeedExtension implements ParameterResolver, AfterEachCallback {
    /** A system property, or a configuration parameter of JUnit. */
    static final String SEED = "thalweg.seed";

    private static final Namespace NAMESPACE = Namespace.create(SeedExtension.class);

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext test) {
        Class<?> type = parameter.getParameter().getType();
        return type == Random.class || type == Seed.class;
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext test) {
        Seed seed = test.getStore(NAMESPACE)
                .computeIfAbsent(
                        SEED,
                        key -> new Seed(test.getConfigurationParameter(SEED, Long::valueOf)
                                .orElseGet(System::nanoTime)),
                        Seed.class);
        return parameter.getParameter().getType() == Random.class ? seed.random() : seed;
    }

    @Override
    public void afterEach(ExtensionContext test) {
        Seed seed = test.getStore(NAMESPACE).get(SEED, Seed.class);
        if (seed != null && test.getExecutionException().isPresent()) {
            System.out.printf(
                    "%s.%s failed; repeat it with -D%s=%d%n",
                    test.getRequiredTestClass().getSimpleName(),
                    test.getRequiredTestMethod().getName(),
                    SEED,
                    seed.value());
        }
    }
}
