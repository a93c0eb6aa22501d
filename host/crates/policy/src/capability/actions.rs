//! `actions`: what a plugin does to a message, collected until its hook answers.

use wasmtime::Result;
use wasmtime::component::Resource;
use waxwing_mail::{Address, ReversePath};

use crate::bindings::waxwing::policy::actions as wit;
use crate::bindings::waxwing::policy::actions::{
    ActionError, DeliveryActions, Host, HostDeliveryActions, HostMessageActions, MessageActions,
};
use crate::bindings::waxwing::policy::types::MailAddress;
use crate::hook::Hook;
use crate::outcome::{EnvelopeEdit, Filing, HeaderEdit, MailboxRef};
use crate::state::State;

use super::response;
use super::types::to_address;

const MAX_EDITS: usize = 100;
const MAX_TAGS: usize = 32;
/// Changes of the envelope that a call may make.
const MAX_ENVELOPE_EDITS: usize = 100;
const MAX_FILINGS: usize = 10;
const MAX_FLAGS: usize = 32;
const MAX_VALUE: usize = 8000;

type Answer = Result<std::result::Result<(), ActionError>>;

impl Host for State {}

impl HostMessageActions for State {
    fn add_header(&mut self, _: Resource<MessageActions>, name: String, value: String) -> Answer {
        self.host_call(
            "actions.add-header",
            (name, value),
            |state, (name, value)| {
                let edit = HeaderEdit::Add {
                    name: name.clone(),
                    value: value.clone(),
                };
                Ok(field(name, value).and_then(|()| state.edit(edit)))
            },
        )
    }

    fn change_header(
        &mut self,
        _: Resource<MessageActions>,
        name: String,
        nth: u32,
        value: String,
    ) -> Answer {
        self.host_call(
            "actions.change-header",
            (name, nth, value),
            |state, (name, nth, value)| {
                let edit = HeaderEdit::Change {
                    name: name.clone(),
                    nth: *nth,
                    value: value.clone(),
                };
                Ok(field(name, value).and_then(|()| state.edit(edit)))
            },
        )
    }

    fn remove_header(
        &mut self,
        _: Resource<MessageActions>,
        name: String,
        nth: Option<u32>,
    ) -> Answer {
        self.host_call(
            "actions.remove-header",
            (name, nth),
            |state, (name, nth)| {
                let edit = HeaderEdit::Remove {
                    name: name.clone(),
                    nth: *nth,
                };
                Ok(field(name, "").and_then(|()| state.edit(edit)))
            },
        )
    }

    fn tag(&mut self, _: Resource<MessageActions>, key: String, value: String) -> Answer {
        self.host_call("actions.tag", (key, value), |state, (key, value)| {
            if key.is_empty() || key.len() > 64 || value.len() > 256 {
                return Ok(Err(ActionError::Invalid(
                    "a tag is of 1 to 64 octets, its value of 256 at most".into(),
                )));
            }
            if state.effects.tags.len() >= MAX_TAGS {
                return Ok(Err(ActionError::Limit(format!(
                    "at most {MAX_TAGS} tags a call"
                ))));
            }
            state.effects.tags.push((key.clone(), value.clone()));
            Ok(Ok(()))
        })
    }

    async fn add_recipient(&mut self, _: Resource<MessageActions>, address: MailAddress) -> Answer {
        self.enter()?;
        let answer = match self.to_be_added(&address).await {
            Ok(added) => self.change(EnvelopeEdit::AddRecipient(added)),
            Err(error) => Err(error),
        };
        self.record("actions.add-recipient", &address, &answer);
        Ok(answer)
    }

    fn remove_recipient(&mut self, _: Resource<MessageActions>, index: u32) -> Answer {
        self.host_call("actions.remove-recipient", index, |state, index| {
            if state.hook != Some(Hook::Message) {
                return Ok(Err(not_here()));
            }
            if state.mail()?.state().recipient(*index).is_none() {
                return Ok(Err(ActionError::Invalid(format!(
                    "there is no recipient {index}"
                ))));
            }
            Ok(state.change(EnvelopeEdit::RemoveRecipient(*index)))
        })
    }

    fn change_sender(
        &mut self,
        _: Resource<MessageActions>,
        address: Option<MailAddress>,
    ) -> Answer {
        self.host_call("actions.change-sender", address, |state, address| {
            let sender = match address {
                None => ReversePath::Null,
                Some(address) => match to_address(address) {
                    Some(address) => ReversePath::Address(address),
                    None => return Ok(Err(no_address(address))),
                },
            };
            Ok(state.change(EnvelopeEdit::ChangeSender(sender)))
        })
    }

    fn drop(&mut self, _: Resource<MessageActions>) -> Result<()> {
        Ok(())
    }
}

impl HostDeliveryActions for State {
    fn file_into(
        &mut self,
        _: Resource<DeliveryActions>,
        mailbox: String,
        flags: Vec<String>,
        create: bool,
    ) -> Answer {
        self.host_call(
            "actions.file-into",
            (mailbox, flags, create),
            |state, (mailbox, flags, create)| {
                if mailbox.is_empty()
                    || mailbox.len() > 1000
                    || mailbox.chars().any(char::is_control)
                {
                    return Ok(Err(ActionError::Invalid(format!(
                        "{mailbox:?} is no path of a mailbox"
                    ))));
                }
                Ok(state.file(
                    MailboxRef::Path {
                        path: mailbox.clone(),
                        create: *create,
                    },
                    flags,
                ))
            },
        )
    }

