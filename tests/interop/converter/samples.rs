//! Connect schemas of all kinds and rows of them, from a seed, in JsonConverter's
//! form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fastrand::Rng;
use serde_json::{Value, json};

use super::matrix::Row;

/// Structs within structs.
const DEPTH_MAX: usize = 3;

/// Rows of one schema each.
pub(super) fn rows(seed: u64, count: usize) -> Vec<Row> {
    (0..count)
        .map(|number| {
            let mut samples = Samples { rng: Rng::with_seed(seed + number as u64), names: 0 };
            let mut schema = samples.structure(DEPTH_MAX);
            schema["optional"] = false.into();
            let payload = samples.value(&schema);
            Row { from: format!("seed {}", seed + number as u64), schema, payload }
        })
        .collect()
}

struct Samples {
    rng: Rng,
    names: usize,
}

impl Samples {
    fn structure(&mut self, depth: usize) -> Value {
        let fields: Vec<Value> = (0..self.rng.usize(1..8))
            .map(|number| {
                let mut field = self.any(depth);
                field["field"] = format!("f{number}").into();
                field
            })
            .collect();
        let mut schema = json!({"type": "struct", "fields": fields});
        self.names += 1;
        if self.rng.u8(0..6) > 0 {
            let space = ["", "shop.", "shop.public.", "other."][self.rng.usize(0..4)];
            schema["name"] = format!("{space}Row{}", self.names).into();
        }
        schema
    }

    /// A schema with what may stand beside its kind.
    fn any(&mut self, depth: usize) -> Value {
        let mut schema = self.kind(depth);
        schema["optional"] = self.rng.bool().into();
        let is_logical = schema["name"].as_str().is_some_and(|name| name.starts_with("org."));
        if !is_logical && self.rng.u8(0..4) == 0 {
            schema["version"] = self.rng.u8(..).into();
        }
        if self.rng.u8(0..4) == 0 {
            schema["doc"] = self.text().into();
        }
        if !is_logical && self.rng.u8(0..4) == 0 {
            schema["parameters"]["length"] = self.text().into();
            schema["parameters"]["avro.flavour"] = "x".into();
        }
        if self.rng.u8(0..3) == 0 && has_true_default(&schema) {
            schema["optional"] = false.into();
            let mut default = self.value(&schema);
            let optional = self.rng.bool();
            if optional && is_float(&schema) && default.is_string() {
                // See `matrix::nan`.
                default = 1.5.into();
            }
            schema["optional"] = optional.into();
            schema["default"] = default;
        }
        schema
    }

    fn kind(&mut self, depth: usize) -> Value {
        const LEAVES: [&str; 9] =
            ["boolean", "int8", "int16", "int32", "int64", "float", "double", "string", "bytes"];
        match self.rng.usize(0..if depth == 0 { 16 } else { 20 }) {
            number @ 0..9 => json!({"type": LEAVES[number]}),
            9 => {
                let scale = self.rng.u8(0..9);
                let mut schema = logical("bytes", "Decimal");
                schema["parameters"]["scale"] = scale.to_string().into();
                if self.rng.bool() {
                    schema["parameters"]["connect.decimal.precision"] = "20".into();
                }
                schema
            }
            10 => logical("int32", "Date"),
            11 => logical("int32", "Time"),
            12 => logical("int64", "Timestamp"),
            13 => json!({"type": "int64", "name": "io.debezium.time.MicroTimestamp", "version": 1}),
            14 => json!({"type": "string", "name": "io.debezium.data.Enum", "version": 1,
                "parameters": {"allowed": "a,b,c"}}),
            15 => {
                self.names += 1;
                json!({"type": "bytes", "name": format!("shop.Fixed{}", self.names),
                    "parameters": {"connect.fixed.size": "4"}})
            }
            16 => json!({"type": "array", "items": self.any(depth - 1)}),
            17 => json!({"type": "map", "keys": {"type": "string", "optional": false},
                "values": self.any(depth - 1)}),
            18 => {
                let values = self.any(depth - 1);
                self.names += 1;
                json!({"type": "map", "keys": {"type": "int32", "optional": false},
                    "values": values, "name": format!("shop.Entry{}", self.names)})
            }
            _ => self.structure(depth - 1),
        }
    }

