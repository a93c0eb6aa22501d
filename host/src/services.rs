//! What policy may use of the rest of the server: directory, key-values and password hashing over the store, the DNS and HTTP over the network.

use std::sync::Arc;
use std::time::Duration;

use waxwing_mail::{Address, Protocol};
use waxwing_policy::{
    Aim, BucketState, DnsQuestion, Entry, Exchange, HttpRequest, KeyValues, Limits, LookUp,
    Pending, ServiceError, Services, Space, Usage, Vacation, Verification, Versioned,
};
use waxwing_store::{Account, Codes, Error, Namespace, PasswordCheck, Resolution, Scope, Store};

use crate::admin::plain;
use crate::answer::jmap::identities_of;
use crate::answer::vacation;
use crate::dns::Resolver;
use crate::fetch::Client;

/// How many aliases deep an address may lead to an account that owns it.
const DEPTH: u32 = 10;
/// How many aliases are followed for one question.
const BREADTH: u32 = 100;

/// Policy's view of the server.
pub(crate) struct ServerServices {
    store: Store,
    resolver: Arc<Resolver>,
    client: Client,
}

impl ServerServices {
    pub(crate) fn new(store: Store, resolver: Arc<Resolver>) -> Self {
        Self {
            store,
            client: Client::new(Arc::clone(&resolver)),
            resolver,
        }
    }

    async fn account(&self, address: &str) -> Result<Arc<Account>, ServiceError> {
        let account = self
            .store
            .directory()
            .account(address)
            .await
            .map_err(service_error)?;
        account.ok_or_else(|| ServiceError::Unavailable(format!("no such account: {address}")))
    }
}

/// Whether an address is an account's own, or an alias that leads to it.
async fn leads_to(store: &Store, address: String, account: &str) -> Result<bool, Error> {
    let mut ahead = vec![(address, 0)];
    let mut followed = 0;
    while let Some((address, depth)) = ahead.pop() {
        match store.directory().resolve(&address).await? {
            Resolution::Account(found) if found.address == account => return Ok(true),
            // A catch-all is not an address that anybody could call its own.
            Resolution::Alias {
                targets,
                catch_all: false,
            } if depth < DEPTH && followed < BREADTH => {
                followed += 1;
                ahead.extend(targets.iter().map(|target| (target.clone(), depth + 1)));
            }
            _ => {}
        }
    }
    Ok(false)
}

/// The account's address, and those of its identities that lead to it. That it might send under the others was asked when they were made,
/// and may have been taken back since; what nobody sends, such as an answer, is not to be the way around that.
async fn addresses_of(store: &Store, account: &Account) -> Result<Vec<String>, Error> {
    let mut addresses = vec![account.address.clone()];
    for (_, identity) in identities_of(store, account).await? {
        if !addresses.contains(&identity.email)
            && leads_to(store, identity.email.clone(), &account.address).await?
        {
            addresses.push(identity.email);
        }
    }
    Ok(addresses)
}

/// What a credential must be good for, to be taken over a protocol.
pub(crate) fn scope(protocol: Protocol) -> Option<Scope> {
    match protocol {
        Protocol::Smtp | Protocol::Submission => Some(Scope::Smtp),
        Protocol::Imap => Some(Scope::Imap),
        Protocol::Pop3 => Some(Scope::Pop3),
        Protocol::Jmap => Some(Scope::Jmap),
        Protocol::Lmtp | Protocol::ManageSieve | Protocol::Api => None,
    }
}

fn service_error(error: Error) -> ServiceError {
    match error {
        Error::TooLarge { .. } => ServiceError::TooLarge,
        Error::PasswordHash(text) => ServiceError::Unsupported(text),
        other => ServiceError::Unavailable(other.to_string()),
    }
}

fn namespace(space: Space<'_>) -> Namespace {
    Namespace {
        plugin: space.plugin.to_owned(),
        area: if space.domain.is_some() {
            "domain"
        } else {
            "plugin"
        }
        .to_owned(),
        domain: space.domain.unwrap_or_default().to_owned(),
    }
}

