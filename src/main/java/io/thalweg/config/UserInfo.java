package io.thalweg.config;

import java.util.regex.Pattern;

/** Users and passwords in addresses such as {@code http://user:secret@registry}, which no message may show. */
public final class UserInfo {
    /**
     * Up to the last @ before the path; if there is a colon, also beyond slashes, which a password can contain by
     * mistake. The configuration of the log has the same expression.
     */
    private static final Pattern PATTERN = Pattern.compile("//(?:[^/\\s,]*|[^/\\s,:]*:[^\\s,]*)@");

    private UserInfo() {}

    /** Returns a text with all addresses in it without users and passwords. */
    public static String removedFrom(String text) {
        return PATTERN.matcher(text).replaceAll("//");
    }
}
