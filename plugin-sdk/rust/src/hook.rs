//! The hooks: one trait each, implemented by plugins that answer it.
//!
//! What a hook may answer is documented in `plugin-sdk/wit/hook-*.wit`. An `Err` is for what the plugin cannot
//! decide: the step's `on-error` in `policy.toml` then says what follows (a deferral, by default). The errors of host
//! calls turn into it with `?`.

use crate::host::{
    Attempt, Batch, Connection, Credentials, DeliveryActions, Envelope, Message, MessageActions,
    OutboundPlan, Submission,
};

pub use crate::bindings::authenticate::Outcome as Authenticated;
pub use crate::bindings::deliver::DeliverDecision;
pub use crate::bindings::delivery_result::{Notice, ResultDecision, Retry};
pub use crate::bindings::imports::types::{
    Decision, HookError, Identity, Limits, Recipient, Usage,
};
pub use crate::bindings::login::LoginDecision;
pub use crate::bindings::message::MessageDecision;
pub use crate::bindings::quota::{Operation, QuotaDecision};
pub use crate::bindings::quota_limits::QuotaRoot;
pub use crate::bindings::route_inbound::Target;
pub use crate::bindings::route_outbound::OutboundDecision;
pub use crate::bindings::submit::SubmitDecision;
pub use crate::bindings::verdict::{Action as VerdictAction, Judgement};

/// A client connected, with any protocol; nothing was said yet.
///
/// ```
/// # use waxwing_plugin::prelude::*;
/// # struct Doors; impl Plugin for Doors { type Settings = (); fn new(_: ()) -> Result<Self, Vec<Problem>> { Ok(Self) } }
/// impl OnConnect for Doors {
///     fn on_connect(&self, conn: &Connection) -> Result<Decision, HookError> {
///         let seen = kv::count_window(kv::Area::Plugin, &conn.client_text(), 60_000)?;
///         Ok(if seen > 100 { Decision::disconnect(421, (4, 7, 0), "Too many connections") } else { Decision::Pass })
///     }
/// }
/// ```
pub trait OnConnect {
    /// May it go on?
    ///
    /// # Errors
    /// The plugin cannot decide.
    fn on_connect(&self, conn: &Connection) -> Result<Decision, HookError>;
}

/// A client greeted with HELO, EHLO or LHLO.
///
/// ```
/// # use waxwing_plugin::prelude::*;
/// # struct Doors; impl Plugin for Doors { type Settings = (); fn new(_: ()) -> Result<Self, Vec<Problem>> { Ok(Self) } }
/// impl OnEhlo for Doors {
///     fn on_ehlo(&self, _conn: &Connection, name: &str) -> Result<Decision, HookError> {
///         Ok(if name == "localhost" { Decision::reject(550, (5, 7, 1), "You are not") } else { Decision::Pass })
///     }
/// }
/// ```
pub trait OnEhlo {
    /// May it go on under this name?
    ///
    /// # Errors
    /// The plugin cannot decide.
    fn on_ehlo(&self, conn: &Connection, name: &str) -> Result<Decision, HookError>;
}

/// Whose credentials are these? Grant `credentials`.
///
/// ```
/// # use waxwing_plugin::prelude::*;
/// # struct Users; impl Plugin for Users { type Settings = (); fn new(_: ()) -> Result<Self, Vec<Problem>> { Ok(Self) } }
/// impl OnAuthenticate for Users {
///     fn check(&self, _conn: &Connection, creds: &Credentials) -> Result<Authenticated, HookError> {
///         Ok(match creds.verify(&creds.user())? {
///             credentials::Verification::Account(account) => Authenticated::Success(Identity {
///                 authorised_as: account.clone(),
///                 account,
///                 mechanism: creds.mechanism(),
///             }),
///             credentials::Verification::Wrong => Authenticated::Failure,
///             credentials::Verification::Unknown => Authenticated::UnknownUser,
///         })
///     }
/// }
/// ```
pub trait OnAuthenticate {
    /// Checks them.
    ///
    /// # Errors
    /// The plugin cannot decide.
    fn check(&self, conn: &Connection, creds: &Credentials) -> Result<Authenticated, HookError>;
}

