//! Identities, and what of sending is answered from records (RFC 8621 §6, §7).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use waxwing_jmap::{
    AccountId, Changes, Identity, IdentityId, Kept, KeptChange, NotKept, Refusal, SendAnswer,
    SendAsk, Vacation, VacationNow,
};
use waxwing_mail::ReversePath;
use waxwing_policy::{Decision, TransactionFacts};
use waxwing_store::{
    Account, Error, NewRecord, Record, RecordChange, RecordKind, RecordsChanged, Store,
};

use super::super::asks::Asks;
use crate::answer::vacation;

/// The identity of the account's own address, which every account has.
const OWN: u64 = 0;

/// An identity as it is kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeptIdentity {
    name: String,
    email: String,
    reply_to: Value,
    bcc: Value,
    text_signature: String,
    html_signature: String,
}

pub(super) type Outcome = Result<Result<KeptChange, NotKept>, Error>;

impl Asks<'_> {
    pub(in super::super) async fn send(&self, ask: SendAsk) -> Result<SendAnswer, Error> {
        let account = of(&ask);
        self.is_own(account)?;
        match ask {
            SendAsk::Identities { .. } => {
                let state = self
                    .visitor
                    .parts
                    .store
                    .account_state(self.account.id)
                    .await?;
                Ok(SendAnswer::Identities(state, self.identities().await?))
            }
            SendAsk::PutIdentity { id, identity, .. } => {
                let put = self.put_identity(id, identity).await?;
                Ok(SendAnswer::Kept(put))
            }
            SendAsk::RemoveIdentity { id, .. } => {
                let removed = self.remove_record(RecordKind::Identity, id.0).await?;
                Ok(SendAnswer::Kept(removed))
            }
            SendAsk::Changes {
                kind, since, most, ..
            } => {
                let kind = match kind {
                    Kept::Identity => RecordKind::Identity,
                    Kept::Submission => RecordKind::Submission,
                };
                let store = &self.visitor.parts.store;
                let changed = store.records_changed(self.account.id, kind, since, most);
                let changed = changed.await?;
                Ok(SendAnswer::Changes(changed.map(changes)))
            }
            SendAsk::Submissions { which, status, .. } => {
                let state = self
                    .visitor
                    .parts
                    .store
                    .account_state(self.account.id)
                    .await?;
                let list = self.submissions(which.as_deref(), status).await?;
                Ok(SendAnswer::Submissions(state, list))
            }
            SendAsk::Sendable { email, .. } => {
                Ok(SendAnswer::Sendable(self.sendable(email).await?))
            }
            SendAsk::Submit {
                email,
                thread,
                identity,
                envelope,
                ..
            } => {
                let what = (email, thread, identity);
                Ok(SendAnswer::Kept(self.submit(what, envelope).await?))
            }
            SendAsk::Vacation { .. } => Ok(SendAnswer::Vacation(self.vacation().await?)),
            SendAsk::PutVacation { vacation, .. } => {
                let put = self.put_vacation(vacation).await?;
                Ok(SendAnswer::Kept(put))
            }
            SendAsk::Notify {
                pieces, envelope, ..
            } => Ok(SendAnswer::Notified(self.notify(pieces, envelope).await?)),
            SendAsk::Cancel { id, .. } => Ok(SendAnswer::Kept(self.cancel(id).await?)),
            SendAsk::Forget { id, .. } => {
                let removed = self.remove_record(RecordKind::Submission, id.0).await?;
                Ok(SendAnswer::Kept(removed))
            }
        }
    }

    async fn identities(&self) -> Result<Vec<(IdentityId, Identity)>, Error> {
        identities_of(&self.visitor.parts.store, self.account).await
    }

    async fn vacation(&self) -> Result<VacationNow, Error> {
        let store = &self.visitor.parts.store;
        let state = store.account_state(self.account.id).await?;
        // As it is, and not as it is known here: of hosts that share a store another may have changed it.
        let records = store.records(self.account.id, RecordKind::Vacation).await?;
        let record = records.first();
        Ok(VacationNow {
            state,
            changed: record.map_or(0, |record| record.changed),
            vacation: vacation::read(record),
        })
    }

    async fn put_vacation(&self, wanted: Vacation) -> Outcome {
        let record = vacation::record(self.account.id, wanted);
        let put = self.visitor.parts.store.put_record(record).await?;
        Ok(put.map_or_else(
            || {
                let text = "there is another one".to_owned();
                Err(NotKept::Refused(Refusal::OverQuota(text)))
            },
            |change| Ok(kept_change(0, change)),
        ))
    }

    async fn put_identity(&self, id: Option<IdentityId>, identity: Identity) -> Outcome {
        if id.is_none()
            && let Err(text) = self.may_send_as(&identity.email).await
        {
            return Ok(Err(NotKept::Address(text)));
        }
        let kept = KeptIdentity {
            name: identity.name,
            email: identity.email,
            reply_to: identity.reply_to,
            bcc: identity.bcc,
            text_signature: identity.text_signature,
            html_signature: identity.html_signature,
        };
        let number = id.map_or_else(fresh, |id| id.0);
        let record = self.record(RecordKind::Identity, number, &kept);
        let put = self.visitor.parts.store.put_record(record).await?;
        Ok(match put {
            Some(change) => Ok(kept_change(number, change)),
            None => {
                let text = "there are as many identities as there may be".to_owned();
                Err(NotKept::Refused(Refusal::OverQuota(text)))
            }
        })
    }

    /// Whether policy lets the account use an address as the sender of a message; that of a whole domain has `*` before its `@`.
    async fn may_send_as(&self, address: &str) -> Result<(), String> {
        let parsed = address
            .parse()
            .map_err(|_| "that is no address".to_owned())?;
        let mut gate = self.visitor.gate(self.account).await;
        let generation = self.visitor.parts.policy.current();
        let facts = TransactionFacts {
            queue_id: String::new(),
            sender: ReversePath::Address(parsed),
            params: Vec::new(),
            declared_size: None,
            smtputf8: !address.is_ascii(),
        };
        let mut transaction = gate.policy().transaction(generation, facts);
        match transaction.mail_from().await {
            Decision::Pass => Ok(()),
            Decision::Refuse(reply) | Decision::Disconnect(reply) => Err(reply.text.into_owned()),
        }
    }

    async fn remove_record(&self, kind: RecordKind, number: u64) -> Outcome {
        let store = &self.visitor.parts.store;
        let id = signed(number);
        let removed = store.remove_record(self.account.id, kind, id).await?;
        Ok(match removed {
            Some(change) => Ok(kept_change(number, change)),
            None => Err(NotKept::Refused(Refusal::NotFound)),
        })
    }

    pub(super) fn record(
        &self,
        kind: RecordKind,
        number: u64,
        value: &impl Serialize,
    ) -> NewRecord {
        NewRecord {
            account: self.account.id,
            kind,
            id: signed(number),
            // Of plain values, which cannot fail to be written.
            value: serde_json::to_string(value).unwrap_or_default(),
        }
    }
}

