//! One `[[step]]`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use super::settings::Settings;
use super::table::Table;
use crate::hook::Hook;
use crate::problem::Problem;

/// A step as it is written.
#[derive(Debug)]
pub(crate) struct StepConfig {
    /// Its name in ledgers and listings: the plugin's, unless another is given.
    pub(crate) name: String,
    /// The plugin's file name without `.wasm`.
    pub(crate) plugin: String,
    /// The hooks that it runs at; none: all that the plugin exports.
    pub(crate) hooks: Option<Vec<Hook>>,
    /// What it may import beyond the base.
    pub(crate) grants: BTreeSet<Grant>,
    /// What a call may use.
    pub(crate) limits: Limits,
    /// What follows when it fails.
    pub(crate) on_error: OnError,
    /// How long an instance lives.
    pub(crate) isolation: Isolation,
    /// What its plugin is told.
    pub(crate) settings: Settings,
    /// What findings of a name count; 1 where nothing is given.
    pub(crate) scores: BTreeMap<String, f64>,
    /// Whether it runs.
    pub(crate) enabled: bool,
    /// The line where it begins.
    pub(crate) line: usize,
}

/// An interface that a step's plugin may import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Grant {
    /// Read the content.
    Message,
    /// Change the message, choose its mailbox.
    Actions,
    /// Remember.
    Kv,
    /// See logins and verify them.
    Credentials,
    /// Domains, accounts and aliases.
    Directory,
}

impl Grant {
    /// All of them.
    pub(crate) const ALL: [Self; 5] = [
        Self::Message,
        Self::Actions,
        Self::Kv,
        Self::Credentials,
        Self::Directory,
    ];

    /// Its name in `policy.toml`, which is that of the interface.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Actions => "actions",
            Self::Kv => "kv",
            Self::Credentials => "credentials",
            Self::Directory => "directory",
        }
    }
}

/// What one call of a hook may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Time, waiting for host calls included.
    pub(crate) deadline: Duration,
    /// Octets of linear memory of an instance.
    pub(crate) memory: usize,
    /// Host calls.
    pub(crate) host_calls: u64,
    /// Octets that host calls return.
    pub(crate) read: u64,
    /// Octets that the plugin hands to the host.
    pub(crate) output: u64,
    /// Lines of log; more are counted and dropped.
    pub(crate) log_lines: u64,
    /// Instances at once.
    pub(crate) instances: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_millis(500),
            memory: 16 << 20,
            host_calls: 10_000,
            read: 4 << 20,
            output: 256 << 10,
            log_lines: 50,
            instances: 64,
        }
    }
}

/// What follows when a step traps, runs out of a limit, answers nonsense or says that it cannot decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnError {
    /// 4xx: the peer tries again.
    Defer,
    /// As if the step had no opinion.
    Skip,
    /// 5xx.
    Reject,
}

impl OnError {
    /// Its name in `policy.toml`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Defer => "defer",
            Self::Skip => "skip",
            Self::Reject => "reject",
        }
    }
}

/// How long an instance of a plugin lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isolation {
    /// A fresh one for each call.
    Call,
    /// One for a transaction.
    Transaction,
    /// Reused some number of times, for one domain at a time.
    Pooled,
}

impl Isolation {
    /// Its name in `policy.toml`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Transaction => "transaction",
            Self::Pooled => "pooled",
        }
    }
}

impl StepConfig {
    /// Reads a step; none if something essential is missing, which is among the problems then.
    pub(super) fn read(
        mut table: Table<'_>,
        sources: &mut Vec<PathBuf>,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let plugin = read_plugin(&mut table, problems);
        let name = table.text("name", problems).map(ToOwned::to_owned);
        let step = Self {
            name: name.or_else(|| plugin.clone()).unwrap_or_default(),
            plugin: plugin.clone().unwrap_or_default(),
            hooks: read_hooks(&mut table, problems),
            grants: read_grants(&mut table, problems),
            on_error: choice(
                &mut table,
                "on-error",
                &[OnError::Defer, OnError::Skip, OnError::Reject],
                OnError::as_str,
                problems,
            )
            .unwrap_or(OnError::Defer),
            isolation: choice(
                &mut table,
                "isolation",
                &[Isolation::Call, Isolation::Transaction, Isolation::Pooled],
                Isolation::as_str,
                problems,
            )
            .unwrap_or(Isolation::Pooled),
            limits: read_limits(&mut table, problems),
            scores: read_scores(&mut table, problems),
            enabled: table.truth("enabled", problems).unwrap_or(true),
            settings: Settings::read(&mut table, sources, problems),
            line: table.line(),
        };
        table.finish(problems);
        plugin.map(|_| step)
    }
}

