package io.thalweg.app.serve;

import io.thalweg.config.ThalwegConfig;
import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.StopException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An address as {@code host:port}.
 *
 * @param host a name or a number; an IPv6 address has no brackets here
 * @param port from 0 to 65,535; 0 stands for any free port
 */
record ListenAddress(String host, int port) {
    private static final Pattern ADDRESS = Pattern.compile("(?:\\[([0-9a-fA-F:.]+)]|([^:\\[\\]/\\s]+)):(\\d{1,5})");
    private static final int HIGHEST_PORT = 65_535;

    /**
     * Parses the value of a setting.
     *
     * @throws StopException if it is not an address
     */
    static ListenAddress parse(String setting, String text) {
        Matcher parts = ADDRESS.matcher(text.strip());
        if (parts.matches()) {
            int port = Integer.parseInt(parts.group(3));
            if (port <= HIGHEST_PORT) {
                return new ListenAddress(parts.group(1) == null ? parts.group(2) : parts.group(1), port);
            }
        }
        throw new StopException(
                ExitCode.BAD_SETTINGS, "%s = %s is not host:port, such as 127.0.0.1:8080".formatted(setting, text));
    }

    /** Returns the address at which the settings let the server listen. */
    static ListenAddress of(ThalwegConfig config) {
        return parse(ThalwegConfig.HTTP_LISTEN, config.getString(ThalwegConfig.HTTP_LISTEN));
    }

    /**
     * Returns whether only this machine can reach the address.
     *
     * @throws StopException if the host is not known
     */
    boolean isLoopback() {
        return resolved().isLoopbackAddress();
    }

    /** Returns whether this stands for all addresses of the machine. */
    boolean isWildcard() {
        return resolved().isAnyLocalAddress();
    }

    private InetAddress resolved() {
        try {
            return InetAddress.getByName(host);
        } catch (UnknownHostException e) {
            throw new StopException(
                    ExitCode.BAD_SETTINGS, "%s: there is no host %s".formatted(ThalwegConfig.HTTP_LISTEN, host));
        }
    }

    @Override
    public String toString() {
        return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
    }
}
