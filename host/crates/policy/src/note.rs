//! What a policy lets happen that is rarely meant. It is told and changes nothing: what is right is for whoever writes the policy to say.
//!
//! Standards: RFC 6409 §6.1 (a submission server may enforce that senders are who they say).

use std::sync::Arc;

use crate::config::PolicyConfig;
use crate::hook::Hook;
use crate::policy_file::Mode;
use crate::step::Step;

/// The hooks at which a message can be refused for whose it says it is.
const OF_SENDERS: [Hook; 3] = [Hook::MailFrom, Hook::Data, Hook::Message];

const ANY_SENDER: &str = "whoever logs in may send under any name: no step that decides asks at mail-from, data or message whether an \
    address is theirs; add one, such as the plugin `senders`";

/// What is to be said of the steps of a policy, a sentence each.
pub(crate) fn notes(config: &PolicyConfig, steps: &[Arc<Step>]) -> Vec<String> {
    let asks = |step: &Arc<Step>| {
        step.config.mode == Mode::Enforce
            && step.asks_owners
            && step.hooks.iter().any(|hook| OF_SENDERS.contains(hook))
    };
    let any_sender = config.submission && !steps.iter().any(asks);
    any_sender
        .then(|| ANY_SENDER.to_owned())
        .into_iter()
        .collect()
}
