//! One order: a name, shown to be ours, and the certificate for it (RFC 8555 §7.4).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, CertificateIdentifier, ChallengeType, Error,
    ExternalAccountKey, Identifier, NewAccount, NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::Value;

use super::answers::{self, Shown};
use super::client::Web;
use super::shelf::Shelf;
use super::trouble::{Kind, Trouble};
use crate::config::{ChallengeKind, Config};
use crate::wiring::Parts;

/// The file of the account.
const ACCOUNT: &str = "account.json";
/// How the authority is asked whether it has come further.
const POLLS: RetryPolicy = RetryPolicy::new()
    .initial_delay(Duration::from_millis(250))
    .backoff(1.6)
    .timeout(Duration::from_secs(120));

/// The authority, and our account there.
pub(super) struct Authority<'a> {
    parts: &'a Parts,
    shelf: &'a Shelf,
    web: Web,
    account: Account,
}

impl<'a> Authority<'a> {
    /// Our account as it is kept, or a new one.
    pub(super) async fn open(parts: &'a Parts, shelf: &'a Shelf) -> Result<Self, Trouble> {
        let web = Web::open(&parts.config, &parts.resolver)?;
        let account = account(&parts.config, shelf, &web).await?;
        Ok(Self {
            parts,
            shelf,
            web,
            account,
        })
    }

    fn trouble(&self, error: &Error) -> Trouble {
        let trouble = Trouble::of(error, self.web.wait());
        if trouble.account_is_gone {
            // The next try makes one.
            self.shelf.remove(ACCOUNT);
        }
        trouble
    }

    /// When the authority wants a certificate to be replaced (RFC 9773 §4), and in how many seconds it wants to be asked again; `None` if it
    /// does not say such things.
    pub(super) async fn window(
        &self,
        certificate: &CertificateDer<'_>,
    ) -> Result<Option<(i64, i64, u64)>, Trouble> {
        let Ok(id) = CertificateIdentifier::try_from(certificate) else {
            return Ok(None);
        };
        match self.account.renewal_info(&id).await {
            Ok((info, again)) => {
                let window = info.suggested_window;
                let (start, end) = (window.start.unix_timestamp(), window.end.unix_timestamp());
                Ok(Some((start, end, again.as_secs())))
            }
            Err(Error::Unsupported(_)) => Ok(None),
            Err(error) => Err(self.trouble(&error)),
        }
    }

    /// Gets a certificate and puts it on the shelf. `replaces` is the one before, where the authority wants to know that.
    pub(super) async fn order(
        &self,
        name: &str,
        kind: ChallengeKind,
        replaces: Option<&CertificateDer<'_>>,
    ) -> Result<(), Trouble> {
        let identifiers = [Identifier::Dns(name.to_owned())];
        let mut new = NewOrder::new(&identifiers);
        if let Some(id) = replaces.and_then(|old| CertificateIdentifier::try_from(old).ok()) {
            new = new.replaces(id);
        }
        let ordered = self.account.new_order(&new).await;
        let mut order = ordered.map_err(|error| self.trouble(&error))?;
        let mut shown = Vec::new();
        let ready = self.prove(&mut order, kind, &mut shown).await;
        for one in shown {
            answers::withdraw(self.parts, one).await;
        }
        ready?;
        let key = self.shelf.key(name).map_err(|cause| made(&cause))?;
        let chain = self.finish(&mut order, name, &key).await?;
        verify(&chain, &key, name)?;
        self.shelf.put(name, &chain, &key).map_err(|cause| {
            Trouble::here(format!(
                "a certificate of {name} was got and cannot be written into acme/ of the data directory: {cause}"
            ))
        })
    }

    /// Shows that the order's names are ours.
    async fn prove(
        &self,
        order: &mut Order,
        kind: ChallengeKind,
        shown: &mut Vec<Shown>,
    ) -> Result<(), Trouble> {
        let mut authorizations = order.authorizations();
        while let Some(next) = authorizations.next().await {
            let mut authorization = next.map_err(|error| self.trouble(&error))?;
            match authorization.status {
                AuthorizationStatus::Valid => continue,
                AuthorizationStatus::Pending => {}
                other => {
                    return Err(Trouble::new(
                        Kind::Refused,
                        format!(
                            "the certification authority has an authorization that is {other:?}"
                        ),
                    ));
                }
            }
            let Some(mut challenge) = authorization.challenge(of(kind)) else {
                return Err(Trouble::new(
                    Kind::Refused,
                    format!(
                        "the certification authority does not offer {}; set acme.challenges",
                        kind.as_str()
                    ),
                ));
            };
            let name = match challenge.identifier().identifier {
                Identifier::Dns(name) => name.clone(),
                other => return Err(Trouble::here(format!("an order of {other:?}"))),
            };
            let (token, key) = (challenge.token.clone(), challenge.key_authorization());
            shown.push(answers::show(self.parts, kind, (&name, &token, &key)).await?);
            let told = challenge.set_ready().await;
            told.map_err(|error| self.trouble(&error))?;
        }
        match order.poll_ready(&POLLS).await {
            Ok(OrderStatus::Ready) => Ok(()),
            Ok(_) => Err(self.refused(order, kind).await),
            Err(error) => {
                let trouble = self.trouble(&error);
                Err(match error {
                    // What is wrong with the challenge says more than that the order is.
                    Error::Api(_) => self.refused(order, kind).await,
                    _ => trouble,
                })
            }
        }
    }

