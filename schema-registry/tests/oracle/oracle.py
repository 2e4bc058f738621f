"""Answers questions with PyPI's avro and fastavro, one line of JSON for each:
{"reader", "writer"}: "python": whether avro.compatibility finds them compatible;
{"writer", "seed"}: a datum that fastavro wrote, and its value;
{"writer", "datum"}: the value that fastavro reads of a datum.
An answer has "error" where it gives up.
"""

import io
import json
import random
import struct
import sys

import fastavro
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from avro.schema import parse
from fastavro.utils import generate_one


def verdict(question):
    reader, writer = parse(question["reader"]), parse(question["writer"])
    found = ReaderWriterCompatibilityChecker().get_compatibility(reader, writer)
    return {"python": found.compatibility is SchemaCompatibilityType.compatible}


def bare(made):
    """The schema without logical types, whose values are kept as they are in Avro."""
    if isinstance(made, dict):
        return {key: bare(value) for key, value in made.items() if key != "logicalType"}
    return [bare(item) for item in made] if isinstance(made, list) else made


def plain(value):
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, float):
        value = float("nan") if value != value else value
        return "f%x" % struct.unpack(">Q", struct.pack(">d", value))[0]
    if isinstance(value, str):
        return "t" + value
    if isinstance(value, (bytes, bytearray)):
        return "x" + bytes(value).hex()
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(value[key]) for key in sorted(value)}
    return value


def datum(question):
    schema = fastavro.parse_schema(bare(json.loads(question["writer"])))
    if "datum" in question:
        given = bytes.fromhex(question["datum"])
    else:
        random.seed(question["seed"])
        written = io.BytesIO()
        fastavro.schemaless_writer(written, schema, generate_one(schema))
        given = written.getvalue()
    source = io.BytesIO(given)
    value = fastavro.schemaless_reader(source, schema)
    if source.tell() != len(given):
        raise ValueError("bytes are left over")
    return {"datum": given.hex(), "value": plain(value)}


for line in sys.stdin:
    question = json.loads(line)
    try:
        answer = verdict(question) if "reader" in question else datum(question)
    except Exception as refused:  # noqa: BLE001 - what it can't parse it has no say on
        answer = {"error": f"{type(refused).__name__}: {refused}"[:200]}
    print(json.dumps(answer))
