"""Rows per second of fastavro for the datums of the bench, which come by standard input."""

import io
import json
import sys
import time

import fastavro

given = json.load(sys.stdin)
schema = fastavro.parse_schema(json.loads(given["schema"]))
datums = [bytes.fromhex(datum) for datum in given["datums"]]
rows = [fastavro.schemaless_reader(io.BytesIO(datum), schema) for datum in datums]
size = sum(map(len, datums)) // len(datums)


def encode():
    out = io.BytesIO()
    for row in rows:
        fastavro.schemaless_writer(out, schema, row)


def decode():
    for datum in datums:
        fastavro.schemaless_reader(io.BytesIO(datum), schema)


for name, work in (("fastavro encode", encode), ("fastavro decode", decode)):
    best = float("inf")
    for _ in range(5):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    ns = best * 1e9 / len(rows)
    print(f"{name:<24} {1e3 / ns:>7.2f} M rows/s  {ns:>7.1f} ns/row  {size:>5} bytes/row", flush=True)
