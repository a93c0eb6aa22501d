//! A guest's answer, checked: what it says in the terms of mail, or that it makes no sense.
//!
//! Invariant: nothing that a guest said leaves here unbounded or with a code that does not fit (RFC 5321 §4.2, RFC 3463 §2).

use std::borrow::Cow;
use std::time::Duration;

use waxwing_mail::{Address, EnhancedStatus, Identity, Reply};

use crate::bindings::exports::waxwing::policy as hooks;
use crate::bindings::waxwing::policy::types as wit;
use crate::capability::to_address;
use crate::fault::Fault;
use crate::outcome::{Filing, Notice, Plan, QuotaRoot, Verdict};
use crate::services::{Limits, Usage};
use crate::view::head;

/// Octets of a text for a peer.
const MAX_TEXT: usize = 400;
/// The longest that a step may hold a login up.
pub(crate) const MAX_DELAY: Duration = Duration::from_secs(30);
/// The longest that a message in the queue may be told to wait, in seconds.
const MAX_WAIT: u32 = 30 * 24 * 3600;
/// Targets of one recipient from one step.
const MAX_TARGETS: usize = 1000;
/// Quota roots of one account from one step.
const MAX_QUOTA_ROOTS: usize = 16;
/// Octets of the name of a quota root.
const MAX_QUOTA_ROOT: usize = 200;

/// What a step answered, of whatever hook.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// No opinion; in `authenticate`, not my user.
    Pass,
    /// Yes, and final; in `quota`, there is room.
    Accept,
    /// No, 4yz or 5yz.
    Refuse(Reply),
    /// No, and close.
    Disconnect(Reply),
    /// Hold the login up.
    Delay(Duration),
    /// The login is refused, or right but not now; with a text for the user or as if the password were wrong.
    RefuseLogin(Option<String>),
    /// The credentials are right.
    Success(Identity),
    /// The credentials are wrong.
    Failure,
    /// Drop it silently.
    Discard,
    /// Keep it aside.
    Quarantine(String),
    /// The verdict and its reason.
    Judged(Verdict, String),
    /// Where a recipient leads.
    Targets(Vec<Lead>),
    /// No room for now.
    OverTemporary(String),
    /// No room.
    Over(String),
    /// What an account counts against.
    Limits(Vec<QuotaRoot>),
    /// File these copies.
    Done(Vec<Filing>),
    /// Into the queue, and not on from there; why.
    Hold(String),
    /// Attempt it like this.
    Attempt(Box<Plan>),
    /// Ask again after this time, without an attempt.
    Later(Duration),
    /// Try again after this time.
    Retry(Duration, Notice),
    /// No further attempt.
    GiveUp(Notice),
}

/// One place where a recipient leads.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Lead {
    Account(String),
    Alias(Address),
    Forward(Address),
    Drop,
    Refuse(Reply),
}

type Checked = Result<Answer, Fault>;

impl Answer {
    /// The word for it in figures.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Accept => "accept",
            Self::Refuse(reply) if reply.code.is_transient() => "defer",
            Self::Refuse(_) => "reject",
            Self::Disconnect(_) => "disconnect",
            Self::Delay(_) => "delay",
            Self::RefuseLogin(_) => "refuse",
            Self::Success(_) => "success",
            Self::Failure => "failure",
            Self::Discard => "discard",
            Self::Quarantine(_) => "quarantine",
            Self::Judged(verdict, _) => verdict.word(),
            Self::Targets(_) => "targets",
            Self::OverTemporary(_) => "over-temporary",
            Self::Over(_) => "over",
            Self::Limits(_) => "limits",
            Self::Done(_) => "done",
            Self::Hold(_) => "hold",
            Self::Attempt(_) => "send",
            Self::Later(_) => "later",
            Self::Retry(..) => "retry",
            Self::GiveUp(_) => "give-up",
        }
    }

    /// What the ledger says of it.
    pub(crate) fn told(&self) -> Cow<'static, str> {
        match self {
            Self::Refuse(reply) | Self::Disconnect(reply) => {
                format!("{} {reply}", self.word()).into()
            }
            Self::Delay(delay) => format!("delay {} ms", delay.as_millis()).into(),
            Self::Quarantine(reason) => format!("quarantine: {reason}").into(),
            Self::Hold(reason) => format!("hold: {reason}").into(),
            Self::Attempt(plan) => format!("send {plan}").into(),
            Self::Later(wait) => format!("later {} s", wait.as_secs()).into(),
            Self::Retry(wait, notice) => {
                format!("retry {} s, notice {}", wait.as_secs(), notice.as_str()).into()
            }
            Self::GiveUp(notice) => format!("give up, notice {}", notice.as_str()).into(),
            Self::Judged(verdict, reason) if !reason.is_empty() => {
                format!("{}: {reason}", verdict.word()).into()
            }
            Self::Targets(leads) => leads
                .iter()
                .map(Lead::told)
                .collect::<Vec<_>>()
                .join(", ")
                .into(),
            Self::Over(text) | Self::OverTemporary(text) => {
                format!("{}: {text}", self.word()).into()
            }
            other => other.word().into(),
        }
    }
}

