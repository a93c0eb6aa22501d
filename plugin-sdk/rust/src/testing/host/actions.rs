//! `actions`: what a plugin does is noted.

use std::fmt::Write as _;

use super::{note_line, world};
use crate::host::types::MailAddress;

pub use crate::bindings::imports::actions::{ActionError, Response};

/// Changes to the world's message.
#[derive(Debug)]
pub struct MessageActions(pub(in crate::testing) ());

/// What happens to the world's copy.
#[derive(Debug)]
pub struct DeliveryActions(pub(in crate::testing) ());

fn note(line: String) -> Result<(), ActionError> {
    note_line(line).map_err(ActionError::Invalid)
}

fn with_flags(line: String, flags: &[String]) -> String {
    flags
        .iter()
        .fold(line, |line, flag| format!("{line} {flag}"))
}

#[expect(missing_docs, reason = "documented in plugin-sdk/wit/actions.wit")]
impl MessageActions {
    pub fn add_header(&self, name: &str, value: &str) -> Result<(), ActionError> {
        note(format!("add-header {name}: {value}"))
    }
    pub fn change_header(&self, name: &str, nth: u32, value: &str) -> Result<(), ActionError> {
        note(format!("change-header {name} {nth}: {value}"))
    }
    pub fn remove_header(&self, name: &str, nth: Option<u32>) -> Result<(), ActionError> {
        note(nth.map_or_else(
            || format!("remove-header {name}"),
            |nth| format!("remove-header {name} {nth}"),
        ))
    }
    pub fn tag(&self, key: &str, value: &str) -> Result<(), ActionError> {
        note(format!("tag {key}={value}"))?;
        world(|world| world.envelope.tags.insert(key.to_owned(), value.to_owned()));
        Ok(())
    }
    pub fn add_recipient(&self, address: &MailAddress) -> Result<(), ActionError> {
        if address.local_part.is_empty() || address.domain.is_empty() {
            return Err(ActionError::Invalid("no address".to_owned()));
        }
        note(format!("add-recipient {address}"))
    }
    pub fn remove_recipient(&self, index: u32) -> Result<(), ActionError> {
        note(format!("remove-recipient {index}"))
    }
    pub fn change_sender(&self, address: Option<&MailAddress>) -> Result<(), ActionError> {
        let sender = address.map(ToString::to_string).unwrap_or_default();
        note(format!("change-sender <{sender}>"))
    }
}

#[expect(missing_docs, reason = "documented in plugin-sdk/wit/actions.wit")]
impl DeliveryActions {
    pub fn file_into(
        &self,
        mailbox: &str,
        flags: &[String],
        create: bool,
    ) -> Result<(), ActionError> {
        let line = with_flags(format!("file-into {mailbox}"), flags);
        note(if create {
            format!("{line} create")
        } else {
            line
        })
    }
    pub fn file_into_use(&self, special_use: &str, flags: &[String]) -> Result<(), ActionError> {
        note(with_flags(format!("file-into-use {special_use}"), flags))
    }
    pub fn keep(&self, flags: &[String]) -> Result<(), ActionError> {
        note(with_flags("keep".to_owned(), flags))
    }
    pub fn respond(&self, reply: &Response) -> Result<(), ActionError> {
        let mut line = format!(
            "respond {} {} {:?} {} {:?}",
            reply.author, reply.period_seconds, reply.handle, reply.most_a_day, reply.subject
        );
        for (name, body) in [("text", &reply.text), ("html", &reply.html)] {
            if let Some(body) = body {
                let _ = write!(line, " {name} {body:?}");
            }
        }
        note(line)
    }
}
