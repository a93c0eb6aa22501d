//! Which extensions a session offers at this moment: what EHLO lists, and what MAIL and RCPT take.
//!
//! Standards: RFC 5321 §4.1.1.1 (keywords), and the RFC of each extension.
//! Invariants: a parameter is taken if and only if its keyword was, or would be, listed.

use jiff::Timestamp;
use waxwing_sasl::Mechanism;

use super::ServerSession;
use crate::config::Mode;

impl ServerSession {
    /// RFC 8689 §2: only under TLS.
    pub(super) fn offers_require_tls(&self) -> bool {
        self.config.extensions.require_tls && self.peer.tls
    }

    /// RFC 3030 §3: only with CHUNKING.
    pub(super) fn offers_binary_mime(&self) -> bool {
        self.config.extensions.binary_mime && self.config.extensions.chunking
    }

    /// RFC 6710 §3: for submission and LMTP; between servers by agreement, which the configuration is.
    pub(super) fn offers_priority(&self) -> bool {
        self.config.extensions.mt_priority
    }

    /// RFC 4865 §3: for submission, where the time is known. The longest hold in seconds, and until when that is now.
    pub(super) fn offers_future_release(&self) -> Option<(u64, Timestamp)> {
        let longest = self.config.extensions.future_release?;
        let until = self.time()?.checked_add(longest).ok()?;
        (self.config.mode == Mode::Submission).then_some((longest.as_secs(), until))
    }

    /// RFC 2852 §3: the shortest time that is taken, in seconds, 0 if any is. Not for LMTP, which delivers at once.
    pub(super) fn offers_deliver_by(&self) -> Option<u64> {
        let shortest = self.config.extensions.deliver_by?;
        (self.config.mode != Mode::Delivery).then_some(shortest.as_secs())
    }

    /// RFC 9266 §3: a channel that is not TLS, or an older one, binds nothing.
    pub(super) fn offers_mechanism(&self, mechanism: Mechanism) -> bool {
        self.config.mechanisms.contains(&mechanism) && mechanism.fits(self.channel)
    }

    /// RFC 4954 §3: with the mechanisms that there are on this connection, if there is one.
    fn auth_keyword(&self) -> Option<String> {
        let clear_auth = self.peer.tls || self.config.plaintext_auth;
        let offered = self.config.mechanisms.iter();
        let names: Vec<&str> = offered
            .filter(|mechanism| {
                self.config.auth && clear_auth && self.offers_mechanism(**mechanism)
            })
            .map(|mechanism| mechanism.as_str())
            .collect();
        (!names.is_empty()).then(|| format!("AUTH {}", names.join(" ")))
    }

    /// The lines of the answer to EHLO after the first.
    pub(super) fn keywords(&self) -> Vec<String> {
        let extensions = &self.config.extensions;
        let plain = |word: &str, offered: bool| offered.then(|| word.to_owned());
        let listed = [
            plain("PIPELINING", true),
            Some(format!("SIZE {}", self.config.limits.message)),
            plain("8BITMIME", true),
            plain("SMTPUTF8", true),
            plain("ENHANCEDSTATUSCODES", true),
            plain("CHUNKING", extensions.chunking),
            plain("BINARYMIME", self.offers_binary_mime()),
            plain("DSN", extensions.dsn),
            plain("REQUIRETLS", self.offers_require_tls()),
            // RFC 9422 §4: what MAIL and RCPT are bounded by. Messages of a session are not.
            extensions
                .limits
                .then(|| format!("LIMITS RCPTMAX={}", self.config.limits.recipients)),
            self.offers_future_release()
                .map(|(longest, until)| format!("FUTURERELEASE {longest} {}", date_time(until))),
            self.offers_deliver_by().map(|shortest| match shortest {
                0 => "DELIVERBY".to_owned(),
                _ => format!("DELIVERBY {shortest}"),
            }),
            plain("MT-PRIORITY", self.offers_priority()),
            self.trusted
                .then(|| format!("XCLIENT {}", crate::xclient::NAMES)),
            plain("STARTTLS", self.config.starttls && !self.peer.tls),
            self.auth_keyword(),
        ];
        listed.into_iter().flatten().collect()
    }
}

/// RFC 3339 §5.6, whole seconds of UTC.
fn date_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