fn versioned(value: waxwing_store::Versioned) -> Versioned {
    Versioned {
        value: value.value,
        version: value.version,
    }
}

fn usage(usage: waxwing_store::Usage) -> Usage {
    Usage {
        bytes: usage.bytes,
        messages: usage.messages,
    }
}

impl Services for ServerServices {
    fn domain_is_local<'a>(&'a self, domain: &'a str) -> Pending<'a, bool> {
        Box::pin(async move {
            self.store
                .directory()
                .domain(domain)
                .await
                .map(|found| found.is_some())
                .map_err(service_error)
        })
    }

    fn look_up<'a>(&'a self, address: &'a Address) -> Pending<'a, Entry> {
        Box::pin(async move {
            let found = self
                .store
                .directory()
                .resolve(&plain(address))
                .await
                .map_err(service_error)?;
            Ok(match found {
                Resolution::Account(account) => Entry::Account(account.address.clone()),
                Resolution::Alias {
                    catch_all: true, ..
                } if address.local() != "*" => Entry::None,
                Resolution::Alias { targets, .. } => Entry::Alias(
                    targets
                        .iter()
                        .filter_map(|target| target.parse().ok())
                        .collect(),
                ),
                Resolution::NotLocal | Resolution::Unknown => Entry::None,
            })
        })
    }

    fn verify<'a>(
        &'a self,
        user: &'a str,
        password: &'a str,
        protocol: Protocol,
        aim: Aim,
    ) -> Pending<'a, Verification> {
        let codes = match aim {
            Aim::Login(client) => Codes::UseUp(Some(client)),
            Aim::Trial => Codes::Look,
        };
        Box::pin(async move {
            Ok(
                match self
                    .store
                    .directory()
                    .verify_password(user, password, scope(protocol), codes)
                    .await
                    .map_err(service_error)?
                {
                    PasswordCheck::Right(account) => Verification::Account(account.address.clone()),
                    PasswordCheck::Wrong => Verification::Wrong,
                    PasswordCheck::CodeMissing => Verification::CodeMissing,
                    PasswordCheck::Unknown => Verification::Unknown,
                },
            )
        })
    }

    fn owns<'a>(&'a self, account: &'a str, address: &'a Address) -> Pending<'a, bool> {
        Box::pin(async move {
            leads_to(&self.store, plain(address), account)
                .await
                .map_err(service_error)
        })
    }

    fn vacation<'a>(&'a self, account: &'a str) -> Pending<'a, Vacation> {
        Box::pin(async move {
            let account = self.account(account).await?.id;
            let record = self.store.vacation(account).await.map_err(service_error)?;
            let set = vacation::read(record.as_deref());
            let (from, to) = set.window();
            // What is before 1970 has begun, and is over.
            let moment = |at: Option<i64>| at.map(|at| u64::try_from(at).unwrap_or(0));
            Ok(Vacation {
                enabled: set.enabled,
                from: moment(from),
                to: moment(to),
                subject: set.subject,
                text: set.text,
                html: set.html,
                version: record.map_or(0, |record| record.changed),
            })
        })
    }

    fn addresses<'a>(&'a self, account: &'a str) -> Pending<'a, Vec<String>> {
        Box::pin(async move {
            let known = self.account(account).await?;
            let addresses = addresses_of(&self.store, &known).await;
            addresses.map_err(service_error)
        })
    }

    fn account_limits<'a>(&'a self, account: &'a str) -> Pending<'a, Limits> {
        Box::pin(async move {
            let quota = self.account(account).await?.quota;
            Ok(Limits {
                bytes: quota.bytes,
                messages: quota.messages,
            })
        })
    }

    fn account_usage<'a>(&'a self, account: &'a str) -> Pending<'a, Usage> {
        Box::pin(async move {
            let id = self.account(account).await?.id;
            self.store.usage(id).await.map(usage).map_err(service_error)
        })
    }

    fn domain_usage<'a>(&'a self, domain: &'a str) -> Pending<'a, Usage> {
        Box::pin(async move {
            self.store
                .domain_usage(domain)
                .await
                .map(usage)
                .map_err(service_error)
        })
    }

    fn mailbox_exists<'a>(&'a self, account: &'a str, path: &'a str) -> Pending<'a, bool> {
        Box::pin(async move {
            let id = self.account(account).await?.id;
            match self.store.mailbox(id, path).await {
                Ok(mailbox) => Ok(mailbox.selectable),
                Err(Error::NoSuchMailbox(_) | Error::InvalidName { .. }) => Ok(false),
                Err(error) => Err(service_error(error)),
            }
        })
    }

    fn resolve<'a>(&'a self, question: &'a DnsQuestion) -> LookUp<'a> {
        Box::pin(self.resolver.resolve(question))
    }

    fn fetch(&self, request: HttpRequest) -> Exchange<'_> {
        Box::pin(self.client.fetch(request))
    }

    fn hash_password<'a>(&'a self, password: &'a str) -> Pending<'a, String> {
        Box::pin(async move {
            self.store
                .directory()
                .hash_password(password)
                .await
                .map_err(service_error)
        })
    }

    fn password_matches<'a>(&'a self, stored: &'a str, password: &'a str) -> Pending<'a, bool> {
        Box::pin(async move {
            self.store
                .directory()
                .password_matches(stored, password)
                .await
                .map_err(service_error)
        })
    }
}

