//! What a plugin answered and did as lines: the words that cases expect.

use std::fmt::Write as _;

use super::queue;
use crate::answer::{Answer, Lead};
use crate::fault::Fault;
use crate::hook::Hook;
use crate::outcome::{EnvelopeEdit, Filing, HeaderEdit, MailboxRef, QuotaRoot, Response, Verdict};
use crate::state::Effects;

/// The answer of a hook as one line.
pub(super) fn answer(hook: Hook, said: &Result<Answer, Fault>) -> String {
    let answer = match said {
        Ok(answer) => answer,
        Err(Fault::Unavailable(text)) => return format!("unavailable {text}"),
        Err(Fault::Internal(text)) => return format!("internal {text}"),
        Err(fault) => return format!("{}: {fault}", fault.word()),
    };
    match (hook, answer) {
        (Hook::Authenticate, Answer::Pass) => "unknown-user".to_owned(),
        (Hook::Authenticate, Answer::RefuseLogin(text)) => {
            format!("blocked {}", text.as_deref().unwrap_or_default())
        }
        (Hook::Quota, Answer::Accept) => "allow".to_owned(),
        (Hook::RouteInbound, Answer::Pass) => "none".to_owned(),
        (Hook::Mailbox | Hook::Tick, Answer::Pass) => "done".to_owned(),
        (Hook::Submit, Answer::Accept) => "queue".to_owned(),
        (Hook::RouteOutbound, Answer::Refuse(reply)) => format!("bounce {reply}"),
        (_, Answer::Hold(why)) => format!("hold {why}"),
        (_, Answer::Later(wait)) => format!("later {}", wait.as_secs()),
        (_, Answer::Retry(after, told)) => {
            format!("retry {} notice {}", after.as_secs(), queue::notice(*told))
        }
        (_, Answer::GiveUp(told)) => format!("give-up notice {}", queue::notice(*told)),
        (_, Answer::Refuse(reply) | Answer::Disconnect(reply)) => {
            format!("{} {reply}", answer.word())
        }
        (_, Answer::Delay(delay)) => format!("delay {}", delay.as_millis()),
        (_, Answer::RefuseLogin(Some(text))) => format!("refuse {text}"),
        (_, Answer::Success(who)) if who.account == who.authorised_as => {
            format!("success {}", who.account)
        }
        (_, Answer::Success(who)) => format!("success {} as {}", who.account, who.authorised_as),
        (_, Answer::Quarantine(why)) => format!("quarantine {why}"),
        (_, Answer::Judged(verdict, reason)) => format!("{} ({reason})", judged(verdict)),
        (_, Answer::Targets(leads)) => {
            let leads: Vec<String> = leads.iter().map(lead).collect();
            leads.join("; ")
        }
        (_, Answer::Limits(roots)) if roots.is_empty() => "none".to_owned(),
        (_, Answer::Limits(roots)) => {
            let roots: Vec<String> = roots.iter().map(root).collect();
            roots.join("; ")
        }
        (_, Answer::OverTemporary(text) | Answer::Over(text)) => {
            format!("{} {text}", answer.word())
        }
        (_, other) => other.word().to_owned(),
    }
}

fn judged(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Quarantine(why) => format!("quarantine {why}"),
        Verdict::Refuse(reply) | Verdict::Defer(reply) => format!("{} {reply}", verdict.word()),
        Verdict::Deliver | Verdict::Junk | Verdict::Discard => verdict.word().to_owned(),
    }
}

fn lead(lead: &Lead) -> String {
    match lead {
        Lead::Account(account) => format!("account {account}"),
        Lead::Alias(address) => format!("alias {address}"),
        Lead::Forward(address) => format!("forward {address}"),
        Lead::Drop => "drop".to_owned(),
        Lead::Refuse(reply) => format!("refuse {reply}"),
    }
}

/// `NAME held OCTETS MESSAGES bytes LIMIT messages LIMIT`, without what is not said.
fn root(root: &QuotaRoot) -> String {
    let held = root.held;
    let limits = root.limits;
    let words = [
        Some(root.name.clone()),
        held.map(|held| format!("held {} {}", held.bytes, held.messages)),
        limits.bytes.map(|limit| format!("bytes {limit}")),
        limits.messages.map(|limit| format!("messages {limit}")),
    ];
    words.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// What a call did, one line each.
pub(super) fn actions(effects: &Effects, said: &Result<Answer, Fault>) -> Vec<String> {
    let filings: &[Filing] = match said {
        Ok(Answer::Done(filings)) => filings,
        _ => &[],
    };
    let plan = match said {
        Ok(Answer::Attempt(plan)) => queue::plan(plan),
        _ => Vec::new(),
    };
    let delay = (!effects.greeting_delay.is_zero())
        .then(|| format!("delay-greeting {}", effects.greeting_delay.as_millis()));
    let keys = effects.signatures.iter();
    let edits = effects.edits.iter().map(edit);
    let tags = effects.tags.iter();
    keys.map(|key| format!("sign {key}"))
        .chain(effects.seal.iter().map(|key| format!("seal {key}")))
        .chain(effects.priority.map(|level| format!("priority {level}")))
        .chain(delay)
        .chain(effects.maildrop.told())
        .chain(effects.said_ahead())
        .chain(effects.envelope.iter().map(readdressed))
        .chain(edits)
        .chain(tags.map(|(key, value)| format!("tag {key}={value}")))
        .chain(filings.iter().map(filing))
        .chain(effects.response.as_ref().map(response))
        .chain(plan)
        .collect()
}

fn edit(edit: &HeaderEdit) -> String {
    match edit {
        HeaderEdit::Add { name, value } => format!("add-header {name}: {value}"),
        HeaderEdit::Change { name, nth, value } => format!("change-header {name} {nth}: {value}"),
        HeaderEdit::Remove { name, nth: None } => format!("remove-header {name}"),
        HeaderEdit::Remove {
            name,
            nth: Some(nth),
        } => format!("remove-header {name} {nth}"),
    }
}

fn readdressed(edit: &EnvelopeEdit) -> String {
    match edit {
        EnvelopeEdit::AddRecipient(address) => format!("add-recipient {address}"),
        EnvelopeEdit::RemoveRecipient(index) => format!("remove-recipient {index}"),
        EnvelopeEdit::ChangeSender(sender) => {
            let address = sender.address().map(ToString::to_string);
            format!("change-sender <{}>", address.unwrap_or_default())
        }
    }
}

/// `respond AUTHOR SECONDS "HANDLE" MOST "SUBJECT" text "TEXT" html "HTML"`, without what is not said.
fn response(response: &Response) -> String {
    let mut line = format!(
        "respond {} {} {:?} {} {:?}",
        response.author,
        response.period.as_secs(),
        response.handle,
        response.most_a_day,
        response.subject
    );
    for (name, body) in [("text", &response.text), ("html", &response.html)] {
        if let Some(body) = body {
            let _ = write!(line, " {name} {body:?}");
        }
    }
    line
}

fn filing(filing: &Filing) -> String {
    let (mut line, create) = match &filing.mailbox {
        MailboxRef::Path { path, create } => (format!("file-into {path}"), *create),
        MailboxRef::SpecialUse(attribute) => (format!("file-into-use {attribute}"), false),
        MailboxRef::Inbox => ("keep".to_owned(), false),
    };
    for flag in &filing.flags {
        line.push(' ');
        line.push_str(flag);
    }
    if create {
        line.push_str(" create");
    }
    line
}