impl Lead {
    fn told(&self) -> String {
        match self {
            Self::Account(account) => format!("account {account}"),
            Self::Alias(address) => format!("alias {address}"),
            Self::Forward(address) => format!("forward {address}"),
            Self::Drop => "drop".into(),
            Self::Refuse(reply) => format!("refuse {reply}"),
        }
    }
}

/// Of the hooks before the content.
pub(crate) fn decision(decision: wit::Decision) -> Checked {
    match decision {
        wit::Decision::Pass => Ok(Answer::Pass),
        wit::Decision::Accept => Ok(Answer::Accept),
        wit::Decision::Defer(reply) => deferral(&reply),
        wit::Decision::Reject(reply) => rejection(&reply),
        wit::Decision::Disconnect(reply) => {
            let fits = reply.code == 421 || (500..=599).contains(&reply.code);
            Ok(Answer::Disconnect(checked(&reply, fits, "to disconnect")?))
        }
    }
}

pub(crate) fn authenticated(outcome: hooks::hook_authenticate::Outcome) -> Checked {
    use hooks::hook_authenticate::Outcome;
    match outcome {
        Outcome::UnknownUser => Ok(Answer::Pass),
        Outcome::Failure => Ok(Answer::Failure),
        Outcome::Blocked(text) => Ok(Answer::RefuseLogin(Some(plain(&text)))),
        Outcome::Success(identity) => {
            let named = [&identity.account, &identity.authorised_as];
            if named.iter().any(|name| {
                name.is_empty() || name.len() > 320 || name.chars().any(char::is_control)
            }) {
                return Err(Fault::Nonsense("an identity without an account".into()));
            }
            Ok(Answer::Success(Identity {
                account: identity.account.into(),
                authorised_as: identity.authorised_as.into(),
                mechanism: plain(&identity.mechanism).into(),
            }))
        }
    }
}

pub(crate) fn login(decision: hooks::hook_login::LoginDecision) -> Checked {
    use hooks::hook_login::LoginDecision;
    Ok(match decision {
        LoginDecision::Pass => Answer::Pass,
        LoginDecision::DelayMs(wait) => {
            Answer::Delay(Duration::from_millis(wait.into()).min(MAX_DELAY))
        }
        LoginDecision::Refuse => Answer::RefuseLogin(None),
        LoginDecision::RefuseWith(text) => Answer::RefuseLogin(Some(plain(&text))),
    })
}

pub(crate) fn message(decision: hooks::hook_message::MessageDecision) -> Checked {
    use hooks::hook_message::MessageDecision;
    match decision {
        MessageDecision::Pass => Ok(Answer::Pass),
        MessageDecision::Accept => Ok(Answer::Accept),
        MessageDecision::Defer(reply) => deferral(&reply),
        MessageDecision::Reject(reply) => rejection(&reply),
        MessageDecision::Discard => Ok(Answer::Discard),
        MessageDecision::Quarantine(reason) => Ok(Answer::Quarantine(plain(&reason))),
    }
}

pub(crate) fn verdict(judgement: hooks::hook_verdict::Judgement) -> Checked {
    use hooks::hook_verdict::Action;
    let verdict = match judgement.action {
        Action::Pass => return Ok(Answer::Pass),
        Action::Deliver => Verdict::Deliver,
        Action::Junk => Verdict::Junk,
        Action::Quarantine(reason) => Verdict::Quarantine(plain(&reason)),
        Action::Defer(reply) => Verdict::Defer(checked(&reply, is_transient(&reply), "to defer")?),
        Action::Reject(reply) => {
            Verdict::Refuse(checked(&reply, is_permanent(&reply), "to reject")?)
        }
        Action::Discard => Verdict::Discard,
    };
    Ok(Answer::Judged(verdict, plain(&judgement.reason)))
}

pub(crate) fn route(targets: Option<Vec<hooks::hook_route_inbound::Target>>) -> Checked {
    let Some(targets) = targets else {
        return Ok(Answer::Pass);
    };
    if targets.is_empty() || targets.len() > MAX_TARGETS {
        return Err(Fault::Nonsense(format!(
            "{} targets, where 1 to {MAX_TARGETS} may be",
            targets.len()
        )));
    }
    Ok(Answer::Targets(
        targets.into_iter().map(lead).collect::<Result<_, _>>()?,
    ))
}

