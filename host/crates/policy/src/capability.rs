//! What plugins may call, one file a WIT interface, and which of it a grant links.
//!
//! Invariants: what is not granted is not linked; every function passes [`State::host_call`] or does what it does around a wait.

mod actions;
mod auth_results;
mod credentials;
mod directory;
mod dns;
mod dnsbl;
mod envelope;
pub(crate) mod findings;
mod http;
mod kv;
mod log;
mod mailbox_events;
mod message;
mod metrics;
mod outbound;
mod outside;
mod passwords;
mod response;
mod runtime;
mod session;
#[cfg(test)]
mod tests;
mod types;
mod vacation;

use wasmtime::StoreContextMut;
use wasmtime::component::{HasSelf, Linker, ResourceType};

use crate::bindings::waxwing::policy as wit;
use crate::grant::Grant;
use crate::state::State;

pub(crate) use metrics::Figures;
pub(crate) use outside::ascii_domain;
pub(crate) use runtime::unix_ms;
pub(crate) use types::{from_identity, recipient_of, to_address};

/// The WIT interfaces that need no grant.
pub(crate) const FREE: [&str; 9] = [
    "types",
    "session",
    "envelope",
    "findings",
    "log",
    "metrics",
    "runtime",
    "outbound",
    "mailbox-events",
];

/// Everything that these grants allow.
pub(crate) fn linker(
    engine: &wasmtime::Engine,
    grants: &[Grant],
) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wit::session::add_to_linker::<State, HasSelf<State>>(&mut linker, itself)?;
    wit::envelope::add_to_linker::<State, HasSelf<State>>(&mut linker, itself)?;
    wit::findings::add_to_linker::<State, HasSelf<State>>(&mut linker, itself)?;
    wit::log::add_to_linker::<State, HasSelf<State>>(&mut linker, itself)?;
    wit::metrics::add_to_linker::<State, HasSelf<State>>(&mut linker, itself)?;
    wit::runtime::add_to_linker::<State, HasSelf<State>>(&mut linker, itself)?;
    wit::outbound::add_to_linker::<State, HasSelf<State>>(&mut linker, itself)?;
    wit::mailbox_events::add_to_linker::<State, HasSelf<State>>(&mut linker, itself)?;
    wit::types::add_to_linker::<State, HasSelf<State>>(&mut linker, itself)?;
    types_alone(&mut linker, grants)?;
    for grant in grants {
        match grant {
            Grant::Message => {
                wit::message::add_to_linker::<State, HasSelf<State>>(&mut linker, itself)?;
            }
            Grant::Actions => {
                wit::actions::add_to_linker::<State, HasSelf<State>>(&mut linker, itself)?;
            }
            Grant::Kv => wit::kv::add_to_linker::<State, HasSelf<State>>(&mut linker, itself)?,
            Grant::Credentials => {
                wit::credentials::add_to_linker::<State, HasSelf<State>>(&mut linker, itself)?;
            }
            Grant::Directory => {
                wit::directory::add_to_linker::<State, HasSelf<State>>(&mut linker, itself)?;
            }
            Grant::AuthResults => {
                wit::auth_results::add_to_linker::<State, HasSelf<State>>(&mut linker, itself)?;
            }
            Grant::Dns => wit::dns::add_to_linker::<State, HasSelf<State>>(&mut linker, itself)?,
            Grant::Dnsbl => {
                wit::dnsbl::add_to_linker::<State, HasSelf<State>>(&mut linker, itself)?;
            }
            Grant::Http => wit::http::add_to_linker::<State, HasSelf<State>>(&mut linker, itself)?,
            Grant::Passwords => {
                wit::passwords::add_to_linker::<State, HasSelf<State>>(&mut linker, itself)?;
            }
            Grant::Vacation => {
                wit::vacation::add_to_linker::<State, HasSelf<State>>(&mut linker, itself)?;
            }
            Grant::Relay => {}
        }
    }
    Ok(linker)
}

/// The types of the handles that hooks give to every plugin, where the functions on them are not granted.
fn types_alone(linker: &mut Linker<State>, grants: &[Grant]) -> wasmtime::Result<()> {
    let kept = |_: StoreContextMut<'_, State>, _: u32| Ok(());
    if !grants.contains(&Grant::Message) {
        let mut message = linker.instance("waxwing:policy/message@0.1.0")?;
        message.resource(
            "message",
            ResourceType::host::<wit::message::Message>(),
            kept,
        )?;
    }
    if !grants.contains(&Grant::Actions) {
        let mut actions = linker.instance("waxwing:policy/actions@0.1.0")?;
        let message = ResourceType::host::<wit::actions::MessageActions>();
        actions.resource("message-actions", message, kept)?;
        let delivery = ResourceType::host::<wit::actions::DeliveryActions>();
        actions.resource("delivery-actions", delivery, kept)?;
    }
    Ok(())
}

fn itself(state: &mut State) -> &mut State {
    state
}
