//! `waxwing check` and `waxwing config`.

use std::path::Path;

use super::{Common, complain, load, overrides, print, put, runtime};
use crate::admin::{Exit, Failure};
use crate::config::{Config, Problem};

/// Prints every problem of configuration, certificate and policy, not just the first. What is no problem and rarely meant is a note.
pub(super) fn check(common: &Common) -> Result<(), Failure> {
    let (config, mut problems) = match Config::load(&common.config, &overrides(common)) {
        Ok(config) => (Some(config), Vec::new()),
        Err(problems) => (None, problems),
    };
    // A broken configuration does not say where the policy is; then it is where it usually is.
    let config = config.unwrap_or_else(|| Config::beside(&common.config));
    problems.extend(crate::tls::problem(&config).map(|text| whole(&common.config, text)));
    problems.extend(crate::acme::problem(&config).map(|text| whole(&common.config, text)));
    let (policy, notes) = runtime()?.block_on(crate::wiring::policy_problems(&config));
    problems.extend(policy);
    for note in notes {
        complain(&format!("note: {}: {note}", config.policy.file.display()));
    }
    if common.json {
        put(&print::json(
            &serde_json::to_value(&problems).unwrap_or_default(),
        ));
    } else {
        problems
            .iter()
            .for_each(|problem| put(&format!("{problem}\n")));
    }
    match problems.len() {
        0 => {
            complain("no problems");
            Ok(())
        }
        count => Err(Failure::new(
            Exit::Configuration,
            format!(
                "{count} {}",
                if count == 1 { "problem" } else { "problems" }
            ),
        )),
    }
}

fn whole(file: &Path, text: String) -> Problem {
    Problem {
        file: file.display().to_string(),
        line: 0,
        text,
    }
}

/// Prints what is in effect, in the form of the file.
pub(super) fn print_config(common: &Common) -> Result<(), Failure> {
    let config = load(common)?.without_secrets();
    let unprintable = |error: &dyn std::fmt::Display| {
        Failure::new(
            Exit::Software,
            format!("the configuration cannot be printed: {error}"),
        )
    };
    let text = if common.json {
        print::json(&serde_json::to_value(&config).map_err(|error| unprintable(&error))?)
    } else {
        toml::to_string(&config).map_err(|error| unprintable(&error))?
    };
    put(&text);
    Ok(())
}
