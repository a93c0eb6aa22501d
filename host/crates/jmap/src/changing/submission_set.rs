//! `EmailSubmission/set` (RFC 8621 §7.5).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Created;
use super::identity::{identities, permits};
use super::kept::change;
use super::sending::{
    Addressed, Envelope, Identity, SendAnswer, SendAsk, Sendable, Submission, Undo,
};
use super::set::{Doomed, Outcome, Set, begin, resolved};
use super::submission::{Which, envelope, object, submissions, written};
use crate::ask::{Answer, Ask};
use crate::context::{Context, mistaken};
use crate::error::MethodError;
use crate::id::{AccountId, EmailId, IdentityId, SubmissionId, ThreadId};
use crate::methods::Arguments;
use crate::set_error::SetError;
use crate::standard::patched;

type Object = Map<String, Value>;

/// What is done with emails whose submission succeeds.
struct Then {
    update: BTreeMap<String, Object>,
    destroy: Vec<String>,
}

impl Then {
    fn take(arguments: &mut Arguments) -> Result<Self, MethodError> {
        let wrong =
            |name: &str| MethodError::InvalidArguments(format!("{name} is of another type"));
        let (update, destroy) = ("onSuccessUpdateEmail", "onSuccessDestroyEmail");
        let value = |arguments: &mut Arguments, name: &str| {
            arguments.remove(name).filter(|value| !value.is_null())
        };
        let updates = value(arguments, update).map(serde_json::from_value);
        let destroys = value(arguments, destroy).map(serde_json::from_value);
        Ok(Self {
            update: updates
                .transpose()
                .map_err(|_| wrong(update))?
                .unwrap_or_default(),
            destroy: destroys
                .transpose()
                .map_err(|_| wrong(destroy))?
                .unwrap_or_default(),
        })
    }
}

pub(super) async fn call(
    mut arguments: Arguments,
    context: &Context,
    created: &mut Created,
) -> Result<Arguments, MethodError> {
    let then = Then::take(&mut arguments)?;
    let set = Set::read(arguments)?;
    let account = set.check(context)?;
    let begun = begin(account, set.if_in_state.as_deref(), context).await?;
    let account_id = set.account_id.clone();
    let mut work = Work {
        account,
        context,
        outcome: Outcome::new(account_id.clone(), begun.state),
        emails: BTreeMap::new(),
    };
    let done = work.all(set, created).await;
    // Also if it cannot be told what became of another one.
    follow(&then, &work.emails, &account_id, context);
    done?;
    Ok(work.outcome.into_arguments())
}

/// A call as far as it has come.
struct Work<'w> {
    account: AccountId,
    context: &'w Context,
    outcome: Outcome,
    /// The email of each submission that was created, updated or destroyed, by the name that the client has for it.
    emails: BTreeMap<String, EmailId>,
}

