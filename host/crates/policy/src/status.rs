//! What `waxwing plugin list` shows: the serving generation, its steps, and why the newest files do not serve.

use serde::Serialize;

use crate::account::DomainCost;
use crate::problem::Problem;

/// The state of the policy.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Status {
    /// The serving generation; 0 is the empty policy that defers everything.
    pub generation: u64,
    /// Since when, in milliseconds since 1970.
    pub since: u64,
    /// The policy file.
    pub file: String,
    /// The steps in their order.
    pub steps: Vec<StepStatus>,
    /// Why the files as they are now do not serve; empty if they do.
    pub problems: Vec<Problem>,
    /// When that was found, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_at: Option<u64>,
    /// What the serving generation lets happen that is rarely meant, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Generations that transactions still hold, the serving one among them.
    pub generations_alive: usize,
}

/// One step.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct StepStatus {
    /// Its name.
    pub name: String,
    /// Its plugin.
    pub plugin: String,
    /// The plugin's version.
    pub version: String,
    /// SHA-256 of the component.
    pub digest: String,
    /// The public key of who signed it, if somebody did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// The hooks it runs at.
    pub hooks: Vec<&'static str>,
    /// What it is granted.
    pub grants: Vec<&'static str>,
    /// `call`, `transaction` or `pooled`.
    pub isolation: &'static str,
    /// `defer`, `skip` or `reject`.
    pub on_error: &'static str,
    /// `enforce`, `shadow` or `canary`.
    pub mode: &'static str,
    /// Of how many transactions in a hundred a canary decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
    /// The step in whose place it is tried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// `closed`; `open` if it keeps failing and is not asked; `half-open` while one call is let through to see.
    pub breaker: &'static str,
    /// At which hooks it is not closed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub broken_hooks: Vec<&'static str>,
    /// Calls since it was loaded.
    pub calls: u64,
    /// How many of them failed.
    pub faults: u64,
    /// How many failed in a row, until now.
    pub faults_in_a_row: u64,
    /// The last failure: what and in which hook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_fault: Option<String>,
    /// What all calls took, host calls included.
    pub microseconds: u64,
    /// What that was for each hook it was called at.
    pub cost: Vec<HookCost>,
    /// What it was for the domains that cost most.
    pub domains: Vec<DomainCost>,
    /// Instances that are alive.
    pub instances: usize,
}

/// What calls of one hook cost a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HookCost {
    /// The hook.
    pub hook: &'static str,
    /// Calls.
    pub calls: u64,
    /// What they took in all, host calls included.
    pub microseconds: u64,
}
