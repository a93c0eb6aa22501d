//! An account as data: it answers what methods that read mail ask, so that a case need not.

use std::sync::Arc;
pub(crate) mod blobs;
pub(crate) mod push;

use bytes::Bytes;
use serde_json::Value;
use waxwing_jmap::{
    Changes, EmailId, Emails, Gathering, Kind, MailAnswer, MailAsk, Mailbox, MailboxId,
    MailboxRights, Mailboxes, Message, Place, Role, SystemKeywords, TextKey, ThreadId,
};
use waxwing_message::Summary;

/// The answer to an ask of mail.
pub(crate) fn answer(world: &Value, ask: &MailAsk) -> MailAnswer {
    match ask {
        MailAsk::State { .. } => MailAnswer::State(state(world)),
        MailAsk::Changes {
            kind, since, most, ..
        } => MailAnswer::Changes(changes(world, *kind, *since, *most)),
        MailAsk::Mailboxes { .. } => MailAnswer::Mailboxes(Arc::new(mailboxes(world))),
        MailAsk::Summaries { emails, .. } => MailAnswer::Octets(
            emails
                .iter()
                .map(|(email, _)| summary(world, email.0))
                .collect(),
        ),
        MailAsk::Contents { contents, most, .. } => {
            assert_ne!(world["contents"], "unneeded", "contents are read");
            let most = usize::try_from(*most).unwrap_or(usize::MAX);
            let head = |content: Bytes| content.slice(..most.min(content.len()));
            let read = contents.iter().map(|id| content(world, id.0).map(head));
            MailAnswer::Octets(read.collect())
        }
        MailAsk::Sift {
            places, needles, ..
        } => {
            let absent = |place: &Place| {
                let raw = content(world, u64::from(place.uid)).unwrap_or_default();
                let mut texts = String::new();
                let summary = Summary::read(&raw);
                waxwing_imap::each_text(&raw, &summary, |text| texts += &format!("{text}|"));
                let lacks = |needle: &Vec<String>| !needle.iter().all(|it| texts.contains(it));
                let bits = (0..).zip(needles);
                bits.fold(0, |bits, (nth, needle)| {
                    bits | u64::from(lacks(needle)) << nth
                })
            };
            MailAnswer::Absent(places.iter().map(absent).collect())
        }
        MailAsk::Texts { contents, keys, .. } => {
            let keys: Vec<_> = keys.iter().cloned().map(key).collect();
            let matched = contents.iter().map(|(id, _)| {
                let content = content(world, id.0);
                content.map(|raw| waxwing_imap::types::TextKey::matches(&keys, &raw))
            });
            MailAnswer::Matched(matched.collect())
        }
        MailAsk::Blob { content: id, .. } => MailAnswer::Octets(vec![content(world, id.0)]),
        MailAsk::Emails { .. } => MailAnswer::Emails(Arc::new(emails(world))),
    }
}

fn key(key: TextKey) -> waxwing_imap::types::TextKey {
    match key {
        TextKey::Body(text) => waxwing_imap::types::TextKey::Body(text),
        TextKey::Header { name, value } => waxwing_imap::types::TextKey::Header { name, value },
    }
}

fn state(world: &Value) -> u64 {
    world["state"].as_u64().unwrap()
}

fn numbers(value: &Value) -> Vec<u64> {
    let numbers = value.as_array().into_iter().flatten();
    numbers.map(|number| number.as_u64().unwrap()).collect()
}

/// What the world says of a list of changes, if it has one of just that.
fn changes(world: &Value, kind: Kind, since: u64, most: Option<usize>) -> Option<Changes> {
    let name = match kind {
        Kind::Mailbox => "mailbox",
        Kind::Thread => "thread",
        Kind::Email => "email",
    };
    let lists = world["changes"][name].as_array()?;
    let known = |list: &&Value| {
        list["since"].as_u64() == Some(since)
            && list["most"].as_u64() == most.map(|most| most as u64)
    };
    let list = lists.iter().find(known)?;
    Some(Changes {
        until: list["until"].as_u64().unwrap(),
        more: list["more"] == true,
        created: numbers(&list["created"]),
        updated: numbers(&list["updated"]),
        destroyed: numbers(&list["destroyed"]),
        only_counts: list["onlyCounts"] == true,
    })
}

/// `[id, name, parent, role, subscribed]`
fn mailboxes(world: &Value) -> Mailboxes {
    let roles = [
        Role::Inbox,
        Role::Drafts,
        Role::Sent,
        Role::Archive,
        Role::Junk,
        Role::Trash,
        Role::Flagged,
        Role::All,
    ];
    let mailbox = |row: &Value| Mailbox {
        id: MailboxId(row[0].as_u64().unwrap()),
        name: row[1].as_str().unwrap().into(),
        parent: row[2].as_u64().map(MailboxId),
        role: roles
            .into_iter()
            .find(|role| row[3].as_str() == Some(role.name())),
        subscribed: row[4] != false,
        rights: MailboxRights {
            read_items: true,
            add_items: true,
            ..MailboxRights::default()
        },
        sort_order: None,
    };
    Mailboxes {
        state: state(world),
        list: world["mailboxes"]
            .as_array()
            .unwrap()
            .iter()
            .map(mailbox)
            .collect(),
    }
}

/// The emails of a world, with their messages.
fn list(world: &Value) -> &[Value] {
    world["emails"].as_array().map_or(&[], Vec::as_slice)
}

/// What is stored of an email.
fn raw(email: &Value) -> Vec<u8> {
    email["raw"]
        .as_str()
        .unwrap_or_default()
        .replace('\n', "\r\n")
        .into_bytes()
}

/// A content, unless it went since the emails were listed.
fn content(world: &Value, id: u64) -> Option<Bytes> {
    let email = list(world).iter().find(|email| email["id"] == id)?;
    (email["gone"] != true).then(|| raw(email).into())
}

fn summary(world: &Value, id: u64) -> Option<Bytes> {
    let content = content(world, id)?;
    let email = list(world).iter().find(|email| email["id"] == id)?;
    if email["summary"] == "old" {
        return Some(Bytes::from_static(b"\x01"));
    }
    Some(Summary::read(&content).encode().into())
}

fn emails(world: &Value) -> Emails {
    let mut gathering = Gathering::of(8);
    for email in list(world) {
        let id = email["id"].as_u64().unwrap();
        let keywords = email["keywords"].as_array().into_iter().flatten();
        let keywords: Vec<String> = keywords.map(|it| it.as_str().unwrap().into()).collect();
        for mailbox in numbers(&email["mailboxes"]) {
            gathering.add(&Message {
                email: EmailId(id),
                thread: ThreadId(email["thread"].as_u64().unwrap_or(id)),
                place: Place {
                    mailbox: MailboxId(mailbox),
                    uid: u32::try_from(id).unwrap(),
                },
                received: email["received"].as_i64().unwrap_or_default(),
                size: email["size"].as_u64().unwrap_or(raw(email).len() as u64),
                system: SystemKeywords {
                    seen: email["seen"] == true,
                    ..SystemKeywords::default()
                },
                keywords: &keywords,
            });
        }
    }
    gathering.finish(state(world))
}
