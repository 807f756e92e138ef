package io.thalweg.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.concurrent.TimeUnit;

/** Keys with certificates that they have signed themselves, made by keytool, and stores that trust them. */
public final class TestKeys {
    /** The password of all stores and keys. */
    public static final String PASSWORD = "keystore-password";

    private final Path directory;

    /** @param directory where the files go */
    public TestKeys(Path directory) {
        this.directory = directory;
    }

    /** The file of a key. */
    public Path key(String name) {
        return directory.resolve(name + ".p12");
    }

    /** The file of a store that trusts a key, and nothing else. */
    public Path trust(String name) {
        return directory.resolve(name + "-trust.p12");
    }

    /** Makes a key, and a store that trusts it. */
    public void make(String name, String alternativeName) {
        try {
            Files.createDirectories(directory);
            Files.deleteIfExists(key(name));
            Process keytool = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "keytool")
                                    .toString(),
                            "-genkeypair",
                            "-alias",
                            name,
                            "-keyalg",
                            "EC",
                            "-dname",
                            "CN=" + name,
                            "-ext",
                            "san=" + alternativeName,
                            "-validity",
                            "2",
                            "-storetype",
                            "PKCS12",
                            "-keystore",
                            key(name).toString(),
                            "-storepass",
                            PASSWORD)
                    .inheritIO()
                    .start();
            if (!keytool.waitFor(60, TimeUnit.SECONDS) || keytool.exitValue() != 0) {
                throw new IllegalStateException("keytool failed");
            }
            trust(name, name);
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Makes the store of a name trust these keys, and nothing else. */
    public void trust(String name, String... keys) {
        try {
            KeyStore trust = KeyStore.getInstance("PKCS12");
            trust.load(null, null);
            for (String key : keys) {
                trust.setCertificateEntry(key, load(key(key)).getCertificate(key));
            }
            try (OutputStream out = Files.newOutputStream(trust(name))) {
                trust.store(out, PASSWORD.toCharArray());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Loads a store. */
    public static KeyStore load(Path file) throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(file)) {
            store.load(in, PASSWORD.toCharArray());
        }
        return store;
    }
}
