//! What a request says: the variable parts of its path, its query, its body.
//!
//! Invariants: what a route does not take is refused and not passed over, so that a filter that is spelt wrongly does not become no filter.

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::problem::Problem;
use super::route::{Kind, Route};

/// A request to a route.
#[derive(Debug)]
pub(super) struct Call {
    /// The variable parts of the path, in their order.
    places: Vec<String>,
    query: Vec<(String, String)>,
    body: Value,
    /// What must not have changed: the digest of If-Match.
    unchanged: Option<String>,
}

impl Call {
    pub(super) fn new(
        places: Vec<String>,
        query: &str,
        body: Value,
        route: &Route,
    ) -> Result<Self, Problem> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let read = decode(name).zip(decode(&value.replace('+', " ")));
            let (name, value) =
                read.ok_or_else(|| Problem::bad("The query is not UTF-8 in percent-encoding"))?;
            let known = route.query.iter().find(|parameter| parameter.name == name);
            let known = known
                .ok_or_else(|| Problem::bad(format!("There is no parameter {name:?} here")))?;
            if !known.kind.fits(&value) {
                return Err(Problem::bad(format!(
                    "The parameter {name} is {}",
                    known.kind.wanted()
                )));
            }
            if pairs.iter().any(|(earlier, _)| *earlier == name) {
                return Err(Problem::bad(format!("The parameter {name} is there twice")));
            }
            pairs.push((name, value));
        }
        Ok(Self {
            places,
            query: pairs,
            body,
            unchanged: None,
        })
    }

    /// The same with what must not have changed meanwhile.
    pub(super) fn conditional(self, headers: &HeaderMap, route: &Route) -> Result<Self, Problem> {
        let unchanged = match headers.get(header::IF_MATCH) {
            Some(tag) => precondition(tag.to_str().unwrap_or_default(), route)?,
            None => None,
        };
        Ok(Self { unchanged, ..self })
    }

    /// The digest that what is changed must have.
    pub(super) fn unchanged(&self) -> Option<String> {
        self.unchanged.clone()
    }

    /// A variable part of the path.
    pub(super) fn place(&self, number: usize) -> String {
        self.places.get(number).cloned().unwrap_or_default()
    }

    /// The number that such a part is.
    pub(super) fn number(&self, number: usize) -> Result<i64, Problem> {
        let place = self.place(number);
        place
            .parse()
            .map_err(|_| Problem::bad(format!("{place:?} is no number")))
    }

    /// A parameter of the query.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let found = self.query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    }

    /// A parameter that is a number, within its bounds.
    pub(super) fn count(&self, name: &str) -> Option<usize> {
        self.text(name)?.parse().ok()
    }

    /// A parameter that is yes or no.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.text(name).map(|value| value == "true")
    }

    /// The body.
    pub(super) fn body<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_value(self.body.clone())
            .map_err(|error| Problem::bad(format!("The body does not fit: {error}")))
    }
}

impl Kind {
    fn fits(self, value: &str) -> bool {
        match self {
            Self::Text => !value.chars().any(char::is_control),
            Self::Flag => matches!(value, "true" | "false"),
            Self::Count(most) => value.parse().is_ok_and(|count| (1..=most).contains(&count)),
            Self::Number => value.parse::<i64>().is_ok_and(|number| number >= 0),
        }
    }

    fn wanted(self) -> String {
        match self {
            Self::Text => "text without control characters".to_owned(),
            Self::Flag => "true or false".to_owned(),
            Self::Count(most) => format!("a number from 1 to {most}"),
            Self::Number => "a number".to_owned(),
        }
    }
}

/// RFC 9110 §13.1.1: one strong entity tag, or `*` for whatever there is. A condition that is not looked at is refused and not passed over.
fn precondition(field: &str, route: &Route) -> Result<Option<String>, Problem> {
    if !route.conditional {
        return Err(Problem::bad("This request takes no If-Match"));
    }
    if field == "*" {
        return Ok(None);
    }
    let tag = field
        .strip_prefix('"')
        .and_then(|tag| tag.strip_suffix('"'));
    match tag {
        Some(tag) if !tag.contains('"') => Ok(Some(tag.to_owned())),
        _ => Err(Problem::bad("If-Match is one strong entity tag, or *")),
    }
}

/// The object that a body is. Only what says that it is JSON is read as such: a form of another site's page cannot say that.
pub(super) fn object(headers: &HeaderMap, octets: Bytes) -> Result<Value, Problem> {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Problem::new(
            415,
            "The body is not said to be JSON",
            "Send `Content-Type: application/json`.",
        ));
    }
    match serde_json::from_slice::<Value>(&octets) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(Problem::bad("The body is no object")),
        Err(error) => Err(Problem::bad(format!("The body is no JSON: {error}"))),
    }
}

/// RFC 3986 §2.1; none for what is not UTF-8 then, or no encoding at all.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first != b'%' {
            octets.push(*first);
            continue;
        }
        let (digits, behind) = rest.split_at_checked(2)?;
        let digit = |octet: u8| char::from(octet).to_digit(16);
        let [high, low] = digits else { return None };
        octets.push(u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?);
        rest = behind;
    }
    String::from_utf8(octets).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_decoded_once() {
        assert_eq!(
            decode("rules%2Flocal.toml").as_deref(),
            Some("rules/local.toml")
        );
        assert_eq!(decode("a%2540b+c").as_deref(), Some("a%40b+c"));
        for wrong in ["%", "%4", "%zz", "%+1", "%ff"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_body_says_that_it_is_json() {
        let headers = |kind: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
            headers
        };
        let read =
            |kind, body: &'static str| object(&headers(kind), body.as_bytes().into()).is_ok();
        assert!(read("application/json; charset=utf-8", "{}"));
        for (kind, body) in [
            ("text/plain", "{}"),
            ("application/x-www-form-urlencoded", "{}"),
            ("application/json", "[]"),
            ("application/json", "{"),
        ] {
            assert!(!read(kind, body), "{kind} {body}");
        }
    }
}
