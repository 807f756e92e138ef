package io.thalweg.app.serve;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** A proxy that can stop to pass on what the server sends, with all connections open. */
final class HaltingProxy implements AutoCloseable {
    private final ServerSocket listening;
    private final int target;
    private final List<Socket> sockets = new CopyOnWriteArrayList<>();
    private boolean halted;

    private HaltingProxy(ServerSocket listening, int target) {
        this.listening = listening;
        this.target = target;
        start(this::accept);
    }

    /** Starts a proxy. @param target the port of the server, on this machine */
    static HaltingProxy to(int target) throws IOException {
        return new HaltingProxy(new ServerSocket(0, 0, InetAddress.getLoopbackAddress()), target);
    }

    int port() {
        return listening.getLocalPort();
    }

    synchronized void halt() {
        halted = true;
    }

    synchronized void goOn() {
        halted = false;
        notifyAll();
    }

    private void accept() {
        while (!listening.isClosed()) {
            try {
                Socket client = listening.accept();
                Socket server = new Socket(InetAddress.getLoopbackAddress(), target);
                sockets.addAll(List.of(client, server));
                start(() -> passOn(client, server, false));
                start(() -> passOn(server, client, true));
            } catch (IOException e) {
                // closed
            }
        }
    }

    private void passOn(Socket from, Socket to, boolean canHalt) {
        byte[] some = new byte[8192];
        try (from;
                to) {
            for (int read = from.getInputStream().read(some);
                    read >= 0;
                    read = from.getInputStream().read(some)) {
                if (canHalt) {
                    awaitGoing();
                }
                to.getOutputStream().write(some, 0, read);
            }
        } catch (IOException e) {
            // one of the two sides has closed the connection
        }
    }

    private synchronized void awaitGoing() {
        while (halted) {
            try {
                wait();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    private static void start(Runnable work) {
        Thread thread = new Thread(work, "halting-proxy");
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void close() {
        goOn();
        try {
            listening.close();
            for (Socket socket : sockets) {
                socket.close();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