fn read_plugin(table: &mut Table<'_>, problems: &mut Vec<Problem>) -> Option<String> {
    let Some(plugin) = table.text("plugin", problems) else {
        if table.item("plugin").is_none() {
            problems.push(table.problem(
                "plugin",
                "a step needs `plugin`, the name of a file NAME.wasm",
            ));
        }
        return None;
    };
    let fits = !plugin.is_empty()
        && plugin.len() <= 64
        && plugin
            .bytes()
            .all(|octet| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-');
    if !fits {
        problems.push(table.problem(
            "plugin",
            "`plugin` is the name of a plugin (a-z, 0-9 and -), not a path",
        ));
        return None;
    }
    Some(plugin.to_owned())
}

fn read_hooks(table: &mut Table<'_>, problems: &mut Vec<Problem>) -> Option<Vec<Hook>> {
    let names = table.texts("hooks", problems)?;
    let mut hooks = Vec::new();
    for name in names {
        match Hook::parse(name) {
            Some(hook) => hooks.push(hook),
            None => {
                let known = Hook::ALL.map(Hook::as_str).join(", ");
                problems.push(
                    table.problem("hooks", format!("unknown hook `{name}`; known are {known}")),
                );
            }
        }
    }
    Some(hooks)
}

fn read_grants(table: &mut Table<'_>, problems: &mut Vec<Problem>) -> BTreeSet<Grant> {
    let mut grants = BTreeSet::new();
    for name in table.texts("grants", problems).unwrap_or_default() {
        match Grant::ALL.into_iter().find(|grant| grant.as_str() == name) {
            Some(grant) => {
                grants.insert(grant);
            }
            None => {
                let known = Grant::ALL.map(Grant::as_str).join(", ");
                problems.push(table.problem(
                    "grants",
                    format!("unknown grant `{name}`; known are {known}"),
                ));
            }
        }
    }
    grants
}

fn read_limits(table: &mut Table<'_>, problems: &mut Vec<Problem>) -> Limits {
    let default = Limits::default();
    let Some(mut limits) = table.table("limits", "a step's limits", problems) else {
        return default;
    };
    let mut kib = |key, default: u64, most: u64| {
        limits
            .number(key, 1..most + 1, problems)
            .map_or(default, |kib| kib << 10)
    };
    let read = kib("read-kib", default.read, 1 << 20);
    let output = kib("output-kib", default.output, 64 << 10);
    let deadline = limits.number("deadline-ms", 1..60_001, problems);
    let memory = limits.number("memory-mib", 1..257, problems);
    let found = Limits {
        deadline: deadline.map_or(default.deadline, Duration::from_millis),
        memory: memory
            .and_then(|mib| usize::try_from(mib << 20).ok())
            .unwrap_or(default.memory),
        host_calls: limits
            .number("host-calls", 1..10_000_001, problems)
            .unwrap_or(default.host_calls),
        read,
        output,
        log_lines: limits
            .number("log-lines", 0..100_001, problems)
            .unwrap_or(default.log_lines),
        instances: limits
            .number("instances", 1..1001, problems)
            .and_then(|number| u32::try_from(number).ok())
            .unwrap_or(default.instances),
    };
    limits.finish(problems);
    found
}

fn read_scores(table: &mut Table<'_>, problems: &mut Vec<Problem>) -> BTreeMap<String, f64> {
    let Some(scores) = table.table("scores", "a step's scores", problems) else {
        return BTreeMap::new();
    };
    let mut found = BTreeMap::new();
    for (name, item) in scores.entries() {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a score of more than 2^53 means nothing"
        )]
        let score = item
            .as_float()
            .or_else(|| item.as_integer().map(|score| score as f64));
        match score.filter(|score| score.abs() <= 1000.0) {
            Some(score) => {
                found.insert(name.to_owned(), score);
            }
            None => problems.push(scores.problem(
                name,
                format!("the score of `{name}` must be a number from -1000 to 1000"),
            )),
        }
    }
    found
}

fn choice<T: Copy>(
    table: &mut Table<'_>,
    key: &'static str,
    values: &[T],
    name: fn(T) -> &'static str,
    problems: &mut Vec<Problem>,
) -> Option<T> {
    let text = table.text(key, problems)?;
    let found = values.iter().copied().find(|value| name(*value) == text);
    if found.is_none() {
        let known: Vec<&str> = values.iter().copied().map(name).collect();
        problems.push(table.problem(key, format!("`{key}` is one of {}", known.join(", "))));
    }
    found
}
