//! Lists of `tag=value`, as signatures, keys and records of policy are written.
//!
//! Standards: RFC 6376 §3.2. Invariants: no tag is there twice; values are without white space at their ends.

/// Tags that one list may have; the largest known ones have a dozen.
const MAX_TAGS: usize = 64;

/// A list that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tags<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Tags<'a> {
    /// Reads a list; the reason, if it is none.
    pub(crate) fn parse(text: &'a str) -> Result<Self, String> {
        let mut tags: Vec<(&str, &str)> = Vec::new();
        let mut specs = text.split(';').peekable();
        while let Some(spec) = specs.next() {
            let spec = spec.trim_matches(is_space);
            // RFC 6376 §3.2: tag-list = tag-spec *( ";" tag-spec ) [ ";" ].
            if spec.is_empty() && specs.peek().is_none() {
                break;
            }
            let (name, value) = spec
                .split_once('=')
                .ok_or_else(|| format!("{:?} is no tag", cut(spec)))?;
            let name = name.trim_end_matches(is_space);
            let letters = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
            if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !name.bytes().all(letters) {
                return Err(format!("{:?} is no name of a tag", cut(name)));
            }
            // RFC 6376 §3.2: tags with duplicate names MUST NOT occur.
            if tags.iter().any(|(other, _)| *other == name) {
                return Err(format!("{name}= is there twice"));
            }
            if tags.len() == MAX_TAGS {
                return Err("there are too many tags".to_owned());
            }
            tags.push((name, value.trim_start_matches(is_space)));
        }
        Ok(Self(tags))
    }

    /// The value of a tag. RFC 6376 §3.2: names are compared with their case.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        let found = self.0.iter().find(|(tag, _)| *tag == name);
        found.map(|(_, value)| *value)
    }

    /// The value of a tag that must be there.
    pub(crate) fn need(&self, name: &str) -> Result<&'a str, String> {
        self.get(name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| format!("{name}= is missing"))
    }

    /// A number, if the tag is there.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, String> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        // RFC 6376 §3.5: at most 76 digits, of which not all need to make sense to us.
        let digits = !value.is_empty() && value.len() <= 76;
        if !digits || !value.bytes().all(|b| b.is_ascii_digit()) {
            return Err(format!("{name}= is no number"));
        }
        Ok(Some(value.parse().unwrap_or(u64::MAX)))
    }

    /// The first tag, with which some records say their version.
    pub(crate) fn first(&self) -> Option<(&'a str, &'a str)> {
        self.0.first().copied()
    }

    /// All tags but one.
    pub(crate) fn without(&self, name: &str) -> Self {
        let others = self.0.iter().filter(|(tag, _)| *tag != name);
        Self(others.copied().collect())
    }
}

/// The items of a list with colons between.
pub(crate) fn items(value: &str) -> impl Iterator<Item = &str> {
    value.split(':').map(|item| item.trim_matches(is_space))
}

/// Base 64 with white space in it (RFC 6376 §3.2: FWS may stand anywhere in it).
pub(crate) fn base64(value: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let compact: String = value.chars().filter(|c| !is_space(*c)).collect();
    STANDARD
        .decode(compact)
        .ok()
        .filter(|octets| !octets.is_empty())
}

/// RFC 6376 §2.8: white space and the line ends of folding.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn cut(text: &str) -> String {
    text.chars().take(40).collect()
}
