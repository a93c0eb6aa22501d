//! `policy.toml`: which plugin runs at which hook, in which order, with what rights, limits and settings.
//!
//! Reading gives everything that is wrong at once, each with its line; nothing is half taken.

mod amend;
mod ground;
mod network;
mod promote;
mod rollout;
mod settings;
mod signing;
mod step;
mod table;

use std::path::Path;
use std::sync::Arc;

use toml_edit::Document;

use crate::problem::Problem;

pub(crate) use amend::{exchanged, moded, plugin_of, tried, withdrawn};
pub(crate) use ground::{Draft, Ground};
pub(crate) use network::{HttpGrant, Network, Origin, Secret};
pub(crate) use promote::promoted;
pub(crate) use rollout::Drift;
pub use rollout::Mode;
pub(crate) use settings::{Inputs, Settings};
pub(crate) use signing::Trust;
pub(crate) use step::{Isolation, Located, OnError, StepConfig};

use table::Table;

/// Octets of `policy.toml`, and of one settings file.
const MAX_FILE: u64 = 4 << 20;
/// Steps of a policy.
const MAX_STEPS: usize = 1000;

/// A policy as it is written.
#[derive(Debug, Default)]
pub(crate) struct PolicyFile {
    /// The steps that are enabled, in their order.
    pub(crate) steps: Vec<Located>,
    /// When a generation is taken back by itself.
    pub(crate) drift: Drift,
    /// Whose plugins run.
    pub(crate) trust: Trust,
    /// What it was read from.
    pub(crate) inputs: Inputs,
}

impl PolicyFile {
    /// Reads a policy and the settings files that it names.
    pub(crate) fn read(path: &Path, ground: Ground) -> Result<Self, Vec<Problem>> {
        let draft = ground.draft().filter(|draft| draft.path == path);
        let text = match draft {
            Some(draft) => draft.text.clone(),
            None => read_text(path).map_err(|problem| vec![problem])?,
        };
        Self::parse_on(ground, path, &text)
    }

    /// The one step of a policy that is no file.
    pub(crate) fn alone(text: &str) -> Result<Located, Vec<Problem>> {
        let path = Path::new("policy.toml");
        let mut policy = Self::parse(path, text)?;
        let missing = || vec![Problem::new(path, None, "has no step")];
        policy.steps.pop().ok_or_else(missing)
    }

    /// A policy from its text; the settings files that it names are read.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self, Vec<Problem>> {
        Self::parse_on(Ground::Own, path, text)
    }

    fn parse_on(ground: Ground, path: &Path, text: &str) -> Result<Self, Vec<Problem>> {
        let (policy, problems) = Self::gather(ground, path, text)?;
        if problems.is_empty() {
            Ok(policy)
        } else {
            Err(problems)
        }
    }

    /// What can be told of the settings files, whatever is wrong with them.
    pub(crate) fn files(path: &Path) -> Result<Self, Vec<Problem>> {
        let text = read_text(path).map_err(|problem| vec![problem])?;
        Self::gather(Ground::Own, path, &text).map(|(policy, _)| policy)
    }

    fn gather(
        ground: Ground,
        path: &Path,
        text: &str,
    ) -> Result<(Self, Vec<Problem>), Vec<Problem>> {
        let document = Document::parse(text).map_err(|error| vec![syntax(path, text, &error)])?;
        let mut problems = Vec::new();
        let mut policy = Self::default();
        policy.inputs.files.push(path.to_owned());
        policy.inputs.ground = ground;
        let kept = Path::new("policy.toml").to_owned();
        policy.inputs.texts.push((kept, Arc::from(text)));
        policy
            .inputs
            .folders
            .push(path.parent().unwrap_or(Path::new(".")).to_owned());
        let mut root = Table::new(path, text, document.as_table(), "the policy");
        for table in root.tables("step", &mut problems) {
            match StepConfig::read(table, &mut policy.inputs, &mut problems) {
                Some(step) if step.enabled => policy.steps.push(step),
                _ => {}
            }
        }
        policy.drift = rollout::read_drift(&mut root, &mut problems);
        policy.trust = Trust::read(&mut root, &mut problems);
        root.finish(&mut problems);
        rollout::check(path, &policy.steps, &mut problems);
        if policy.steps.len() > MAX_STEPS {
            problems.push(Problem::new(
                path,
                None,
                format!("a policy has at most {MAX_STEPS} steps"),
            ));
        }
        policy.refuse_twins(path, &mut problems);
        Ok((policy, problems))
    }

    /// A step's name stands in ledgers and for its kv, so no two may share one.
    fn refuse_twins(&self, path: &Path, problems: &mut Vec<Problem>) {
        for (place, step) in self.steps.iter().enumerate() {
            if self
                .steps
                .iter()
                .take(place)
                .any(|earlier| earlier.step.name == step.step.name)
            {
                problems.push(Problem::new(
                    path,
                    Some(step.line),
                    format!(
                        "two steps are named `{}`; give one of them another `name`",
                        step.step.name
                    ),
                ));
            }
        }
    }
}

/// A file's text, bounded.
pub(crate) fn read_text(path: &Path) -> Result<String, Problem> {
    let problem = |text: String| Problem::new(path, None, text);
    let size = std::fs::metadata(path)
        .map_err(|error| problem(format!("cannot be read: {error}")))?
        .len();
    if size > MAX_FILE {
        return Err(problem(format!("is larger than {} MiB", MAX_FILE >> 20)));
    }
    let octets =
        std::fs::read(path).map_err(|error| problem(format!("cannot be read: {error}")))?;
    String::from_utf8(octets).map_err(|_| problem("is not UTF-8".to_owned()))
}

