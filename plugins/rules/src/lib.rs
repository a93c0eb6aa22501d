//! An operator's rules: rows in `config/rules/*.toml` that look at header, body, links, attachments and envelope, and
//! give points. A saved file judges the next message.
//!
//! Hook: message. Host calls: message (one pass over all regular expressions), findings. README.md has the language.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "tests fail by panicking"
    )
)]

pub mod logic;
pub mod model;
mod order;
mod read;
mod test;
mod when;

pub use read::read;

use logic::Facts;
use message::Scope;
use model::{Fact, Pattern, RuleSet, Subject, Then};
use std::collections::BTreeMap;
use std::net::IpAddr;
use waxwing_plugin::prelude::*;

/// The plugin: the rules, and their regular expressions as the host compiled them.
pub struct Rules {
    set: RuleSet,
    patterns: PatternSet,
    /// Patterns over the envelope and the greeting are run on texts that are handed in.
    values: Vec<&'static str>,
    /// Header fields that rules want to be there or not, sorted. Each has an empty pattern behind those of the set: it matches where the
    /// field is there, and no question is needed but the one that looks for all patterns.
    fields: Vec<String>,
    /// Whether a rule asks for what other plugins found.
    looks_at_findings: bool,
}

const SENDER: &str = "sender";
const RECIPIENT: &str = "recipient";
const HELO: &str = "helo";

/// Recipients whose addresses are looked at: a list of ten thousand costs no more than one of a hundred.
const MOST_RECIPIENTS: u32 = 100;

impl Plugin for Rules {
    type Settings = serde_json::Value;

    fn new(settings: serde_json::Value) -> Result<Self, Vec<Problem>> {
        let set = read(&settings)?;
        let patterns = PatternSet::new();
        let mut problems = Vec::new();
        for pattern in &set.patterns {
            // The numbers that the host gives are the places in `set.patterns`: both count from 0.
            if let Err(reason) = patterns.add(
                &scope(&pattern.subject),
                &pattern.regex,
                pattern.case_insensitive,
            ) {
                problems.push(bad_regex(pattern, &reason));
            }
        }
        let fields = set.fields();
        for field in &fields {
            if let Err(reason) = patterns.add(&Scope::Header(field.clone()), "", false) {
                problems.push(Problem::new("", reason));
            }
        }
        if problems.is_empty() {
            patterns
                .compile()
                .map_err(|reason| vec![Problem::new("", reason)])?;
            let values = [SENDER, RECIPIENT, HELO]
                .into_iter()
                .filter(|name| uses(&set, name))
                .collect();
            return Ok(Self {
                fields,
                looks_at_findings: set.looks_at_findings(),
                set,
                patterns,
                values,
            });
        }
        Err(problems)
    }
}

fn bad_regex(pattern: &Pattern, reason: &str) -> Problem {
    // The engine draws a picture over several lines; its last line says what is wrong.
    let reason = reason.lines().last().unwrap_or(reason).trim();
    let reason = reason.strip_prefix("error: ").unwrap_or(reason);
    Problem::new(
        &pattern.pointer,
        format!("'{}' is no regular expression: {reason}", pattern.regex),
    )
}

fn scope(subject: &Subject) -> Scope {
    match subject {
        Subject::Header(name) => Scope::Header(name.clone()),
        Subject::AnyHeader => Scope::Headers,
        Subject::Body => Scope::Text,
        Subject::Html => Scope::Html,
        Subject::Raw => Scope::Raw,
        Subject::Url => Scope::Urls,
        Subject::Attachment => Scope::AttachmentNames,
        Subject::Sender => Scope::Value(SENDER.to_owned()),
        Subject::Recipient => Scope::Value(RECIPIENT.to_owned()),
        Subject::Helo => Scope::Value(HELO.to_owned()),
    }
}

fn uses(set: &RuleSet, value: &str) -> bool {
    set.patterns
        .iter()
        .any(|pattern| matches!(scope(&pattern.subject), Scope::Value(name) if name == value))
}

/// What rules ask of the message at hand.
struct Asked<'a> {
    call: MessageCall<'a>,
    rules: &'a Rules,
    hits: BTreeMap<usize, String>,
    found: Vec<String>,
}

impl Asked<'_> {
    fn has(&self, name: &str) -> bool {
        let fields = &self.rules.fields;
        let place = fields.binary_search_by(|field| field.as_str().cmp(name));
        place.is_ok_and(|place| {
            self.hits
                .contains_key(&(self.rules.set.patterns.len() + place))
        })
    }
}

