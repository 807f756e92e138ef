package io.thalweg.app.serve;

import io.thalweg.runtime.ExitCode;
import io.thalweg.runtime.StopException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The tokens that clients are known by, and what each allows. */
final class AccessTokens {
    private static final int SHORTEST = 16;

    private final List<Token> tokens;

    /** A token, of which only the hash is kept, so that all have the same length. */
    private record Token(byte[] hash, Access access) {}

    private AccessTokens(List<Token> tokens) {
        this.tokens = tokens;
    }

    /**
     * Reads the file of tokens.
     *
     * @throws StopException with one readable line if it cannot be used
     */
    static AccessTokens read(Path file) {
        List<String> lines;
        try {
            lines = Files.readAllLines(file, StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw wrong("cannot read the tokens in %s (%s: %s)"
                    .formatted(file, e.getClass().getSimpleName(), e.getMessage()));
        }
        List<Token> tokens = new ArrayList<>();
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i).strip();
            if (line.isEmpty() || line.startsWith("#")) {
                continue;
            }
            // the message must not repeat the line, which may be a token
            String[] words = line.split("\\s+");
            if (words.length != 2 || !words[0].matches("read|write")) {
                throw wrong("line %d of %s is not `read` or `write`, a space, and a token".formatted(i + 1, file));
            }
            if (words[1].length() < SHORTEST) {
                throw wrong("the token in line %d of %s has less than %d characters".formatted(i + 1, file, SHORTEST));
            }
            tokens.add(new Token(hash(words[1]), Access.valueOf(words[0].toUpperCase(Locale.ROOT))));
        }
        if (tokens.isEmpty()) {
            throw wrong(file + " has no tokens; add a line such as `read` or `write`, a space, and a token");
        }
        return new AccessTokens(tokens);
    }

    private static StopException wrong(String message) {
        return new StopException(ExitCode.BAD_SETTINGS, "http.tokens.file: " + message);
    }

    /**
     * Returns what a token allows. It takes the same time whether a token is almost right or not at all.
     *
     * @return {@link Access#OPEN} if the token is wrong
     */
    Access of(String token) {
        byte[] hash = hash(token);
        Access access = Access.OPEN;
        for (Token each : tokens) {
            if (MessageDigest.isEqual(each.hash, hash) && each.access.compareTo(access) > 0) {
                access = each.access;
            }
        }
        return access;
    }

    private static byte[] hash(String token) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(token.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
