//! `MDN/send` and `MDN/parse` (RFC 9007): that a message was displayed, told to whoever asked to be told.

mod object;
mod parse;
mod report;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use waxwing_message::{AddressItem, header, value};

use self::object::Mdn;
use self::report::{Original, Report};
use super::Created;
use super::ask::Begun;
use super::identity::{identities, permits};
use super::kept::refused;
use super::sending::{Addressed, Envelope, Identity, NotKept, SendAnswer, SendAsk};
use super::set::{begin, creation_ids, resolved, within};
use crate::ask::{Answer, Ask};
use crate::context::{Context, mistaken};
use crate::error::MethodError;
use crate::id::{AccountId, ContentId, EmailId, IdentityId};
use crate::mail::{MailAnswer, MailAsk, mailbox};
use crate::methods::Arguments;
use crate::set_error::{SetError, of_one};

pub(super) use self::parse::parse;

type Object = Map<String, Value>;

/// RFC 3503 §3: that one was sent, or is not to be.
const SENT: &str = "$mdnsent";
/// Who is told of one message at most.
const MAX_TOLD: usize = 20;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Send {
    account_id: String,
    identity_id: String,
    send: BTreeMap<String, Object>,
    #[serde(default)]
    on_success_update_email: Option<BTreeMap<String, Object>>,
}

/// A call as far as it has come.
struct Work<'w> {
    account: AccountId,
    context: &'w Context,
    /// Under which they are sent.
    identity: &'w Identity,
    /// All that the account has.
    identities: &'w [(IdentityId, Identity)],
    begun: Begun,
    /// What one was sent for.
    told: BTreeSet<EmailId>,
}

pub(super) async fn send(
    mut send: Send,
    context: &Context,
    created: &Created,
) -> Result<Arguments, MethodError> {
    let account = context.writable(&send.account_id)?.id;
    within(send.send.len(), context)?;
    creation_ids(send.send.keys())?;
    let then = send.on_success_update_email.take().unwrap_or_default();
    // RFC 9007 §2.1: what does not come to have the keyword is not sent.
    if let Some(name) = send.send.keys().find(|name| !marks(&then, name)) {
        let text = format!("onSuccessUpdateEmail does not give #{name} the keyword {SENT}");
        return Err(MethodError::InvalidArguments(text));
    }
    let all = identities(account, context).await?.1;
    let id = resolved(&send.identity_id, created).and_then(IdentityId::parse);
    let identity = all.iter().find(|(known, _)| Some(*known) == id);
    let Some((_, identity)) = identity else {
        let text = "identityId: there is no such identity";
        return Err(MethodError::InvalidArguments(text.into()));
    };
    let mut work = Work {
        account,
        context,
        identity,
        identities: &all,
        begun: begin(account, None, context).await?,
        told: BTreeSet::new(),
    };
    let (mut sent, mut not_sent) = (Map::new(), Map::new());
    let mut update = Object::new();
    let mut unknown = None;
    for (number, (name, given)) in send.send.into_iter().enumerate() {
        let one = work.one(&given, number, created).await;
        match of_one(one, !sent.is_empty()) {
            Ok(Ok((email, object))) => {
                if let Some(patch) = then.get(&format!("#{name}")) {
                    update.insert(email.to_string(), patch.clone().into());
                }
                sent.insert(name, object.into());
            }
            Ok(Err(error)) => {
                not_sent.insert(name, error.to_json());
            }
            Err(error) => {
                unknown = Some(error);
                break;
            }
        }
    }
    if !update.is_empty() {
        // As onSuccessUpdateEmail of EmailSubmission/set (RFC 8621 §7.5): one call, behind this response.
        let arguments = json!({ "accountId": &send.account_id, "update": update });
        context.follow("Email/set", arguments);
    }
    if let Some(error) = unknown {
        return Err(error);
    }
    let or_null = |map: Object| Some(map).filter(|map| !map.is_empty());
    let mut result = Arguments::new();
    result.insert("accountId".into(), send.account_id.into());
    result.insert("sent".into(), or_null(sent).into());
    result.insert("notSent".into(), or_null(not_sent).into());
    Ok(result)
}

