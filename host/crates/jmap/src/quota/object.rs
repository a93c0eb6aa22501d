//! A quota as an object (RFC 9425 §4).

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use crate::session::Fnv;

/// What an account counts against, as policy tells it: up to two quotas, of octets and of messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaRoot {
    /// What it is called.
    pub name: String,
    /// Whether what counts is what the account holds, and not what others hold, too.
    pub own: bool,
    /// Octets that are held.
    pub bytes: u64,
    /// Octets that may be; none: any number.
    pub bytes_limit: Option<u64>,
    /// Messages that are held.
    pub messages: u64,
    /// Messages that may be; none: any number.
    pub messages_limit: Option<u64>,
}

/// All properties.
pub(super) const PROPERTIES: [&str; 10] = [
    "id",
    "resourceType",
    "used",
    "hardLimit",
    "warnLimit",
    "softLimit",
    "scope",
    "name",
    "types",
    "description",
];

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resource {
    Octets,
    Count,
}

impl Resource {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Octets => "octets",
            Self::Count => "count",
        }
    }
}

/// A quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Quota {
    pub(super) id: String,
    pub(super) resource: Resource,
    pub(super) used: u64,
    pub(super) limit: u64,
    pub(super) name: String,
    pub(super) own: bool,
}

/// The only type that is held to quotas.
pub(super) const TYPE: &str = "Email";

/// The quotas of roots, by their ids; where there is no limit, there is no quota.
pub(super) fn quotas(roots: &[QuotaRoot]) -> Vec<Quota> {
    let mut quotas: Vec<Quota> = roots.iter().flat_map(of_root).collect();
    quotas.sort_by(|a, b| a.id.cmp(&b.id));
    quotas
}

fn of_root(root: &QuotaRoot) -> impl Iterator<Item = Quota> + '_ {
    let resources = [
        (Resource::Octets, root.bytes, root.bytes_limit),
        (Resource::Count, root.messages, root.messages_limit),
    ];
    let limited = resources
        .into_iter()
        .filter_map(|(resource, used, limit)| Some((resource, used, limit?)));
    limited.map(|(resource, used, limit)| Quota {
        id: id(resource, &root.name),
        resource,
        used,
        limit,
        name: root.name.clone(),
        own: root.own,
    })
}

/// The same for as long as the root has its name, which may have characters that no id has.
fn id(resource: Resource, name: &str) -> String {
    let mut hash = Fnv::default();
    hash.add(resource.as_str());
    hash.add(name);
    format!("Q{:016x}", hash.0)
}

impl Quota {
    /// RFC 9425 §3.1.
    pub(super) const fn scope(&self) -> &'static str {
        if self.own { "account" } else { "domain" }
    }

    pub(super) fn to_json(&self, properties: &HashSet<&'static str>) -> Map<String, Value> {
        let value = |name: &str| match name {
            "id" => json!(self.id),
            "resourceType" => json!(self.resource.as_str()),
            "used" => json!(self.used),
            "hardLimit" => json!(self.limit),
            "scope" => json!(self.scope()),
            "name" => json!(self.name),
            "types" => json!([TYPE]),
            // Policy tells of no other limits.
            _ => Value::Null,
        };
        let wanted = PROPERTIES
            .into_iter()
            .filter(|name| properties.contains(name));
        wanted.map(|name| (name.to_owned(), value(name))).collect()
    }
}
