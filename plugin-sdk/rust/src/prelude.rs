//! What nearly every plugin uses: `use waxwing_plugin::prelude::*;`.

pub use crate::hook::{
    Authenticated, Decision, DeliverCall, DeliverDecision, HookError, Judgement, LoginDecision,
    MessageCall, MessageDecision, Notice, OnAuthenticate, OnConnect, OnData, OnDeliver,
    OnDeliveryResult, OnEhlo, OnLogin, OnMailFrom, OnMailbox, OnMessage, OnQuota, OnQuotaLimits,
    OnRcptTo, OnRouteInbound, OnRouteOutbound, OnSubmit, OnTick, OnVerdict, Operation,
    OutboundDecision, QuotaCall, QuotaDecision, QuotaRoot, ResultDecision, Retry, RouteCall,
    SubmitCall, SubmitDecision, Target, VerdictAction,
};
pub use crate::host::types::{
    Identity, Limits, MailAddress, Protocol, Recipient, SmtpReply, Usage,
};
pub use crate::host::{
    Attempt, Batch, Connection, Credentials, Envelope, Event, Message, PatternSet, auth_results,
    credentials, directory, dns, dnsbl, findings, http, kv, log, mailbox_events, message, metrics,
    outbound, passwords, runtime, vacation,
};
pub use crate::settings::Problem;
pub use crate::{Plugin, SelfTest};
pub use serde::Deserialize;