/// That of an account's address, with what was changed of it, and those that were made.
pub(crate) async fn identities_of(
    store: &Store,
    account: &Account,
) -> Result<Vec<(IdentityId, Identity)>, Error> {
    let records = store.records(account.id, RecordKind::Identity).await?;
    let own = Identity {
        email: account.address.clone(),
        ..Identity::default()
    };
    let mut list = vec![(IdentityId(OWN), own)];
    for record in &records {
        let id = record.id.unsigned_abs();
        let Some(identity) = identity(record) else {
            continue;
        };
        match list.iter_mut().find(|(known, _)| known.0 == id) {
            Some((_, own)) => {
                *own = Identity {
                    email: account.address.clone(),
                    may_delete: false,
                    ..identity
                };
            }
            None => list.push((IdentityId(id), identity)),
        }
    }
    Ok(list)
}

/// Whose account an ask is about.
const fn of(ask: &SendAsk) -> AccountId {
    match ask {
        SendAsk::Identities { account }
        | SendAsk::PutIdentity { account, .. }
        | SendAsk::RemoveIdentity { account, .. }
        | SendAsk::Changes { account, .. }
        | SendAsk::Submissions { account, .. }
        | SendAsk::Sendable { account, .. }
        | SendAsk::Submit { account, .. }
        | SendAsk::Notify { account, .. }
        | SendAsk::Cancel { account, .. }
        | SendAsk::Forget { account, .. }
        | SendAsk::Vacation { account }
        | SendAsk::PutVacation { account, .. } => *account,
    }
}

fn identity(record: &Record) -> Option<Identity> {
    let kept: KeptIdentity = serde_json::from_str(&record.value).ok()?;
    Some(Identity {
        name: kept.name,
        email: kept.email,
        reply_to: kept.reply_to,
        bcc: kept.bcc,
        text_signature: kept.text_signature,
        html_signature: kept.html_signature,
        may_delete: true,
    })
}

/// A number that nothing has: chance, so that two hosts need not ask each other.
pub(super) fn fresh() -> u64 {
    rand::random_range(1..1 << 53)
}

pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn kept_change(id: u64, change: RecordChange) -> KeptChange {
    KeptChange {
        id,
        before: change.before,
        after: change.after,
        send_at: 0,
        pending: false,
    }
}

fn changes(of: RecordsChanged) -> Changes {
    let numbers = |ids: Vec<i64>| ids.into_iter().map(i64::unsigned_abs).collect();
    Changes {
        until: of.until,
        more: of.more,
        created: numbers(of.created),
        updated: numbers(of.updated),
        destroyed: numbers(of.destroyed),
        ..Changes::default()
    }
}
