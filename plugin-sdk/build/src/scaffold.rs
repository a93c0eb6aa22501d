//! A new plugin's project: a crate that builds, is tested and runs, with the SDK inside, so that nothing has to be fetched but what
//! crates.io has.

use crate::Error;
use std::fs;
use std::path::{Path, PathBuf};

include!(concat!(env!("OUT_DIR"), "/sdk.rs"));

/// The hook that a new plugin begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Looks for words in the subject and reports a finding.
    Message,
    /// Refuses clients by address.
    Connect,
    /// Refuses greetings.
    Ehlo,
    /// Refuses senders.
    MailFrom,
    /// Refuses recipients.
    RcptTo,
}

impl Start {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Message,
        Self::Connect,
        Self::Ehlo,
        Self::MailFrom,
        Self::RcptTo,
    ];

    /// The hook's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Connect => "connect",
            Self::Ehlo => "ehlo",
            Self::MailFrom => "mail-from",
            Self::RcptTo => "rcpt-to",
        }
    }

    fn what(self) -> &'static str {
        match self {
            Self::Message => "Looks for words in the subject of a message",
            Self::Connect => "Turns clients away by their address",
            Self::Ehlo => "Refuses greetings",
            Self::MailFrom => "Refuses senders",
            Self::RcptTo => "Refuses recipients",
        }
    }
}

/// Writes a project for a plugin of this name into `folder`, which must not exist or be empty. Gives the files.
///
/// # Errors
/// The name fits no plugin, the folder has something in it, or it cannot be written.
pub fn scaffold(name: &str, start: Start, folder: &Path) -> Result<Vec<PathBuf>, Error> {
    if !fits(name) {
        return Err(Error::Name(name.to_owned()));
    }
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Error::NotEmpty(folder.to_owned()));
    }
    let own = own_files(name, start);
    let embedded = FILES
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    let mut written = Vec::new();
    for (path, text) in own.into_iter().chain(embedded) {
        let path = folder.join(path);
        let wrong = |source| Error::Io {
            path: path.clone(),
            source,
        };
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(wrong)?;
        }
        fs::write(&path, text).map_err(wrong)?;
        written.push(path);
    }
    Ok(written)
}

/// A name that is a file's, a crate's and a Rust type's at once.
fn fits(name: &str) -> bool {
    let fitting = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=48).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(fitting)
        && !name.ends_with('-')
}

fn own_files(name: &str, start: Start) -> Vec<(String, String)> {
    let template = |text: &str| fill(text, name, start);
    let (code, logic, cases, schema) = match start {
        Start::Message => (
            include_str!("../template/message.rs.in"),
            include_str!("../template/message-logic.rs.in"),
            include_str!("../template/message-cases.toml.in"),
            include_str!("../template/message-schema.json.in"),
        ),
        _ => (
            include_str!("../template/decision.rs.in"),
            include_str!("../template/decision-logic.rs.in"),
            include_str!("../template/decision-cases.toml.in"),
            include_str!("../template/decision-schema.json.in"),
        ),
    };
    [
        ("Cargo.toml", include_str!("../template/Cargo.toml.in")),
        ("README.md", include_str!("../template/README.md.in")),
        (".gitignore", include_str!("../template/gitignore.in")),
        ("src/lib.rs", code),
        ("src/logic.rs", logic),
        ("settings.schema.json", schema),
    ]
    .into_iter()
    .map(|(path, text)| (path.to_owned(), template(text)))
    .chain([(format!("cases/{name}.toml"), template(cases))])
    .collect()
}

/// Puts the plugin's words in the places of a template.
fn fill(template: &str, name: &str, start: Start) -> String {
    let symbol = name.to_uppercase().replace('-', "_");
    let symbols = format!(
        "\n[package.metadata.waxwing-plugin.symbols]\n{symbol} = {{ score = 2.0, description = \"The subject has a word of the list\" }}\n"
    );
    let message = start == Start::Message;
    let choose = |yes: &str, no: &str| if message { yes } else { no }.to_owned();
    let (decision, code) = match start {
        Start::Connect => ("Disconnect", "554"),
        _ => ("Reject", "550"),
    };
    let (pattern, bad, good) = examples(start);
    let expect = format!("{} {code} 5.7.1", decision.to_lowercase());
    let words = [
        ("@IMPL@", implementation(start)),
        ("@NAME@", name.to_owned()),
        ("@TYPE@", type_name(name)),
        ("@SYMBOLS@", choose(&symbols, "")),
        ("@SYMBOL@", symbol),
        ("@WHAT@", start.what().to_owned()),
        ("@HOOK@", start.as_str().to_owned()),
        ("@EXPORT@", start.as_str().replace('-', "_")),
        ("@GRANTS@", choose("\"message\", \"actions\"", "")),
        (
            "@SETTINGS@",
            choose(
                "{ words = [\"casino\"] }",
                &format!("{{ refuse = [\"{pattern}\"] }}"),
            ),
        ),
        ("@DECISION@", decision.to_owned()),
        ("@CODE@", code.to_owned()),
        ("@EXPECT@", expect),
        ("@PATTERN@", pattern.to_owned()),
        ("@BAD@", bad.to_owned()),
        ("@GOOD@", good.to_owned()),
    ];
    words
        .iter()
        .fold(template.to_owned(), |text, (place, word)| {
            text.replace(place, word)
        })
}

