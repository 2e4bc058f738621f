"""confluent-kafka's Avro serializer and deserializer, records in hex, a line each.

    python serde.py REGISTRY TOPIC write COUNT
    python serde.py REGISTRY TOPIC read
"""

import sys

from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

SCHEMA = """{"type": "record", "name": "Order", "namespace": "shop", "fields": [
  {"name": "id", "type": "long"}, {"name": "name", "type": ["null", "string"], "default": null}]}"""

registry, topic, what, *count = sys.argv[1:]
client = SchemaRegistryClient({"url": registry})
context = SerializationContext(topic, MessageField.VALUE)
if what == "write":
    encode = AvroSerializer(client, SCHEMA)
    for number in range(int(count[0])):
        name = None if number % 3 == 0 else f"order {number}"
        print(encode({"id": number, "name": name}, context).hex())
else:
    decode = AvroDeserializer(client)
    for line in sys.stdin:
        order = decode(bytes.fromhex(line), context)
        print(order["id"], "null" if order["name"] is None else order["name"])
