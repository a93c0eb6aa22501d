//! `/set` (RFC 8620 §5.3): what all types have in common.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Created;
use super::ask::{Begun, ChangeAnswer, ChangeAsk};
use crate::ask::{Answer, Ask};
use crate::context::{Context, mistaken};
use crate::error::MethodError;
use crate::id::{AccountId, is_id};
use crate::methods::{Arguments, read};
use crate::set_error::{SetError, of_one};
use crate::standard::State;

/// The arguments of a `/set` that has no others.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Set {
    pub(super) account_id: String,
    #[serde(default)]
    pub(super) if_in_state: Option<String>,
    #[serde(default)]
    pub(super) create: Option<BTreeMap<String, Map<String, Value>>>,
    #[serde(default)]
    pub(super) update: Option<BTreeMap<String, Map<String, Value>>>,
    #[serde(default)]
    pub(super) destroy: Option<Vec<String>>,
}

impl Set {
    pub(super) fn read(arguments: Arguments) -> Result<Self, MethodError> {
        read(arguments)
    }

    /// The account, if it may be changed and the call is within the limits.
    ///
    /// # Errors
    /// `accountNotFound`, `accountReadOnly`, `requestTooLarge`, `invalidArguments` for a creation id that is no id.
    pub(super) fn check(&self, context: &Context) -> Result<AccountId, MethodError> {
        let account = context.writable(&self.account_id)?.id;
        let count = self.create.as_ref().map_or(0, BTreeMap::len)
            + self.update.as_ref().map_or(0, BTreeMap::len)
            + self.destroy.as_ref().map_or(0, Vec::len);
        within(count, context)?;
        creation_ids(self.create.iter().flatten().map(|(name, _)| name))?;
        Ok(account)
    }
}

/// Whether one call may have so many objects.
pub(super) fn within(count: usize, context: &Context) -> Result<(), MethodError> {
    if count > context.limits.objects_in_set {
        return Err(MethodError::RequestTooLarge);
    }
    Ok(())
}

/// RFC 8620 §5.3: they are ids.
pub(super) fn creation_ids<'n>(
    mut names: impl Iterator<Item = &'n String>,
) -> Result<(), MethodError> {
    match names.find(|name| !is_id(name)) {
        Some(wrong) => Err(MethodError::InvalidArguments(format!(
            "{wrong:?} cannot be a creation id"
        ))),
        None => Ok(()),
    }
}

/// The id of what a client names by its id, or by `#` and the name that it gave when it created it. None for what was not created.
pub(super) fn resolved<'n>(name: &'n str, created: &'n Created) -> Option<&'n str> {
    match name.strip_prefix('#') {
        Some(creation) => created.get(creation).map(String::as_str),
        None => Some(name),
    }
}

/// What a call destroys, each object once, by whichever of its names.
pub(super) struct Doomed(Vec<String>);

impl Doomed {
    pub(super) fn of(names: Vec<String>, created: &Created) -> Self {
        let mut doomed = Self(Vec::with_capacity(names.len()));
        for name in names {
            if !doomed.has(&name, created) {
                doomed.0.push(name);
            }
        }
        doomed
    }

    /// Whether an object is among them. RFC 8620 §5.3: then it is not changed before.
    pub(super) fn has(&self, name: &str, created: &Created) -> bool {
        let id = resolved(name, created).unwrap_or(name);
        let mut names = self.0.iter();
        names.any(|doomed| resolved(doomed, created).unwrap_or(doomed) == id)
    }

    pub(super) fn names(&self) -> &[String] {
        &self.0
    }

    pub(super) fn into_names(self) -> Vec<String> {
        self.0
    }
}

/// How the account is, if it is as a call wants it.
///
/// # Errors
/// `stateMismatch`.
pub(super) async fn begin(
    account: AccountId,
    if_in_state: Option<&str>,
    context: &Context,
) -> Result<Begun, MethodError> {
    let ask = ChangeAsk::Begin { account };
    let Answer::Change(ChangeAnswer::Begun(begun)) = context.ask(Ask::Change(ask)).await? else {
        return Err(mistaken());
    };
    let wanted = if_in_state.map(State::parse);
    if wanted.is_some_and(|wanted| wanted != Some(State(begun.state))) {
        return Err(MethodError::StateMismatch);
    }
    Ok(begun)
}

