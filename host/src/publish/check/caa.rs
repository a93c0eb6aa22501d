//! Who may issue certificates: whether the authority that this server orders from may, for the names that it orders for.
//!
//! Standards: RFC 8659 (CAA), RFC 8657 §4 (by which challenges).
//!
//! Not here: RFC 8657 §3 (for which account), which the authority alone knows the name of.

use waxwing_policy::{DnsOutcome, DnsRecord};

use super::Check;
use crate::publish::site::Orders;

/// RFC 8659 §4.1: that of CAA.
const CAA: u16 = 257;
/// RFC 8659 §4.1: an authority that does not know the property must not issue.
const CRITICAL: u8 = 128;
/// Properties that authorities know (RFC 8659 §4, and the registry that it made).
const KNOWN: [&str; 6] = [
    "issue",
    "issuewild",
    "iodef",
    "issuemail",
    "contactemail",
    "contactphone",
];

/// A property of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Property {
    is_critical: bool,
    tag: String,
    value: String,
}

/// Whom an `issue` property lets issue, and how.
#[derive(Debug, PartialEq, Eq)]
struct Grant {
    /// Empty: nobody.
    issuer: String,
    /// The challenges by which; none: by any.
    methods: Option<Vec<String>>,
}

impl Check<'_> {
    /// Each name that certificates are ordered for.
    pub(super) async fn issuance(&mut self) {
        let site = self.site;
        let Some(orders) = &site.orders else {
            return;
        };
        for name in &orders.names {
            if let Some((place, properties)) = self.relevant(name).await
                && let Some((problem, advice)) = objection(&place, &properties, name, orders)
            {
                self.found("caa", problem, advice);
            }
        }
    }

    /// RFC 8659 §3: the properties of the nearest name upwards that has any, and which that is.
    async fn relevant(&mut self, name: &str) -> Option<(String, Vec<Property>)> {
        let mut place = name;
        loop {
            let answer = self.ask(place, CAA).await;
            if answer.outcome == DnsOutcome::TemporaryFailure {
                self.unanswered("caa", place);
                return None;
            }
            let read = |record: &DnsRecord| match record {
                DnsRecord::Other(octets) => property(octets),
                _ => None,
            };
            let properties: Vec<Property> = answer.records.iter().filter_map(read).collect();
            if !properties.is_empty() {
                return Some((place.to_owned(), properties));
            }
            (_, place) = place.split_once('.')?;
        }
    }
}

/// RFC 8659 §4.1.
fn property(octets: &[u8]) -> Option<Property> {
    let (flags, rest) = octets.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (tag, value) = rest.split_at_checked(usize::from(*length))?;
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    Some(Property {
        is_critical: flags & CRITICAL != 0,
        // Tags are compared without case.
        tag: text(tag).to_ascii_lowercase(),
        value: text(value),
    })
}

/// RFC 8659 §4.2: an issuer, and parameters behind semicolons.
fn grant(value: &str) -> Grant {
    let mut parts = value.split(';').map(str::trim);
    let issuer = parts.next().unwrap_or_default().to_ascii_lowercase();
    let methods = parts.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let named = name.trim().eq_ignore_ascii_case("validationmethods");
        named.then(|| value.trim().to_owned())
    });
    Grant {
        issuer,
        methods: methods.map(|methods| methods.split(',').map(str::to_owned).collect()),
    }
}