impl Work<'_> {
    async fn all(&mut self, set: Set, created: &mut Created) -> Result<(), MethodError> {
        // Loaded once, where they are wanted: they can be large.
        let mut senders = None;
        for (name, given) in set.create.into_iter().flatten() {
            let made = match self.outcome.stuck() {
                Some(stuck) => stuck,
                None => {
                    let about = (self.context, &*created);
                    let to = (&mut self.outcome, &mut senders);
                    let made = create(self.account, &given, to, about).await;
                    self.outcome.step(made)?
                }
            };
            let made = made.map(|(email, object)| {
                self.emails.insert(format!("#{name}"), email);
                if let Some(id) = object.get("id").and_then(Value::as_str) {
                    self.emails.insert(id.to_owned(), email);
                }
                object
            });
            super::placing::book(&name, made, &mut self.outcome, created);
        }
        let update = set.update.unwrap_or_default();
        let destroy = Doomed::of(set.destroy.unwrap_or_default(), created);
        let known = match self.known(&update, destroy.names(), created).await {
            Ok(known) => Ok(known),
            Err(error) => self.outcome.step(Err(error))?,
        };
        let find = |name: &str, created: &Created| {
            let id = resolved(name, created).and_then(SubmissionId::parse);
            let list = known.as_ref().map_err(Clone::clone)?;
            let found = list.iter().find(|known| Some(known.id) == id);
            found.ok_or(SetError::NotFound)
        };
        for (name, patch) in update {
            let done = match find(&name, created) {
                Ok(_) if destroy.has(&name, created) => Err(SetError::WillDestroy),
                Ok(current) => {
                    let change = update_one(self.account, current, &patch);
                    self.change(change).await?.map(|()| current)
                }
                Err(error) => Err(error),
            };
            match done {
                Ok(current) => {
                    self.emails.insert(name, current.email);
                    let id = current.id.to_string();
                    self.outcome.updated.insert(id, Value::Null);
                }
                Err(error) => self.outcome.not_updated(&name, &error),
            }
        }
        for name in destroy.into_names() {
            let done = match find(&name, created) {
                Ok(current) => {
                    let (account, id) = (self.account, current.id);
                    let forget = Ok(Some(SendAsk::Forget { account, id }));
                    self.change(forget).await?.map(|()| current)
                }
                Err(error) => Err(error),
            };
            match done {
                Ok(current) => {
                    self.emails.insert(name, current.email);
                    self.outcome.destroyed.push(current.id.to_string().into());
                }
                Err(error) => self.outcome.not_destroyed(&name, &error),
            }
        }
        Ok(())
    }

    /// The submissions that are to be changed or forgotten.
    async fn known(
        &self,
        update: &BTreeMap<String, Object>,
        destroy: &[String],
        created: &Created,
    ) -> Result<Vec<Submission>, MethodError> {
        if update.is_empty() && destroy.is_empty() {
            return Ok(Vec::new());
        }
        let names = update.keys().chain(destroy);
        let ids = names.filter_map(|name| resolved(name, created).and_then(SubmissionId::parse));
        let which = Which {
            ids: Some(ids.collect()),
            status: !update.is_empty(),
        };
        Ok(submissions(self.account, which, self.context).await?.1)
    }

    /// Makes a change, if there is one to make.
    async fn change(
        &mut self,
        ask: Result<Option<SendAsk>, SetError>,
    ) -> Result<Result<(), SetError>, MethodError> {
        match ask {
            Ok(Some(ask)) => {
                let done = change(ask, &mut self.outcome, self.context).await?;
                Ok(done.map(|_| ()))
            }
            Ok(None) => Ok(Ok(())),
            Err(error) => Ok(Err(error)),
        }
    }
}

/// RFC 8621 §7.5: one implicit call for all emails whose submissions succeeded.
fn follow(then: &Then, emails: &BTreeMap<String, EmailId>, account: &str, context: &Context) {
    let mut update = Object::new();
    for (name, patch) in &then.update {
        if let Some(email) = emails.get(name) {
            update.insert(email.to_string(), patch.clone().into());
        }
    }
    let destroy = then.destroy.iter().filter_map(|name| emails.get(name));
    let destroy: Vec<String> = destroy.map(ToString::to_string).collect();
    if update.is_empty() && destroy.is_empty() {
        return;
    }
    let mut arguments = Object::new();
    arguments.insert("accountId".into(), account.into());
    if !update.is_empty() {
        arguments.insert("update".into(), update.into());
    }
    if !destroy.is_empty() {
        arguments.insert("destroy".into(), destroy.into());
    }
    context.follow("Email/set", arguments.into());
}

