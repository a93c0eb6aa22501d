//! `Mailbox/query` and `Mailbox/queryChanges` (RFC 8621 §2.3, §2.4).

use std::cmp::Ordering;
use std::collections::HashSet;

use serde_json::{Map, Value};
use waxwing_message::casemap;

use super::ask::Kind;
use super::changes::{since_then, written};
use super::mailbox::mailboxes;
use super::mailboxes::{Mailbox, Mailboxes, Role};
use crate::context::Context;
use crate::error::MethodError;
use crate::id::MailboxId;
use crate::methods::Arguments;
use crate::standard::{
    Comparator, Filter, FilterError, Found, Query, QueryChanged, QueryChanges, State,
};

/// One property of a FilterCondition.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    Parent(Option<MailboxId>),
    /// An id that no mailbox can have.
    Nowhere,
    /// As it is compared.
    Name(String),
    Role(Option<String>),
    AnyRole(bool),
    Subscribed(bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Order,
    Name,
}

/// What is asked for.
#[derive(Debug)]
struct Wanted {
    filter: Filter<Condition>,
    /// By what, and whether ascending.
    sort: Vec<(By, bool)>,
    sort_as_tree: bool,
    filter_as_tree: bool,
}

pub(super) async fn query(
    mut arguments: Arguments,
    context: &Context,
) -> Result<Arguments, MethodError> {
    let trees = trees(&mut arguments)?;
    let query = Query::read(arguments)?;
    let account = context.account(&query.account_id)?.id;
    let wanted = Wanted::read(query.filter, &query.sort, trees)?;
    let mailboxes = mailboxes(account, context).await?;
    let found = Found {
        state: State(mailboxes.state),
        can_calculate: true,
        ids: wanted.ids(&mailboxes),
    };
    query.window.cut(query.account_id, found)
}

pub(super) async fn changes(
    mut arguments: Arguments,
    context: &Context,
) -> Result<Arguments, MethodError> {
    let trees = trees(&mut arguments)?;
    let mut changes = QueryChanges::read(arguments)?;
    let account = context.account(&changes.account_id)?.id;
    let wanted = Wanted::read(changes.filter.take(), &changes.sort, trees)?;
    // The results before what changed: what changes meanwhile is told now, and again from the state of the results.
    let mailboxes = mailboxes(account, context).await?;
    let happened = since_then(account, Kind::Mailbox, changes.since, None, context).await?;
    if happened.more {
        return Err(MethodError::CannotCalculateChanges);
    }
    let here = mailboxes.list.iter().map(|mailbox| mailbox.id.0);
    // Where one was renamed or moved, those below it may be elsewhere as well.
    let moved: Vec<u64> = if happened.only_counts {
        Vec::new()
    } else {
        here.collect()
    };
    let touched = [&happened.created, &happened.destroyed, &moved];
    let touched: HashSet<String> = touched
        .into_iter()
        .flatten()
        .map(|id| written(Kind::Mailbox, *id))
        .collect();
    let changed = QueryChanged {
        until: State(mailboxes.state),
        ids: wanted.ids(&mailboxes),
        touched,
    };
    changed.to_arguments(&changes)
}

/// `sortAsTree` and `filterAsTree`.
fn trees(arguments: &mut Arguments) -> Result<[bool; 2], MethodError> {
    let mut take = |name: &str| match arguments.remove(name) {
        None => Ok(false),
        Some(Value::Bool(value)) => Ok(value),
        Some(_) => Err(MethodError::InvalidArguments(format!(
            "{name} is true or false"
        ))),
    };
    Ok([take("sortAsTree")?, take("filterAsTree")?])
}

