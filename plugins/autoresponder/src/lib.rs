//! Who is answered while somebody is away, and with what.
//!
//! Hook: deliver. Host calls: vacation, directory, message, actions, envelope. RFC 8621 §8 (what users set), RFC 5230 §4.5 to §4.6 and
//! RFC 3834 §2 (who is not answered). README.md has the settings.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "tests fail by panicking"
    )
)]

pub mod html;
pub mod logic;
pub mod settings;

use settings::Settings;
use waxwing_plugin::host::actions::Response;
use waxwing_plugin::host::vacation::VacationResponse;
use waxwing_plugin::prelude::*;

/// Fields from which on the host may not have looked at all there are.
const MAX_FIELDS: u32 = 1000;
/// Addresses of a message that the directory is asked about.
const MAX_ASKED: usize = 50;
const DAY: u32 = 24 * 3600;

/// The plugin.
#[derive(Debug)]
pub struct Autoresponder {
    settings: Settings,
}

impl Plugin for Autoresponder {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Vec<Problem>> {
        Ok(Self { settings })
    }

    fn check(settings: &Settings) -> Vec<Problem> {
        settings::check(settings)
    }

    fn self_test(&self) -> Vec<SelfTest> {
        let machine = logic::is_machine("mailer-daemon");
        vec![SelfTest::equal("a machine is no person", &machine, &true)]
    }
}

impl Autoresponder {
    /// Whether this sender may be answered at all.
    fn is_answered(&self, account: &str, sender: &MailAddress) -> Result<bool, HookError> {
        let name = sender.to_string().to_lowercase();
        let named = |never: &String| logic::matches(&never.to_lowercase(), &name);
        if logic::is_machine(&sender.local_part) || self.settings.never.iter().any(named) {
            return Ok(false);
        }
        // Who writes to themselves knows that they are away.
        Ok(!directory::owns(account, sender)?)
    }

    fn response(&self, set: VacationResponse, author: MailAddress, message: &Message) -> Response {
        let subject = set.subject.filter(|subject| !subject.trim().is_empty());
        let subject =
            subject.unwrap_or_else(|| logic::subject(&self.settings.subject, &message.subject()));
        let said = |body: Option<String>| body.filter(|body| !body.trim().is_empty());
        let (text, html) = (said(set.text_body), said(set.html_body));
        // RFC 8621 §8: a text is made of the HTML, and something fitting where there is neither.
        let text = text.unwrap_or_else(|| match &html {
            Some(html) => html::text(html),
            None => self.settings.text.clone(),
        });
        Response {
            author,
            subject,
            text: Some(text),
            html,
            period_seconds: self.settings.days * DAY,
            // RFC 5230 §4.2: another answer is told those, too, who got the one before.
            handle: set.version.to_string(),
            most_a_day: self.settings.most_a_day,
        }
    }
}

/// The address of the account that a message names as a recipient of its own (RFC 5230 §4.5): what comes by a list, or by a copy that
/// nobody sees, is not for somebody who is to be told.
fn addressed(call: DeliverCall<'_>) -> Result<Option<MailAddress>, HookError> {
    let mut known = vec![call.recipient.address.to_string(), call.account.to_owned()];
    known.extend(vacation::addresses(call.account)?);
    let mut asked = 0;
    for name in logic::ADDRESSING {
        for field in call.message.headers(name) {
            for address in logic::addresses(&field.value) {
                if known.iter().any(|own| own.eq_ignore_ascii_case(&address)) {
                    return Ok(MailAddress::parse(&address));
                }
                let Some(parsed) = MailAddress::parse(&address) else {
                    continue;
                };
                asked += 1;
                if asked > MAX_ASKED {
                    return Ok(None);
                }
                if directory::owns(call.account, &parsed)? {
                    return Ok(Some(parsed));
                }
            }
        }
    }
    Ok(None)
}

/// Whether a message is one that a person wrote to people.
fn is_personal(message: &Message) -> bool {
    if message.header_count() >= MAX_FIELDS {
        return false;
    }
    let kind = message.first("Content-Type");
    if kind.as_deref().is_some_and(logic::is_report) {
        return false;
    }
    let value = |name: &str| message.headers(name).into_iter().map(|field| field.value);
    !message
        .header_names()
        .iter()
        .any(|name| logic::is_of_list(name))
        && logic::TELLING
            .iter()
            .all(|name| value(name).all(|value| logic::is_human(name, &value)))
}

impl OnDeliver for Autoresponder {
    fn on_deliver(&self, call: DeliverCall<'_>) -> Result<DeliverDecision, HookError> {
        // RFC 5230 §4.6, RFC 3834 §2: the null path is never answered, nor is what the policy takes for spam.
        let Some(sender) = call.envelope.sender() else {
            return Ok(DeliverDecision::Pass);
        };
        let set = vacation::look_up(call.account)?;
        let verdict = call.envelope.verdict(call.recipient.index);
        let answered = set.is_enabled
            && logic::is_within(set.from_unix_ms, set.to_unix_ms, runtime::unix_ms())
            && verdict.is_none_or(|verdict| verdict == "deliver")
            && self.is_answered(call.account, &sender)?
            && is_personal(call.message);
        if answered && let Some(author) = addressed(call)? {
            call.actions
                .respond(&self.response(set, author, call.message))?;
        }
        Ok(DeliverDecision::Pass)
    }
}

waxwing_plugin::export!(Autoresponder: deliver);

#[cfg(test)]
mod tests {
    #[test]
    fn cases() {
        waxwing_plugin::testing::run_cases::<super::Autoresponder>(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/cases"
        ));
    }
}
