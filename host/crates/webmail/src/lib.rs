//! What Vite built of the webmail (`host/web`), held in the program: files by path, in the forms that a browser may ask for.
//!
//! Standards: RFC 9110 §8.8.3 (entity tags), §12.5.3 (Accept-Encoding).
//! Invariants: only what was built is found, by its very path; a path is a name here and leads to no folder.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "tests fail by panicking"
    )
)]

/// A file of the webmail.
#[derive(Debug)]
pub struct File {
    /// Its path below `/mail/`.
    pub path: &'static str,
    /// Its media type.
    pub kind: &'static str,
    /// The headers that it is served with; names in lower case.
    pub headers: &'static [(&'static str, &'static str)],
    /// From the one that is liked best to the one that everybody takes.
    forms: &'static [Form],
}

/// A file's octets in one content coding.
#[derive(Debug)]
pub struct Form {
    /// RFC 9110 §8.4.1: how they are coded; `identity` is not at all.
    pub coding: &'static str,
    /// RFC 9110 §8.8.3: a strong tag, in its quotes.
    pub tag: &'static str,
    /// The octets.
    pub octets: &'static [u8],
}

static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// Whether there was a webmail when this was compiled.
#[must_use]
pub fn is_built() -> bool {
    !FILES.is_empty()
}

/// The file of a path below `/mail/`; the empty path is the page.
#[must_use]
pub fn find(path: &str) -> Option<&'static File> {
    let path = if path.is_empty() { "index.html" } else { path };
    FILES.iter().find(|file| file.path == path)
}

impl File {
    /// The form for a client that says what it accepts; none only if there is no form at all.
    #[must_use]
    pub fn form(&self, accept_encoding: &str) -> Option<&'static Form> {
        let taken = |form: &&Form| accepts(accept_encoding, form.coding);
        self.forms.iter().find(taken).or(self.forms.last())
    }

    /// Whether a form depends on what the client accepts.
    #[must_use]
    pub fn varies(&self) -> bool {
        self.forms.len() > 1
    }
}

/// RFC 9110 §12.5.3: whether a coding is named, and not with a weight of zero. Nobody asks for `*` without the names that he means.
fn accepts(field: &str, coding: &str) -> bool {
    field.split(',').any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let named = parts
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case(coding));
        let refused = parts.any(|part| {
            let weight = part.strip_prefix("q=").or(part.strip_prefix("Q="));
            weight.is_some_and(|weight| weight.parse().is_ok_and(|weight: f32| weight <= 0.0))
        });
        named && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_accepts() {
        for (field, coding, taken) in [
            ("gzip, deflate, br, zstd", "br", true),
            ("GZIP;q=0.5", "gzip", true),
            ("br;q=0, gzip", "br", false),
            ("br; q=0.000", "br", false),
            ("brotli", "br", false),
            ("*", "br", false),
            ("", "gzip", false),
        ] {
            assert_eq!(accepts(field, coding), taken, "{field}: {coding}");
        }
    }

    #[test]
    fn the_best_form_that_is_accepted() {
        const fn form(coding: &'static str) -> Form {
            Form {
                coding,
                tag: "\"1\"",
                octets: b"",
            }
        }
        static FORMS: [Form; 3] = [form("br"), form("gzip"), form("identity")];
        let file = File {
            path: "x",
            kind: "text/plain",
            headers: &[],
            forms: &FORMS,
        };
        for (field, coding) in [
            ("gzip, br", "br"),
            ("gzip", "gzip"),
            ("", "identity"),
            ("zstd", "identity"),
        ] {
            assert_eq!(file.form(field).unwrap().coding, coding);
        }
    }

    #[test]
    fn what_was_built_is_whole() {
        if !is_built() {
            assert!(find("").is_none());
            return;
        }
        let page = find("").unwrap();
        assert_eq!(page.path, "index.html");
        let policy = |path: &str| {
            let headers = find(path).unwrap().headers;
            let found = headers
                .iter()
                .find(|(name, _)| *name == "content-security-policy");
            found.unwrap().1
        };
        assert!(policy("").contains("frame-ancestors 'none'"));
        assert!(policy("frame/plain.html").contains("sandbox"));
        for none in [
            "headers.json",
            "index.html.br",
            "../README.md",
            "/",
            "frame",
        ] {
            assert!(find(none).is_none(), "{none}");
        }
        for file in FILES {
            assert_eq!(file.forms.last().unwrap().coding, "identity");
        }
    }
}
