#!/usr/bin/env python3
"""Records what a real Kafka Connect answers over REST.

usage: record.py

Environment: CONNECT_URL (http://localhost:8083), a distributed worker without connectors that has
the file connectors and Debezium's Postgres connector; PGHOST, PGPORT, PGUSER, PGPASSWORD of a
Postgres with wal_level=logical for the connector that runs. README.md tells the format.
"""
import json
import os
import re
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
CONNECT = os.environ.get("CONNECT_URL", "http://localhost:8083")
WORKER = urllib.parse.urlparse(CONNECT).netloc
KEPT = ("Content-Type", "Location", "Allow")
FOLDER = tempfile.mkdtemp()
SOURCE = "org.apache.kafka.connect.file.FileStreamSourceConnector"
SINK = "org.apache.kafka.connect.file.FileStreamSinkConnector"
POSTGRES = "io.debezium.connector.postgresql.PostgresConnector"
JSON = {"Content-Type": "application/json"}


def source(name, /, **more):
    config = {"connector.class": SOURCE, "tasks.max": "1", "file": FOLDER + "/in", "topic": "rest"}
    return {"name": name, "config": {**config, **more}}


def shortened(value):
    """Traces become their first line, addresses and folders names, documentation dots."""
    if isinstance(value, dict):
        documented = {k: "..." for k in value if k == "documentation"}
        return {k: shortened(v) for k, v in value.items()} | documented
    if isinstance(value, list):
        return [shortened(v) for v in value]
    if isinstance(value, str):
        value = value.replace(WORKER, "WORKER").replace(FOLDER, "/FOLDER")
        value = re.sub(r"(\n\tat [^\n]*)+", "\n\tat ...", value)
        value = re.sub(r"\n\t\.\.\. \d+ more", "", value)
        value = re.sub(r"location='[^']*'", "location='...'", value)
        return re.sub(r"StreamReadFeature[^)]*\)", "...)", value)
    return value


class Group:
    """The exchanges of one file."""

    def __init__(self, name):
        self.path = os.path.join(HERE, name + ".json")
        self.lines = []

    def ask(self, what, method, path, body=None, headers=None, raw=None, trim=None):
        """Does a request, keeps it and its answer; answers (status, body)."""
        status, kept, answer = call(method, path, body, headers, raw)
        request = {"method": method, "path": path}
        if raw is not None:
            request["raw"] = raw
        if body is not None:
            request["body"] = body
        if headers is not None:
            request["headers"] = headers
        shown = trim(answer) if trim else answer
        entry = {"what": what, "request": shortened(request), "status": status}
        entry.update({"headers": shortened(kept), "body": shortened(shown)})
        self.lines.append(json.dumps(entry, ensure_ascii=False))
        return status, answer

    def save(self):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write("[\n" + ",\n".join(self.lines) + "\n]\n")
        print(f"{os.path.basename(self.path)}: {len(self.lines)}")


def call(method, path, body=None, headers=None, raw=None):
    data = raw.encode() if raw is not None else None
    if body is not None:
        data = json.dumps(body).encode()
    given = headers if headers is not None else (JSON if data is not None else {})
    request = urllib.request.Request(CONNECT + path, data, given, method=method)
    try:
        with urllib.request.urlopen(request, timeout=90) as answer:
            status, found, text = answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        status, found, text = error.code, error.headers, error.read()
    try:
        shown = json.loads(text) if text else None
    except ValueError:
        shown = text.decode(errors="replace")
    return status, {k: found[k] for k in KEPT if found.get(k)}, shown


def settle(name, wanted, task="RUNNING"):
    """Waits until a connector and its tasks are in the states wanted."""
    for _ in range(200):
        status, _, body = call("GET", f"/connectors/{name}/status")
        if status == 200 and body["connector"]["state"] == wanted:
            states = {t["state"] for t in body["tasks"]}
            if states == ({task} if task else set()):
                return
        time.sleep(0.2)
    raise SystemExit(f"{name} never became {wanted}")


def gone(name):
    call("DELETE", f"/connectors/{name}")
    while call("GET", f"/connectors/{name}")[0] != 404:
        time.sleep(0.2)


