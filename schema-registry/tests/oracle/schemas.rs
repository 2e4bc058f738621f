//! Makes Avro schemas of all kinds, from a seed.

use fastrand::Rng;
use serde_json::{Map, Value as Json, json};

pub(crate) const PRIMITIVES: [&str; 8] =
    ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];
pub(crate) const NAMES: [&str; 6] = ["A", "B", "C", "D", "E", "F"];
pub(crate) const FIELDS: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];
pub(crate) const SYMBOLS: [&str; 5] = ["X", "Y", "Z", "W", "V"];
const SPACES: [Option<&str>; 7] = [None, None, None, Some(""), Some("n"), Some("n.s"), Some("m")];

/// One of these.
pub(crate) fn pick<T: Clone>(rng: &mut Rng, of: &[T]) -> T {
    of[rng.usize(..of.len())].clone()
}

/// Some of these, in any order.
pub(crate) fn sample(rng: &mut Rng, of: &[&str], count: usize) -> Vec<String> {
    rng.choose_multiple(of.iter(), count).into_iter().map(|text| (*text).to_owned()).collect()
}

/// One time in so many.
pub(crate) fn one_in(rng: &mut Rng, many: u32) -> bool {
    rng.u32(..many) == 0
}

/// What a schema may hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// Everything.
    Full,
    /// No attributes that resolution does not look at, so that changes hit what counts.
    Bare,
    /// What has values in columns: no type that holds itself, null in unions only.
    Data,
}

/// The maker of one schema.
pub(crate) struct Maker<'r> {
    pub(crate) rng: &'r mut Rng,
    pub(crate) flavour: Flavour,
    /// Full names that are taken, and whether they are complete.
    known: Vec<(String, bool)>,
}

impl<'r> Maker<'r> {
    pub(crate) fn new(rng: &'r mut Rng, flavour: Flavour) -> Self {
        Self { rng, flavour, known: Vec::new() }
    }

    /// A schema: mostly a record.
    pub(crate) fn schema(&mut self) -> Json {
        if one_in(self.rng, 7) && self.flavour != Flavour::Data {
            self.any("", 4)
        } else if self.flavour == Flavour::Data {
            self.record("", 4)
        } else {
            self.named("", 4)
        }
    }

    pub(crate) fn any(&mut self, space: &str, depth: u32) -> Json {
        let roll = self.rng.u32(..100);
        match roll {
            _ if depth == 0 || roll < 35 => self.primitive(),
            35..45 => self.reference(space).unwrap_or_else(|| self.primitive()),
            45..60 => {
                let items = self.any(space, depth - 1);
                self.with_props(json!({"type": "array", "items": items}))
            }
            60..68 => {
                let values = self.any(space, depth - 1);
                self.with_props(json!({"type": "map", "values": values}))
            }
            68..85 => self.union(space, depth),
            _ => self.named(space, depth),
        }
    }

    fn primitive(&mut self) -> Json {
        let first = usize::from(self.flavour == Flavour::Data);
        let kind = PRIMITIVES[self.rng.usize(first..PRIMITIVES.len())];
        if self.flavour == Flavour::Bare || !one_in(self.rng, 3) {
            return json!(kind);
        }
        let logical: &[&str] = match kind {
            "int" => &["date", "time-millis"],
            "long" => &["timestamp-micros", "timestamp-millis", "time-micros", "no-such-type"],
            "string" => &["uuid"],
            "bytes" if self.flavour != Flavour::Data => &["decimal"],
            _ => &[],
        };
        let mut made = json!({ "type": kind });
        if !logical.is_empty() && self.rng.bool() {
            made["logicalType"] = json!(pick(self.rng, logical));
            if kind == "bytes" {
                made["precision"] = json!(9);
                made["scale"] = json!(2);
            }
        }
        self.with_props(made)
    }

    /// Attributes of other programs, which must be kept.
    fn with_props(&mut self, mut made: Json) -> Json {
        if self.flavour != Flavour::Full {
            return made;
        }
        for _ in 0..pick(self.rng, &[0, 0, 0, 1, 2]) {
            let (name, value) = match self.rng.u8(..8) {
                0 => ("connect.name", json!("io.debezium.time.Date")),
                1 => ("connect.version", json!(1)),
                2 => ("connect.parameters", json!({"scale": "2", "allowed": "a,b"})),
                3 => ("connect.default", json!(1.5)),
                4 => ("connect.default", json!(1e10)),
                5 => ("x", json!([false, true, "\u{e9}\u{1}/\"\\", 1_234_567_890_123_456_789_i64])),
                6 => ("y", json!({"deep": [{"null": null}], "": -0.0})),
                _ => ("avro.java.string", json!("String")),
            };
            let object = made.as_object_mut().unwrap();
            object.entry(name).or_insert(value);
        }
        made
    }

