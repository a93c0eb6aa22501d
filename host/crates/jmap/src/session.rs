//! The Session object (RFC 8620 §2): who the client is, what it may see, what the server can do, and where.

use serde_json::{Map, Value, json};

use crate::capability::Capability;
use crate::id::AccountId;
use crate::limits::Limits;

/// An account that a client may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Its id.
    pub id: AccountId,
    /// What it is called: its address.
    pub name: String,
    /// Whether it is the client's own.
    pub personal: bool,
    /// Whether nothing may be changed.
    pub read_only: bool,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// By which name it logged in.
    pub username: String,
    /// The accounts that it may see, its own first.
    pub accounts: Vec<Access>,
}

/// Where the resources are: URLs without what varies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The server's, as the client reached it: `https://mail.example.org`.
    pub origin: String,
    /// Of requests.
    pub api: &'static str,
    /// Of uploads; the account follows.
    pub upload: &'static str,
    /// Of downloads; account, blob and name follow.
    pub download: &'static str,
    /// Of events.
    pub events: &'static str,
}

impl Viewer {
    /// The account of an id, if the client may see it.
    #[must_use]
    pub fn account(&self, id: &str) -> Option<&Access> {
        let id = AccountId::parse(id)?;
        self.accounts.iter().find(|account| account.id == id)
    }

    /// What the Session object says but for its state.
    fn object(&self, limits: &Limits) -> Map<String, Value> {
        let accounts = self.accounts.iter().map(|account| {
            let object = json!({
                "name": account.name,
                "isPersonal": account.personal,
                "isReadOnly": account.read_only,
                "accountCapabilities": {},
            });
            (account.id.to_string(), object)
        });
        let capabilities = Capability::ALL.into_iter().map(|capability| {
            let value = match capability {
                Capability::Core => core(limits),
            };
            (capability.uri().to_owned(), value)
        });
        let mut object = Map::new();
        object.insert("capabilities".into(), capabilities.collect());
        object.insert("accounts".into(), accounts.collect());
        object.insert("primaryAccounts".into(), json!({}));
        object.insert("username".into(), self.username.as_str().into());
        object
    }

    /// The state of the Session object. Where the resources are is no part of it: a client has asked there.
    #[must_use]
    pub fn state(&self, limits: &Limits) -> String {
        let mut hash = Fnv::default();
        hash.add(&core(limits).to_string());
        hash.add(&self.username);
        for capability in Capability::ALL {
            hash.add(capability.uri());
        }
        for account in &self.accounts {
            hash.add(&account.id.to_string());
            hash.add(&account.name);
            hash.add(if account.personal { "own" } else { "other" });
            hash.add(if account.read_only { "read" } else { "write" });
        }
        format!("{:016x}", hash.0)
    }

    /// The Session object.
    #[must_use]
    pub fn to_json(&self, limits: &Limits, places: &Places) -> Value {
        let mut object = self.object(limits);
        let Places {
            origin,
            api,
            upload,
            download,
            events,
        } = places;
        let urls = [
            ("apiUrl", format!("{origin}{api}")),
            ("uploadUrl", format!("{origin}{upload}/{{accountId}}")),
            (
                "downloadUrl",
                format!("{origin}{download}/{{accountId}}/{{blobId}}/{{name}}?accept={{type}}"),
            ),
            (
                "eventSourceUrl",
                format!("{origin}{events}?types={{types}}&closeafter={{closeafter}}&ping={{ping}}"),
            ),
        ];
        for (name, url) in urls {
            object.insert(name.into(), url.into());
        }
        object.insert("state".into(), self.state(limits).into());
        Value::Object(object)
    }
}

fn core(limits: &Limits) -> Value {
    json!({
        "maxSizeUpload": limits.size_upload,
        "maxConcurrentUpload": limits.concurrent_upload,
        "maxSizeRequest": limits.size_request,
        "maxConcurrentRequests": limits.concurrent_requests,
        "maxCallsInRequest": limits.calls_in_request,
        "maxObjectsInGet": limits.objects_in_get,
        "maxObjectsInSet": limits.objects_in_set,
        "collationAlgorithms": [],
    })
}

/// FNV-1a: tells states apart, the same on every host and after every start.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    /// Adds a text and its end.
    fn add(&mut self, text: &str) {
        for octet in text.bytes().chain([0xff]) {
            self.0 = (self.0 ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_changes_with_what_the_object_says() {
        let access = Access {
            id: AccountId(1),
            name: "a@example.org".into(),
            personal: true,
            read_only: false,
        };
        let viewer = Viewer {
            username: "a@example.org".into(),
            accounts: vec![access.clone()],
        };
        let mut other = viewer.clone();
        other.accounts.push(Access {
            id: AccountId(2),
            ..access
        });
        let mut locked = viewer.clone();
        locked.accounts[0].read_only = true;
        let limits = Limits::default();
        let states = [&viewer, &other, &locked].map(|viewer| viewer.state(&limits));
        assert!(states[0] != states[1] && states[1] != states[2] && states[0] != states[2]);
        assert_eq!(states[0], viewer.clone().state(&limits));
        let smaller = Limits {
            size_upload: 1,
            ..limits
        };
        assert_ne!(states[0], viewer.state(&smaller));
    }
}
