package com.example;

import io.thalweg.avro.Example;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.TopologyTestDriver;

/** Runs Thalweg inside a topology of its own. */
public final class Consumer {

    private Consumer() {}

    public static void main(String[] arguments) {
        Topology topology = new Topology()
                .addSource("examples", new ByteArrayDeserializer(), new ByteArrayDeserializer(), "examples");
        try (TopologyTestDriver driver = new TopologyTestDriver(topology)) {
            System.out.println(Example.getClassSchema().getFullName());
        }
    }
}
