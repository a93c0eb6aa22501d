//! `Mailbox/set` (RFC 8621 §2.5).

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

use super::Created;
use super::ask::{ChangeAnswer, ChangeAsk, MailboxShape, Refusal, Shaped};
use super::set::{Doomed, Outcome, Set, begin, resolved};
use crate::ask::{Answer, Ask};
use crate::context::{Context, mistaken};
use crate::error::MethodError;
use crate::id::{AccountId, MailboxId};
use crate::mail::{Role, mailbox};
use crate::methods::Arguments;
use crate::set_error::SetError;
use crate::standard::patched;

type Object = Map<String, Value>;

const COUNTS: [&str; 4] = [
    "totalEmails",
    "unreadEmails",
    "totalThreads",
    "unreadThreads",
];
const SETTABLE: [&str; 5] = ["name", "parentId", "role", "sortOrder", "isSubscribed"];

/// A call as far as it has come.
struct Work<'w> {
    account: AccountId,
    context: &'w Context,
    outcome: Outcome,
}

pub(super) async fn call(
    mut arguments: Arguments,
    context: &Context,
    created: &mut Created,
) -> Result<Arguments, MethodError> {
    let remove_emails = match arguments.remove("onDestroyRemoveEmails") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(value)) => value,
        Some(_) => {
            let text = "onDestroyRemoveEmails is true or false";
            return Err(MethodError::InvalidArguments(text.into()));
        }
    };
    let set = Set::read(arguments)?;
    let account = set.check(context)?;
    let begun = begin(account, set.if_in_state.as_deref(), context).await?;
    let mut work = Work {
        account,
        context,
        outcome: Outcome::new(set.account_id, begun.state),
    };
    work.create_all(set.create.unwrap_or_default(), created)
        .await?;
    let destroy = Doomed::of(set.destroy.unwrap_or_default(), created);
    let update = set.update.unwrap_or_default();
    work.update_all(update, &destroy, created).await?;
    work.destroy_all(destroy.into_names(), remove_emails, created)
        .await?;
    Ok(work.outcome.into_arguments())
}