/// The policy of logging in, for every protocol, around the check of the credentials.
///
/// ```
/// # use waxwing_plugin::prelude::*;
/// # struct Slow; impl Plugin for Slow { type Settings = (); fn new(_: ()) -> Result<Self, Vec<Problem>> { Ok(Self) } }
/// impl OnLogin for Slow {
///     fn failed(&self, conn: &Connection, _user: &str, _mechanism: &str) -> Result<LoginDecision, HookError> {
///         let failures = kv::increment(kv::Area::Plugin, &conn.client_text(), 1, Some(3_600_000))?;
///         Ok(if failures > 3 { LoginDecision::DelayMs(2_000) } else { LoginDecision::Pass })
///     }
/// }
/// ```
pub trait OnLogin {
    /// Before the credentials are checked.
    ///
    /// # Errors
    /// The plugin cannot decide.
    fn before(
        &self,
        _conn: &Connection,
        _user: &str,
        _mechanism: &str,
    ) -> Result<LoginDecision, HookError> {
        Ok(LoginDecision::Pass)
    }

    /// After they were found right.
    ///
    /// # Errors
    /// The plugin cannot decide.
    fn after(&self, _conn: &Connection, _who: &Identity) -> Result<LoginDecision, HookError> {
        Ok(LoginDecision::Pass)
    }

    /// After they were found wrong.
    ///
    /// # Errors
    /// The plugin cannot decide.
    fn failed(
        &self,
        _conn: &Connection,
        _user: &str,
        _mechanism: &str,
    ) -> Result<LoginDecision, HookError> {
        Ok(LoginDecision::Pass)
    }
}

/// MAIL FROM begins a transaction.
///
/// ```
/// # use waxwing_plugin::prelude::*;
/// # struct Senders; impl Plugin for Senders { type Settings = (); fn new(_: ()) -> Result<Self, Vec<Problem>> { Ok(Self) } }
/// impl OnMailFrom for Senders {
///     fn on_mail_from(&self, _conn: &Connection, env: &Envelope) -> Result<Decision, HookError> {
///         let blocked = env.sender().is_some_and(|sender| sender.domain == "spam.example");
///         Ok(if blocked { Decision::reject(550, (5, 7, 1), "No, thank you") } else { Decision::Pass })
///     }
/// }
/// ```
pub trait OnMailFrom {
    /// May this sender send?
    ///
    /// # Errors
    /// The plugin cannot decide.
    fn on_mail_from(&self, conn: &Connection, env: &Envelope) -> Result<Decision, HookError>;
}

/// RCPT TO names a recipient. Some step has to accept it; `accept` for a domain that is not local takes the grant `relay`.
///
/// ```
/// # use waxwing_plugin::prelude::*;
/// # struct Known; impl Plugin for Known { type Settings = (); fn new(_: ()) -> Result<Self, Vec<Problem>> { Ok(Self) } }
/// impl OnRcptTo for Known {
///     fn on_rcpt_to(&self, _conn: &Connection, _env: &Envelope, rcpt: &Recipient) -> Result<Decision, HookError> {
///         Ok(match directory::look_up(&rcpt.address)? {
///             directory::Entry::None => Decision::Pass,
///             _ => Decision::Accept,
///         })
///     }
/// }
/// ```
pub trait OnRcptTo {
    /// May the message go there?
    ///
    /// # Errors
    /// The plugin cannot decide.
    fn on_rcpt_to(
        &self,
        conn: &Connection,
        env: &Envelope,
        rcpt: &Recipient,
    ) -> Result<Decision, HookError>;
}

/// DATA: the content is about to come, and all recipients are known.
///
/// ```
/// # use waxwing_plugin::prelude::*;
/// # struct Few; impl Plugin for Few { type Settings = (); fn new(_: ()) -> Result<Self, Vec<Problem>> { Ok(Self) } }
/// impl OnData for Few {
///     fn on_data(&self, _conn: &Connection, env: &Envelope) -> Result<Decision, HookError> {
///         // RFC 5321 §4.5.5: a report goes to one sender.
///         let odd = env.sender().is_none() && env.recipient_count() > 1;
///         Ok(if odd { Decision::reject(550, (5, 5, 3), "A report has one recipient") } else { Decision::Pass })
///     }
/// }
/// ```
pub trait OnData {
    /// May the content come?
    ///
    /// # Errors
    /// The plugin cannot decide.
    fn on_data(&self, conn: &Connection, env: &Envelope) -> Result<Decision, HookError>;
}

