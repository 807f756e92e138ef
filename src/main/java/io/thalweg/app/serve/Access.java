package io.thalweg.app.serve;

import io.javalin.security.RouteRole;

/** What a client must be allowed to do for a request. */
public enum Access implements RouteRole {
    /** Nothing: everyone may send the request. */
    OPEN,
    /** To read models, metrics, and records. */
    READ,
    /** To send examples and labels. */
    WRITE
}
