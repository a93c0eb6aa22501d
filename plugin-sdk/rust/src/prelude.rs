//! What nearly every plugin uses: `use waxwing_plugin::prelude::*;`.

pub use crate::hook::{
    Authenticated, Decision, DeliverCall, DeliverDecision, HookError, Judgement, LoginDecision,
    MessageCall, MessageDecision, OnAuthenticate, OnConnect, OnDeliver, OnEhlo, OnLogin,
    OnMailFrom, OnMessage, OnQuota, OnRcptTo, OnRouteInbound, OnVerdict, Operation, QuotaCall,
    QuotaDecision, Target, VerdictAction,
};
pub use crate::host::types::{Identity, MailAddress, Protocol, Recipient, SmtpReply, Usage};
pub use crate::host::{
    Connection, Credentials, Envelope, Message, PatternSet, auth_results, credentials, directory,
    dns, dnsbl, findings, http, kv, log, message, metrics, passwords, runtime,
};
pub use crate::settings::Problem;
pub use crate::{Plugin, SelfTest};
pub use serde::Deserialize;
