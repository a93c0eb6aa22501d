//! `envelope`: the transaction.

use wasmtime::Result;
use wasmtime::component::Resource;

use crate::answer::{UNNAMED, is_account};
use crate::bindings::waxwing::policy::envelope::{Envelope, Host, HostEnvelope};
use crate::bindings::waxwing::policy::session::NoteError;
use crate::bindings::waxwing::policy::types::{Identity, MailAddress, Param, Recipient};
use crate::fault::Fault;
use crate::state::State;

use super::types::{from_address, from_identity, from_params, recipient_of};

/// Recipients that one call gives.
const MAX_RECIPIENTS: usize = 100;

impl Host for State {}

impl HostEnvelope for State {
    fn queue_id(&mut self, _: Resource<Envelope>) -> Result<String> {
        self.host_call("envelope.queue-id", (), |state, ()| {
            Ok(state.mail()?.facts.queue_id.clone())
        })
    }

    fn sender(&mut self, _: Resource<Envelope>) -> Result<Option<MailAddress>> {
        self.host_call("envelope.sender", (), |state, ()| {
            Ok(state
                .mail()?
                .sender()
                .address()
                .filter(|_| state.sight().addresses())
                .map(|address| from_address(Some(address))))
        })
    }

    fn sender_params(&mut self, _: Resource<Envelope>) -> Result<Vec<Param>> {
        self.host_call("envelope.sender-params", (), |state, ()| {
            // AUTH= is an address (RFC 4954 §5).
            let params = &state.mail()?.facts.params;
            Ok(if state.sight().addresses() {
                from_params(params)
            } else {
                Vec::new()
            })
        })
    }

    fn declared_size(&mut self, _: Resource<Envelope>) -> Result<Option<u64>> {
        self.host_call("envelope.declared-size", (), |state, ()| {
            Ok(state.mail()?.facts.declared_size)
        })
    }

    fn smtputf8(&mut self, _: Resource<Envelope>) -> Result<bool> {
        self.host_call("envelope.smtputf8", (), |state, ()| {
            Ok(state.mail()?.facts.smtputf8)
        })
    }

    fn identity(&mut self, _: Resource<Envelope>) -> Result<Option<Identity>> {
        self.host_call("envelope.identity", (), |state, ()| {
            let identity = state.mail()?.identity.as_ref();
            Ok(identity
                .filter(|_| state.sight().addresses())
                .map(from_identity))
        })
    }

    fn recipient_count(&mut self, _: Resource<Envelope>) -> Result<u32> {
        self.host_call("envelope.recipient-count", (), |state, ()| {
            Ok(u32::try_from(state.mail()?.state().present().count()).unwrap_or(u32::MAX))
        })
    }

    fn recipient(&mut self, _: Resource<Envelope>, index: u32) -> Result<Option<Recipient>> {
        self.host_call("envelope.recipient", index, |state, index| {
            let mail = state.mail()?.state();
            Ok(mail
                .recipient(*index)
                .filter(|_| state.sight().addresses())
                .map(|recipient| recipient_of(*index, recipient, recipient.address.as_ref())))
        })
    }

    fn recipients(
        &mut self,
        _: Resource<Envelope>,
        offset: u32,
        limit: u32,
    ) -> Result<Vec<Recipient>> {
        self.host_call(
            "envelope.recipients",
            (offset, limit),
            |state, (offset, limit)| {
                let mail = state.mail()?.state();
                let limit = usize::try_from(*limit)
                    .unwrap_or(usize::MAX)
                    .min(MAX_RECIPIENTS)
                    * usize::from(state.sight().addresses());
                Ok(mail
                    .present()
                    .skip(usize::try_from(*offset).unwrap_or(usize::MAX))
                    .take(limit)
                    .map(|(index, recipient)| {
                        recipient_of(index, recipient, recipient.address.as_ref())
                    })
                    .collect())
            },
        )
    }

    fn verdict(&mut self, _: Resource<Envelope>, recipient: u32) -> Result<Option<String>> {
        self.host_call("envelope.verdict", recipient, |state, recipient| {
            let mail = state.mail()?.state();
            let recipient = mail.recipient(*recipient);
            let verdict = recipient.and_then(|recipient| mail.verdict(recipient.domain()));
            Ok(verdict.map(|verdict| verdict.word().to_owned()))
        })
    }

    fn leads_to(&mut self, _: Resource<Envelope>, account: String) -> Result<()> {
        self.host_call("envelope.leads-to", account, |state, account| {
            if !is_account(account) {
                return state.stop(Fault::Nonsense(UNNAMED.into()));
            }
            state.effects.leads_to = Some(account.clone());
            Ok(())
        })
    }

    fn note(&mut self, _: Resource<Envelope>, key: String) -> Result<Option<Vec<u8>>> {
        self.host_call("envelope.note", key, |state, key| {
            Ok(state
                .mail()?
                .state()
                .notes
                .get(state.notes_of(), key)
                .map(<[u8]>::to_vec))
        })
    }

    fn set_note(
        &mut self,
        _: Resource<Envelope>,
        key: String,
        value: Vec<u8>,
    ) -> Result<std::result::Result<(), NoteError>> {
        self.host_call("envelope.set-note", (key, value), |state, (key, value)| {
            let kept = state
                .mail()?
                .state()
                .notes
                .set(&state.notes_of().clone(), key, value);
            Ok(if kept { Ok(()) } else { Err(NoteError::Limit) })
        })
    }

    fn tag(&mut self, _: Resource<Envelope>, key: String) -> Result<Option<String>> {
        self.host_call("envelope.tag", key, |state, key| {
            // What this very call set counts for itself.
            let own = state
                .effects
                .tags
                .iter()
                .rev()
                .find(|(name, _)| name == key);
            if let Some((_, value)) = own {
                return Ok(Some(value.clone()));
            }
            let mail = state.mail()?.state();
            Ok(mail
                .tags
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value.clone()))
        })
    }

    fn drop(&mut self, _: Resource<Envelope>) -> Result<()> {
        Ok(())
    }
}
