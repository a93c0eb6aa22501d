//! `Email/set` (RFC 8621 §4.6).

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value, json};

use super::ask::{Begun, ChangeAnswer, ChangeAsk, EmailChange, EmailsChanged};
use super::placing::{self, book, refused};
use super::set::{Outcome, Set, begin, resolved};
use super::{Created, draft, labels};
use crate::ask::{Answer, Ask};
use crate::blob;
use crate::context::{Context, mistaken};
use crate::error::MethodError;
use crate::id::{AccountId, BlobId, EmailId};
use crate::mail::email_get;
use crate::methods::Arguments;
use crate::set_error::SetError;

pub(super) async fn call(
    set: Set,
    context: &Context,
    created: &mut Created,
) -> Result<Arguments, MethodError> {
    let account = set.check(context)?;
    let begun = begin(account, set.if_in_state.as_deref(), context).await?;
    let account_id = set.account_id.clone();
    let mut outcome = Outcome::new(set.account_id, begun.state);
    for (number, (name, object)) in set.create.into_iter().flatten().enumerate() {
        let made = match outcome.stuck() {
            Some(stuck) => stuck,
            None => {
                let about = (&begun, number);
                let made = create(account, object, about, (&mut outcome, created), context).await;
                outcome.step(made)?
            }
        };
        book(&name, made, &mut outcome, created);
    }
    let update = set.update.unwrap_or_default();
    let destroy = set.destroy.unwrap_or_default();
    let changes = Changes::gather(
        (&account_id, context),
        (&update, &destroy),
        created,
        &mut outcome,
    );
    changes.await?.make(account, &mut outcome, context).await?;
    Ok(outcome.into_arguments())
}

async fn create(
    account: AccountId,
    mut object: Map<String, Value>,
    (begun, number): (&Begun, usize),
    (outcome, created): (&mut Outcome, &Created),
    context: &Context,
) -> Result<Result<Map<String, Value>, SetError>, MethodError> {
    let placing = placing::take(&mut object, created);
    let draft = draft::read(object);
    let errors = [placing.as_ref().err(), draft.as_ref().err()];
    if let Some(error) = placing::together(errors.into_iter().flatten()) {
        return Ok(Err(error));
    }
    let (Ok(placing), Ok(draft)) = (placing, draft) else {
        return Err(mistaken());
    };
    if draft.blobs.iter().any(|id| BlobId::parse(id).is_none()) {
        let missing = missing(account, draft.blobs, context).await?;
        return Ok(Err(SetError::BlobNotFound(missing)));
    }
    let pieces = match draft.pieces(begun, number) {
        Ok(pieces) => pieces,
        Err(error) => return Ok(Err(error)),
    };
    let ask = ChangeAsk::Compose {
        account,
        pieces,
        placing,
    };
    placing::store(ask, |refusal| refused(refusal, None), outcome, context).await
}

/// Those of some ids that are of no blob. RFC 8621 §4.6: every one is told.
async fn missing(
    account: AccountId,
    mut ids: Vec<String>,
    context: &Context,
) -> Result<Vec<String>, MethodError> {
    let parsed = ids.iter().filter_map(|id| BlobId::parse(id));
    let there = blob::uses_of(account, parsed.map(BlobId::content).collect(), context).await?;
    ids.retain(|id| !BlobId::parse(id).is_some_and(|blob| there.contains_key(&blob.content())));
    Ok(ids)
}

/// Changes of emails that are there, each with the name that the client knows it by.
#[derive(Debug, Default)]
struct Changes {
    asked: Vec<(EmailId, EmailChange)>,
}

impl Changes {
    /// What is to be asked; what cannot be is booked.
    async fn gather(
        (account, context): (&str, &Context),
        (update, destroy): (&BTreeMap<String, Map<String, Value>>, &[String]),
        created: &Created,
        outcome: &mut Outcome,
    ) -> Result<Self, MethodError> {
        let mut changes = Self::default();
        let email = |name: &str| resolved(name, created).and_then(EmailId::parse);
        let mut doomed: HashSet<EmailId> = HashSet::new();
        for name in destroy {
            match email(name) {
                Some(id) => {
                    doomed.insert(id);
                }
                None => outcome.not_destroyed(name, &SetError::NotFound),
            }
        }
        let mut known = HashSet::new();
        for (name, patch) in update {
            let change = match email(name) {
                None => Err(SetError::NotFound),
                Some(id) if doomed.contains(&id) => Err(SetError::WillDestroy),
                Some(id) => {
                    let change = match outcome.stuck() {
                        Some(stuck) => stuck,
                        None => {
                            let change = checked(account, id, patch, (context, created)).await;
                            outcome.step(change)?
                        }
                    };
                    change.map(|change| (id, change))
                }
            };
            match change {
                // Named twice, by its id and by the name that it was created with.
                Ok((id, _)) if !known.insert(id) => {
                    let text = "it is changed twice in one call".to_owned();
                    outcome.not_updated(name, &SetError::InvalidPatch(text));
                }
                Ok(change) => changes.asked.push(change),
                Err(error) => outcome.not_updated(name, &error),
            }
        }
        let mut doomed: Vec<EmailId> = doomed.into_iter().collect();
        doomed.sort_unstable();
        let doomed = doomed.into_iter().map(|id| (id, EmailChange::Destroy));
        changes.asked.extend(doomed);
        Ok(changes)
    }

