//! `VacationResponse/get`, `VacationResponse/set` (RFC 8621 §8): one object an account, which always is there.

use serde_json::{Map, Value, json};

use super::kept::change;
use super::sending::{SendAnswer, SendAsk};
use super::set::{Outcome, Set};
use crate::ask::{Answer, Ask};
use crate::context::{Context, mistaken};
use crate::error::MethodError;
use crate::id::AccountId;
use crate::mail::parse_utc;
use crate::methods::Arguments;
use crate::set_error::SetError;
use crate::standard::{Get, Got, State, chosen, distinct, patched};

/// The id of the only one.
const SINGLETON: &str = "singleton";

const PROPERTIES: [&str; 7] = [
    "id",
    "isEnabled",
    "fromDate",
    "toDate",
    "subject",
    "textBody",
    "htmlBody",
];
/// Longest subject and body, in octets.
const MAX_SUBJECT: usize = 1024;
const MAX_BODY: usize = 64 * 1024;

/// What is answered while somebody is away (RFC 8621 §8).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vacation {
    /// `isEnabled`
    pub enabled: bool,
    /// `fromDate`, as it was given.
    pub from: Option<String>,
    /// `toDate`, as it was given.
    pub to: Option<String>,
    /// `subject`
    pub subject: Option<String>,
    /// `textBody`
    pub text: Option<String>,
    /// `htmlBody`
    pub html: Option<String>,
}

impl Vacation {
    /// The moments of `fromDate` and `toDate`, milliseconds of Unix time.
    #[must_use]
    pub fn window(&self) -> (Option<i64>, Option<i64>) {
        let moment = |date: &Option<String>| date.as_deref().and_then(parse_utc);
        (moment(&self.from), moment(&self.to))
    }
}

/// How it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VacationNow {
    /// The state of the account.
    pub state: u64,
    /// The state that it changed with last; 0: it never did.
    pub changed: u64,
    /// What it is.
    pub vacation: Vacation,
}

async fn now(account: AccountId, context: &Context) -> Result<VacationNow, MethodError> {
    let ask = SendAsk::Vacation { account };
    match context.ask(Ask::Send(ask)).await? {
        Answer::Send(SendAnswer::Vacation(now)) => Ok(now),
        _ => Err(mistaken()),
    }
}