/// What the TOML parser found.
fn syntax(path: &Path, text: &str, error: &toml_edit::TomlError) -> Problem {
    let line = error.span().map(|span| line_of(text, span.start));
    Problem::new(path, line, error.message().trim().replace('\n', "; "))
}

/// The line, from 1, of an octet of `text`.
fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or_default();
    before.iter().filter(|octet| **octet == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::grant::Grant;
    use crate::hook::Hook;

    fn parse(text: &str) -> Result<PolicyFile, Vec<String>> {
        PolicyFile::parse(Path::new("policy.toml"), text)
            .map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_step_has_defaults_and_what_is_written() {
        let policy = parse(
            "[[step]]\nplugin = 'access'\n[[step]]\nname = 'second'\nplugin = 'rules'\nhooks = ['message']\n\
             grants = ['message', 'kv']\non-error = 'skip'\nisolation = 'call'\nlimits = { deadline-ms = 50 }\n\
             scores = { GTUBE = 100, OTHER = -1.5 }\nsettings = { a = [1, 2.5], when = 2026-01-01 }\n\
             [[step]]\nplugin = 'off'\nenabled = false\n",
        )
        .unwrap();
        let [first, second] = policy.steps.as_slice() else {
            panic!("two steps")
        };
        let (first, second) = (&first.step, &second.step);
        assert_eq!(
            (first.name.as_str(), first.on_error, first.isolation),
            ("access", OnError::Defer, Isolation::Pooled)
        );
        assert_eq!(first.settings.json(), "{}");
        assert_eq!(second.hooks.as_deref(), Some(&[Hook::Message][..]));
        assert_eq!(second.limits.deadline.as_millis(), 50);
        assert!(second.grants.contains(&Grant::Kv));
        assert_eq!(second.scores.get("OTHER"), Some(&-1.5));
        assert_eq!(
            second.settings.json(),
            r#"{"a":[1,2.5],"when":"2026-01-01"}"#
        );
    }

    #[test]
    fn every_problem_is_told_with_its_line() {
        let problems = parse(
            "colour = 'red'\n[[step]]\nplugin = '../evil'\n[[step]]\nplugin = 'a'\nhooks = ['rcpt']\n\
             grants = ['wings']\non-error = 'accept'\nlimits = { deadline-ms = 0 }\n[[step]]\nplugin = 'a'\n",
        )
        .unwrap_err();
        let lines: Vec<&str> = problems
            .iter()
            .map(|p| p.split(": ").next().unwrap())
            .collect();
        assert_eq!(
            lines,
            [
                "policy.toml:3",
                "policy.toml:7",
                "policy.toml:6",
                "policy.toml:8",
                "policy.toml:9",
                "policy.toml:1",
                "policy.toml:10"
            ],
            "{problems:#?}"
        );
        assert!(
            problems
                .iter()
                .any(|p| p.contains("unknown hook `rcpt`; known are connect, ehlo")),
            "{problems:#?}"
        );
    }

    #[test]
    fn broken_toml_is_one_problem_with_its_line() {
        let problems = parse("[[step]]\nplugin = 'a\n").unwrap_err();
        assert_eq!(problems.len(), 1);
        assert!(problems[0].starts_with("policy.toml:2: "), "{problems:?}");
    }

    #[test]
    fn settings_files_are_merged_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("rules")).unwrap();
        fs::write(
            dir.path().join("rules/b.toml"),
            "# two\n[[rule]]\nname = 'B'\nscore = 1.5\n",
        )
        .unwrap();
        fs::write(dir.path().join("rules/a.toml"), "x = 1\n").unwrap();
        fs::write(dir.path().join("rules/.hidden.toml"), "broken =").unwrap();
        let path = dir.path().join("policy.toml");
        fs::write(&path, "[[step]]\nplugin = 'rules'\nsettings-files = ['rules/*.toml']\n[step.settings]\nlimit = 3\n").unwrap();
        let policy = PolicyFile::read(&path, Ground::Own).unwrap();
        let settings = &policy.steps[0].step.settings;
        let json: serde_json::Value = serde_json::from_str(settings.json()).unwrap();
        assert_eq!(json["limit"], 3);
        assert_eq!(json["files"][0]["name"], "rules/a.toml");
        assert_eq!(json["files"][1]["content"]["rule"][0]["score"], 1.5);
        let problem = settings.locate("/files/1/content/rule/0/score", "too much");
        assert!(
            problem.to_string().ends_with("rules/b.toml:4: too much"),
            "{problem}"
        );
        let problem = settings.locate("/limit", "too few");
        assert!(
            problem.to_string().ends_with("policy.toml:5: too few"),
            "{problem}"
        );
        let problem = settings.locate("/nowhere", "missing");
        assert!(
            problem.to_string().ends_with("policy.toml:4: missing"),
            "{problem}"
        );
        assert!(
            policy
                .inputs
                .folders
                .iter()
                .any(|source| source.ends_with("rules"))
        );
    }

    #[test]
    fn a_broken_settings_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("policy.toml");
        fs::write(
            &path,
            "[[step]]\nplugin = 'rules'\nsettings-files = ['one.toml', 'two.toml']\n",
        )
        .unwrap();
        fs::write(dir.path().join("one.toml"), "a = 1\nb =\n").unwrap();
        let problems = PolicyFile::read(&path, Ground::Own).unwrap_err();
        assert!(
            problems[0].to_string().contains("one.toml:2: "),
            "{problems:?}"
        );
        assert!(
            problems[1].to_string().contains("two.toml: cannot be read"),
            "{problems:?}"
        );
    }
}
