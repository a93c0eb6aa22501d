//! What the peer says that it can, in its answer to EHLO.
//!
//! Standards: RFC 5321 §4.1.1.1; RFC 1870, 2034, 2920, 3030, 3207, 3461, 4954, 6152, 6531, 6710, 8689, 2852, 9422.

use waxwing_sasl::Mechanism;

/// The peer's extensions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offers {
    /// TLS is on.
    pub tls: bool,
    /// It answered EHLO or LHLO.
    pub esmtp: bool,
    /// PIPELINING.
    pub pipelining: bool,
    /// STARTTLS.
    pub starttls: bool,
    /// 8BITMIME.
    pub eight_bit: bool,
    /// SMTPUTF8.
    pub smtputf8: bool,
    /// CHUNKING.
    pub chunking: bool,
    /// BINARYMIME.
    pub binary: bool,
    /// DSN.
    pub dsn: bool,
    /// REQUIRETLS.
    pub require_tls: bool,
    /// DELIVERBY.
    pub deliver_by: bool,
    /// MT-PRIORITY.
    pub priority: bool,
    /// SIZE.
    pub size: bool,
    /// The largest message in octets, if SIZE says one.
    pub size_max: Option<u64>,
    /// The mechanisms of AUTH that are known here.
    pub auth: Vec<Mechanism>,
    /// MAILMAX of LIMITS.
    pub mail_max: Option<u32>,
    /// RCPTMAX of LIMITS.
    pub rcpt_max: Option<usize>,
}

impl Offers {
    /// Reads the lines of the answer to EHLO; the first is the peer's name.
    pub(super) fn read(text: &str, tls: bool) -> Self {
        let mut offers = Self {
            tls,
            esmtp: true,
            ..Self::default()
        };
        for line in text.split('\n').skip(1) {
            offers.line(line);
        }
        offers
    }

    fn line(&mut self, line: &str) {
        let mut words = line.split_ascii_whitespace();
        let keyword = words.next().unwrap_or_default().to_ascii_uppercase();
        match keyword.as_str() {
            "PIPELINING" => self.pipelining = true,
            "STARTTLS" => self.starttls = true,
            "8BITMIME" => self.eight_bit = true,
            "SMTPUTF8" => self.smtputf8 = true,
            "CHUNKING" => self.chunking = true,
            "BINARYMIME" => self.binary = true,
            "DSN" => self.dsn = true,
            "REQUIRETLS" => self.require_tls = true,
            "DELIVERBY" => self.deliver_by = true,
            "MT-PRIORITY" => self.priority = true,
            "SIZE" => {
                self.size = true;
                // RFC 1870 §3: zero is no fixed limit.
                let size = words.next().and_then(|size| size.parse().ok());
                self.size_max = size.filter(|size| *size > 0);
            }
            "AUTH" => self.mechanisms(words),
            // What some servers of old write, for clients of old.
            _ if keyword.starts_with("AUTH=") => {
                let first = keyword.get("AUTH=".len()..).unwrap_or_default();
                self.mechanisms(std::iter::once(first).chain(words));
            }
            "LIMITS" => words.for_each(|word| self.limit(word)),
            _ => {}
        }
    }

    fn mechanisms<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        for mechanism in names.filter_map(Mechanism::parse) {
            if !self.auth.contains(&mechanism) {
                self.auth.push(mechanism);
            }
        }
    }

    /// RFC 9422 §3: what is unknown or malformed is passed over; a limit of zero makes no sense.
    fn limit(&mut self, word: &str) {
        let Some((name, value)) = word.split_once('=') else {
            return;
        };
        match name.to_ascii_uppercase().as_str() {
            "MAILMAX" => self.mail_max = positive(value).or(self.mail_max),
            "RCPTMAX" => self.rcpt_max = positive(value).or(self.rcpt_max),
            _ => {}
        }
    }
}

fn positive<T: std::str::FromStr + PartialOrd + Default>(value: &str) -> Option<T> {
    value.parse().ok().filter(|number| *number > T::default())
}