async fn create(
    account: AccountId,
    given: &Object,
    (outcome, senders): (&mut Outcome, &mut Option<Vec<(IdentityId, Identity)>>),
    (context, created): (&Context, &Created),
) -> Result<Result<(EmailId, Object), SetError>, MethodError> {
    let wanted = match Wanted::read(given, created) {
        Ok(wanted) => wanted,
        Err(error) => return Ok(Err(error)),
    };
    let senders = match senders {
        Some(senders) => senders,
        None => senders.insert(identities(account, context).await?.1),
    };
    let identity = senders.iter().find(|(id, _)| *id == wanted.identity);
    let Some((identity_id, identity)) = identity else {
        return Ok(Err(SetError::property(
            "identityId",
            "there is no such identity",
        )));
    };
    let ask = SendAsk::Sendable {
        account,
        email: wanted.email,
    };
    let answer = context.ask(Ask::Send(ask)).await?;
    let Answer::Send(SendAnswer::Sendable(sendable)) = answer else {
        return Err(mistaken());
    };
    let Some(sendable) = sendable else {
        return Ok(Err(SetError::property("emailId", "there is no such email")));
    };
    let sent = match sent_as(wanted.envelope, identity, &sendable) {
        Ok(sent) => sent,
        Err(error) => return Ok(Err(error)),
    };
    let thread = ThreadId(sendable.thread);
    let submit = SendAsk::Submit {
        account,
        email: wanted.email,
        thread,
        identity: *identity_id,
        envelope: sent.clone(),
    };
    let done = change(submit, outcome, context).await?;
    Ok(done.map(|done| {
        let undo = if done.pending {
            Undo::Pending
        } else {
            Undo::Final
        };
        let mut whole = object(&Submission {
            id: SubmissionId(done.id),
            identity: *identity_id,
            email: wanted.email,
            thread,
            envelope: sent.clone(),
            send_at: done.send_at,
            undo,
            status: Vec::new(),
        });
        whole.insert("sendAt".into(), written(done.send_at).into());
        whole.insert("envelope".into(), envelope(&sent));
        // What has become of recipients is asked for.
        whole.remove("deliveryStatus");
        whole.retain(|name, _| given.get(name).is_none_or(Value::is_null));
        (wanted.email, whole)
    }))
}

/// A submission as the client gives it.
struct Wanted {
    identity: IdentityId,
    email: EmailId,
    envelope: Option<Envelope>,
}

impl Wanted {
    fn read(given: &Object, created: &Created) -> Result<Self, SetError> {
        let id = |name: &str| {
            let text = given.get(name).and_then(Value::as_str);
            text.and_then(|text| resolved(text, created))
        };
        let identity = id("identityId").and_then(IdentityId::parse);
        let email = id("emailId").and_then(EmailId::parse);
        let envelope = match given.get("envelope") {
            None | Some(Value::Null) => Some(None),
            Some(value) => read_envelope(value).map(Some),
        };
        let mut wrong = Vec::new();
        let known = ["identityId", "emailId", "envelope"];
        let unknown = given.keys().filter(|name| !known.contains(&name.as_str()));
        wrong.extend(unknown.cloned());
        for (name, missing) in [
            ("identityId", identity.is_none()),
            ("emailId", email.is_none()),
            ("envelope", envelope.is_none()),
        ] {
            if missing {
                wrong.push(name.to_owned());
            }
        }
        match (identity, email, envelope) {
            (Some(identity), Some(email), Some(envelope)) if wrong.is_empty() => Ok(Self {
                identity,
                email,
                envelope,
            }),
            _ => Err(SetError::InvalidProperties(
                wrong,
                "a property is not of its type, names nothing, or is the server's to say".into(),
            )),
        }
    }
}

fn read_envelope(value: &Value) -> Option<Envelope> {
    let members = value.as_object()?;
    let known = ["mailFrom", "rcptTo"];
    let recipients = members.get("rcptTo")?.as_array()?;
    let envelope = Envelope {
        mail_from: read_address(members.get("mailFrom")?)?,
        rcpt_to: recipients.iter().map(read_address).collect::<Option<_>>()?,
    };
    let known = members.keys().all(|name| known.contains(&name.as_str()));
    known.then_some(envelope)
}

