//! A server in memory: accounts, mailboxes and messages as simple lists, to hold sessions against.
//!
//! Directives beside those of every dialogue: `% at-poll N arrive MAILBOX FILE`, `… expunge MAILBOX UID`,
//! `… flag MAILBOX UID FLAG`, `… create MAILBOX`, `… delete MAILBOX`, `… rename MAILBOX MAILBOX`, `… subscribe MAILBOX`, `… unsubscribe MAILBOX`,
//! `… acl OWNER MAILBOX IDENTIFIER RIGHTS`, `… arrive OWNER:MAILBOX FILE`, `… note WHO MAILBOX ENTRY VALUE`,
//! `… forget MAILBOX` (what was expunged so far), `… take SECONDS` (the answer does) make something happen when the session polls for the N-th time, `% before KIND N …` when
//! it gives the N-th ask of a kind; `% message-limit N` messages are what a command may be about; `% unauthenticate on` lets clients log out and stay; `% fail WHAT` makes asks of a kind fail, `% refused TEXT` logins be refused.

mod acl;
mod append;
mod events;
mod index;
mod login;
mod mailbox;
mod metadata;
mod quota;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use waxwing_dialogue::{Dialogue, World};
use waxwing_imap::types::{ContentRef, FlagSet, InternalDate, MailboxName, Rights};
use waxwing_imap::{
    Answer, Appended, Ask, Changes, Config, Copied, Error, FlagAction, Limits, Session, Snapshot,
    Tls,
};
use waxwing_sasl::Mechanism;

use append::{Append, Appending};
pub(crate) use mailbox::{Mailbox, Message};

/// The server.
pub(crate) struct Fake {
    pub(crate) config: Config,
    pub(crate) mailboxes: Vec<Mailbox>,
    /// All contents ever stored; a reference is an index.
    pub(crate) contents: Vec<Bytes>,
    accounts: Vec<String>,
    quotas: Vec<(String, u64)>,
    metadata: metadata::Metadata,
    modseq: u64,
    account: String,
    append: Option<Append>,
    /// The message that goes when the append ends.
    replaces: Option<(waxwing_imap::types::MailboxId, u32)>,
    /// Kinds of the asks given so far.
    asked: Vec<String>,
    events: Vec<(String, usize, String)>,
    failing: Vec<String>,
    /// How long the answer that is being given takes.
    taking: Duration,
    /// Which UIDs the search index knows.
    pub(crate) indexed: fn(u32) -> bool,
    /// What policy says to whoever logs in.
    refused: Option<String>,
    /// The session resource of JMAP that a login is told of.
    jmap: Option<String>,
}

fn unavailable() -> Answer {
    Answer::Failed(Error::Unavailable {
        reference: "R-1".into(),
    })
}

impl Fake {
    pub(crate) fn new(dialogue: &Dialogue) -> Self {
        let mut fake = Self {
            config: Config {
                host_name: "mx.waxwing.example".into(),
                tls: match dialogue.directive("tls") {
                    Some("implicit") => Tls::Active,
                    Some("off") => Tls::Unavailable,
                    _ => Tls::Offered,
                },
                plaintext_auth: dialogue.directive("plaintext-auth") != Some("off"),
                mechanisms: dialogue.directive("mechanisms").map_or_else(
                    || Config::default().mechanisms,
                    |names| {
                        let parse = |name| Mechanism::parse(name).unwrap();
                        names.split(' ').map(parse).collect()
                    },
                ),
                unauthenticate: dialogue.directive("unauthenticate").is_some(),
                contact: dialogue.directive("contact").unwrap_or_default().into(),
                id: vec![("name".into(), "Waxwing".into())],
                limits: Limits {
                    message: 1 << 20,
                    ..Limits::default()
                },
            },
            mailboxes: mailbox::defaults(),
            contents: Vec::new(),
            taking: Duration::ZERO,
            accounts: vec!["alice@waxwing.test".into(), "bob@waxwing.test".into()],
            quotas: Vec::new(),
            metadata: metadata::Metadata::default(),
            modseq: 1,
            account: String::new(),
            append: None,
            replaces: None,
            asked: Vec::new(),
            events: Vec::new(),
            refused: dialogue.directive("refused").map(str::to_owned),
            jmap: dialogue.directive("jmap").map(str::to_owned),
            indexed: |uid| uid % 2 == 0,
            failing: dialogue.directives("fail").map(str::to_owned).collect(),
        };
        if let Some(most) = dialogue.directive("message-limit") {
            fake.config.limits.messages = most.parse().unwrap();
        }
        if let Some(size) = dialogue.directive("max-size") {
            fake.config.limits.message = size.parse().unwrap();
        }
        for account in dialogue.directives("account") {
            let address = account.split(' ').next().unwrap();
            fake.accounts.push(address.into());
            if let Some((address, quota)) = account.split_once(" quota=") {
                fake.quotas.push((address.into(), quota.parse().unwrap()));
            }
        }
        for share in dialogue.directives("acl") {
            fake.share(share);
        }
        for message in dialogue.directives("message") {
            let words: Vec<&str> = message.split(' ').collect();
            let flags = mailbox::flags(&words[3..]);
            let path = fake.path(words[0], words[1]);
            fake.store(&path, &file(words[2]), flags);
        }
        for event in dialogue.directives("at-poll") {
            let (count, what) = event.split_once(' ').unwrap();
            fake.events
                .push(("Poll".into(), count.parse().unwrap(), what.into()));
        }
        for event in dialogue.directives("before") {
            let words: Vec<&str> = event.splitn(3, ' ').collect();
            fake.events
                .push((words[0].into(), words[1].parse().unwrap(), words[2].into()));
        }
        fake
    }

