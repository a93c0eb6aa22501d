//! The OpenAPI document: the table of routes, said in the way that programs read.
//!
//! Standards: OpenAPI 3.1, JSON Schema 2020-12 (`schemas.json`).

use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use super::route::{Answer, Kind, Parameter, Route};
use super::table;

/// Where it is.
pub(super) const PATH: &str = "/openapi.json";
/// What requests and answers are like.
const SCHEMAS: &str = include_str!("schemas.json");

/// The document; made once.
pub(super) fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(make)
}

fn make() -> Value {
    let mut paths = Map::new();
    for route in table::all() {
        let path = paths
            .entry(route.path)
            .or_insert_with(|| Value::Object(Map::new()));
        if let Some(path) = path.as_object_mut() {
            path.insert(route.verb.as_str().to_ascii_lowercase(), operation(route));
        }
    }
    paths.insert(PATH.to_owned(), own());
    let schemas: Value = serde_json::from_str(SCHEMAS).unwrap_or_default();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Waxwing administration",
            "version": "1",
            "description": "What administrators of a Waxwing server see and do. Times are milliseconds of Unix time. A list that has more than it gives has a `next`, to be sent as `after` (or `before`, where the latest comes first). Each operation says in `x-scope` what its token must let do; AREA:write lets read, too.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": super::ROOT }],
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "description": "Made by `waxwing token add NAME --scope SCOPES`." },
            },
            "schemas": schemas,
        },
    })
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

fn content(kind: &str, schema: &str) -> Value {
    json!({ kind: { "schema": reference(schema) } })
}

fn operation(route: &Route) -> Value {
    let mut parameters: Vec<Value> = variables(route.path)
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    parameters.extend(route.query.iter().map(parameter));
    if route.conditional {
        parameters.push(json!({
            "name": "If-Match", "in": "header", "schema": { "type": "string" },
            "description": "The ETag of what was looked at: if it is something else now, nothing is done, and the status is 412.",
        }));
    }
    let answer = match (route.schema, route.answer) {
        (None, _) => json!({ "description": "It is done." }),
        (Some(schema), Answer::Live) => {
            json!({ "description": "Events, as they happen.", "content": content("text/event-stream", schema) })
        }
        (Some(schema), _) => {
            json!({ "description": "The answer.", "content": content("application/json", schema) })
        }
    };
    let refused = json!({
        "description": "It was not done: what is wrong, and what to do next.",
        "content": content("application/problem+json", "Problem"),
    });
    let mut operation = json!({
        "operationId": route.id,
        "summary": route.summary,
        "x-scope": route.scope,
        "parameters": parameters,
        "responses": { route.status.to_string(): answer, "default": refused },
    });
    if let Some(operation) = operation.as_object_mut() {
        if let Some(body) = route.body {
            let body = json!({ "required": true, "content": content("application/json", body) });
            operation.insert("requestBody".to_owned(), body);
        }
        if matches!(route.answer, Answer::Own) {
            // Whatever a token lets do, it may be asked what that is.
            operation.remove("x-scope");
        }
    }
    operation
}

/// The document itself, which nobody needs a token for.
fn own() -> Value {
    json!({
        "get": {
            "operationId": "document",
            "summary": "This document",
            "security": [],
            "parameters": [],
            "responses": { "200": { "description": "The document.", "content": { "application/json": { "schema": { "type": "object" } } } } },
        },
    })
}

/// The names of the variable parts.
fn variables(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn parameter(of: &Parameter) -> Value {
    let schema = match of.kind {
        Kind::Text => json!({ "type": "string" }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Count(most) => json!({ "type": "integer", "minimum": 1, "maximum": most }),
        Kind::Number => json!({ "type": "integer", "minimum": 0 }),
    };
    json!({ "name": of.name, "in": "query", "description": of.about, "schema": schema })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every schema that is named is there, and every one that is there is named.
    #[test]
    fn schemas_and_routes_go_together() {
        let document = document();
        let text = document.to_string();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        assert!(schemas.len() > 20, "schemas.json is no JSON");
        for name in schemas.keys() {
            assert!(
                text.contains(&format!("#/components/schemas/{name}\"")),
                "nothing names {name}"
            );
        }
        for (place, _) in text.match_indices("#/components/schemas/") {
            let name = text[place..]
                .split('"')
                .next()
                .unwrap()
                .rsplit('/')
                .next()
                .unwrap();
            assert!(schemas.contains_key(name), "there is no {name}");
        }
    }
}
