package io.thalweg.math;

/** The models that a learner learns, by id. */
public interface Models {
    /** The model with this id, or null. */
    Model get(String id);

    /** Adds a model that has just taken its first step. */
    void add(Model model);

    /** How many there are. */
    int size();
}
