//! One `[[step]]`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::network::Network;
use super::rollout::{Mode, read_mode};
use super::settings::{Inputs, Settings};
use super::table::Table;
use crate::grant::Grant;
use crate::hook::Hook;
use crate::limits::Limits;
use crate::problem::Problem;
use crate::sight::Sight;

/// A step as it is written.
#[derive(Clone, Debug, PartialEq)]
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
    /// What it may see.
    pub(crate) sight: Sight,
    /// Whom it may ask beyond this server.
    pub(crate) network: Arc<Network>,
    /// What its plugin is told.
    pub(crate) settings: Settings,
    /// What findings of a name count; 1 where nothing is given.
    pub(crate) scores: BTreeMap<String, f64>,
    /// How much it counts.
    pub(crate) mode: Mode,
    /// The step in whose place it is tried out.
    pub(crate) replaces: Option<String>,
    /// How often `hook-tick` is called.
    pub(crate) tick: Option<Duration>,
    /// Whether it runs beside its neighbours of the same kind at `message`.
    pub(crate) parallel: bool,
}

/// A step and where it is written, which is not part of what it is.
#[derive(Clone, Debug)]
pub(crate) struct Located {
    /// The step.
    pub(crate) step: StepConfig,
    /// Whether it runs.
    pub(super) enabled: bool,
    /// The line where it begins.
    pub(crate) line: usize,
    /// The lines of `grants` and `limits`; where they are not written, the step's.
    grants_line: usize,
    limits_line: usize,
}

impl Located {
    /// The line where a member of the step is written, or would be.
    pub(crate) fn line_of(&self, member: Option<&str>) -> usize {
        match member {
            Some("grants") => self.grants_line,
            Some("limits") => self.limits_line,
            _ => self.line,
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
        inputs: &mut Inputs,
        problems: &mut Vec<Problem>,
    ) -> Option<Located> {
        let plugin = read_plugin(&mut table, problems);
        let name = table.text("name", problems).map(ToOwned::to_owned);
        let (mode, replaces) = read_mode(&mut table, problems);
        let grants = read_grants(&mut table, problems);
        let step = Self {
            name: name.or_else(|| plugin.clone()).unwrap_or_default(),
            plugin: plugin.clone().unwrap_or_default(),
            hooks: read_hooks(&mut table, problems),
            sight: choice(&mut table, "view", &Sight::ALL, Sight::as_str, problems)
                .unwrap_or_default(),
            network: Network::read(&mut table, &grants, inputs, problems).into(),
            grants,
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
            tick: read_tick(&mut table, problems),
            parallel: table.truth("parallel", problems).unwrap_or(false),
            settings: Settings::read(&mut table, inputs, problems),
            mode,
            replaces,
        };
        step.check_tick(&table, problems);
        step.check_parallel(&table, problems);
        let enabled = table.truth("enabled", problems).unwrap_or(true);
        let (line, grants_line, limits_line) = (
            table.line(),
            table.line_of("grants"),
            table.line_of("limits"),
        );
        table.finish(problems);
        plugin.map(|_| Located {
            step,
            enabled,
            line,
            grants_line,
            limits_line,
        })
    }
}

impl StepConfig {
    fn check_tick(&self, table: &Table<'_>, problems: &mut Vec<Problem>) {
        let asked = self
            .hooks
            .as_ref()
            .is_some_and(|hooks| hooks.contains(&Hook::Tick));
        if asked && self.tick.is_none() {
            problems.push(table.problem(
                "hooks",
                "a step at `tick` needs its interval, such as tick = \"5m\"",
            ));
        }
    }

    /// What may change the message cannot run beside what looks at it.
    fn check_parallel(&self, table: &Table<'_>, problems: &mut Vec<Problem>) {
        if self.parallel && self.grants.contains(&Grant::Actions) {
            problems.push(table.problem(
                "parallel",
                "a step with the grant \"actions\" may change the message, so it cannot be `parallel`",
            ));
        }
    }
}

/// The shortest and the longest interval of `tick`.
const TICK: std::ops::RangeInclusive<u64> = 1..=7 * 24 * 3600;

/// `tick = "5m"`: a whole number with `s`, `m`, `h` or `d`.
fn read_tick(table: &mut Table<'_>, problems: &mut Vec<Problem>) -> Option<Duration> {
    let text = table.text("tick", problems)?;
    let units = [("s", 1), ("m", 60), ("h", 3600), ("d", 24 * 3600)];
    let seconds = units.iter().find_map(|(unit, seconds)| {
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(*seconds)
    });
    let interval = seconds.filter(|seconds| TICK.contains(seconds));
    if interval.is_none() {
        problems.push(table.problem(
            "tick",
            "`tick` is an interval from \"1s\" to \"7d\", such as \"30s\", \"5m\" or \"1h\"",
        ));
    }
    interval.map(Duration::from_secs)
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
        match Grant::parse(name) {
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
    let mut number = |key, least: u64, most: u64| limits.number(key, least..most + 1, problems);
    let found = Limits {
        deadline: number("deadline-ms", 1, 30_000).map_or(default.deadline, Duration::from_millis),
        cpu: number("cpu-ms", 1, 30_000).map_or(default.cpu, Duration::from_millis),
        memory: narrow(
            number("memory-mib", 1, 256).map(|mib| mib << 20),
            default.memory,
        ),
        host_calls: narrow(number("host-calls", 1, 10_000_000), default.host_calls),
        read: number("read-kib", 1, 1 << 20).map_or(default.read, |kib| kib << 10),
        output: narrow(
            number("output-kib", 1, 1 << 16).map(|kib| kib << 10),
            default.output,
        ),
        dns_queries: narrow(number("dns-queries", 0, 1000), default.dns_queries),
        http_requests: narrow(number("http-requests", 0, 100), default.http_requests),
        log_lines: narrow(number("log-lines", 0, 100_000), default.log_lines),
        instances: narrow(number("instances", 1, 1000), default.instances),
    };
    limits.finish(problems);
    found
}

/// A number that was checked to fit.
fn narrow<T: TryFrom<u64>>(number: Option<u64>, default: T) -> T {
    number
        .and_then(|number| T::try_from(number).ok())
        .unwrap_or(default)
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
