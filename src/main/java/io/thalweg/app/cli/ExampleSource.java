package io.thalweg.app.cli;

import io.thalweg.config.ThalwegConfig;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** Where examples come from: the examples topic or, in subclasses, files. */
class ExampleSource {
    @Option(
            names = {"-t", "--topic"},
            arity = "0..1",
            fallbackValue = "",
            paramLabel = "NAME",
            description = "The examples topic, up to its current end. Default: the one in the settings.")
    private String topic;

    /** Whether they come from the topic. */
    final boolean isTopic() {
        return topic != null;
    }

    /** Adds the name of the topic, if it was given, to the settings, so that messages repeat it, too. */
    final void addTo(SettingsOptions settings) {
        if (topic != null && !topic.isEmpty()) {
            settings.add(ThalwegConfig.EXAMPLES_TOPIC, topic);
        }
    }

    /**
     * Refuses options that would have no effect, because they were meant to have one.
     *
     * @param files the name of files in the command
     * @param ofTopic the mixin with the options of the topic
     * @param ofFiles the mixins with the options of files
     */
    final void refuseOptionsOfTheOther(CommandSpec spec, String files, String ofTopic, List<String> ofFiles) {
        List<String> others = new ArrayList<>();
        for (String mixin : isTopic() ? ofFiles : List.of(ofTopic)) {
            spec.mixins().get(mixin).options().forEach(option -> others.add(option.longestName()));
        }
        for (String other : others) {
            if (spec.commandLine().getParseResult().hasMatchedOption(other)) {
                throw new ParameterException(
                        spec.commandLine(), other + " can only be used with " + (isTopic() ? files : "--topic"));
            }
        }
    }
}
