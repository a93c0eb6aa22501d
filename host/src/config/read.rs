//! Reads a TOML file into settings and collects every problem with its line instead of stopping at the first.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use waxwing_sasl::Mechanism;

use super::units::{Network, Period, Size};
use super::{ChallengeKind, LogFormat, Problem, Service, Tls, TsigAlgorithm, Validate};

/// A file that is being read, and what was found wrong with it so far.
pub(super) struct Source<'i> {
    name: &'i str,
    text: &'i str,
    problems: RefCell<Vec<Problem>>,
}

impl<'i> Source<'i> {
    pub(super) fn new(name: &'i str, text: &'i str) -> Self {
        Self {
            name,
            text,
            problems: RefCell::default(),
        }
    }

    /// Parses the file and hands its root to `read`.
    pub(super) fn read(&self, read: impl FnOnce(&mut Section<'_, 'i>)) {
        let (root, errors) = DeTable::parse_recoverable(self.text);
        if errors.is_empty() {
            Section::within(self, root.get_ref(), String::new(), read);
        }
        for error in errors {
            self.problem(
                error.span().map_or(0, |span| span.start),
                error.message().replace('\n', ", "),
            );
        }
    }

    /// Nothing, or every problem in the order of the lines.
    pub(super) fn finish(self) -> Result<(), Vec<Problem>> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| problem.line);
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems)
        }
    }

    fn problem(&self, offset: usize, text: String) {
        let line = 1 + self
            .text
            .bytes()
            .take(offset)
            .filter(|byte| *byte == b'\n')
            .count();
        self.problems.borrow_mut().push(Problem {
            file: self.name.into(),
            line,
            text,
        });
    }
}

/// A table of the file; it remembers which keys were asked for, so that the others are unknown.
pub(super) struct Section<'s, 'i> {
    source: &'s Source<'i>,
    table: &'s DeTable<'i>,
    /// The dotted name of the table with its dot, for messages.
    prefix: String,
    known: Vec<&'static str>,
}

impl<'s, 'i> Section<'s, 'i> {
    fn within(
        source: &'s Source<'i>,
        table: &'s DeTable<'i>,
        prefix: String,
        read: impl FnOnce(&mut Section<'s, 'i>),
    ) {
        let mut section = Section {
            source,
            table,
            prefix,
            known: Vec::new(),
        };
        read(&mut section);
        section.report_unknown();
    }

    fn get(&mut self, key: &'static str) -> Option<&'s Spanned<DeValue<'i>>> {
        self.known.push(key);
        let table: &'s DeTable<'i> = self.table;
        table
            .iter()
            .find(|(name, _)| name.get_ref() == key)
            .map(|(_, value)| value)
    }

    /// Whether the key is in the file.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.iter().any(|(name, _)| name.get_ref() == key)
    }

    /// Reads a key into `into`, which keeps its default where the key is absent or wrong.
    pub(super) fn value<T: FromToml>(&mut self, key: &'static str, into: &mut T) {
        let Some(value) = self.get(key) else { return };
        match T::from_toml(value.get_ref()) {
            Some(read) => *into = read,
            None => {
                let text = format!(
                    "{}{key}: expected {}, found {}",
                    self.prefix,
                    T::expected(),
                    shown(value.get_ref())
                );
                self.source.problem(value.span().start, text);
            }
        }
    }

    /// Reads a table, if it is there.
    pub(super) fn section(&mut self, key: &'static str, read: impl FnOnce(&mut Section<'s, 'i>)) {
        let Some(value) = self.get(key) else { return };
        match value.get_ref().as_table() {
            Some(table) => {
                Section::within(self.source, table, format!("{}{key}.", self.prefix), read);
            }
            None => self.source.problem(
                value.span().start,
                format!("{}{key}: expected a table, [{key}]", self.prefix),
            ),
        }
    }

    /// Reads an array of tables; returns whether it is there.
    pub(super) fn sections(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Section<'s, 'i>),
    ) -> bool {
        let Some(value) = self.get(key) else {
            return false;
        };
        let tables = value.get_ref().as_array().map(|array| {
            array
                .iter()
                .map(|item| item.get_ref().as_table())
                .collect::<Option<Vec<_>>>()
        });
        match tables.flatten() {
            Some(tables) => {
                for table in tables {
                    Section::within(
                        self.source,
                        table,
                        format!("{}{key}.", self.prefix),
                        &mut read,
                    );
                }
            }
            None => self.source.problem(
                value.span().start,
                format!("{}{key}: expected tables, [[{key}]]", self.prefix),
            ),
        }
        true
    }

    /// Reports `problem` at the key, or at the start of the table where the key is absent.
    pub(super) fn check(&mut self, key: &str, problem: Option<String>) {
        let Some(problem) = problem else { return };
        let own = self
            .table
            .iter()
            .find(|(name, _)| name.get_ref() == key)
            .or_else(|| self.table.iter().next());
        let offset = own.map_or(0, |(name, _)| name.span().start);
        self.source
            .problem(offset, format!("{}{key}: {problem}", self.prefix));
    }

    /// Reports a number that is too small, where it is written.
    pub(super) fn at_least<N: PartialOrd + std::fmt::Display>(
        &mut self,
        key: &str,
        value: N,
        least: N,
    ) {
        if let Some((name, _)) = self.table.iter().find(|(name, _)| name.get_ref() == key)
            && value < least
        {
            self.source.problem(
                name.span().start,
                format!("{}{key} must be at least {least}", self.prefix),
            );
        }
    }

    fn report_unknown(&self) {
        for (name, _) in self.table {
            let key = name.get_ref();
            if self.known.iter().any(|known| known == key) {
                continue;
            }
            let similar = self
                .known
                .iter()
                .filter(|known| distance(key, known) <= 2)
                .min_by_key(|known| distance(key, known));
            let hint = similar
                .map(|similar| format!("; did you mean `{similar}`?"))
                .unwrap_or_default();
            self.source.problem(
                name.span().start,
                format!("unknown key `{}{key}`{hint}", self.prefix),
            );
        }
    }
}

