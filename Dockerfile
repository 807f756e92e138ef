# deploy/docker/pin renews the digests
FROM maven:3.9-eclipse-temurin-17@sha256:a8746f15d5bb26b5b8bacb056cc76211553850f4c71d16aff845cfa004cbc197 AS build
WORKDIR /src
COPY pom.xml LICENSE NOTICE README.md SECURITY.md ./
COPY .mvn .mvn
COPY bin bin
COPY deploy deploy
COPY schemas schemas
COPY src/assembly src/assembly
COPY src/build src/build
COPY src/main src/main
RUN mvn -B -q -Dmaven.test.skip=true package \
    && mkdir /opt/thalweg \
    && tar xzf target/thalweg-*.tar.gz -C /opt/thalweg --strip-components=1

FROM eclipse-temurin:17-jre@sha256:13cc28a6cc72a38ce1f00c906be3580c1a3e604b8984d694f369a96742abc93b
RUN useradd --system --create-home --uid 10001 thalweg
COPY --from=build /opt/thalweg /opt/thalweg
# the first start creates the class archive, because later starts may not write here
RUN /opt/thalweg/bin/thalweg --version
USER thalweg
WORKDIR /home/thalweg
# the heap holds the weights; the rest of the container's memory is for the JVM itself
ENV THALWEG_OPTS="-XX:MaxRAMPercentage=75"
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=6 \
    CMD ["sh", "/opt/thalweg/deploy/docker/healthcheck"]
ENTRYPOINT ["/opt/thalweg/bin/thalweg"]
CMD ["run"]
