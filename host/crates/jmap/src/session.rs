//! The Session object (RFC 8620 §2): who the client is, what it may see, what the server can do, and where.

use serde_json::{Map, Value, json};

use crate::blob::{DigestAlgorithm, TYPES};
use crate::capability::Capability;
use crate::id::AccountId;
use crate::limits::Limits;
use crate::mail::SORT_OPTIONS;

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

impl Access {
    /// Whether there is something of a capability in the account: in somebody else's there is mail.
    #[must_use]
    pub const fn has(&self, capability: Capability) -> bool {
        self.personal || matches!(capability, Capability::Core | Capability::Mail)
    }
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
    /// Of the WebSocket.
    pub websocket: &'static str,
    /// With what push messages are signed (RFC 9749 §3): a public key in base64url, if there is one.
    pub application_server_key: Option<String>,
}

impl Places {
    /// RFC 8887 §3, RFC 6455 §3: the scheme is that of WebSockets.
    fn websocket_url(&self) -> String {
        let rest = self.origin.strip_prefix("http").unwrap_or(&self.origin);
        format!("ws{rest}{}", self.websocket)
    }
}

impl Viewer {
    /// The account of an id, if the client may see it.
    #[must_use]
    pub fn account(&self, id: &str) -> Option<&Access> {
        let id = AccountId::parse(id)?;
        self.accounts.iter().find(|account| account.id == id)
    }

    /// What the Session object says but for its state.
    fn object(&self, limits: &Limits, places: &Places) -> Map<String, Value> {
        let accounts = self.accounts.iter().map(|account| {
            let object = json!({
                "name": account.name,
                "isPersonal": account.personal,
                "isReadOnly": account.read_only,
                "accountCapabilities": of_account(account, limits),
            });
            (account.id.to_string(), object)
        });
        let capabilities = Capability::ALL.into_iter().filter_map(|capability| {
            let value = match capability {
                Capability::Core => core(limits),
                // RFC 8621 §1.3.1: what there is to be told is the account's.
                Capability::Mail
                | Capability::Submission
                | Capability::VacationResponse
                | Capability::Blob
                | Capability::Quota
                | Capability::Mdn
                | Capability::Why => json!({}),
                Capability::WebSocket => {
                    json!({"url": places.websocket_url(), "supportsPush": true})
                }
                Capability::Vapid => {
                    json!({"applicationServerKey": places.application_server_key.as_ref()?})
                }
            };
            Some((capability.uri().to_owned(), value))
        });
        let mut object = Map::new();
        object.insert("capabilities".into(), capabilities.collect());
        object.insert("accounts".into(), accounts.collect());
        object.insert("primaryAccounts".into(), self.primary().into());
        object.insert("username".into(), self.username.as_str().into());
        object
    }

    /// RFC 8620 §2: the account that a client begins with, of each capability: its own.
    fn primary(&self) -> Map<String, Value> {
        let own = self.accounts.iter().find(|account| account.personal);
        let capabilities = Capability::ALL.into_iter().filter(|it| it.of_accounts());
        let primary =
            capabilities.filter_map(|it| Some((it.uri().to_owned(), own?.id.to_string().into())));
        primary.collect()
    }

    /// The state of the Session object. Where the resources are is no part of it: a client has asked there.
    #[must_use]
    pub fn state(&self, limits: &Limits) -> String {
        let mut hash = Fnv::default();
        hash.add(&core(limits).to_string());
        hash.add(&mail(limits, true).to_string());
        hash.add(&submission(limits).to_string());
        hash.add(&blob(limits).to_string());
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
        let mut object = self.object(limits, places);
        let Places {
            origin,
            api,
            upload,
            download,
            events,
            websocket: _,
            application_server_key: _,
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

/// RFC 8620 §2: accountCapabilities.
fn of_account(account: &Access, limits: &Limits) -> Map<String, Value> {
    let capabilities = Capability::ALL.into_iter();
    let capabilities = capabilities.filter(|it| it.of_accounts() && account.has(*it));
    let values = capabilities.map(|capability| {
        let value = match capability {
            // RFC 9425 §2.1: support is all there is to tell.
            Capability::Core
            | Capability::VacationResponse
            | Capability::Quota
            | Capability::Mdn
            | Capability::WebSocket
            | Capability::Vapid
            | Capability::Why => {
                json!({})
            }
            // RFC 4314 §4: what may be created is below a mailbox in which that is granted.
            Capability::Mail => mail(limits, account.personal && !account.read_only),
            Capability::Submission => submission(limits),
            Capability::Blob => blob(limits),
        };
        (capability.uri().to_owned(), value)
    });
    values.collect()
}

/// RFC 8621 §1.3.1.
fn mail(limits: &Limits, writable: bool) -> Value {
    json!({
        "maxMailboxesPerEmail": null,
        "maxMailboxDepth": limits.mailbox_depth,
        "maxSizeMailboxName": limits.size_mailbox_name,
        "maxSizeAttachmentsPerEmail": limits.size_upload,
        "emailQuerySortOptions": SORT_OPTIONS,
        "mayCreateTopLevelMailbox": writable,
    })
}

/// RFC 8621 §1.3.2: which extensions of submission parameters of an envelope can be of.
fn submission(limits: &Limits) -> Value {
    let none: [&str; 0] = [];
    let mut extensions = json!({ "DSN": none, "DELIVERBY": none, "REQUIRETLS": none });
    if limits.delayed_send > 0
        && let Some(members) = extensions.as_object_mut()
    {
        members.insert(
            "FUTURERELEASE".into(),
            json!([limits.delayed_send.to_string()]),
        );
    }
    json!({ "maxDelayedSend": limits.delayed_send, "submissionExtensions": extensions })
}

/// RFC 9404 §3.1.
fn blob(limits: &Limits) -> Value {
    json!({
        "maxSizeBlobSet": limits.size_blob_set,
        "maxDataSources": limits.data_sources,
        "supportedTypeNames": TYPES,
        "supportedDigestAlgorithms": DigestAlgorithm::ALL.map(DigestAlgorithm::as_str),
    })
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
pub(crate) struct Fnv(pub(crate) u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    /// Adds a text and its end.
    pub(crate) fn add(&mut self, text: &str) {
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
