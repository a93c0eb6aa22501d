//! Rule files: read, checked, tried on recent mail, and saved.
//!
//! Which files there are is the policy's to say: a name that its `settings-files` do not name is no name here, whatever path it spells.
//! `policy.toml` itself is not among them. It names files and secrets that the server reads, and whom plugins reach; who may write it has the machine.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use waxwing_policy::{DraftError, SettingsFile};

use super::execute::value;
use super::{Exit, Failure};
use crate::recent;
use crate::wiring::Parts;

/// The largest file that is taken, in octets.
const LARGEST: usize = 512 * 1024;
/// Messages that a draft is tried on, unless another number is given, and at most.
const TRIED: usize = 50;
const MOST_TRIED: usize = 200;

/// What is asked of the rule files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub(crate) enum RuleRequest {
    List,
    Show {
        file: String,
    },
    /// What is wrong with a text.
    Check {
        file: String,
        text: String,
    },
    /// What recent mail would have come to with a text.
    Preview {
        file: String,
        text: String,
        messages: Option<usize>,
    },
    Save {
        file: String,
        text: String,
        /// What the file was when it was read: if it is something else now, nothing is saved.
        digest: Option<String>,
    },
}

/// Does it.
pub(super) async fn execute(
    parts: &Parts,
    user: &str,
    request: RuleRequest,
) -> Result<Value, Failure> {
    let policy = &parts.policy;
    match request {
        RuleRequest::List => {
            let files = policy.settings_files().await.map_err(failure)?;
            Ok(files.iter().map(listed).collect())
        }
        RuleRequest::Show { file } => {
            let found = policy.settings_file(&file).await.map_err(failure)?;
            let mut shown = listed(&found);
            if let Some(shown) = shown.as_object_mut() {
                shown.insert("text".to_owned(), Value::String(found.text));
            }
            Ok(shown)
        }
        RuleRequest::Check { file, text } => {
            bounded(&text)?;
            let _one = parts.drafts.lock().await;
            match policy.check_draft(&file, &text).await {
                Ok(()) => Ok(json!({ "problems": [] })),
                Err(DraftError::Problems(problems)) => Ok(json!({ "problems": problems })),
                Err(error) => Err(failure(error)),
            }
        }
        RuleRequest::Preview {
            file,
            text,
            messages,
        } => {
            bounded(&text)?;
            let messages = messages.unwrap_or(TRIED).min(MOST_TRIED);
            // Each takes the processors of as many messages: one after the other.
            let _one = parts.drafts.lock().await;
            let draft = policy.draft(&file, &text).await.map_err(failure)?;
            let tried = recent::try_on(parts, &draft, messages).await?;
            Ok(value(&tried))
        }
        RuleRequest::Save { file, text, digest } => {
            bounded(&text)?;
            let saved = policy.save_draft(&file, &text, digest.as_deref(), user);
            let (generation, digest) = saved.await.map_err(failure)?;
            Ok(json!({ "generation": generation, "digest": digest }))
        }
    }
}

fn bounded(text: &str) -> Result<(), Failure> {
    if text.len() <= LARGEST {
        return Ok(());
    }
    Err(Failure::data(format!(
        "the text is {} octets long; a rule file has {LARGEST} at most: cut it into several",
        text.len()
    )))
}

fn listed(file: &SettingsFile) -> Value {
    json!({ "name": file.name, "steps": file.steps, "octets": file.text.len(), "digest": file.digest })
}

fn failure(error: DraftError) -> Failure {
    let exit = match &error {
        DraftError::Unknown(_) => Exit::Missing,
        DraftError::Changed(_) => Exit::Conflict,
        DraftError::Problems(_) | DraftError::Refused(_) => Exit::Data,
        DraftError::Failed(_) => Exit::Unavailable,
    };
    Failure::new(exit, error.to_string())
}
