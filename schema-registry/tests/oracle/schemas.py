"""Makes Avro schemas, good and bad, and pairs of a schema and a changed copy of it.

    schemas.py texts N SEED    prints N schema texts, one JSON string a line
    schemas.py pairs N SEED    prints N pairs, {"reader", "writer"} a line
    schemas.py judge           reads pairs, adds "python": what avro.compatibility says
    schemas.py pack            reads judged pairs, prints those that are worth keeping
"""

import copy
import json
import random
import sys

PRIMITIVES = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"]
NAMES = ["A", "B", "C", "D", "E", "F"]
SPACES = [None, None, None, "", "n", "n.s", "m"]
FIELDS = ["a", "b", "c", "d", "e", "f", "g"]
LOGICAL = {
    "int": ["date", "time-millis"],
    "long": ["timestamp-micros", "timestamp-millis", "time-micros"],
    "bytes": ["decimal"],
    "string": ["uuid"],
}
PROPS = [
    ("connect.name", "io.debezium.time.Date"),
    ("connect.version", 1),
    ("connect.parameters", {"scale": "2", "allowed": "a,b"}),
    ("connect.default", 1.5),
    ("connect.default", 1e10),
    ("x", [False, True, "\u00e9\u0001/\"\\", 1234567890123456789]),
    ("avro.java.string", "String"),
]


class Maker:
    """One schema: the names that it has defined so far are reused by reference."""

    def __init__(self, dice, plain):
        self.dice = dice
        self.plain = plain  # no attributes that the checker does not look at
        self.known = {}

    def props(self, into):
        if not self.plain:
            for name, value in self.dice.sample(PROPS, self.dice.choice([0, 0, 0, 1, 2])):
                into.setdefault(name, value)
        return into

    def primitive(self):
        kind = self.dice.choice(PRIMITIVES)
        if self.dice.random() < 0.7 or self.plain:
            return kind
        made = {"type": kind}
        if kind in LOGICAL and self.dice.random() < 0.5:
            made["logicalType"] = self.dice.choice(LOGICAL[kind])
            if kind == "bytes":
                made.update(precision=9, scale=2)
        return self.props(made)

    def naming(self, space):
        """A name that is free, or None."""
        for _ in range(5):
            name = self.dice.choice(NAMES)
            own = self.dice.choice(SPACES)
            full_space = space if own is None else own
            full = f"{full_space}.{name}" if full_space else name
            if full not in self.known:
                made = {"name": name}
                if own is not None:
                    if self.dice.random() < 0.3 and own:
                        made["name"] = full
                    else:
                        made["namespace"] = own
                if self.dice.random() < 0.2:
                    made["aliases"] = self.dice.sample(NAMES + ["n.X", "m.A"], 2)
                if not self.plain and self.dice.random() < 0.2:
                    made["doc"] = "says \"why\""
                return made, full, full_space
        return None

    def named(self, space, depth):
        found = self.naming(space)
        if found is None:
            return self.primitive()
        made, full, own = found
        kind = self.dice.choice(["record", "record", "record", "enum", "fixed"])
        made = {"type": kind, **made} if self.dice.random() < 0.7 else {**made, "type": kind}
        self.known[full] = made
        if kind == "enum":
            made["symbols"] = self.dice.sample(["X", "Y", "Z", "W"], self.dice.randint(1, 4))
            if self.dice.random() < 0.3:
                made["default"] = self.dice.choice(made["symbols"])
        elif kind == "fixed":
            made["size"] = self.dice.choice([0, 4, 4, 8, 16])
        else:
            count = self.dice.choice([0, 1, 2, 2, 3, 4])
            made["fields"] = [
                self.field(name, own, depth) for name in self.dice.sample(FIELDS, count)
            ]
        return self.props(made)

    def field(self, name, space, depth):
        made = {"name": name, "type": self.any(space, depth - 1)}
        if self.dice.random() < 0.4:
            default = self.default(made["type"])
            if default is not Maker:
                made["default"] = default
        if self.dice.random() < 0.15:
            made["aliases"] = self.dice.sample(FIELDS, 1)
        if not self.plain:
            if self.dice.random() < 0.2:
                made["doc"] = "a field"
            if self.dice.random() < 0.2:
                made["order"] = self.dice.choice(["ascending", "descending", "ignore"])
            self.props(made)
            if self.dice.random() < 0.3:
                items = list(made.items())
                self.dice.shuffle(items)
                made = dict(items)
        return made

    def default(self, made):
        """A value of a type, or Maker itself where none is at hand."""
        if isinstance(made, list):
            return self.default(made[0]) if made else Maker
        kind = made["type"] if isinstance(made, dict) else made
        if kind == "enum":
            return made["symbols"][0] if made["symbols"] else Maker
        if kind == "array":
            return []
        if kind == "map":
            return {}
        return {
            "null": None,
            "boolean": True,
            "int": 7,
            "long": 2**40,
            "float": 0.25,
            "double": self.dice.choice([1e10, 3, 0.001, 1e-4, -2.5]),
            "bytes": "\u00ff",
            "string": "text",
        }.get(kind, Maker)

    def reference(self, space):
        """The name of a known type, as it may be written in this namespace."""
        full = self.dice.choice(sorted(self.known))
        own, _, name = full.rpartition(".")
        return name if own == (space or "") and self.dice.random() < 0.7 else full

    def any(self, space, depth):
        roll = self.dice.random()
        if depth <= 0 or roll < 0.35:
            return self.primitive()
        if roll < 0.45 and self.known:
            return self.reference(space)
        if roll < 0.6:
            return self.props({"type": "array", "items": self.any(space, depth - 1)})
        if roll < 0.68:
            return self.props({"type": "map", "values": self.any(space, depth - 1)})
        if roll < 0.85:
            return self.union(space, depth)
        return self.named(space, depth)

    def union(self, space, depth):
        branches, seen = [], set()
        for _ in range(self.dice.randint(1, 4)):
            made = self.any(space, depth - 1)
            if isinstance(made, list):
                continue
            kind = made["type"] if isinstance(made, dict) else made
            key = json.dumps(made) if kind in ("record", "enum", "fixed") else kind
            if key not in seen:
                seen.add(key)
                branches.append(made)
        return branches