impl Wanted {
    fn read(
        filter: Option<Value>,
        sort: &[Comparator],
        [sort_as_tree, filter_as_tree]: [bool; 2],
    ) -> Result<Self, MethodError> {
        let all = Filter::And(Vec::new());
        let filter = filter.map(|filter| Filter::read(filter, &mut conditions));
        let by = |comparator: &Comparator| {
            let by = match comparator.property.as_str() {
                "sortOrder" => By::Order,
                "name" => By::Name,
                _ => return Err(MethodError::UnsupportedSort),
            };
            Ok((by, comparator.is_ascending))
        };
        let sort = match sort {
            [] => vec![(By::Order, true), (By::Name, true)],
            sort => sort.iter().map(by).collect::<Result<_, _>>()?,
        };
        Ok(Self {
            filter: filter.transpose()?.unwrap_or(all),
            sort,
            sort_as_tree,
            filter_as_tree,
        })
    }

    /// The ids of those that match, in their order.
    fn ids(&self, mailboxes: &Mailboxes) -> Vec<String> {
        let matches = |mailbox: &&Mailbox| {
            if self.filter_as_tree {
                mailboxes.lineage(mailbox).all(|it| self.matches(it))
            } else {
                self.matches(mailbox)
            }
        };
        let found = mailboxes.list.iter().filter(matches);
        // Of each what it is compared by: itself, or those above it and then itself.
        let mut found: Vec<Vec<&Mailbox>> = found
            .map(|mailbox| {
                let levels = if self.sort_as_tree { usize::MAX } else { 1 };
                let mut line: Vec<_> = mailboxes.lineage(mailbox).take(levels).collect();
                line.reverse();
                line
            })
            .collect();
        found.sort_by(|a, b| {
            let pairs = a.iter().zip(b);
            let differ = pairs.map(|(a, b)| self.compare(a, b));
            let differ = differ.into_iter().find(|order| order.is_ne());
            differ.unwrap_or_else(|| a.len().cmp(&b.len()))
        });
        let last = found.iter().filter_map(|line| line.last());
        last.map(|mailbox| mailbox.id.to_string()).collect()
    }

    fn compare(&self, a: &Mailbox, b: &Mailbox) -> Ordering {
        let by = self.sort.iter().map(|(by, ascending)| {
            let order = match by {
                By::Order => a.order().cmp(&b.order()),
                By::Name => casemap(&a.name).cmp(&casemap(&b.name)),
            };
            if *ascending { order } else { order.reverse() }
        });
        let order = by.into_iter().find(|order| order.is_ne());
        order.unwrap_or_else(|| a.id.cmp(&b.id))
    }

    fn matches(&self, mailbox: &Mailbox) -> bool {
        let role = mailbox.role.map(Role::name);
        let held = self.filter.holds(&mut |condition| {
            Some(match condition {
                Condition::Parent(parent) => mailbox.parent == *parent,
                Condition::Nowhere => false,
                Condition::Name(text) => casemap(&mailbox.name).contains(text),
                Condition::Role(wanted) => role == wanted.as_deref(),
                Condition::AnyRole(any) => role.is_some() == *any,
                Condition::Subscribed(subscribed) => mailbox.subscribed == *subscribed,
            })
        });
        held == Some(true)
    }
}

/// The properties of a FilterCondition, all of which have to match.
fn conditions(members: Map<String, Value>) -> Result<Filter<Condition>, FilterError> {
    let conditions = members.into_iter().map(|(name, value)| {
        let condition = match (name.as_str(), value) {
            ("parentId", Value::Null) => Condition::Parent(None),
            ("parentId", Value::String(id)) => {
                MailboxId::parse(&id).map_or(Condition::Nowhere, |id| Condition::Parent(Some(id)))
            }
            ("name", Value::String(text)) => Condition::Name(casemap(&text)),
            ("role", Value::Null) => Condition::Role(None),
            ("role", Value::String(role)) => Condition::Role(Some(role)),
            ("hasAnyRole", Value::Bool(any)) => Condition::AnyRole(any),
            ("isSubscribed", Value::Bool(subscribed)) => Condition::Subscribed(subscribed),
            ("parentId" | "name" | "role" | "hasAnyRole" | "isSubscribed", _) => {
                return Err(FilterError::Invalid(format!("{name:?} is of another type")));
            }
            _ => return Err(FilterError::Unsupported(name)),
        };
        Ok(Filter::Condition(condition))
    });
    Ok(Filter::And(conditions.collect::<Result<_, _>>()?))
}
