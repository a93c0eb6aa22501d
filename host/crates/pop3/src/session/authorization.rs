//! AUTHORIZATION: from the greeting to the open maildrop.
//!
//! Standards: RFC 1939 §4, §7 (USER, PASS), RFC 2595 §4 (STLS), RFC 3206, RFC 5034 §4 (AUTH), RFC 6856 §2 (UTF8), RFC 7628 §3.2.3 (tokens that are
//! not taken).
//! Invariants: an unknown name and a wrong password get the same reply; without TLS no password is taken where the listener forbids it.

use waxwing_sasl::{
    Credentials, Exchange, KeysWanted, Mechanism, Offer, Progress, Proven, SaslError,
};
use waxwing_session::Step;

use super::{Judging, Phase, Pop3Session, User, Work};
use crate::ask::{Answer, Ask, AuthFailure};
use crate::command::Command;
use crate::maildrop::OpenMaildrop;
use crate::options::Tls;
use crate::reply;

impl Pop3Session {
    /// A line in AUTHORIZATION. RFC 1939 §7: PASS follows right after USER, or the name is forgotten; CAPA, which asks only, may come between.
    pub(super) fn authorization(&mut self, user: Option<User>, line: &[u8]) -> Option<Step<Ask>> {
        let command = match Command::parse(line) {
            Ok(command) => command,
            Err(mistake) => {
                self.phase = Phase::Authorization(None);
                self.bad(&reply::mistake(&mistake));
                return None;
            }
        };
        self.phase = Phase::Authorization(None);
        match command {
            Command::Capa => {
                self.phase = Phase::Authorization(user);
                self.say_capabilities();
            }
            Command::Quit => {
                self.say(reply::BYE);
                self.phase = Phase::Closed;
            }
            Command::Stls => return self.stls(),
            Command::Utf8 => {
                self.utf8 = true;
                self.say(reply::UTF8);
            }
            Command::User(name) => self.user(name),
            Command::Pass(password) => return self.pass(user, password),
            Command::Auth { mechanism, initial } => return self.auth(mechanism, initial),
            _ => self.bad(reply::LOGIN_FIRST),
        }
        None
    }

    fn stls(&mut self) -> Option<Step<Ask>> {
        match self.tls {
            Tls::Absent => self.bad(reply::NO_TLS),
            Tls::Active => self.bad(reply::TLS_ALREADY),
            // RFC 6856 §2.1: clients must not, and may be refused.
            Tls::Available if self.utf8 => self.bad(reply::TLS_BEFORE_UTF8),
            Tls::Available => {
                self.say(reply::BEGIN_TLS);
                // RFC 2595 §4 with RFC 3207 §4.2: nothing that came in clear is acted on afterwards.
                self.lines.clear();
                self.phase = Phase::Handshaking;
                return Some(Step::StartTls);
            }
        }
        None
    }

    fn may_log_in(&mut self) -> bool {
        let may = self.tls == Tls::Active || self.options.plaintext_login;
        if !may {
            self.bad(reply::TLS_FIRST);
        }
        may
    }

    /// Whether USER and PASS are taken.
    fn takes_passwords(&mut self) -> bool {
        if !self.may_log_in() {
            return false;
        }
        let takes = self.options.takes_passwords();
        if !takes {
            self.bad(reply::NO_PASSWORDS);
        }
        takes
    }

    fn user(&mut self, name: &str) {
        if !self.takes_passwords() {
            return;
        }
        if waxwing_sasl::is_allowed(name) {
            self.phase = Phase::Authorization(Some(name.into()));
            self.say(reply::USER);
        } else {
            self.bad(reply::NOT_ALLOWED);
        }
    }

    fn pass(&mut self, user: Option<User>, password: &str) -> Option<Step<Ask>> {
        if !self.takes_passwords() {
            return None;
        }
        let Some(user) = user else {
            self.bad(reply::USER_FIRST);
            return None;
        };
        if !waxwing_sasl::is_allowed(password) {
            self.bad(reply::NOT_ALLOWED);
            return None;
        }
        let offer = Offer::Password(Credentials::new(user, password));
        self.authenticate(Mechanism::Plain, offer)
    }

    fn auth(&mut self, mechanism: &str, initial: Option<&str>) -> Option<Step<Ask>> {
        if !self.may_log_in() {
            return None;
        }
        let offered = Mechanism::parse(mechanism).filter(|mechanism| {
            self.options
                .offered(self.channel)
                .any(|it| it == *mechanism)
        });
        let Some(mechanism) = offered else {
            self.bad(reply::NO_MECHANISM);
            return None;
        };
        let progress = Exchange::start(mechanism, initial.map(str::as_bytes));
        self.progress(mechanism, progress)
    }

    /// A line in an exchange.
    pub(super) fn response(
        &mut self,
        mechanism: Mechanism,
        exchange: Exchange,
        line: &[u8],
    ) -> Option<Step<Ask>> {
        self.progress(mechanism, exchange.respond(line))
    }