impl KeyValues for ServerServices {
    fn kv_get<'a>(
        &'a self,
        space: Space<'a>,
        keys: &'a [String],
    ) -> Pending<'a, Vec<Option<Versioned>>> {
        Box::pin(async move {
            let values = self
                .store
                .kv()
                .get_many(&namespace(space), keys)
                .await
                .map_err(service_error)?;
            Ok(values
                .into_iter()
                .map(|value| value.map(versioned))
                .collect())
        })
    }

    fn kv_set<'a>(
        &'a self,
        space: Space<'a>,
        key: &'a str,
        value: &'a [u8],
        ttl: Option<Duration>,
    ) -> Pending<'a, u64> {
        Box::pin(async move {
            self.store
                .kv()
                .set(&namespace(space), key, value, ttl)
                .await
                .map_err(service_error)
        })
    }

    fn kv_set_many<'a>(
        &'a self,
        space: Space<'a>,
        values: &'a [(String, Vec<u8>)],
        ttl: Option<Duration>,
    ) -> Pending<'a, ()> {
        Box::pin(async move {
            self.store
                .kv()
                .set_many(&namespace(space), values, ttl)
                .await
                .map_err(service_error)
        })
    }

    fn kv_compare_and_set<'a>(
        &'a self,
        space: Space<'a>,
        key: &'a str,
        expected: u64,
        value: &'a [u8],
        ttl: Option<Duration>,
    ) -> Pending<'a, Option<u64>> {
        Box::pin(async move {
            self.store
                .kv()
                .compare_and_set(&namespace(space), key, expected, value, ttl)
                .await
                .map_err(service_error)
        })
    }

    fn kv_delete<'a>(&'a self, space: Space<'a>, key: &'a str) -> Pending<'a, ()> {
        Box::pin(async move {
            self.store
                .kv()
                .delete(&namespace(space), key)
                .await
                .map_err(service_error)
        })
    }

    fn kv_increment<'a>(
        &'a self,
        space: Space<'a>,
        key: &'a str,
        delta: i64,
        ttl: Option<Duration>,
    ) -> Pending<'a, i64> {
        Box::pin(async move {
            self.store
                .kv()
                .increment(&namespace(space), key, delta, ttl)
                .await
                .map_err(service_error)
        })
    }

    fn kv_increment_many<'a>(
        &'a self,
        space: Space<'a>,
        deltas: &'a [(String, i64)],
        ttl: Option<Duration>,
    ) -> Pending<'a, Vec<i64>> {
        Box::pin(async move {
            self.store
                .kv()
                .increment_many(&namespace(space), deltas, ttl)
                .await
                .map_err(service_error)
        })
    }

    fn kv_counters<'a>(&'a self, space: Space<'a>, keys: &'a [String]) -> Pending<'a, Vec<i64>> {
        Box::pin(async move {
            self.store
                .kv()
                .counters(&namespace(space), keys)
                .await
                .map_err(service_error)
        })
    }

    fn kv_take<'a>(
        &'a self,
        space: Space<'a>,
        key: &'a str,
        cost: f64,
        capacity: f64,
        refill_per_second: f64,
    ) -> Pending<'a, BucketState> {
        Box::pin(async move {
            let state = self
                .store
                .kv()
                .take(&namespace(space), key, cost, capacity, refill_per_second)
                .await
                .map_err(service_error)?;
            Ok(BucketState {
                allowed: state.allowed,
                remaining: state.remaining,
                retry_after: state.retry_after,
            })
        })
    }

    fn kv_count_window<'a>(
        &'a self,
        space: Space<'a>,
        key: &'a str,
        window: Duration,
    ) -> Pending<'a, u64> {
        Box::pin(async move {
            self.store
                .kv()
                .count_window(&namespace(space), key, window)
                .await
                .map_err(service_error)
        })
    }

    fn kv_keys<'a>(
        &'a self,
        space: Space<'a>,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> Pending<'a, Vec<String>> {
        Box::pin(async move {
            self.store
                .kv()
                .keys(&namespace(space), prefix, after, limit as usize)
                .await
                .map_err(service_error)
        })
    }

    fn kv_level<'a>(
        &'a self,
        space: Space<'a>,
        key: &'a str,
        capacity: f64,
        refill_per_second: f64,
    ) -> Pending<'a, f64> {
        Box::pin(async move {
            self.store
                .kv()
                .level(&namespace(space), key, capacity, refill_per_second)
                .await
                .map_err(service_error)
        })
    }

    fn kv_events<'a>(
        &'a self,
        space: Space<'a>,
        key: &'a str,
        window: Duration,
    ) -> Pending<'a, Vec<(Duration, u64)>> {
        Box::pin(async move {
            self.store
                .kv()
                .events(&namespace(space), key, window)
                .await
                .map_err(service_error)
        })
    }
}