/// Whether what is to happen with an email gives it the keyword.
fn marks(then: &BTreeMap<String, Object>, name: &str) -> bool {
    let Some(patch) = then.get(&format!("#{name}")) else {
        return false;
    };
    let is = |name: &str| name.eq_ignore_ascii_case(SENT);
    patch.iter().any(|(path, value)| match path.as_str() {
        "keywords" => value.as_object().is_some_and(|keywords| {
            let mut keywords = keywords.iter();
            keywords.any(|(name, value)| is(name) && *value == true)
        }),
        path => path.strip_prefix("keywords/").is_some_and(is) && *value == true,
    })
}

impl Work<'_> {
    /// Sends one; the email that it is for, and what the client did not say of it.
    async fn one(
        &mut self,
        given: &Object,
        number: usize,
        created: &Created,
    ) -> Result<Result<(EmailId, Object), SetError>, MethodError> {
        let mdn = match object::read(given, created) {
            Ok(mdn) => mdn,
            Err(error) => return Ok(Err(error)),
        };
        let emails = mailbox::emails(self.account, self.context).await?;
        let Some(email) = emails.get(mdn.email) else {
            return Ok(Err(SetError::NotFound));
        };
        let keywords = emails.keywords(email).iter();
        if self.told.contains(&mdn.email) || keywords.into_iter().any(|it| **it == *SENT) {
            return Ok(Err(SetError::MdnAlreadySent));
        }
        let Some(head) = self.head(mdn.email).await? else {
            return Ok(Err(SetError::NotFound));
        };
        let original = Original::of(&head);
        let (report, recipients) = match self.report(&mdn, &head, &original) {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        let pieces = match report.pieces(&mdn, &original, &self.begun, number) {
            Ok(pieces) => pieces,
            Err(error) => return Ok(Err(error)),
        };
        let ask = SendAsk::Notify {
            account: self.account,
            pieces,
            envelope: envelope(recipients),
        };
        match self.context.ask(Ask::Send(ask)).await? {
            Answer::Send(SendAnswer::Notified(Ok(()))) => {
                self.told.insert(mdn.email);
                let mut object = report.object(&mdn, &original);
                object.retain(|name, _| !given.contains_key(name));
                Ok(Ok((mdn.email, object)))
            }
            Answer::Send(SendAnswer::Notified(Err(not))) => Ok(Err(not_sent(not))),
            _ => Err(mistaken()),
        }
    }

    /// The header of an email.
    async fn head(&self, email: EmailId) -> Result<Option<Vec<u8>>, MethodError> {
        let ask = MailAsk::Contents {
            account: self.account,
            contents: vec![ContentId(email.0)],
            most: header::MAX_HEADER as u64,
        };
        match self.context.ask(Ask::Mail(ask)).await? {
            Answer::Mail(MailAnswer::Octets(mut found)) => {
                Ok(found.pop().flatten().map(|octets| {
                    let end = header::end(&octets);
                    octets.get(..end).unwrap_or_default().to_vec()
                }))
            }
            _ => Err(mistaken()),
        }
    }

    /// Who tells whom, if one may be sent for a message at all (RFC 8098 §2.1).
    fn report(
        &self,
        mdn: &Mdn,
        head: &[u8],
        original: &Original,
    ) -> Result<(Report, Vec<String>), SetError> {
        if is_notification(head) {
            return Err(SetError::Forbidden("it is a notification itself".into()));
        }
        let recipients = wanted_by(head);
        if recipients.is_empty() {
            return Err(SetError::property("forEmailId", "nobody asks to be told"));
        }
        if recipients.len() > MAX_TOLD {
            return Err(SetError::Forbidden("too many ask to be told".into()));
        }
        if recipients.len() > 1 && mdn.disposition.is_automatic() {
            let text = "several ask to be told: that is for its reader to decide";
            return Err(SetError::Forbidden(text.into()));
        }
        if mdn.disposition.is_automatic() && !recipients.iter().all(|it| came_from(head, it)) {
            let text = "who asks to be told is not who sent it: that is for its reader to decide";
            return Err(SetError::Forbidden(text.into()));
        }
        let recipient = match &mdn.final_recipient {
            Some(recipient) => {
                let mut all = self.identities.iter();
                if !all.any(|(_, identity)| permits(&identity.email, recipient)) {
                    let text = "it is not an address of this account";
                    return Err(SetError::ForbiddenFrom(text.into()));
                }
                recipient.clone()
            }
            None if self.identity.email.starts_with('*') => {
                let mut all = original.recipients.iter();
                let found = all.find(|it| permits(&self.identity.email, it)).cloned();
                found.ok_or_else(|| SetError::property("finalRecipient", "it has to be said"))?
            }
            None => self.identity.email.clone(),
        };
        let from = match permits(&self.identity.email, &recipient) {
            true => recipient.clone(),
            false if self.identity.email.starts_with('*') => {
                let text = "it is not an address of the identity";
                return Err(SetError::ForbiddenFrom(text.into()));
            }
            false => self.identity.email.clone(),
        };
        let report = Report {
            name: self.identity.name.clone(),
            from,
            to: recipients.clone(),
            recipient,
        };
        Ok((report, recipients))
    }
}

