package io.thalweg.app.benchmark;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * A server that does nothing but answer each request with the same bytes. It shows what requests cost before anything
 * is done about them.
 */
final class BareServer implements AutoCloseable {
    private final ServerSocket listening;
    private final byte[] answer;
    private final List<Socket> connections = new CopyOnWriteArrayList<>();
    private final Thread thread = new Thread(this::accept, "bare-server");

    /** Starts a server. @param bodyBytes how many bytes an answer has after its headers */
    BareServer(int bodyBytes) {
        answer = ("HTTP/1.1 200 OK\r\nContent-Length: " + bodyBytes + "\r\n\r\n" + " ".repeat(bodyBytes))
                .getBytes(StandardCharsets.US_ASCII);
        try {
            listening = new ServerSocket(0, 0, InetAddress.getLoopbackAddress());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        thread.start();
    }

    int port() {
        return listening.getLocalPort();
    }

    private void accept() {
        while (true) {
            try {
                Socket connection = listening.accept();
                connections.add(connection);
                new Thread(() -> answer(connection), "bare-connection").start();
            } catch (IOException e) {
                // closed
                return;
            }
        }
    }

    private void answer(Socket connection) {
        try (connection) {
            connection.setTcpNoDelay(true);
            InputStream in = new BufferedInputStream(connection.getInputStream());
            OutputStream out = connection.getOutputStream();
            while (true) {
                HttpMessages.read(in);
                out.write(answer);
            }
        } catch (IOException e) {
            // the client has ended the connection
        }
    }

    @Override
    public void close() {
        try {
            listening.close();
            HttpVisit.join(List.of(thread));
            for (Socket connection : connections) {
                connection.close();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
