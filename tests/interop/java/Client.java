import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionReplica;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Runs commands against a broker by kafka-clients, one a line of standard input,
 * and prints what each gave, then a line with a dot. ../python/client.py knows the
 * same commands, but for those of folders, and prints the same. A call that fails prints {@code error CODE}
 * with Kafka's number.
 */
public final class Client {
    private static final Duration TIMEOUT = Duration.ofSeconds(30);
    private static final long BASE_MS = 1_700_000_000_000L;

    private final String servers;
    private final Admin admin;

    private Client(String servers) {
        this.servers = servers;
        // Long enough for any answer; only a partition that is not there is waited for in vain.
        this.admin = Admin.create(settings("default.api.timeout.ms", 6000, "request.timeout.ms", 5000));
    }

    /** {@code java Client BOOTSTRAP}. */
    public static void main(String[] arguments) throws Exception {
        Client client = new Client(arguments[0]);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split(" ");
            try {
                client.run(words[0], Arrays.copyOfRange(words, 1, words.length));
            } catch (Exception failed) {
                Throwable cause = failed instanceof ExecutionException ? failed.getCause() : failed;
                Errors error = cause instanceof OffsetOutOfRangeException
                        ? Errors.OFFSET_OUT_OF_RANGE : Errors.forException(cause);
                System.out.println("error " + error.code());
                System.err.println(line + ": " + cause);
            }
            System.out.println(".");
            System.out.flush();
        }
        client.admin.close();
    }

    private void run(String command, String[] words) throws Exception {
        switch (command) {
            case "write" -> write(words[0], words[1], Integer.parseInt(words[2]));
            case "read" -> read(words);
            case "ends" -> ends(words[0]);
            case "sizes" -> sizes(words[0]);
            case "folder" -> folder(partition(words));
            case "time" -> time(partition(words), Long.parseLong(words[2]));
            case "send" -> send(partition(words), words[2], Integer.parseInt(words[3]));
            case "create" -> create(words);
            case "delete" -> done(admin.deleteTopics(List.of(words[0])).all());
            case "grow" -> done(admin.createPartitions(
                    Map.of(words[0], NewPartitions.increaseTo(Integer.parseInt(words[1])))).all());
            case "trim" -> trim(partition(words), Long.parseLong(words[2]));
            case "topics" -> admin.listTopics(
                    new org.apache.kafka.clients.admin.ListTopicsOptions().listInternal(true))
                    .names().get().stream().sorted().forEach(System.out::println);
            case "describe" -> describe(words[0]);
            case "configs" -> configs(words);
            case "alter" -> alter(words);
            // Kafka answers before all of it knows of a change.
            case "wait" -> Thread.sleep(Long.parseLong(words[0]));
            case "cluster" -> cluster();
            default -> throw new IllegalArgumentException(command);
        }
    }

    private Properties settings(Object... more) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", servers);
        for (int at = 0; at < more.length; at += 2) {
            properties.put((String) more[at], more[at + 1]);
        }
        return properties;
    }

    private KafkaConsumer<String, String> consumer() {
        Properties properties = settings("auto.offset.reset", "none", "enable.auto.commit", false,
                "default.api.timeout.ms", 30_000);
        return new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer());
    }

    private List<TopicPartition> partitionsOf(String topic) throws Exception {
        TopicDescription found = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic);
        return found.partitions().stream().map(p -> new TopicPartition(topic, p.partition())).toList();
    }

    private static TopicPartition partition(String[] words) {
        return new TopicPartition(words[0], Integer.parseInt(words[1]));
    }

    private static void done(Future<?> future) throws Exception {
        future.get();
        System.out.println("ok");
    }

    /** Records 0 to count - 1, in turn to the partitions: their offsets. */
    private void write(String topic, String codec, int count) throws Exception {
        int partitions = partitionsOf(topic).size();
        Properties properties = settings("compression.type", codec, "linger.ms", 5);
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        try (var producer = new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer())) {
            for (int n = 0; n < count; n++) {
                var record = new ProducerRecord<>(topic, n % partitions, BASE_MS + n * 1000L,
                        "key-" + n, "value-" + n + "-" + "x".repeat(n % 50));
                record.headers().add("number", Integer.toString(n).getBytes(StandardCharsets.UTF_8));
                sent.add(producer.send(record));
            }
            producer.flush();
        }
        for (Future<RecordMetadata> one : sent) {
            System.out.println(one.get().partition() + " " + one.get().offset());
        }
    }

    /** All records, or those of one partition from an offset on, which may be of an epoch. */
    private void read(String[] words) throws Exception {
        boolean isWhole = words.length == 1;
        List<TopicPartition> partitions = isWhole ? partitionsOf(words[0]) : List.of(partition(words));
        List<ConsumerRecord<String, String>> found = new ArrayList<>();
        try (KafkaConsumer<String, String> reader = consumer()) {
            reader.assign(partitions);
            if (isWhole) {
                reader.seekToBeginning(partitions);
            } else if (words.length == 3) {
                reader.seek(partitions.get(0), Long.parseLong(words[2]));
            } else {
                // The client asks where this epoch ends before it reads.
                Optional<Integer> epoch = Optional.of(Integer.parseInt(words[3]));
                reader.seek(partitions.get(0), new OffsetAndMetadata(Long.parseLong(words[2]), epoch, ""));
            }
            Map<TopicPartition, Long> ends = reader.endOffsets(partitions);
            long quietSince = System.nanoTime();
            while (!isThrough(reader, ends)) {
                var polled = reader.poll(Duration.ofMillis(200));
                polled.forEach(found::add);
                if (!polled.isEmpty()) {
                    quietSince = System.nanoTime();
                } else if (System.nanoTime() - quietSince > TIMEOUT.toNanos()) {
                    throw new IllegalStateException("nothing came of " + words[0]);
                }
            }
            if (!isWhole && found.isEmpty()) {
                // A position at the end is right, one past it is an error that a poll tells of.
                reader.poll(Duration.ofSeconds(2)).forEach(found::add);
            }
        }
        found.sort(Comparator.<ConsumerRecord<String, String>>comparingInt(ConsumerRecord::partition)
                .thenComparingLong(ConsumerRecord::offset));
        found.forEach(record -> System.out.println(lineOf(record)));
    }

    private static boolean isThrough(KafkaConsumer<?, ?> reader, Map<TopicPartition, Long> ends) {
        return ends.entrySet().stream().allMatch(end -> reader.position(end.getKey()) >= end.getValue());
    }

    private static String lineOf(ConsumerRecord<String, String> record) {
        String headers = StreamSupport.stream(record.headers().spliterator(), false)
                .map(header -> header.key() + "=" + new String(header.value(), StandardCharsets.UTF_8))
                .collect(Collectors.joining(","));
        return String.join("\t", Integer.toString(record.partition()), Long.toString(record.offset()),
                Long.toString(record.timestamp()), Optional.ofNullable(record.key()).orElse(""),
                Optional.ofNullable(record.value()).orElse("NULL"), headers);
    }

    private void ends(String topic) throws Exception {
        List<TopicPartition> partitions = partitionsOf(topic);
        try (KafkaConsumer<String, String> reader = consumer()) {
            Map<TopicPartition, Long> first = reader.beginningOffsets(partitions);
            Map<TopicPartition, Long> next = reader.endOffsets(partitions);
            for (TopicPartition p : partitions) {
                System.out.println(p.partition() + " " + first.get(p) + " " + next.get(p));
            }
        }
    }

    /** The folders, and in them the size and lag of each partition of a topic. */
    private void sizes(String topic) throws Exception {
        List<Integer> brokers = admin.describeCluster().nodes().get().stream().map(node -> node.id()).toList();
        for (var folders : admin.describeLogDirs(brokers).allDescriptions().get().values()) {
            for (var folder : folders.values()) {
                boolean isKnown = folder.totalBytes().orElse(0) > 0
                        && folder.usableBytes().orElse(-1) >= 0
                        && folder.usableBytes().getAsLong() <= folder.totalBytes().getAsLong();
                System.out.println("folder " + (folder.error() == null) + " " + isKnown);
                folder.replicaInfos().entrySet().stream()
                        .filter(replica -> replica.getKey().topic().equals(topic))
                        .sorted(Comparator.comparingInt(replica -> replica.getKey().partition()))
                        .forEach(replica -> System.out.println(replica.getKey().partition() + " "
                                + replica.getValue().size() + " " + replica.getValue().offsetLag() + " "
                                + replica.getValue().isFuture()));
            }
        }
    }

    /** Whether a partition is in a folder. */
    private void folder(TopicPartition of) throws Exception {
        int broker = admin.describeCluster().controller().get().id();
        var replica = new TopicPartitionReplica(of.topic(), of.partition(), broker);
        var found = admin.describeReplicaLogDirs(List.of(replica)).all().get().get(replica);
        System.out.println((found.getCurrentReplicaLogDir() != null) + " " + found.getCurrentReplicaOffsetLag());
    }

    /** The first offset at or after a time; -1 if there is none. */
    private void time(TopicPartition partition, long ms) {
        try (KafkaConsumer<String, String> reader = consumer()) {
            OffsetAndTimestamp found = reader.offsetsForTimes(Map.of(partition, ms)).get(partition);
            System.out.println(found == null ? -1 : found.offset());
        }
    }

    /** One record: the offset that it got. */
    private void send(TopicPartition to, String key, int size) throws Exception {
        Properties properties = settings("max.request.size", 100_000_000, "buffer.memory", 200_000_000L,
                "max.block.ms", 3_000L, "enable.idempotence", false);
        try (var producer = new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer())) {
            var record = new ProducerRecord<>(to.topic(), to.partition(), BASE_MS,
                    key.equals("-") ? null : key, "v".repeat(size));
            System.out.println(producer.send(record).get().offset());
        }
    }

    private void create(String[] words) throws Exception {
        NewTopic topic = new NewTopic(words[0], Integer.parseInt(words[1]), (short) 1);
        Map<String, String> configs = new HashMap<>();
        for (int at = 2; at < words.length; at++) {
            String[] parts = words[at].split("=", 2);
            configs.put(parts[0], parts[1]);
        }
        done(admin.createTopics(List.of(topic.configs(configs))).all());
    }

    private void trim(TopicPartition of, long before) throws Exception {
        var trimmed = admin.deleteRecords(Map.of(of, RecordsToDelete.beforeOffset(before)));
        System.out.println(trimmed.lowWatermarks().get(of).get().lowWatermark());
    }

    private void describe(String topic) throws Exception {
        TopicDescription found = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic);
        System.out.println(found.name() + " " + (found.isInternal() ? "internal" : "open"));
        found.partitions().forEach(p -> System.out.println(p.partition() + " "
                + (p.leader() == null ? "none" : "leader") + " " + p.replicas().size() + " " + p.isr().size()));
    }

    private void configs(String[] words) throws Exception {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, words[0]);
        Config found = admin.describeConfigs(List.of(resource)).all().get().get(resource);
        for (String name : Arrays.copyOfRange(words, 1, words.length)) {
            ConfigEntry entry = found.get(name);
            System.out.println(name + " " + entry.value() + " " + (entry.isDefault() ? "default" : "set"));
        }
    }

    /** {@code name=value} sets, {@code name} alone unsets. */
    private void alter(String[] words) throws Exception {
        Collection<AlterConfigOp> changes = new ArrayList<>();
        for (String word : Arrays.copyOfRange(words, 1, words.length)) {
            String[] parts = word.split("=", 2);
            boolean isSet = parts.length == 2;
            changes.add(new AlterConfigOp(new ConfigEntry(parts[0], isSet ? parts[1] : null),
                    isSet ? AlterConfigOp.OpType.SET : AlterConfigOp.OpType.DELETE));
        }
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, words[0]);
        done(admin.incrementalAlterConfigs(Map.of(resource, changes)).all());
    }

    private void cluster() throws Exception {
        var found = admin.describeCluster();
        boolean hasController = found.nodes().get().contains(found.controller().get());
        System.out.println(found.nodes().get().size() + " " + (hasController ? "controller" : "none") + " "
                + (found.clusterId().get().isEmpty() ? "none" : "id"));
    }
}
