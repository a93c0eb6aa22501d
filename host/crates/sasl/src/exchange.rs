//! An exchange consumes itself: each response gives the next challenge with the exchange that waits for its
//! response, or the credentials, or an error.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::credentials::Credentials;

/// The mechanisms that are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// RFC 4616.
    Plain,
    /// draft-murchison-sasl-login: for old clients.
    Login,
}

impl Mechanism {
    /// All, in the order in which they are announced.
    pub const ALL: [Self; 2] = [Self::Plain, Self::Login];

    /// The mechanism of a name in any case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|mechanism| mechanism.as_str().eq_ignore_ascii_case(name))
    }

    /// The registered name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

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
    /// Longer than [`Credentials::LONGEST`].
    #[error("the response is too long")]
    TooLong,
}

/// Where an exchange stands after a line.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    /// Send this challenge and hand the next line to [`Exchange::respond`].
    Challenge {
        /// Base64, without what the protocol puts around it; may be empty.
        text: &'static str,
        /// What waits for the response.
        exchange: Exchange,
    },
    /// All is said; whether it is true is for the policy to find out.
    Done(Credentials),
}

/// A running exchange.
#[derive(Debug, PartialEq, Eq)]
pub struct Exchange(State);

#[derive(PartialEq, Eq)]
enum State {
    Plain,
    LoginUser,
    LoginPassword { user: String },
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "Plain",
            Self::LoginUser => "LoginUser",
            Self::LoginPassword { .. } => "LoginPassword",
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
        };
        match initial {
            // RFC 4954 §4: `=` is an initial response of no octets.
            Some(b"=") => state.take(b""),
            Some(line) => state.take(&decode(line)?),
            None => Ok(Progress::Challenge {
                text: state.challenge(),
                exchange: Self(state),
            }),
        }
    }

    /// Takes the peer's line, without its line end.
    pub fn respond(self, line: &[u8]) -> Result<Progress, SaslError> {
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
            Self::Plain => "",
            Self::LoginUser => USERNAME,
            Self::LoginPassword { .. } => PASSWORD,
        }
    }

    fn take(self, response: &[u8]) -> Result<Progress, SaslError> {
        match self {
            Self::Plain => plain(response).map(Progress::Done),
            Self::LoginUser => {
                let next = Self::LoginPassword {
                    user: name(response)?,
                };
                Ok(Progress::Challenge {
                    text: next.challenge(),
                    exchange: Exchange(next),
                })
            }
            Self::LoginPassword { user } => {
                Ok(Progress::Done(Credentials::new(user, text(response)?)))
            }
        }
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