    /// Why an order came to nothing.
    async fn refused(&self, order: &mut Order, kind: ChallengeKind) -> Trouble {
        let mut authorizations = order.authorizations();
        while let Some(Ok(mut authorization)) = authorizations.next().await {
            let Ok(state) = authorization.refresh().await else {
                continue;
            };
            let error = state.challenges.iter().find_map(|one| one.error.as_ref());
            if let Some(problem) = error {
                return Trouble::said(problem, self.web.wait(), Some(kind));
            }
        }
        Trouble::new(
            Kind::Refused,
            "the certification authority refuses the order and does not say why",
        )
    }

    async fn finish(
        &self,
        order: &mut Order,
        name: &str,
        key: &KeyPair,
    ) -> Result<String, Trouble> {
        let mut params =
            CertificateParams::new(vec![name.to_owned()]).map_err(|cause| made(&cause))?;
        params.distinguished_name = DistinguishedName::new();
        let request = params
            .serialize_request(key)
            .map_err(|cause| made(&cause))?;
        let asked = order.finalize_csr(request.der()).await;
        asked.map_err(|error| self.trouble(&error))?;
        let chain = order.poll_certificate(&POLLS).await;
        chain.map_err(|error| self.trouble(&error))
    }
}

fn of(kind: ChallengeKind) -> ChallengeType {
    match kind {
        ChallengeKind::Http01 => ChallengeType::Http01,
        ChallengeKind::TlsAlpn01 => ChallengeType::TlsAlpn01,
        ChallengeKind::Dns01 => ChallengeType::Dns01,
    }
}

fn made(cause: &rcgen::Error) -> Trouble {
    Trouble::here(format!(
        "the request for a certificate cannot be made: {cause}"
    ))
}

/// What came is what was asked for: of the key, and of the name.
fn verify(chain: &str, key: &KeyPair, name: &str) -> Result<(), Trouble> {
    let wrong = |cause: &dyn std::fmt::Display| {
        Trouble::new(
            Kind::Refused,
            format!("what the certification authority issued cannot be used: {cause}"),
        )
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|cause| wrong(&cause))?;
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let pair = crate::tls::certified(chain, &private).map_err(|cause| wrong(&cause))?;
    if crate::tls::names(&pair, name) {
        Ok(())
    } else {
        Err(wrong(&format!("it is not for {name}")))
    }
}

async fn account(config: &Config, shelf: &Shelf, web: &Web) -> Result<Account, Trouble> {
    let directory = &config.acme.directory;
    let builder = || Account::builder_with_http(Box::new(web.clone()));
    let trouble = |error: Error| Trouble::of(&error, web.wait());
    if let Some(kept) = kept(shelf, directory) {
        return builder().from_credentials(kept).await.map_err(trouble);
    }
    let contact: Vec<&str> = config.acme.contact.iter().map(String::as_str).collect();
    let new = NewAccount {
        contact: &contact,
        // The configuration says that naming the authority is to agree.
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let external = external(config)?;
    let created = builder().create(&new, directory.clone(), external.as_ref());
    let (account, credentials) = created.await.map_err(trouble)?;
    let text = serde_json::to_vec_pretty(&credentials).unwrap_or_default();
    shelf.write(ACCOUNT, &text).map_err(|cause| {
        Trouble::here(format!(
            "acme/{ACCOUNT} of the data directory cannot be written: {cause}"
        ))
    })?;
    tracing::info!(
        directory,
        account = account.id(),
        "an account with a certification authority was made"
    );
    Ok(account)
}

/// The account that is kept, if it is with this authority.
fn kept(shelf: &Shelf, directory: &str) -> Option<AccountCredentials> {
    let text = shelf.read(ACCOUNT)?;
    let value: Value = serde_json::from_str(&text).ok()?;
    let ours = value.get("directory").and_then(Value::as_str) == Some(directory);
    ours.then(|| serde_json::from_str(&text).ok()).flatten()
}

/// RFC 8555 §7.3.4.
fn external(config: &Config) -> Result<Option<ExternalAccountKey>, Trouble> {
    let id = &config.acme.external_account;
    if id.is_empty() {
        return Ok(None);
    }
    let path = &config.acme.external_account_key_file;
    let wrong = |cause: &dyn std::fmt::Display| {
        Trouble::here(format!(
            "acme.external-account-key-file: {}: {cause}",
            path.display()
        ))
    };
    let text = std::fs::read_to_string(path).map_err(|cause| wrong(&cause))?;
    let key = URL_SAFE_NO_PAD.decode(text.trim().trim_end_matches('='));
    let key = key.map_err(|_| wrong(&"expected base64url, as the authority gave it"))?;
    Ok(Some(ExternalAccountKey::new(id.clone(), &key)))
}
