package io.thalweg.input;

import java.util.List;
import java.util.Map;

/**
 * What some JSON values are used as by a mapping.
 *
 * @param lines what each of their fields is used as, one line for each kind
 * @param missing the fields that settings name and that none of the values has, each with its setting. Other values
 *     may have them.
 */
public record JsonSummary(List<String> lines, Map<String, String> missing) {}