/// RFC 8098 §3: nobody is told that a notification could not be delivered.
fn envelope(recipients: Vec<String>) -> Envelope {
    let bare = |email: String| Addressed {
        email,
        parameters: None,
    };
    Envelope {
        mail_from: bare(String::new()),
        rcpt_to: recipients.into_iter().map(bare).collect(),
    }
}

/// RFC 8098 §2.1: one is never sent for another one. Its header says so; parts that it does not have here are no matter.
fn is_notification(head: &[u8]) -> bool {
    let mut fields = header::fields(head).filter(|it| it.is("Content-Type"));
    fields.any(|field| {
        let value = value::text(field.value).to_ascii_lowercase();
        value.contains("disposition-notification")
    })
}

/// Those who ask to be told, each once.
fn wanted_by(head: &[u8]) -> Vec<String> {
    let fields = header::fields(head).filter(|it| it.is("Disposition-Notification-To"));
    let mut found: Vec<String> = Vec::new();
    for item in fields.flat_map(|field| value::addresses(field.value)) {
        if let AddressItem::Mailbox { local, domain, .. } = item
            && !domain.is_empty()
        {
            let address = format!("{local}@{domain}");
            if !found.iter().any(|it| it.eq_ignore_ascii_case(&address)) {
                found.push(address);
            }
        }
    }
    found
}

/// RFC 8098 §2.1: whether an address is the one in Return-Path, its domain in any case. Not where that is empty, missing or there twice.
fn came_from(head: &[u8], address: &str) -> bool {
    let mut fields = header::fields(head).filter(|it| it.is("Return-Path"));
    let (Some(field), None) = (fields.next(), fields.next()) else {
        return false;
    };
    let items = value::addresses(field.value);
    let [AddressItem::Mailbox { local, domain, .. }] = items.as_slice() else {
        return false;
    };
    let asks = address.rsplit_once('@');
    asks.is_some_and(|(name, host)| name == local && host.eq_ignore_ascii_case(domain))
}

/// RFC 9007 §2.1 has fewer errors than EmailSubmission/set.
fn not_sent(not: NotKept) -> SetError {
    match not {
        NotKept::Sender(text)
        | NotKept::Parameters(text)
        | NotKept::Recipients(_, text)
        | NotKept::Message(text)
        | NotKept::Sending(text) => SetError::Forbidden(text),
        not => refused(not),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_is_who_sent_it() {
        let came = |head: &str| came_from(head.as_bytes(), "bob@b.test");
        assert!(came("Return-Path: <bob@B.test>\r\n\r\n"));
        for other in [
            "Subject: x\r\n\r\n",
            "Return-Path: <>\r\n\r\n",
            "Return-Path: <carol@b.test>\r\n\r\n",
            "Return-Path: <Bob@b.test>\r\n\r\n",
            "Return-Path: <bob@b.test>\r\nReturn-Path: <bob@b.test>\r\n\r\n",
        ] {
            assert!(!came(other), "{other}");
        }
    }
}