def nodes(made, found):
    """All objects and arrays of a schema that may be changed."""
    if isinstance(made, (dict, list)):
        found.append(made)
        for inner in made.values() if isinstance(made, dict) else made:
            nodes(inner, found)
    return found


def change(dice, made):
    """One small change somewhere in the schema."""
    places = [place for place in nodes(made, []) if place]
    if not places:
        return dice.choice(PRIMITIVES)
    place = dice.choice(places)
    maker = Maker(dice, True)
    if isinstance(place, list):
        how = dice.randrange(4)
        if how == 0:
            del place[dice.randrange(len(place))]
        elif how == 1:
            dice.shuffle(place)
        elif isinstance(place[0], dict) and "name" in place[0] and "type" in place[0]:
            name = dice.choice(FIELDS)
            place.insert(dice.randrange(len(place) + 1), maker.field(name, None, 2))
        else:
            place.insert(dice.randrange(len(place) + 1), dice.choice(PRIMITIVES))
        return made
    kind = place.get("type")
    how = dice.choice(["type", "name", "default", "aliases", "symbols", "size", "items", "space"])
    if how == "type" and isinstance(kind, str) and kind in PRIMITIVES:
        place["type"] = dice.choice(PRIMITIVES)
        place.pop("default", None)
    elif how == "type" and kind is not None and not {"fields", "symbols", "size"} & {*place}:
        union = isinstance(kind, list) or kind == "null"
        wrapped = [kind] if union or "name" not in place else [["null", kind], [kind, "null"]]
        place["type"] = dice.choice([*wrapped, "int", "string"])
        place.pop("default", None)
    elif how == "name" and "name" in place:
        place["name"] = dice.choice(FIELDS if "fields" not in place else NAMES)
    elif how == "default":
        if "default" in place:
            del place["default"]
        elif "symbols" in place and place["symbols"]:
            place["default"] = dice.choice(place["symbols"])
        elif "name" in place and not {"fields", "symbols", "size"} & {*place}:
            default = maker.default(kind)
            if default is not Maker:
                place["default"] = default
    elif how == "aliases" and "name" in place:
        old = place["name"]
        place["aliases"] = [old] + dice.sample(FIELDS, 1)
        if dice.random() < 0.7:
            place["name"] = dice.choice(FIELDS if "fields" not in place else NAMES)
    elif how == "symbols" and "symbols" in place:
        place["symbols"] = dice.sample(["X", "Y", "Z", "W"], dice.randint(1, 4))
        place.pop("default", None)
    elif how == "size" and "size" in place:
        place["size"] = dice.choice([4, 8])
    elif how == "items" and ("items" in place or "values" in place):
        key = "items" if "items" in place else "values"
        place[key] = dice.choice([dice.choice(PRIMITIVES), ["null", "string"], place[key]])
    elif how == "space" and ("fields" in place or "symbols" in place):
        place["namespace"] = dice.choice(["n", "m", ""])
    return made


