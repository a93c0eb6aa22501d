//! Who may log in, and how.

use waxwing_imap::{Answer, Ask, Error};
use waxwing_sasl::{Offer, ScramKeys, ServerPart};

use super::{Fake, unavailable};

impl Fake {
    pub(super) fn login(&mut self, ask: Ask) -> Result<Answer, Error> {
        Ok(match ask {
            Ask::Login { .. } if self.refused.is_some() => {
                return Err(Error::Refused(self.refused.clone().unwrap()));
            }
            Ask::Login {
                offer: Offer::Password(credentials),
                ..
            } => {
                let known = self.accounts.contains(&credentials.user);
                if !known || credentials.password != "waxwing-demo" {
                    return Err(Error::AuthenticationFailed);
                }
                if !credentials.authorise_as.is_empty()
                    && credentials.authorise_as != credentials.user
                {
                    return Err(Error::AuthorizationFailed);
                }
                self.account = credentials.user;
                self.logged_in()
            }
            Ask::Keys { user, .. } => Answer::Keys(Box::new(ServerPart {
                keys: match user.as_str() {
                    "alice@waxwing.test" | "locked@waxwing.test" => {
                        ScramKeys::derive("waxwing-demo", b"saltsaltsaltsalt", 4096).unwrap()
                    }
                    _ => ScramKeys::pretend(b"secret", &user, 4096),
                },
                nonce: "server".into(),
                channel: None,
            })),
            // A server that says yes to what was not proved must not be believed.
            Ask::Login {
                offer: Offer::Proof(proof),
                ..
            } => {
                if proof.user == "locked@waxwing.test" {
                    return Err(Error::AuthenticationFailed);
                }
                self.account = proof.user;
                self.logged_in()
            }
            Ask::Login {
                offer: Offer::Token(token),
                ..
            } => {
                if token.token != "good" {
                    return Err(Error::AuthenticationFailed);
                }
                self.account = token.user;
                self.logged_in()
            }
            Ask::Login {
                offer: Offer::External(name),
                ..
            } => {
                self.account = name;
                Answer::LoggedIn { jmap: None }
            }
            _ => unavailable(),
        })
    }

    /// Whatever is said by `% jmap` is where JMAP is.
    fn logged_in(&self) -> Answer {
        let jmap = self.jmap.clone();
        Answer::LoggedIn { jmap }
    }
}