    fn file_into_use(
        &mut self,
        _: Resource<DeliveryActions>,
        special_use: String,
        flags: Vec<String>,
    ) -> Answer {
        self.host_call(
            "actions.file-into-use",
            (special_use, flags),
            |state, (special_use, flags)| {
                // RFC 6154 §2: the attributes are flags with a backslash.
                if !special_use.starts_with('\\') || !is_flag(special_use) {
                    return Ok(Err(ActionError::Invalid(format!(
                        "{special_use:?} is no special use, such as \\Junk"
                    ))));
                }
                Ok(state.file(MailboxRef::SpecialUse(special_use.clone()), flags))
            },
        )
    }

    fn keep(&mut self, _: Resource<DeliveryActions>, flags: Vec<String>) -> Answer {
        self.host_call("actions.keep", flags, |state, flags| {
            Ok(state.file(MailboxRef::Inbox, flags))
        })
    }

    fn respond(&mut self, _: Resource<DeliveryActions>, reply: wit::Response) -> Answer {
        // What people write to each other is not recorded.
        let about = (reply.author.clone(), reply.period_seconds);
        let response = response::checked(reply);
        self.host_call("actions.respond", about, |state, _| {
            Ok(response.map(|response| state.effects.response = Some(response)))
        })
    }

    fn drop(&mut self, _: Resource<DeliveryActions>) -> Result<()> {
        Ok(())
    }
}

impl State {
    /// A recipient that this step may add. Whatever may send to anybody is a relay.
    async fn to_be_added(
        &self,
        address: &MailAddress,
    ) -> std::result::Result<Address, ActionError> {
        if self.hook != Some(Hook::Message) {
            return Err(not_here());
        }
        let added = to_address(address).ok_or_else(|| no_address(address))?;
        if self.shared.relay {
            return Ok(added);
        }
        let services = self.shared.services.clone();
        match services.domain_is_local(added.domain().as_str()).await {
            Ok(true) => Ok(added),
            Ok(false) => Err(ActionError::Denied(format!(
                "a recipient at {}, which is not local, takes the grant `relay`",
                added.domain().as_str()
            ))),
            Err(error) => Err(ActionError::Unavailable(error.to_string())),
        }
    }

    fn change(&mut self, edit: EnvelopeEdit) -> std::result::Result<(), ActionError> {
        if self.effects.envelope.len() >= MAX_ENVELOPE_EDITS {
            return Err(ActionError::Limit(format!(
                "at most {MAX_ENVELOPE_EDITS} changes of the envelope a call"
            )));
        }
        self.effects.envelope.push(edit);
        Ok(())
    }

    fn edit(&mut self, edit: HeaderEdit) -> std::result::Result<(), ActionError> {
        if self.effects.edits.len() >= MAX_EDITS {
            return Err(ActionError::Limit(format!(
                "at most {MAX_EDITS} changes of the header a call"
            )));
        }
        self.effects.edits.push(edit);
        Ok(())
    }

    fn file(
        &mut self,
        mailbox: MailboxRef,
        flags: &[String],
    ) -> std::result::Result<(), ActionError> {
        if self.effects.filings.len() >= MAX_FILINGS || flags.len() > MAX_FLAGS {
            return Err(ActionError::Limit(format!(
                "at most {MAX_FILINGS} copies with {MAX_FLAGS} flags each"
            )));
        }
        if let Some(flag) = flags.iter().find(|flag| !is_flag(flag)) {
            return Err(ActionError::Invalid(format!("{flag:?} is no flag")));
        }
        self.effects.filings.push(Filing {
            mailbox,
            flags: flags.to_vec(),
        });
        Ok(())
    }
}

/// Recipients are settled when a message enters the queue.
fn not_here() -> ActionError {
    ActionError::Denied("recipients can be changed in `hook-message` only".into())
}

fn no_address(address: &MailAddress) -> ActionError {
    ActionError::Invalid(format!(
        "{:?} at {:?} is no address",
        address.local_part, address.domain
    ))
}

/// RFC 5322 §2.2: a name of printable ASCII without a colon; a value on one line, for the host folds it.
fn field(name: &str, value: &str) -> std::result::Result<(), ActionError> {
    let named =
        (1..=76).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic() && b != b':');
    if !named {
        return Err(ActionError::Invalid(format!(
            "{name:?} is no name of a header field"
        )));
    }
    // The server's own account of the message is not a plugin's to write.
    if name.eq_ignore_ascii_case("X-Waxwing-Score")
        || name.eq_ignore_ascii_case("X-Waxwing-Verdict")
    {
        return Err(ActionError::Invalid(format!(
            "{name} is written by the server"
        )));
    }
    if value.len() > MAX_VALUE || value.chars().any(|c| c.is_control() && c != '\t') {
        return Err(ActionError::Invalid(format!(
            "the value of {name} has control characters or over {MAX_VALUE} octets"
        )));
    }
    Ok(())
}

/// RFC 9051 §9: `flag-keyword = atom`, `flag-extension = "\" atom`.
fn is_flag(flag: &str) -> bool {
    let atom = flag.strip_prefix('\\').unwrap_or(flag);
    (1..=64).contains(&atom.len())
        && atom
            .bytes()
            .all(|b| b.is_ascii_graphic() && !b"(){%*\"\\]".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_a_field_and_no_more() {
        assert!(field("X-Seen", "yes, \t twice").is_ok());
        for (name, value) in [
            ("X-Seen", "yes\r\nX-Other: no".to_owned()),
            ("X-Seen", "yes\n".to_owned()),
            ("X-Seen", "x".repeat(1 << 20)),
            ("X Seen", String::new()),
            ("X-Seen:", String::new()),
            ("", String::new()),
            ("x-waxwing-score", "0".to_owned()),
        ] {
            assert!(field(name, &value).is_err(), "{name}");
        }
    }
}
