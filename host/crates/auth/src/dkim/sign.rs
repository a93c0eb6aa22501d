//! Signing mail (RFC 6376 §5).

use std::borrow::Borrow;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mail_auth::dkim::Canonicalization;

use super::signing_key::{KeyError, SigningKey};
use crate::canonical::body_hash;
use crate::message::Message;

/// Fields that are signed once more than they are there, so that nobody adds one (RFC 6376 §8.15).
const OVERSIGNED: [&str; 13] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];

/// Fields that are signed if they are there (RFC 6376 §5.4.1); lists may add them later.
const SIGNED: [&str; 14] = [
    "Resent-Date",
    "Resent-From",
    "Resent-To",
    "Resent-Cc",
    "Resent-Message-ID",
    "List-Id",
    "List-Help",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "List-Subscribe",
    "List-Post",
    "List-Owner",
    "List-Archive",
    "Autocrypt",
];

/// A key with the names under which it is published.
#[derive(Debug)]
pub struct DkimSigner {
    /// The key.
    pub key: SigningKey,
    /// `d=`, in A-labels.
    pub domain: String,
    /// `s=`.
    pub selector: String,
}

/// Signs a message with each key, at a time in seconds since 1970, and gives the fields to put on top. An RSA key should come first: what
/// does not know Ed25519 takes the first signature it understands.
pub fn sign<S: Borrow<DkimSigner>>(
    message: &Message<'_>,
    signers: &[S],
    now: u64,
) -> Result<String, KeyError> {
    let mut fields = String::new();
    if signers.is_empty() {
        return Ok(fields);
    }
    let hash = body_hash(message.body(), Canonicalization::Relaxed, None);
    for signer in signers {
        let DkimSigner {
            key,
            domain,
            selector,
        } = signer.borrow();
        let algorithm = key.algorithm().as_str();
        let head = format!(
            "v=1; a={algorithm}; c=relaxed/relaxed;\r\n\td={domain}; s={selector}; t={now};\r\n"
        );
        let names = names(message, &[], true);
        fields.push_str(&signed(
            "DKIM-Signature",
            &head,
            &names,
            &hash.digest,
            message,
            key,
        )?);
    }
    Ok(fields)
}

/// What `h=` lists: each field as often as it is there, and some once more.
pub(crate) fn names(message: &Message<'_>, more: &[&str], oversign: bool) -> Vec<String> {
    let mut names = Vec::new();
    let mut add = |name: &str, extra: usize| {
        let count = message.named(name).count() + extra;
        names.extend(std::iter::repeat_n(name.to_owned(), count));
    };
    for name in OVERSIGNED {
        // RFC 6376 §5.4: From is always signed.
        add(name, usize::from(oversign || name == "From"));
    }
    for name in SIGNED.iter().chain(more) {
        add(name, 0);
    }
    names
}

/// A field that signs header and body: its first tags, `h=`, `bh=` and `b=`.
pub(crate) fn signed(
    name: &str,
    head: &str,
    names: &[String],
    body_hash: &[u8],
    message: &Message<'_>,
    key: &SigningKey,
) -> Result<String, KeyError> {
    let mut value = format!(" {head}");
    value.push_str(&list(names));
    let _infallible = write!(value, "\tbh={};\r\n\tb=", STANDARD.encode(body_hash));
    let mut fields = message.picked(names);
    fields.push((name.as_bytes(), value.as_bytes()));
    let signature = key.sign(&canonical(&fields))?;
    Ok(format!("{name}:{value}{}\r\n", folded(&signature)))
}

/// Header fields in relaxed form, as they are signed.
pub(crate) fn canonical(fields: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut octets = Vec::new();
    Canonicalization::Relaxed.canonicalize_headers(fields.iter().copied(), &mut octets);
    octets
}

/// RFC 5322 §2.1.1: lines of at most 78 characters, where that can be.
fn list(names: &[String]) -> String {
    let mut out = "\th=".to_owned();
    let mut width = 10;
    for (index, name) in names.iter().enumerate() {
        if index > 0 {
            out.push(':');
        }
        if width + name.len() + 1 > 76 {
            out.push_str("\r\n\t ");
            width = 9;
        }
        out.push_str(name);
        width += name.len() + 1;
    }
    out + ";\r\n"
}

/// Base 64 on lines of its own.
pub(crate) fn folded(text: &str) -> String {
    let chunks = text.as_bytes().chunks(70);
    let lines: Vec<_> = chunks.map(String::from_utf8_lossy).collect();
    lines.join("\r\n\t ")
}
