//! Builds of plugins tried out, promoted and taken out again, and tried on recent mail before that: changes of `policy.toml`, step by step.
//!
//! Whose code runs is decided on the machine: a build is one that lies in the plugin folders, and nobody brings one over HTTP.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use waxwing_policy::{Amendment, Candidate, DraftError, Policy, StepMode};

use super::execute::value;
use super::{Exit, Failure};
use crate::recent;
use crate::wiring::Parts;

/// Messages that a candidate is tried on, unless another number is given, and at most.
const TRIED: usize = 50;
const MOST_TRIED: usize = 1000;

/// What is asked of plugins. `digest` is of `policy.toml` as it was when somebody decided, `build` that of the plugin's build: if it is another
/// one now, nothing is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub(crate) enum PluginRequest {
    Builds,
    Try {
        step: String,
        plugin: String,
        name: Option<String>,
        /// The share that a canary decides; a shadow if there is none.
        percent: Option<u8>,
        digest: Option<String>,
        build: Option<String>,
    },
    Mode {
        step: String,
        mode: ModeName,
        percent: Option<u8>,
        digest: Option<String>,
        build: Option<String>,
    },
    Promote {
        step: String,
        digest: Option<String>,
        build: Option<String>,
    },
    Withdraw {
        step: String,
        digest: Option<String>,
    },
    Restore {
        digest: Option<String>,
    },
    Replay {
        candidate: Candidate,
        messages: Option<usize>,
    },
}

/// How much a step counts, as `policy.toml` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ModeName {
    Enforce,
    Shadow,
    Canary,
}

/// Does it.
pub(super) async fn execute(
    parts: &Parts,
    user: &str,
    request: PluginRequest,
) -> Result<Value, Failure> {
    let policy = &parts.policy;
    let (amendment, digest) = match request {
        PluginRequest::Builds => return Ok(value(&policy.builds().await)),
        PluginRequest::Replay {
            candidate,
            messages,
        } => return replay(parts, &candidate, messages).await,
        PluginRequest::Try {
            step,
            plugin,
            name,
            percent,
            digest,
            build,
        } => {
            let amendment = Amendment::Try {
                step,
                plugin,
                name,
                percent: percent.map(share).transpose()?,
                build,
            };
            (amendment, digest)
        }
        PluginRequest::Mode {
            step,
            mode,
            percent,
            digest,
            build,
        } => {
            let mode = mode_of(mode, percent)?;
            (Amendment::Mode { step, mode, build }, digest)
        }
        PluginRequest::Promote {
            step,
            digest,
            build,
        } => (Amendment::Promote { step, build }, digest),
        PluginRequest::Withdraw { step, digest } => (Amendment::Withdraw { step }, digest),
        PluginRequest::Restore { digest } => (Amendment::Restore, digest),
    };
    let amended = policy.amend(&amendment, digest.as_deref(), user).await;
    amended.map(|amended| value(&amended)).map_err(failure)
}

/// What the policy tells of itself, with the digest of its file.
pub(super) async fn listed(policy: &Policy) -> Value {
    let mut status = value(&policy.status());
    if let (Some(status), Ok(digest)) = (status.as_object_mut(), policy.file_digest().await) {
        status.insert("policy-digest".to_owned(), json!(digest));
    }
    status
}

async fn replay(
    parts: &Parts,
    candidate: &Candidate,
    messages: Option<usize>,
) -> Result<Value, Failure> {
    let messages = messages.unwrap_or(TRIED).min(MOST_TRIED);
    // Each takes the processors of as many messages, for a while: one at a time, and nobody waits in a line that has no end.
    let _one = parts.drafts.try_lock().map_err(|_| {
        Failure::new(
            Exit::Temporary,
            "recent mail is being tried already, and one is tried at a time",
        )
    })?;
    let draft = parts.policy.candidate(candidate).await.map_err(failure)?;
    let tried = recent::try_on(parts, &draft, messages).await?;
    Ok(value(&tried))
}

fn mode_of(mode: ModeName, percent: Option<u8>) -> Result<StepMode, Failure> {
    match (mode, percent) {
        (ModeName::Enforce, None) => Ok(StepMode::Enforce),
        (ModeName::Shadow, None) => Ok(StepMode::Shadow),
        (ModeName::Canary, Some(percent)) => share(percent).map(StepMode::Canary),
        (ModeName::Canary, None) => Err(Failure::data(
            "a canary needs the share of transactions that it decides, in percent",
        )),
        (ModeName::Enforce | ModeName::Shadow, Some(_)) => {
            Err(Failure::data("a share in percent is of a canary"))
        }
    }
}

fn share(percent: u8) -> Result<u8, Failure> {
    match percent {
        1..=100 => Ok(percent),
        _ => Err(Failure::data("a canary decides from 1 to 100 percent")),
    }
}

fn failure(error: DraftError) -> Failure {
    let exit = match &error {
        DraftError::Unknown(_) => Exit::Missing,
        DraftError::Changed(_) => Exit::Stale,
        DraftError::Problems(_) | DraftError::Refused(_) => Exit::Data,
        DraftError::Failed(_) => Exit::Unavailable,
    };
    Failure::new(exit, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_of_a_canary() {
        assert_eq!(mode_of(ModeName::Canary, Some(5)), Ok(StepMode::Canary(5)));
        assert_eq!(mode_of(ModeName::Shadow, None), Ok(StepMode::Shadow));
        for (mode, percent) in [
            (ModeName::Canary, None),
            (ModeName::Canary, Some(0)),
            (ModeName::Canary, Some(101)),
            (ModeName::Shadow, Some(5)),
            (ModeName::Enforce, Some(5)),
        ] {
            assert!(mode_of(mode, percent).is_err(), "{mode:?} {percent:?}");
        }
    }
}
