"""Runs commands against a broker by confluent-kafka, one a line of standard
input, and prints what each gave, then a line with a dot. ../java/Client.java
knows the same commands, and some more, and prints the same. A call that fails prints
`error CODE` with Kafka's number.

    python client.py BOOTSTRAP
"""

import sys
from time import sleep

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourceType,
)

TIMEOUT = 30
BASE_MS = 1_700_000_000_000
SERVERS = {"bootstrap.servers": sys.argv[1]}
# What librdkafka says by itself, in the words of the protocol.
LOCAL = {
    KafkaError._UNKNOWN_TOPIC: 3,
    KafkaError._UNKNOWN_PARTITION: 3,
    KafkaError._AUTO_OFFSET_RESET: 1,
}

admin = AdminClient(SERVERS)


def consumer(**more):
    settings = {"group.id": "none", "enable.auto.commit": False, "enable.partition.eof": True}
    return Consumer({**SERVERS, **settings, "auto.offset.reset": "error", **more})


def partitions_of(topic):
    found = admin.list_topics(topic, timeout=TIMEOUT).topics[topic]
    if found.error is not None:
        raise KafkaException(found.error)
    return sorted(found.partitions)


def settings_of(words):
    return dict(word.split("=", 1) for word in words)


def write(topic, codec, count):
    """Records 0 to count - 1, in turn to the partitions: their offsets."""
    partitions = len(partitions_of(topic))
    settings = {"compression.type": codec, "linger.ms": 5, "batch.num.messages": 100}
    producer = Producer({**SERVERS, "enable.idempotence": True, "acks": "all", **settings})
    offsets = [None] * int(count)

    def told(number):
        def tell(error, message):
            if error is not None:
                raise KafkaException(error)
            offsets[number] = message.offset()

        return tell

    for number in range(int(count)):
        producer.produce(
            topic,
            partition=number % partitions,
            key=f"key-{number}",
            value=f"value-{number}-" + "x" * (number % 50),
            timestamp=BASE_MS + number * 1000,
            headers={"number": str(number)},
            on_delivery=told(number),
        )
        producer.poll(0)
    producer.flush(TIMEOUT)
    for number, offset in enumerate(offsets):
        print(number % partitions, offset)


def read(topic, partition=None, offset=None, epoch=None):
    """All records, or those of one partition from an offset on, which may be of
    an epoch: the client asks where that ends before it reads."""
    if partition is None:
        from_where = [TopicPartition(topic, p, OFFSET_BEGINNING) for p in partitions_of(topic)]
    elif epoch is None:
        from_where = [TopicPartition(topic, int(partition), int(offset))]
    else:
        from_where = [TopicPartition(topic, int(partition), int(offset), leader_epoch=int(epoch))]
    reader = consumer()
    reader.assign(from_where)
    left = len(from_where)
    lines = []
    while left:
        message = reader.poll(TIMEOUT)
        if message is None:
            raise TimeoutError(f"nothing came of {topic}")
        if message.error() is None:
            lines.append(line_of(message))
        elif message.error().code() == KafkaError._PARTITION_EOF:
            left -= 1
        else:
            reader.close()
            raise KafkaException(message.error())
    reader.close()
    for _, _, line in sorted(lines):
        print(line)


def line_of(message):
    headers = ",".join(f"{name}={value.decode()}" for name, value in message.headers() or [])
    words = [
        message.partition(),
        message.offset(),
        message.timestamp()[1],
        (message.key() or b"").decode(),
        "NULL" if message.value() is None else message.value().decode(),
        headers,
    ]
    return message.partition(), message.offset(), "\t".join(map(str, words))


def ends(topic):
    reader = consumer()
    for partition in partitions_of(topic):
        first, next_ = reader.get_watermark_offsets(TopicPartition(topic, partition), timeout=TIMEOUT)
        print(partition, first, next_)
    reader.close()


