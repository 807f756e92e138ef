package io.thalweg.runtime;

/**
 * A problem with a topic.
 *
 * @param missing whether the topic does not exist
 * @param fatal whether the learner cannot run with this problem
 * @param text what is wrong and what to do about it
 */
public record TopicProblem(String topic, boolean missing, boolean fatal, String text) {}