    /// Puts a message into a mailbox.
    pub(crate) fn store(&mut self, mailbox: &str, raw: &[u8], flags: FlagSet) -> Appended {
        self.modseq += 1;
        let modseq = self.modseq;
        let content = self.contents.len();
        self.contents.push(Bytes::copy_from_slice(raw));
        let mailbox = self
            .mailboxes
            .iter_mut()
            .find(|m| m.name.as_str() == mailbox)
            .unwrap();
        let date = InternalDate {
            seconds: 1_772_454_600,
            offset: 0,
        };
        mailbox.add(content, raw, flags, date, modseq)
    }

    fn find(&mut self, name: &MailboxName) -> Result<&mut Mailbox, Error> {
        self.mailboxes
            .iter_mut()
            .find(|m| m.name == *name && m.exists)
            .ok_or(Error::NonExistent)
    }

    fn respond(&mut self, ask: Ask) -> Result<Answer, Error> {
        Ok(match ask {
            Ask::Connect | Ask::Logout | Ask::Yield | Ask::Watch { .. } | Ask::Unselect { .. } => {
                Answer::Done
            }
            Ask::Login { .. } | Ask::Keys { .. } => self.login(ask)?,
            Ask::Mailboxes { others, .. } => self.visible(&others),
            Ask::Metadata { .. }
            | Ask::MetadataValues { .. }
            | Ask::MetadataNews { .. }
            | Ask::SetMetadata { .. } => self.metadata(ask)?,
            Ask::Acl { .. }
            | Ask::SetAcl { .. }
            | Ask::ListRights { .. }
            | Ask::MyRights { .. } => self.acl(ask)?,
            Ask::Quota { mailbox } => self.quota(mailbox.as_ref()),
            Ask::Status { mailbox, .. } => {
                let highest_modseq = self.modseq;
                let mailbox = self.may(&mailbox, Rights::READ)?;
                Answer::Status(waxwing_imap::StatusData {
                    highest_modseq,
                    ..mailbox.status()
                })
            }
            Ask::Select { mailbox, read_only } => {
                let modseq = self.modseq;
                self.may(&mailbox, Rights::READ)?;
                let mut all = self.mailboxes.iter();
                let found = all.find(|m| m.name == mailbox && m.exists).unwrap();
                let rights = self.rights(found);
                let read_only = read_only || !rights.writes();
                let snapshot = self.find(&mailbox)?.snapshot(modseq, read_only);
                Answer::Selected(Snapshot { rights, ..snapshot })
            }
            Ask::Look { mailbox } => self.look(&mailbox)?,
            // Ten minutes after the messages of a dialogue came.
            Ask::Time => Answer::Time(1_772_455_200),
            Ask::Create {
                mailbox,
                special_use,
            } => {
                self.may_make(&mailbox)?;
                let taken = |m: &Mailbox| m.exists && m.special_use == special_use;
                if special_use.is_some() && self.mailboxes.iter().any(taken) {
                    return Err(Error::SpecialUse("another mailbox is for that".into()));
                }
                self.create(&mailbox)?;
                let created = self.find(&mailbox)?;
                created.special_use = special_use;
                Answer::Created(created.id)
            }
            Ask::Delete { mailbox } => {
                let (id, subscribed) = {
                    let found = self.may(&mailbox, Rights::REMOVE)?;
                    found.exists = false;
                    found.acl.clear();
                    found.special_use = None;
                    found.messages.clear();
                    (found.id.0, found.subscribed)
                };
                self.metadata.remove(id);
                if !subscribed {
                    self.mailboxes.retain(|m| m.exists || m.subscribed);
                }
                Answer::Done
            }
            Ask::Rename { from, to } => self.rename(&from, &to)?,
            Ask::Subscribe {
                mailbox,
                subscribed,
            } => {
                let found = self
                    .mailboxes
                    .iter_mut()
                    .find(|m| m.name == mailbox)
                    .ok_or(Error::NonExistent)?;
                found.subscribed = subscribed;
                Answer::Done
            }
            Ask::Append {
                replaces,
                mailbox,
                size,
                flags,
                internal_date,
            } => {
                self.may(&mailbox, Rights::INSERT)?;
                let frees = self.replaced(replaces)?;
                self.room(size.saturating_sub(frees))?;
                let message = Appending::new(size, flags, internal_date);
                self.append = Some((mailbox, vec![message]));
                Answer::Done
            }
            Ask::AppendMore {
                size,
                flags,
                internal_date,
            } => {
                let (_, messages) = self.append.as_mut().unwrap();
                messages.push(Appending::new(size, flags, internal_date));
                let total: u64 = messages.iter().map(|message| message.size).sum();
                if let Err(error) = self.room(total) {
                    self.append = None;
                    return Err(error);
                }
                Answer::Done
            }
            Ask::AppendExtend { size } => self.append_extend(size)?,
            Ask::AppendEnd => self.append_end()?,
            Ask::AppendAbandon => {
                self.append = None;
                Answer::Done
            }
            other => self.about_messages(other)?,
        })
    }

