//! What bodies hold. Members that are not known are refused.

use serde::Deserialize;
use waxwing_store::{QueueAction, Scope};

use crate::admin::{ModeName, QueueSelection, QuotaChange};

macro_rules! bodies {
    ($($name:ident { $($(#[$attribute:meta])* $member:ident: $of:ty),* $(,)? })*) => {
        $(#[derive(Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case")]
        pub(super) struct $name { $($(#[$attribute])* pub(super) $member: $of),* })*
    };
}

bodies! {
    Domain { domain: String }
    Quota { quota: QuotaChange }
    Key { #[serde(default)] selector: Option<String>, #[serde(default)] file: Option<String> }
    Account { address: String, #[serde(default)] password: Option<String>, #[serde(default)] quota: QuotaChange }
    Password { password: Option<String> }
    Credential { #[serde(default)] name: String, scopes: Vec<Scope>, #[serde(default)] expires: Option<i64> }
    Alias { address: String, targets: Vec<String> }
    Rollback { #[serde(default)] to: Option<u64>, #[serde(default)] reason: Option<String> }
    Try { plugin: String, #[serde(default)] name: Option<String>, #[serde(default)] percent: Option<u8>, #[serde(default)] build: Option<String> }
    Mode { mode: ModeName, #[serde(default)] percent: Option<u8>, #[serde(default)] build: Option<String> }
    Replay { step: String, #[serde(default)] plugin: Option<String>, #[serde(default)] messages: Option<usize> }
    Text { text: String }
    Preview { text: String, #[serde(default)] messages: Option<usize> }
    Save { text: String, #[serde(default)] digest: Option<String> }
    Act { action: Action, which: QueueSelection }
}

/// What is done to entries of the queue.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Action {
    Hold,
    Release,
    Retry,
    Remove,
}

impl From<Action> for QueueAction {
    fn from(of: Action) -> Self {
        match of {
            Action::Hold => Self::Hold,
            Action::Release => Self::Release,
            Action::Retry => Self::Retry,
            Action::Remove => Self::Remove,
        }
    }
}
