//! An account with a few emails, for requests over JMAP that read mail.

use std::sync::Arc;

use bytes::Bytes;
use waxwing_jmap::{
    Changes, EmailId, Emails, Gathering, MailAnswer, MailAsk, Mailbox, MailboxId, MailboxRights,
    Mailboxes, Message, Place, Role, SystemKeywords, ThreadId,
};
use waxwing_message::Summary;

/// All emails are this one.
const MESSAGE: &[u8] = b"From: \"A, B\" <a@example.org>, x: c, d@e;\r\nTo: a@example.org\r\nSubject: =?utf-8?q?=C3=BC?= text\r\n\
    Message-ID: <1@example.org>\r\nDate: Fri, 21 Nov 1997 09:55:06 -0600\r\nList-Post: <mailto:a@b> (x)\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
    --b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>text <a href=\"x\">here</a></p>\r\n--b\r\nContent-Type: image/png\r\n\
    Content-Transfer-Encoding: base64\r\nContent-ID: <c>\r\n\r\nQUJD\r\n--b--\r\n";

/// What the store would say.
pub(super) fn answer(ask: MailAsk) -> MailAnswer {
    match ask {
        MailAsk::State { .. } => MailAnswer::State(9),
        MailAsk::Mailboxes { .. } => MailAnswer::Mailboxes(Arc::new(mailboxes())),
        MailAsk::Emails { .. } => MailAnswer::Emails(Arc::new(emails())),
        MailAsk::Summaries { emails, .. } => {
            let summary = Bytes::from(Summary::read(MESSAGE).encode());
            MailAnswer::Octets(vec![Some(summary); emails.len()])
        }
        MailAsk::Contents { contents, most, .. } => {
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            let head = Bytes::from_static(MESSAGE).slice(..most.min(MESSAGE.len()));
            MailAnswer::Octets(vec![Some(head); contents.len()])
        }
        MailAsk::Blob { .. } => MailAnswer::Octets(vec![Some(Bytes::from_static(MESSAGE))]),
        MailAsk::Sift {
            places, needles, ..
        } => {
            assert!(needles.len() <= 64);
            MailAnswer::Absent(vec![0; places.len()])
        }
        MailAsk::Texts { contents, keys, .. } => {
            assert!(keys.len() <= 64);
            MailAnswer::Matched(vec![Some(u64::MAX); contents.len()])
        }
        MailAsk::Changes { since, .. } => MailAnswer::Changes((since <= 9).then(|| Changes {
            until: 9,
            created: vec![1, 2],
            updated: vec![3],
            destroyed: vec![99],
            ..Changes::default()
        })),
    }
}

fn mailboxes() -> Mailboxes {
    let mailbox = |id, role| Mailbox {
        id: MailboxId(id),
        name: format!("m{id}"),
        parent: (id > 1).then_some(MailboxId(id - 1)),
        role,
        subscribed: id == 1,
        rights: MailboxRights::default(),
        sort_order: None,
    };
    Mailboxes {
        state: 9,
        list: vec![
            mailbox(1, Some(Role::Inbox)),
            mailbox(2, Some(Role::Trash)),
            mailbox(3, None),
        ],
    }
}

fn emails() -> Emails {
    let mut gathering = Gathering::of(40);
    for nth in 0..40 {
        gathering.add(&Message {
            email: EmailId(nth),
            thread: ThreadId(1 + nth % 5),
            place: Place {
                mailbox: MailboxId(1 + nth % 3),
                uid: 7,
            },
            received: 1000,
            size: MESSAGE.len() as u64,
            system: SystemKeywords {
                seen: nth % 2 == 0,
                ..SystemKeywords::default()
            },
            keywords: &["a".to_owned()],
        });
    }
    gathering.finish(9)
}
