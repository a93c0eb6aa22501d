//! An IMAP session with a few mailboxes and three messages.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use waxwing_imap::types::{
    ContentRef, EmailId, EntryName, FlagSet, InternalDate, MailboxId, MailboxInfo, MailboxName,
    Rights, SpecialUse, ThreadId, UidSet,
};
use waxwing_imap::{
    Answer, Appended, Ask, Changed, Changes, Config, Copied, Error, FetchRow, FlagsStored,
    MetadataChanged, MetadataNews, Session, Snapshot, StatusData, Tls,
};
use waxwing_sasl::{ScramKeys, ServerPart};

const MESSAGE: &[u8] = b"From: a@b.example\r\nSubject: =?utf-8?q?x?=\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\ntwo\r\n--b--\r\n";

/// An IMAP session, fed with any octets.
pub fn imap(octets: &[u8]) {
    let config = Config {
        tls: Tls::Offered,
        plaintext_auth: true,
        ..Config::default()
    };
    super::converse(
        Session::new(Arc::new(config), Instant::now()),
        octets,
        answer,
    );
}

fn answer(ask: Ask) -> Answer {
    match ask {
        Ask::Keys { user, .. } => Answer::Keys(Box::new(ServerPart {
            keys: ScramKeys::pretend(b"secret", &user, 4096),
            nonce: "server".to_owned(),
            channel: None,
        })),
        Ask::Mailboxes { .. } => Answer::Mailboxes(mailboxes()),
        Ask::Metadata { .. } => Answer::Metadata(vec![(entry(), 3)]),
        Ask::MetadataValues { .. } => Answer::MetadataValues(vec![(entry(), b"a\0b".to_vec())]),
        Ask::MetadataNews { since, .. } => Answer::MetadataNews(news(since.unwrap_or(0))),
        Ask::SetMetadata { .. } => Answer::MetadataSet(1),
        Ask::Status { .. } => Answer::Status(StatusData {
            messages: 3,
            uid_next: 10,
            uid_validity: 7,
            ..StatusData::default()
        }),
        Ask::Select { read_only, .. } => Answer::Selected(Snapshot {
            mailbox: MailboxId(1),
            uids: uids(),
            uid_validity: 7,
            uid_next: 10,
            highest_modseq: 5,
            read_only,
            rights: Rights::ALL,
            ..Snapshot::default()
        }),
        Ask::Look { .. } => Answer::Selected(Snapshot {
            mailbox: MailboxId(2),
            uids: uids(),
            uid_validity: 8,
            rights: Rights::ALL,
            ..Snapshot::default()
        }),
        Ask::AppendEnd => Answer::Appended(Appended {
            uid_validity: 7,
            uids: vec![10],
        }),
        Ask::Rows { uids, .. } => Answer::Rows(uids.iter().take(50).map(row).collect()),
        Ask::Read { offset, length, .. } => Answer::Data(slice(offset, length)),
        Ask::Store { .. } => Answer::Flags(FlagsStored::default()),
        Ask::Time => Answer::Time(1_772_455_200),
        Ask::Changed { .. } => Answer::Changed(Changed {
            messages: UidSet::from_ranges([(4, 9)]),
            vanished: UidSet::from_ranges([(2, 3)]),
        }),
        Ask::Copy { .. } | Ask::Move { .. } => Answer::Copied(Copied::default()),
        Ask::Expunge { .. } => Answer::Expunged(UidSet::from_ranges([(4, 4)])),
        Ask::Sift { .. } => Answer::Absent(Vec::new()),
        Ask::SearchText { .. } => Answer::TextMatches(Vec::new()),
        Ask::Poll { since, .. } => Answer::Changes(Changes {
            highest_modseq: since,
            ..Changes::default()
        }),
        Ask::Login { .. } => Answer::LoggedIn {
            jmap: Some("https://mail.example.org/.well-known/jmap".into()),
        },
        Ask::Create { .. } | Ask::Delete { .. } => Answer::Failed(Error::AlreadyExists),
        _ => Answer::Done,
    }
}

fn entry() -> EntryName {
    EntryName::new("/private/comment").expect("a name")
}

fn news(since: u64) -> MetadataNews {
    let changed = [None, MailboxName::new("INBOX").ok()].map(|mailbox| MetadataChanged {
        mailbox,
        entry: entry(),
        number: since + 1,
        readable: true,
    });
    MetadataNews {
        changed: changed.to_vec(),
        number: since + 1,
        more: false,
    }
}

fn uids() -> UidSet {
    UidSet::from_ranges([(1, 1), (4, 4), (9, 9)])
}

fn mailboxes() -> Vec<MailboxInfo> {
    let names = [
        ("INBOX", None),
        ("Junk", Some(SpecialUse::Junk)),
        ("a/b", None),
    ];
    let info = |(name, special_use)| MailboxInfo {
        name: MailboxName::new(name).expect("a name"),
        special_use,
        subscribed: true,
        selectable: true,
        exists: true,
        rights: Rights::ALL,
        status: StatusData::default(),
    };
    names.map(info).to_vec()
}

fn row(uid: u32) -> FetchRow {
    FetchRow {
        uid,
        modseq: 5,
        flags: FlagSet::new(1, vec!["keyword".to_owned()]),
        internal_date: InternalDate {
            seconds: 1_700_000_000,
            offset: 60,
        },
        saved: InternalDate::default(),
        thread: ThreadId(7),
        email: EmailId(1),
        size: MESSAGE.len() as u64,
        content: ContentRef(1),
        summary: waxwing_message::Summary::read(MESSAGE).encode().into(),
        head: Bytes::new(),
    }
}

fn slice(offset: u64, length: u32) -> Bytes {
    let start = usize::try_from(offset).map_or(MESSAGE.len(), |offset| offset.min(MESSAGE.len()));
    let end = MESSAGE.len().min(start + length as usize);
    Bytes::from_static(&MESSAGE[start..end])
}
