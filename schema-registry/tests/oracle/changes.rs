//! Changes a schema as people do, and as they should not.

use fastrand::Rng;
use serde_json::{Value as Json, json};

use crate::schemas::{FIELDS, Flavour, Maker, NAMES, PRIMITIVES, SYMBOLS, one_in, pick, sample};

/// Where a type is written.
fn types(schema: &Json, at: String, found: &mut Vec<String>) {
    found.push(at.clone());
    match schema {
        Json::Array(branches) => {
            for (place, branch) in branches.iter().enumerate() {
                types(branch, format!("{at}/{place}"), found);
            }
        }
        Json::Object(object) => {
            for key in ["items", "values"] {
                if let Some(inner) = object.get(key) {
                    types(inner, format!("{at}/{key}"), found);
                }
            }
            let fields = object.get("fields").and_then(Json::as_array);
            for (place, field) in fields.into_iter().flatten().enumerate() {
                if let Some(inner) = field.get("type") {
                    types(inner, format!("{at}/fields/{place}/type"), found);
                }
            }
        }
        _ => {}
    }
}

/// A schema with one small change somewhere.
pub(crate) fn changed(rng: &mut Rng, schema: &Json, flavour: Flavour) -> Json {
    let mut schema = schema.clone();
    let mut places = Vec::new();
    types(&schema, String::new(), &mut places);
    // A few tries: not every change is one everywhere.
    for _ in 0..8 {
        let at = pick(rng, &places);
        let before = schema.clone();
        change_at(rng, &mut schema, &at, flavour);
        if schema != before {
            break;
        }
    }
    schema
}

fn change_at(rng: &mut Rng, schema: &mut Json, at: &str, flavour: Flavour) {
    if one_in(rng, 12) {
        return swap_definition(rng, schema);
    }
    let Some(place) = schema.pointer_mut(at) else { return };
    if one_in(rng, 12) {
        *place = Maker::new(rng, flavour).any("", 2);
        return forget_default(schema, at);
    }
    match place {
        Json::String(_) => primitive(rng, place, at.is_empty()),
        Json::Array(branches) => return union(rng, place_of(branches), schema, at, flavour),
        Json::Object(object) => match object.get("type").and_then(Json::as_str).unwrap_or("") {
            "record" | "error" => return record(rng, place, flavour),
            "enum" => return enumeration(rng, place),
            "fixed" if rng.bool() => place["size"] = json!(pick(rng, &[0, 4, 8, 16])),
            "fixed" => return naming(rng, place),
            "array" | "map" => container(rng, place, flavour),
            _ => primitive(rng, place, at.is_empty()),
        },
        _ => {}
    }
    forget_default(schema, at);
}

fn place_of(branches: &[Json]) -> Vec<Json> {
    branches.to_vec()
}

/// A default is of the type that was.
fn forget_default(schema: &mut Json, at: &str) {
    let Some(field) = at.strip_suffix("/type") else { return };
    if let Some(Json::Object(field)) = schema.pointer_mut(field) {
        field.shift_remove("default");
    }
}

fn primitive(rng: &mut Rng, place: &mut Json, is_root: bool) {
    let old = place.clone();
    let of = old["type"].as_str().or(old.as_str()).unwrap_or("").to_owned();
    let promoted: &[&str] = match of.as_str() {
        "int" => &["long", "float", "double"],
        "long" => &["int", "float", "double"],
        "float" => &["double", "long"],
        "double" => &["float"],
        "string" => &["bytes"],
        "bytes" => &["string"],
        _ => &PRIMITIVES[1..],
    };
    *place = match rng.u8(..6) {
        0..3 => json!(pick(rng, promoted)),
        3 => json!(pick(rng, &PRIMITIVES[usize::from(!is_root)..])),
        4 if of != "null" => json!(["null", old]),
        _ if of != "null" => json!([old, "null"]),
        _ => json!("string"),
    };
}

fn container(rng: &mut Rng, place: &mut Json, flavour: Flavour) {
    let key = if place["type"] == "array" { "items" } else { "values" };
    let inner = place[key].take();
    match rng.u8(..4) {
        0 => *place = inner,
        1 if key == "items" => *place = json!({"type": "map", "values": inner}),
        1 => *place = json!({"type": "array", "items": inner}),
        2 if !inner.is_array() && inner != "null" => place[key] = json!(["null", inner]),
        _ => place[key] = Maker::new(rng, flavour).any("", 1),
    }
}

