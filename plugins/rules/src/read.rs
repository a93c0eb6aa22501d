//! Reads rule files (as the JSON that the host makes of them) and tells every problem with its place.

use crate::model::{Expr, Rule, RuleSet, Then};
use crate::order;
use crate::test::{Tests, join_all};
use crate::when;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use waxwing_plugin::settings::{Problem, escape_pointer};

/// Most rules in all files together.
const MOST_RULES: usize = 5_000;

const RULE_KEYS: [&str; 6] = ["name", "description", "score", "enabled", "then", "text"];

/// A rule as read, its names of other rules not yet looked up.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) rule: Rule,
    /// The names of other rules in its condition: [`Expr::Rule`] indexes these until the rules are ordered.
    pub(crate) named: Vec<String>,
    pub(crate) enabled: bool,
    pub(crate) pointer: String,
    pub(crate) file: String,
}

/// Reads the settings: `rule`, `scores`, and `files` with the same two in each one's `content`.
///
/// # Errors
/// Every problem found, each with a JSON pointer into the settings.
pub fn read(settings: &Value) -> Result<RuleSet, Vec<Problem>> {
    let mut reader = Reader::default();
    reader.document(settings, "", "the settings", true);
    reader.finish()
}

#[derive(Default)]
struct Reader {
    drafts: Vec<Draft>,
    by_name: BTreeMap<String, usize>,
    scores: Vec<(String, f64, String)>,
    tests: Tests,
}

impl Reader {
    fn problem(&mut self, pointer: impl Into<String>, text: impl Into<String>) {
        self.tests.problems.push(Problem::new(pointer, text));
    }

    fn document(&mut self, value: &Value, place: &str, file: &str, outermost: bool) {
        let Value::Object(members) = value else {
            if !(outermost && value.is_null()) {
                self.problem(place, "is no table");
            }
            return;
        };
        for (key, value) in members {
            let place = format!("{place}/{}", escape_pointer(key));
            match key.as_str() {
                "rule" => self.rules(value, &place, file),
                "scores" => self.scores(value, &place),
                "files" if outermost => self.files(value, &place),
                _ => self.problem(
                    place,
                    format!("unknown table \"{key}\"; a rule file holds [[rule]] and [scores]"),
                ),
            }
        }
    }

    fn files(&mut self, value: &Value, place: &str) {
        for (index, file) in value.as_array().into_iter().flatten().enumerate() {
            let name = file
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or("a file")
                .to_owned();
            if let Some(content) = file.get("content") {
                self.document(content, &format!("{place}/{index}/content"), &name, false);
            }
        }
    }

    fn scores(&mut self, value: &Value, place: &str) {
        let Some(members) = value.as_object() else {
            return self.problem(place, "is no table; write NAME = score");
        };
        for (name, score) in members {
            let place = format!("{place}/{}", escape_pointer(name));
            if let Some(score) = self.score(score, &place) {
                self.scores.push((name.clone(), score, place));
            }
        }
    }

    fn score(&mut self, value: &Value, place: &str) -> Option<f64> {
        let score = value.as_f64().filter(|score| score.is_finite());
        if score.is_none() {
            self.problem(place, "must be a finite number");
        }
        score
    }

    fn rules(&mut self, value: &Value, place: &str, file: &str) {
        let Some(rules) = value.as_array() else {
            return self.problem(
                place,
                "write [[rule]] with two brackets: there is a list of them",
            );
        };
        for (index, rule) in rules.iter().enumerate() {
            let place = format!("{place}/{index}");
            let Some(table) = rule.as_object() else {
                self.problem(place, "is no table");
                continue;
            };
            if self.drafts.len() == MOST_RULES {
                return self.problem(place, format!("more than {MOST_RULES} rules"));
            }
            self.rule(table, place, file);
        }
    }