/// Why no certificate would come, and what to do.
fn objection(
    place: &str,
    properties: &[Property],
    name: &str,
    orders: &Orders,
) -> Option<(String, String)> {
    let unknown =
        |property: &&Property| property.is_critical && !KNOWN.contains(&property.tag.as_str());
    if let Some(unknown) = properties.iter().find(unknown) {
        return Some((
            format!(
                "the CAA record `{}` of {place} is critical, and no authority knows it: none may issue for {name}",
                unknown.tag
            ),
            "take it away, or publish it without its flag".to_owned(),
        ));
    }
    let issue = properties.iter().filter(|property| property.tag == "issue");
    let grants: Vec<Grant> = issue.map(|property| grant(&property.value)).collect();
    if grants.is_empty() {
        // RFC 8659 §4.2: then anybody may.
        return None;
    }
    let mut allowed: Vec<&str> = grants.iter().map(|grant| grant.issuer.as_str()).collect();
    allowed.retain(|issuer| !issuer.is_empty());
    if allowed.is_empty() {
        let issuer = orders.issuer.unwrap_or("the authority of acme.directory");
        return Some((
            format!("the CAA records of {place} let nobody issue certificates for {name}"),
            format!("publish one that names {issuer}"),
        ));
    }
    // What an authority is called that is not known here cannot be looked for.
    let own = orders.issuer?;
    if !allowed.contains(&own) {
        return Some((
            format!(
                "the CAA records of {place} let {} issue certificates for {name}, and not {own}, which they are ordered from",
                allowed.join(", ")
            ),
            format!("publish `{place}. IN CAA 0 issue \"{own}\"` as well"),
        ));
    }
    let ways = |grant: &Grant| match &grant.methods {
        None => true,
        Some(methods) => methods
            .iter()
            .any(|method| orders.challenges.contains(&method.as_str())),
    };
    let mut ours = grants.iter().filter(|grant| grant.issuer == own);
    if ours.any(ways) {
        return None;
    }
    Some((
        format!(
            "the CAA records of {place} let {own} issue certificates for {name} by other challenges than {}, which this server answers",
            orders.challenges.join(" and ")
        ),
        "name one of these in `validationmethods`, too, or change `acme.challenges`".to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orders(issuer: Option<&'static str>) -> Orders {
        Orders {
            issuer,
            challenges: vec!["http-01", "tls-alpn-01"],
            names: Vec::new(),
        }
    }

    fn said(properties: &[(u8, &str, &str)], issuer: Option<&'static str>) -> Option<String> {
        let wire = |(flags, tag, value): &(u8, &str, &str)| {
            let mut octets = vec![*flags, u8::try_from(tag.len()).unwrap()];
            octets.extend(tag.bytes().chain(value.bytes()));
            property(&octets).unwrap()
        };
        let properties: Vec<Property> = properties.iter().map(wire).collect();
        let objection = objection("b.test", &properties, "mx.b.test", &orders(issuer));
        objection.map(|(problem, advice)| format!("{problem}; {advice}"))
    }

    #[test]
    fn who_may_issue_is_let() {
        let own = Some("letsencrypt.org");
        for properties in [
            &[(0, "issue", "letsencrypt.org")][..],
            &[(0, "ISSUE", " LetsEncrypt.org ")],
            &[
                (0, "issue", "other.example"),
                (0, "issue", "letsencrypt.org"),
            ],
            &[(
                0,
                "issue",
                "letsencrypt.org; validationmethods=dns-01,http-01",
            )],
            &[(0, "issue", "letsencrypt.org;accounturi=https://a.example/1")],
            // No word of who may issue but for wildcards, which are not ordered.
            &[(0, "issuewild", ";"), (128, "iodef", "mailto:a@b.test")],
            &[(0, "future", "x")],
        ] {
            assert_eq!(said(properties, own), None, "{properties:?}");
        }
        // What it is called is not known.
        assert_eq!(said(&[(0, "issue", "other.example")], None), None);
    }

    #[test]
    fn who_may_not_is_told() {
        let own = Some("letsencrypt.org");
        for (properties, beginning) in [
            (
                &[(0, "issue", "other.example"), (0, "issue", "more.example")][..],
                "the CAA records of b.test let other.example, more.example issue certificates for mx.b.test, and not letsencrypt.org, \
                 which they are ordered from; publish `b.test. IN CAA 0 issue \"letsencrypt.org\"` as well",
            ),
            (
                &[(0, "issue", ";")],
                "the CAA records of b.test let nobody issue certificates for mx.b.test; publish one that names letsencrypt.org",
            ),
            (
                &[(128, "future", "x"), (0, "issue", "letsencrypt.org")],
                "the CAA record `future` of b.test is critical, and no authority knows it: none may issue for mx.b.test; take it away",
            ),
            (
                &[(0, "issue", "letsencrypt.org; validationmethods=dns-01")],
                "the CAA records of b.test let letsencrypt.org issue certificates for mx.b.test by other challenges than http-01 and tls-alpn-01",
            ),
        ] {
            let said = said(properties, own).unwrap();
            assert!(said.starts_with(beginning), "{said}");
        }
        assert!(
            said(&[(0, "issue", "")], None)
                .unwrap()
                .contains("acme.directory")
        );
    }

    #[test]
    fn what_is_no_property_is_none() {
        for octets in [&b""[..], b"\0", b"\0\x09issue"] {
            assert_eq!(property(octets), None);
        }
    }
}
