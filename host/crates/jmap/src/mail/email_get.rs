//! `Email/get` (RFC 8621 §4.2).

use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};
use waxwing_message::Summary;

use super::ask::{MailAnswer, MailAsk};
use super::emails::{Email, Emails};
use super::mailbox::emails;
use super::object::{Known, object};
use super::shape::{Shape, Wishes};
use crate::ask::{Answer, Ask};
use crate::context::{Context, mistaken};
use crate::error::MethodError;
use crate::id::{AccountId, BlobId, ContentId, EmailId};
use crate::methods::{Arguments, read};
use crate::standard::{Got, State, distinct};

/// Emails whose summaries are held together.
pub(super) const TOGETHER: usize = 256;
/// Octets of contents that are held together; one is read however large it is.
const OCTETS: u64 = 4 << 20;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Get {
    account_id: String,
    #[serde(default)]
    ids: Option<Vec<String>>,
}

/// The arguments of wishes, out of all arguments.
pub(super) fn wishes(arguments: &mut Arguments) -> Result<Wishes, MethodError> {
    const NAMES: [&str; 6] = [
        "properties",
        "bodyProperties",
        "fetchTextBodyValues",
        "fetchHTMLBodyValues",
        "fetchAllBodyValues",
        "maxBodyValueBytes",
    ];
    let taken = NAMES
        .into_iter()
        .filter_map(|name| arguments.remove_entry(name));
    read(taken.collect())
}

pub(crate) async fn get(
    mut arguments: Arguments,
    context: &Context,
) -> Result<Arguments, MethodError> {
    let shape = Shape::of_get(wishes(&mut arguments)?)?;
    let get: Get = read(arguments)?;
    let account = context.account(&get.account_id)?.id;
    let ids = get.ids.as_deref();
    let wanted = ids.map(|ids| distinct(ids, &context.limits)).transpose()?;
    let emails = emails(account, context).await?;
    let mut got = Got {
        state: State(emails.state),
        list: Vec::new(),
        not_found: Vec::new(),
    };
    let mut found: Vec<&Email> = Vec::new();
    match wanted {
        None if emails.len() > context.limits.objects_in_get => {
            return Err(MethodError::RequestTooLarge);
        }
        None => found.extend(emails.list()),
        Some(ids) => {
            for id in ids {
                match EmailId::parse(&id).and_then(|id| emails.get(id)) {
                    Some(email) => found.push(email),
                    None => got.not_found.push(id),
                }
            }
        }
    }
    let reading = Reading {
        account,
        emails: &emails,
        shape: &shape,
        context,
    };
    for found in found.chunks(TOGETHER) {
        reading.objects(found, &mut got).await?;
    }
    Ok(got.to_arguments(get.account_id))
}

/// Emails are being read.
struct Reading<'r> {
    account: AccountId,
    emails: &'r Arc<Emails>,
    shape: &'r Shape,
    context: &'r Context,
}

