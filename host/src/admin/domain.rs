//! What a domain publishes: printed, checked, and its MTA-STS policy set.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use waxwing_store::{Domain, MtaSts, Store};

use super::{Exit, Failure};
use crate::config::Config;
use crate::dns::Resolver;
use crate::keys::{Keys, now};
use crate::publish::{self, Site};

/// What is asked of a domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub(crate) enum DomainRequest {
    /// The records to publish.
    Dns { domain: String },
    /// What is wrong with those that are.
    Check { domain: String },
    /// Sets the policy.
    MtaSts { domain: String, policy: MtaSts },
    /// Takes the policy away.
    NoMtaSts { domain: String },
}

impl DomainRequest {
    pub(crate) fn domain(&self) -> &str {
        match self {
            Self::Dns { domain }
            | Self::Check { domain }
            | Self::MtaSts { domain, .. }
            | Self::NoMtaSts { domain } => domain,
        }
    }
}

/// Does it; `resolver` is the running server's.
pub(crate) async fn execute(
    store: &Store,
    config: &Config,
    resolver: Option<&Arc<Resolver>>,
    keys: &Keys,
    request: DomainRequest,
) -> Result<Value, Failure> {
    let name = super::execute::domain_name(request.domain())?;
    match request {
        DomainRequest::MtaSts { policy, .. } => {
            store.set_domain_mta_sts(&name, Some(policy)).await?;
        }
        DomainRequest::NoMtaSts { .. } => store.set_domain_mta_sts(&name, None).await?,
        DomainRequest::Dns { .. } | DomainRequest::Check { .. } => {}
    }
    let site = site(store, config, keys, &name).await?;
    match request {
        DomainRequest::Check { .. } => {
            let resolver = match resolver {
                Some(resolver) => Arc::clone(resolver),
                None => Resolver::open(&config.dns)
                    .map(Arc::new)
                    .map_err(|error| Failure::new(Exit::Configuration, error.to_string()))?,
            };
            let findings = publish::check(&site, &resolver, now()).await;
            Ok(json!({ "domain": name, "findings": findings }))
        }
        DomainRequest::Dns { .. } => Ok(
            json!({ "domain": name, "host": config.hostname, "issuer": crate::acme::issuer(config), "records": publish::records(&site) }),
        ),
        DomainRequest::MtaSts { .. } | DomainRequest::NoMtaSts { .. } => Ok(json!({
            "domain": name,
            "policy": site.policy.as_ref().map(|policy| policy.to_text().replace("\r\n", "\n")),
            "records": publish::records(&site).into_iter()
                .filter(|record| record.name.contains("mta-sts.")).collect::<Vec<_>>(),
        })),
    }
}

async fn site(store: &Store, config: &Config, keys: &Keys, name: &str) -> Result<Site, Failure> {
    let ring = keys.ring(name).await?;
    let domains = store.domains().await?;
    let domain: Option<&Domain> = domains.iter().find(|domain| domain.name == name);
    let promise = domain.and_then(|domain| domain.mta_sts);
    let policy = promise.map(|promise| publish::policy(config, promise));
    Ok(Site::new(config, &ring, policy))
}
