FROM maven:3.9-eclipse-temurin-17 AS build
WORKDIR /src
COPY pom.xml ./
COPY schemas schemas
COPY src/main src/main
RUN mvn -B -q -Dmaven.test.skip=true package \
    && mvn -B -q dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=target/lib

FROM eclipse-temurin:17-jre
RUN useradd --system --create-home --uid 10001 thalweg
COPY LICENSE /opt/thalweg/
COPY bin/thalweg /opt/thalweg/bin/
COPY --from=build /src/target/lib /opt/thalweg/lib
COPY --from=build /src/target/classes /opt/thalweg/classes
USER thalweg
WORKDIR /home/thalweg
# the heap holds the weights; the rest of the container's memory is for the JVM itself
ENV THALWEG_OPTS="-XX:MaxRAMPercentage=75"
STOPSIGNAL SIGTERM
ENTRYPOINT ["/opt/thalweg/bin/thalweg"]
CMD ["run"]
