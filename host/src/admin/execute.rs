//! Does what an administrator asked for.

use serde_json::{Value, json};
use waxwing_mail::{Address, Domain};
use waxwing_policy::Policy;
use waxwing_store::{Account, AddressPage, Quota, Store};

use super::credentials::credentials;
use super::{Exit, Failure, Page, QuotaChange, Request};
use crate::config::Config;
use crate::keys::Keys;
use crate::reports::Reports;
use crate::wiring::Parts;

/// Does a request on the store; `running` is the server that it was sent to, if it was, and by whom. What it changes is not written down here:
/// that is [`super::perform`].
pub(super) async fn execute(
    store: &Store,
    config: &Config,
    running: Option<(&Parts, &str)>,
    request: Request,
) -> Result<Value, Failure> {
    match request {
        Request::DomainKey(request) => match running {
            Some((parts, _)) => super::keys::execute(&parts.keys, request).await,
            None => super::keys::execute(&Keys::new(store.clone(), config), request).await,
        },
        Request::Domain(request) => {
            let keys = Keys::new(store.clone(), config);
            let resolver = running.map(|(parts, _)| &parts.resolver);
            super::domain::execute(store, config, resolver, &keys, request).await
        }
        Request::DomainAdd { .. }
        | Request::DomainList
        | Request::DomainRemove { .. }
        | Request::DomainQuota { .. } => domains(store, request).await,
        Request::AliasAdd { .. } | Request::AliasList { .. } | Request::AliasRemove { .. } => {
            aliases(store, request).await
        }
        Request::AccountTotp { .. }
        | Request::AccountRecoveryCodes { .. }
        | Request::CredentialAdd { .. }
        | Request::CredentialList { .. }
        | Request::CredentialRemove { .. } => credentials(store, request).await,
        Request::Status => match running {
            Some((parts, _)) => Ok(parts.status().await),
            None => Err(no_server("status")),
        },
        Request::Certificate(request) => match running {
            Some((parts, _)) => super::certificate::execute(&parts.acme, request).await,
            None => Err(no_server("certificate")),
        },
        Request::PluginList
        | Request::PluginDiff { .. }
        | Request::PluginHistory
        | Request::PluginRollback { .. } => match running {
            Some((parts, user)) => policy(&parts.policy, user, request).await,
            None => Err(no_server("plugin")),
        },
        Request::Plugin(request) => match running {
            Some((parts, user)) => super::plugins::execute(parts, user, request).await,
            None => Err(no_server("plugin")),
        },
        Request::FlowShow { minutes } => match running {
            Some((parts, _)) => Ok(parts.flow.lately(minutes)),
            None => Err(no_server("flow")),
        },
        Request::Rules(request) => match running {
            Some((parts, user)) => super::rules::execute(parts, user, request).await,
            None => Err(no_server("rules")),
        },
        Request::ReportList => match running {
            Some((parts, _)) => Ok(parts.reports.list(store).await?),
            None => Ok(Reports::default().list(store).await?),
        },
        Request::ReportSend => match running {
            Some((parts, _)) => Ok(json!({ "sent": Reports::send_all(parts).await })),
            None => Err(no_server("report send")),
        },
        Request::Mail(_) => Err(Failure::new(
            Exit::Software,
            "mail is moved with its contents",
        )),
        Request::Queue(request) => super::queue::execute(store, request).await,
        Request::TokenAdd { .. } | Request::TokenList | Request::TokenRemove { .. } => {
            super::tokens::execute(store, request).await
        }
        Request::AuditList {
            before,
            who,
            subject,
            limit,
        } => super::audit::list(store, before.as_deref(), who, subject, limit).await,
        Request::Trace { id } => trace(store, &id).await,
        Request::Verify => Ok(value(&store.verify().await?)),
        other => accounts(store, other).await,
    }
}

fn no_server(command: &str) -> Failure {
    Failure::new(
        Exit::Unavailable,
        format!(
            "no server runs on this data directory; `waxwing {command}` tells about a running one"
        ),
    )
}