def spoil(dice, text):
    """A text that is most likely no schema any more."""
    how = dice.randrange(4)
    if how == 0:
        return text[: dice.randrange(len(text))]
    if how == 1:
        return text.replace('"type"', dice.choice(['"typ"', '"Type"']), 1)
    if how == 2:
        return text.replace('"int"', '"inte"', 1).replace('"name":', '"nom":', 1)
    return text.replace('"default":', '"default":[[]],"default2":', 1)


def texts(count, seed):
    for number in range(count):
        dice = random.Random(seed * 1_000_003 + number)
        text = json.dumps(Maker(dice, False).any(None, 4), ensure_ascii=dice.random() < 0.5)
        if dice.random() < 0.1 and text:
            text = spoil(dice, text)
        print(json.dumps(text))


def pairs(count, seed):
    for number in range(count):
        dice = random.Random(seed * 1_000_003 + number)
        one = Maker(dice, True).named(None, 4)
        if dice.random() < 0.15:
            one = Maker(dice, True).any(None, 4)
        other = copy.deepcopy(one)
        for _ in range(dice.choice([1, 1, 1, 2, 3])):
            other = change(dice, other)
        if dice.random() < 0.5:
            one, other = other, one
        print(json.dumps({"reader": json.dumps(one), "writer": json.dumps(other)}))


def judge():
    from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
    from avro.schema import parse

    for line in sys.stdin:
        pair = json.loads(line)
        try:
            found = ReaderWriterCompatibilityChecker().get_compatibility(
                parse(pair["reader"]), parse(pair["writer"])
            )
            pair["python"] = found.compatibility is SchemaCompatibilityType.compatible
        except Exception:  # noqa: BLE001 - what it can't parse it has no say on
            pair["python"] = None
        print(json.dumps(pair))


def pack():
    """Keeps pairs that both could parse, once each, as [reader, writer, python, java]."""
    seen = set()
    for line in sys.stdin:
        pair = json.loads(line)
        reader, writer = (
            json.dumps(json.loads(pair[key]), separators=(",", ":")) for key in ("reader", "writer")
        )
        error = pair.get("error", "")
        if (reader, writer) in seen or len(reader) + len(writer) > 700:
            continue
        if error and "matches multiple fields" not in error:
            continue
        seen.add((reader, writer))
        verdict = [reader, writer, pair["python"], pair.get("java")]
        print(json.dumps(verdict, separators=(",", ":"), ensure_ascii=False))


if __name__ == "__main__":
    if sys.argv[1] == "judge":
        judge()
    elif sys.argv[1] == "pack":
        pack()
    else:
        {"texts": texts, "pairs": pairs}[sys.argv[1]](int(sys.argv[2]), int(sys.argv[3]))
