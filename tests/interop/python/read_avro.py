"""Prints the change events of a topic, decoded by confluent-kafka's own Avro
deserializer through the registry: partition, offset, time, then JSON.

    python read_avro.py BOOTSTRAP REGISTRY TOPIC [PARTITION OFFSET | PARTITION @MS]
"""

import json
import sys

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

TIMEOUT = 30
servers, registry, topic, *place = sys.argv[1:]

decode = AvroDeserializer(SchemaRegistryClient({"url": registry}))
reader = Consumer(
    {
        "bootstrap.servers": servers,
        "group.id": "none",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "error",
    }
)


def starts():
    if not place:
        found = reader.list_topics(topic, timeout=TIMEOUT).topics[topic]
        return [TopicPartition(topic, number, OFFSET_BEGINNING) for number in sorted(found.partitions)]
    partition, offset = place
    if offset.startswith("@"):
        asked = TopicPartition(topic, int(partition), int(offset[1:]))
        return reader.offsets_for_times([asked], timeout=TIMEOUT)
    return [TopicPartition(topic, int(partition), int(offset))]


def decoded(data, field):
    return None if data is None else decode(data, SerializationContext(topic, field))


from_where = starts()
reader.assign(from_where)
left = len(from_where)
while left:
    message = reader.poll(TIMEOUT)
    if message is None:
        raise TimeoutError(f"nothing came of {topic}")
    if message.error() is None:
        key = decoded(message.key(), MessageField.KEY)
        value = decoded(message.value(), MessageField.VALUE)
        text = json.dumps({"key": key, "value": value}, default=str)
        print(message.partition(), message.offset(), message.timestamp()[1], text, sep="\t")
    elif message.error().code() == KafkaError._PARTITION_EOF:
        left -= 1
    else:
        raise KafkaException(message.error())
reader.close()
