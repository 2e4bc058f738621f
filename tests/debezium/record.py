#!/usr/bin/env python3
"""Records what Debezium writes for the SQL files beside this one.

usage: record.py [CASE ...]          all cases of cases.json by default

Talks to a Kafka Connect that has Debezium's Postgres connector and the JSON converter with
schemas as its default, and to the Kafka and the Postgres (wal_level=logical, superuser, trust
or PGPASSWORD) that it uses:
  CONNECT_URL        http://localhost:8083
  KAFKA_BOOTSTRAP    localhost:9092
  PGHOST, PGPORT, PGUSER, PGPASSWORD    as psql reads them; Connect gets the same ones
Needs psql on the PATH and the Python package confluent-kafka.

Each case runs in a database of its own named `oracle`, dropped before the case. README.md
tells the format of what is written.
"""
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

from confluent_kafka import Consumer, TopicPartition

HERE = os.path.dirname(os.path.abspath(__file__))
CONNECT = os.environ.get("CONNECT_URL", "http://localhost:8083")
BOOTSTRAP = os.environ.get("KAFKA_BOOTSTRAP", "localhost:9092")
PG = {
    "hostname": os.environ.get("PGHOST", "localhost"),
    "port": os.environ.get("PGPORT", "5432"),
    "user": os.environ.get("PGUSER", "postgres"),
    "password": os.environ.get("PGPASSWORD", "any"),
}
PREFIX = "dbz"
DATABASE = "oracle"
MARK = "end-of-step"
PATIENCE_S = 180


def psql(sql, database=DATABASE):
    """Runs SQL as a script; answers what it prints."""
    command = ["psql", "-h", PG["hostname"], "-p", PG["port"], "-U", PG["user"], "-d", database]
    command += ["-v", "ON_ERROR_STOP=1", "-q", "-A", "-t"]
    done = subprocess.run(command, input=sql, text=True, capture_output=True)
    if done.returncode:
        raise SystemExit(f"psql: {done.stderr}")
    return done.stdout.strip()