/// What `hook-message` is about.
#[derive(Clone, Copy)]
pub struct MessageCall<'a> {
    /// The connection that it came over.
    pub conn: &'a Connection,
    /// Its transaction.
    pub envelope: &'a Envelope,
    /// The content.
    pub message: &'a Message,
    /// What may be done to it.
    pub actions: &'a MessageActions,
}

/// The whole message has arrived; the reply is not yet sent. Grants `message` and `actions`, as far as it uses them.
///
/// ```
/// # use waxwing_plugin::prelude::*;
/// # struct Marks; impl Plugin for Marks { type Settings = (); fn new(_: ()) -> Result<Self, Vec<Problem>> { Ok(Self) } }
/// impl OnMessage for Marks {
///     fn on_message(&self, call: MessageCall<'_>) -> Result<MessageDecision, HookError> {
///         if call.message.first("List-Id").is_none() && call.envelope.recipient_count() > 50 {
///             findings::add("CROWD", 1.0, &[])?;
///         }
///         Ok(MessageDecision::Pass)
///     }
/// }
/// ```
pub trait OnMessage {
    /// Looks at the message, adds findings, changes it.
    ///
    /// # Errors
    /// The plugin cannot decide.
    fn on_message(&self, call: MessageCall<'_>) -> Result<MessageDecision, HookError>;
}

/// All findings are in: what does the score mean for the recipients of one domain?
///
/// ```
/// # use waxwing_plugin::prelude::*;
/// # struct Steps; impl Plugin for Steps { type Settings = (); fn new(_: ()) -> Result<Self, Vec<Problem>> { Ok(Self) } }
/// impl OnVerdict for Steps {
///     fn on_verdict(&self, _conn: &Connection, _env: &Envelope, _domain: &str) -> Result<Judgement, HookError> {
///         let score = findings::total();
///         let action = if score >= 5.0 { VerdictAction::Junk } else { VerdictAction::Deliver };
///         Ok(Judgement { action, reason: format!("score {score:.1}, junk from 5 on") })
///     }
/// }
/// ```
pub trait OnVerdict {
    /// Judges by the findings.
    ///
    /// # Errors
    /// The plugin cannot decide.
    fn on_verdict(
        &self,
        conn: &Connection,
        env: &Envelope,
        domain: &str,
    ) -> Result<Judgement, HookError>;
}

/// Where an accepted recipient leads. Some step has to say.
///
/// ```
/// # use waxwing_plugin::prelude::*;
/// # struct Ways; impl Plugin for Ways { type Settings = (); fn new(_: ()) -> Result<Self, Vec<Problem>> { Ok(Self) } }
/// impl OnRouteInbound for Ways {
///     fn resolve(&self, _env: &Envelope, rcpt: &Recipient) -> Result<Option<Vec<Target>>, HookError> {
///         Ok(match directory::look_up(&rcpt.address)? {
///             directory::Entry::Account(account) => Some(vec![Target::Account(account)]),
///             directory::Entry::Alias(to) => Some(to.into_iter().map(Target::Alias).collect()),
///             directory::Entry::None => None,
///         })
///     }
/// }
/// ```
pub trait OnRouteInbound {
    /// None: not mine. An empty list is a fault.
    ///
    /// # Errors
    /// The plugin cannot decide.
    fn resolve(&self, env: &Envelope, rcpt: &Recipient) -> Result<Option<Vec<Target>>, HookError>;
}

/// What `hook-quota` is about.
#[derive(Debug, Clone, Copy)]
pub struct QuotaCall<'a> {
    /// Whose store.
    pub account: &'a str,
    /// What is going on.
    pub operation: Operation,
    /// What the account holds.
    pub current: Usage,
    /// What comes on top.
    pub adding: Usage,
}