def root():
    g = Group("root")
    g.ask("version", "GET", "/")
    g.ask("health", "GET", "/health")
    g.ask("unknown path", "GET", "/nope")
    g.ask("unknown path below a resource", "GET", "/connectors/a/nope")
    g.ask("method not allowed", "DELETE", "/connectors")
    g.ask("method not allowed", "PUT", "/connectors", {})
    g.ask("method not allowed", "POST", "/", {})
    g.ask("trailing slash", "GET", "/connectors/")
    g.ask("head", "HEAD", "/connectors")
    g.ask("options", "OPTIONS", "/connectors")
    g.ask("accept that is not JSON", "GET", "/connectors", headers={"Accept": "text/html"})
    g.ask("loggers", "GET", "/admin/loggers/root")
    g.save()


def create():
    g = Group("create")
    post = lambda what, body=None, **more: g.ask(what, "POST", "/connectors", body, **more)
    g.ask("none", "GET", "/connectors")
    g.ask("none, expanded", "GET", "/connectors?expand=status&expand=info")
    post("malformed JSON", raw="{not json", headers=JSON)
    post("half a body", raw='{"name": "x", "config": {', headers=JSON)
    post("no body", raw="", headers=JSON)
    post("an array", [])
    post("a string", "x")
    post("null", raw="null", headers=JSON)
    post("an empty object", {})
    post("no config", {"name": "x"})
    post("config null", {"name": "x", "config": None})
    post("config empty", {"name": "x", "config": {}})
    post("config not an object", {"name": "x", "config": "y"})
    post("nested value in config", {"name": "x", "config": {"connector.class": {"a": 1}}})
    post("array in config", {"name": "x", "config": {"connector.class": ["a"]}})
    post("no name", {"config": source("x")["config"]})
    post("name null", {"name": None, "config": source("x")["config"]})
    post("name empty", {"name": "", "config": source("x")["config"]})
    post("name blank", {"name": "  ", "config": source("x")["config"]})
    post("name with odd characters", {"name": "a/b\tc", "config": source("x")["config"]})
    post("name differs", source("x", name="y"))
    post("unknown property beside config", {**source("x"), "extra": 1})
    post("no class", {"name": "x", "config": {"file": "f"}})
    post("unknown class", {"name": "x", "config": {"connector.class": "Nope"}})
    post("class null", {"name": "x", "config": {"connector.class": None}})
    post("required missing", {"name": "x", "config": {"connector.class": SOURCE}})
    post("tasks.max not a number", source("x", **{"tasks.max": "many"}))
    post("tasks.max zero", source("x", **{"tasks.max": "0"}))
    post("unknown converter", source("x", **{"value.converter": "Nope"}))
    post("unknown transform", source("x", **{"transforms": "t", "transforms.t.type": "Nope"}))
    post("transform without type", source("x", **{"transforms": "t"}))
    post("several errors", {"name": "x", "config": {"connector.class": POSTGRES}})
    post("cannot connect", {"name": "x", "config": {
        "connector.class": POSTGRES, "database.hostname": "localhost", "database.port": "1",
        "database.user": "u", "database.password": "secret", "database.dbname": "d",
        "topic.prefix": "p", "plugin.name": "pgoutput"}})
    post("sink without topics", {"name": "x", "config": {"connector.class": SINK}})
    post("sink with both", {"name": "x", "config": {
        "connector.class": SINK, "topics": "a", "topics.regex": "b"}})
    post("initial state unknown", {**source("x"), "initial_state": "SLEEPING"})
    post("wrong content type", raw=json.dumps(source("x")), headers={"Content-Type": "text/plain"})
    post("no content type", raw=json.dumps(source("x")), headers={"Content-Type": ""})
    post("a null in config", source("x", nothing=None))
    call("DELETE", "/connectors/x")
    post("created", source("made", n=5, flag=True))
    settle("made", "RUNNING")
    post("exists", source("made"))
    post("created paused", {**source("made paused é"), "initial_state": "PAUSED"})
    settle(urllib.parse.quote("made paused é"), "PAUSED", None)
    post("created stopped", {**source("made-stopped"), "initial_state": "STOPPED"})
    settle("made-stopped", "STOPPED", None)
    g.ask("list", "GET", "/connectors")
    g.ask("one with an encoded name", "GET", "/connectors/made%20paused%20%C3%A9")
    g.ask("a name with an encoded slash", "GET", "/connectors/a%2Fb")
    g.ask("list, info", "GET", "/connectors?expand=info")
    g.ask("list, status", "GET", "/connectors?expand=status")
    g.ask("list, both", "GET", "/connectors?expand=status&expand=info")
    g.ask("list, unknown expand", "GET", "/connectors?expand=nope")
    for name in ("made", "made%20paused%20%C3%A9", "made-stopped"):
        gone(name)
    g.save()