def rest(method, path, body=None):
    """(status, body) of a Connect REST call."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(CONNECT + path, data, {"Content-Type": "application/json"})
    request.method = method
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def until(what, probe):
    """Waits until the probe answers something true."""
    end = time.time() + PATIENCE_S
    while time.time() < end:
        answer = probe()
        if answer:
            return answer
        time.sleep(0.3)
    raise SystemExit(f"gave up waiting for {what}")


class Topics:
    """Reads the topics of the prefix from where they stood when this was made."""

    def __init__(self):
        settings = {"bootstrap.servers": BOOTSTRAP, "group.id": "record", "fetch.wait.max.ms": 20}
        settings["log_level"] = 0
        settings.update({"enable.auto.commit": False, "auto.offset.reset": "earliest"})
        self.consumer = Consumer(settings)
        self.start = {topic: self.ends(topic) for topic in self.names()}

    def names(self):
        found = self.consumer.list_topics(timeout=10).topics
        mine = lambda t: t.startswith(PREFIX + ".") or t == "__debezium-heartbeat." + PREFIX
        return sorted(t for t in found if mine(t))

    def ends(self, topic):
        try:
            return self.consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)[1]
        except Exception:
            return 0

    def read(self, names=None):
        """Every record so far, topic by topic."""
        at, end = {}, {}
        for topic in names or self.names():
            at[topic], end[topic] = self.start.get(topic, 0), self.ends(topic)
        open_ends = {t for t in at if at[t] < end[t]}
        self.consumer.assign([TopicPartition(t, 0, at[t]) for t in open_ends])
        found = []
        while open_ends:
            message = self.consumer.poll(10)
            if message is None or message.error():
                raise SystemExit(f"reading {open_ends}: {message and message.error()}")
            found.append(message)
            if message.offset() + 1 >= end[message.topic()]:
                open_ends.discard(message.topic())
        return sorted(found, key=lambda m: (m.topic(), m.offset()))


def is_mark(message):
    ours = message.topic() == PREFIX + ".message"
    return ours and message.key() and MARK.encode() in message.key()


def failure(name):
    """The trace of a failed task or connector, or None."""
    status, body = rest("GET", f"/connectors/{name}/status")
    if status != 200:
        return None
    for part in [body["connector"], *body["tasks"]]:
        if part["state"] == "FAILED":
            return part.get("trace", "failed")
    return None


def wait_mark(name, topics, count):
    """Waits until the connector has written its `count`th mark, or has failed."""

    def probe():
        trace = failure(name)
        if trace:
            return trace
        seen = sum(1 for m in topics.read([PREFIX + ".message"]) if is_mark(m))
        return seen >= count and "done"

    answer = until(f"mark {count} of {name}", probe)
    return None if answer == "done" else answer


class Schemas:
    """Takes the structs out of a schema, so that each is written once."""

    def __init__(self):
        self.known = {}
        self.lines = []

    def put(self, schema):
        """The number under which the schema stands."""
        body = json.dumps(self.within(schema), ensure_ascii=False)
        if body not in self.known:
            self.known[body] = len(self.known)
            self.lines.append(f'{{"schema": {self.known[body]}, "is": {body}}}')
        return self.known[body]

    def within(self, schema):
        out = {}
        for key, value in schema.items():
            if key == "fields":
                out[key] = [self.nested(field) for field in value]
            elif key in ("items", "keys", "values") and isinstance(value, dict):
                out[key] = self.nested(value)
            else:
                out[key] = value
        return out

    def nested(self, schema):
        if schema.get("type") != "struct":
            return self.within(schema)
        plain = {k: v for k, v in schema.items() if k != "field"}
        named = {"field": schema["field"]} if "field" in schema else {}
        return {"$schema": self.put(plain), **named}


def parted(data, schemas):
    """A key or value as (schema number, payload); (None, None) where absent."""
    if data is None:
        return None, None
    body = json.loads(data)
    if not isinstance(body, dict) or set(body) != {"schema", "payload"}:
        raise SystemExit("the worker's converters must be JSON with schemas")
    if body["schema"] is None:
        return None, body["payload"]
    return schemas.put(body["schema"]), body["payload"]


def line_of(message, schemas):
    out = {"topic": message.topic()}
    out["key_schema"], out["key"] = parted(message.key(), schemas)
    out["value_schema"], out["value"] = parted(message.value(), schemas)
    headers = []
    for name, value in message.headers() or []:
        # These only name the connector, its task and a random id of the run.
        if not name.startswith("__debezium.context."):
            headers.append([name, None if value is None else value.decode()])
    if headers:
        out["headers"] = headers
    if message.partition():
        out["partition"] = message.partition()
    return json.dumps(out, ensure_ascii=False)


def config_of(name, extra):
    config = {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "tasks.max": "1",
        "plugin.name": "pgoutput",
        "topic.prefix": PREFIX,
        "database.dbname": DATABASE,
        "slot.name": name,
        "publication.name": name,
        "poll.interval.ms": "50",
        "retriable.restart.connector.wait.ms": "1000",
        "errors.max.retries": "0",
    }
    config.update({f"database.{k}": v for k, v in PG.items()})
    config.update(extra)
    return config


def fresh_database(sql):
    slots = f"SELECT slot_name FROM pg_replication_slots WHERE database = '{DATABASE}'"
    for slot in psql(slots, "postgres").split():
        until(f"slot {slot}", lambda: psql(
            f"SELECT 1 FROM pg_replication_slots WHERE slot_name = '{slot}' AND NOT active",
            "postgres"))
        psql(f"SELECT pg_drop_replication_slot('{slot}')", "postgres")
    psql(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)", "postgres")
    psql(f"CREATE DATABASE {DATABASE}", "postgres")
    psql(sql)


def quiet(name, topics):
    """Waits until nothing has come for three seconds."""
    last, since = -1, time.time()
    while time.time() - since < 3:
        count = len(topics.read())
        if count != last or count == 0:
            last, since = count, time.time()
        time.sleep(0.3)
    return failure(name)


def streaming(name):
    """Waits until the snapshot is over: the connector holds its slot."""

    def probe():
        trace = failure(name)
        active = f"SELECT 1 FROM pg_replication_slots WHERE slot_name = '{name}' AND active"
        return trace or (psql(active) and "done")

    answer = until(f"the slot of {name}", probe)
    return None if answer == "done" else answer


def run(name, extra, sql):
    """Runs a case; (records, trace of a failure or None)."""
    before, *after = sql.split("\n-- @stream\n")
    steps = after[0].split("\n-- @wait\n") if after else []
    fresh_database(before)
    topics = Topics()
    status, body = rest("PUT", f"/connectors/{name}/config", config_of(name, extra))
    if status >= 300:
        return [], str(body)
    if extra.get("snapshot.mode") == "initial_only":
        trace, steps = quiet(name, topics), []
    else:
        trace, steps = streaming(name), steps or [""]
    for number, step in enumerate(steps, 1):
        if trace:
            break
        psql(step)
        psql(f"SELECT pg_logical_emit_message(true, '{MARK}', '')")
        trace = wait_mark(name, topics, number)
    rest("DELETE", f"/connectors/{name}")
    return [m for m in topics.read() if not is_mark(m)], trace


def record(case, spec):
    with open(os.path.join(HERE, spec["sql"]), encoding="utf-8") as file:
        sql = file.read()
    name = "record_" + case.replace("-", "_") + "_" + str(int(time.time()))
    messages, trace = run(name, spec.get("config", {}), sql)
    schemas = Schemas()
    lines = [line_of(m, schemas) for m in messages]
    version = rest("GET", "/connector-plugins")[1]
    version = [p["version"] for p in version if p["class"].endswith("PostgresConnector")][0]
    head = {"case": case, **spec, "debezium": version, "postgres": psql("SHOW server_version")}
    if trace:
        head["failed"] = [t for t in trace.split("\n") if t and not t.startswith("\t")]
    with open(os.path.join(HERE, case + ".jsonl"), "w", encoding="utf-8") as file:
        for line in [json.dumps(head, ensure_ascii=False), *schemas.lines, *lines]:
            file.write(line + "\n")
    print(f"{case}: {len(lines)} records" + (" FAILED " + head["failed"][-1] if trace else ""))
    sys.stdout.flush()


def main():
    with open(os.path.join(HERE, "cases.json"), encoding="utf-8") as file:
        cases = json.load(file)
    for case in sys.argv[1:] or cases:
        record(case, cases[case])


if __name__ == "__main__":
    main()
