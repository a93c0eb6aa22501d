//! NOTIFY (RFC 5465 §8).

use crate::parse::core::{Parser, SyntaxError};
use crate::types::{Command, EventGroup, Events, MailboxFilter, MailboxName, NotifyCommand};

/// Groups of events in one command.
pub(super) const MAX_GROUPS: usize = 16;
/// Names of mailboxes in one group, and in all of them: each is held against each mailbox whenever something changes (RFC 5465 §9).
pub(super) const MAX_NAMES: usize = 128;
/// Events in one group, repeated ones included.
const MAX_EVENTS: usize = 16;

pub(super) const FILTER: SyntaxError = SyntaxError::Expected("which mailboxes are meant");

/// What a group asks for, as it stands.
#[derive(Default)]
struct Asked {
    events: Events,
    /// `MessageNew`, `MessageExpunge`
    new: bool,
    expunge: bool,
    /// Something that is not known.
    unknown: bool,
}

impl Parser<'_> {
    /// `"NOTIFY" SP (notify-set / notify-none)`
    pub(super) fn notify(&mut self) -> Result<Command, SyntaxError> {
        if self.accept_word("NONE") {
            return Ok(Command::Notify(NotifyCommand::None));
        }
        if !self.accept_word("SET") {
            return Err(SyntaxError::Expected("SET or NONE"));
        }
        self.space()?;
        let status = self.accept_word("STATUS");
        if status {
            self.space()?;
        }
        let mut groups: Vec<EventGroup> = Vec::new();
        let mut unknown = false;
        loop {
            let (group, asked) = self.event_group()?;
            unknown |= asked;
            let selected =
                |group: &EventGroup| matches!(group.mailboxes, MailboxFilter::Selected { .. });
            // RFC 5465 §6.1: only one of them.
            if selected(&group) && groups.iter().any(selected) {
                return Err(SyntaxError::Expected("SELECTED or SELECTED-DELAYED once"));
            }
            let names = groups.iter().chain([&group]).map(EventGroup::names);
            if groups.len() >= MAX_GROUPS || names.sum::<usize>() > MAX_NAMES {
                return Err(SyntaxError::TooMany);
            }
            groups.push(group);
            if !self.accept(b' ') || self.is_done() {
                break;
            }
        }
        Ok(Command::Notify(if unknown {
            NotifyCommand::Unsupported
        } else {
            NotifyCommand::Set { status, groups }
        }))
    }

    /// `"(" filter-mailboxes SP events ")"`, and whether an event is not known.
    fn event_group(&mut self) -> Result<(EventGroup, bool), SyntaxError> {
        self.expect(b'(', "(")?;
        let mailboxes = self.mailbox_filter()?;
        if matches!(mailboxes, MailboxFilter::SubtreeOne(_)) {
            return Err(FILTER);
        }
        self.space()?;
        let mut asked = Asked::default();
        if !self.accept_word("NONE") {
            let count = self.list(MAX_EVENTS, |parser| parser.event(&mut asked))?;
            if count.is_empty() {
                return Err(SyntaxError::Expected("an event, or NONE"));
            }
        }
        self.expect(b')', ")")?;
        let unknown = asked.unknown;
        let events = asked.checked(&mailboxes)?;
        Ok((EventGroup { mailboxes, events }, unknown))
    }

    /// `filter-mailboxes`
    pub(super) fn mailbox_filter(&mut self) -> Result<MailboxFilter, SyntaxError> {
        let name = self.atom().map_err(|_| FILTER)?.to_ascii_uppercase();
        Ok(match name.as_str() {
            "SELECTED" => MailboxFilter::Selected { delayed: false },
            "SELECTED-DELAYED" => MailboxFilter::Selected { delayed: true },
            "INBOXES" | "PERSONAL" => MailboxFilter::Personal,
            "SUBSCRIBED" => MailboxFilter::Subscribed,
            "SUBTREE" => MailboxFilter::Subtree(self.one_or_more_mailbox()?),
            "SUBTREE-ONE" => MailboxFilter::SubtreeOne(self.one_or_more_mailbox()?),
            "MAILBOXES" => MailboxFilter::Mailboxes(self.one_or_more_mailbox()?),
            _ => return Err(FILTER),
        })
    }

    /// `SP one-or-more-mailbox`. RFC 5465 §3.1: what is no mailbox is ignored.
    fn one_or_more_mailbox(&mut self) -> Result<Vec<MailboxName>, SyntaxError> {
        self.space()?;
        let names = if self.peek() == Some(b'(') {
            self.list(MAX_NAMES, Self::mailbox)?
        } else {
            vec![self.mailbox()?]
        };
        if names.is_empty() {
            return Err(SyntaxError::Expected("a mailbox"));
        }
        Ok(names.into_iter().flatten().collect())
    }

    /// `event`
    fn event(&mut self, asked: &mut Asked) -> Result<(), SyntaxError> {
        let name = self
            .atom()
            .map_err(|_| SyntaxError::Expected("an event"))?
            .to_ascii_uppercase();
        match name.as_str() {
            "MESSAGENEW" => {
                asked.new = true;
                if self.accept_prefix(" (") {
                    asked.events.fetched = self.rest_of_fetch_items()?;
                }
            }
            "MESSAGEEXPUNGE" => asked.expunge = true,
            "FLAGCHANGE" => asked.events.flags = true,
            "MAILBOXNAME" => asked.events.names = true,
            "SUBSCRIPTIONCHANGE" => asked.events.subscriptions = true,
            "MAILBOXMETADATACHANGE" => asked.events.mailbox_metadata = true,
            "SERVERMETADATACHANGE" => asked.events.server_metadata = true,
            _ => asked.unknown = true,
        }
        Ok(())
    }
}