    /// A name that is free: its attributes, the full name and its namespace.
    fn naming(&mut self, space: &str) -> Option<(Map<String, Json>, String, String)> {
        for _ in 0..5 {
            let name = pick(self.rng, &NAMES);
            let given = pick(self.rng, &SPACES);
            let own = given.unwrap_or(space).to_owned();
            let full = if own.is_empty() { name.to_owned() } else { format!("{own}.{name}") };
            if self.known.iter().any(|(known, _)| *known == full) {
                continue;
            }
            let mut made = Map::new();
            if given.is_some() && !own.is_empty() && one_in(self.rng, 3) {
                made.insert("name".to_owned(), json!(full));
            } else {
                made.insert("name".to_owned(), json!(name));
                if given.is_some() {
                    made.insert("namespace".to_owned(), json!(own));
                }
            }
            if one_in(self.rng, 5) {
                let names = ["A", "B", "C", "D", "n.X", "m.A", "n.s.B"];
                made.insert("aliases".to_owned(), json!(sample(self.rng, &names, 2)));
            }
            if self.flavour == Flavour::Full && one_in(self.rng, 5) {
                made.insert("doc".to_owned(), json!("says \"why\"\n\u{1F600}"));
            }
            return Some((made, full, own));
        }
        None
    }

    fn named(&mut self, space: &str, depth: u32) -> Json {
        match self.rng.u8(..5) {
            0 => self.enumeration(space),
            1 => self.fixed(space),
            _ => self.record(space, depth),
        }
    }

    fn begin(&mut self, kind: &str, named: Map<String, Json>, full: &str, complete: bool) -> Json {
        self.known.push((full.to_owned(), complete));
        let mut made = Map::new();
        if self.rng.bool() {
            made.insert("type".to_owned(), json!(kind));
            made.extend(named);
        } else {
            made.extend(named);
            made.insert("type".to_owned(), json!(kind));
        }
        Json::Object(made)
    }

    fn enumeration(&mut self, space: &str) -> Json {
        let Some((named, full, _)) = self.naming(space) else { return self.primitive() };
        let mut made = self.begin("enum", named, &full, true);
        let count = self.rng.usize(1..=4);
        made["symbols"] = json!(sample(self.rng, &SYMBOLS, count));
        if one_in(self.rng, 3) {
            made["default"] = made["symbols"][0].clone();
        }
        self.with_props(made)
    }

    fn fixed(&mut self, space: &str) -> Json {
        let Some((named, full, _)) = self.naming(space) else { return self.primitive() };
        let mut made = self.begin("fixed", named, &full, true);
        made["size"] = json!(pick(self.rng, &[0, 4, 4, 8, 12, 16]));
        if self.flavour == Flavour::Full && one_in(self.rng, 4) {
            made["logicalType"] = json!(pick(self.rng, &["duration", "decimal"]));
            made["precision"] = json!(4);
        }
        self.with_props(made)
    }

    fn record(&mut self, space: &str, depth: u32) -> Json {
        let Some((named, full, own)) = self.naming(space) else { return self.primitive() };
        let kind = if one_in(self.rng, 20) { "error" } else { "record" };
        let mut made = self.begin(kind, named, &full, false);
        let count = pick(self.rng, &[0, 1, 2, 2, 3, 4]);
        let names = sample(self.rng, &FIELDS, count);
        let fields: Vec<Json> = names.iter().map(|name| self.field(name, &own, depth)).collect();
        made["fields"] = json!(fields);
        if let Some(entry) = self.known.iter_mut().find(|(known, _)| *known == full) {
            entry.1 = true;
        }
        self.with_props(made)
    }