async fn policy(policy: &Policy, user: &str, request: Request) -> Result<Value, Failure> {
    let serves = |generation: u64| json!({ "generation": generation });
    let refused = |error: waxwing_policy::RolloutError| Failure::data(error.to_string());
    match request {
        Request::PluginDiff { step } => policy
            .compare(step.as_deref())
            .map(|reports| value(&reports))
            .map_err(refused),
        Request::PluginHistory => Ok(value(&policy.history())),
        Request::PluginRollback { to, reason } => policy
            .roll_back(to, user, reason.as_deref())
            .await
            .map(serves)
            .map_err(refused),
        _ => Ok(super::plugins::listed(policy).await),
    }
}

async fn domains(store: &Store, request: Request) -> Result<Value, Failure> {
    match request {
        Request::DomainAdd { domain } => {
            Ok(value(&store.add_domain(&domain_name(&domain)?).await?))
        }
        Request::DomainRemove { domain } => {
            store.remove_domain(&domain_name(&domain)?).await?;
            Ok(Value::Null)
        }
        Request::DomainQuota { domain, quota } => {
            let name = domain_name(&domain)?;
            let known = store.directory().domain(&name).await?;
            let known = known.ok_or_else(|| Failure::missing(format!("no such domain: {name}")))?;
            if !quota.is_empty() {
                store
                    .set_domain_quota(&name, quota.apply(known.quota))
                    .await?;
            }
            let usage = store.domain_usage(&name).await?;
            Ok(
                json!({ "domain": name, "quota": value(&quota.apply(known.quota)), "usage": value(&usage) }),
            )
        }
        _ => Ok(value(&store.domains().await?)),
    }
}

async fn accounts(store: &Store, request: Request) -> Result<Value, Failure> {
    match request {
        Request::AccountAdd {
            addresses,
            password,
            quota,
        } => {
            let quota = quota.apply(Quota::default());
            let addresses = addresses
                .iter()
                .map(|address| local_address(address))
                .collect::<Result<Vec<_>, _>>()?;
            let mut added = Vec::new();
            for address in addresses {
                added.push(value(
                    &store
                        .add_account(&address, password.as_deref(), quota)
                        .await?,
                ));
            }
            Ok(Value::Array(added))
        }
        Request::AccountRemove { address } => {
            store.remove_account(&local_address(&address)?).await?;
            Ok(Value::Null)
        }
        Request::AccountPassword { address, password } => {
            store
                .set_password(&local_address(&address)?, password.as_deref())
                .await?;
            Ok(Value::Null)
        }
        Request::AccountQuota { address, quota } => {
            account_quota(store, &local_address(&address)?, quota).await
        }
        Request::AccountShow { address } => {
            account_quota(store, &local_address(&address)?, QuotaChange::default()).await
        }
        Request::AccountList { domain, page } => {
            let domain = domain.as_deref().map(domain_name).transpose()?;
            let accounts = match &page {
                None => store.accounts(domain.as_deref()).await?,
                Some(page) => store.some_accounts(&part(domain, page)).await?,
            };
            let mut listed = Vec::new();
            for account in accounts {
                listed.push(described(store, &account).await?);
            }
            Ok(paged(listed, page))
        }
        _ => Err(Failure::new(Exit::Software, "a request without an answer")),
    }
}

async fn account_quota(
    store: &Store,
    address: &str,
    change: QuotaChange,
) -> Result<Value, Failure> {
    let account = store.directory().account(address).await?;
    let account = account.ok_or_else(|| Failure::missing(format!("no such account: {address}")))?;
    if change.is_empty() {
        return described(store, &account).await;
    }
    let quota = change.apply(account.quota);
    store.set_quota(address, quota).await?;
    described(
        store,
        &Account {
            quota,
            ..Account::clone(&account)
        },
    )
    .await
}