def config():
    g = Group("config")
    call("POST", "/connectors", source("one", file=FOLDER + "/in"))
    settle("one", "RUNNING")
    plain = source("one")["config"]
    g.ask("connector", "GET", "/connectors/one")
    g.ask("config", "GET", "/connectors/one/config")
    g.ask("tasks", "GET", "/connectors/one/tasks")
    g.ask("task configs (removed in 4.0)", "GET", "/connectors/one/tasks-config")
    g.ask("config changed", "PUT", "/connectors/one/config", {**plain, "batch.size": "7"})
    settle("one", "RUNNING")
    g.ask("config unchanged", "PUT", "/connectors/one/config", {**plain, "batch.size": "7"})
    settle("one", "RUNNING")
    g.ask("name differs", "PUT", "/connectors/one/config", {**plain, "name": "two"})
    g.ask("wrapped in config", "PUT", "/connectors/one/config", {"name": "one", "config": plain})
    g.ask("invalid", "PUT", "/connectors/one/config", {"connector.class": SOURCE})
    g.ask("empty", "PUT", "/connectors/one/config", {})
    g.ask("malformed", "PUT", "/connectors/one/config", raw="{", headers=JSON)
    g.ask("no body", "PUT", "/connectors/one/config", raw="", headers=JSON)
    g.ask("wrong content type", "PUT", "/connectors/one/config", raw="{}",
          headers={"Content-Type": "text/plain"})
    g.ask("a new one", "PUT", "/connectors/two/config", source("two")["config"])
    settle("two", "RUNNING")
    g.ask("patch", "PATCH", "/connectors/one/config", {"batch.size": None, "tasks.max": "1"})
    settle("one", "RUNNING")
    g.ask("config after the patch", "GET", "/connectors/one/config")
    g.ask("patch to something invalid", "PATCH", "/connectors/one/config", {"topic": None})
    g.ask("patch of the name", "PATCH", "/connectors/one/config", {"name": "three"})
    g.ask("patch of none", "PATCH", "/connectors/none/config", {"a": "b"})
    for path in ("", "/config", "/status", "/tasks", "/tasks/0/status", "/topics", "/offsets"):
        g.ask("unknown connector", "GET", "/connectors/none" + path)
    g.ask("unknown task", "GET", "/connectors/one/tasks/9/status")
    g.ask("task that is no number", "GET", "/connectors/one/tasks/x/status")
    g.ask("delete of none", "DELETE", "/connectors/none")
    g.ask("delete", "DELETE", "/connectors/two")
    g.ask("delete again", "DELETE", "/connectors/two")
    gone("one")
    g.save()