impl Reading<'_> {
    /// The objects of some emails.
    async fn objects(&self, found: &[&Email], got: &mut Got) -> Result<(), MethodError> {
        let summaries = match self.shape.needs_summary() {
            true => summaries(self.account, found, self.context).await?,
            false => vec![None; found.len()],
        };
        let mut pairs: Vec<(&Email, Option<Summary>)> = Vec::with_capacity(found.len());
        for (email, summary) in found.iter().zip(summaries) {
            let decoded = summary.map(|octets| Summary::decode(&octets));
            pairs.push((email, decoded.and_then(Result::ok)));
        }
        let mut rest = pairs.as_slice();
        while !rest.is_empty() {
            let (some, others) = rest.split_at(self.read_at_once(rest));
            rest = others;
            let octets = self.octets(some).await?;
            for ((email, summary), octets) in some.iter().zip(octets) {
                match self.object(email, summary.as_ref(), octets)? {
                    Some(object) => got.list.push(object),
                    None => got.not_found.push(email.id.to_string()),
                }
            }
        }
        Ok(())
    }

    fn object(
        &self,
        email: &Email,
        summary: Option<&Summary>,
        octets: Octets,
    ) -> Result<Option<Map<String, Value>>, MethodError> {
        let raw = match octets {
            Octets::Gone => return Ok(None),
            Octets::Unneeded => Bytes::new(),
            Octets::Read(octets) => octets,
        };
        let read;
        let summary = match summary {
            None if self.shape.needs_summary() => {
                read = Summary::read(&raw);
                Some(&read)
            }
            summary => summary,
        };
        let content = ContentId(email.id.0);
        let known = Known {
            email: Some((email, self.emails)),
            blob: BlobId::Whole(content),
            within: Some((content, 0)),
            size: email.size,
            summary,
            raw: &raw,
        };
        object(known, self.shape, &self.context.room).map(Some)
    }

    /// How much of a content has to be read.
    fn needed(&self, summary: Option<&Summary>) -> u64 {
        let shape = self.shape;
        let Some(summary) = summary else {
            // What is kept of it cannot be understood.
            return if shape.needs_summary() { u64::MAX } else { 0 };
        };
        let encoded = || summary.root.has(&|part| part.is_transfer_encoded());
        let sized = shape.needs_sizes() && (encoded() || shape.needs_header());
        if shape.needs_values() || shape.needs_octets() || sized {
            return u64::MAX;
        }
        if shape.needs_header() {
            return u64::from(summary.root.header.end);
        }
        0
    }

    /// How many of these are read at once: as many as stay within some room, and one at least.
    fn read_at_once(&self, pairs: &[(&Email, Option<Summary>)]) -> usize {
        let mut octets = 0u64;
        let fit = pairs.iter().take_while(|(email, summary)| {
            let needed = self.needed(summary.as_ref()).min(email.size);
            octets = octets.saturating_add(needed);
            octets <= OCTETS
        });
        fit.count().max(1)
    }

    /// What has to be read of the contents of these emails.
    async fn octets(
        &self,
        pairs: &[(&Email, Option<Summary>)],
    ) -> Result<Vec<Octets>, MethodError> {
        let needed = pairs
            .iter()
            .map(|(_, summary)| self.needed(summary.as_ref()));
        let needed: Vec<u64> = needed.collect();
        let most = needed.iter().copied().max().unwrap_or_default();
        let of = |((email, _), needed): (&(&Email, _), &u64)| {
            (*needed > 0).then_some(ContentId(email.id.0))
        };
        let asked: Vec<ContentId> = pairs.iter().zip(&needed).filter_map(of).collect();
        let read = match asked.as_slice() {
            [] => Vec::new(),
            _ => contents(self.account, asked, most, self.context).await?,
        };
        let mut read = read.into_iter();
        let octets = needed.into_iter().map(|needed| match needed {
            0 => Octets::Unneeded,
            _ => match read.next().flatten() {
                Some(octets) => Octets::Read(octets),
                None => Octets::Gone,
            },
        });
        Ok(octets.collect())
    }
}

/// Of a content what was read.
enum Octets {
    Unneeded,
    Read(Bytes),
    /// It went meanwhile.
    Gone,
}

/// The summaries of emails, in their order.
pub(super) async fn summaries(
    account: AccountId,
    emails: &[&Email],
    context: &Context,
) -> Result<Vec<Option<Bytes>>, MethodError> {
    let ask = MailAsk::Summaries {
        account,
        emails: emails
            .iter()
            .map(|email| (email.id, email.place()))
            .collect(),
    };
    match context.ask(Ask::Mail(ask)).await? {
        Answer::Mail(MailAnswer::Octets(found)) if found.len() == emails.len() => Ok(found),
        _ => Err(mistaken()),
    }
}

/// Contents of emails, or their beginnings, in their order.
pub(super) async fn contents(
    account: AccountId,
    contents: Vec<ContentId>,
    most: u64,
    context: &Context,
) -> Result<Vec<Option<Bytes>>, MethodError> {
    let count = contents.len();
    let ask = MailAsk::Contents {
        account,
        contents,
        most,
    };
    match context.ask(Ask::Mail(ask)).await? {
        Answer::Mail(MailAnswer::Octets(found)) if found.len() == count => Ok(found),
        _ => Err(mistaken()),
    }
}