    async fn make(
        self,
        account: AccountId,
        outcome: &mut Outcome,
        context: &Context,
    ) -> Result<(), MethodError> {
        if self.asked.is_empty() {
            return Ok(());
        }
        let ask = ChangeAsk::Emails {
            account,
            changes: self.asked.clone(),
        };
        let changed = match outcome.stuck() {
            Some(stuck) => stuck,
            None => {
                let changed = changed(ask, self.asked.len(), context).await;
                outcome.step(changed.map(Ok))?
            }
        };
        let results = match changed {
            Ok(changed) => {
                outcome.went(changed.before, changed.after);
                let results = changed.results.into_iter();
                results
                    .map(|result| result.map_err(|refusal| refused(refusal, None)))
                    .collect()
            }
            Err(error) => vec![Err(error); self.asked.len()],
        };
        for ((id, change), result) in self.asked.into_iter().zip(results) {
            let id = id.to_string();
            match (change, result) {
                (EmailChange::Destroy, Ok(())) => outcome.destroyed.push(id.into()),
                (EmailChange::Destroy, Err(error)) => outcome.not_destroyed(&id, &error),
                (EmailChange::Update { .. }, Ok(())) => {
                    outcome.updated.insert(id, Value::Null);
                }
                (EmailChange::Update { .. }, Err(error)) => outcome.not_updated(&id, &error),
            }
        }
        Ok(())
    }
}

/// What became of as many changes.
async fn changed(
    ask: ChangeAsk,
    count: usize,
    context: &Context,
) -> Result<EmailsChanged, MethodError> {
    match context.ask(Ask::Change(ask)).await? {
        Answer::Change(ChangeAnswer::Emails(changed)) if changed.results.len() == count => {
            Ok(changed)
        }
        _ => Err(mistaken()),
    }
}

/// The change that a patch is, if it changes nothing else.
async fn checked(
    account: &str,
    id: EmailId,
    patch: &Map<String, Value>,
    (context, created): (&Context, &Created),
) -> Result<Result<EmailChange, SetError>, MethodError> {
    let (change, fixed) = match labels::update(patch, created) {
        Ok(found) => found,
        Err(error) => return Ok(Err(error)),
    };
    let wrong = differing(account, id, &fixed, context).await?;
    if wrong.is_empty() {
        return Ok(Ok(change));
    }
    let text = "of an email only keywords and mailboxIds are changed";
    Ok(Err(SetError::InvalidProperties(wrong, text.into())))
}

/// RFC 8620 §5.3: what cannot be changed may be given as it is. Those that are not.
async fn differing(
    account: &str,
    id: EmailId,
    fixed: &[(&String, &Value)],
    context: &Context,
) -> Result<Vec<String>, MethodError> {
    let names: Vec<&String> = fixed.iter().map(|(name, _)| *name).collect();
    let of_id = |(name, value): &(&String, &Value)| {
        name.as_str() == "id" && value.as_str() == Some(&id.to_string())
    };
    if fixed.iter().all(of_id) {
        return Ok(Vec::new());
    }
    let wanted = json!({ "accountId": account, "ids": [id.to_string()], "properties": names });
    let Value::Object(wanted) = wanted else {
        return Err(mistaken());
    };
    let got = match email_get::get(wanted, context).await {
        Ok(mut got) => got.remove("list").unwrap_or_default(),
        // There are no such properties.
        Err(MethodError::InvalidArguments(_)) => Value::Null,
        Err(error) => return Err(error),
    };
    if got.as_array().is_some_and(Vec::is_empty) {
        // That there is no such email is found out with the change.
        return Ok(Vec::new());
    }
    let differs = |(name, value): &&(&String, &Value)| {
        let current = got.get(0).and_then(|email| email.get(name.as_str()));
        current != Some(*value)
    };
    let differ = fixed.iter().filter(differs);
    Ok(differ.map(|(name, _)| (*name).clone()).collect())
}
