//! When a hook is asked: what has to be so for a plugin to have anything to say, as its manifest tells under `when`.
//!
//! A call into a plugin costs microseconds, most of them to fetch what it computes with into the caches; a call that is known to say nothing is
//! better not made. A condition speaks of facts that every plugin may know, so it takes nothing from a sandbox, and a plugin that is asked though
//! its condition does not hold must say nothing as well: a server may know fewer conditions than its manifest.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::facts::AttemptOutcome;
use crate::guest::Ask;
use crate::hook::Hook;
use crate::outcome::Verdict;
use crate::state::Context;
use crate::subject::Mail;

/// What stands between the facts of a condition.
const OR: &str = " or ";
/// What stands before the name of a setting.
const SETTING: &str = "setting ";

/// A fact that a plugin may wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fact {
    /// The client has logged in.
    Authenticated,
    /// It was found out who the message is from.
    AuthResults,
    /// A step has found something in the message.
    Found,
    /// The recipient's copy was judged to be something else than mail to deliver.
    Judged,
    /// The recipient's local part may have a detail (RFC 5233): not all of it is letters and digits.
    Detail,
    /// The administrator set a limit for the account at hand.
    Limited,
    /// The attempt to deliver elsewhere failed in a way that may pass.
    Deferred,
    /// The account at hand has an answer switched on for the time that somebody is away.
    Away,
}

/// What has to be so: one of these facts. None: there is no condition.
#[derive(Clone, Debug, Default)]
pub(crate) struct Condition(Option<Vec<Fact>>);

/// The condition of each hook of a plugin.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions([Condition; Hook::ALL.len()]);

impl Fact {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "authenticated" => Self::Authenticated,
            "auth-results" => Self::AuthResults,
            "found" => Self::Found,
            "judged" => Self::Judged,
            "detail" => Self::Detail,
            "limited" => Self::Limited,
            "deferred" => Self::Deferred,
            "away" => Self::Away,
            _ => return None,
        })
    }

    fn holds(self, ask: &Ask<'_>, context: &Context) -> bool {
        let mail = context.mail.as_deref();
        match self {
            Self::Authenticated => match (mail, &context.connection) {
                (Some(mail), _) => mail.identity.is_some(),
                (None, Some(connection)) => connection.state().identity.is_some(),
                (None, None) => false,
            },
            Self::AuthResults => mail.is_some_and(|mail| mail.state().auth.is_some()),
            // What was found on a connection is not looked at: where there is no mail, the fact is not known.
            Self::Found => mail.is_none_or(|mail| !mail.state().found.is_empty()),
            Self::Judged => mail.is_none_or(|mail| judged(ask, mail)),
            Self::Detail => detail(ask),
            Self::Limited => match ask {
                Ask::Quota(room) => room.limited,
                _ => true,
            },
            Self::Deferred => context
                .attempt
                .as_ref()
                .is_none_or(|attempt| attempt.outcome == AttemptOutcome::Deferred),
            Self::Away => !matches!(ask, Ask::Deliver { away: false, .. }),
        }
    }
}

/// Whether the recipient at hand gets something else than mail; so it may be where that is not known.
fn judged(ask: &Ask<'_>, mail: &Mail) -> bool {
    let Ask::Deliver { recipient, .. } = ask else {
        return true;
    };
    let state = mail.state();
    let verdict = state
        .recipient(recipient.index)
        .and_then(|recipient| state.verdict(recipient.domain()));
    verdict.is_none_or(|verdict| !matches!(verdict, Verdict::Deliver))
}

/// Whether the address at hand is more than one word; so it may be where there is none.
fn detail(ask: &Ask<'_>) -> bool {
    let (Ask::Deliver { recipient, .. } | Ask::RcptTo(recipient) | Ask::Route(recipient)) = ask
    else {
        return true;
    };
    let local_part = &recipient.address.local_part;
    !local_part.chars().all(char::is_alphanumeric)
}

