//! App passwords, tokens and one-time codes, as an administrator asks for them.

use data_encoding::BASE32_NOPAD;
use serde_json::{Value, json};
use waxwing_store::{NewCredential, Store};

use super::execute::{local_address, value};
use super::{Exit, Failure, Request};

pub(super) async fn credentials(store: &Store, request: Request) -> Result<Value, Failure> {
    match request {
        Request::CredentialAdd {
            address,
            kind,
            name,
            scopes,
            expires,
        } => {
            let new = NewCredential {
                kind,
                name,
                scopes,
                expires,
            };
            let (made, secret) = store.add_credential(&local_address(&address)?, new).await?;
            let mut told = value(&made);
            if let Some(told) = told.as_object_mut() {
                told.insert("secret".to_owned(), Value::String(secret));
            }
            Ok(told)
        }
        Request::CredentialList { address, kind } => {
            let address = local_address(&address)?;
            if store.directory().account(&address).await?.is_none() {
                return Err(Failure::missing(format!("no such account: {address}")));
            }
            Ok(value(&store.credentials(&address, kind).await?))
        }
        Request::CredentialRemove { address, kind, id } => {
            let address = local_address(&address)?;
            store.remove_credential(&address, kind, id).await?;
            Ok(Value::Null)
        }
        Request::AccountTotp { address, enabled } => totp(store, &address, enabled).await,
        Request::AccountRecoveryCodes { address } => {
            let address = local_address(&address)?;
            let codes = store.make_recovery_codes(&address).await?;
            Ok(json!({ "address": address, "recoveryCodes": codes }))
        }
        _ => Err(Failure::new(Exit::Software, "a request without an answer")),
    }
}

async fn totp(store: &Store, address: &str, enabled: bool) -> Result<Value, Failure> {
    let address = local_address(address)?;
    if !enabled {
        store.disable_totp(&address).await?;
        return Ok(Value::Null);
    }
    let (secret, codes) = store.enable_totp(&address).await?;
    let secret = BASE32_NOPAD.encode(&secret);
    let uri = totp_uri(&address, &secret);
    Ok(json!({ "address": address, "secret": secret, "uri": uri, "recoveryCodes": codes }))
}

/// What authenticators read as a QR code; what it leaves out is RFC 6238's default.
pub(crate) fn totp_uri(address: &str, secret: &str) -> String {
    format!(
        "otpauth://totp/Waxwing:{}?secret={secret}&issuer=Waxwing",
        escaped(address)
    )
}

/// RFC 3986 §3.3: what a segment of a path may hold as it is.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || b"-._~@+".contains(&octet) {
            out.push(char::from(octet));
        } else {
            out.push_str(&format!("%{octet:02X}"));
        }
    }
    out
}