fn read_address(value: &Value) -> Option<Addressed> {
    let members = value.as_object()?;
    let parameters = match members.get("parameters") {
        None | Some(Value::Null) => None,
        Some(value) => {
            let pairs = value.as_object()?.iter().map(|(name, value)| match value {
                Value::Null => Some((name.clone(), None)),
                Value::String(text) => Some((name.clone(), Some(text.clone()))),
                _ => None,
            });
            Some(pairs.collect::<Option<_>>()?)
        }
    };
    let known = ["email", "parameters"];
    let known = members.keys().all(|name| known.contains(&name.as_str()));
    let email = members.get("email")?.as_str()?.to_owned();
    known.then_some(Addressed { email, parameters })
}

/// The envelope of a message, generated where none is given; nothing of it is looked at by policy here.
fn sent_as(
    given: Option<Envelope>,
    identity: &Identity,
    sendable: &Sendable,
) -> Result<Envelope, SetError> {
    if sendable.size > sendable.most_octets {
        return Err(SetError::TooLarge(Some(sendable.most_octets)));
    }
    // RFC 5322 §3.6: one From, with one author at least.
    match sendable.authors.as_slice() {
        [authors] if !authors.is_empty() => {}
        _ => {
            let text = "the message has one field From, with an address";
            return Err(SetError::InvalidEmail(vec!["from".into()], text.into()));
        }
    }
    let envelope = match given {
        Some(envelope) => envelope,
        None => generated(identity, sendable)?,
    };
    if envelope.rcpt_to.is_empty() {
        return Err(SetError::NoRecipients);
    }
    if envelope.rcpt_to.len() as u64 > sendable.most_recipients {
        return Err(SetError::TooManyRecipients(sendable.most_recipients));
    }
    Ok(envelope)
}

/// RFC 8621 §7: from Sender or From, to all of To, Cc and Bcc.
fn generated(identity: &Identity, sendable: &Sendable) -> Result<Envelope, SetError> {
    let bare = |email: String| Addressed {
        email,
        parameters: None,
    };
    let (name, fields) = match sendable.senders.is_empty() {
        true => ("from", &sendable.authors),
        false => ("sender", &sendable.senders),
    };
    let [addresses] = fields.as_slice() else {
        let text = format!("there is more than one field {name}");
        return Err(SetError::InvalidEmail(vec![name.into()], text));
    };
    let [address] = addresses.as_slice() else {
        let text = format!("there is not one address in the field {name}");
        return Err(SetError::InvalidEmail(vec![name.into()], text));
    };
    let mail_from = match permits(&identity.email, address) {
        true => address,
        false => &identity.email,
    };
    let mut recipients: Vec<Addressed> = Vec::new();
    for address in &sendable.recipients {
        let same = |known: &Addressed| known.email.eq_ignore_ascii_case(address);
        if !recipients.iter().any(same) {
            recipients.push(bare(address.clone()));
        }
    }
    Ok(Envelope {
        mail_from: bare(mail_from.clone()),
        rcpt_to: recipients,
    })
}

/// RFC 8621 §7.5: all that can be changed is that it is called back. None: nothing changes.
fn update_one(
    account: AccountId,
    current: &Submission,
    patch: &Object,
) -> Result<Option<SendAsk>, SetError> {
    let now = object(current);
    let wanted = patched(&now, patch).map_err(|error| SetError::InvalidPatch(error.to_string()))?;
    let names = wanted.keys().chain(now.keys());
    let differ = names.filter(|name| *name != "undoStatus" && wanted.get(*name) != now.get(*name));
    let mut wrong: Vec<String> = differ.cloned().collect();
    let undo = wanted.get("undoStatus").and_then(Value::as_str);
    let cancels = undo == Some("canceled") && current.undo != Undo::Canceled;
    if !cancels && undo != Some(current.undo.name()) {
        wrong.push("undoStatus".into());
    }
    if !wrong.is_empty() {
        wrong.sort_unstable();
        wrong.dedup();
        let text = "of a submission only undoStatus is changed, and only to canceled";
        return Err(SetError::InvalidProperties(wrong, text.into()));
    }
    let id = current.id;
    match (cancels, current.undo) {
        (false, _) => Ok(None),
        (true, Undo::Final) => Err(SetError::CannotUnsend),
        (true, _) => Ok(Some(SendAsk::Cancel { account, id })),
    }
}