    fn value(&mut self, schema: &Value) -> Value {
        if schema["optional"] == true && self.rng.u8(0..3) == 0 {
            return Value::Null;
        }
        let name = schema["name"].as_str().unwrap_or_default();
        match schema["type"].as_str().unwrap() {
            "boolean" => self.rng.bool().into(),
            "int8" => self.rng.i8(..).into(),
            "int16" => self.rng.i16(..).into(),
            // A time is within a day.
            "int32" if name.ends_with(".Time") => self.rng.i32(0..86_400_000).into(),
            "int32" => self.rng.i32(..).into(),
            "int64" => (self.rng.i64(..) >> self.rng.u8(10..60)).into(),
            "float" => self.special().unwrap_or_else(|| (self.rng.f32() * 1e6).into()),
            "double" => self
                .special()
                .unwrap_or_else(|| (self.rng.f64() * 10f64.powi(self.rng.i32(-20..20))).into()),
            "string" => self.text().into(),
            "bytes" if name.ends_with(".Decimal") => {
                let unscaled = self.rng.i64(..) >> self.rng.u8(0..60);
                STANDARD.encode(shortest(unscaled)).into()
            }
            "bytes" => {
                let is_fixed = schema["parameters"].get("connect.fixed.size").is_some();
                let len = if is_fixed { 4 } else { self.rng.usize(0..9) };
                let bytes: Vec<u8> = (0..len).map(|_| self.rng.u8(..)).collect();
                STANDARD.encode(bytes).into()
            }
            "array" => (0..self.rng.usize(0..4)).map(|_| self.value(&schema["items"])).collect(),
            // The order of more entries is lost in Java.
            "map" if schema["keys"]["type"] == "string" => match self.rng.bool() {
                true => json!({self.text(): self.value(&schema["values"])}),
                false => json!({}),
            },
            "map" => json!([[self.rng.i32(..), self.value(&schema["values"])]]),
            _ => {
                let fields = schema["fields"].as_array().unwrap();
                let member = |field: &Value| {
                    (field["field"].as_str().unwrap().to_owned(), self.value(field))
                };
                fields.iter().map(member).collect()
            }
        }
    }

    fn special(&mut self) -> Option<Value> {
        let special = ["NaN", "Infinity", "-Infinity"].get(self.rng.usize(0..24))?;
        Some(Value::from(*special))
    }

    fn text(&mut self) -> String {
        let letters = ['a', 'Z', '"', '\\', '\n', '\u{1f}', 'é', '漢', '😀', '/', '\u{7f}', ' '];
        let len = self.rng.usize(0..12);
        (0..len).map(|_| letters[self.rng.usize(0..letters.len())]).collect()
    }
}

/// Whether Java's converters read a default of this schema as what it is: nulls
/// within one become defaults, and what is optional within one null.
fn has_true_default(schema: &Value) -> bool {
    let inner = match schema["type"].as_str() {
        Some("struct") => return false,
        Some("array") => &schema["items"],
        Some("map") if schema["keys"]["type"] == "string" => &schema["values"],
        Some("map") => return false,
        _ => return true,
    };
    inner["optional"] == false && !is_float(inner) && has_true_default(inner)
}

fn is_float(schema: &Value) -> bool {
    matches!(schema["type"].as_str(), Some("float" | "double"))
}

fn logical(kind: &str, name: &str) -> Value {
    json!({"type": kind, "name": format!("org.apache.kafka.connect.data.{name}"), "version": 1})
}

/// A number as Java's `BigInteger` writes it: no more bytes than it takes.
fn shortest(number: i64) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let fits = |len: usize| {
        let shift = 64 - 8 * len;
        (number << shift) >> shift == number
    };
    let len = (1..8).find(|&len| fits(len)).unwrap_or(8);
    bytes[8 - len..].to_vec()
}
