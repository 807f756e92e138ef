package io.thalweg.app.files;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/** The kinds of files that are often taken for text in UTF-8 and are something else, known by their first bytes. */
enum FileSignature {
    UTF_32("text in UTF-32", "convert it with iconv -f UTF-32 -t UTF-8", "fffe0000", "0000feff"),
    UTF_16("text in UTF-16", "convert it with iconv -f UTF-16 -t UTF-8", "fffe", "feff"),
    GZIP("a file compressed with gzip twice", Advice.UNPACK, "1f8b"),
    // a workbook is a zip archive, and usually this is its first entry
    WORKBOOK("an Excel workbook", Advice.SAVE, "504b0304"),
    OLD_WORKBOOK("an Excel workbook", Advice.SAVE, "d0cf11e0a1b11ae1"),
    ZIP("a zip archive", Advice.UNPACK, "504b0304", "504b0506"),
    BZIP2("a file compressed with bzip2", Advice.UNPACK, "425a68"),
    XZ("a file compressed with xz", Advice.UNPACK, "fd377a585a00"),
    ZSTD("a file compressed with Zstandard", Advice.UNPACK, "28b52ffd"),
    LZ4("a file compressed with lz4", Advice.UNPACK, "04224d18"),
    SNAPPY("a file compressed with Snappy", Advice.UNPACK, "ff060000734e61507059"),
    ZLIB("data compressed with zlib", Advice.UNPACK, "789c", "78da"),
    COMPRESS("a file compressed with compress", Advice.UNPACK, "1f9d"),
    SEVEN_ZIP("a 7z archive", Advice.UNPACK, "377abcaf271c"),
    RAR("a RAR archive", Advice.UNPACK, "526172211a07"),
    PARQUET("a Parquet file", Advice.EXPORT, "50415231", "50415245"),
    ORC("an ORC file", Advice.EXPORT, "4f5243"),
    AVRO("an Avro file", Advice.EXPORT, "4f626a01"),
    ARROW("an Arrow file", Advice.EXPORT, "4152524f5731", "46454131"),
    HDF5("an HDF5 file", Advice.EXPORT, "894844460d0a1a0a"),
    NUMPY("a NumPy file", Advice.EXPORT, "934e554d5059"),
    PICKLE("a Python pickle", Advice.EXPORT, "8002", "8003", "8004", "8005"),
    SQLITE("an SQLite database", Advice.EXPORT, "53514c69746520666f726d6174203300"),
    PDF("a PDF document", Advice.EXPORT, "255044462d"),
    // what a download gives when it fails
    HTML("an HTML page", Advice.DOWNLOAD, "3c21646f6374797065", "3c68746d6c"),
    XML("an XML document", Advice.EXPORT, "3c3f786d6c");

    /** How many bytes at the beginning of a file are looked at. */
    static final int LENGTH = 512;

    private static final class Advice {
        private static final String UNPACK = "unpack it first";
        private static final String SAVE = "save the sheet as CSV in UTF-8";
        private static final String EXPORT = "export it as CSV or JSON Lines";
        private static final String DOWNLOAD = "look at it; a download may have failed";
    }

    private static final int TAR_MAGIC = 257;

    private final String words;
    private final String advice;
    private final byte[][] beginnings;

    FileSignature(String words, String advice, String... beginnings) {
        this.words = words;
        this.advice = advice;
        this.beginnings = Stream.of(beginnings).map(HexFormat.of()::parseHex).toArray(byte[][]::new);
    }

    /**
     * Says what a file is if it is not text in UTF-8.
     *
     * @param head the first bytes of the file, at most {@value #LENGTH}
     * @return what it looks like and what to do about it; empty if it looks like text
     */
    static Optional<String> complaint(byte[] head) {
        for (FileSignature signature : values()) {
            if (signature.isThatOf(head)) {
                return Optional.of("looks like %s; %s".formatted(signature.words, signature.advice));
            }
        }
        if (contains(head, TAR_MAGIC, "ustar")) {
            return Optional.of("looks like a tar archive; " + Advice.UNPACK);
        }
        int zeros = zeros(head, 0) + zeros(head, 1);
        if (zeros == 0) {
            return Optional.empty();
        }
        Optional<String> wide = utf32(head);
        if (wide.isPresent()) {
            return wide.map(
                    encoding -> "looks like text in %1$s; convert it with iconv -f %1$s -t UTF-8".formatted(encoding));
        }
        // letters of most European languages have a zero byte in UTF-16, always in the same place
        boolean alternate = zeros * 3 > head.length && (zeros(head, 0) == 0 || zeros(head, 1) == 0);
        String encoding = zeros(head, 0) == 0 ? "UTF-16LE" : "UTF-16BE";
        return Optional.of(
                alternate
                        ? "looks like text in %1$s; convert it with iconv -f %1$s -t UTF-8".formatted(encoding)
                        : "is not text: it has zero bytes");
    }

    private boolean isThatOf(byte[] head) {
        if (Stream.of(beginnings).noneMatch(beginning -> begins(head, beginning))) {
            return false;
        }
        return switch (this) {
            case WORKBOOK ->
                contains(head, "[Content_Types].xml") || contains(head, "xl/") || contains(head, "docProps/");
            // the header of a table can begin with these letters
            case ZIP, BZIP2, PARQUET, ORC, ARROW -> hasControls(head);
            default -> true;
        };
    }

    /** Whether a file begins with some bytes; letters may be in either case. */
    private static boolean begins(byte[] head, byte[] beginning) {
        return head.length >= beginning.length
                && text(head, 0, beginning.length).equals(text(beginning, 0, beginning.length));
    }

    private static String text(byte[] bytes, int from, int length) {
        String text = new String(bytes, from, length, StandardCharsets.ISO_8859_1);
        return bytes[from] == '<' ? text.toLowerCase(Locale.ROOT) : text;
    }

    private static boolean contains(byte[] head, String word) {
        return text(head, 0, head.length).contains(word);
    }

    private static boolean contains(byte[] head, int at, String word) {
        return head.length >= at + word.length()
                && text(head, at, word.length()).equals(word);
    }

    /** How many bytes are zero, in even places or in odd ones. */
    private static int zeros(byte[] head, int first) {
        int zeros = 0;
        for (int i = first; i < head.length; i += 2) {
            zeros += head[i] == 0 ? 1 : 0;
        }
        return zeros;
    }

    /** The encoding of text without a mark of its own, of which each character has four bytes. */
    private static Optional<String> utf32(byte[] head) {
        boolean little = head.length >= 8;
        boolean big = little;
        for (int i = 0; i + 3 < head.length; i += 4) {
            boolean middle = head[i + 2] == 0 && head[i + 3] == 0;
            little &= head[i] != 0 && middle;
            big &= head[i] == 0 && head[i + 1] == 0 && head[i + 3] != 0;
        }
        return little ? Optional.of("UTF-32LE") : big ? Optional.of("UTF-32BE") : Optional.empty();
    }

    private static boolean hasControls(byte[] head) {
        for (byte b : head) {
            if (b >= 0 && b < ' ' && b != '\t' && b != '\n' && b != '\r') {
                return true;
            }
        }
        return false;
    }
}
