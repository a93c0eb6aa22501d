//! `EmailSubmission/get`, `/query` and `/queryChanges` (RFC 8621 §7.1, §7.3, §7.4).

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::placing::utc_date;
use super::sending::{Addressed, Envelope, SendAnswer, SendAsk, Submission};
use crate::ask::{Answer, Ask};
use crate::context::{Context, mistaken};
use crate::error::MethodError;
use crate::id::{AccountId, SubmissionId};
use crate::methods::Arguments;
use crate::standard::{
    Comparator, Filter, FilterError, Found, Get, Got, Query, QueryChanged, QueryChanges, State,
    chosen, distinct,
};

const PROPERTIES: [&str; 10] = [
    "id",
    "identityId",
    "emailId",
    "threadId",
    "envelope",
    "sendAt",
    "undoStatus",
    "deliveryStatus",
    "dsnBlobIds",
    "mdnBlobIds",
];

/// Which submissions are wanted, and whether with what has become of their recipients.
pub(super) struct Which {
    /// None: all.
    pub(super) ids: Option<Vec<SubmissionId>>,
    pub(super) status: bool,
}

/// What has become of recipients is no condition of a query.
const ALL: Which = Which {
    ids: None,
    status: false,
};

/// The state, and submissions.
pub(super) async fn submissions(
    account: AccountId,
    Which { ids, status }: Which,
    context: &Context,
) -> Result<(u64, Vec<Submission>), MethodError> {
    let ask = SendAsk::Submissions {
        account,
        which: ids,
        status,
    };
    match context.ask(Ask::Send(ask)).await? {
        Answer::Send(SendAnswer::Submissions(state, list)) => Ok((state, list)),
        _ => Err(mistaken()),
    }
}

/// A UTCDate (RFC 8620 §1.4).
pub(super) fn written(at: i64) -> String {
    let moment = jiff::Timestamp::from_millisecond(at.div_euclid(1000) * 1000);
    moment.unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}

fn address(of: &Addressed) -> Value {
    let parameters = of.parameters.as_ref().map(|parameters| {
        let pairs = parameters.iter();
        pairs
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect::<Map<_, _>>()
    });
    json!({ "email": of.email, "parameters": parameters })
}

pub(super) fn envelope(of: &Envelope) -> Value {
    let recipients: Vec<Value> = of.rcpt_to.iter().map(address).collect();
    json!({ "mailFrom": address(&of.mail_from), "rcptTo": recipients })
}