/// What is wrong with an account that has no name, or none that one could have.
pub(crate) const UNNAMED: &str = "an account without a name";

/// Whether this can be the name of an account: an address (RFC 5321 §4.5.3.1).
pub(crate) fn is_account(name: &str) -> bool {
    (1..=320).contains(&name.len())
}

fn lead(target: hooks::hook_route_inbound::Target) -> Result<Lead, Fault> {
    use hooks::hook_route_inbound::Target;
    let address = |address| {
        to_address(&address).ok_or_else(|| Fault::Nonsense("a target that is no address".into()))
    };
    Ok(match target {
        Target::Account(account) if !is_account(&account) => {
            return Err(Fault::Nonsense(UNNAMED.into()));
        }
        Target::Account(account) => Lead::Account(account),
        Target::Alias(to) => Lead::Alias(address(to)?),
        Target::Forward(to) => Lead::Forward(address(to)?),
        Target::Drop => Lead::Drop,
        Target::Refuse(reply) => Lead::Refuse(checked(
            &reply,
            is_transient(&reply) || is_permanent(&reply),
            "to refuse",
        )?),
    })
}

pub(crate) fn quota(decision: hooks::hook_quota::QuotaDecision) -> Checked {
    use hooks::hook_quota::QuotaDecision;
    Ok(match decision {
        QuotaDecision::Pass => Answer::Pass,
        QuotaDecision::Allow => Answer::Accept,
        QuotaDecision::OverTemporary(text) => Answer::OverTemporary(plain(&text)),
        QuotaDecision::Over(text) => Answer::Over(plain(&text)),
    })
}

pub(crate) fn quota_limits(roots: Vec<hooks::hook_quota_limits::QuotaRoot>) -> Checked {
    if roots.len() > MAX_QUOTA_ROOTS {
        return Err(Fault::Nonsense("too many quota roots".into()));
    }
    let named = |name: &str| (1..=MAX_QUOTA_ROOT).contains(&name.len()) && !name.contains('\0');
    if !roots.iter().all(|root| named(&root.name)) {
        return Err(Fault::Nonsense("a quota root without a name".into()));
    }
    let root = |root: hooks::hook_quota_limits::QuotaRoot| QuotaRoot {
        name: root.name,
        held: root.held.map(|held| Usage {
            bytes: held.bytes,
            messages: held.messages,
        }),
        limits: Limits {
            bytes: root.limits.bytes,
            messages: root.limits.messages,
        },
    };
    Ok(Answer::Limits(roots.into_iter().map(root).collect()))
}

pub(crate) fn deliver(
    decision: hooks::hook_deliver::DeliverDecision,
    filings: Vec<Filing>,
) -> Checked {
    use hooks::hook_deliver::DeliverDecision;
    match decision {
        DeliverDecision::Pass => Ok(Answer::Pass),
        // A message that was answered with 250 is not lost because a plugin forgot to file it.
        DeliverDecision::Done if filings.is_empty() => Err(Fault::Nonsense(
            "`done` without a copy; `discard` says so".into(),
        )),
        DeliverDecision::Done => Ok(Answer::Done(filings)),
        DeliverDecision::Discard => Ok(Answer::Discard),
        DeliverDecision::Reject(reply) => rejection(&reply),
        DeliverDecision::Defer(reply) => deferral(&reply),
    }
}

/// Of a message that enters the queue.
pub(crate) fn submit(decision: hooks::hook_submit::SubmitDecision) -> Checked {
    use hooks::hook_submit::SubmitDecision;
    match decision {
        SubmitDecision::Pass => Ok(Answer::Pass),
        SubmitDecision::Queue => Ok(Answer::Accept),
        SubmitDecision::Hold(reason) => Ok(Answer::Hold(plain(&reason))),
        SubmitDecision::Defer(reply) => deferral(&reply),
        SubmitDecision::Reject(reply) => rejection(&reply),
        SubmitDecision::Discard => Ok(Answer::Discard),
    }
}

/// Of an attempt that is to be made, with what the step wished of it.
pub(crate) fn route_outbound(
    decision: hooks::hook_route_outbound::OutboundDecision,
    plan: Plan,
) -> Checked {
    use hooks::hook_route_outbound::OutboundDecision;
    match decision {
        OutboundDecision::Pass => Ok(Answer::Pass),
        OutboundDecision::Send => Ok(Answer::Attempt(Box::new(plan))),
        OutboundDecision::Hold(reason) => Ok(Answer::Hold(plain(&reason))),
        OutboundDecision::LaterSeconds(wait) => Ok(Answer::Later(seconds(wait)?)),
        OutboundDecision::Bounce(reply) => rejection(&reply),
    }
}

