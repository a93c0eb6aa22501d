//! The forms in which a message is stored.
//!
//! Standards: RFC 5321 §4.4 (trace fields).

use bytes::Bytes;
use waxwing_policy::MessageOutcome;
use waxwing_smtp::Message;
use waxwing_store::{AccountId, Place, Target};

use super::super::fields;
use super::super::filing::Filed;
use super::super::gate::Gate;
use super::deliver::{Fate, Judged};

/// A form of the message and where it goes: domains can differ in their verdict, and so in what is on top.
pub(super) struct Form {
    pub(super) verdict: &'static str,
    pub(super) content: Bytes,
    pub(super) targets: Vec<Target>,
    /// What the targets are called.
    pub(super) filed: Vec<Filed>,
}

/// The forms that a message is stored in, one for each verdict that differs; an account and mailbox is in one of them. `trace` is what this
/// server says of how the message came: whole fields.
pub(super) fn forms(
    gate: &Gate,
    trace: &str,
    message: &Message,
    outcome: &MessageOutcome,
    content: &Bytes,
    judged: &[Judged],
) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let mut places: Vec<(AccountId, &Place)> = Vec::new();
    for recipient in judged {
        let Fate::Keep(targets) = &recipient.fate else {
            continue;
        };
        let fresh: Vec<_> = targets
            .iter()
            .zip(&recipient.filed)
            .filter(|(target, _)| !places.contains(&(target.account, &target.mailbox)))
            .collect();
        if fresh.is_empty() {
            continue;
        }
        places.extend(
            fresh
                .iter()
                .map(|(target, _)| (target.account, &target.mailbox)),
        );
        let (fresh, filed): (Vec<_>, Vec<_>) = fresh
            .into_iter()
            .map(|(target, filed)| (target.clone(), filed.clone()))
            .unzip();
        let verdict = outcome.verdict(&recipient.domain);
        match forms.iter_mut().find(|form| form.verdict == verdict.word()) {
            Some(form) => {
                form.targets.extend(fresh);
                form.filed.extend(filed);
            }
            None => {
                let rewritten = outcome.rewrite(content, verdict, message.envelope.smtputf8);
                // RFC 5321 §4.4: Return-Path first, at final delivery.
                let mut top = waxwing_mail::return_path(&outcome.sender);
                top.push_str(trace);
                top.push_str(&rewritten.top);
                let content =
                    fields::assemble(&top, &rewritten.rest, &gate.parts().config.auth.authserv_id);
                forms.push(Form {
                    verdict: verdict.word(),
                    content,
                    targets: fresh,
                    filed,
                });
            }
        }
    }
    forms
}