    pub(super) fn progress(
        &mut self,
        mechanism: Mechanism,
        progress: Result<Progress, SaslError>,
    ) -> Option<Step<Ask>> {
        self.phase = Phase::Authorization(None);
        match progress {
            Ok(Progress::Challenge { text, exchange }) => {
                self.challenge(mechanism, &text, exchange);
                None
            }
            Ok(Progress::Keys(wanted)) => {
                let user = wanted.user().to_owned();
                self.phase = Phase::Keying(mechanism, wanted);
                self.ask(Ask::Keys { mechanism, user })
            }
            Ok(Progress::Done(offer)) => self.authenticate(mechanism, offer),
            Ok(Progress::Proved { offer, proven }) => {
                self.phase = Phase::Proving(mechanism, proven);
                self.ask(Ask::Authenticate { mechanism, offer })
            }
            Ok(Progress::Confirmed) => {
                self.phase = Phase::Opening;
                self.ask(self.opening())
            }
            // What let it in cannot be undone.
            Err(SaslError::Unconfirmed) => {
                self.say(reply::UNCONFIRMED);
                self.phase = Phase::Closed;
                None
            }
            Err(SaslError::Refused) => {
                self.login_failed(reply::WRONG_CREDENTIALS);
                None
            }
            Err(error) => {
                self.bad(&reply::sasl(error));
                None
            }
        }
    }

    fn challenge(&mut self, mechanism: Mechanism, text: &str, exchange: Exchange) {
        self.phase = Phase::Exchanging(mechanism, exchange);
        self.say(&reply::challenge(text));
    }

    /// Whoever is let in wants the maildrop.
    fn opening(&self) -> Ask {
        Ask::Open {
            limit: self.options.limits.messages,
        }
    }

    fn authenticate(&mut self, mechanism: Mechanism, offer: Offer) -> Option<Step<Ask>> {
        self.phase = Phase::Authenticating(Judging {
            disproved: offer.is_disproved(),
            token: matches!(offer, Offer::Token(_)).then_some(mechanism),
        });
        self.ask(Ask::Authenticate { mechanism, offer })
    }

    /// The keys for an exchange by SCRAM, or why there are none.
    pub(super) fn keyed(&mut self, mechanism: Mechanism, wanted: KeysWanted, answer: Answer) {
        match answer {
            Answer::Keys(part) => {
                // With its keys an exchange goes on with a challenge, or fails; neither asks.
                let _next = self.progress(mechanism, wanted.keys(*part));
            }
            other => self.not_authenticated(other),
        }
    }

    /// What became of an offer.
    pub(super) fn authenticated(&mut self, judging: Judging, answer: Answer) {
        let wrong = Answer::NotAuthenticated(AuthFailure::Credentials);
        match (answer, judging.token) {
            (Answer::Authenticated, _) if judging.disproved => self.not_authenticated(wrong),
            (Answer::Authenticated, _) => {
                self.phase = Phase::Opening;
                self.asked = true;
                self.next = Some(Step::Ask(self.opening()));
            }
            // RFC 7628 §3.2.3: a client whose token is not taken is told why, and answers, before it is told no.
            (Answer::NotAuthenticated(AuthFailure::Credentials), Some(mechanism)) => {
                let _next = self.progress(mechanism, Ok(Exchange::refuse(mechanism)));
            }
            (other, _) => self.not_authenticated(other),
        }
    }

    /// What became of a proof that is right. The server shows its own to whom policy lets in, and to nobody else: it tells that the
    /// client's was right.
    pub(super) fn proved(&mut self, mechanism: Mechanism, proven: Proven, answer: Answer) {
        if let Answer::Authenticated = answer {
            let (text, exchange) = proven.confirm();
            self.challenge(mechanism, &text, exchange);
        } else {
            self.not_authenticated(answer);
        }
    }

    fn not_authenticated(&mut self, answer: Answer) {
        let failure = match answer {
            Answer::NotAuthenticated(failure) => failure,
            Answer::Failed(failure) => {
                self.say(&reply::failed(&failure));
                self.phase = Phase::Authorization(None);
                return;
            }
            _ => return self.say(reply::OUT_OF_STEP),
        };
        self.phase = Phase::Authorization(None);
        match failure {
            AuthFailure::Credentials => self.login_failed(reply::WRONG_CREDENTIALS),
            AuthFailure::Blocked(text) => self.login_failed(&reply::blocked(&text)),
            AuthFailure::Unavailable(reference) => self.say(&reply::login_unavailable(&reference)),
        }
    }

    fn login_failed(&mut self, why: &str) {
        self.failed_logins = self.failed_logins.saturating_add(1);
        if self.failed_logins >= self.options.limits.failed_logins {
            self.limit = Some("errors");
            self.say(reply::TOO_MANY_LOGINS);
            self.phase = Phase::Closed;
        } else {
            self.say(why);
        }
    }

    /// The snapshot, or why there is none: then the peer may log in again.
    pub(super) fn opened(&mut self, answer: Answer) {
        match answer {
            Answer::Opened(maildrop) => {
                let maildrop = Box::new(OpenMaildrop::new(maildrop, self.options.limits.messages));
                let (count, octets) = maildrop.totals();
                self.say(&reply::opened(count, octets));
                self.mistakes = 0;
                self.phase = Phase::Transaction(maildrop, Work::Line);
            }
            Answer::Failed(failure) => {
                self.say(&reply::failed(&failure));
                self.phase = Phase::Authorization(None);
            }
            _ => self.say(reply::OUT_OF_STEP),
        }
    }
}
