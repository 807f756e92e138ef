package io.thalweg.testing;

import io.thalweg.app.local.EmbeddedBroker;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.awaitility.Awaitility;

/** A broker behind TLS and SASL, whose authorizer denies everything that no ACL allows. */
public final class SecuredBroker implements AutoCloseable {
    /** The mechanism of users. */
    private static final String SCRAM = "SCRAM-SHA-512";

    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final TestKeys keys;
    private final Path directory;
    private final Map<String, String> settings;
    private final boolean certificates;
    private EmbeddedBroker broker;
    private Admin admin;

    private SecuredBroker(TestKeys keys, Path directory, Map<String, String> settings, boolean certificates) {
        this.keys = keys;
        this.directory = directory;
        this.settings = settings;
        this.certificates = certificates;
        start();
    }

    private void start() {
        broker = EmbeddedBroker.start(directory.resolve("broker"), 0, settings);
        admin = Admin.create(new HashMap<>(certificates ? certificate("server") : superUser()));
    }

    /** Stops the broker, does something, and starts the broker again at the same address. */
    public void whileStopped(Runnable something) {
        close();
        something.run();
        start();
    }

    /** Starts a broker that knows its clients by their certificates, which have keys of these names. */
    public static SecuredBroker startForCertificates(Path directory, String... names) {
        TestKeys keys = keys(directory);
        makeForCertificates(keys, names);
        Map<String, String> settings = settings(keys);
        settings.put("listener.security.protocol.map", "CLIENT:SSL,CONTROLLER:PLAINTEXT");
        settings.put("ssl.client.auth", "required");
        settings.put("ssl.truststore.location", keys.trust("clients").toString());
        settings.put("super.users", "User:CN=server;User:ANONYMOUS");
        return new SecuredBroker(keys, directory, settings, true);
    }

    private static void makeForCertificates(TestKeys keys, String... names) {
        for (String name : names) {
            keys.make(name, "dns:" + name);
        }
        keys.trust(
                "clients", Stream.concat(Stream.of("server"), Stream.of(names)).toArray(String[]::new));
    }

    /**
     * Restarts a broker that knows its clients by their certificates, after it and these clients got other keys. It
     * trusts the old ones no longer, and whoever trusts the old one of the broker does not trust it.
     */
    public void renewCertificates(String... names) {
        whileStopped(() -> {
            makeServer(keys);
            makeForCertificates(keys, names);
        });
    }

    /** The settings of a client that shows its certificate. */
    public Map<String, String> certificate(String name) {
        Map<String, String> settings = tls();
        settings.put("security.protocol", "SSL");
        settings.put("ssl.keystore.location", keys.key(name).toString());
        settings.put("ssl.keystore.password", TestKeys.PASSWORD);
        settings.put("ssl.keystore.type", "PKCS12");
        settings.put("ssl.key.password", TestKeys.PASSWORD);
        return settings;
    }

    /** Starts a broker with SCRAM and PLAIN. */
    public static SecuredBroker start(Path directory) {
        return start(directory, Map.of());
    }

    /** Starts a broker. @param more settings that override those that are chosen here */
    public static SecuredBroker start(Path directory, Map<String, String> more) {
        TestKeys keys = keys(directory);
        Map<String, String> settings = settings(keys);
        settings.putAll(more);
        return new SecuredBroker(keys, directory, settings, false);
    }

    private static TestKeys keys(Path directory) {
        TestKeys keys = new TestKeys(directory.resolve("keys"));
        makeServer(keys);
        return keys;
    }

    private static void makeServer(TestKeys keys) {
        keys.make("server", "ip:127.0.0.1,dns:localhost");
    }

    private static Map<String, String> settings(TestKeys keys) {
        Map<String, String> settings = new HashMap<>();
        settings.put("listener.security.protocol.map", "CLIENT:SASL_SSL,CONTROLLER:PLAINTEXT");
        settings.put("sasl.enabled.mechanisms", "PLAIN," + SCRAM);
        settings.put("sasl.mechanism.inter.broker.protocol", "PLAIN");
        settings.put(
                "listener.name.client.plain.sasl.jaas.config",
                "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"broker\""
                        + " password=\"broker-secret\" user_broker=\"broker-secret\" user_admin=\"admin-secret\""
                        + " user_plain=\"plain-secret\";");
        settings.put(
                "listener.name.client.scram-sha-512.sasl.jaas.config",
                "org.apache.kafka.common.security.scram.ScramLoginModule required;");
        settings.put("ssl.keystore.location", keys.key("server").toString());
        settings.put("ssl.keystore.password", TestKeys.PASSWORD);
        settings.put("ssl.keystore.type", "PKCS12");
        settings.put("ssl.key.password", TestKeys.PASSWORD);
        settings.put("ssl.truststore.location", keys.trust("server").toString());
        settings.put("ssl.truststore.password", TestKeys.PASSWORD);
        settings.put("ssl.truststore.type", "PKCS12");
        settings.put("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer");
        // the broker speaks to its controller without a name, on a listener that no client uses
        settings.put("super.users", "User:broker;User:admin;User:ANONYMOUS");
        // clients log in again this often, so that a changed password is noticed
        settings.put("connections.max.reauth.ms", "2000");
        return settings;
    }

