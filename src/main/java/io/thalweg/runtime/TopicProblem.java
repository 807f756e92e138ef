package io.thalweg.runtime;

/**
 * Something about a topic that is not as it should be.
 *
 * @param missing whether there is no such topic
 * @param fatal whether the learner cannot run like this
 */
public record TopicProblem(String topic, boolean missing, boolean fatal, String text) {}
