//! Reads the tests in a rule's table: `header`, `body`, `url`, … and the lists that join them.

use crate::model::{Expr, Fact, Pattern, Subject};
use crate::order::reference;
use crate::when::{DEEPEST, When};
use serde_json::{Map, Value};
use waxwing_plugin::settings::{Network, Problem, Size, escape_pointer};

/// Tests whose value is a regular expression, or a list of which one must match.
const PATTERN_TESTS: [(&str, Subject); 9] = [
    ("body", Subject::Body),
    ("html", Subject::Html),
    ("raw", Subject::Raw),
    ("any-header", Subject::AnyHeader),
    ("url", Subject::Url),
    ("attachment", Subject::Attachment),
    ("sender", Subject::Sender),
    ("recipient", Subject::Recipient),
    ("helo", Subject::Helo),
];

const ALL_TESTS: &str = "header, body, html, raw, any-header, url, url-host, attachment, attachment-type, \
    attachments-over, sender, recipient, recipients-over, helo, client, authenticated, tls, size-over, size-under, \
    all, any, not, when";

/// What is gathered while tests are read.
#[derive(Default)]
pub(crate) struct Tests {
    pub(crate) patterns: Vec<Pattern>,
    pub(crate) problems: Vec<Problem>,
    /// Rules that the rule being read names.
    pub(crate) named: Vec<String>,
}

/// All of them, or the only one.
pub(crate) fn join_all(mut conditions: Vec<Expr>) -> Expr {
    if conditions.len() == 1 {
        conditions.remove(0)
    } else {
        Expr::All(conditions)
    }
}

fn join_any(mut conditions: Vec<Expr>) -> Expr {
    if conditions.len() == 1 {
        conditions.remove(0)
    } else {
        Expr::Any(conditions)
    }
}

impl Tests {
    fn problem(&mut self, pointer: impl Into<String>, text: impl Into<String>) {
        self.problems.push(Problem::new(pointer, text));
    }

    /// The tests of a table, all of which must hold.
    pub(crate) fn table(
        &mut self,
        table: &Map<String, Value>,
        place: &str,
        depth: usize,
    ) -> Vec<Expr> {
        if depth > DEEPEST {
            self.problem(place, format!("is nested more than {DEEPEST} deep"));
            return Vec::new();
        }
        let insensitive = match table.get("case-sensitive") {
            None | Some(Value::Bool(false)) => true,
            Some(Value::Bool(true)) => false,
            Some(_) => {
                self.problem(format!("{place}/case-sensitive"), "must be true or false");
                true
            }
        };
        let before = self.problems.len();
        let mut conditions = Vec::new();
        for (key, value) in table {
            let pointer = format!("{place}/{}", escape_pointer(key));
            conditions.extend(self.test(key, value, table, &pointer, insensitive, depth));
        }
        if conditions.is_empty() && self.problems.len() == before {
            self.problem(place, format!("has no test; tests are {ALL_TESTS}"));
        }
        conditions
    }

    fn test(
        &mut self,
        key: &str,
        value: &Value,
        table: &Map<String, Value>,
        pointer: &str,
        insensitive: bool,
        depth: usize,
    ) -> Option<Expr> {
        if let Some((_, subject)) = PATTERN_TESTS.iter().find(|(name, _)| *name == key) {
            let regexes = self.texts(value, pointer)?;
            return Some(self.any_pattern(subject, regexes, insensitive));
        }
        match key {
            "case-sensitive" => None,
            "header" => self.header(value, table, pointer, insensitive),
            "matches" | "contains" | "equals" | "exists" => {
                if !table.contains_key("header") {
                    self.problem(
                        pointer,
                        format!("{key} belongs to a header test: header = \"Subject\""),
                    );
                }
                None
            }
            "url-host" => {
                let hosts = self.texts(value, pointer)?;
                let regexes = hosts
                    .into_iter()
                    .map(|(host, pointer)| (url_host_regex(&host), pointer))
                    .collect();
                Some(self.any_pattern(&Subject::Url, regexes, true))
            }
            "all" | "any" => {
                let inner = self.list(value, pointer, depth)?;
                Some(if key == "all" {
                    Expr::All(inner)
                } else {
                    Expr::Any(inner)
                })
            }
            "not" => match value {
                Value::Object(table) => Some(Expr::Not(Box::new(join_all(self.table(
                    table,
                    pointer,
                    depth + 1,
                ))))),
                _ => {
                    self.problem(
                        pointer,
                        "must be a table of tests: not = { header = \"…\", … }",
                    );
                    None
                }
            },
            "when" => {
                let Value::String(text) = value else {
                    self.problem(pointer, "must be text in quotes: when = \"A && !B\"");
                    return None;
                };
                match When::parse(text) {
                    Ok(when) => Some(self.condition(when)),
                    Err(reason) => {
                        self.problem(pointer, reason);
                        None
                    }
                }
            }
            _ => self.fact(key, value, pointer).map(Expr::Fact),
        }
    }