/// What a `/set` comes to.
#[derive(Debug)]
pub(super) struct Outcome {
    account: String,
    /// Before, until something of others came between.
    old: Option<u64>,
    new: u64,
    pub(super) created: Map<String, Value>,
    pub(super) updated: Map<String, Value>,
    pub(super) destroyed: Vec<Value>,
    not_created: Map<String, Value>,
    not_updated: Map<String, Value>,
    not_destroyed: Map<String, Value>,
    /// Why nothing more is tried: what an object before came to.
    stuck: Option<SetError>,
}

impl Outcome {
    pub(super) fn new(account: String, state: u64) -> Self {
        Self {
            account,
            old: Some(state),
            new: state,
            created: Map::new(),
            updated: Map::new(),
            destroyed: Vec::new(),
            not_created: Map::new(),
            not_updated: Map::new(),
            not_destroyed: Map::new(),
            stuck: None,
        }
    }

    /// Whether something was done that a client would do again, or look for.
    fn has_done(&self) -> bool {
        !(self.created.is_empty() && self.updated.is_empty() && self.destroyed.is_empty())
    }

    /// What came of one object; see [`of_one`].
    ///
    /// # Errors
    /// Those that the call fails with.
    pub(super) fn step<T>(
        &mut self,
        result: Result<Result<T, SetError>, MethodError>,
    ) -> Result<Result<T, SetError>, MethodError> {
        let ours = result.is_err();
        let result = of_one(result, self.has_done());
        if let (true, Ok(Err(error))) = (ours, &result) {
            self.stuck = Some(error.clone());
        }
        result
    }

    /// Why an object is not even looked at: where one could not be asked about, each of hundreds would wait for nothing.
    pub(super) fn stuck<T>(&self) -> Option<Result<T, SetError>> {
        self.stuck.clone().map(Err)
    }

    /// Something changed, from one state to another. If others changed something before, what the client has been told and what this call
    /// did do not make the new state: it is not told from which one it came then, and has to ask.
    pub(super) fn went(&mut self, before: u64, after: u64) {
        if before == after {
            return;
        }
        if before != self.new {
            self.old = None;
        }
        self.new = after;
    }

    pub(super) fn not_created(&mut self, name: &str, error: &SetError) {
        self.not_created.insert(name.to_owned(), error.to_json());
    }

    pub(super) fn not_updated(&mut self, id: &str, error: &SetError) {
        self.not_updated.insert(id.to_owned(), error.to_json());
    }

    pub(super) fn not_destroyed(&mut self, id: &str, error: &SetError) {
        self.not_destroyed.insert(id.to_owned(), error.to_json());
    }

    /// The arguments of the response of a `/set`.
    pub(super) fn into_arguments(self) -> Arguments {
        let destroyed = match self.destroyed.is_empty() {
            true => Value::Null,
            false => Value::Array(self.destroyed.clone()),
        };
        let more = [
            ("updated", or_null(self.updated.clone())),
            ("destroyed", destroyed),
            ("notUpdated", or_null(self.not_updated.clone())),
            ("notDestroyed", or_null(self.not_destroyed.clone())),
        ];
        let mut arguments = self.into_creations();
        arguments.extend(more.map(|(name, value)| (name.to_owned(), value)));
        arguments
    }

    /// Those of a `/copy` or `/import`, which only creates.
    pub(super) fn into_creations(self) -> Arguments {
        let mut arguments = Map::new();
        let old = self.old.map_or(Value::Null, |old| State(old).into());
        arguments.insert("accountId".into(), self.account.into());
        arguments.insert("oldState".into(), old);
        arguments.insert("newState".into(), State(self.new).into());
        arguments.insert("created".into(), or_null(self.created));
        arguments.insert("notCreated".into(), or_null(self.not_created));
        arguments
    }
}

/// RFC 8620 §5.3: null if there are none.
fn or_null(members: Map<String, Value>) -> Value {
    if members.is_empty() {
        Value::Null
    } else {
        Value::Object(members)
    }
}
