//! The test kit: a pretended server that answers every host call, and a runner for cases kept as data.
//!
//! In a native build the modules of [`crate::host`] read and write the [`World`] of the current thread. Tests either
//! prepare it themselves ([`World::enter`], [`world`]) or let [`run_cases`] do it from `cases/*.toml`:
//!
//! ```toml
//! [settings]                      # for every case of the file
//! trust = []
//!
//! [directory]
//! domains = ["example.org"]
//! accounts."alice@example.org" = { password = "secret" }
//!
//! [[case]]
//! name = "the second connection within a minute is turned away"
//! settings = { rates = [{ per = "address", connections = 1, seconds = 60 }] }   # instead of the file's
//! connection = { client = "192.0.2.7" }
//! steps = [
//!     { hook = "connect", expect = "pass" },
//!     { hook = "connect", expect = "disconnect 421 4.7.0" },
//!     { advance-seconds = 61, hook = "connect", expect = "pass" },
//! ]
//!
//! [[case]]
//! name = "a misspelt key is told"
//! settings = { tryst = [] }
//! problems = ["/tryst: unknown field"]
//! ```
//!
//! What a hook answers is written as one line (`reject 550 5.1.1 No such mailbox here`); `expect` is that line or how
//! it begins. [`case::Step`] has the members of a step.

pub mod case;
pub mod host;
mod kv;
mod message;
mod network;
mod render;
mod tokens;
mod world;

pub use case::run_cases;
pub use network::{AuthFacts, NetworkFacts, Page};
pub use world::{
    Account, AttemptFacts, ConnectionFacts, DirectoryFacts, EnvelopeFacts, EventFacts, LoginFacts,
    World, world,
};

use crate::hook::{
    OnAuthenticate, OnConnect, OnData, OnDeliver, OnDeliveryResult, OnEhlo, OnLogin, OnMailFrom,
    OnMailbox, OnMessage, OnQuota, OnQuotaLimits, OnRcptTo, OnRouteInbound, OnRouteOutbound,
    OnSubmit, OnTick, OnVerdict,
};

/// The hooks that a plugin answers, as [`export!`](crate::export) lists them.
pub trait Hooks: crate::Plugin {
    /// `hook-connect`.
    fn connect(&self) -> Option<&dyn OnConnect> {
        None
    }
    /// `hook-ehlo`.
    fn ehlo(&self) -> Option<&dyn OnEhlo> {
        None
    }
    /// `hook-authenticate`.
    fn authenticate(&self) -> Option<&dyn OnAuthenticate> {
        None
    }
    /// `hook-login`.
    fn login(&self) -> Option<&dyn OnLogin> {
        None
    }
    /// `hook-mail-from`.
    fn mail_from(&self) -> Option<&dyn OnMailFrom> {
        None
    }
    /// `hook-rcpt-to`.
    fn rcpt_to(&self) -> Option<&dyn OnRcptTo> {
        None
    }
    /// `hook-data`.
    fn data(&self) -> Option<&dyn OnData> {
        None
    }
    /// `hook-message`.
    fn message(&self) -> Option<&dyn OnMessage> {
        None
    }
    /// `hook-verdict`.
    fn verdict(&self) -> Option<&dyn OnVerdict> {
        None
    }
    /// `hook-route-inbound`.
    fn route_inbound(&self) -> Option<&dyn OnRouteInbound> {
        None
    }
    /// `hook-quota`.
    fn quota(&self) -> Option<&dyn OnQuota> {
        None
    }
    /// `hook-quota-limits`.
    fn quota_limits(&self) -> Option<&dyn OnQuotaLimits> {
        None
    }
    /// `hook-deliver`.
    fn deliver(&self) -> Option<&dyn OnDeliver> {
        None
    }
    /// `hook-submit`.
    fn submit(&self) -> Option<&dyn OnSubmit> {
        None
    }
    /// `hook-route-outbound`.
    fn route_outbound(&self) -> Option<&dyn OnRouteOutbound> {
        None
    }
    /// `hook-delivery-result`.
    fn delivery_result(&self) -> Option<&dyn OnDeliveryResult> {
        None
    }
    /// `hook-mailbox`.
    fn mailbox(&self) -> Option<&dyn OnMailbox> {
        None
    }
    /// `hook-tick`.
    fn tick(&self) -> Option<&dyn OnTick> {
        None
    }
}
