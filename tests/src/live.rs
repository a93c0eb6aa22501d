//! A policy that is changed while its server runs: files replaced as editors and compilers do it, and what the server makes of them.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::Server;
use crate::wait::{PATIENCE, until};

/// Replaces a file in one step: written beside, then renamed over it.
///
/// # Panics
/// If it cannot be written.
pub fn replace(path: &Path, content: impl AsRef<[u8]>) {
    let beside = path.with_extension("new");
    fs::write(&beside, content).expect("a file beside is written");
    fs::rename(&beside, path).expect("it takes the place of the old one");
}

impl Server {
    /// What `waxwing plugin list --json` tells, without a process for it.
    ///
    /// # Panics
    /// If the server does not answer.
    #[must_use]
    pub fn policy(&self) -> Value {
        self.admin()
            .ask(&json!({ "command": "plugin-list" }))
            .expect("the server tells its policy")
    }

    /// The serving generation.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.policy()["generation"]
            .as_u64()
            .expect("generations are numbers")
    }

    /// Why the files as they are do not serve; empty if they do.
    #[must_use]
    pub fn policy_problems(&self) -> Vec<String> {
        let policy = self.policy();
        let problems = policy["problems"].as_array().cloned().unwrap_or_default();
        problems
            .iter()
            .map(|problem| {
                problem
                    .as_str()
                    .map_or_else(|| problem.to_string(), str::to_owned)
            })
            .collect()
    }

    /// Makes a change and waits until a newer generation serves; how long that took.
    ///
    /// # Panics
    /// If none comes, or the change is refused.
    pub fn change(&self, make: impl FnOnce()) -> Duration {
        self.change_within(PATIENCE, make)
    }

    /// The same with another patience: some plugins are long in compiling.
    ///
    /// # Panics
    /// If none comes, or the change is refused.
    pub fn change_within(&self, patience: Duration, make: impl FnOnce()) -> Duration {
        let old = self.generation();
        // What was wrong before the change may be told until the change is read.
        let known = self.policy()["problems"].clone();
        let begun = Instant::now();
        make();
        until("the changed policy serves", patience, || {
            let policy = self.policy();
            let problems = &policy["problems"];
            let refused = *problems != known
                && problems
                    .as_array()
                    .is_some_and(|problems| !problems.is_empty());
            assert!(
                !refused || policy["generation"].as_u64() > Some(old),
                "the change is refused: {problems}"
            );
            (policy["generation"].as_u64() > Some(old)).then_some(())
        });
        begun.elapsed()
    }

    /// Makes a change that must be refused, and waits for the reason; the old generation goes on serving.
    ///
    /// # Panics
    /// If it is taken.
    pub fn refused_change(&self, make: impl FnOnce()) -> Vec<String> {
        let old = self.generation();
        make();
        let (problems, _) = until("the change is refused", PATIENCE, || {
            let problems = self.policy_problems();
            (!problems.is_empty()).then_some(problems)
        });
        assert_eq!(
            self.generation(),
            old,
            "a change that is refused makes no generation: {problems:?}"
        );
        problems
    }
}
