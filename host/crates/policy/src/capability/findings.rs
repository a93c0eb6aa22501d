//! `findings`: why a message is good or bad, and how much.

use wasmtime::Result;

use crate::bindings::waxwing::policy::findings::{FindingError, Host, Symbol};
use crate::state::{NewFinding, State};
use crate::subject::Found;
use crate::view::head;

/// Findings of one message.
pub(crate) const MAX_FINDINGS: usize = 500;
const MAX_NAME: usize = 64;
const MAX_OPTIONS: usize = 20;
const MAX_OPTION: usize = 256;
const MAX_LINES: usize = 32;
const MAX_LINE: usize = 512;
/// A finding's score, in either direction.
pub(crate) const MAX_SCORE: f64 = 1000.0;

impl Host for State {
    fn add(
        &mut self,
        name: String,
        weight: f64,
        options: Vec<String>,
    ) -> Result<std::result::Result<(), FindingError>> {
        self.host_call(
            "findings.add",
            (name, weight, options),
            |state, (name, weight, options)| {
                if !is_name(name) {
                    return Ok(Err(FindingError::Invalid(format!(
                        "{name:?} is no name of a finding"
                    ))));
                }
                // Scores are arithmetic on what strangers wrote: neither NaN nor infinity may enter it.
                if !weight.is_finite() {
                    return Ok(Err(FindingError::Invalid(
                        "the weight is not finite".into(),
                    )));
                }
                let known = state
                    .effects
                    .findings
                    .iter()
                    .any(|finding| finding.name.as_ref() == name.as_str());
                if !known
                    && state.effects.findings.len() + state.found_before(|found| found.len())
                        >= MAX_FINDINGS
                {
                    return Ok(Err(FindingError::Limit));
                }
                state.add_finding(name, *weight, options);
                Ok(Ok(()))
            },
        )
    }

    fn explain(&mut self, line: String) -> Result<()> {
        self.host_call("findings.explain", line, |state, line| {
            if state.effects.explained.len() < MAX_LINES {
                state.effects.explained.push(printable(line, MAX_LINE));
            }
            Ok(())
        })
    }

    fn so_far(&mut self) -> Result<Vec<Symbol>> {
        self.host_call("findings.so-far", (), |state, ()| {
            let before = state.found_before(<[Found]>::to_vec);
            let mut symbols: Vec<Symbol> = before.into_iter().map(symbol).collect();
            if !state.sight().addresses() {
                // Evidence is what others saw.
                for symbol in symbols
                    .iter_mut()
                    .filter(|symbol| symbol.plugin != *state.shared.name)
                {
                    symbol.options.clear();
                }
            }
            for finding in &state.effects.findings {
                let score = state.score_of(&finding.name, finding.weight);
                let own = |symbol: &&mut Symbol| {
                    symbol.name == *finding.name && symbol.plugin == *state.shared.name
                };
                match symbols.iter_mut().find(own) {
                    Some(symbol) if score.abs() > symbol.score.abs() => symbol.score = score,
                    Some(_) => {}
                    None => symbols.push(Symbol {
                        name: finding.name.to_string(),
                        plugin: state.shared.name.to_string(),
                        score,
                        options: finding.options.clone(),
                    }),
                }
            }
            Ok(symbols)
        })
    }

    fn total(&mut self) -> Result<f64> {
        self.host_call("findings.total", (), |state, ()| {
            let before: f64 =
                state.found_before(|found| found.iter().fold(0.0, |sum, found| sum + found.score));
            let added: f64 = state
                .effects
                .findings
                .iter()
                .map(|finding| {
                    let score = state.score_of(&finding.name, finding.weight);
                    state.found_before(|found| {
                        score - counted(found, &state.shared.name, &finding.name, score)
                    })
                })
                .sum();
            Ok(before + added)
        })
    }
}

impl State {
    /// What was found before this call: on the transaction, or on the connection where there is none.
    fn found_before<T>(&self, look: impl FnOnce(&[Found]) -> T) -> T {
        match (&self.context.mail, &self.context.connection) {
            (Some(mail), _) => look(&mail.state().found),
            (None, Some(connection)) => look(&connection.state().found),
            (None, None) => look(&[]),
        }
    }

    fn score_of(&self, name: &str, weight: f64) -> f64 {
        score(&self.shared.scores, name, weight)
    }

    fn add_finding(&mut self, name: &str, weight: f64, options: &[String]) {
        let options = options
            .iter()
            .take(MAX_OPTIONS)
            .map(|option| printable(option, MAX_OPTION));
        let known = self
            .effects
            .findings
            .iter_mut()
            .find(|finding| finding.name.as_ref() == name);
        let Some(finding) = known else {
            let finding = NewFinding {
                name: name.into(),
                weight,
                options: options.collect(),
            };
            self.effects.findings.push(finding);
            return;
        };
        if weight.abs() > finding.weight.abs() {
            finding.weight = weight;
        }
        for option in options {
            if finding.options.len() < MAX_OPTIONS && !finding.options.contains(&option) {
                finding.options.push(option);
            }
        }
    }
}

/// Weight times what the operator set, within bounds.
pub(crate) fn score(
    scores: &std::collections::BTreeMap<String, f64>,
    name: &str,
    weight: f64,
) -> f64 {
    let score = weight * scores.get(name).copied().unwrap_or(1.0);
    if score.is_nan() {
        0.0
    } else {
        score.clamp(-MAX_SCORE, MAX_SCORE)
    }
}

/// What of `score` an earlier call of the same step has counted already; all of it if that one counts more.
pub(crate) fn counted(found: &[Found], step: &str, name: &str, score: f64) -> f64 {
    let earlier = found
        .iter()
        .find(|found| &*found.step == step && &*found.name == name);
    match earlier {
        Some(earlier) if score.abs() > earlier.score.abs() => earlier.score,
        Some(_) => score,
        None => 0.0,
    }
}

fn symbol(found: Found) -> Symbol {
    Symbol {
        name: found.name.into(),
        plugin: found.step.to_string(),
        score: found.score,
        options: found.options,
    }
}

fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

/// One line, cut, without control characters.
pub(crate) fn printable(text: &str, length: usize) -> String {
    head(text, length)
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
