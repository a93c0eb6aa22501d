//! The manifest that a component carries: what its author says it wants, reports and may be told.
//!
//! It is read before anything of the component runs, and it grants nothing: `policy.toml` does. A component without one (of another tool, or of
//! an older SDK) wants what it imports.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The custom section that holds it, as TOML.
pub(crate) const SECTION: &str = "waxwing:manifest";
/// Octets of a manifest, its schema and cases among them.
const MAX_MANIFEST: usize = 1 << 20;
/// Symbols of one plugin.
const MAX_SYMBOLS: usize = 10_000;

/// What a component says of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Manifest {
    /// The plugin's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The version of the contract that it was built for: the server must have at least this one.
    pub abi: String,
    /// What it does, in one line.
    pub description: String,
    /// The hooks that it implements.
    pub hooks: Vec<String>,
    /// By the name of a hook, what has to be so for the plugin to have anything to say there: `authenticated` or `auth-results`.
    pub when: BTreeMap<String, String>,
    /// The grants that it cannot do without.
    pub grants: Vec<String>,
    /// The grants that it makes use of if it has them.
    pub optional_grants: Vec<String>,
    /// The least that each of these limits must be, by the limit's name in `policy.toml`.
    pub limits: BTreeMap<String, u64>,
    /// The findings that it may report.
    pub symbols: BTreeMap<String, SymbolInfo>,
    /// The JSON Schema of its settings.
    pub settings_schema: Option<String>,
    /// Its cases.
    pub cases: Vec<CaseFile>,
}

/// A finding that a plugin may report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SymbolInfo {
    /// What it counts where `scores` of the step does not say.
    pub score: f64,
    /// What it means.
    pub description: String,
}

/// A file of cases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseFile {
    /// The file's name.
    pub name: String,
    /// What is in it.
    pub text: String,
}

impl Manifest {
    /// Reads the section's octets.
    pub(crate) fn parse(octets: &[u8]) -> Result<Self, String> {
        let broken = |reason: String| format!("carries a manifest that cannot be read: {reason}");
        if octets.len() > MAX_MANIFEST {
            return Err(broken(format!(
                "it has {} octets, where {MAX_MANIFEST} may be",
                octets.len()
            )));
        }
        let text = std::str::from_utf8(octets).map_err(|error| broken(error.to_string()))?;
        let manifest: Self = toml::from_str(text)
            .map_err(|error| broken(error.message().trim().replace('\n', "; ")))?;
        if manifest.symbols.len() > MAX_SYMBOLS {
            return Err(broken(format!("it has more than {MAX_SYMBOLS} symbols")));
        }
        match manifest
            .symbols
            .iter()
            .find(|(_, symbol)| !symbol.score.is_finite())
        {
            Some((name, _)) => Err(broken(format!("the score of {name} is not finite"))),
            None => Ok(manifest),
        }
    }

    /// What findings count, unless the operator says otherwise.
    pub(crate) fn scores(&self) -> BTreeMap<String, f64> {
        let scores = self.symbols.iter();
        scores
            .map(|(name, symbol)| (name.clone(), symbol.score))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_that_a_later_sdk_adds_are_passed_over() {
        let manifest = Manifest::parse(
            b"name = 'words'\nhooks = ['message']\ncolour = 'red'\nsymbols.WORD = { score = 2, description = 'A word' }\n",
        )
        .unwrap();
        assert_eq!(manifest.name, "words");
        assert_eq!(manifest.scores().get("WORD"), Some(&2.0));
    }

    #[test]
    fn what_is_no_manifest_is_refused_with_its_reason() {
        for (octets, reason) in [
            (&b"name = "[..], "string values must be quoted"),
            (&b"\xff"[..], "invalid utf-8"),
            (
                &b"symbols.A = { score = inf, description = '' }"[..],
                "the score of A is not finite",
            ),
        ] {
            let error = Manifest::parse(octets).unwrap_err();
            assert!(
                error.starts_with("carries a manifest that cannot be read: ")
                    && error.contains(reason),
                "{error}"
            );
        }
    }
}
