//! An exchange consumes itself: each response gives the next challenge with the exchange that waits for its
//! response, or the credentials, or an error.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::credentials::Credentials;
use crate::mechanism::Mechanism;
use crate::oauth;
use crate::offer::{Offer, Proof};
use crate::scram::{ChannelBinding, ScramKeys, server as scram};

/// Why an exchange failed; always the peer's doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SaslError {
    /// The peer sent `*`.
    #[error("the exchange was cancelled")]
    Cancelled,
    /// A line that is not base64 (RFC 4648 §4, with padding).
    #[error("the response is not base64")]
    Base64,
    /// Base64 of what the mechanism does not allow.
    #[error("the response is not one of this mechanism")]
    Malformed,
    /// Longer than [`Credentials::LONGEST`] or [`Token::LONGEST`](crate::Token::LONGEST).
    #[error("the response is too long")]
    TooLong,
    /// The client was told that its token is not taken, and has nothing to add (RFC 7628 §3.2.3).
    #[error("the token is not taken")]
    Refused,
    /// The client does not go on behind the server's proof, when policy has let it in already: its session is to end.
    #[error("the server's proof is not taken")]
    Unconfirmed,
    /// The server has not proved that it knows the keys of the password (RFC 5802 §3).
    #[error("the server does not know the password")]
    Impostor,
}

/// Where an exchange stands after a line.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    /// Send this challenge and hand the next line to [`Exchange::respond`].
    Challenge {
        /// Base64, without what the protocol puts around it; may be empty.
        text: Cow<'static, str>,
        /// What waits for the response.
        exchange: Exchange,
    },
    /// The keys of a user are needed: hand them to [`KeysWanted::keys`].
    Keys(KeysWanted),
    /// All is said; whether it is enough is for the policy to find out. If a token is not, go on with [`Exchange::refuse`].
    Done(Offer),
    /// A password was proved, which the client must not learn before policy lets it in: then go on with [`Proven::confirm`].
    Proved {
        /// What policy is asked about.
        offer: Offer,
        /// What waits for a yes.
        proven: Proven,
    },
    /// The client has taken the proof of a server that has let it in.
    Confirmed,
}

/// What a server has to say to a client that has proved a password: server-final (RFC 5802 §7).
#[derive(PartialEq, Eq)]
pub struct Proven(String);

impl fmt::Debug for Proven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proven")
    }
}

impl Proven {
    /// Policy lets the client in: the server's own proof, to be sent as a challenge, and what takes the line that comes back.
    ///
    /// A challenge, since these protocols have no room for it beside their reply (RFC 4954 §4). That line is empty
    /// ([`Progress::Confirmed`]), or [`SaslError::Unconfirmed`].
    #[must_use]
    pub fn confirm(self) -> (Cow<'static, str>, Exchange) {
        (STANDARD.encode(self.0).into(), Exchange(State::Confirm))
    }
}

/// An exchange by SCRAM whose client has said who it is.
#[derive(Debug, PartialEq, Eq)]
pub struct KeysWanted(scram::First);

/// What a server puts to an exchange by SCRAM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerPart {
    /// The keys of the user; [`ScramKeys::pretend`] for one that there is not.
    pub keys: ScramKeys,
    /// Printable characters without a comma, fresh and not to be guessed: 18 random octets in base64.
    pub nonce: String,
    /// What the TLS connection is known by, if and only if the -PLUS mechanism is offered on it.
    pub channel: Option<ChannelBinding>,
}

impl KeysWanted {
    /// Whose keys are wanted.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.0.user
    }

    /// Goes on with the keys.
    ///
    /// # Errors
    /// What the client says of channel binding does not fit what it was offered (RFC 5802 §6).
    pub fn keys(self, part: ServerPart) -> Result<Progress, SaslError> {
        let (message, waiting) = self.0.keys(part.keys, &part.nonce, part.channel)?;
        Ok(Progress::Challenge {
            text: STANDARD.encode(message).into(),
            exchange: Exchange(State::ScramFinal(Box::new(waiting))),
        })
    }
}

/// A running exchange.
#[derive(Debug, PartialEq, Eq)]
pub struct Exchange(State);

#[derive(PartialEq, Eq)]
enum State {
    Plain,
    LoginUser,
    LoginPassword {
        user: String,
    },
    /// SCRAM; true for -PLUS.
    ScramFirst(bool),
    ScramFinal(Box<scram::Final>),
    /// The proof was right, the client is let in, and server-final was sent.
    Confirm,
    Bearer,
    XOAuth2,
    External,
    /// The token was not taken.
    Refused,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "Plain",
            Self::LoginUser => "LoginUser",
            Self::LoginPassword { .. } => "LoginPassword",
            Self::ScramFirst(_) => "ScramFirst",
            Self::ScramFinal(_) => "ScramFinal",
            Self::Confirm => "Confirm",
            Self::Bearer => "Bearer",
            Self::XOAuth2 => "XOAuth2",
            Self::External => "External",
            Self::Refused => "Refused",
        })
    }
}

/// Base64 of `Username:`, in the spelling that clients compare with.
const USERNAME: &str = "VXNlcm5hbWU6";
/// Base64 of `Password:`.
const PASSWORD: &str = "UGFzc3dvcmQ6";

