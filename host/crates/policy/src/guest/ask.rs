//! Questions to plugins.

use crate::bindings::waxwing::policy::types::{Identity, Recipient};
use crate::hook::Hook;
use crate::outcome::Room;

/// A question to a plugin.
#[derive(Debug)]
pub(crate) enum Ask<'a> {
    Connect,
    Ehlo(&'a str),
    LoginBefore {
        user: &'a str,
        mechanism: &'a str,
    },
    LoginAfter(&'a Identity),
    LoginFailed {
        user: &'a str,
        mechanism: &'a str,
    },
    Authenticate,
    MailFrom,
    RcptTo(&'a Recipient),
    Data,
    Message,
    Verdict(&'a str),
    Route(&'a Recipient),
    Quota(Room<'a>),
    QuotaLimits(&'a str),
    Deliver {
        recipient: &'a Recipient,
        account: &'a str,
        /// The account has an answer switched on for the time that somebody is away.
        away: bool,
    },
    Submit,
    RouteOutbound(&'a Recipient),
    DeliveryResult(&'a Recipient),
    /// About the events of the context.
    Mailbox,
    /// Due at this time, in milliseconds since 1970.
    Tick(u64),
}

impl Ask<'_> {
    pub(crate) fn hook(&self) -> Hook {
        match self {
            Self::Connect => Hook::Connect,
            Self::Ehlo(_) => Hook::Ehlo,
            Self::LoginBefore { .. } | Self::LoginAfter(_) | Self::LoginFailed { .. } => {
                Hook::Login
            }
            Self::Authenticate => Hook::Authenticate,
            Self::MailFrom => Hook::MailFrom,
            Self::RcptTo(_) => Hook::RcptTo,
            Self::Data => Hook::Data,
            Self::Message => Hook::Message,
            Self::Verdict(_) => Hook::Verdict,
            Self::Route(_) => Hook::RouteInbound,
            Self::Quota(_) => Hook::Quota,
            Self::QuotaLimits(_) => Hook::QuotaLimits,
            Self::Deliver { .. } => Hook::Deliver,
            Self::Submit => Hook::Submit,
            Self::RouteOutbound(_) => Hook::RouteOutbound,
            Self::DeliveryResult(_) => Hook::DeliveryResult,
            Self::Mailbox => Hook::Mailbox,
            Self::Tick(_) => Hook::Tick,
        }
    }
}

/// A question that outlives its asker.
#[derive(Debug)]
pub(crate) enum OwnedAsk {
    Connect,
    Ehlo(Box<str>),
    LoginBefore {
        user: Box<str>,
        mechanism: Box<str>,
    },
    LoginAfter(Identity),
    LoginFailed {
        user: Box<str>,
        mechanism: Box<str>,
    },
    Authenticate,
    MailFrom,
    RcptTo(Recipient),
    Data,
    Message,
    Verdict(Box<str>),
    Route(Recipient),
    Quota {
        account: Box<str>,
        /// Its account is not read.
        room: Room<'static>,
    },
    QuotaLimits(Box<str>),
    Deliver {
        recipient: Recipient,
        account: Box<str>,
        away: bool,
    },
    Submit,
    RouteOutbound(Recipient),
    DeliveryResult(Recipient),
    Mailbox,
    Tick(u64),
}

impl Ask<'_> {
    /// The same question, owned.
    pub(crate) fn to_owned_ask(&self) -> OwnedAsk {
        match *self {
            Self::Connect => OwnedAsk::Connect,
            Self::Ehlo(name) => OwnedAsk::Ehlo(name.into()),
            Self::LoginBefore { user, mechanism } => OwnedAsk::LoginBefore {
                user: user.into(),
                mechanism: mechanism.into(),
            },
            Self::LoginAfter(identity) => OwnedAsk::LoginAfter(identity.clone()),
            Self::LoginFailed { user, mechanism } => OwnedAsk::LoginFailed {
                user: user.into(),
                mechanism: mechanism.into(),
            },
            Self::Authenticate => OwnedAsk::Authenticate,
            Self::MailFrom => OwnedAsk::MailFrom,
            Self::RcptTo(recipient) => OwnedAsk::RcptTo(recipient.clone()),
            Self::Data => OwnedAsk::Data,
            Self::Message => OwnedAsk::Message,
            Self::Verdict(domain) => OwnedAsk::Verdict(domain.into()),
            Self::Route(recipient) => OwnedAsk::Route(recipient.clone()),
            Self::Quota(room) => OwnedAsk::Quota {
                account: room.account.into(),
                room: Room {
                    account: "",
                    ..room
                },
            },
            Self::QuotaLimits(account) => OwnedAsk::QuotaLimits(account.into()),
            Self::Deliver {
                recipient,
                account,
                away,
            } => OwnedAsk::Deliver {
                recipient: recipient.clone(),
                account: account.into(),
                away,
            },
            Self::Submit => OwnedAsk::Submit,
            Self::RouteOutbound(recipient) => OwnedAsk::RouteOutbound(recipient.clone()),
            Self::DeliveryResult(recipient) => OwnedAsk::DeliveryResult(recipient.clone()),
            Self::Mailbox => OwnedAsk::Mailbox,
            Self::Tick(due) => OwnedAsk::Tick(due),
        }
    }
}

impl OwnedAsk {
    /// The question.
    pub(crate) fn as_ask(&self) -> Ask<'_> {
        match self {
            Self::Connect => Ask::Connect,
            Self::Ehlo(name) => Ask::Ehlo(name),
            Self::LoginBefore { user, mechanism } => Ask::LoginBefore { user, mechanism },
            Self::LoginAfter(identity) => Ask::LoginAfter(identity),
            Self::LoginFailed { user, mechanism } => Ask::LoginFailed { user, mechanism },
            Self::Authenticate => Ask::Authenticate,
            Self::MailFrom => Ask::MailFrom,
            Self::RcptTo(recipient) => Ask::RcptTo(recipient),
            Self::Data => Ask::Data,
            Self::Message => Ask::Message,
            Self::Verdict(domain) => Ask::Verdict(domain),
            Self::Route(recipient) => Ask::Route(recipient),
            Self::Quota { account, room } => Ask::Quota(Room { account, ..*room }),
            Self::QuotaLimits(account) => Ask::QuotaLimits(account),
            Self::Deliver {
                recipient,
                account,
                away,
            } => Ask::Deliver {
                recipient,
                account,
                away: *away,
            },
            Self::Submit => Ask::Submit,
            Self::RouteOutbound(recipient) => Ask::RouteOutbound(recipient),
            Self::DeliveryResult(recipient) => Ask::DeliveryResult(recipient),
            Self::Mailbox => Ask::Mailbox,
            Self::Tick(due) => Ask::Tick(*due),
        }
    }
}
