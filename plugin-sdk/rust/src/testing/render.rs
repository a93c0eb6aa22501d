//! A hook's answer as one line, as cases expect it.

use crate::hook::{
    Authenticated, Decision, DeliverDecision, HookError, Judgement, LoginDecision, MessageDecision,
    Notice, OutboundDecision, QuotaDecision, QuotaRoot, ResultDecision, SubmitDecision, Target,
    VerdictAction,
};
use crate::host::types::SmtpReply;

/// An answer that can be written as a line.
pub(super) trait Render {
    fn render(&self) -> String;
}

fn reply(word: &str, reply: &SmtpReply) -> String {
    let enhanced = reply
        .enhanced
        .map(|(class, subject, detail)| format!(" {class}.{subject}.{detail}"));
    format!(
        "{word} {}{} {}",
        reply.code,
        enhanced.unwrap_or_default(),
        reply.text
    )
}

impl<T: Render> Render for Result<T, HookError> {
    fn render(&self) -> String {
        match self {
            Ok(answer) => answer.render(),
            Err(HookError::Unavailable(reason)) => format!("unavailable {reason}"),
            Err(HookError::Internal(reason)) => format!("internal {reason}"),
        }
    }
}

impl Render for Decision {
    fn render(&self) -> String {
        match self {
            Self::Pass => "pass".to_owned(),
            Self::Accept => "accept".to_owned(),
            Self::Defer(text) => reply("defer", text),
            Self::Reject(text) => reply("reject", text),
            Self::Disconnect(text) => reply("disconnect", text),
        }
    }
}

impl Render for Authenticated {
    fn render(&self) -> String {
        match self {
            Self::UnknownUser => "unknown-user".to_owned(),
            Self::Success(who) if who.account == who.authorised_as => {
                format!("success {}", who.account)
            }
            Self::Success(who) => format!("success {} as {}", who.account, who.authorised_as),
            Self::Failure => "failure".to_owned(),
            Self::Blocked(text) => format!("blocked {text}"),
        }
    }
}

impl Render for LoginDecision {
    fn render(&self) -> String {
        match self {
            Self::Pass => "pass".to_owned(),
            Self::DelayMs(wait) => format!("delay {wait}"),
            Self::Refuse => "refuse".to_owned(),
            Self::RefuseWith(text) => format!("refuse {text}"),
        }
    }
}

impl Render for MessageDecision {
    fn render(&self) -> String {
        match self {
            Self::Pass => "pass".to_owned(),
            Self::Accept => "accept".to_owned(),
            Self::Defer(text) => reply("defer", text),
            Self::Reject(text) => reply("reject", text),
            Self::Discard => "discard".to_owned(),
            Self::Quarantine(why) => format!("quarantine {why}"),
        }
    }
}

impl Render for Judgement {
    fn render(&self) -> String {
        let action = match &self.action {
            VerdictAction::Pass => "pass".to_owned(),
            VerdictAction::Deliver => "deliver".to_owned(),
            VerdictAction::Junk => "junk".to_owned(),
            VerdictAction::Quarantine(why) => format!("quarantine {why}"),
            VerdictAction::Defer(text) => reply("defer", text),
            VerdictAction::Reject(text) => reply("reject", text),
            VerdictAction::Discard => "discard".to_owned(),
        };
        format!("{action} ({})", self.reason)
    }
}

impl Render for Option<Vec<Target>> {
    fn render(&self) -> String {
        let Some(targets) = self else {
            return "none".to_owned();
        };
        let target = |target: &Target| match target {
            Target::Account(account) => format!("account {account}"),
            Target::Alias(address) => format!("alias {address}"),
            Target::Forward(address) => format!("forward {address}"),
            Target::Drop => "drop".to_owned(),
            Target::Refuse(text) => reply("refuse", text),
        };
        targets.iter().map(target).collect::<Vec<_>>().join("; ")
    }
}

impl Render for QuotaDecision {
    fn render(&self) -> String {
        match self {
            Self::Pass => "pass".to_owned(),
            Self::Allow => "allow".to_owned(),
            Self::OverTemporary(text) => format!("over-temporary {text}"),
            Self::Over(text) => format!("over {text}"),
        }
    }
}

impl Render for Vec<QuotaRoot> {
    fn render(&self) -> String {
        if self.is_empty() {
            return "none".to_owned();
        }
        let root = |root: &QuotaRoot| {
            let (held, limits) = (root.held, root.limits);
            let words = [
                Some(root.name.clone()),
                held.map(|held| format!("held {} {}", held.bytes, held.messages)),
                limits.bytes.map(|limit| format!("bytes {limit}")),
                limits.messages.map(|limit| format!("messages {limit}")),
            ];
            words.into_iter().flatten().collect::<Vec<_>>().join(" ")
        };
        self.iter().map(root).collect::<Vec<_>>().join("; ")
    }
}

impl Render for DeliverDecision {
    fn render(&self) -> String {
        match self {
            Self::Pass => "pass".to_owned(),
            Self::Done => "done".to_owned(),
            Self::Discard => "discard".to_owned(),
            Self::Reject(text) => reply("reject", text),
            Self::Defer(text) => reply("defer", text),
        }
    }
}

impl Render for () {
    fn render(&self) -> String {
        "done".to_owned()
    }
}

impl Render for SubmitDecision {
    fn render(&self) -> String {
        match self {
            Self::Pass => "pass".to_owned(),
            Self::Queue => "queue".to_owned(),
            Self::Hold(why) => format!("hold {why}"),
            Self::Defer(text) => reply("defer", text),
            Self::Reject(text) => reply("reject", text),
            Self::Discard => "discard".to_owned(),
        }
    }
}

impl Render for OutboundDecision {
    fn render(&self) -> String {
        match self {
            Self::Pass => "pass".to_owned(),
            Self::Send => "send".to_owned(),
            Self::Hold(why) => format!("hold {why}"),
            Self::LaterSeconds(wait) => format!("later {wait}"),
            Self::Bounce(text) => reply("bounce", text),
        }
    }
}

impl Render for ResultDecision {
    fn render(&self) -> String {
        let word = |notice: &Notice| match notice {
            Notice::AsAsked => "as-asked",
            Notice::Always => "always",
            Notice::Never => "never",
        };
        match self {
            Self::Pass => "pass".to_owned(),
            Self::Retry(retry) => {
                format!(
                    "retry {} notice {}",
                    retry.after_seconds,
                    word(&retry.notice)
                )
            }
            Self::GiveUp(notice) => format!("give-up notice {}", word(notice)),
        }
    }
}