    /** The keys. The broker's is named server. */
    public TestKeys keys() {
        return keys;
    }

    /** A client that may do everything. */
    public Admin admin() {
        return admin;
    }

    /** The settings of TLS. */
    public Map<String, String> tls() {
        Map<String, String> settings = new HashMap<>();
        settings.put("bootstrap.servers", broker.bootstrapServers());
        settings.put("security.protocol", "SASL_SSL");
        settings.put("ssl.truststore.location", keys.trust("server").toString());
        settings.put("ssl.truststore.password", TestKeys.PASSWORD);
        settings.put("ssl.truststore.type", "PKCS12");
        return settings;
    }

    private Map<String, String> plain(String user, String password) {
        Map<String, String> settings = tls();
        settings.put("sasl.mechanism", "PLAIN");
        settings.put(
                "sasl.jaas.config",
                "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"%s\" password=\"%s\";"
                        .formatted(user, password));
        return settings;
    }

    /** The settings of the user who logs in with PLAIN and may do nothing. */
    public Map<String, String> plain() {
        return plain("plain", "plain-secret");
    }

    /** The settings of the user who may do everything. */
    public Map<String, String> superUser() {
        return plain("admin", "admin-secret");
    }

    /** Creates a user who logs in with SCRAM and may do nothing yet. Returns the settings of its clients. */
    public Map<String, String> user(String name) {
        password(name, name + "-secret");
        return scram(name, name + "-secret");
    }

    /** The settings of a user with a password, right or wrong. */
    public Map<String, String> scram(String user, String password) {
        Map<String, String> settings = tls();
        settings.put("sasl.mechanism", SCRAM);
        settings.put(
                "sasl.jaas.config",
                "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"%s\" password=\"%s\";"
                        .formatted(user, password));
        return settings;
    }

    /** Sets the password of a user, and waits until the broker knows it. */
    public void password(String user, String password) {
        try {
            admin.alterUserScramCredentials(List.of(new UserScramCredentialUpsertion(
                            user, new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), password)))
                    .all()
                    .get();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
        Awaitility.await().atMost(PATIENCE).until(() -> {
            try (Admin probe = Admin.create(new HashMap<>(scram(user, password)))) {
                probe.describeCluster().nodes().get();
                return true;
            } catch (java.util.concurrent.ExecutionException e) {
                return false;
            }
        });
    }

    /** An ACL that allows a user an operation. */
    public static AclBinding acl(String user, AclOperation operation, ResourcePattern resource) {
        return new AclBinding(
                resource, new AccessControlEntry("User:" + user, "*", operation, AclPermissionType.ALLOW));
    }

    /** The ACLs that allow a user operations on a topic. */
    public static List<AclBinding> onTopic(String user, String topic, AclOperation... operations) {
        ResourcePattern resource = new ResourcePattern(ResourceType.TOPIC, topic, PatternType.LITERAL);
        return Stream.of(operations)
                .map(operation -> acl(user, operation, resource))
                .toList();
    }

    /** Adds ACLs, and waits until they apply. */
    public void allow(Collection<AclBinding> acls) {
        try {
            admin.createAcls(acls).all().get();
            Awaitility.await().atMost(PATIENCE).until(() -> all().containsAll(acls));
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    /** Removes ACLs, and waits until they do not apply any more. */
    public void revoke(Collection<AclBinding> acls) {
        try {
            admin.deleteAcls(acls.stream().map(AclBinding::toFilter).toList())
                    .all()
                    .get();
            Awaitility.await().atMost(PATIENCE).until(() -> all().stream().noneMatch(acls::contains));
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private Collection<AclBinding> all() throws Exception {
        return admin.describeAcls(AclBindingFilter.ANY).values().get();
    }

    @Override
    public void close() {
        admin.close(Duration.ZERO);
        broker.close();
    }
}