/// Asked before something is stored, from any protocol.
///
/// ```
/// # use waxwing_plugin::prelude::*;
/// # struct Full; impl Plugin for Full { type Settings = (); fn new(_: ()) -> Result<Self, Vec<Problem>> { Ok(Self) } }
/// impl OnQuota for Full {
///     fn check(&self, call: QuotaCall<'_>) -> Result<QuotaDecision, HookError> {
///         let full = call.current.messages + call.adding.messages > 100_000;
///         Ok(if full { QuotaDecision::Over("The mailbox is full".into()) } else { QuotaDecision::Pass })
///     }
/// }
/// ```
pub trait OnQuota {
    /// May it be added?
    ///
    /// # Errors
    /// The plugin cannot decide.
    fn check(&self, call: QuotaCall<'_>) -> Result<QuotaDecision, HookError>;
}

/// Asked when a client wants to know what limits hold, so that it can show them.
///
/// ```
/// # use waxwing_plugin::prelude::*;
/// # struct Full; impl Plugin for Full { type Settings = (); fn new(_: ()) -> Result<Self, Vec<Problem>> { Ok(Self) } }
/// impl OnQuotaLimits for Full {
///     fn limits_of(&self, account: &str) -> Result<Vec<QuotaRoot>, HookError> {
///         let limits = Limits { bytes: None, messages: Some(100_000) };
///         Ok(vec![QuotaRoot { name: account.to_owned(), held: None, limits }])
///     }
/// }
/// ```
pub trait OnQuotaLimits {
    /// What does the account count against?
    ///
    /// # Errors
    /// The plugin cannot say.
    fn limits_of(&self, account: &str) -> Result<Vec<QuotaRoot>, HookError>;
}

/// What `hook-deliver` is about.
#[derive(Clone, Copy)]
pub struct DeliverCall<'a> {
    /// The transaction.
    pub envelope: &'a Envelope,
    /// The recipient whose copy it is.
    pub recipient: &'a Recipient,
    /// The account that it goes to, by its address.
    pub account: &'a str,
    /// The content.
    pub message: &'a Message,
    /// Where the copy may go.
    pub actions: &'a DeliveryActions,
}

/// Final delivery to one account. If every step passes, the message goes into INBOX.
///
/// ```
/// # use waxwing_plugin::prelude::*;
/// # struct Sort; impl Plugin for Sort { type Settings = (); fn new(_: ()) -> Result<Self, Vec<Problem>> { Ok(Self) } }
/// impl OnDeliver for Sort {
///     fn on_deliver(&self, call: DeliverCall<'_>) -> Result<DeliverDecision, HookError> {
///         if call.envelope.verdict(call.recipient.index).as_deref() != Some("junk") {
///             return Ok(DeliverDecision::Pass);
///         }
///         call.actions.file_into_use("\\Junk", &[])?;
///         Ok(DeliverDecision::Done)
///     }
/// }
/// ```
pub trait OnDeliver {
    /// Delivers to `call.account`.
    ///
    /// # Errors
    /// The plugin cannot decide.
    fn on_deliver(&self, call: DeliverCall<'_>) -> Result<DeliverDecision, HookError>;
}

/// What `hook-submit` is about.
#[derive(Clone, Copy)]
pub struct SubmitCall<'a> {
    /// The transaction that the message came with.
    pub envelope: &'a Envelope,
    /// The content.
    pub message: &'a Message,
    /// Changes to it, before it is signed.
    pub actions: &'a MessageActions,
    /// How it enters the queue.
    pub submission: &'a Submission,
}

/// A message enters the outbound queue. If every step passes, it is queued.
///
/// ```
/// # use waxwing_plugin::prelude::*;
/// # struct Signs; impl Plugin for Signs { type Settings = (); fn new(_: ()) -> Result<Self, Vec<Problem>> { Ok(Self) } }
/// impl OnSubmit for Signs {
///     fn on_submit(&self, call: SubmitCall<'_>) -> Result<SubmitDecision, HookError> {
///         if let Some(sender) = call.envelope.sender() {
///             call.submission.sign(&sender.domain, "mail")?;
///         }
///         Ok(SubmitDecision::Pass)
///     }
/// }
/// ```
pub trait OnSubmit {
    /// Signs, stamps, ranks, holds or refuses.
    ///
    /// # Errors
    /// The plugin cannot decide.
    fn on_submit(&self, call: SubmitCall<'_>) -> Result<SubmitDecision, HookError>;
}

/// What `hook-route-outbound` is about.
#[derive(Clone, Copy)]
pub struct RouteCall<'a> {
    /// The transaction that the message came with.
    pub envelope: &'a Envelope,
    /// Whom it is to be tried for.
    pub recipient: &'a Recipient,
    /// The attempt before.
    pub last: &'a Attempt,
    /// How the next one is made.
    pub plan: &'a OutboundPlan,
}

