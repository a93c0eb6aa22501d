//! Settings of the autoresponder plugin; README.md has the table.

use serde::Deserialize;
use waxwing_plugin::settings::Problem;

/// All settings; each has a default.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// For how many days a sender gets no second answer, unless the user changes what is answered.
    pub days: u32,
    /// How many answers an account gives a day at most.
    pub most_a_day: u32,
    /// The subject where the user has set none; `{subject}` is that of the message.
    pub subject: String,
    /// What is said where the user has set nothing.
    pub text: String,
    /// Senders who are not answered beside those that no server answers, `*` for any characters.
    pub never: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            days: 7,
            most_a_day: 300,
            subject: "Auto: {subject}".to_owned(),
            text: "Thank you for your message. I am away, and will read it when I am back."
                .to_owned(),
            never: Vec::new(),
        }
    }
}

/// What serde cannot see.
pub fn check(settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    // RFC 5230 §4.1: at least a day, and more than seven are to be possible.
    if !(1..=365).contains(&settings.days) {
        problems.push(Problem::new(
            "/days",
            "is 1 to 365; two machines must not answer each other all day",
        ));
    }
    if !(1..=10_000).contains(&settings.most_a_day) {
        problems.push(Problem::new("/most-a-day", "is 1 to 10000"));
    }
    if settings.subject.trim().is_empty() || settings.subject.contains(char::is_control) {
        problems.push(Problem::new(
            "/subject",
            "is one line; write \"Auto: {subject}\"",
        ));
    }
    if settings.text.trim().is_empty() {
        problems.push(Problem::new("/text", "says something"));
    }
    for (place, never) in settings.never.iter().enumerate() {
        if !never.contains('@') {
            problems.push(Problem::new(
                format!("/never/{place}"),
                "is an address; write \"*@example.org\" for those of a domain",
            ));
        }
    }
    problems
}