/// Letters to add, remove or change to make one word of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(row.first_mut().unwrap_or(&mut 0), index + 1);
        let mut left = index + 1;
        for (cell, candidate) in row.iter_mut().skip(1).zip(other.chars()) {
            let change = diagonal + usize::from(letter != candidate);
            diagonal = *cell;
            *cell = change.min(left + 1).min(diagonal + 1);
            left = *cell;
        }
    }
    row.last().copied().unwrap_or(0)
}

fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.as_str().to_owned(),
        DeValue::Boolean(value) => value.to_string(),
        other => format!("a value of type {}", other.type_str()),
    }
}

/// A setting that can be read from a TOML value.
pub(super) trait FromToml: Sized {
    /// What to write, for the message.
    fn expected() -> String;
    /// The setting, if the value is one.
    fn from_toml(value: &DeValue<'_>) -> Option<Self>;
}

impl FromToml for String {
    fn expected() -> String {
        "a string".into()
    }

    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }
}

impl FromToml for PathBuf {
    fn expected() -> String {
        "a path".into()
    }

    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        value.as_str().map(PathBuf::from)
    }
}

impl FromToml for bool {
    fn expected() -> String {
        "true or false".into()
    }

    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        value.as_bool()
    }
}

impl FromToml for u16 {
    fn expected() -> String {
        "a number up to 65535".into()
    }

    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        let number = value.as_integer()?;
        u16::from_str_radix(number.as_str(), number.radix()).ok()
    }
}

impl FromToml for u32 {
    fn expected() -> String {
        "a number".into()
    }

    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        let number = value.as_integer()?;
        u32::from_str_radix(number.as_str(), number.radix()).ok()
    }
}

impl FromToml for Size {
    fn expected() -> String {
        "a size such as \"50MiB\"".into()
    }

    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        value.as_str()?.parse().ok()
    }
}

impl FromToml for Period {
    fn expected() -> String {
        "a period such as \"30s\" or \"5m\"".into()
    }

    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        value.as_str()?.parse().ok()
    }
}

impl FromToml for SocketAddr {
    fn expected() -> String {
        "an address with a port such as \"127.0.0.1:25\" or \"[::]:25\"".into()
    }

    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        value.as_str()?.parse().ok()
    }
}

impl FromToml for IpAddr {
    fn expected() -> String {
        "an address such as \"192.0.2.1\"".into()
    }

    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        value.as_str()?.parse().ok()
    }
}

impl FromToml for Network {
    fn expected() -> String {
        "a network such as \"10.0.0.0/8\" or an address".into()
    }

    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        value.as_str()?.parse().ok()
    }
}

/// One value stands for a list of one.
impl<T: FromToml> FromToml for Vec<T> {
    fn expected() -> String {
        format!("{}, or a list of such", T::expected())
    }

    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        match value.as_array() {
            Some(items) => items
                .iter()
                .map(|item| T::from_toml(item.get_ref()))
                .collect(),
            None => T::from_toml(value).map(|one| vec![one]),
        }
    }
}

/// Reads one of a closed set of words.
macro_rules! words {
    ($type:ty { $($word:literal => $value:expr),+ $(,)? }) => {
        impl FromToml for $type {
            fn expected() -> String {
                format!("one of {}", [$($word),+].join(", "))
            }

            fn from_toml(value: &DeValue<'_>) -> Option<Self> {
                match value.as_str()? {
                    $($word => Some($value),)+
                    _ => None,
                }
            }
        }
    };
}

words!(LogFormat { "compact" => LogFormat::Compact, "json" => LogFormat::Json });
words!(Validate { "auto" => Validate::Auto, "always" => Validate::Always, "never" => Validate::Never });
words!(ChallengeKind {
    "http-01" => ChallengeKind::Http01,
    "tls-alpn-01" => ChallengeKind::TlsAlpn01,
    "dns-01" => ChallengeKind::Dns01,
});
words!(TsigAlgorithm {
    "hmac-sha256" => TsigAlgorithm::HmacSha256,
    "hmac-sha384" => TsigAlgorithm::HmacSha384,
    "hmac-sha512" => TsigAlgorithm::HmacSha512,
});
words!(Tls { "none" => Tls::None, "starttls" => Tls::Starttls, "implicit" => Tls::Implicit });
words!(Service {
    "smtp" => Service::Smtp,
    "submission" => Service::Submission,
    "lmtp" => Service::Lmtp,
    "imap" => Service::Imap,
    "pop3" => Service::Pop3,
    "http" => Service::Http,
    "metrics" => Service::Metrics,
});
words!(Mechanism {
    "EXTERNAL" => Mechanism::External,
    "SCRAM-SHA-256-PLUS" => Mechanism::ScramSha256Plus,
    "SCRAM-SHA-256" => Mechanism::ScramSha256,
    "PLAIN" => Mechanism::Plain,
    "LOGIN" => Mechanism::Login,
    "OAUTHBEARER" => Mechanism::OAuthBearer,
    "XOAUTH2" => Mechanism::XOAuth2,
});
