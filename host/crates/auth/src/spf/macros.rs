//! Macros in SPF records: what they are, and what becomes of them.
//!
//! Standards: RFC 7208 §7; RFC 8616 §4 (local-parts that are not ASCII).

use std::net::IpAddr;

/// A text with macros, read once and expanded for each message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct MacroString(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// As it stands.
    Literal(String),
    /// `%%`, `%_` and `%-`: what they stand for.
    Escape(&'static str),
    /// `%{…}`.
    Expand(Expand),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Expand {
    /// In lower case.
    letter: char,
    /// The letter was upper case: what comes of it is escaped for a URL.
    escaped: bool,
    /// How many parts from the right stay; all, if none is said.
    keep: Option<usize>,
    reversed: bool,
    delimiters: String,
}

/// What macros stand for (RFC 7208 §7.2).
pub(super) struct Values<'a> {
    /// `s`; `l` and `o` are its halves.
    pub(super) local: &'a str,
    pub(super) sender_domain: &'a str,
    /// `d`.
    pub(super) domain: &'a str,
    /// `i`, `c` and `v`.
    pub(super) address: IpAddr,
    /// `p`.
    pub(super) validated: &'a str,
    /// `h`.
    pub(super) helo: &'a str,
    /// `r`.
    pub(super) receiver: &'a str,
    /// `t`, in seconds.
    pub(super) now: u64,
}

/// A syntax error, for people.
pub(super) type Wrong = String;

impl MacroString {
    /// Reads `macro-string`; in explanations (RFC 7208 §6.2) spaces and three more letters are allowed.
    pub(super) fn parse(text: &str, explanation: bool) -> Result<Self, Wrong> {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find('%').unwrap_or(rest.len());
            let (literal, macros) = rest.split_at(end);
            // RFC 7208 §7.1: macro-literal = %x21-24 / %x26-7E.
            let allowed = |c: char| ('!'..='~').contains(&c) || (explanation && c == ' ');
            if let Some(wrong) = literal.chars().find(|c| !allowed(*c)) {
                return Err(format!("{wrong:?} may not stand in {text:?}"));
            }
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_owned()));
            }
            rest = match macros.strip_prefix('%') {
                None => "",
                Some(after) => {
                    let (part, rest) = one(after, explanation)
                        .ok_or_else(|| format!("the macro at %{after:?} is not one"))?;
                    parts.push(part);
                    rest
                }
            };
        }
        Ok(Self(parts))
    }

    /// Reads `domain-spec`: a macro-string that ends in a macro or a label that can be a top one (RFC 7208 §7.1).
    pub(super) fn parse_domain(text: &str) -> Result<Self, Wrong> {
        let parsed = Self::parse(text, false)?;
        let fits = match parsed.0.last() {
            None => false,
            Some(Part::Literal(literal)) => ends_in_top_label(literal),
            Some(_) => true,
        };
        if fits {
            Ok(parsed)
        } else {
            Err(format!("{text:?} does not end as a domain does"))
        }
    }

    /// Whether the validated name of the client is wanted, which costs look-ups.
    pub(super) fn wants_validated_name(&self) -> bool {
        self.letters().any(|letter| letter == 'p')
    }

    /// RFC 8616 §4: what has a local-part in it that is not ASCII matches nothing.
    pub(super) fn wants_local_part(&self) -> bool {
        self.letters().any(|letter| matches!(letter, 's' | 'l'))
    }

    fn letters(&self) -> impl Iterator<Item = char> {
        self.0.iter().filter_map(|part| match part {
            Part::Expand(expand) => Some(expand.letter),
            _ => None,
        })
    }

    /// The text with all macros replaced.
    pub(super) fn expand(&self, values: &Values<'_>) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Escape(text) => out.push_str(text),
                Part::Expand(expand) => out.push_str(&expand.of(values)),
            }
        }
        out
    }

    /// As a name to ask for: RFC 7208 §7.3: too long a name loses labels from the left.
    pub(super) fn expand_domain(&self, values: &Values<'_>) -> String {
        let text = self.expand(values);
        let mut name = text.strip_suffix('.').unwrap_or(&text);
        while name.len() > 253 {
            let Some((_, shorter)) = name.split_once('.') else {
                break;
            };
            name = shorter;
        }
        name.to_owned()
    }
}

