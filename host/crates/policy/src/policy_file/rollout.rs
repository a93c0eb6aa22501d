//! How much a step counts (`mode`, `percent`, `replaces`), and when a generation is taken back by itself (`[drift]`).

use std::path::Path;

use super::step::Located;
use super::table::Table;
use crate::problem::Problem;

/// Canaries of a policy: each doubles the line-ups that a generation holds ready.
const MAX_CANARIES: usize = 4;

/// How much a step counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It decides.
    Enforce,
    /// It is asked and its answer is written down; nothing of it counts.
    Shadow,
    /// It decides in so many of a hundred transactions.
    Canary(u8),
}

impl Mode {
    /// Its name in `policy.toml`, in the ledger, and what its plugin is told.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Shadow => "shadow",
            Self::Canary(_) => "canary",
        }
    }

    /// What the ledger says of it: nothing where all is as usual.
    pub(crate) fn marked(self) -> Option<&'static str> {
        (self != Self::Enforce).then_some(self.as_str())
    }
}

/// Reads `mode`, `percent` and `replaces` of a step.
pub(super) fn read_mode(
    table: &mut Table<'_>,
    problems: &mut Vec<Problem>,
) -> (Mode, Option<String>) {
    let word = table.text("mode", problems).unwrap_or("enforce");
    let given = table.item("percent").is_some();
    let percent = table.number("percent", 1..101, problems);
    let mode = match word {
        "enforce" => Mode::Enforce,
        "shadow" => Mode::Shadow,
        "canary" => {
            if !given {
                problems.push(table.problem(
                    "mode",
                    "a canary needs `percent`, the share of transactions that it decides",
                ));
            }
            Mode::Canary(percent.and_then(|n| u8::try_from(n).ok()).unwrap_or(1))
        }
        _ => {
            problems.push(table.problem("mode", "`mode` is one of enforce, shadow, canary"));
            Mode::Enforce
        }
    };
    if given && !matches!(mode, Mode::Canary(_)) {
        problems.push(table.problem("percent", "`percent` is of a step with mode = \"canary\""));
    }
    let replaces = table.text("replaces", problems).map(ToOwned::to_owned);
    if replaces.is_some() && mode == Mode::Enforce {
        problems.push(table.problem(
            "replaces",
            "`replaces` is of a step that is tried out: mode = \"shadow\" or \"canary\"",
        ));
    }
    (mode, replaces)
}

/// A trial step stands beside one step that enforces, which is there.
pub(super) fn check(path: &Path, steps: &[Located], problems: &mut Vec<Problem>) {
    let enforcing = |name: &str| {
        steps
            .iter()
            .any(|other| other.step.mode == Mode::Enforce && other.step.name == name)
    };
    let canary = |located: &&Located| matches!(located.step.mode, Mode::Canary(_));
    let mut told = |line: usize, text: String| {
        problems.push(Problem::new(path, Some(line), text));
    };
    for (place, located) in steps.iter().enumerate() {
        let Some(replaced) = &located.step.replaces else {
            continue;
        };
        if !enforcing(replaced) {
            told(
                located.line,
                format!(
                    "`replaces` of step `{}` names no step that enforces: `{replaced}`",
                    located.step.name
                ),
            );
        }
        let twin =
            steps.iter().take(place).filter(canary).any(|earlier| {
                canary(&located) && earlier.step.replaces.as_ref() == Some(replaced)
            });
        if twin {
            told(
                located.line,
                format!("two canaries replace `{replaced}`; try them one after the other"),
            );
        }
    }
    if let Some(one_more) = steps.iter().filter(canary).nth(MAX_CANARIES) {
        told(
            one_more.line,
            format!("a policy has at most {MAX_CANARIES} canaries at a time"),
        );
    }
}

/// What a generation may differ by from the one before, until it is taken back by itself.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Drift {
    /// Whether anything is compared.
    pub(crate) enabled: bool,
    /// How many transactions it takes to judge.
    pub(crate) min_transactions: u32,
    /// By how much the share of what is refused may rise, from 0 to 1.
    pub(crate) refusals: f64,
    /// The same of what is deferred.
    pub(crate) deferrals: f64,
    /// The same of what is junk or kept aside.
    pub(crate) junk: f64,
    /// The same of transactions in which a step failed.
    pub(crate) faults: f64,
    /// How far the mean score may move, up or down.
    pub(crate) score: f64,
    /// How many times slower the steps may be.
    pub(crate) slowdown: f64,
}

impl Default for Drift {
    fn default() -> Self {
        Self {
            enabled: true,
            min_transactions: 60,
            refusals: 0.2,
            deferrals: 0.3,
            junk: 0.3,
            faults: 0.04,
            score: 4.0,
            slowdown: 5.0,
        }
    }
}

/// Reads `[drift]`.
pub(super) fn read_drift(root: &mut Table<'_>, problems: &mut Vec<Problem>) -> Drift {
    let default = Drift::default();
    let Some(mut table) = root.table("drift", "the watch for drift", problems) else {
        return default;
    };
    let enabled = table.truth("enabled", problems).unwrap_or(default.enabled);
    let least = table.number("min-transactions", 10..1001, problems);
    let mut decimal =
        |key, most, default| table.decimal(key, 0.0..=most, problems).unwrap_or(default);
    let drift = Drift {
        enabled,
        min_transactions: least
            .and_then(|least| u32::try_from(least).ok())
            .unwrap_or(default.min_transactions),
        refusals: decimal("refusals", 1.0, default.refusals),
        deferrals: decimal("deferrals", 1.0, default.deferrals),
        junk: decimal("junk", 1.0, default.junk),
        faults: decimal("faults", 1.0, default.faults),
        score: decimal("score", 1000.0, default.score),
        slowdown: decimal("slowdown", 1000.0, default.slowdown),
    };
    table.finish(problems);
    drift
}