impl Exchange {
    /// Begins an exchange. `initial` is the initial response as it stood in the command, base64 or `=`.
    pub fn start(mechanism: Mechanism, initial: Option<&[u8]>) -> Result<Progress, SaslError> {
        let state = match mechanism {
            Mechanism::Plain => State::Plain,
            Mechanism::Login => State::LoginUser,
            Mechanism::ScramSha256 => State::ScramFirst(false),
            Mechanism::ScramSha256Plus => State::ScramFirst(true),
            Mechanism::OAuthBearer => State::Bearer,
            Mechanism::XOAuth2 => State::XOAuth2,
            Mechanism::External => State::External,
        };
        match initial {
            // RFC 4954 §4: `=` is an initial response of no octets.
            Some(b"=") => state.take(b""),
            Some(line) => state.take(&decode(line)?),
            None => Ok(Progress::Challenge {
                text: state.challenge().into(),
                exchange: Self(state),
            }),
        }
    }

    /// Tells a client that its token is not taken, which it is to confirm before the login fails (RFC 7628 §3.2.3).
    #[must_use]
    pub fn refuse(mechanism: Mechanism) -> Progress {
        let why = match mechanism {
            Mechanism::XOAuth2 => oauth::REFUSED_XOAUTH2,
            _ => oauth::REFUSED,
        };
        Progress::Challenge {
            text: STANDARD.encode(why).into(),
            exchange: Self(State::Refused),
        }
    }

    /// The line that was to be the response could not be read.
    #[must_use]
    pub fn unreadable(&self) -> SaslError {
        match self.0 {
            State::Confirm => SaslError::Unconfirmed,
            _ => SaslError::TooLong,
        }
    }

    /// Takes the peer's line, without its line end.
    pub fn respond(self, line: &[u8]) -> Result<Progress, SaslError> {
        if self.0 == State::Confirm {
            // The client has nothing to add to the server's proof.
            return if line.is_empty() {
                Ok(Progress::Confirmed)
            } else {
                Err(SaslError::Unconfirmed)
            };
        }
        // RFC 4954 §4, RFC 9051 §6.2.2, RFC 5034 §4: `*` cancels.
        if line == b"*" {
            return Err(SaslError::Cancelled);
        }
        self.0.take(&decode(line)?)
    }
}

impl State {
    fn challenge(&self) -> &'static str {
        match self {
            Self::LoginUser => USERNAME,
            Self::LoginPassword { .. } => PASSWORD,
            _ => "",
        }
    }

    fn take(self, response: &[u8]) -> Result<Progress, SaslError> {
        match self {
            Self::Plain => Ok(Progress::Done(Offer::Password(plain(response)?))),
            Self::LoginUser => {
                let next = Self::LoginPassword {
                    user: name(response)?,
                };
                Ok(Progress::Challenge {
                    text: next.challenge().into(),
                    exchange: Exchange(next),
                })
            }
            Self::LoginPassword { user } => {
                let credentials = Credentials::new(user, text(response)?);
                Ok(Progress::Done(Offer::Password(credentials)))
            }
            Self::ScramFirst(plus) => {
                let first = scram::First::read(response, plus)?;
                Ok(Progress::Keys(KeysWanted(first)))
            }
            Self::ScramFinal(waiting) => Ok(proof(waiting.read(response)?)),
            Self::Confirm => Err(SaslError::Unconfirmed),
            Self::Bearer => Ok(Progress::Done(Offer::Token(oauth::bearer(response)?))),
            Self::XOAuth2 => Ok(Progress::Done(Offer::Token(oauth::xoauth2(response)?))),
            // RFC 4422 appendix A.1: the authorisation identity, or nothing.
            Self::External => Ok(Progress::Done(Offer::External(text(response)?))),
            Self::Refused => Err(SaslError::Refused),
        }
    }
}

fn proof(proved: scram::Proved) -> Progress {
    let offer = Offer::Proof(Proof {
        user: proved.user,
        authorise_as: proved.authorise_as,
        proved: proved.server_final.is_some(),
    });
    match proved.server_final {
        Some(message) => Progress::Proved {
            offer,
            proven: Proven(message),
        },
        None => Progress::Done(offer),
    }
}

fn decode(line: &[u8]) -> Result<Vec<u8>, SaslError> {
    STANDARD.decode(line).map_err(|_| SaslError::Base64)
}

/// RFC 4616 §2: `message = [authzid] UTF8NUL authcid UTF8NUL passwd`.
fn plain(response: &[u8]) -> Result<Credentials, SaslError> {
    let mut parts = response.split(|byte| *byte == 0);
    let (Some(authorise_as), Some(user), Some(password), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(SaslError::Malformed);
    };
    Ok(Credentials {
        authorise_as: text(authorise_as)?,
        user: name(user)?,
        password: text(password)?,
    })
}

fn name(bytes: &[u8]) -> Result<String, SaslError> {
    if bytes.is_empty() {
        return Err(SaslError::Malformed);
    }
    text(bytes)
}

/// UTF-8 without NUL, bounded.
fn text(bytes: &[u8]) -> Result<String, SaslError> {
    if bytes.len() > Credentials::LONGEST {
        return Err(SaslError::TooLong);
    }
    if bytes.contains(&0) {
        return Err(SaslError::Malformed);
    }
    String::from_utf8(bytes.to_vec()).map_err(|_| SaslError::Malformed)
}
