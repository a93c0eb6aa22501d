//! The client's side of exchanges: PLAIN, LOGIN, SCRAM-SHA-256 and SCRAM-SHA-256-PLUS.
//!
//! Standards: RFC 4616, draft-murchison-sasl-login, RFC 5802, RFC 7677, RFC 9266; RFC 4954 §4 for `=`.
//! Invariants: by SCRAM the server proves that it knows the keys, or the login has not succeeded, whatever it says.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::credentials::Credentials;
use crate::exchange::SaslError;
use crate::mechanism::Mechanism;
use crate::scram::{ChannelBinding, client as scram};

/// What a client logs in with.
#[derive(Clone)]
pub struct Login {
    /// Name and password.
    pub credentials: Credentials,
    /// Printable characters without a comma, fresh for each connection and not to be guessed: 18 random octets in base64.
    pub nonce: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

/// A running exchange of a client.
pub struct ClientExchange(State);

enum State {
    /// PLAIN without an initial response.
    Plain(Credentials),
    LoginUser(Credentials),
    LoginPassword(Credentials),
    ScramFirst(scram::First),
    ScramFinal(scram::Final),
    /// All that the mechanism has was said; by SCRAM the server has proved itself.
    Said,
}

impl ClientExchange {
    /// The best of the mechanisms that a server offers and that may be used. `secure`: TLS is on, or clear passwords are
    /// permitted.
    #[must_use]
    pub fn choose(offered: &[Mechanism], secure: bool, channel: bool) -> Option<Mechanism> {
        let usable = |mechanism: Mechanism| match mechanism {
            Mechanism::ScramSha256Plus => channel,
            Mechanism::ScramSha256 => true,
            Mechanism::Plain | Mechanism::Login => secure,
            Mechanism::OAuthBearer | Mechanism::XOAuth2 | Mechanism::External => false,
        };
        Mechanism::ALL
            .into_iter()
            .find(|mechanism| offered.contains(mechanism) && usable(*mechanism))
    }

    /// Begins: the initial response in base64, if the mechanism has one, and what waits for the server.
    ///
    /// # Errors
    /// The credentials cannot be said by this mechanism, or a client does not speak it.
    pub fn start(
        mechanism: Mechanism,
        login: &Login,
        channel: Option<&ChannelBinding>,
    ) -> Result<(Option<String>, Self), SaslError> {
        let credentials = &login.credentials;
        match mechanism {
            Mechanism::Plain => {
                let response = STANDARD.encode(plain(credentials)?);
                Ok((Some(response), Self(State::Said)))
            }
            Mechanism::Login => Ok((None, Self(State::LoginUser(credentials.clone())))),
            Mechanism::ScramSha256 => Self::scram(login, false, channel),
            Mechanism::ScramSha256Plus if channel.is_some() => Self::scram(login, true, channel),
            Mechanism::ScramSha256Plus
            | Mechanism::OAuthBearer
            | Mechanism::XOAuth2
            | Mechanism::External => Err(SaslError::Malformed),
        }
    }

    fn scram(
        login: &Login,
        plus: bool,
        channel: Option<&ChannelBinding>,
    ) -> Result<(Option<String>, Self), SaslError> {
        let (message, first) = scram::start(&login.credentials, &login.nonce, plus, channel)?;
        Ok((
            Some(STANDARD.encode(message)),
            Self(State::ScramFirst(first)),
        ))
    }

    /// The same without an initial response, where the protocol or the length of its lines forbids one.
    ///
    /// # Errors
    /// As for [`ClientExchange::start`].
    pub fn start_without(
        mechanism: Mechanism,
        login: &Login,
        channel: Option<&ChannelBinding>,
    ) -> Result<(Option<String>, Self), SaslError> {
        match mechanism {
            Mechanism::Plain => {
                plain(&login.credentials)?;
                Ok((None, Self(State::Plain(login.credentials.clone()))))
            }
            _ => Self::start(mechanism, login, channel),
        }
    }

    /// Takes a challenge in base64; gives the response in base64.
    ///
    /// # Errors
    /// The challenge makes no sense, or the server has proved that it does not know the password.
    pub fn respond(self, challenge: &str) -> Result<(String, Self), SaslError> {
        let challenge = STANDARD
            .decode(challenge.trim())
            .map_err(|_| SaslError::Base64)?;
        let (response, next) = match self.0 {
            State::Plain(credentials) => (plain(&credentials)?, State::Said),
            // What the challenges of LOGIN say differs, and their order does not.
            State::LoginUser(credentials) => {
                let user = credentials.user.clone().into_bytes();
                (user, State::LoginPassword(credentials))
            }
            State::LoginPassword(credentials) => (credentials.password.into_bytes(), State::Said),
            State::ScramFirst(first) => {
                let (message, waiting) = first.read(&challenge)?;
                (message.into_bytes(), State::ScramFinal(waiting))
            }
            State::ScramFinal(waiting) => {
                waiting.read(&challenge)?;
                (Vec::new(), State::Said)
            }
            State::Said => return Err(SaslError::Malformed),
        };
        Ok((STANDARD.encode(response), Self(next)))
    }

    /// The server says that the login succeeded: whether that may be believed.
    ///
    /// # Errors
    /// The exchange was not at its end, or the server has not proved that it knows the keys.
    pub fn succeeded(self) -> Result<(), SaslError> {
        match self.0 {
            State::Said => Ok(()),
            State::ScramFirst(_) | State::ScramFinal(_) => Err(SaslError::Impostor),
            _ => Err(SaslError::Malformed),
        }
    }
}

impl fmt::Debug for ClientExchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientExchange")
    }
}

/// RFC 4616 §2: `message = [authzid] UTF8NUL authcid UTF8NUL passwd`.
fn plain(credentials: &Credentials) -> Result<Vec<u8>, SaslError> {
    let parts = [
        &credentials.authorise_as,
        &credentials.user,
        &credentials.password,
    ];
    if parts.iter().any(|part| part.contains('\0')) {
        return Err(SaslError::Malformed);
    }
    Ok(parts.map(String::as_str).join("\0").into_bytes())
}
