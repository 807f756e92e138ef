package io.thalweg.app.serve;

/** An exception that ends a request with a status and one line for people. */
public final class HttpRefusal extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final int status;
    private final int retryAfter;

    /** @param message one line that says what is wrong with the request and what to do about it */
    public HttpRefusal(int status, String message) {
        this(status, message, 0);
    }

    private HttpRefusal(int status, String message, int retryAfter) {
        super(message, null, false, false);
        this.status = status;
        this.retryAfter = retryAfter;
    }

    /** Returns a refusal of a request that may succeed a little later. @param seconds when to try again; above 0 */
    public static HttpRefusal unavailable(String message, int seconds) {
        return new HttpRefusal(503, message, seconds);
    }

    /** Returns a refusal of a client that has sent too many requests. @param seconds when to try again; above 0 */
    static HttpRefusal tooMany(String message, int seconds) {
        return new HttpRefusal(429, message, seconds);
    }

    /** Returns a refusal for the same reason, whose message begins with where the reason is. */
    HttpRefusal at(String place) {
        return new HttpRefusal(status, place + ": " + getMessage(), retryAfter);
    }

    /** Returns the status of the answer. */
    public int status() {
        return status;
    }

    /** Returns after how many seconds to try again; 0 if that is of no use. */
    public int retryAfter() {
        return retryAfter;
    }
}
