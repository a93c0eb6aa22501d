//! Recent mail, to try on it what a rule file, a plugin or a policy may become.
//!
//! What came is found by its content, which begins with what this server wrote on top of it: the queue id there leads to the ledger, which knows
//! the envelope and what was found. Drafts and what else accounts put there themselves have no such beginning, and are not looked at.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::Serialize;
use serde_json::Value;
use waxwing_policy::{Draft, Hook, Mail, TriedMail};
use waxwing_store::{BlobId, LedgerRow, Store};

use crate::admin::Failure;
use crate::answer::fields;
use crate::wiring::Parts;

/// Contents looked at for each message that is wanted.
const LOOKED_AT: usize = 4;
/// Octets of a content in which what this server wrote is looked for.
const TOP: usize = 16 * 1024;
/// Larger messages are left out.
const LARGEST: u64 = 2 << 20;
/// Messages told of, at most.
const TOLD: usize = 100;

/// What came of it.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    /// The steps that the draft changes.
    changed: Vec<String>,
    /// Messages that were judged on both sides.
    tried: usize,
    /// How many of them come to something else.
    differing: usize,
    /// How many would have another verdict.
    verdicts: usize,
    /// Hooks of the steps that it changes of which nothing is tried.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    untried: BTreeMap<String, Vec<&'static str>>,
    /// Those that come to something else, the latest first, as far as there is room.
    messages: Vec<Told>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Told {
    queue_id: String,
    at: i64,
    sender: String,
    recipients: Vec<String>,
    #[serde(flatten)]
    tried: TriedMail,
}

/// Judges recent mail as things are and with the draft.
pub(crate) async fn try_on(
    parts: &Parts,
    draft: &Draft,
    messages: usize,
) -> Result<Outcome, Failure> {
    let mut outcome = Outcome {
        changed: draft.changed().to_vec(),
        tried: 0,
        differing: 0,
        verdicts: 0,
        untried: untried(draft),
        messages: Vec::new(),
    };
    if outcome.changed.is_empty() {
        return Ok(outcome);
    }
    let contents = parts
        .store
        .recent_blobs(messages.saturating_mul(LOOKED_AT))
        .await?;
    for (blob, size) in contents {
        if outcome.tried >= messages {
            break;
        }
        let Some((row, mail)) = read(&parts.store, blob, size).await? else {
            continue;
        };
        let tried = draft.try_on(&mail).await;
        outcome.tried += 1;
        if !tried.differs() {
            continue;
        }
        outcome.differing += 1;
        outcome.verdicts += usize::from(tried.before.verdict != tried.after.verdict);
        if outcome.messages.len() < TOLD {
            outcome.messages.push(Told {
                queue_id: row.queue_id,
                at: row.at,
                sender: mail.sender,
                recipients: mail.recipients,
                tried,
            });
        }
    }
    Ok(outcome)
}

fn untried(draft: &Draft) -> BTreeMap<String, Vec<&'static str>> {
    let named = |hooks: &[Hook]| hooks.iter().map(|hook| hook.as_str()).collect();
    let steps = draft.untried().iter();
    steps
        .map(|(step, hooks)| (step.clone(), named(hooks)))
        .collect()
}

/// A message that came, with its row of the ledger; none if this is no such message, or nothing is known of it any more.
async fn read(
    store: &Store,
    blob: BlobId,
    size: u64,
) -> Result<Option<(LedgerRow, Mail)>, Failure> {
    if size > LARGEST {
        return Ok(None);
    }
    let mut heads = store.blob_heads(&[blob], TOP).await?;
    let Some(head) = heads.pop().flatten() else {
        return Ok(None);
    };
    let Some((queue_id, top)) = fields::arrival(&head) else {
        return Ok(None);
    };
    let rows = store.trace(&queue_id).await?;
    let came = |row: &LedgerRow| Some((row.clone(), record(row)?));
    let Some((row, record)) = rows.iter().find_map(came) else {
        return Ok(None);
    };
    let length = usize::try_from(size).unwrap_or(usize::MAX);
    // It may have been removed meanwhile.
    let Ok(content) = store.read_blob(blob, 0, length).await else {
        return Ok(None);
    };
    let mut mail = mail(&record);
    mail.content = content.slice(top.min(content.len())..);
    Ok(Some((row, mail)))
}

/// The record of a message that came; those of attempts have no envelope.
fn record(row: &LedgerRow) -> Option<Value> {
    let mut record: Value = serde_json::from_str(&row.json).ok()?;
    record.get("envelope")?;
    let ledger = record.get_mut("policy")?;
    waxwing_policy::complete_ledger(ledger, row.roster.as_ref().map(|roster| &*roster.json));
    Some(record)
}

fn mail(record: &Value) -> Mail {
    let envelope = |name: &str| {
        let member = record
            .get("envelope")
            .and_then(|envelope| envelope.get(name));
        member
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let client = envelope("client").parse::<SocketAddr>();
    let login = Some(envelope("login")).filter(|login| !login.is_empty());
    let recipients = list(record.get("recipients"));
    let recipients = recipients
        .iter()
        .filter_map(|recipient| recipient.get("address")?.as_str());
    let steps = list(record.get("policy").and_then(|policy| policy.get("steps")));
    let mut found = Vec::new();
    for step in steps {
        let name = step.get("step").and_then(Value::as_str).unwrap_or_default();
        for finding in list(step.get("findings")) {
            let what = finding.get("name").and_then(Value::as_str);
            let score = finding.get("score").and_then(Value::as_f64);
            found.push((
                name.to_owned(),
                what.unwrap_or_default().to_owned(),
                score.unwrap_or_default(),
            ));
        }
    }
    Mail {
        protocol: match &login {
            Some(_) => "submission".to_owned(),
            None => "smtp".to_owned(),
        },
        client: client.map_or_else(|_| "192.0.2.1".to_owned(), |client| client.ip().to_string()),
        helo: envelope("helo"),
        login,
        sender: envelope("sender").trim_matches(['<', '>']).to_owned(),
        recipients: recipients.map(str::to_owned).collect(),
        found,
        ..Mail::default()
    }
}

fn list(of: Option<&Value>) -> &[Value] {
    of.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