fn object(vacation: &Vacation) -> Map<String, Value> {
    let object = json!({
        "id": SINGLETON,
        "isEnabled": vacation.enabled,
        "fromDate": vacation.from,
        "toDate": vacation.to,
        "subject": vacation.subject,
        "textBody": vacation.text,
        "htmlBody": vacation.html,
    });
    match object {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

pub(super) async fn get(get: Get, context: &Context) -> Result<Arguments, MethodError> {
    let account = context.account(&get.account_id)?.id;
    let properties = chosen(get.properties.as_deref(), &PROPERTIES)?;
    let ids = get.ids.as_deref();
    let wanted = ids.map(|ids| distinct(ids, &context.limits)).transpose()?;
    let now = now(account, context).await?;
    let mut got = Got {
        state: State(now.state),
        list: Vec::new(),
        not_found: Vec::new(),
    };
    for id in wanted.unwrap_or_else(|| vec![SINGLETON.to_owned()]) {
        if id == SINGLETON {
            let mut object = object(&now.vacation);
            object.retain(|name, _| properties.contains(name.as_str()));
            got.list.push(object);
        } else {
            got.not_found.push(id);
        }
    }
    Ok(got.to_arguments(get.account_id))
}

pub(super) async fn set(set: Set, context: &Context) -> Result<Arguments, MethodError> {
    let account = set.check(context)?;
    let now = now(account, context).await?;
    if let Some(wanted) = &set.if_in_state {
        // It is as it was at any moment since it changed last.
        let same = |State(at)| (now.changed..=now.state).contains(&at);
        if !State::parse(wanted).is_some_and(same) {
            return Err(MethodError::StateMismatch);
        }
    }
    let mut outcome = Outcome::new(set.account_id, now.state);
    for (name, _) in set.create.into_iter().flatten() {
        outcome.not_created(&name, &SetError::Singleton);
    }
    for (id, patch) in set.update.into_iter().flatten() {
        let wanted = match id.as_str() {
            SINGLETON => updated(&now.vacation, &patch),
            _ => Err(SetError::NotFound),
        };
        let done = match wanted {
            Ok(vacation) => {
                let ask = SendAsk::PutVacation { account, vacation };
                change(ask, &mut outcome, context).await?
            }
            Err(error) => Err(error),
        };
        match done {
            Ok(_) => {
                outcome.updated.insert(id, Value::Null);
            }
            Err(error) => outcome.not_updated(&id, &error),
        }
    }
    for id in set.destroy.unwrap_or_default() {
        let error = match id.as_str() {
            SINGLETON => SetError::Singleton,
            _ => SetError::NotFound,
        };
        outcome.not_destroyed(&id, &error);
    }
    Ok(outcome.into_arguments())
}

/// What a patch makes of it.
fn updated(current: &Vacation, patch: &Map<String, Value>) -> Result<Vacation, SetError> {
    let wanted = patched(&object(current), patch);
    let wanted = wanted.map_err(|error| SetError::InvalidPatch(error.to_string()))?;
    let mut vacation = Vacation::default();
    let mut wrong = Vec::new();
    // Of all others null is the default.
    if wanted.get("isEnabled").is_none_or(Value::is_null) {
        wrong.push("isEnabled".to_owned());
    }
    for (name, value) in wanted {
        let text = |most: usize| match &value {
            Value::Null => Some(None),
            Value::String(text) if text.len() <= most => Some(Some(text.clone())),
            _ => None,
        };
        let date = || text(64).filter(|it| it.as_deref().is_none_or(|it| parse_utc(it).is_some()));
        let line = |it: &Option<String>| !it.as_deref().unwrap_or("").contains(char::is_control);
        let read = match name.as_str() {
            "id" => (value == SINGLETON).then_some(()),
            "isEnabled" => value.as_bool().map(|it| vacation.enabled = it),
            "fromDate" => date().map(|it| vacation.from = it),
            "toDate" => date().map(|it| vacation.to = it),
            "subject" => text(MAX_SUBJECT)
                .filter(line)
                .map(|it| vacation.subject = it),
            "textBody" => text(MAX_BODY).map(|it| vacation.text = it),
            "htmlBody" => text(MAX_BODY).map(|it| vacation.html = it),
            _ => None,
        };
        if read.is_none() {
            wrong.push(name);
        }
    }
    match wrong.is_empty() {
        true => Ok(vacation),
        false => {
            let text = "a property is not of its type, is too long, or cannot be set";
            Err(SetError::InvalidProperties(wrong, text.into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(value: &Value) -> Result<Vacation, SetError> {
        let current = Vacation {
            enabled: true,
            subject: Some("Away".into()),
            ..Vacation::default()
        };
        updated(&current, value.as_object().unwrap())
    }

    #[test]
    fn a_patch_leaves_what_it_does_not_name() {
        let changed = patch(&json!({ "textBody": "Back on Monday.\nAlice" })).unwrap();
        assert!(changed.enabled && changed.subject.as_deref() == Some("Away"));
        assert_eq!(changed.text.as_deref(), Some("Back on Monday.\nAlice"));
        // RFC 8620 §5.3: null is the default, and of isEnabled there is none.
        assert_eq!(patch(&json!({ "subject": null })).unwrap().subject, None);
        let error = patch(&json!({ "isEnabled": null })).unwrap_err();
        assert!(matches!(error, SetError::InvalidProperties(wrong, _) if wrong == ["isEnabled"]));
    }

    #[test]
    fn properties_are_of_their_types() {
        for (name, fits, does_not) in [
            ("id", json!("singleton"), json!("other")),
            ("isEnabled", json!(false), json!("yes")),
            (
                "fromDate",
                json!("2026-12-01T00:00:00Z"),
                json!("2026-12-01"),
            ),
            (
                "toDate",
                json!("2026-12-24T12:00:00.5Z"),
                json!("2026-13-01T00:00:00Z"),
            ),
            ("subject", json!("s".repeat(1024)), json!("s".repeat(1025))),
            ("subject", json!(""), json!("two\r\nlines")),
            (
                "textBody",
                json!("t".repeat(65_536)),
                json!("t".repeat(65_537)),
            ),
            (
                "htmlBody",
                json!("h".repeat(65_536)),
                json!("h".repeat(65_537)),
            ),
        ] {
            assert!(patch(&json!({ name: fits })).is_ok(), "{name}");
            let error = patch(&json!({ name: does_not })).unwrap_err();
            let SetError::InvalidProperties(wrong, _) = error else {
                panic!("{name}: {error:?}");
            };
            assert_eq!(wrong, [name]);
        }
        assert!(patch(&json!({ "days": 7 })).is_err());
    }

    #[test]
    fn dates_are_moments() {
        let vacation = Vacation {
            from: Some("2014-10-30T06:12:00Z".into()),
            ..Vacation::default()
        };
        assert_eq!(vacation.window(), (Some(1_414_649_520_000), None));
    }
}