def states():
    g = Group("states")
    call("POST", "/connectors", source("one"))
    settle("one", "RUNNING")
    put = lambda what, path: g.ask(what, "PUT", f"/connectors/{path}")
    post = lambda what, path: g.ask(what, "POST", f"/connectors/{path}")
    g.ask("status", "GET", "/connectors/one/status")
    g.ask("task status", "GET", "/connectors/one/tasks/0/status")
    put("pause", "one/pause")
    settle("one", "PAUSED", "PAUSED")
    put("pause again", "one/pause")
    g.ask("status, paused", "GET", "/connectors/one/status")
    post("restart, paused", "one/restart")
    settle("one", "PAUSED", "PAUSED")
    put("resume", "one/resume")
    settle("one", "RUNNING")
    put("resume again", "one/resume")
    put("stop", "one/stop")
    settle("one", "STOPPED", None)
    put("stop again", "one/stop")
    g.ask("status, stopped", "GET", "/connectors/one/status")
    g.ask("tasks, stopped", "GET", "/connectors/one/tasks")
    g.ask("connector, stopped", "GET", "/connectors/one")
    post("restart, stopped", "one/restart?includeTasks=true")
    put("pause, stopped", "one/pause")
    time.sleep(1)
    put("resume, stopped", "one/resume")
    settle("one", "RUNNING")
    post("restart", "one/restart")
    settle("one", "RUNNING")
    post("restart with tasks", "one/restart?includeTasks=true")
    settle("one", "RUNNING")
    post("restart of what failed", "one/restart?onlyFailed=true")
    settle("one", "RUNNING")
    post("restart of what failed, with tasks", "one/restart?includeTasks=true&onlyFailed=true")
    settle("one", "RUNNING")
    post("restart, flags false", "one/restart?includeTasks=false&onlyFailed=false")
    post("restart, odd flag", "one/restart?includeTasks=perhaps")
    settle("one", "RUNNING")
    post("restart of a task", "one/tasks/0/restart")
    settle("one", "RUNNING")
    post("restart of an unknown task", "one/tasks/9/restart")
    post("restart of a task that is no number", "one/tasks/x/restart")
    post("restart of none", "none/restart")
    post("restart of none, with tasks", "none/restart?includeTasks=true")
    post("restart of a task of none", "none/tasks/0/restart")
    put("pause of none", "none/pause")
    put("resume of none", "none/resume")
    put("stop of none", "none/stop")
    g.ask("pause with POST", "POST", "/connectors/one/pause", {})
    g.ask("restart with GET", "GET", "/connectors/one/restart")
    with open(FOLDER + "/in", "w", encoding="utf-8") as file:
        file.write("a\nb\n")
    for _ in range(60):
        if (call("GET", "/connectors/one/topics")[2] or {}).get("one", {}).get("topics"):
            break
        time.sleep(0.5)
    g.ask("topics", "GET", "/connectors/one/topics")
    g.ask("topics reset", "PUT", "/connectors/one/topics/reset")
    g.ask("topics reset of none", "PUT", "/connectors/none/topics/reset")
    for _ in range(60):
        if (call("GET", "/connectors/one/offsets")[2] or {}).get("offsets"):
            break
        time.sleep(0.5)
    g.ask("offsets of a source", "GET", "/connectors/one/offsets")
    g.ask("offsets, delete while running", "DELETE", "/connectors/one/offsets")
    g.ask("offsets, patch while running", "PATCH", "/connectors/one/offsets", {"offsets": [
        {"partition": {"filename": FOLDER + "/in"}, "offset": {"position": 0}}]})
    call("PUT", "/connectors/one/stop")
    settle("one", "STOPPED", None)
    g.ask("offsets, patch empty", "PATCH", "/connectors/one/offsets", {"offsets": []})
    g.ask("offsets, patch without offsets", "PATCH", "/connectors/one/offsets", {})
    g.ask("offsets, patch malformed", "PATCH", "/connectors/one/offsets", {"offsets": [{"a": 1}]})
    g.ask("offsets, patch", "PATCH", "/connectors/one/offsets", {"offsets": [
        {"partition": {"filename": FOLDER + "/in"}, "offset": {"position": 0}}]})
    g.ask("offsets, delete", "DELETE", "/connectors/one/offsets")
    g.ask("offsets, none", "GET", "/connectors/one/offsets")
    g.ask("offsets, delete of none", "DELETE", "/connectors/none/offsets")
    gone("one")
    sink = {"connector.class": SINK, "topics": "rest", "file": FOLDER + "/out",
            "key.converter": "org.apache.kafka.connect.storage.StringConverter"}
    call("PUT", "/connectors/sink/config", sink)
    settle("sink", "RUNNING")
    for _ in range(120):
        if (call("GET", "/connectors/sink/offsets")[2] or {}).get("offsets"):
            break
        time.sleep(0.5)
    g.ask("status of a sink", "GET", "/connectors/sink/status")
    g.ask("offsets of a sink", "GET", "/connectors/sink/offsets")
    gone("sink")
    call("PUT", "/connectors/bad/config", {**sink, "file": "/no/such/folder/out"})
    settle("bad", "RUNNING", "FAILED")
    g.ask("status of a failed sink", "GET", "/connectors/bad/status")
    g.ask("failed task", "GET", "/connectors/bad/tasks/0/status")
    g.ask("restart of what failed", "POST",
          "/connectors/bad/restart?includeTasks=true&onlyFailed=true")
    gone("bad")
    g.save()


