//! Connect's words for a config's keys and problems.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use thalweg_core::config::{ConfigMap, Definition, Problem};

use super::{Reading, Secrets};

/// One definition, as `GET /connector-plugins/{plugin}/config` has it.
pub(crate) fn definition_json(definition: &Definition, order: usize) -> Value {
    json!({
        "name": definition.name,
        "type": definition.kind.as_str(),
        "required": definition.required,
        "default_value": definition.default,
        "importance": definition.importance.as_str(),
        "documentation": definition.documentation,
        "group": definition.group,
        "width": "MEDIUM",
        "display_name": definition.name,
        "dependents": [],
        "order_in_group": order,
    })
}

/// The answer of `validate`.
pub(crate) fn validation(class: &str, reading: &Reading, config: &ConfigMap) -> Value {
    let secrets = Secrets::of(&reading.definitions);
    let mut problems = by_key(&reading.problems);
    let mut groups: Vec<&str> = Vec::new();
    let mut orders: BTreeMap<&str, usize> = BTreeMap::new();
    let mut configs = Vec::new();
    for definition in &reading.definitions {
        if !groups.contains(&definition.group) {
            groups.push(definition.group);
        }
        let order = orders.entry(definition.group).or_default();
        *order += 1;
        let errors = problems.remove(definition.name.as_str()).unwrap_or_default();
        let posted = config.get(&definition.name).or(definition.default.as_ref());
        configs.push(json!({
            "definition": definition_json(definition, *order),
            "value": {
                "name": definition.name,
                "value": posted.map(|value| secrets.shown(&definition.name, value)),
                "recommended_values": definition.recommended,
                "errors": errors,
                "visible": true,
            },
        }));
    }
    // Keys that nobody declared have no definition, as in the real Connect.
    for (key, errors) in problems {
        let value = config.get(key).map(|value| secrets.shown(key, value));
        configs.push(json!({
            "definition": null,
            "value": {
                "name": key,
                "value": value,
                "recommended_values": [],
                "errors": errors,
                "visible": true,
            },
        }));
    }
    json!({
        "name": class,
        "error_count": reading.problems.len(),
        "groups": groups,
        "configs": configs,
    })
}

fn by_key(problems: &[Problem]) -> BTreeMap<&str, Vec<&str>> {
    let mut by_key: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for problem in problems {
        by_key.entry(&problem.key).or_default().push(&problem.message);
    }
    by_key
}

/// The text of a create that is refused. A message that does not name its key
/// gets it in front, so that the list can be read by itself.
pub(crate) fn refusal(problems: &[Problem]) -> String {
    let mut text = format!(
        "Connector configuration is invalid and contains the following {} error(s):",
        problems.len()
    );
    for Problem { key, message } in problems {
        text.push('\n');
        if message.contains(key.as_str()) || message.starts_with("Null value") {
            text.push_str(message);
        } else {
            text.push_str(&format!("{key}: {message}"));
        }
    }
    text.push_str(
        "\nYou can also find the above list of errors at the endpoint \
         `/connector-plugins/{connectorType}/config/validate`",
    );
    text
}