    fn about_messages(&mut self, ask: Ask) -> Result<Answer, Error> {
        let modseq = self.modseq + 1;
        Ok(match ask {
            Ask::Rows {
                mailbox,
                uids,
                wants,
            } => {
                let contents = &self.contents;
                let mailbox = self
                    .mailboxes
                    .iter()
                    .find(|m| m.id == mailbox)
                    .ok_or(Error::NonExistent)?;
                let wanted = mailbox.messages.iter().filter(|m| uids.contains(m.uid));
                Answer::Rows(wanted.map(|m| m.row(wants, &contents[m.content])).collect())
            }
            Ask::Read {
                content,
                offset,
                length,
            } => {
                let content = &self.contents[index(content)];
                let start = (offset as usize).min(content.len());
                Answer::Data(content.slice(start..(start + length as usize).min(content.len())))
            }
            Ask::Store {
                mailbox,
                uids,
                action,
                flags,
                unchanged_since,
            } => {
                self.modseq = modseq;
                let rights = self.rights_by_id(mailbox);
                if !rights.has_any(Rights::parse("swt").unwrap())
                    || action != FlagAction::Replace
                        && !flags.is_empty()
                        && rights.permitted(&flags).is_empty()
                {
                    return Err(Error::NoPermission);
                }
                let mailbox = self
                    .mailboxes
                    .iter_mut()
                    .find(|m| m.id == mailbox)
                    .ok_or(Error::NonExistent)?;
                Answer::Flags(mailbox.change(
                    &uids,
                    (action, &flags, rights),
                    unchanged_since,
                    modseq,
                ))
            }
            Ask::Copy {
                mailbox,
                uids,
                to,
                whole,
            } => {
                let there = |m: &&Mailbox| m.id == mailbox;
                let source = self.mailboxes.iter().find(there).ok_or(Error::Gone)?;
                let found = source.messages.iter().filter(|m| uids.contains(m.uid));
                if whole && found.clone().count() < uids.len() as usize {
                    return Err(Error::Expunged);
                }
                self.room(found.map(|message| message.size).sum())?;
                Answer::Copied(self.copy(mailbox, &uids, &to)?)
            }
            Ask::Move { mailbox, uids, to } => {
                let need = Rights::EXPUNGE.with(Rights::DELETED);
                if !self.rights_by_id(mailbox).has(need) {
                    return Err(Error::NoPermission);
                }
                let copied = self.copy(mailbox, &uids, &to)?;
                self.modseq += 1;
                let modseq = self.modseq;
                let source = self.mailboxes.iter_mut().find(|m| m.id == mailbox).unwrap();
                for &uid in &copied.source {
                    source.remove(uid, modseq);
                }
                Answer::Copied(copied)
            }
            Ask::Expunge { mailbox, uids } => {
                if !self.rights_by_id(mailbox).has(Rights::EXPUNGE) {
                    return Err(Error::NoPermission);
                }
                self.modseq = modseq;
                let mailbox = self
                    .mailboxes
                    .iter_mut()
                    .find(|m| m.id == mailbox)
                    .ok_or(Error::NonExistent)?;
                Answer::Expunged(mailbox.expunge(uids.as_ref(), modseq))
            }
            Ask::SearchText {
                mailbox,
                uids,
                keys,
            } => self.search_text(mailbox, &uids, &keys)?,
            Ask::Sift {
                mailbox,
                uids,
                needles,
            } => self.sift(mailbox, &uids, &needles)?,
            Ask::Changed { mailbox, since } => {
                let mailbox = self
                    .mailboxes
                    .iter()
                    .find(|m| m.id == mailbox)
                    .ok_or(Error::NonExistent)?;
                Answer::Changed(mailbox.changed(since))
            }
            Ask::Poll { mailbox, since } => {
                let highest_modseq = self.modseq;
                let mailbox = self
                    .mailboxes
                    .iter()
                    .find(|m| m.id == mailbox)
                    .ok_or(Error::NonExistent)?;
                Answer::Changes(Changes {
                    highest_modseq,
                    rights: Some(self.rights(mailbox)),
                    ..mailbox.changes(since)
                })
            }
            _ => unavailable(),
        })
    }

