package io.thalweg.testing;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.security.SecureRandom;
import java.util.random.RandomGenerator;

/**
 * A port on which nothing listens. It is below those that Linux (from 32768) and macOS (from 49152) give to sockets
 * that do not ask for one, so that no other test gets it in the meantime.
 */
public final class FreePort {
    private static final int FIRST = 15_000;
    private static final int END = 32_000;

    // several JVMs may run tests at the same time, so the order must not be the same in each
    private static final RandomGenerator RANDOM = new SecureRandom();

    private FreePort() {}

    public static int find() {
        while (true) {
            int port = RANDOM.nextInt(FIRST, END);
            try (ServerSocket free = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
                return free.getLocalPort();
            } catch (IOException taken) {
                // the next one, then
            }
        }
    }
}