/// What follows a percent sign, and the rest.
fn one(after: &str, explanation: bool) -> Option<(Part, &str)> {
    // RFC 7208 §7.1: macro-expand = ( "%{" … "}" ) / "%%" / "%_" / "%-".
    for (sign, means) in [("%", "%"), ("_", " "), ("-", "%20")] {
        if let Some(rest) = after.strip_prefix(sign) {
            return Some((Part::Escape(means), rest));
        }
    }
    let (inner, rest) = after.strip_prefix('{')?.split_once('}')?;
    let mut chars = inner.chars();
    let letter = chars.next()?;
    let lower = letter.to_ascii_lowercase();
    // RFC 7208 §7.2: c, r and t are for explanations only.
    let letters = if explanation {
        "slodiphvcrt"
    } else {
        "slodiphv"
    };
    if !letters.contains(lower) {
        return None;
    }
    let tail = chars.as_str();
    let digits = tail.bytes().take_while(u8::is_ascii_digit).count();
    let (number, tail) = tail.split_at_checked(digits)?;
    // RFC 7208 §7.1: the number is not zero; more parts than there can be are all of them.
    let keep = match number {
        "" => None,
        _ => Some(number.parse::<usize>().unwrap_or(usize::MAX)).filter(|keep| *keep > 0),
    };
    if keep.is_none() && !number.is_empty() {
        return None;
    }
    let (reversed, delimiters) = match tail.strip_prefix(['r', 'R']) {
        Some(delimiters) => (true, delimiters),
        None => (false, tail),
    };
    if !delimiters.chars().all(|c| ".-+,/_=".contains(c)) {
        return None;
    }
    let expand = Expand {
        letter: lower,
        escaped: letter.is_ascii_uppercase(),
        keep,
        reversed,
        delimiters: delimiters.to_owned(),
    };
    Some((Part::Expand(expand), rest))
}

impl Expand {
    fn of(&self, values: &Values<'_>) -> String {
        let value = self.value(values);
        let split = |c: char| {
            if self.delimiters.is_empty() {
                c == '.'
            } else {
                self.delimiters.contains(c)
            }
        };
        let mut parts: Vec<&str> = value.split(split).collect();
        if self.reversed {
            parts.reverse();
        }
        let skipped = parts.len().saturating_sub(self.keep.unwrap_or(usize::MAX));
        // RFC 7208 §7.3: parts are joined by dots, whatever they were split at.
        let kept = parts.get(skipped..).unwrap_or_default().join(".");
        if self.escaped { escape(&kept) } else { kept }
    }

    fn value(&self, values: &Values<'_>) -> String {
        match self.letter {
            's' => format!("{}@{}", values.local, values.sender_domain),
            'l' => values.local.to_owned(),
            'o' => values.sender_domain.to_owned(),
            'd' => values.domain.to_owned(),
            'i' => dotted(values.address),
            'p' => values.validated.to_owned(),
            'v' if values.address.is_ipv4() => "in-addr".to_owned(),
            'v' => "ip6".to_owned(),
            'h' => values.helo.to_owned(),
            'c' => values.address.to_string(),
            'r' => values.receiver.to_owned(),
            't' => values.now.to_string(),
            _ => String::new(),
        }
    }
}

/// RFC 7208 §7.3: an IPv6 address is 32 nibbles with dots between; the published suite wants them in upper case.
fn dotted(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let nibbles = v6.octets().into_iter().flat_map(|o| [o >> 4, o & 15]);
            let digits: Vec<String> = nibbles.map(|nibble| format!("{nibble:X}")).collect();
            digits.join(".")
        }
    }
}

/// RFC 7208 §7.3: what is not unreserved (RFC 3986 §2.3) is percent-encoded.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
            out.push(char::from(octet));
        } else {
            out.push_str(&format!("%{octet:02X}"));
        }
    }
    out
}

/// RFC 7208 §7.1: domain-end = ( "." toplabel [ "." ] ); toplabel is LDH, and not of digits only.
fn ends_in_top_label(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    let Some((_, label)) = text.rsplit_once('.') else {
        return false;
    };
    let ldh = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    !label.is_empty()
        && label.bytes().all(ldh)
        && !label.starts_with('-')
        && !label.ends_with('-')
        && !label.bytes().all(|b| b.is_ascii_digit())
}