    fn rule(&mut self, table: &Map<String, Value>, place: String, file: &str) {
        let Some(name) = self.name(table, &place, file) else {
            return;
        };
        let score = match table.get("score") {
            None => None,
            Some(value) => match self.score(value, &format!("{place}/score")) {
                Some(score) => Some(score),
                None => return,
            },
        };
        let description = self.text(table, "description", &place);
        let then = self.then(table, &place);
        let enabled = match table.get("enabled") {
            None => true,
            Some(Value::Bool(enabled)) => *enabled,
            Some(_) => {
                self.problem(format!("{place}/enabled"), "must be true or false");
                true
            }
        };
        let tests: Map<String, Value> = table
            .iter()
            .filter(|(key, _)| !RULE_KEYS.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let conditions = self.tests.table(&tests, &place, 0);
        let named = std::mem::take(&mut self.tests.named);
        self.by_name.insert(name.clone(), self.drafts.len());
        let rule = Rule {
            name,
            description: description.unwrap_or_default(),
            score,
            condition: join_all(conditions),
            then,
            on_demand: false,
        };
        self.drafts.push(Draft {
            rule,
            named,
            enabled,
            pointer: place,
            file: file.to_owned(),
        });
    }

    fn name(&mut self, table: &Map<String, Value>, place: &str, file: &str) -> Option<String> {
        let pointer = format!("{place}/name");
        let Some(name) = table.get("name").and_then(Value::as_str) else {
            self.problem(place, "has no name; every rule needs name = \"…\"");
            return None;
        };
        if !when::is_name(name) || matches!(name, "and" | "or" | "not") {
            self.problem(
                pointer,
                format!("\"{name}\" is no name; 1 to 64 of A-Z, a-z, 0-9, _ - and ."),
            );
            return None;
        }
        if let Some(first) = self
            .by_name
            .get(name)
            .and_then(|index| self.drafts.get(*index))
        {
            let text = if first.file == file {
                format!("{name} is named twice")
            } else {
                format!(
                    "{name} is already in {}; to change its score write [scores] {name} = …",
                    first.file
                )
            };
            self.problem(pointer, text);
            return None;
        }
        Some(name.to_owned())
    }

    fn text(&mut self, table: &Map<String, Value>, key: &str, place: &str) -> Option<String> {
        match table.get(key) {
            None => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(_) => {
                self.problem(format!("{place}/{key}"), "must be text in quotes");
                None
            }
        }
    }

    fn then(&mut self, table: &Map<String, Value>, place: &str) -> Option<Then> {
        let text = self.text(table, "text", place);
        let then = self.text(table, "then", place);
        let taken = matches!(then.as_deref(), Some("defer" | "reject"));
        if text.is_some() && !taken {
            self.problem(
                format!("{place}/text"),
                "is sent only with then = \"defer\" or \"reject\"",
            );
        }
        let text = text.unwrap_or_else(|| "Message refused by local policy".to_owned());
        Some(match then?.as_str() {
            "accept" => Then::Accept,
            "defer" => Then::Defer(text),
            "reject" => Then::Reject(text),
            "discard" => Then::Discard,
            "quarantine" => Then::Quarantine,
            other => {
                self.problem(
                    format!("{place}/then"),
                    format!(
                        "\"{other}\" is nothing to do; accept, defer, reject, discard or quarantine"
                    ),
                );
                return None;
            }
        })
    }

    /// Scores set over, names looked up, rules put in order.
    fn finish(mut self) -> Result<RuleSet, Vec<Problem>> {
        for (name, score, pointer) in std::mem::take(&mut self.scores) {
            match self
                .by_name
                .get(&name)
                .and_then(|index| self.drafts.get_mut(*index))
            {
                Some(draft) => draft.rule.score = Some(score),
                None => self.problem(pointer, format!("there is no rule {name}")),
            }
        }
        let mut problems = self.tests.problems;
        let rules = order::order(self.drafts, &self.by_name, &mut problems);
        if problems.is_empty() {
            Ok(RuleSet {
                rules,
                patterns: self.tests.patterns,
            })
        } else {
            Err(problems)
        }
    }
}

/// Calls `visit` with every rule index in a condition.
pub(crate) fn each_rule(expr: &mut Expr, visit: &mut impl FnMut(&mut usize)) {
    match expr {
        Expr::Rule(index) => visit(index),
        Expr::All(inner) | Expr::Any(inner) => {
            inner.iter_mut().for_each(|inner| each_rule(inner, visit));
        }
        Expr::Not(inner) => each_rule(inner, visit),
        Expr::Pattern(_) | Expr::Fact(_) | Expr::Finding(_) => {}
    }
}
