//! DMARC records.
//!
//! Standards: RFC 7489 §6.3, §6.4, §6.6.3; RFC 9989 (`np`, `psd`, `t`).

/// What a domain asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Policy {
    /// There is no record.
    #[default]
    Absent,
    /// Nothing.
    None,
    /// To be put aside.
    Quarantine,
    /// To be refused.
    Reject,
}

impl Policy {
    /// As records and reports say it; empty for no record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "",
            Self::None => "none",
            Self::Quarantine => "quarantine",
            Self::Reject => "reject",
        }
    }

    /// Reads a value, in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::None, Self::Quarantine, Self::Reject]
            .into_iter()
            .find(|policy| policy.as_str().eq_ignore_ascii_case(text))
    }

    /// RFC 7489 §6.6.4: what those get who are not among the percents, or whose domain is only trying: one step less.
    #[must_use]
    pub fn lessened(self) -> Self {
        match self {
            Self::Reject => Self::Quarantine,
            Self::Quarantine => Self::None,
            other => other,
        }
    }
}

/// Whether a domain says of itself that it is a public suffix (RFC 9989, `psd=`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Psd {
    /// It does not say.
    #[default]
    Unknown,
    /// It is one.
    Yes,
    /// It is an organizational domain.
    No,
}

/// Where reports go (RFC 7489 §6.2, §6.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportUri {
    /// An address of mail.
    pub address: String,
    /// Octets that a report may have.
    pub limit: Option<u64>,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DmarcRecord {
    /// `p`.
    pub policy: Policy,
    /// `sp`, for subdomains.
    pub subdomains: Option<Policy>,
    /// `np`, for subdomains that do not exist.
    pub nonexistent: Option<Policy>,
    /// `adkim=s`: the domain of a signature must be the author's.
    pub strict_dkim: bool,
    /// `aspf=s`: the domain of the reverse-path must be the author's.
    pub strict_spf: bool,
    /// `pct`, 0 to 100: of how many messages in a hundred the policy is meant.
    pub percent: u8,
    /// `t=y`: the domain is only trying.
    pub testing: bool,
    /// `psd`.
    pub psd: Psd,
    /// `rua`: where aggregate reports go.
    pub aggregate: Vec<ReportUri>,
    /// `ruf`: where reports of failures go.
    pub failure: Vec<ReportUri>,
    /// `fo`, as it is written; `0` if it is not.
    pub failure_options: String,
}

/// Tags that are read of one record.
const MAX_TAGS: usize = 64;
/// Addresses that are read of one tag.
const MAX_URIS: usize = 16;

impl DmarcRecord {
    /// Reads a text; `None` if it is no record of this version, or says neither a policy nor where reports go.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let mut specs = text.split(';').map(str::trim);
        // RFC 7489 §6.3: the version comes first, in this case, and is all of its value.
        let (name, version) = specs.next()?.split_once('=')?;
        if name.trim() != "v" || version.trim() != "DMARC1" {
            return None;
        }
        let tags: Vec<(String, &str)> = specs
            .take(MAX_TAGS)
            .filter_map(|spec| spec.split_once('='))
            .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim()))
            .collect();
        let get = |wanted: &str| {
            let found = tags.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| *value)
        };
        let is = |tag: &str, value: &str| get(tag).is_some_and(|v| v.eq_ignore_ascii_case(value));
        let aggregate = get("rua").map(uris).unwrap_or_default();
        let policy = match get("p").and_then(Policy::parse) {
            Some(policy) => policy,
            // RFC 7489 §6.6.3 step 6: without a policy, but with somewhere to report to, it is none.
            None if !aggregate.is_empty() => Policy::None,
            None => return None,
        };
        // What cannot be read is as if it were not there (RFC 7489 §6.3).
        let percent = get("pct").and_then(|text| text.parse::<u8>().ok());
        Some(Self {
            policy,
            subdomains: get("sp").and_then(Policy::parse),
            nonexistent: get("np").and_then(Policy::parse),
            strict_dkim: is("adkim", "s"),
            strict_spf: is("aspf", "s"),
            percent: percent.filter(|percent| *percent <= 100).unwrap_or(100),
            testing: is("t", "y"),
            psd: match get("psd") {
                Some("y" | "Y") => Psd::Yes,
                Some("n" | "N") => Psd::No,
                _ => Psd::Unknown,
            },
            aggregate,
            failure: get("ruf").map(uris).unwrap_or_default(),
            failure_options: get("fo").unwrap_or("0").chars().take(32).collect(),
        })
    }
}

fn uris(list: &str) -> Vec<ReportUri> {
    let uris = list
        .split(',')
        .filter_map(|uri| ReportUri::parse(uri.trim()));
    uris.take(MAX_URIS).collect()
}

impl ReportUri {
    /// RFC 7489 §6.4: `mailto:` with an address, and perhaps an exclamation mark with a size.
    fn parse(uri: &str) -> Option<Self> {
        let scheme = uri.get(..7)?;
        if !scheme.eq_ignore_ascii_case("mailto:") {
            return None;
        }
        let rest = uri.get(7..)?;
        let (address, limit) = match rest.split_once('!') {
            Some((address, size)) => (address, Some(octets(size)?)),
            None => (rest, None),
        };
        let address = percent_decoded(address.split('?').next().unwrap_or_default())?;
        let (local, domain) = address.rsplit_once('@')?;
        let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"<>,;\"".contains(c);
        let fits = !local.is_empty() && !domain.is_empty() && address.chars().all(plain);
        fits.then_some(Self { address, limit })
    }
}

/// RFC 7489 §6.2: units are powers of 1024.
fn octets(size: &str) -> Option<u64> {
    let digits = size.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = size.split_at_checked(digits)?;
    let shift = match unit.to_ascii_lowercase().as_str() {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// RFC 7489 §6.3: commas and exclamation marks within an address are percent-encoded (RFC 3986 §2.1).
fn percent_decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut octets = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (hex, rest) = part.split_at_checked(2)?;
        octets.push(u8::from_str_radix(hex, 16).ok()?);
        octets.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(octets).ok()
}
