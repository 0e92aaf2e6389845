//! The JSON schema of a plan, for editors that complete and underline as the staff write. Made from the key tables, so it
//! cannot say anything else than the parser does.

use serde_json::{Map, Value, json};

use super::keys::{Absent, HOURS, KeyDoc, Kind, PLAN};
use super::verbs::VERBS;

/// The schema, as `ecoute schema` prints it and `dialplans/dialplan.schema.json` holds it.
pub fn schema() -> Value {
    let steps: Vec<Value> = VERBS
        .iter()
        .map(|verb| {
            let mut step = table(verb.keys);
            step["title"] = json!(verb.name);
            step["description"] = json!(format!("{}\n\n{}", verb.fr, verb.en));
            step
        })
        .collect();
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Plan d'appel · dialplan",
        "type": "object",
        "additionalProperties": false,
        "required": ["plan", "step"],
        "properties": {
            "plan": table(PLAN),
            "hours": { "type": "object", "additionalProperties": table(HOURS) },
            "step": { "type": "object", "minProperties": 1, "additionalProperties": { "oneOf": steps } },
        },
    })
}

fn table(keys: &[KeyDoc]) -> Value {
    let required: Vec<&str> =
        keys.iter().filter(|doc| matches!(doc.absent, Absent::Required)).map(|doc| doc.name).collect();
    let properties: Map<String, Value> = keys.iter().map(|doc| (doc.name.to_owned(), property(doc))).collect();
    json!({ "type": "object", "additionalProperties": false, "required": required, "properties": properties })
}

fn property(doc: &KeyDoc) -> Value {
    let mut property = kind(doc.kind);
    property["description"] = json!(format!("{}\n\n{}", doc.fr, doc.en));
    if let Absent::Default(text) = doc.absent {
        property["default"] = match doc.kind {
            Kind::Count { .. } => text.parse::<u8>().map_or(json!(text), |number| json!(number)),
            Kind::Flag => json!(text == "true"),
            Kind::Languages => json!([text]),
            _ => json!(text),
        };
    }
    property
}

fn kind(kind: Kind) -> Value {
    match kind {
        Kind::Note | Kind::Prompt | Kind::Step | Kind::Hours | Kind::Zone | Kind::Spans | Kind::HolidaySet => {
            json!({ "type": "string" })
        }
        Kind::Word => json!({ "type": "string", "pattern": "^[A-Za-z0-9_.-]{1,48}$" }),
        Kind::Language => json!({ "type": "string", "pattern": "^[a-z]{2,3}$" }),
        Kind::Department => json!({ "type": "string", "pattern": "^([0-9]{2,3}|2[AB])$" }),
        Kind::Digits => json!({ "type": "string", "pattern": "^[0-9]+$" }),
        Kind::Numbers => list(json!({ "type": "string", "pattern": "^(\\+[1-9][0-9]{6,14}|[0-9]{2,6})$" })),
        Kind::Languages => list(json!({ "type": "string", "pattern": "^[a-z]{2,3}$" })),
        Kind::DigitCount => json!({ "anyOf": [
            { "type": "integer", "minimum": 1, "maximum": 20 },
            { "type": "string", "pattern": "^[0-9]{1,2}(-[0-9]{1,2})?$" },
        ] }),
        Kind::Key => json!({ "type": "string", "pattern": "^[0-9*#]$" }),
        Kind::Keys => json!({
            "type": "object",
            "additionalProperties": false,
            "patternProperties": { "^[0-9*#]$": { "type": "string" } },
        }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Mark => json!({ "const": true }),
        Kind::Count { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Time { .. } => json!({ "type": "string", "pattern": "^([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$" }),
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::Table(keys) => table(keys),
        Kind::Tables(keys) => json!({ "type": "array", "minItems": 1, "items": table(keys) }),
    }
}

/// One of them, or a list of them.
fn list(item: Value) -> Value {
    json!({ "anyOf": [item, { "type": "array", "minItems": 1, "items": item }] })
}