/// Before an attempt to deliver elsewhere. If every step passes, it is made as the server's configuration has it.
///
/// ```
/// # use waxwing_plugin::prelude::*;
/// # struct Relays; impl Plugin for Relays { type Settings = (); fn new(_: ()) -> Result<Self, Vec<Problem>> { Ok(Self) } }
/// impl OnRouteOutbound for Relays {
///     fn plan_for(&self, call: RouteCall<'_>) -> Result<OutboundDecision, HookError> {
///         if call.recipient.address.domain != "partner.example" {
///             return Ok(OutboundDecision::Pass);
///         }
///         call.plan.relay("relay.partner.example", 587, false, Some("partner"))?;
///         call.plan.tls(outbound::TlsPolicy::Verify);
///         Ok(OutboundDecision::Send)
///     }
/// }
/// ```
pub trait OnRouteOutbound {
    /// Plans the next attempt.
    ///
    /// # Errors
    /// The plugin cannot decide.
    fn plan_for(&self, call: RouteCall<'_>) -> Result<OutboundDecision, HookError>;
}

/// After an attempt to deliver elsewhere.
///
/// ```
/// # use waxwing_plugin::prelude::*;
/// # struct Patient; impl Plugin for Patient { type Settings = (); fn new(_: ()) -> Result<Self, Vec<Problem>> { Ok(Self) } }
/// impl OnDeliveryResult for Patient {
///     fn on_result(&self, _env: &Envelope, _rcpt: &Recipient, attempt: &Attempt) -> Result<ResultDecision, HookError> {
///         let greylisted = attempt.reply().is_some_and(|reply| reply.code == 451) && attempt.number() == 1;
///         Ok(if greylisted {
///             ResultDecision::Retry(Retry { after_seconds: 330, notice: Notice::Never })
///         } else {
///             ResultDecision::Pass
///         })
///     }
/// }
/// ```
pub trait OnDeliveryResult {
    /// Says what follows.
    ///
    /// # Errors
    /// The plugin cannot decide.
    fn on_result(
        &self,
        env: &Envelope,
        rcpt: &Recipient,
        attempt: &Attempt,
    ) -> Result<ResultDecision, HookError>;
}

/// Told of what happened in mailboxes; it holds nobody up.
///
/// ```
/// # use waxwing_plugin::prelude::*;
/// # struct Counts; impl Plugin for Counts { type Settings = (); fn new(_: ()) -> Result<Self, Vec<Problem>> { Ok(Self) } }
/// impl OnMailbox for Counts {
///     fn on_events(&self, events: &Batch) -> Result<(), HookError> {
///         for event in events.all() {
///             if event.kind() == "move" && event.mailbox() == "Junk" {
///                 kv::increment(kv::Area::Plugin, &format!("junk {}", event.account()), 1, None)?;
///             }
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait OnMailbox {
    /// Takes note.
    ///
    /// # Errors
    /// The plugin failed; that is counted and logged.
    fn on_events(&self, events: &Batch) -> Result<(), HookError>;
}

/// Called once an interval, which the step's `tick` in `policy.toml` sets.
///
/// ```
/// # use waxwing_plugin::prelude::*;
/// # struct Clears; impl Plugin for Clears { type Settings = (); fn new(_: ()) -> Result<Self, Vec<Problem>> { Ok(Self) } }
/// impl OnTick for Clears {
///     fn on_tick(&self, _due_unix_ms: u64) -> Result<(), HookError> {
///         kv::set(kv::Area::Plugin, "last-run", &runtime::unix_ms().to_be_bytes(), None)?;
///         Ok(())
///     }
/// }
/// ```
pub trait OnTick {
    /// Does what is to be done now and then.
    ///
    /// # Errors
    /// The plugin failed; that is counted and logged.
    fn on_tick(&self, due_unix_ms: u64) -> Result<(), HookError>;
}