async fn described(store: &Store, account: &Account) -> Result<Value, Failure> {
    let usage = store.usage(account.id).await?;
    Ok(
        json!({ "address": account.address, "created": account.created, "quota": value(&account.quota), "usage": value(&usage) }),
    )
}

/// One row more than is wanted, which tells whether there are more.
fn part(domain: Option<String>, page: &Page) -> AddressPage {
    AddressPage {
        domain: domain.unwrap_or_default(),
        search: page.search.clone().unwrap_or_default(),
        after: page.after.clone().unwrap_or_default(),
        limit: page.limit.saturating_add(1),
    }
}

/// A list whole, or its part with where the next one begins.
fn paged(mut rows: Vec<Value>, page: Option<Page>) -> Value {
    let Some(page) = page else {
        return Value::Array(rows);
    };
    let more = rows.len() > page.limit;
    rows.truncate(page.limit);
    let last = rows.last().and_then(|row| row.get("address")).cloned();
    json!({ "items": rows, "next": last.filter(|_| more) })
}

async fn aliases(store: &Store, request: Request) -> Result<Value, Failure> {
    match request {
        Request::AliasAdd { address, targets } => {
            let targets = targets
                .iter()
                .map(|target| local_address(target))
                .collect::<Result<Vec<_>, _>>()?;
            Ok(value(
                &store.add_alias(&alias_address(&address)?, &targets).await?,
            ))
        }
        Request::AliasRemove { address } => {
            store.remove_alias(&alias_address(&address)?).await?;
            Ok(Value::Null)
        }
        Request::AliasList { domain, page } => {
            let domain = domain.as_deref().map(domain_name).transpose()?;
            let aliases = match &page {
                None => store.aliases(domain.as_deref()).await?,
                Some(page) => store.some_aliases(&part(domain, page)).await?,
            };
            Ok(paged(aliases.iter().map(value).collect(), page))
        }
        _ => Err(Failure::new(Exit::Software, "a request without an answer")),
    }
}

async fn trace(store: &Store, id: &str) -> Result<Value, Failure> {
    let rows = store.trace(id).await?;
    if rows.is_empty() {
        return Err(Failure::missing(format!(
            "no message has the queue id or Message-ID {id}, or its record is too old"
        )));
    }
    let row = |row: &waxwing_store::LedgerRow| {
        let mut record = serde_json::from_str::<Value>(&row.json)
            .unwrap_or_else(|_| Value::String(row.json.clone()));
        if let Some(ledger) = record.get_mut("policy") {
            let roster = row.roster.as_ref().map(|roster| &*roster.json);
            waxwing_policy::complete_ledger(ledger, roster);
        }
        json!({
            "queue-id": row.queue_id, "message-id": row.message_id, "at": row.at,
            "generation": row.generation, "outcome": row.outcome, "record": record,
        })
    };
    Ok(rows.iter().map(row).collect())
}

/// What serde can write, as JSON; the types here all can.
pub(super) fn value<T: serde::Serialize>(of: &T) -> Value {
    serde_json::to_value(of).unwrap_or(Value::Null)
}

pub(super) fn domain_name(text: &str) -> Result<String, Failure> {
    let domain = Domain::parse(text)
        .map_err(|error| Failure::data(format!("{text:?} is no domain: {error}")))?;
    Ok(domain.to_string())
}

pub(super) fn local_address(text: &str) -> Result<String, Failure> {
    let address = Address::parse(text)
        .map_err(|error| Failure::data(format!("{text:?} is no address: {error}")))?;
    Ok(plain(&address))
}

/// An address, or `*@domain` for all that the domain's accounts and aliases do not take.
fn alias_address(text: &str) -> Result<String, Failure> {
    match text.strip_prefix("*@") {
        Some(domain) => Ok(format!("*@{}", domain_name(domain)?)),
        None => local_address(text),
    }
}

/// As the store knows addresses: the local part unquoted, in lower case.
pub(crate) fn plain(address: &Address) -> String {
    format!("{}@{}", address.local().to_lowercase(), address.domain())
}