impl Work<'_> {
    /// RFC 8620 §5.3: what another one is in comes before it.
    async fn create_all(
        &mut self,
        mut create: BTreeMap<String, Object>,
        created: &mut Created,
    ) -> Result<(), MethodError> {
        while !create.is_empty() {
            let waits = |object: &Object| {
                let parent = object.get("parentId").and_then(Value::as_str);
                let parent = parent.and_then(|parent| parent.strip_prefix('#'));
                parent.is_some_and(|parent| create.contains_key(parent))
            };
            let next = create.iter().find(|(_, object)| !waits(object));
            // In a circle none can be the first.
            let next = next.or_else(|| create.first_key_value());
            let Some(name) = next.map(|(name, _)| name.clone()) else {
                break;
            };
            let object = create.remove(&name).unwrap_or_default();
            match self.create(&object, created).await? {
                Ok((id, object)) => {
                    created.insert(name.clone(), id.to_string());
                    self.outcome.created.insert(name, object.into());
                }
                Err(error) => self.outcome.not_created(&name, &error),
            }
        }
        Ok(())
    }

    async fn create(
        &mut self,
        object: &Object,
        created: &Created,
    ) -> Result<Result<(MailboxId, Object), SetError>, MethodError> {
        let mut wrong: Vec<String> = Vec::new();
        let unknown = object
            .keys()
            .filter(|name| !SETTABLE.contains(&name.as_str()));
        wrong.extend(unknown.cloned());
        if !object.contains_key("name") {
            wrong.push("name".into());
        }
        let mut shape = match shape(object, created, wrong, self.context) {
            Ok(shape) => shape,
            Err(error) => return Ok(Err(error)),
        };
        // RFC 8621 §2: its default; those that came otherwise have a place by their role.
        shape.sort_order.get_or_insert(0);
        let ask = ChangeAsk::Shape {
            account: self.account,
            mailbox: None,
            shape,
        };
        let shaped = match self.ask(ask).await? {
            Ok(shaped) => shaped,
            Err(error) => return Ok(Err(error.into_error())),
        };
        // RFC 8620 §5.3: what the client did not say.
        let mut whole = json!({
            "id": shaped.mailbox.to_string(), "parentId": null, "role": null, "sortOrder": 0, "isSubscribed": false,
            "totalEmails": 0, "unreadEmails": 0, "totalThreads": 0, "unreadThreads": 0,
            "myRights": {
                "mayReadItems": true, "mayAddItems": true, "mayRemoveItems": true, "maySetSeen": true, "maySetKeywords": true,
                "mayCreateChild": true, "mayRename": true, "mayDelete": true, "maySubmit": true,
            },
        });
        let members = whole.as_object_mut().map(std::mem::take);
        let mut members = members.unwrap_or_default();
        members.retain(|name, _| !object.contains_key(name));
        Ok(Ok((shaped.mailbox, members)))
    }

    /// One that stands in the way of another is changed first: what fails for a name or a role is tried again behind the others.
    async fn update_all(
        &mut self,
        update: BTreeMap<String, Object>,
        destroy: &Doomed,
        created: &Created,
    ) -> Result<(), MethodError> {
        let counted = |patch: &Object| patch.keys().any(|path| COUNTS.contains(&path.as_str()));
        let counted = update.values().any(counted);
        let mut waiting: Vec<(String, Object)> = update.into_iter().collect();
        let mut objects: Option<HashMap<MailboxId, Object>> = None;
        let mut last = waiting.len() == 1;
        while !waiting.is_empty() {
            let before = waiting.len();
            let mut again = Vec::new();
            for (name, patch) in waiting {
                let id = resolved(&name, created).and_then(MailboxId::parse);
                let Some(id) = id else {
                    self.outcome.not_updated(&name, &SetError::NotFound);
                    continue;
                };
                if destroy.has(&name, created) {
                    self.outcome.not_updated(&name, &SetError::WillDestroy);
                    continue;
                }
                let known = match objects.take() {
                    Some(known) => Ok(known),
                    None => self.objects(counted).await?,
                };
                let known = match known {
                    Ok(known) => known,
                    Err(error) => {
                        self.outcome.not_updated(&name, &error);
                        continue;
                    }
                };
                let result = self.update(id, known.get(&id), &patch, created).await?;
                if !matches!(result, Ok(true)) {
                    // Nothing has changed since they were read.
                    objects = Some(known);
                }
                match result {
                    Ok(_) => {
                        self.outcome.updated.insert(id.to_string(), Value::Null);
                    }
                    Err((_, true)) if !last => again.push((name, patch)),
                    Err((error, _)) => self.outcome.not_updated(&name, &error),
                }
            }
            // They stand in each other's way.
            last = again.len() == before;
            waiting = again;
        }
        Ok(())
    }

    /// Whether it changed something; or why it cannot be, and whether that is for another mailbox.
    async fn update(
        &mut self,
        id: MailboxId,
        current: Option<&Object>,
        patch: &Object,
        created: &Created,
    ) -> Result<Result<bool, (SetError, bool)>, MethodError> {
        let Some(current) = current else {
            return Ok(Err((SetError::NotFound, false)));
        };
        let wanted = match patched(current, patch) {
            Ok(wanted) => wanted,
            Err(error) => {
                let error = SetError::InvalidPatch(error.to_string());
                return Ok(Err((error, false)));
            }
        };
        let fixed = |name: &&String| !SETTABLE.contains(&name.as_str());
        let names = wanted.keys().chain(current.keys()).filter(fixed);
        let differ = names.filter(|name| wanted.get(*name) != current.get(*name));
        let mut wrong: Vec<String> = differ.cloned().collect();
        wrong.dedup();
        let mut changed = Object::new();
        for name in SETTABLE {
            let value = wanted.get(name).cloned().unwrap_or(Value::Null);
            if current.get(name) != Some(&value) {
                changed.insert(name.into(), value);
            }
        }
        let shape = match shape(&changed, created, wrong, self.context) {
            Ok(shape) => shape,
            Err(error) => return Ok(Err((error, false))),
        };
        if changed.is_empty() {
            return Ok(Ok(false));
        }
        let ask = ChangeAsk::Shape {
            account: self.account,
            mailbox: Some(id),
            shape,
        };
        Ok(match self.ask(ask).await? {
            Ok(_) => Ok(true),
            Err(not) => {
                let others = matches!(
                    not,
                    Not::Refused(Refusal::NameTaken | Refusal::RoleTaken | Refusal::NoParent)
                );
                Err((not.into_error(), others))
            }
        })
    }

    /// The mailboxes as they are now.
    async fn objects(
        &mut self,
        counted: bool,
    ) -> Result<Result<HashMap<MailboxId, Object>, SetError>, MethodError> {
        if let Some(stuck) = self.outcome.stuck() {
            return Ok(stuck);
        }
        let objects = mailbox::objects(self.account, counted, self.context).await;
        self.outcome.step(objects.map(Ok))
    }

    /// What is in others goes before these.
    async fn destroy_all(
        &mut self,
        destroy: Vec<String>,
        with_emails: bool,
        created: &Created,
    ) -> Result<(), MethodError> {
        let mut waiting: BTreeMap<MailboxId, String> = BTreeMap::new();
        for name in destroy {
            match resolved(&name, created).and_then(MailboxId::parse) {
                Some(id) => {
                    waiting.insert(id, name);
                }
                None => self.outcome.not_destroyed(&name, &SetError::NotFound),
            }
        }
        loop {
            let before = waiting.len();
            let mut again = BTreeMap::new();
            for (mailbox, name) in waiting {
                let ask = ChangeAsk::RemoveMailbox {
                    account: self.account,
                    mailbox,
                    with_emails,
                };
                match self.ask(ask).await? {
                    Ok(_) => self.outcome.destroyed.push(mailbox.to_string().into()),
                    Err(Not::Refused(Refusal::HasChild)) => {
                        again.insert(mailbox, name);
                    }
                    Err(not) => self.outcome.not_destroyed(&name, &not.into_error()),
                }
            }
            if again.is_empty() || again.len() == before {
                for name in again.values() {
                    self.outcome.not_destroyed(name, &SetError::MailboxHasChild);
                }
                return Ok(());
            }
            waiting = again;
        }
    }

    async fn ask(&mut self, ask: ChangeAsk) -> Result<Result<Shaped, Not>, MethodError> {
        if let Some(stuck) = self.outcome.stuck() {
            return Ok(stuck.map_err(Not::Failed));
        }
        let shaped = match self.context.ask(Ask::Change(ask)).await {
            Ok(Answer::Change(ChangeAnswer::Shaped(shaped))) => Ok(Ok(shaped)),
            Ok(_) => Err(mistaken()),
            Err(error) => Err(error),
        };
        let shaped = match self.outcome.step(shaped)? {
            Ok(shaped) => shaped.map_err(Not::Refused),
            Err(error) => Err(Not::Failed(error)),
        };
        Ok(shaped.inspect(|shaped| self.outcome.went(shaped.before, shaped.after)))
    }
}