fn union(rng: &mut Rng, mut branches: Vec<Json>, schema: &mut Json, at: &str, flavour: Flavour) {
    match rng.u8(..4) {
        0 if branches.len() > 1 => drop(branches.remove(rng.usize(..branches.len()))),
        1 => rng.shuffle(&mut branches),
        2 if branches.len() == 1 || one_in(rng, 3) => {
            let Some(one) = branches.iter().find(|branch| **branch != "null") else { return };
            let one = one.clone();
            if let Some(place) = schema.pointer_mut(at) {
                *place = one;
            }
            return forget_default(schema, at);
        }
        _ => {
            let more = Maker::new(rng, flavour).any("", 1);
            if !more.is_array() {
                branches.insert(rng.usize(..=branches.len()), more);
            }
        }
    }
    if let Some(place) = schema.pointer_mut(at) {
        *place = json!(branches);
    }
    forget_default(schema, at);
}

fn record(rng: &mut Rng, place: &mut Json, flavour: Flavour) {
    let fields = place["fields"].as_array_mut().unwrap();
    let count = fields.len();
    match rng.u8(..12) {
        0 | 1 => {
            let name = pick(rng, &FIELDS);
            let at = rng.usize(..=count);
            fields.insert(at, Maker::new(rng, flavour).field(name, "", 2));
        }
        2 if count > 0 => drop(fields.remove(rng.usize(..count))),
        3 => rng.shuffle(fields),
        4 | 5 if count > 0 => {
            let field = &mut fields[rng.usize(..count)];
            let old = field["name"].take();
            field["name"] = json!(pick(rng, &FIELDS));
            if rng.bool() {
                field["aliases"] = json!([old]);
            }
        }
        6 | 7 if count > 0 => {
            let field = &mut fields[rng.usize(..count)];
            if field.get("default").is_some() {
                field.as_object_mut().unwrap().shift_remove("default");
            } else if let Some(default) = Maker::new(rng, flavour).default(&field["type"]) {
                field["default"] = default;
            }
        }
        8 if count > 0 => {
            let field = &mut fields[rng.usize(..count)];
            field["aliases"] = json!(sample(rng, &FIELDS, 1));
        }
        9 if count > 0 => {
            let field = &mut fields[rng.usize(..count)];
            field["order"] = json!(pick(rng, &["descending", "ignore"]));
            field["doc"] = json!("changed");
        }
        10 => place["type"] = json!(if place["type"] == "record" { "error" } else { "record" }),
        _ => naming(rng, place),
    }
}

fn enumeration(rng: &mut Rng, place: &mut Json) {
    match rng.u8(..5) {
        0 | 1 => {
            let count = rng.usize(1..=4);
            place["symbols"] = json!(sample(rng, &SYMBOLS, count));
            place.as_object_mut().unwrap().shift_remove("default");
        }
        2 | 3 if place.get("default").is_some() => {
            place.as_object_mut().unwrap().shift_remove("default");
        }
        2 | 3 => place["default"] = place["symbols"][0].clone(),
        _ => naming(rng, place),
    }
}

/// Another name or namespace, with or without an alias for the old one.
fn naming(rng: &mut Rng, place: &mut Json) {
    let old = place["name"].as_str().unwrap_or_default().to_owned();
    let space = place.get("namespace").and_then(Json::as_str).unwrap_or_default().to_owned();
    match rng.u8(..3) {
        0 => place["namespace"] = json!(pick(rng, &["n", "m", ""])),
        1 => place["name"] = json!(pick(rng, &NAMES)),
        _ => place["aliases"] = json!(sample(rng, &NAMES, 2)),
    }
    if rng.bool() {
        let full = if old.contains('.') || space.is_empty() {
            old.clone()
        } else {
            format!("{space}.{old}")
        };
        place["aliases"] = json!([pick(rng, &[full, old])]);
    }
}

/// Puts a definition where the type is only named, and the name where it was defined.
fn swap_definition(rng: &mut Rng, schema: &mut Json) {
    let mut places = Vec::new();
    types(schema, String::new(), &mut places);
    let names: Vec<(String, String)> = places
        .iter()
        .filter_map(|at| Some((at.clone(), schema.pointer(at)?.as_str()?.to_owned())))
        .filter(|(_, name)| !PRIMITIVES.contains(&name.as_str()))
        .collect();
    if names.is_empty() {
        return;
    }
    let (user, name) = pick(rng, &names);
    let simple = name.rsplit('.').next().unwrap_or_default().to_owned();
    let defined = places.iter().find(|at| {
        let named = schema.pointer(at).and_then(|place| place.get("name")?.as_str());
        named.is_some_and(|named| named.rsplit('.').next() == Some(simple.as_str()))
            && !user.starts_with(at.as_str())
    });
    let Some(defined) = defined.cloned() else { return };
    let definition = schema.pointer(&defined).cloned().unwrap_or_default();
    if let Some(place) = schema.pointer_mut(&defined) {
        *place = json!(name);
    }
    if let Some(place) = schema.pointer_mut(&user) {
        *place = definition;
    }
}