pub(super) fn object(of: &Submission) -> Map<String, Value> {
    let status = of.status.iter().map(|(address, reply, delivered)| {
        let status = json!({
            "smtpReply": reply, "delivered": delivered.name(), "displayed": "unknown",
        });
        (address.clone(), status)
    });
    let object = json!({
        "id": of.id.to_string(),
        "identityId": of.identity.to_string(),
        "emailId": of.email.to_string(),
        "threadId": of.thread.to_string(),
        "envelope": envelope(&of.envelope),
        "sendAt": written(of.send_at),
        "undoStatus": of.undo.name(),
        "deliveryStatus": status.collect::<Map<_, _>>(),
        // Reports are emails here, like others.
        "dsnBlobIds": [],
        "mdnBlobIds": [],
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
    let known = |names: &Vec<String>| {
        let ids = names.iter().filter_map(|name| SubmissionId::parse(name));
        ids.collect()
    };
    let which = Which {
        ids: wanted.as_ref().map(known),
        status: properties.contains("deliveryStatus"),
    };
    let (state, list) = submissions(account, which, context).await?;
    let mut got = Got {
        state: State(state),
        list: Vec::new(),
        not_found: Vec::new(),
    };
    let wanted = wanted.unwrap_or_else(|| list.iter().map(|it| it.id.to_string()).collect());
    // RFC 8620 §5.1: all of them, as long as they are no more than one call gets.
    if wanted.len() > context.limits.objects_in_get {
        return Err(MethodError::RequestTooLarge);
    }
    for name in wanted {
        let id = SubmissionId::parse(&name);
        match list.iter().find(|submission| Some(submission.id) == id) {
            Some(submission) => {
                let mut object = object(submission);
                object.retain(|name, _| properties.contains(name.as_str()));
                got.list.push(object);
            }
            None => got.not_found.push(name),
        }
    }
    Ok(got.to_arguments(get.account_id))
}

/// One property of a FilterCondition.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    Identities(Vec<String>),
    Emails(Vec<String>),
    Threads(Vec<String>),
    Undo(String),
    Before(i64),
    After(i64),
}

impl Condition {
    fn holds(&self, of: &Submission) -> bool {
        match self {
            Self::Identities(ids) => ids.contains(&of.identity.to_string()),
            Self::Emails(ids) => ids.contains(&of.email.to_string()),
            Self::Threads(ids) => ids.contains(&of.thread.to_string()),
            Self::Undo(name) => of.undo.name() == name,
            Self::Before(at) => of.send_at < *at,
            Self::After(at) => of.send_at >= *at,
        }
    }
}

fn conditions(members: Map<String, Value>) -> Result<Filter<Condition>, FilterError> {
    let conditions = members.into_iter().map(|(name, value)| {
        let invalid = || FilterError::Invalid(format!("{name:?} is of another type"));
        let ids = || {
            let items = value.as_array().ok_or_else(invalid)?.iter();
            let ids = items.map(|item| item.as_str().map(str::to_owned));
            ids.collect::<Option<Vec<_>>>().ok_or_else(invalid)
        };
        let date = || value.as_str().and_then(utc_date).ok_or_else(invalid);
        let condition = match name.as_str() {
            "identityIds" => Condition::Identities(ids()?),
            "emailIds" => Condition::Emails(ids()?),
            "threadIds" => Condition::Threads(ids()?),
            "undoStatus" => Condition::Undo(value.as_str().ok_or_else(invalid)?.to_owned()),
            "before" => Condition::Before(date()?),
            "after" => Condition::After(date()?),
            _ => return Err(FilterError::Unsupported(name)),
        };
        Ok(Filter::Condition(condition))
    });
    Ok(Filter::And(conditions.collect::<Result<_, _>>()?))
}

/// What is asked for.
struct Wanted {
    filter: Filter<Condition>,
    /// By what, and whether ascending.
    sort: Vec<(&'static str, bool)>,
}

impl Wanted {
    fn read(filter: Option<Value>, sort: &[Comparator]) -> Result<Self, MethodError> {
        let filter = filter.map(|filter| Filter::read(filter, &mut conditions));
        let by = |comparator: &Comparator| {
            // RFC 8621 §7.3 calls it sentAt; the property is sendAt.
            let known = ["emailId", "threadId", "sentAt", "sendAt"].into_iter();
            let mut known = known.filter(|known| *known == comparator.property);
            let by = known.next().ok_or(MethodError::UnsupportedSort)?;
            Ok((by, comparator.is_ascending))
        };
        Ok(Self {
            filter: filter.transpose()?.unwrap_or(Filter::And(Vec::new())),
            sort: sort.iter().map(by).collect::<Result<_, MethodError>>()?,
        })
    }

    /// Whether time alone changes what is found: it makes some final.
    fn is_of_time(&self) -> bool {
        let mut undo = false;
        self.filter
            .each(&mut |condition| undo |= matches!(condition, Condition::Undo(_)));
        undo
    }

    fn ids(&self, list: &[Submission]) -> Vec<String> {
        let matches = |of: &&Submission| {
            let held = self
                .filter
                .holds(&mut |condition| Some(condition.holds(of)));
            held == Some(true)
        };
        let mut found: Vec<&Submission> = list.iter().filter(matches).collect();
        found.sort_by(|a, b| {
            let by = self.sort.iter().map(|(by, ascending)| {
                let order = match *by {
                    "emailId" => a.email.cmp(&b.email),
                    "threadId" => a.thread.cmp(&b.thread),
                    _ => a.send_at.cmp(&b.send_at),
                };
                if *ascending { order } else { order.reverse() }
            });
            let order = by.into_iter().find(|order| order.is_ne());
            order.unwrap_or_else(|| (a.send_at, a.id).cmp(&(b.send_at, b.id)))
        });
        found.into_iter().map(|it| it.id.to_string()).collect()
    }
}

pub(super) async fn query(
    arguments: Arguments,
    context: &Context,
) -> Result<Arguments, MethodError> {
    let query = Query::read(arguments)?;
    let account = context.account(&query.account_id)?.id;
    let wanted = Wanted::read(query.filter, &query.sort)?;
    let (state, list) = submissions(account, ALL, context).await?;
    let found = Found {
        state: State(state),
        can_calculate: true,
        ids: wanted.ids(&list),
    };
    query.window.cut(query.account_id, found)
}

pub(super) async fn query_changes(
    arguments: Arguments,
    context: &Context,
) -> Result<Arguments, MethodError> {
    let mut changes = QueryChanges::read(arguments)?;
    let account = context.account(&changes.account_id)?.id;
    let wanted = Wanted::read(changes.filter.take(), &changes.sort)?;
    let ask = SendAsk::Changes {
        account,
        kind: super::sending::Kept::Submission,
        since: changes.since.0,
        most: None,
    };
    let answer = context.ask(Ask::Send(ask)).await?;
    let Answer::Send(SendAnswer::Changes(happened)) = answer else {
        return Err(mistaken());
    };
    let happened = happened.ok_or(MethodError::CannotCalculateChanges)?;
    let (_, list) = submissions(account, ALL, context).await?;
    let touched = [happened.created, happened.updated, happened.destroyed];
    let mut touched: HashSet<String> = touched
        .into_iter()
        .flatten()
        .map(|number| SubmissionId(number).to_string())
        .collect();
    if wanted.is_of_time() {
        touched.extend(list.iter().map(|submission| submission.id.to_string()));
    }
    let changed = QueryChanged {
        until: State(happened.until),
        ids: wanted.ids(&list),
        touched,
    };
    changed.to_arguments(&changes)
}