def time(topic, partition, ms):
    """The first offset at or after a time; -1 if there is none."""
    reader = consumer()
    asked = TopicPartition(topic, int(partition), int(ms))
    [found] = reader.offsets_for_times([asked], timeout=TIMEOUT)
    [end] = [reader.get_watermark_offsets(TopicPartition(topic, int(partition)), timeout=TIMEOUT)[1]]
    reader.close()
    if found.error is not None:
        raise KafkaException(found.error)
    # The client gives the end of the partition where nothing is that late.
    print(-1 if found.offset in (-1, end) else found.offset)


def send(topic, partition, key, size):
    """One record: the offset that it got."""
    settings = {"message.max.bytes": 100_000_000, "topic.metadata.propagation.max.ms": 1000}
    producer = Producer({**SERVERS, "acks": "all", "linger.ms": 0, **settings})
    outcome = []
    producer.produce(
        topic,
        partition=int(partition),
        key=None if key == "-" else key,
        value="v" * int(size),
        timestamp=BASE_MS,
        on_delivery=lambda error, message: outcome.append((error, message)),
    )
    producer.flush(TIMEOUT)
    [(error, message)] = outcome
    if error is not None:
        raise KafkaException(error)
    print(message.offset())


def one(futures):
    [future] = futures.values()
    return future.result(TIMEOUT)


def create(topic, partitions, *settings):
    new = NewTopic(topic, int(partitions), replication_factor=1, config=settings_of(settings))
    one(admin.create_topics([new], request_timeout=TIMEOUT))
    print("ok")


def delete(topic):
    one(admin.delete_topics([topic], request_timeout=TIMEOUT))
    print("ok")


def grow(topic, total):
    one(admin.create_partitions([NewPartitions(topic, int(total))], request_timeout=TIMEOUT))
    print("ok")


def trim(topic, partition, offset):
    done = one(admin.delete_records([TopicPartition(topic, int(partition), int(offset))]))
    print(done.low_watermark)


def topics():
    for name in sorted(admin.list_topics(timeout=TIMEOUT).topics):
        print(name)


def describe(topic):
    from confluent_kafka import TopicCollection

    found = one(admin.describe_topics(TopicCollection([topic]), request_timeout=TIMEOUT))
    print(found.name, "internal" if found.is_internal else "open")
    for partition in found.partitions:
        print(partition.id, "leader" if partition.leader else "none", len(partition.replicas), len(partition.isr))


def configs(topic, *names):
    found = one(admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]))
    for name in names:
        entry = found[name]
        print(name, entry.value, "default" if entry.is_default else "set")


def alter(topic, *words):
    """`name=value` sets, `name` alone unsets."""
    entries = []
    for word in words:
        name, _, value = word.partition("=")
        kind = AlterConfigOpType.SET if "=" in word else AlterConfigOpType.DELETE
        entries.append(ConfigEntry(name, value or None, incremental_operation=kind))
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
    one(admin.incremental_alter_configs([resource], request_timeout=TIMEOUT))
    print("ok")


def wait(ms):
    """Kafka answers before all of it knows of a change."""
    sleep(int(ms) / 1000)


def cluster():
    found = admin.describe_cluster(request_timeout=TIMEOUT).result(TIMEOUT)
    ids = [node.id for node in found.nodes]
    controller = "controller" if found.controller and found.controller.id in ids else "none"
    print(len(found.nodes), controller, "id" if found.cluster_id else "none")


COMMANDS = [write, read, ends, time, send, create, delete, grow, trim, topics, describe, configs, alter, wait, cluster]


def main():
    commands = {command.__name__: command for command in COMMANDS}
    for line in sys.stdin:
        name, *words = line.split()
        try:
            commands[name](*words)
        except KafkaException as failed:
            error = failed.args[0]
            print("error", LOCAL.get(error.code(), error.code()))
            print(line.strip(), error, file=sys.stderr)
        print(".", flush=True)


main()
