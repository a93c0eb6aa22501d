//! Names and values of metadata (RFC 5464 §3, §4.2).

use std::fmt;

/// Octets of a name.
const MAX_NAME: usize = 256;

/// Whose an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryScope {
    /// `/private`: one's own.
    Private,
    /// `/shared`: of all who may see it.
    Shared,
}

/// The name of an entry, in lower case: names are compared without case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryName {
    scope: EntryScope,
    /// What is behind it: `/comment`, or nothing.
    rest: String,
}

impl EntryName {
    /// A name: `/private` or `/shared`, and more levels behind it; `None` if it cannot be one.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        // RFC 5464 §3.2: components are separated by slashes, and none is empty; no `*`, no `%`, nothing that is not ASCII or a control.
        let plain = |octet: u8| matches!(octet, 0x20..=0x7e) && !matches!(octet, b'*' | b'%');
        if name.len() > MAX_NAME || !name.bytes().all(plain) {
            return None;
        }
        let name = name.to_ascii_lowercase();
        let (scope, rest) = match (name.strip_prefix("/private"), name.strip_prefix("/shared")) {
            (Some(rest), _) => (EntryScope::Private, rest),
            (_, Some(rest)) => (EntryScope::Shared, rest),
            _ => return None,
        };
        let mut levels = rest.split('/');
        let behind_slash = levels.next() == Some("");
        if !behind_slash || levels.any(str::is_empty) {
            return None;
        }
        Some(Self {
            scope,
            rest: rest.to_owned(),
        })
    }

    /// Whether an entry can have this name; else it is only that of a level with entries below it.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        // RFC 5464 §3.2: two components, and four below /private/vendor and /shared/vendor.
        let mut levels = self.rest.split('/').skip(1);
        match levels.next() {
            None => false,
            Some("vendor") => levels.count() >= 2,
            Some(_) => true,
        }
    }

    /// From its parts, as the store has them.
    #[must_use]
    pub fn of_parts(scope: EntryScope, rest: String) -> Self {
        Self { scope, rest }
    }

    /// Whose it is.
    #[must_use]
    pub fn scope(&self) -> EntryScope {
        self.scope
    }

    /// What is behind `/private` or `/shared`, with its slash; empty for the level itself, which has no value.
    #[must_use]
    pub fn rest(&self) -> &str {
        &self.rest
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.scope {
            EntryScope::Private => "/private",
            EntryScope::Shared => "/shared",
        })?;
        f.write_str(&self.rest)
    }
}

/// `DEPTH`: which entries below a name are meant beside it (RFC 5464 §4.2.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EntryDepth {
    /// None.
    #[default]
    Zero,
    /// Those right below it.
    One,
    /// All.
    Infinity,
}

impl EntryDepth {
    /// Whether `entry` is meant by `name`.
    #[must_use]
    pub fn means(self, name: &EntryName, entry: &EntryName) -> bool {
        if name.scope != entry.scope {
            return false;
        }
        let Some(below) = entry.rest.strip_prefix(&name.rest) else {
            return false;
        };
        match below.strip_prefix('/') {
            None => below.is_empty(),
            Some(_) if self == Self::Zero => false,
            Some(levels) => self == Self::Infinity || !levels.contains('/'),
        }
    }
}

/// Options of GETMETADATA.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MetadataOptions {
    /// `MAXSIZE`: larger values are not wanted.
    pub max_size: Option<u32>,
    /// `DEPTH`
    pub depth: EntryDepth,
}

/// Entries with their values; none: it goes, or is not there.
pub type EntryValues = Vec<(EntryName, Option<Vec<u8>>)>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_scope_and_no_empty_level() {
        for good in ["/private", "/shared/comment", "/SHARED/Vendor/x y"] {
            let name = EntryName::new(good).unwrap();
            assert_eq!(name.to_string(), good.to_lowercase());
        }
        for bad in [
            "",
            "/",
            "private/a",
            "/privately",
            "/other/a",
            "/shared/",
            "/shared//a",
            "/shared/a*",
            "/shared/%",
            "/shared/\u{fc}",
            "/shared/a\tb",
        ] {
            assert_eq!(EntryName::new(bad), None, "{bad}");
        }
        assert_eq!(
            EntryName::new(&format!("/shared/{}", "x".repeat(300))),
            None
        );
    }

    #[test]
    fn entries_of_vendors_have_a_vendor_and_a_name() {
        for (name, whole) in [
            ("/private", false),
            ("/private/comment", true),
            ("/private/vendor", false),
            ("/shared/vendor/x", false),
            ("/SHARED/VENDOR/x", false),
            ("/shared/vendor/x/y", true),
            ("/shared/vendor/x/y/z", true),
            ("/shared/vendors/x", true),
            ("/shared/a/vendor", true),
        ] {
            assert_eq!(EntryName::new(name).unwrap().is_whole(), whole, "{name}");
        }
    }

    #[test]
    fn depth_means_what_is_below() {
        let means = |depth: EntryDepth, name: &str, entry: &str| {
            let [name, entry] = [name, entry].map(|it| EntryName::new(it).unwrap());
            depth.means(&name, &entry)
        };
        // RFC 5464 §4.2.2
        for (entry, depths) in [
            ("/shared/a", 3),
            ("/shared/a/b", 2),
            ("/shared/a/b/c", 1),
            ("/shared/ab", 0),
            ("/shared", 0),
            ("/private/a", 0),
        ] {
            let all = [EntryDepth::Zero, EntryDepth::One, EntryDepth::Infinity];
            let meant = all.map(|depth| means(depth, "/shared/a", entry));
            assert_eq!(meant.iter().filter(|it| **it).count(), depths, "{entry}");
        }
        assert!(means(EntryDepth::One, "/private", "/private/comment"));
    }
}
