"""Asks a registry by the clients of others, which must find what they expect of Confluent's;
prints how many answers were checked.

    python registry_clients.py REGISTRY
"""

import json
import sys

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient, SchemaRegistryError
from confluent_kafka.schema_registry import topic_subject_name_strategy, record_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from schema_registry.client import SchemaRegistryClient as OtherClient
from schema_registry.client import schema as other_schema
from schema_registry.client.errors import ClientError
from schema_registry.serializers import AvroMessageSerializer

registry = sys.argv[1]
checked = 0


def same(found, expected):
    global checked
    if found != expected:
        raise AssertionError(f"{found!r}, expected {expected!r}")
    checked += 1


def refused(status, code, ask):
    global checked
    try:
        found = ask()
    except SchemaRegistryError as error:
        same((error.http_status_code, error.error_code), (status, code))
    else:
        raise AssertionError(f"{found!r} was not refused")


def record(*fields, name="Order"):
    return json.dumps({"type": "record", "name": name, "namespace": "shop", "fields": list(fields)})


ID = {"name": "id", "type": "long"}
NAME = {"name": "name", "type": ["null", "string"], "default": None}
PRICE = {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}}
FIRST, SECOND, BAD = record(ID), record(ID, NAME), record(ID, {"name": "x", "type": "int"})


def confluent():
    client = SchemaRegistryClient({"url": registry})
    subject, schema = "confluent-value", lambda text: Schema(text, "AVRO")
    refused(404, 40401, lambda: client.get_versions(subject))
    first = client.register_schema(subject, schema(FIRST))
    same(client.register_schema(subject, schema(FIRST)), first)
    same(json.loads(client.get_schema(first).schema_str), json.loads(FIRST))
    same(client.test_compatibility(subject, schema(SECOND)), True)
    same(client.test_compatibility(subject, schema(BAD)), False)
    refused(409, 409, lambda: client.register_schema(subject, schema(BAD)))
    second = client.register_schema(subject, schema(SECOND))
    same(second > first, True)
    same(client.get_versions(subject), [1, 2])
    same(client.get_latest_version(subject).version, 2)
    same(client.get_version(subject, 1).schema_id, first)
    same(client.lookup_schema(subject, schema(SECOND)).version, 2)
    refused(404, 40403, lambda: client.lookup_schema(subject, schema(BAD)))
    refused(404, 40402, lambda: client.get_version(subject, 9))
    refused(422, 42201, lambda: client.register_schema(subject, schema('{"type":"recor"}')))
    same(client.set_compatibility(subject, "FULL")["compatibility"], "FULL")
    same(client.get_compatibility(subject), "FULL")
    same(client.delete_version(subject, 2), 2)
    same(client.get_versions(subject), [1])
    same(client.delete_subject(subject), [1])
    same(subject in client.get_subjects(), False)

    # Serializers register, and readers have another schema than writers.
    for strategy in (topic_subject_name_strategy, record_subject_name_strategy):
        configured = {"subject.name.strategy": strategy}
        old = AvroSerializer(client, FIRST, conf=configured)
        new = AvroSerializer(client, SECOND, conf=configured)
        context = SerializationContext("orders", MessageField.VALUE)
        data = [old({"id": 7}, context), new({"id": 8, "name": "é"}, context)]
        same([datum[0] for datum in data], [0, 0])
        read = AvroDeserializer(client, SECOND)
        same([read(datum, context) for datum in data], [{"id": 7, "name": None}, {"id": 8, "name": "é"}])
        read = AvroDeserializer(client)
        same([read(datum, context) for datum in data], [{"id": 7}, {"id": 8, "name": "é"}])
    refused(409, 409, lambda: AvroSerializer(client, BAD)({"id": 1, "x": 2}, context))
    latest = AvroSerializer(client, conf={"auto.register.schemas": False, "use.latest.version": True})
    same(AvroDeserializer(client)(latest({"id": 1, "name": "n"}, context), context), {"id": 1, "name": "n"})


def other():
    client = OtherClient(url=registry)
    subject = "other-value"
    first, second = other_schema.AvroSchema(FIRST), other_schema.AvroSchema(SECOND)
    same(client.test_compatibility(subject, first), True)
    number = client.register(subject, first)
    same(client.register(subject, first), number)
    same(client.get_by_id(number).flat_schema is not None, True)
    same(client.check_version(subject, first).version, 1)
    same(client.check_version(subject, second), None)
    same(client.test_compatibility(subject, second), True)
    same(client.test_compatibility(subject, other_schema.AvroSchema(BAD)), False)
    client.register(subject, second)
    same(client.get_versions(subject), [1, 2])
    same(client.get_schema(subject).version, 2)
    same(client.get_schema(subject, version=9), None)
    same(subject in client.get_subjects(), True)
    same(client.update_compatibility("FORWARD", subject), True)
    same(client.get_compatibility(subject), "FORWARD")
    same(client.update_compatibility("BACKWARD", subject), True)
    try:
        client.register(subject, other_schema.AvroSchema(BAD))
        raise AssertionError("an incompatible schema was registered")
    except ClientError as error:
        same(error.http_code, 409)
    messages = AvroMessageSerializer(client)
    datum = messages.encode_record_with_schema(subject, second, {"id": 3, "name": "x"})
    same(messages.decode_message(datum), {"id": 3, "name": "x"})
    same(client.delete_version(subject, 1), 1)
    same(client.delete_subject(subject), [2])


def each_reads_the_others():
    """The same schema under the same id, whichever client asks."""
    one, two = SchemaRegistryClient({"url": registry}), OtherClient(url=registry)
    text = record(ID, PRICE, name="Priced")
    context = SerializationContext("priced", MessageField.VALUE)
    number = two.register("priced-value", other_schema.AvroSchema(text))
    same(one.register_schema("priced-value", Schema(text, "AVRO")), number)
    from decimal import Decimal

    order = {"id": 5, "price": Decimal("12.34")}
    datum = AvroMessageSerializer(two).encode_record_with_schema_id(number, order)
    same(AvroDeserializer(one)(datum, context), order)
    datum = AvroSerializer(one, text)(order, context)
    same(AvroMessageSerializer(two).decode_message(datum), order)


confluent()
other()
each_reads_the_others()
print(checked)