/// Why a mailbox is not as it is to be.
enum Not {
    Refused(Refusal),
    Failed(SetError),
}

impl Not {
    fn into_error(self) -> SetError {
        match self {
            Self::Refused(refusal) => refused(refusal),
            Self::Failed(error) => error,
        }
    }
}

/// The properties of an object that are set; `wrong` are known not to be right.
fn shape(
    object: &Object,
    created: &Created,
    mut wrong: Vec<String>,
    context: &Context,
) -> Result<MailboxShape, SetError> {
    let mut shape = MailboxShape::default();
    for (name, value) in object {
        let read = match name.as_str() {
            "name" => {
                let longest = context.limits.size_mailbox_name;
                let name = value.as_str().filter(|name| is_name(name, longest));
                shape.name = name.map(str::to_owned);
                shape.name.is_some()
            }
            "parentId" => {
                let parent = value.as_str().and_then(|id| resolved(id, created));
                let parent = parent.and_then(MailboxId::parse);
                shape.parent = Some(parent);
                parent.is_some() || value.is_null()
            }
            "role" => {
                let role = value.as_str().and_then(Role::parse);
                shape.role = Some(role);
                role.is_some_and(|role| role != Role::Inbox) || value.is_null()
            }
            "sortOrder" => {
                let order = match value {
                    Value::Null => Some(0),
                    value => value.as_u64().and_then(|order| u32::try_from(order).ok()),
                };
                shape.sort_order = order.filter(|order| *order < 1 << 31);
                shape.sort_order.is_some()
            }
            "isSubscribed" => {
                shape.subscribed = value.as_bool();
                shape.subscribed.is_some()
            }
            _ => true,
        };
        if !read {
            wrong.push(name.clone());
        }
    }
    if wrong.is_empty() {
        return Ok(shape);
    }
    wrong.sort_unstable();
    wrong.dedup();
    let text = "a property is not of its type, or is the server's to say";
    Err(SetError::InvalidProperties(wrong, text.into()))
}

/// RFC 8621 §2: a name is a text of one octet at least, without characters that control something.
fn is_name(name: &str, longest: usize) -> bool {
    let odd = |c: char| c.is_control() || c == '/';
    (1..=longest).contains(&name.len()) && !name.contains(odd)
}

fn refused(refusal: Refusal) -> SetError {
    match refusal {
        Refusal::NotFound => SetError::NotFound,
        Refusal::NoParent => SetError::property("parentId", "it cannot be in that mailbox"),
        Refusal::NameTaken => SetError::property("name", "there is one of that name"),
        Refusal::Name(text) => SetError::property("name", text),
        Refusal::RoleTaken => SetError::property("role", "another mailbox is for that"),
        Refusal::TooMany => SetError::OverQuota("there are as many as there may be".into()),
        Refusal::Inbox => SetError::Forbidden("the inbox stays where it is".into()),
        Refusal::HasChild => SetError::MailboxHasChild,
        Refusal::HasEmail => SetError::MailboxHasEmail,
        other => super::placing::refused(other, None),
    }
}