/// What a case refuses, and what it lets through.
fn examples(start: Start) -> (&'static str, &'static str, &'static str) {
    match start {
        Start::Message => ("", "", ""),
        Start::Connect => (
            "203.0.113.*",
            "client = \"203.0.113.7\"",
            "client = \"192.0.2.1\"",
        ),
        Start::Ehlo => (
            "*.spam.example",
            "helo = \"a.spam.example\"",
            "helo = \"mail.example.net\"",
        ),
        Start::MailFrom => (
            "*@spam.example",
            "sender = \"a@spam.example\"",
            "sender = \"a@example.net\"",
        ),
        Start::RcptTo => (
            "*@old.example",
            "recipient = \"a@old.example\"",
            "recipient = \"a@example.net\"",
        ),
    }
}

/// The hook's trait, implemented: what is decided about goes to `decide`.
fn implementation(start: Start) -> String {
    let (name, function, value) = match start {
        Start::Message => return String::new(),
        Start::Connect => (
            "OnConnect",
            "on_connect(&self, conn: &Connection)",
            "&conn.client_text()",
        ),
        Start::Ehlo => (
            "OnEhlo",
            "on_ehlo(&self, _conn: &Connection, name: &str)",
            "name",
        ),
        Start::MailFrom => (
            "OnMailFrom",
            "on_mail_from(&self, _conn: &Connection, env: &Envelope)",
            "&env.sender().map(|sender| sender.to_string()).unwrap_or_default()",
        ),
        Start::RcptTo => (
            "OnRcptTo",
            "on_rcpt_to(&self, _conn: &Connection, _env: &Envelope, rcpt: &Recipient)",
            "&rcpt.address.to_string()",
        ),
    };
    format!(
        "impl {name} for @TYPE@ {{\n    fn {function} -> Result<Decision, HookError> {{\n        Ok(self.decide({value}))\n    }}\n}}"
    )
}

/// `bad-words` is the type `BadWords`.
fn type_name(name: &str) -> String {
    name.split('-')
        .map(|word| {
            let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
            first.to_uppercase() + rest
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_has_all_that_it_needs_and_no_place_left_open() {
        for start in Start::ALL {
            let home = tempfile::tempdir().unwrap();
            let folder = home.path().join("bad-words");
            let written = scaffold("bad-words", start, &folder).unwrap();
            for name in [
                "Cargo.toml",
                "Cargo.lock",
                "src/lib.rs",
                "cases/bad-words.toml",
                "vendor/waxwing-plugin/rust/Cargo.toml",
                "vendor/waxwing-plugin/rust/src/lib.rs",
                "vendor/waxwing-plugin/wit/worlds.wit",
            ] {
                assert!(written.contains(&folder.join(name)), "{name}");
            }
            for path in written
                .iter()
                .filter(|path| !path.starts_with(folder.join("vendor")))
            {
                let text = fs::read_to_string(path).unwrap();
                let open = text
                    .split('@')
                    .any(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_uppercase()));
                assert!(!open, "{start:?} {}", path.display());
            }
            let sdk = folder.join("vendor/waxwing-plugin/rust/Cargo.toml");
            assert!(!fs::read_to_string(sdk).unwrap().contains("workspace"));
        }
    }

    #[test]
    fn names_that_fit_nothing_and_folders_that_hold_something_are_refused() {
        let home = tempfile::tempdir().unwrap();
        for name in ["", "Words", "1st", "-", "a/b", "a-"] {
            let error = scaffold(name, Start::Message, &home.path().join("x")).unwrap_err();
            assert!(matches!(error, Error::Name(_)), "{name}");
        }
        fs::write(home.path().join("mine"), "").unwrap();
        let error = scaffold("words", Start::Message, home.path()).unwrap_err();
        assert!(error.to_string().ends_with("is not empty"), "{error}");
    }
}
