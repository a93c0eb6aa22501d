//! The client's side of SCRAM.
//!
//! Standards: RFC 5802 §5.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{
    ChannelBinding, TLS_EXPORTER, attribute, auth_message, base64, encode_name, hmac, is_nonce,
    salted_password, same, sha256, xor,
};
use crate::credentials::Credentials;
use crate::exchange::SaslError;

/// The most iterations that a server may demand: some seconds of work.
const MOST_ITERATIONS: u32 = 5_000_000;
/// RFC 7677 §4: the fewest, below which an eavesdropper could guess the password too cheaply.
const FEWEST_ITERATIONS: u32 = 4096;

/// Client-first was sent.
pub(crate) struct First {
    password: String,
    /// `cbind-input`, in base64.
    channel: String,
    bare: String,
    nonce: String,
}

/// Client-final was sent; the server is to prove that it knows the keys.
pub(crate) struct Final {
    server_signature: [u8; 32],
}

/// Client-first and what waits for server-first, `plus` for the -PLUS mechanism.
pub(crate) fn start(
    credentials: &Credentials,
    nonce: &str,
    plus: bool,
    channel: Option<&ChannelBinding>,
) -> Result<(String, First), SaslError> {
    if !is_nonce(nonce) {
        return Err(SaslError::Malformed);
    }
    let flag = match (plus, channel) {
        (true, _) => format!("p={TLS_EXPORTER}"),
        // RFC 5802 §6: a server that does offer -PLUS learns that somebody has hidden it.
        (false, Some(_)) => "y".to_owned(),
        (false, None) => "n".to_owned(),
    };
    let authzid = match credentials.authorise_as.as_str() {
        "" => String::new(),
        name => format!("a={}", encode_name(name)),
    };
    let user = stringprep::saslprep(&credentials.user).map_err(|_| SaslError::Malformed)?;
    let gs2_header = format!("{flag},{authzid},");
    let bare = format!("n={},r={nonce}", encode_name(&user));
    let mut input = gs2_header.clone().into_bytes();
    if let (true, Some(channel)) = (plus, channel) {
        input.extend_from_slice(channel);
    }
    let message = format!("{gs2_header}{bare}");
    let first = First {
        password: credentials.password.clone(),
        channel: STANDARD.encode(input),
        nonce: nonce.to_owned(),
        bare,
    };
    Ok((message, first))
}

impl First {
    /// Reads `server-first-message`; gives client-final.
    pub(crate) fn read(self, message: &[u8]) -> Result<(String, Final), SaslError> {
        let message = std::str::from_utf8(message).map_err(|_| SaslError::Malformed)?;
        let mut attributes = message.split(',');
        let nonce = attribute(attributes.next(), 'r')?;
        let salt = base64(attribute(attributes.next(), 's')?)?;
        let iterations: u32 = attribute(attributes.next(), 'i')?
            .parse()
            .map_err(|_| SaslError::Malformed)?;
        // RFC 5802 §5.1: the server's nonce begins with the client's, and goes on.
        let fresh = nonce
            .strip_prefix(self.nonce.as_str())
            .is_some_and(is_nonce);
        if !fresh || !(FEWEST_ITERATIONS..=MOST_ITERATIONS).contains(&iterations) {
            return Err(SaslError::Malformed);
        }
        let salted = salted_password(&self.password, &salt, iterations)?;
        let client_key = hmac(&salted, &[b"Client Key"]);
        let without_proof = format!("c={},r={nonce}", self.channel);
        let said = auth_message(&self.bare, message, &without_proof);
        let signature = hmac(&sha256(&client_key), &[said.as_bytes()]);
        let proof = STANDARD.encode(xor(client_key, &signature));
        let server_key = hmac(&salted, &[b"Server Key"]);
        let waiting = Final {
            server_signature: hmac(&server_key, &[said.as_bytes()]),
        };
        Ok((format!("{without_proof},p={proof}"), waiting))
    }
}

impl Final {
    /// Reads `server-final-message`: whether the server knows the keys.
    pub(crate) fn read(self, message: &[u8]) -> Result<(), SaslError> {
        let message = std::str::from_utf8(message).map_err(|_| SaslError::Malformed)?;
        let verifier = base64(attribute(message.split(',').next(), 'v')?)?;
        if same(&verifier, &self.server_signature) {
            Ok(())
        } else {
            Err(SaslError::Impostor)
        }
    }
}