/// Of an attempt that was made.
pub(crate) fn delivery_result(decision: hooks::hook_delivery_result::ResultDecision) -> Checked {
    use hooks::hook_delivery_result::{Notice as Said, ResultDecision};
    let notice = |said| match said {
        Said::AsAsked => Notice::AsAsked,
        Said::Always => Notice::Always,
        Said::Never => Notice::Never,
    };
    Ok(match decision {
        ResultDecision::Pass => Answer::Pass,
        ResultDecision::Retry(retry) => {
            Answer::Retry(seconds(retry.after_seconds)?, notice(retry.notice))
        }
        ResultDecision::GiveUp(said) => Answer::GiveUp(notice(said)),
    })
}

/// Of a hook that only listens.
pub(crate) fn noted((): ()) -> Checked {
    Ok(Answer::Pass)
}

/// A wait that leads somewhere: not at once, and not beyond what a queue keeps.
fn seconds(wait: u32) -> Result<Duration, Fault> {
    if !(1..=MAX_WAIT).contains(&wait) {
        return Err(Fault::Nonsense(format!(
            "a wait of {wait} s, where 1 to {MAX_WAIT} may be"
        )));
    }
    Ok(Duration::from_secs(wait.into()))
}

fn deferral(reply: &wit::SmtpReply) -> Checked {
    Ok(Answer::Refuse(checked(
        reply,
        is_transient(reply),
        "to defer",
    )?))
}

fn rejection(reply: &wit::SmtpReply) -> Checked {
    Ok(Answer::Refuse(checked(
        reply,
        is_permanent(reply),
        "to reject",
    )?))
}

fn is_transient(reply: &wit::SmtpReply) -> bool {
    (400..=499).contains(&reply.code)
}

fn is_permanent(reply: &wit::SmtpReply) -> bool {
    (500..=599).contains(&reply.code)
}

fn checked(reply: &wit::SmtpReply, fits: bool, what: &str) -> Result<Reply, Fault> {
    if !fits {
        return Err(Fault::Nonsense(format!("code {} {what}", reply.code)));
    }
    if reply.enhanced.is_some_and(|(class, subject, detail)| {
        u16::from(class) != reply.code / 100 || subject > 999 || detail > 999
    }) {
        return Err(Fault::Nonsense(format!(
            "an enhanced status that does not fit code {}",
            reply.code
        )));
    }
    let enhanced = reply
        .enhanced
        .map(|(class, subject, detail)| EnhancedStatus(class, subject, detail));
    let text: String = head(&reply.text, MAX_TEXT)
        .chars()
        .map(|c| if c.is_control() && c != '\n' { ' ' } else { c })
        .collect();
    Ok(Reply::new(reply.code, enhanced, text))
}

/// One line of bounded length.
pub(crate) fn plain(text: &str) -> String {
    head(text, MAX_TEXT)
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: u16, enhanced: Option<(u8, u16, u16)>, text: &str) -> wit::SmtpReply {
        wit::SmtpReply {
            code,
            enhanced,
            text: text.into(),
        }
    }

    #[test]
    fn a_code_that_does_not_fit_is_nonsense() {
        for (decided, good) in [
            (wit::Decision::Reject(reply(250, None, "")), false),
            (wit::Decision::Reject(reply(450, None, "")), false),
            (
                wit::Decision::Reject(reply(550, Some((4, 1, 1)), "")),
                false,
            ),
            (
                wit::Decision::Reject(reply(550, Some((5, 1, 1)), "no")),
                true,
            ),
            (wit::Decision::Defer(reply(550, None, "")), false),
            (wit::Decision::Defer(reply(451, None, "")), true),
            (wit::Decision::Disconnect(reply(451, None, "")), false),
            (wit::Decision::Disconnect(reply(421, None, "")), true),
        ] {
            let text = format!("{decided:?}");
            assert_eq!(decision(decided).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn a_reply_cannot_carry_another() {
        let Ok(Answer::Refuse(reply)) =
            decision(wit::Decision::Reject(reply(550, None, "no\r\n250 ok")))
        else {
            panic!("a rejection");
        };
        let mut wire = Vec::new();
        reply.write(&mut wire);
        assert_eq!(wire, b"550-no \r\n550 250 ok\r\n");
        assert!(
            decision(wit::Decision::Reject(self::reply(
                550,
                None,
                &"x".repeat(9000)
            )))
            .is_ok()
        );
    }

    #[test]
    fn delivery_without_a_copy_is_no_delivery() {
        assert!(deliver(hooks::hook_deliver::DeliverDecision::Done, Vec::new()).is_err());
        assert!(route(Some(Vec::new())).is_err());
    }
}