    fn fact(&mut self, key: &str, value: &Value, pointer: &str) -> Option<Fact> {
        Some(match key {
            "attachment-type" => Fact::AttachmentType(self.lower(value, pointer)?),
            "authenticated" => Fact::Authenticated(self.yes_or_no(value, pointer)?),
            "tls" => Fact::Tls(self.yes_or_no(value, pointer)?),
            "attachments-over" => Fact::AttachmentsOver(self.count(value, pointer)?),
            "recipients-over" => Fact::RecipientsOver(self.count(value, pointer)?),
            "size-over" => Fact::SizeOver(self.size(value, pointer)?),
            "size-under" => Fact::SizeUnder(self.size(value, pointer)?),
            "client" => {
                let mut networks = Vec::new();
                for (text, pointer) in self.texts(value, pointer)? {
                    match text.parse::<Network>() {
                        Ok(network) => networks.push(network.0),
                        Err(reason) => self.problem(pointer, reason),
                    }
                }
                Fact::Client(networks)
            }
            _ => {
                self.problem(
                    pointer,
                    format!("there is no test \"{key}\"; tests are {ALL_TESTS}"),
                );
                return None;
            }
        })
    }

    /// `header` with one of `matches`, `contains`, `equals`, `exists`.
    fn header(
        &mut self,
        value: &Value,
        table: &Map<String, Value>,
        pointer: &str,
        insensitive: bool,
    ) -> Option<Expr> {
        let names = self.texts(value, pointer)?;
        // RFC 5322 §3.6.8: printable ASCII but the colon.
        let is_field = |name: &str| {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| (33..=126).contains(&byte) && byte != b':')
        };
        if let Some((name, pointer)) = names.iter().find(|(name, _)| !is_field(name)) {
            self.problem(pointer, format!("\"{name}\" is no header field's name"));
            return None;
        }
        let place = pointer.strip_suffix("/header").unwrap_or(pointer);
        let mut conditions = Vec::new();
        for (key, make) in [
            ("matches", str::to_owned as fn(&str) -> String),
            ("contains", escape),
            ("equals", |text| format!("^{}$", escape(text))),
        ] {
            let Some(value) = table.get(key) else {
                continue;
            };
            let texts = self.texts(value, &format!("{place}/{key}"))?;
            let regexes: Vec<(String, String)> = texts
                .into_iter()
                .map(|(text, pointer)| (make(&text), pointer))
                .collect();
            let each: Vec<Expr> = names
                .iter()
                .map(|(name, _)| {
                    self.any_pattern(
                        &Subject::Header(name.to_lowercase()),
                        regexes.clone(),
                        insensitive,
                    )
                })
                .collect();
            conditions.push(join_any(each));
        }
        if let Some(value) = table.get("exists") {
            let wanted = self.yes_or_no(value, &format!("{place}/exists"))?;
            let each = names
                .iter()
                .map(|(name, _)| Expr::Fact(Fact::HeaderExists(name.to_lowercase(), wanted)));
            // "Exists" means any of them, "does not exist" none of them.
            conditions.push(if wanted {
                join_any(each.collect())
            } else {
                join_all(each.collect())
            });
        }
        if conditions.is_empty() {
            self.problem(
                place,
                "a header test needs matches, contains, equals or exists",
            );
            return None;
        }
        Some(join_all(conditions))
    }

    fn list(&mut self, value: &Value, pointer: &str, depth: usize) -> Option<Vec<Expr>> {
        let Some(entries) = value.as_array().filter(|entries| !entries.is_empty()) else {
            self.problem(
                pointer,
                "must be a list of tables: [ { header = \"…\", … }, { body = '…' } ]",
            );
            return None;
        };
        let mut conditions = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let place = format!("{pointer}/{index}");
            match entry {
                Value::Object(table) => {
                    conditions.push(join_all(self.table(table, &place, depth + 1)));
                }
                _ => self.problem(place, "must be a table of tests: { header = \"…\", … }"),
            }
        }
        Some(conditions)
    }

    fn condition(&mut self, when: When) -> Expr {
        match when {
            When::Rule(name) => reference(&mut self.named, name),
            When::Finding(name) => Expr::Finding(name),
            When::All(inner) => Expr::All(
                inner
                    .into_iter()
                    .map(|inner| self.condition(inner))
                    .collect(),
            ),
            When::Any(inner) => Expr::Any(
                inner
                    .into_iter()
                    .map(|inner| self.condition(inner))
                    .collect(),
            ),
            When::Not(inner) => Expr::Not(Box::new(self.condition(*inner))),
        }
    }

    /// One of these regular expressions matches the subject.
    fn any_pattern(
        &mut self,
        subject: &Subject,
        regexes: Vec<(String, String)>,
        case_insensitive: bool,
    ) -> Expr {
        let mut conditions = Vec::with_capacity(regexes.len());
        for (regex, pointer) in regexes {
            conditions.push(Expr::Pattern(self.patterns.len()));
            self.patterns.push(Pattern {
                subject: subject.clone(),
                regex,
                case_insensitive,
                pointer,
            });
        }
        join_any(conditions)
    }

    /// A text or a list of texts, each with its pointer.
    fn texts(&mut self, value: &Value, pointer: &str) -> Option<Vec<(String, String)>> {
        let found: Option<Vec<(String, String)>> = match value {
            Value::String(text) => Some(vec![(text.clone(), pointer.to_owned())]),
            Value::Array(entries) if !entries.is_empty() => entries
                .iter()
                .enumerate()
                .map(|(index, entry)| {
                    Some((entry.as_str()?.to_owned(), format!("{pointer}/{index}")))
                })
                .collect(),
            _ => None,
        };
        if found.is_none() {
            self.problem(pointer, "must be text in quotes, or a list of such");
        }
        found
    }

    fn lower(&mut self, value: &Value, pointer: &str) -> Option<Vec<String>> {
        Some(
            self.texts(value, pointer)?
                .into_iter()
                .map(|(text, _)| text.to_lowercase())
                .collect(),
        )
    }

    fn yes_or_no(&mut self, value: &Value, pointer: &str) -> Option<bool> {
        if !value.is_boolean() {
            self.problem(pointer, "must be true or false");
        }
        value.as_bool()
    }

    fn count(&mut self, value: &Value, pointer: &str) -> Option<u64> {
        if !value.is_u64() {
            self.problem(pointer, "must be a whole number, 0 or more");
        }
        value.as_u64()
    }

    fn size(&mut self, value: &Value, pointer: &str) -> Option<u64> {
        let size = match value {
            Value::String(text) => text.parse::<Size>().map(|size| size.0),
            _ => value
                .as_u64()
                .ok_or_else(|| "must be octets, or text such as \"2 MB\"".to_owned()),
        };
        size.map_err(|reason| self.problem(pointer, reason)).ok()
    }
}