def postgres():
    config = {"connector.class": POSTGRES, "topic.prefix": "rest", "plugin.name": "pgoutput",
              "database.hostname": os.environ.get("PGHOST", "localhost"),
              "database.port": os.environ.get("PGPORT", "5432"),
              "database.user": os.environ.get("PGUSER", "postgres"),
              "database.password": os.environ.get("PGPASSWORD", "any"),
              "database.dbname": "postgres", "slot.name": "rest", "publication.name": "rest",
              "slot.drop.on.stop": "true", "table.include.list": "none.none",
              "heartbeat.interval.ms": "500"}
    g = Group("postgres")
    g.ask("created", "PUT", "/connectors/pg/config", config)
    settle("pg", "RUNNING")
    for _ in range(60):
        if (call("GET", "/connectors/pg/offsets")[2] or {}).get("offsets"):
            break
        time.sleep(0.5)
    g.ask("status", "GET", "/connectors/pg/status")
    g.ask("task", "GET", "/connectors/pg/tasks")
    g.ask("offsets", "GET", "/connectors/pg/offsets")
    call("PUT", "/connectors/pg/stop")
    settle("pg", "STOPPED", None)
    # Else the next recording would start at an offset whose slot is gone.
    call("DELETE", "/connectors/pg/offsets")
    gone("pg")
    g.save()


def few_configs(answer):
    """The full entries of a few keys or of keys with errors; of the others the names."""
    if not isinstance(answer, dict) or "configs" not in answer:
        return answer
    full = {"connector.class", "tasks.max", "topic.prefix", "database.port", "database.password",
            "snapshot.mode", "decimal.handling.mode", "transforms", "file", "topic"}
    keep = lambda c: c["definition"]["name"] in full or c["value"]["errors"]
    names = [c["definition"]["name"] for c in answer["configs"]]
    return {**answer, "configs": [c for c in answer["configs"] if keep(c)], "all_names": names}


def plugins():
    g = Group("plugins")
    first = lambda answer: answer[:12] if isinstance(answer, list) else answer
    g.ask("connectors", "GET", "/connector-plugins")
    g.ask("all (only the first twelve kept)", "GET", "/connector-plugins?connectorsOnly=false",
          trim=first)
    g.ask("config of one", "GET", f"/connector-plugins/{SOURCE}/config")
    g.ask("config of Postgres (only the first twelve kept)", "GET",
          f"/connector-plugins/{POSTGRES}/config", trim=first)
    g.ask("config of a short name", "GET", "/connector-plugins/FileStreamSource/config")
    g.ask("config of an unknown one", "GET", "/connector-plugins/Nope/config")

    def validate(what, plugin, body=None, **more):
        path = f"/connector-plugins/{plugin}/config/validate"
        g.ask(what, "PUT", path, body, trim=few_configs, **more)

    validate("no class", SOURCE, {})
    validate("required missing", SOURCE, {"connector.class": SOURCE})
    validate("class differs", SOURCE, {"connector.class": SINK})
    validate("good", SOURCE, {**source("x")["config"], "name": "x"})
    validate("short names", "FileStreamSource", {**source("x")["config"], "name": "x",
             "connector.class": "FileStreamSource"})
    validate("short name of the path, full name in the body", "FileStreamSourceConnector",
             {**source("x")["config"], "name": "x"})
    validate("unknown plugin", "Nope", {"connector.class": "Nope"})
    validate("malformed", SOURCE, raw="{", headers=JSON)
    validate("not an object", SOURCE, [])
    validate("Postgres without anything", POSTGRES, {"connector.class": POSTGRES})
    validate("Postgres with bad values", POSTGRES, {
        "connector.class": POSTGRES, "name": "x", "tasks.max": "0", "topic.prefix": "bad prefix!",
        "database.hostname": "localhost", "database.port": "many", "database.user": "u",
        "database.password": "secret", "database.dbname": "d", "snapshot.mode": "sometimes",
        "decimal.handling.mode": "roman", "table.include.list": "a", "table.exclude.list": "b",
        "slot.name": "Not Valid", "max.batch.size": "-1", "poll.interval.ms": "0",
        "skipped.operations": "x", "unknown.key": "1"})
    g.ask("validate with POST", "POST", f"/connector-plugins/{SOURCE}/config/validate", {})
    g.save()


def main():
    open(FOLDER + "/in", "w", encoding="utf-8").close()
    os.chmod(FOLDER, 0o755)
    root()
    create()
    config()
    states()
    postgres()
    plugins()


if __name__ == "__main__":
    main()
