//! What the policy wants signed and sealed, done: after the last change of a message, before it enters the queue.
//!
//! Standards: RFC 6376 §5 (signing); RFC 8463 §3; RFC 8617 §5.1 (sealing).
//! Invariant: nothing of a message that was signed here is changed by this server afterwards.
//!
//! A message is signed once, when it enters the queue, and not at each attempt: what must be converted for a host without 8BITMIME is
//! converted before it is signed (RFC 6376 §5.3), which helps with hosts further on, too. What is only sealed keeps its octets, for the
//! signatures of others to hold.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use waxwing_auth::arc::{ArcOutcome, Sealer};
use waxwing_auth::dkim::{self, DkimSigner, KeyError};
use waxwing_auth::{Message, Results};
use waxwing_mail::{Body, Envelope};
use waxwing_policy::{DkimKey, SubmitOutcome};

use crate::answer::LARGE;
use crate::keys::{self, KeysError};
use crate::wiring::Parts;

/// What was found out about a message when it came: to be sealed.
#[derive(Clone)]
pub(crate) struct Found {
    pub(crate) arc: ArcOutcome,
    /// All results as in Authentication-Results, after the id and its semicolon.
    pub(crate) results: String,
}

impl Found {
    pub(crate) fn new(
        envelope: &waxwing_auth::Envelope<'_>,
        results: &Results,
        utf8: bool,
    ) -> Self {
        Self {
            arc: results.arc.clone(),
            results: waxwing_auth::fields::result_list(envelope, results, utf8),
        }
    }
}

/// What is to be done to a message.
struct Work {
    signers: Vec<Arc<DkimSigner>>,
    sealer: Option<(Arc<DkimSigner>, Found)>,
    /// The content may be converted to 7 bits first.
    convertible: bool,
    authserv_id: String,
}

/// A message as it leaves.
pub(crate) struct Signed {
    pub(crate) content: Bytes,
    /// It was converted to 7 bits.
    seven_bit: bool,
}

impl Signed {
    /// A message without signatures.
    pub(crate) fn as_it_is(content: Bytes) -> Self {
        Self {
            content,
            seven_bit: false,
        }
    }

    /// The envelope that goes with it.
    pub(crate) fn envelope<'a>(&self, came: &'a Envelope) -> Cow<'a, Envelope> {
        if !self.seven_bit {
            return Cow::Borrowed(came);
        }
        let mut envelope = came.clone();
        envelope.body = Body::SevenBit;
        Cow::Owned(envelope)
    }
}

/// Makes the changes of `hook-submit`, signs and seals. `smtputf8`: the header may have UTF-8.
///
/// # Errors
/// Keys that are there cannot be used: better late than unsigned.
pub(crate) async fn sign(
    parts: &Parts,
    submitted: &SubmitOutcome,
    content: &Bytes,
    found: Option<&Found>,
    smtputf8: bool,
) -> Result<Signed, KeysError> {
    let content = edited(submitted, content, smtputf8);
    let work = Work {
        signers: signers(parts, &submitted.signatures).await?,
        sealer: sealer(parts, submitted.seal.as_ref(), found).await?,
        convertible: !smtputf8,
        authserv_id: parts.config.auth.authserv_id.clone(),
    };
    if work.signers.is_empty() && work.sealer.is_none() {
        return Ok(Signed::as_it_is(content));
    }
    if content.len() <= LARGE {
        return Ok(work.finish(content)?);
    }
    let finished = tokio::task::spawn_blocking(move || work.finish(content)).await;
    Ok(finished.unwrap_or_else(|error| Err(KeyError::Library(error.to_string())))?)
}

/// All keys that the policy named, each once.
async fn signers(parts: &Parts, wanted: &[DkimKey]) -> Result<Vec<Arc<DkimSigner>>, KeysError> {
    let mut signers: Vec<Arc<DkimSigner>> = Vec::new();
    for key in wanted {
        for signer in meant(parts, key).await? {
            if !signers.iter().any(|known| Arc::ptr_eq(known, &signer)) {
                signers.push(signer);
            }
        }
    }
    Ok(signers)
}

async fn sealer(
    parts: &Parts,
    wanted: Option<&DkimKey>,
    found: Option<&Found>,
) -> Result<Option<(Arc<DkimSigner>, Found)>, KeysError> {
    let (Some(key), Some(found)) = (wanted, found) else {
        return Ok(None);
    };
    let signer = meant(parts, key).await?.into_iter().next();
    Ok(signer.map(|signer| (signer, found.clone())))
}

/// The keys that sign now and are meant, an RSA key first.
async fn meant(parts: &Parts, key: &DkimKey) -> Result<Vec<Arc<DkimSigner>>, KeysError> {
    let signers = parts.keys.signers(&key.domain).await?;
    let is_meant = |signer: &&Arc<DkimSigner>| {
        key.selector.is_empty() || signer.selector.eq_ignore_ascii_case(&key.selector)
    };
    let meant: Vec<_> = signers.iter().filter(is_meant).cloned().collect();
    if meant.is_empty() && !key.selector.is_empty() {
        tracing::warn!(
            domain = key.domain,
            selector = key.selector,
            "the policy wants a key that does not sign: see `waxwing domain key list`"
        );
    }
    Ok(meant)
}

impl Work {
    fn finish(&self, content: Bytes) -> Result<Signed, KeyError> {
        let (content, seven_bit) = self.converted(content);
        let now = keys::now();
        let signatures = dkim::sign(&Message::read(&content), &self.signers, now)?;
        let signed = on_top(&signatures, content);
        let seal = self.seal(&signed, now)?;
        Ok(Signed {
            content: on_top(&seal, signed),
            seven_bit,
        })
    }

    /// RFC 6376 §5.3: what a relay would convert, and so make signatures void, is converted before. What cannot be is converted by nobody.
    fn converted(&self, content: Bytes) -> (Bytes, bool) {
        let wanted = !self.signers.is_empty() && self.sealer.is_none() && self.convertible;
        if !wanted || content.is_ascii() {
            return (content, false);
        }
        match waxwing_message::seven_bit(&content) {
            Ok(converted) => (converted.into(), true),
            Err(_) => (content, false),
        }
    }

    fn seal(&self, content: &[u8], now: u64) -> Result<String, KeyError> {
        let Some((signer, found)) = &self.sealer else {
            return Ok(String::new());
        };
        let sealer = Sealer {
            signer,
            authserv_id: &self.authserv_id,
        };
        let message = Message::read(content);
        match sealer.seal(&message, &found.arc, &found.results, now) {
            Ok(fields) => Ok(fields),
            Err(waxwing_auth::arc::SealError::Key(error)) => Err(error),
            // A chain that ends here is better than a seal that says what is not known.
            Err(error) => {
                tracing::debug!(%error, "a message goes on without a seal");
                Ok(String::new())
            }
        }
    }
}

fn on_top(fields: &str, content: Bytes) -> Bytes {
    if fields.is_empty() {
        return content;
    }
    [fields.as_bytes(), &content].concat().into()
}

/// The header as `hook-submit` wants it.
fn edited(submitted: &SubmitOutcome, content: &Bytes, smtputf8: bool) -> Bytes {
    let rewritten = submitted.rewrite(content, smtputf8);
    on_top(&rewritten.top, rewritten.rest)
}