    pub(crate) fn field(&mut self, name: &str, space: &str, depth: u32) -> Json {
        let kind = self.any(space, depth.saturating_sub(1));
        let mut made = json!({"name": name, "type": kind});
        if self.rng.u8(..10) < 4
            && let Some(default) = self.default(&made["type"])
        {
            made["default"] = default;
        }
        if one_in(self.rng, 7) {
            made["aliases"] = json!(sample(self.rng, &FIELDS, 1));
        }
        if self.flavour == Flavour::Full {
            if one_in(self.rng, 5) {
                made["doc"] = json!("a field");
            }
            if one_in(self.rng, 5) {
                made["order"] = json!(pick(self.rng, &["ascending", "descending", "ignore"]));
            }
            made = self.with_props(made);
            if one_in(self.rng, 3) {
                let mut entries: Vec<_> = made.as_object().unwrap().clone().into_iter().collect();
                self.rng.shuffle(&mut entries);
                made = Json::Object(entries.into_iter().collect());
            }
        }
        made
    }

    /// A value of a type, where one is at hand.
    pub(crate) fn default(&mut self, of: &Json) -> Option<Json> {
        if let Some(branches) = of.as_array() {
            // Data in columns has the default of the first branch.
            let first = self.flavour == Flavour::Data || self.rng.bool();
            let branch = if first { branches.first() } else { branches.last() };
            return self.default(branch?);
        }
        let inner = |key: &str| of.get(key).cloned();
        Some(match of["type"].as_str().or(of.as_str())? {
            "null" => Json::Null,
            "boolean" => json!(true),
            "int" => json!(7),
            "long" => json!(1_i64 << 40),
            "float" => json!(0.25),
            "double" => pick(self.rng, &[json!(1e10), json!(3), json!(0.001), json!(-2.5)]),
            "bytes" => json!("\u{ff}a"),
            "string" => json!("text"),
            "enum" => of["symbols"][0].clone(),
            "fixed" => json!("\u{80}".repeat(usize::try_from(of["size"].as_u64()?).ok()?)),
            "array" if self.rng.bool() => json!([]),
            "array" => json!([self.default(&inner("items")?)?]),
            "map" if self.rng.bool() => json!({}),
            "map" => json!({"k": self.default(&inner("values")?)?}),
            "record" | "error" => {
                let mut made = Map::new();
                for field in of["fields"].as_array()? {
                    if field.get("default").is_none() || self.rng.bool() {
                        let value = self.default(&field["type"])?;
                        made.insert(field["name"].as_str()?.to_owned(), value);
                    }
                }
                Json::Object(made)
            }
            _ => return None,
        })
    }

    /// The name of a known type, as it may be written in this namespace.
    fn reference(&mut self, space: &str) -> Option<Json> {
        let complete = self.flavour == Flavour::Data;
        let usable: Vec<&String> =
            self.known.iter().filter(|(_, is)| *is || !complete).map(|(full, _)| full).collect();
        if usable.is_empty() {
            return None;
        }
        let full = pick(self.rng, &usable).clone();
        let (own, name) = full.rsplit_once('.').unwrap_or(("", &full));
        Some(json!(if own == space && self.rng.u8(..10) < 7 { name } else { &full }))
    }

    fn union(&mut self, space: &str, depth: u32) -> Json {
        let mut branches: Vec<Json> = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        if one_in(self.rng, 2) {
            branches.push(json!("null"));
            seen.push("null".to_owned());
        }
        let fewest = usize::from(branches.len() == 1 || self.flavour == Flavour::Data);
        for _ in 0..self.rng.usize(fewest.max(1)..=4) {
            let made = self.any(space, depth - 1);
            let Some(kind) = made["type"].as_str().or(made.as_str()) else { continue };
            let is_named = matches!(kind, "record" | "error" | "enum" | "fixed");
            let key = if is_named { made.to_string() } else { kind.to_owned() };
            if !seen.contains(&key) {
                seen.push(key);
                branches.push(made);
            }
        }
        let is_bare = branches.is_empty() || branches == [json!("null")];
        if is_bare && self.flavour == Flavour::Data {
            branches.push(json!("string"));
        }
        json!(branches)
    }
}

/// A text that is most likely no schema any more.
pub(crate) fn spoiled(rng: &mut Rng, text: &str) -> String {
    match rng.u8(..4) {
        0 => {
            let mut end = rng.usize(..text.len());
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text[..end].to_owned()
        }
        1 => text.replacen("\"type\"", pick(rng, &["\"typ\"", "\"Type\""]), 1),
        2 => text.replacen("\"int\"", "\"inte\"", 1).replacen("\"name\":", "\"nom\":", 1),
        _ => text.replacen("\"default\":", "\"default\":[[]],\"default2\":", 1),
    }
}
