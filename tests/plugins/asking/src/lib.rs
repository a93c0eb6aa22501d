//! A plugin that asks what it is told to ask, and writes what it learnt into `X-Asked` fields of the message.
//!
//! ```toml
//! [[step]]
//! plugin = "asking"
//! grants = ["message", "actions", "kv", "auth-results", "dns", "dnsbl", "http", "passwords"]
//! dnsbl = { zones = ["list.example"] }
//! http = { hosts = ["api.example.org"], secrets = { api = "api.secret" } }
//!
//! [step.settings]
//! questions = ["example.org MX"]
//! subjects = ["client", "shop.example"]
//! requests = [{ url = "https://api.example.org/", secret = "api" }]
//! learn = ["cheap", "pills"]
//! password = "correct horse"
//! look = true
//! ```
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

mod look;
mod outside;

use waxwing_plugin::prelude::*;

/// What to ask.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Names and types for the DNS, such as `example.org MX`.
    pub questions: Vec<String>,
    /// What lists are asked about: domains, and `client` for the client's address.
    pub subjects: Vec<String>,
    /// Requests over HTTP.
    pub requests: Vec<Ask>,
    /// Words whose counters go up by one.
    pub learn: Vec<String>,
    /// A password to be hashed, and verified against the hash.
    pub password: Option<String>,
    /// Whether to tell what the host found out about who the message is from.
    pub auth: bool,
    /// Whether to tell what can be seen of message, envelope and session.
    pub look: bool,
}

/// A request over HTTP.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Ask {
    /// `GET` unless given.
    pub method: Option<String>,
    /// The URL.
    pub url: String,
    /// The secret that goes into the field `Authorization`.
    pub secret: Option<String>,
    /// The content.
    pub body: String,
}

/// The plugin.
#[derive(Debug)]
pub struct Asking(Settings);

impl Plugin for Asking {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Vec<Problem>> {
        Ok(Self(settings))
    }

    fn check(settings: &Settings) -> Vec<Problem> {
        let wrong = settings
            .questions
            .iter()
            .enumerate()
            .filter(|(_, text)| outside::question(text).is_none());
        wrong
            .map(|(place, text)| {
                Problem::new(
                    format!("/questions/{place}"),
                    format!("\"{text}\" is no name with a type"),
                )
            })
            .collect()
    }
}

impl OnMessage for Asking {
    fn on_message(&self, call: MessageCall<'_>) -> Result<MessageDecision, HookError> {
        let settings = &self.0;
        let mut learnt = outside::dns(&settings.questions);
        learnt.extend(outside::lists(&settings.subjects, call.conn)?);
        learnt.extend(outside::http(&settings.requests));
        learnt.extend(words(&settings.learn)?);
        learnt.extend(password(settings.password.as_deref())?);
        if settings.auth {
            learnt.extend(auth());
        }
        if settings.look {
            learnt.extend(look::at(call.message, call.envelope, call.conn));
        }
        for line in learnt {
            call.actions.add_header("X-Asked", &line)?;
        }
        Ok(MessageDecision::Pass)
    }
}

/// Learns words, and remembers in one go which they were.
fn words(words: &[String]) -> Result<Vec<String>, HookError> {
    if words.is_empty() {
        return Ok(Vec::new());
    }
    let deltas: Vec<(String, i64)> = words.iter().map(|word| (word.clone(), 1)).collect();
    let sums = kv::increment_many(kv::Area::Plugin, &deltas, None)?;
    let last: Vec<(String, Vec<u8>)> = words
        .iter()
        .map(|word| (format!("last/{word}"), b"seen".to_vec()))
        .collect();
    kv::set_many(kv::Area::Plugin, &last, None)?;
    let counters = kv::counters(kv::Area::Plugin, words)?;
    Ok(words
        .iter()
        .zip(sums.iter().zip(counters))
        .map(|(word, (sum, counter))| format!("learn {word} {sum} {counter}"))
        .collect())
}

/// One line for each method.
fn auth() -> Vec<String> {
    let one = |method: &str, of: auth_results::DomainVerdict| {
        format!("auth {method} {:?} {}", of.verdict, of.domain)
            .trim_end()
            .to_owned()
    };
    let dmarc = auth_results::dmarc();
    let arc = auth_results::arc();
    let mut told = vec![
        one("iprev", auth_results::iprev()),
        one("spf-helo", auth_results::spf_helo()),
        one("spf", auth_results::spf()),
        format!("auth dmarc {:?} {:?}", dmarc.verdict, dmarc.policy),
        format!("auth arc {:?} {}", arc.verdict, arc.sealers.len()),
    ];
    told.extend(
        auth_results::dkim()
            .iter()
            .map(|signature| format!("auth dkim {:?} {}", signature.verdict, signature.domain)),
    );
    told
}

fn password(password: Option<&str>) -> Result<Vec<String>, HookError> {
    let Some(password) = password else {
        return Ok(Vec::new());
    };
    let stored = passwords::hash(password)?;
    let right = passwords::verify(password, &stored)?;
    let wrong = passwords::verify("another", &stored)?;
    Ok(vec![format!("password {right} {wrong}")])
}

waxwing_plugin::export!(Asking: message);

#[cfg(test)]
mod tests {
    #[test]
    fn cases() {
        waxwing_plugin::testing::run_cases::<super::Asking>(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/cases"
        ));
    }
}