impl Asked {
    /// The events, if they may be asked for together and of these mailboxes.
    fn checked(mut self, mailboxes: &MailboxFilter) -> Result<Events, SyntaxError> {
        // RFC 5465 §5: each of both needs the other, and FlagChange both.
        if self.new != self.expunge || (self.events.flags && !self.new) {
            return Err(SyntaxError::Expected("MessageNew with MessageExpunge"));
        }
        self.events.messages = self.new;
        if matches!(mailboxes, MailboxFilter::Selected { .. }) {
            // RFC 5465 §6.1: other types of events are an error.
            let events = &self.events;
            let of_names = events.names || events.subscriptions;
            if of_names || events.mailbox_metadata || events.server_metadata {
                return Err(SyntaxError::Expected("events of messages for SELECTED"));
            }
        } else if !self.events.fetched.is_empty() {
            // RFC 5465 §8: data items only of the selected mailbox.
            return Err(SyntaxError::Expected("SELECTED for what is fetched"));
        }
        Ok(self.events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_asked_for() {
        let parse = |text: &str| {
            let mut parser = Parser::new(text.as_bytes());
            let command = parser.notify()?;
            parser.end().map(|()| command)
        };
        for good in [
            "NONE",
            "SET (selected none)",
            "set status (selected (MessageNew (uid body.peek[header.fields (from to subject)]) MessageExpunge))",
            "SET (SELECTED-DELAYED (MessageNew MessageExpunge FlagChange)) (subtree Lists (MessageNew MessageExpunge))",
            "SET (mailboxes (INBOX a//b misc) (MessageNew MessageExpunge)) (personal (SubscriptionChange MailboxName))",
            "SET (subtree Lists (MailboxMetadataChange)) (personal (servermetadatachange))",
        ] {
            assert!(parse(good).is_ok(), "{good}");
        }
        let unknown = parse("SET (personal (AnnotationChange))");
        assert!(unknown == Ok(Command::Notify(NotifyCommand::Unsupported)));
        for broken in [
            "",
            "SET",
            "SET STATUS",
            "SET ()",
            "SET (selected)",
            "SET (selected ())",
            "SET (others none)",
            "SET (subtree-one a none)",
            "SET (selected (MessageNew))",
            "SET (selected (MessageExpunge))",
            "SET (selected (FlagChange))",
            "SET (selected (MailboxName))",
            "SET (selected (MailboxMetadataChange))",
            "SET (selected (ServerMetadataChange))",
            "SET (selected none) (selected-delayed none)",
            "SET (personal (MessageNew (UID) MessageExpunge))",
            "SET (mailboxes none)",
            "SET (mailboxes () none)",
            "NONE x",
        ] {
            assert!(parse(broken).is_err(), "{broken}");
        }
    }
}