/// Text as a regular expression that matches just it.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if r"\.+*?()|[]{}^$#&-~".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// A host (`example.org`, or `*.example.org` for every name below it) as an expression over URLs.
/// RFC 3986 §3.2: the host stands after `//` and the optional user part, before port, path, query and fragment.
fn url_host_regex(host: &str) -> String {
    let (below, host) = match host.strip_prefix("*.") {
        Some(parent) => (r"(?:[^/?#@:]+\.)", parent),
        None => ("", host),
    };
    format!(
        r"^[a-z][a-z0-9+.\-]*://(?:[^/?#@]*@)?{below}{}\.?(?:[:/?#]|$)",
        escape(host)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_hosts_match_whole_names() {
        let matches = |host: &str, url: &str| {
            regex::RegexBuilder::new(&url_host_regex(host))
                .case_insensitive(true)
                .build()
                .unwrap()
                .is_match(url)
        };
        for url in [
            "http://bit.ly",
            "https://BIT.LY/x",
            "http://a:b@bit.ly:80/",
            "http://bit.ly.?q",
        ] {
            assert!(matches("bit.ly", url), "{url}");
        }
        for url in [
            "http://orbit.ly/",
            "http://bit.ly.example/",
            "http://x/bit.ly",
            "http://a.bit.ly/",
        ] {
            assert!(!matches("bit.ly", url), "{url}");
        }
        assert!(matches("*.example.org", "http://a.b.example.org/x"));
        assert!(!matches("*.example.org", "http://example.org/x"));
    }

    #[test]
    fn escaped_text_matches_itself() {
        let text = r"a.b*c(d)[e]{f}^$|\-#&~ 100% é";
        assert!(
            regex::Regex::new(&format!("^{}$", escape(text)))
                .unwrap()
                .is_match(text)
        );
    }
}
