//! Ways through a schema whose parts stand in place, without references.

use serde_json::Value;

/// Visits a schema and all below it; each by the key that it has, which is empty for the items of a list and the values of a map.
pub(super) fn each(key: &str, schema: &mut Value, visit: &mut impl FnMut(&str, &mut Value)) {
    visit(key, schema);
    for (name, below) in schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
        each(name, below, visit);
    }
    for holder in ["items", "additionalProperties"] {
        if let Some(below @ Value::Object(_)) = schema.get_mut(holder) {
            each("", below, visit);
        }
    }
}

/// The schemas at a path: keys parted by dots, `[]` for the items of a list, `*` for the values of a map or for any key.
pub(super) fn at<'s>(schema: &'s mut Value, path: &str) -> Vec<&'s mut Value> {
    let Some((step, rest)) = path.split_once('.').or(Some((path, ""))).filter(|(step, _)| !step.is_empty()) else { return vec![schema] };
    let (name, items) = step.strip_suffix("[]").map_or((step, false), |name| (name, true));
    let found: Vec<&mut Value> = match name {
        "*" => {
            let Value::Object(parts) = schema else { return Vec::new() };
            let mut found = Vec::new();
            for (holder, below) in parts.iter_mut() {
                match (holder.as_str(), below) {
                    ("properties", Value::Object(all)) => found.extend(all.values_mut()),
                    ("additionalProperties", below @ Value::Object(_)) => found.push(below),
                    _ => {}
                }
            }
            found
        }
        name => schema.get_mut("properties").and_then(|all| all.get_mut(name)).into_iter().collect(),
    };
    let found = found.into_iter().filter_map(|schema| if items { schema.get_mut("items") } else { Some(schema) });
    found.flat_map(|schema| at(schema, rest)).collect()
}