impl Condition {
    /// The condition of this text: names of facts, ` or ` between them. A setting that is there is known now, so it holds for good, and one that is not
    /// never does. What a later release may know holds always: to ask in vain does no harm.
    fn parse(text: &str, settings: &Value) -> Self {
        let mut facts = Vec::new();
        for name in text.split(OR) {
            match (name.strip_prefix(SETTING), Fact::named(name)) {
                (Some(setting), _) if settings.get(setting).is_none_or(Value::is_null) => {}
                (None, Some(fact)) => facts.push(fact),
                _ => return Self(None),
            }
        }
        Self(Some(facts))
    }

    fn holds(&self, ask: &Ask<'_>, context: &Context) -> bool {
        let facts = self.0.as_ref();
        facts.is_none_or(|facts| facts.iter().any(|fact| fact.holds(ask, context)))
    }
}

impl Conditions {
    /// Those of a manifest, by names of hooks, under these settings.
    pub(crate) fn of(when: &BTreeMap<String, String>, settings: &Value) -> Self {
        let mut conditions = Self::default();
        for (hook, text) in when {
            let place = Hook::parse(hook).and_then(|hook| conditions.0.get_mut(hook.index()));
            if let Some(condition) = place {
                *condition = Condition::parse(text, settings);
            }
        }
        conditions
    }

    /// Whether the plugin may have something to say when it is asked this.
    pub(crate) fn hold(&self, ask: &Ask<'_>, context: &Context) -> bool {
        let condition = self.0.get(ask.hook().index());
        condition.is_none_or(|condition| condition.holds(ask, context))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::bindings::waxwing::policy::types::{MailAddress, Recipient};
    use crate::facts::Attempt;
    use crate::outcome::{Operation, Room};
    use crate::services::Usage;

    #[test]
    fn what_this_server_does_not_know_holds_always() {
        let nothing = Context::default();
        let holds =
            |text: &str| Condition::parse(text, &Value::Null).holds(&Ask::Message, &nothing);
        assert!(!holds("authenticated"));
        assert!(!holds("authenticated or auth-results"));
        assert!(holds("found") && holds("judged") && holds("detail"));
        assert!(holds("moonlight"));
        assert!(holds("authenticated or moonlight"));
        assert!(Conditions::default().hold(&Ask::Message, &nothing));
    }

    #[test]
    fn an_attempt_is_deferred_or_not() {
        let holds = |outcome| {
            let attempt = Attempt {
                outcome,
                ..Attempt::default()
            };
            let context = Context {
                attempt: Some(Arc::new(attempt)),
                ..Context::default()
            };
            Condition::parse("deferred", &Value::Null).holds(&Ask::Submit, &context)
        };
        assert!(holds(AttemptOutcome::Deferred));
        assert!(!holds(AttemptOutcome::Delivered) && !holds(AttemptOutcome::Refused));
        let known = Condition::parse("deferred", &Value::Null);
        assert!(
            known.holds(&Ask::Submit, &Context::default()),
            "where nothing is known"
        );
    }

    #[test]
    fn an_account_is_away_or_not() {
        let recipient = Recipient {
            index: 0,
            address: MailAddress {
                local_part: "alice".into(),
                domain: "example.org".into(),
            },
            original: MailAddress {
                local_part: "alice".into(),
                domain: "example.org".into(),
            },
            params: Vec::new(),
        };
        let known = Condition::parse("away", &Value::Null);
        let holds = |away| {
            let ask = Ask::Deliver {
                recipient: &recipient,
                account: "alice@example.org",
                away,
            };
            known.holds(&ask, &Context::default())
        };
        assert!(holds(true) && !holds(false));
        assert!(known.holds(&Ask::Message, &Context::default()));
    }

    #[test]
    fn a_setting_holds_where_it_is_written() {
        let settings = json!({ "account": { "bytes": 10 }, "domain": null });
        let room = Room {
            account: "alice@example.org",
            limited: false,
            operation: Operation::Deliver,
            current: Usage::default(),
            adding: Usage::default(),
        };
        let holds = |text: &str, limited| {
            let condition = Condition::parse(text, &settings);
            condition.holds(&Ask::Quota(Room { limited, ..room }), &Context::default())
        };
        assert!(holds("setting account", false));
        assert!(holds("limited or setting account", false));
        assert!(!holds("setting domain", false) && !holds("setting domains", true));
        assert!(!holds("limited or setting domain", false));
        assert!(holds("limited or setting domain", true));
    }
}