    fn create(&mut self, mailbox: &MailboxName) -> Result<Answer, Error> {
        if self.find(mailbox).is_ok() {
            return Err(Error::AlreadyExists);
        }
        let name = mailbox.as_str();
        let ends = name
            .match_indices('/')
            .map(|(end, _)| end)
            .chain([name.len()]);
        for end in ends {
            let name = MailboxName::new(&name[..end]).unwrap();
            if self.find(&name).is_err() {
                let id = self.mailboxes.iter().map(|m| m.id.0).max().unwrap_or(0) + 1;
                self.mailboxes.retain(|m| m.name != name);
                self.mailboxes.push(Mailbox::new(id, name, None, false));
            }
        }
        Ok(Answer::Done)
    }

    fn rename(&mut self, from: &MailboxName, to: &MailboxName) -> Result<Answer, Error> {
        self.may(from, Rights::REMOVE)?;
        self.may_make(to)?;
        if self.find(to).is_ok() {
            return Err(Error::AlreadyExists);
        }
        if from.is_inbox() {
            self.create(to)?;
            let messages = std::mem::take(&mut self.find(from)?.messages);
            for message in messages {
                let raw = self.contents[message.content].clone();
                self.store(to.as_str(), &raw, message.flags);
            }
            return Ok(Answer::Done);
        }
        let below = format!("{from}/");
        for mailbox in &mut self.mailboxes {
            if mailbox.name == *from {
                mailbox.name = to.clone();
            } else if let Some(rest) = mailbox.name.as_str().strip_prefix(&below) {
                mailbox.name = MailboxName::new(&format!("{to}/{rest}")).unwrap();
            }
        }
        Ok(Answer::Done)
    }

    fn copy(
        &mut self,
        from: waxwing_imap::types::MailboxId,
        uids: &waxwing_imap::types::UidSet,
        to: &MailboxName,
    ) -> Result<Copied, Error> {
        self.may(to, Rights::INSERT)?;
        let target = self.find(to)?.id;
        let rights = self.rights_by_id(target);
        let source = self
            .mailboxes
            .iter()
            .find(|m| m.id == from)
            .ok_or(Error::Gone)?;
        let messages: Vec<Message> = source
            .messages
            .iter()
            .filter(|m| uids.contains(m.uid))
            .cloned()
            .collect();
        let mut copied = Copied::default();
        for message in messages {
            let raw = self.contents[message.content].clone();
            let at = self.store(to.as_str(), &raw, rights.permitted(&message.flags));
            let target = self.find(to)?;
            let copy = target.messages.last_mut().unwrap();
            copy.internal_date = message.internal_date;
            copy.content = message.content;
            copied.uid_validity = at.uid_validity;
            copied.source.push(message.uid);
            copied.target.extend(at.uids);
        }
        if !rights.has(Rights::READ) {
            copied.target.clear();
        }
        Ok(copied)
    }
}

impl World for Fake {
    type Session = Session;

    fn open(&mut self, _dialogue: &Dialogue, now: Instant) -> Session {
        Session::new(Arc::new(self.config.clone()), now)
    }

    fn answer(&mut self, ask: Ask) -> Answer {
        let text = format!("{ask:?}");
        let kind = text.split([' ', '(']).next().unwrap_or_default();
        self.happen(kind);
        if self
            .failing
            .iter()
            .any(|kind| text.starts_with(kind.as_str()))
        {
            return unavailable();
        }
        self.respond(ask).unwrap_or_else(Answer::Failed)
    }

    fn took(&mut self) -> Duration {
        std::mem::take(&mut self.taking)
    }

    fn content(&mut self, octets: Bytes) {
        let append = self.append.as_mut();
        let (_, messages) = append.expect("content comes only in an append");
        messages.last_mut().unwrap().content.extend(octets);
    }
}

/// The content of a reference.
pub(crate) fn index(content: ContentRef) -> usize {
    usize::try_from(content.0).unwrap()
}

fn file(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../tests/messages")
        .join(name);
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let text = String::from_utf8_lossy(&text)
        .replace("\r\n", "\n")
        .replace('\n', "\r\n");
    text.into_bytes()
}
