"""Writes orders 1 to COUNT with confluent-kafka's own Avro serializer, which
registers the schema, by an idempotent producer.

    python write_avro.py BOOTSTRAP REGISTRY TOPIC COUNT
"""

import sys

from confluent_kafka import KafkaException, Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

SCHEMA = """{
  "type": "record", "name": "Order", "namespace": "shop", "fields": [
    {"name": "id", "type": "long"},
    {"name": "name", "type": ["null", "string"], "default": null},
    {"name": "price", "type": "double"},
    {"name": "paid", "type": "boolean"}
  ]
}"""

servers, registry, topic, count = sys.argv[1:]
encode = AvroSerializer(SchemaRegistryClient({"url": registry}), SCHEMA)
producer = Producer(
    {"bootstrap.servers": servers, "enable.idempotence": True, "compression.type": "zstd", "linger.ms": 5}
)


def told(error, _message):
    if error is not None:
        raise KafkaException(error)


for number in range(1, int(count) + 1):
    order = {
        "id": number,
        "name": None if number % 10 == 0 else f"order {number} ü",
        "price": number / 4,
        "paid": number % 2 == 0,
    }
    value = encode(order, SerializationContext(topic, MessageField.VALUE))
    producer.produce(topic, key=str(number), value=value, on_delivery=told)
    producer.poll(0)
if producer.flush(30):
    raise TimeoutError("not all was acknowledged")