impl Facts for Asked<'_> {
    fn hit(&self, pattern: usize) -> Option<&str> {
        self.hits.get(&pattern).map(String::as_str)
    }

    fn found(&self, name: &str) -> bool {
        self.found.iter().any(|found| found == name)
    }

    fn holds(&self, fact: &Fact) -> bool {
        let (message, envelope, conn) = (self.call.message, self.call.envelope, self.call.conn);
        match fact {
            Fact::HeaderExists(name, wanted) => self.has(name) == *wanted,
            Fact::AttachmentType(types) => {
                parts(message).any(|part| is_type(types, &part.content_type()))
            }
            Fact::AttachmentsOver(limit) => {
                parts(message).filter(is_attachment).count() as u64 > *limit
            }
            Fact::RecipientsOver(limit) => u64::from(envelope.recipient_count()) > *limit,
            Fact::SizeOver(limit) => message.size() > *limit,
            Fact::SizeUnder(limit) => message.size() < *limit,
            Fact::Client(networks) => {
                let client = IpAddr::from(conn.client().address);
                networks.iter().any(|network| network.contains(&client))
            }
            Fact::Authenticated(wanted) => envelope.identity().is_some() == *wanted,
            Fact::Tls(wanted) => conn.is_tls() == *wanted,
        }
    }
}

fn parts(message: &Message) -> impl Iterator<Item = message::Part> {
    (0..message.part_count()).filter_map(|index| message.part(index))
}

/// RFC 2183 §2.2; a named part is one as well.
fn is_attachment(part: &message::Part) -> bool {
    part.disposition()
        .is_some_and(|disposition| disposition == "attachment")
        || part.filename().is_some()
}

fn is_type(wanted: &[String], of: &str) -> bool {
    wanted.iter().any(|wanted| match wanted.strip_suffix("/*") {
        Some(kind) => of.split('/').next() == Some(kind),
        None => of == wanted,
    })
}

impl Rules {
    /// The first hit of every pattern that matches, by the pattern's number.
    fn hits(&self, call: MessageCall<'_>) -> BTreeMap<usize, String> {
        let mut found = call.message.search(&self.patterns, 1);
        for value in &self.values {
            match *value {
                SENDER => {
                    let sender = call
                        .envelope
                        .sender()
                        .map(|sender| sender.to_string())
                        .unwrap_or_default();
                    found.extend(self.patterns.search_value(SENDER, &sender));
                }
                RECIPIENT => {
                    for recipient in call.envelope.recipients(0, MOST_RECIPIENTS) {
                        found.extend(
                            self.patterns
                                .search_value(RECIPIENT, &recipient.address.to_string()),
                        );
                    }
                }
                _ => found.extend(
                    self.patterns
                        .search_value(HELO, &call.conn.helo().unwrap_or_default()),
                ),
            }
        }
        let mut hits = BTreeMap::new();
        for hit in found {
            hits.entry(hit.pattern as usize).or_insert(hit.excerpt);
        }
        hits
    }
}

impl OnMessage for Rules {
    fn on_message(&self, call: MessageCall<'_>) -> Result<MessageDecision, HookError> {
        if self.set.rules.is_empty() {
            return Ok(MessageDecision::Pass);
        }
        let found = if self.looks_at_findings {
            findings::so_far()
        } else {
            Vec::new()
        };
        let asked = Asked {
            call,
            rules: self,
            hits: self.hits(call),
            found: found.into_iter().map(|symbol| symbol.name).collect(),
        };
        let held = logic::held(&self.set, &asked);
        for held in &held {
            if let Some(score) = held.rule.score {
                findings::add(&held.rule.name, score, &held.evidence)?;
                if !held.rule.description.is_empty() {
                    findings::explain(&format!("{}: {}", held.rule.name, held.rule.description));
                }
            }
        }
        let Some((rule, then)) = logic::decision(&held) else {
            return Ok(MessageDecision::Pass);
        };
        findings::explain(&format!("decided by rule {}", rule.name));
        Ok(match then {
            Then::Accept => MessageDecision::Accept,
            Then::Defer(text) => {
                MessageDecision::Defer(SmtpReply::new(450, (4, 7, 1), text.as_str()))
            }
            Then::Reject(text) => {
                MessageDecision::Reject(SmtpReply::new(550, (5, 7, 1), text.as_str()))
            }
            Then::Discard => MessageDecision::Discard,
            Then::Quarantine => MessageDecision::Quarantine(rule.name.clone()),
        })
    }
}

waxwing_plugin::export!(Rules: message);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases() {
        waxwing_plugin::testing::run_cases::<Rules>(concat!(env!("CARGO_MANIFEST_DIR"), "/cases"));
    }

    #[test]
    fn the_shipped_rules_are_good() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/rules");
        let mut files: Vec<serde_json::Value> = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let content: toml::Value =
                toml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            files.push(serde_json::json!({ "name": path.to_str().unwrap(), "content": content }));
        }
        let rules = Rules::new(serde_json::json!({ "files": files }));
        let set = rules.map(|rules| rules.set).unwrap();
        let reported: Vec<_> = set
            .rules
            .iter()
            .filter(|rule| rule.score.is_some())
            .collect();
        assert!(reported.iter().any(|rule| rule.name == "GTUBE"));
        assert!(
            reported.iter().all(|rule| !rule.description.is_empty()),
            "a rule without a description"
        );
    }
}
