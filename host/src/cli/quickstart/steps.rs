//! What is done, in this order: certificate, domain, keys, policy of TLS, account, aliases; then the files.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use serde_json::Value;
use waxwing_store::{MtaSts, Store, StsMode};

use super::Plan;
use crate::admin::{
    Actor, DomainRequest, Exit, Failure, KeyRequest, QuotaChange, Request, own_user, perform, plain,
};
use crate::cli::print::{items, text};
use crate::tls::Certificates;

/// The policy that is shipped, and its rules.
const POLICY: &str = include_str!("../../../../config/policy.toml");
const RULES: &str = include_str!("../../../../config/rules/basic.toml");
/// RFC 8461 §3.2: for how long others may keep the policy of TLS, in seconds. A week, while it is new.
const MAX_AGE: u32 = 604_800;

/// Does it, and gives what `waxwing domain dns` would print.
pub(super) async fn take(plan: &Plan) -> Result<Value, Failure> {
    let Plan { config, .. } = plan;
    let folder = DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&config.data);
    folder.map_err(|cause| unwritable(&config.data, &cause))?;
    // Its key is the one that later certificates are for, and part of what is published (DANE).
    Certificates::open(config)
        .map_err(|error| Failure::new(Exit::Unavailable, error.to_string()))?;
    let store = crate::wiring::open_store(config).await?;
    let published = fill(&store, plan).await;
    store.close().await;
    let published = published?;
    write_files(plan)?;
    Ok(published)
}

async fn fill(store: &Store, plan: &Plan) -> Result<Value, Failure> {
    let (domain, address) = (&plan.domain, plain(&plan.address));
    let actor = Actor::new(own_user(), "quickstart");
    let ask = async |request| perform(store, &plan.config, None, &actor, request).await;
    let domains = ask(Request::DomainList).await?;
    let there = items(&domains)
        .iter()
        .find(|one| text(one, "name") == *domain);
    if there.is_none() {
        let domain = domain.clone();
        ask(Request::DomainAdd { domain }).await?;
    }
    let keys = |domain| KeyRequest::List { domain };
    if items(&ask(Request::DomainKey(keys(domain.clone()))).await?).is_empty() {
        let (domain, import) = (domain.clone(), None);
        ask(Request::DomainKey(KeyRequest::Add { domain, import })).await?;
    }
    if there.is_none_or(|one| one.get("mta_sts").is_none_or(Value::is_null)) {
        // Reported and not enforced, until somebody has seen that it works.
        let policy = MtaSts {
            mode: StsMode::Testing,
            max_age: MAX_AGE,
        };
        let domain = domain.clone();
        ask(Request::Domain(DomainRequest::MtaSts { domain, policy })).await?;
    }
    account(store, plan, &address).await?;
    let aliases = ask(Request::AliasList {
        domain: Some(domain.clone()),
        page: None,
    })
    .await?;
    // RFC 5321 §4.5.1, RFC 2142 §4 and §5: these are read by somebody.
    for role in ["postmaster", "abuse"] {
        let alias = format!("{role}@{domain}");
        let taken = items(&aliases)
            .iter()
            .any(|one| text(one, "address") == alias);
        if alias != address && !taken {
            let targets = vec![address.clone()];
            ask(Request::AliasAdd {
                address: alias,
                targets,
            })
            .await?;
        }
    }
    let domain = domain.clone();
    ask(Request::Domain(DomainRequest::Dns { domain })).await
}

/// One that is there gets the password that is told at the end.
async fn account(store: &Store, plan: &Plan, address: &str) -> Result<(), Failure> {
    let actor = Actor::new(own_user(), "quickstart");
    let ask = async |request| perform(store, &plan.config, None, &actor, request).await;
    let domain = Some(plan.domain.clone());
    let accounts = ask(Request::AccountList { domain, page: None }).await?;
    let there = items(&accounts)
        .iter()
        .any(|one| text(one, "address") == address);
    let password = Some(plan.password.clone());
    let address = address.to_owned();
    ask(if there {
        Request::AccountPassword { address, password }
    } else {
        let (addresses, quota) = (vec![address], QuotaChange::default());
        Request::AccountAdd {
            addresses,
            password,
            quota,
        }
    })
    .await?;
    Ok(())
}

fn write_files(plan: &Plan) -> Result<(), Failure> {
    let policy = &plan.config.policy.file;
    let rules = policy.with_file_name("rules").join("basic.toml");
    for (path, content) in [
        (&rules, RULES),
        (policy, POLICY),
        (&plan.file, plan.text.as_str()),
    ] {
        write(path, content).map_err(|cause| unwritable(path, &cause))?;
    }
    Ok(())
}

/// Writes a file in one step; one that is there stays as it is.
fn write(path: &Path, content: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(folder)?;
    let fresh = path.with_extension(format!("{:08x}", rand::random::<u32>()));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(&fresh)?;
    let written = file
        .write_all(content.as_bytes())
        .and_then(|()| file.sync_all());
    // A link takes nobody's place.
    let linked = written.and_then(|()| match fs::hard_link(&fresh, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    });
    let _gone = fs::remove_file(&fresh);
    linked
}

fn unwritable(path: &Path, cause: &io::Error) -> Failure {
    Failure::new(
        Exit::Unavailable,
        format!("{} cannot be written: {cause}", path.display()),
    )
}
