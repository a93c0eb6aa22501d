//! The server's side of SCRAM.
//!
//! Standards: RFC 5802 §5 (messages), §6 (channel binding, and clients that were made to believe there is none).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{
    ChannelBinding, ScramKeys, TLS_EXPORTER, attribute, auth_message, base64, decode_name, hmac,
    is_nonce, same, sha256, xor,
};
use crate::credentials::Credentials;
use crate::exchange::SaslError;

/// The longest nonce of a client, in octets; clients send some 20 to 50.
const LONGEST_NONCE: usize = 128;

/// The client has said who it is; its keys are wanted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct First {
    pub(crate) user: String,
    pub(crate) authorise_as: String,
    binding: Binding,
    /// As it was sent, up to and with the second comma.
    gs2_header: String,
    bare: String,
    nonce: String,
}

/// What the client says of channel binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Binding {
    /// `n`: it knows none.
    None,
    /// `y`: it knows some, and believes that the server does not.
    NotOffered,
    /// `p=tls-exporter`.
    TlsExporter,
}

/// Server-first was sent; the proof is due.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Final {
    first: First,
    keys: ScramKeys,
    /// The client's nonce and the server's.
    nonce: String,
    server_first: String,
    channel: Option<ChannelBinding>,
}

/// What the proof came to.
pub(crate) struct Proved {
    pub(crate) user: String,
    pub(crate) authorise_as: String,
    /// Server-final if the proof is right, else `None`.
    pub(crate) server_final: Option<String>,
}

impl First {
    /// Reads `client-first-message`. `plus` is whether the mechanism is the -PLUS one.
    pub(crate) fn read(message: &[u8], plus: bool) -> Result<Self, SaslError> {
        if message.len() > 4 * Credentials::LONGEST {
            return Err(SaslError::TooLong);
        }
        let message = std::str::from_utf8(message).map_err(|_| SaslError::Malformed)?;
        let mut parts = message.splitn(3, ',');
        let (Some(flag), Some(authzid), Some(bare)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(SaslError::Malformed);
        };
        let binding = match (flag, plus) {
            ("n", false) => Binding::None,
            ("y", false) => Binding::NotOffered,
            // RFC 5802 §6: the flag and the name of the mechanism go together.
            (flag, true) if flag.strip_prefix("p=") == Some(TLS_EXPORTER) => Binding::TlsExporter,
            _ => return Err(SaslError::Malformed),
        };
        let authorise_as = match authzid {
            "" => String::new(),
            text => decode_name(attribute(Some(text), 'a')?)?,
        };
        // RFC 5802 §5.1: `m=` in place of the name is an extension that must be understood, and none is. What follows the
        // nonce may be ignored.
        let mut attributes = bare.split(',');
        let user = decode_name(attribute(attributes.next(), 'n')?)?;
        let nonce = attribute(attributes.next(), 'r')?;
        // The server's first message, with both nonces in base64, must fit a line of a reply (RFC 5321 §4.5.3.1.5).
        if user.is_empty() || !is_nonce(nonce) || nonce.len() > LONGEST_NONCE {
            return Err(SaslError::Malformed);
        }
        if user.len().max(authorise_as.len()) > Credentials::LONGEST {
            return Err(SaslError::TooLong);
        }
        Ok(Self {
            user: stringprep::saslprep(&user)
                .map_err(|_| SaslError::Malformed)?
                .into_owned(),
            authorise_as,
            binding,
            gs2_header: format!("{flag},{authzid},"),
            nonce: nonce.to_owned(),
            bare: bare.to_owned(),
        })
    }

    /// Takes the user's keys and the server's own nonce; gives server-first and what waits for the proof. `channel` is
    /// given if and only if the -PLUS mechanism was offered.
    pub(crate) fn keys(
        self,
        keys: ScramKeys,
        nonce: &str,
        channel: Option<ChannelBinding>,
    ) -> Result<(String, Final), SaslError> {
        let cheated = match self.binding {
            Binding::None => false,
            // RFC 5802 §6: somebody between took -PLUS off the list.
            Binding::NotOffered => channel.is_some(),
            Binding::TlsExporter => channel.is_none(),
        };
        if cheated || !is_nonce(nonce) {
            return Err(SaslError::Malformed);
        }
        let nonce = format!("{}{nonce}", self.nonce);
        let salt = STANDARD.encode(&keys.salt);
        let server_first = format!("r={nonce},s={salt},i={}", keys.iterations);
        let waiting = Final {
            first: self,
            keys,
            nonce,
            server_first: server_first.clone(),
            channel,
        };
        Ok((server_first, waiting))
    }
}

impl Final {
    /// Reads `client-final-message`.
    pub(crate) fn read(self, message: &[u8]) -> Result<Proved, SaslError> {
        let message = std::str::from_utf8(message).map_err(|_| SaslError::Malformed)?;
        let (without_proof, proof) = message.rsplit_once(",p=").ok_or(SaslError::Malformed)?;
        let mut attributes = without_proof.split(',');
        let channel = base64(attribute(attributes.next(), 'c')?)?;
        let nonce = attribute(attributes.next(), 'r')?;
        let proof: [u8; 32] = base64(proof)?
            .try_into()
            .map_err(|_| SaslError::Malformed)?;
        // RFC 5802 §5.1: the nonce MUST be the one that was sent.
        if nonce != self.nonce {
            return Err(SaslError::Malformed);
        }
        let said = auth_message(&self.first.bare, &self.server_first, without_proof);
        let signature = hmac(&self.keys.stored_key, &[said.as_bytes()]);
        let proved = same(&sha256(&xor(proof, &signature)), &self.keys.stored_key);
        let bound = same(&channel, &self.channel_input());
        let server_signature = hmac(&self.keys.server_key, &[said.as_bytes()]);
        Ok(Proved {
            user: self.first.user,
            authorise_as: self.first.authorise_as,
            server_final: (proved && bound)
                .then(|| format!("v={}", STANDARD.encode(server_signature))),
        })
    }

    /// RFC 5802 §7: `cbind-input = gs2-header [ cbind-data ]`.
    fn channel_input(&self) -> Vec<u8> {
        let mut input = self.first.gs2_header.clone().into_bytes();
        if let (Binding::TlsExporter, Some(channel)) = (self.first.binding, &self.channel) {
            input.extend_from_slice(channel);
        }
        input
    }
}
