//! The JSON Schema of a plugin's settings: a first check that runs nothing of the plugin and tells file and line.
//!
//! Invariants: a schema reaches for nothing outside itself; its patterns are matched in linear time.

use std::error::Error;
use std::fmt::Write as _;

use boon::{
    CompileError, Compiler, Draft, ErrorKind, SchemaIndex, Schemas, UrlLoader, ValidationError,
};
use serde_json::Value;

/// Where a schema is said to be: somewhere that nothing else is.
const PLACE: &str = "https://plugin.invalid/settings.schema.json";
/// Problems that are told of one step's settings.
const MAX_PROBLEMS: usize = 50;

/// A schema that is ready.
pub(crate) struct Schema {
    text: Value,
    schemas: Schemas,
    root: SchemaIndex,
}

/// Loads nothing: `$ref` leads into the schema itself.
struct Nowhere;

impl UrlLoader for Nowhere {
    fn load(&self, _url: &str) -> Result<Value, Box<dyn Error>> {
        Err("a schema stands alone".into())
    }
}

impl Schema {
    /// Makes a schema of its text.
    pub(crate) fn compile(text: &str) -> Result<Self, String> {
        let unfit = |reason: String| format!("carries a settings schema that is none: {reason}");
        let text: Value = serde_json::from_str(text).map_err(|error| unfit(error.to_string()))?;
        let mut compiler = Compiler::new();
        compiler.set_default_draft(Draft::V2020_12);
        compiler.use_loader(Box::new(Nowhere));
        let mut schemas = Schemas::new();
        let told = |error: CompileError| unfit(format!("{error:#}"));
        compiler.add_resource(PLACE, text.clone()).map_err(told)?;
        let root = compiler.compile(PLACE, &mut schemas).map_err(told)?;
        Ok(Self {
            text,
            schemas,
            root,
        })
    }

    /// What is wrong with settings: JSON Pointers and texts.
    pub(crate) fn check(&self, settings: &Value) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        if let Err(error) = self.schemas.validate(settings, self.root) {
            self.gather(&error, &mut problems);
        }
        problems.truncate(MAX_PROBLEMS);
        problems
    }

    fn gather(&self, error: &ValidationError<'_, '_>, problems: &mut Vec<(String, String)>) {
        let pointer = error.instance_location.to_string();
        match &error.kind {
            ErrorKind::AdditionalProperties { got } => {
                let known = self.known(error.schema_url);
                for key in got {
                    let escaped = key.replace('~', "~0").replace('/', "~1");
                    problems.push((
                        format!("{pointer}/{escaped}"),
                        format!("unknown key `{key}`{known}"),
                    ));
                }
            }
            ErrorKind::AnyOf | ErrorKind::OneOf(None) => {
                let mut ways = Vec::new();
                for cause in &error.causes {
                    self.gather(cause, &mut ways);
                }
                let mut texts: Vec<String> = ways.into_iter().map(|(_, text)| text).collect();
                texts.dedup();
                problems.push((pointer, texts.join(", or ")));
            }
            _ if !error.causes.is_empty() => {
                for cause in &error.causes {
                    self.gather(cause, problems);
                }
            }
            kind => problems.push((pointer, told(kind))),
        }
    }

    /// The keys that a part of the schema knows.
    fn known(&self, place: &str) -> String {
        let (_, pointer) = place.split_once('#').unwrap_or_default();
        let keys = self
            .text
            .pointer(pointer)
            .and_then(|part| part.get("properties"))
            .and_then(Value::as_object);
        let Some(keys) = keys else {
            return String::new();
        };
        let mut known = String::new();
        for (place, key) in keys.keys().enumerate() {
            let before = if place == 0 { "; known are " } else { ", " };
            let _infallible = write!(known, "{before}{key}");
        }
        known
    }
}

impl std::fmt::Debug for Schema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Schema").field(&self.text).finish()
    }
}

/// What is wrong, for whoever wrote the settings.
fn told(kind: &ErrorKind<'_, '_>) -> String {
    match kind {
        ErrorKind::Type { got, want } => {
            let want: Vec<String> = want.iter().map(|kind| kind.to_string()).collect();
            format!("must be {}, not {got}", want.join(" or "))
        }
        ErrorKind::Enum { want } => {
            let want: Vec<String> = want.iter().map(Value::to_string).collect();
            format!("must be one of {}", want.join(", "))
        }
        ErrorKind::Const { want } => format!("must be {want}"),
        ErrorKind::Required { want } => format!("needs `{}`", want.join("`, `")),
        ErrorKind::Minimum { want, .. } => format!("must be at least {want}"),
        ErrorKind::Maximum { want, .. } => format!("must be at most {want}"),
        ErrorKind::MinLength { want, .. } => format!("must have at least {want} characters"),
        ErrorKind::MaxLength { want, .. } => format!("must have at most {want} characters"),
        ErrorKind::MinItems { want, .. } => format!("must have at least {want} entries"),
        ErrorKind::MaxItems { want, .. } => format!("must have at most {want} entries"),
        ErrorKind::Pattern { got, want } => format!("\"{got}\" does not fit {want}"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Schema {
        Schema::compile(
            &json!({
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "word": { "type": "string", "minLength": 1 },
                    "rates": { "type": "array", "items": { "$ref": "#/$defs/rate" } },
                    "junk": { "anyOf": [{ "type": "number" }, { "const": "never" }] },
                },
                "$defs": { "rate": {
                    "type": "object",
                    "required": ["per"],
                    "properties": { "per": { "enum": ["address", "network"] }, "seconds": { "type": "integer", "minimum": 1 } },
                    "additionalProperties": false,
                } },
            })
            .to_string(),
        )
        .unwrap()
    }

    #[test]
    fn what_fits_is_no_problem() {
        let settings =
            json!({ "word": "x", "rates": [{ "per": "address", "seconds": 1 }], "junk": "never" });
        assert!(schema().check(&settings).is_empty());
    }

    #[test]
    fn each_problem_has_its_place_and_says_what_to_write() {
        let settings = json!({ "wrod": 1, "word": 7, "rates": [{ "seconds": 0 }, { "per": "host" }], "junk": true });
        let mut problems = schema().check(&settings);
        problems.sort();
        let expected = [
            ("/junk", "must be number, not boolean, or must be \"never\""),
            ("/rates/0", "needs `per`"),
            ("/rates/0/seconds", "must be at least 1"),
            ("/rates/1/per", "must be one of \"address\", \"network\""),
            ("/word", "must be string, not number"),
            ("/wrod", "unknown key `wrod`; known are junk, rates, word"),
        ];
        let expected = expected.map(|(pointer, text)| (pointer.to_owned(), text.to_owned()));
        assert_eq!(problems, expected);
    }

    #[test]
    fn a_schema_reaches_for_nothing_outside_itself() {
        for place in [
            "file:///etc/passwd",
            "https://example.org/schema.json",
            "other.json",
        ] {
            let error = Schema::compile(&json!({ "$ref": place }).to_string()).unwrap_err();
            assert!(error.contains("a schema stands alone"), "{error}");
        }
    }

    #[test]
    fn what_is_no_schema_is_refused() {
        for text in ["{", "{\"type\": 7}", "{\"pattern\": \"(\"}"] {
            let error = Schema::compile(text).unwrap_err();
            assert!(
                error.starts_with("carries a settings schema that is none: "),
                "{error}"
            );
        }
    }
}
