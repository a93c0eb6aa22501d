//! What an account is known by: its password, the code behind it, and passwords for programs.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use data_encoding::BASE32_NOPAD;
use serde::Deserialize;
use serde_json::{Value, json};
use waxwing_store::{Credential, CredentialKind, Error, NewCredential, Scope, Store, TOTP_SECRET};

use super::super::refusal::Refusal;
use super::super::visitor::{Shown, Visitor};
use super::{Owner, asked, done, failed, named, recovery, told};
use crate::admin::totp_uri;

/// Shortest password that somebody may choose, in characters (NIST SP 800-63B §5.1.1.2), and the longest, in octets.
const SHORTEST: usize = 8;
const LONGEST: usize = 1024;
/// Passwords for programs that an account may have.
const MAX_APP_PASSWORDS: usize = 100;

pub(super) async fn overview(
    State(visitor): State<Arc<Visitor>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let owner = Owner::of(&visitor, &headers).await?;
    let directory = visitor.parts.store.directory();
    let secrets = directory.secrets_of(&owner.account.address).await;
    let secrets = secrets.map_err(failed)?;
    Ok(told(&json!({
        "username": owner.account.address,
        "password": secrets.password,
        "totp": secrets.totp,
        "recoveryCodes": secrets.recovery_codes,
    })))
}

#[derive(Deserialize)]
struct NewAppPassword {
    name: String,
    scopes: Vec<Scope>,
    /// Milliseconds of Unix time.
    expires: Option<i64>,
    #[serde(flatten)]
    shown: Shown,
}

fn shown(credential: &Credential) -> Value {
    json!({
        "id": credential.id.to_string(),
        "name": credential.name,
        "scopes": credential.scopes,
        "created": credential.created,
        "expires": credential.expires,
    })
}

async fn app_passwords_of(store: &Store, owner: &Owner) -> Result<Vec<Credential>, Refusal> {
    let kind = CredentialKind::AppPassword;
    let found = store.credentials(&owner.account.address, kind).await;
    found.map_err(failed)
}

pub(super) async fn app_passwords(
    State(visitor): State<Arc<Visitor>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let owner = Owner::of(&visitor, &headers).await?;
    let list = app_passwords_of(&visitor.parts.store, &owner).await?;
    let list: Vec<Value> = list.iter().map(shown).collect();
    Ok(told(&json!({ "appPasswords": list })))
}

pub(super) async fn add_app_password(
    State(visitor): State<Arc<Visitor>>,
    request: Request,
) -> Result<Response, Refusal> {
    let (owner, new, _) = asked::<NewAppPassword>(&visitor, request).await?;
    visitor.prove(&owner.account, &new.shown).await?;
    let store = &visitor.parts.store;
    if app_passwords_of(store, &owner).await?.len() >= MAX_APP_PASSWORDS {
        return Err(Refusal::named(403, "blocked", "there are too many of them"));
    }
    let credential = NewCredential {
        kind: CredentialKind::AppPassword,
        name: new.name.trim().to_owned(),
        scopes: new.scopes,
        expires: new.expires,
    };
    let added = store.add_credential(&owner.account.address, credential);
    let (made, secret) = added.await.map_err(failed)?;
    let mut object = shown(&made);
    if let Some(object) = object.as_object_mut() {
        object.insert("secret".into(), secret.into());
    }
    Ok(told(&object))
}

pub(super) async fn remove_app_password(
    State(visitor): State<Arc<Visitor>>,
    Path(id): Path<i64>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let owner = Owner::of(&visitor, &headers).await?;
    let kind = CredentialKind::AppPassword;
    let store = &visitor.parts.store;
    let removed = store.remove_credential(&owner.account.address, kind, id);
    removed.await.map_err(failed)?;
    Ok(done())
}

pub(super) async fn propose_totp(
    State(visitor): State<Arc<Visitor>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let owner = Owner::of(&visitor, &headers).await?;
    let secret = BASE32_NOPAD.encode(&Store::new_totp_secret());
    let uri = totp_uri(&owner.account.address, &secret);
    let qr = crate::discovery::qr::svg(&uri);
    Ok(told(&json!({ "secret": secret, "uri": uri, "qr": qr })))
}

#[derive(Deserialize)]
struct NewTotp {
    secret: String,
    /// A code that was made of it.
    confirmation: String,
    #[serde(flatten)]
    shown: Shown,
}

pub(super) async fn enable_totp(
    State(visitor): State<Arc<Visitor>>,
    request: Request,
) -> Result<Response, Refusal> {
    let (owner, new, _) = asked::<NewTotp>(&visitor, request).await?;
    let decoded = BASE32_NOPAD.decode(new.secret.as_bytes()).ok();
    let secret: [u8; TOTP_SECRET] = decoded
        .and_then(|octets| octets.try_into().ok())
        .ok_or_else(|| Refusal::named(400, "invalid", "that is no secret"))?;
    has_password(&visitor, &owner).await?;
    visitor.prove(&owner.account, &new.shown).await?;
    let code: String = new.confirmation.split_whitespace().collect();
    let store = &visitor.parts.store;
    let confirmed = async {
        let confirmed = store.confirm_totp(&owner.account.address, secret, &code);
        confirmed.await?.ok_or(Error::NotAllowed("a wrong code"))
    };
    recovery::fresh(&visitor, &owner, confirmed, |_| {
        let text = "the code is not one of this secret's, or the clock is wrong";
        Refusal::named(403, "wrongCode", text)
    })
    .await
}

pub(super) async fn disable_totp(
    State(visitor): State<Arc<Visitor>>,
    request: Request,
) -> Result<Response, Refusal> {
    let (owner, shown, _) = asked::<Shown>(&visitor, request).await?;
    visitor.prove(&owner.account, &shown).await?;
    let off = visitor.parts.store.disable_totp(&owner.account.address);
    off.await.map_err(failed)?;
    Ok(done())
}

#[derive(Deserialize)]
struct NewPassword {
    new: String,
    #[serde(flatten)]
    shown: Shown,
}

pub(super) async fn change_password(
    State(visitor): State<Arc<Visitor>>,
    request: Request,
) -> Result<Response, Refusal> {
    let (owner, wanted, head) = asked::<NewPassword>(&visitor, request).await?;
    has_password(&visitor, &owner).await?;
    if wanted.new.chars().count() < SHORTEST || wanted.new.len() > LONGEST {
        let text = format!("a password has {SHORTEST} characters at least");
        return Err(Refusal::named(400, "weakPassword", text));
    }
    visitor.prove(&owner.account, &wanted.shown).await?;
    let address = &owner.account.address;
    // All logins end with the password, this one, too: the browser gets a new one.
    visitor.log_out().await;
    let changed = visitor.parts.store.set_password(address, Some(&wanted.new));
    changed.await.map_err(failed)?;
    visitor.parts.logins_ended.tell();
    let (account, cookie) = visitor.log_in_again(&head.headers, &owner.account).await?;
    let mut response = told(&named(&account));
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// Refuses where the password is kept by somebody else, whom policy asks.
async fn has_password(visitor: &Visitor, owner: &Owner) -> Result<(), Refusal> {
    let directory = visitor.parts.store.directory();
    let secrets = directory.secrets_of(&owner.account.address).await;
    if secrets.map_err(failed)?.password {
        return Ok(());
    }
    let text = "the password of this account is not kept here";
    Err(Refusal::named(403, "notHere", text))
}
