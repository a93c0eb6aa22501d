//! What identifies a step in ledgers, events and listings.

use serde::Serialize;

/// A step and the component that it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepInfo {
    /// The step's name: its plugin's, unless `policy.toml` gives another.
    #[serde(rename = "step")]
    pub name: String,
    /// The plugin's file name without `.wasm`.
    pub plugin: String,
    /// The version that the component carries, or an empty text.
    pub version: String,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
}