#[cfg(test)]
mod tests {
    use waxwing_store::{Database, NewRecord, Quota, RecordKind, StoreConfig};

    use super::*;

    #[tokio::test]
    async fn an_identity_counts_while_its_address_leads_here() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::Sqlite(folder.path().join("store.db"));
        let config = StoreConfig::new(database, folder.path().join("blobs"));
        let store = Store::open(config).await.unwrap();
        store.add_domain("waxwing.test").await.unwrap();
        let (alice, team) = ("alice@waxwing.test", "team@waxwing.test");
        let account = store.add_account(alice, None, Quota::default());
        let account = account.await.unwrap();
        store.add_alias(team, &[alice.to_owned()]).await.unwrap();
        for (id, email) in [(2, team), (3, "alice@elsewhere.example")] {
            let value = serde_json::json!({
                "name": "Alice", "email": email, "replyTo": null, "bcc": null, "textSignature": "", "htmlSignature": "",
            });
            let record = NewRecord {
                account: account.id,
                kind: RecordKind::Identity,
                id,
                value: value.to_string(),
            };
            store.put_record(record).await.unwrap();
        }
        assert_eq!(identities_of(&store, &account).await.unwrap().len(), 3);
        let addresses = async || addresses_of(&store, &account).await.unwrap();
        assert_eq!(addresses().await, [alice, team]);
        store.remove_alias(team).await.unwrap();
        assert_eq!(addresses().await, [alice]);
        store.close().await;
    }
}
