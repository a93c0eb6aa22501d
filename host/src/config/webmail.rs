//! `[webmail]`: how long a browser stays logged in, and what may be brought along in it.

use serde::Serialize;

use super::read::Section;
use super::units::{Period, Size};

/// A use is written down once in five minutes: what is shorter than this would end while it is used.
const SHORTEST: Period = Period::seconds(15 * 60);
/// No browser keeps a cookie for longer (RFC 6265bis §5.5).
const LONGEST: Period = Period::seconds(400 * 86_400);

/// Lifetimes of logins by cookie, and the size of files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Webmail {
    /// After how long without use a login ends.
    pub login_idle: Period,
    /// After how long it ends in any case.
    pub login_longest: Period,
    /// Whether the browser keeps the cookie when it is closed.
    pub remember: bool,
    /// The largest file of mail that may be brought along.
    pub import_size: Size,
}

impl Default for Webmail {
    fn default() -> Self {
        Self {
            login_idle: Period::seconds(3 * 86_400),
            login_longest: Period::seconds(30 * 86_400),
            remember: false,
            import_size: Size::mebibytes(1024),
        }
    }
}

impl Webmail {
    pub(super) fn read(&mut self, section: &mut Section<'_, '_>) {
        section.value("login-idle", &mut self.login_idle);
        section.value("login-longest", &mut self.login_longest);
        section.value("remember", &mut self.remember);
        section.value("import-size", &mut self.import_size);
        section.at_least("login-idle", self.login_idle, SHORTEST);
        let (idle, longest) = (self.login_idle, self.login_longest);
        let problem = if longest < idle {
            Some(format!("must be at least login-idle, which is {idle}"))
        } else if longest > LONGEST {
            Some(format!(
                "must be at most {LONGEST}: browsers keep no cookie for longer"
            ))
        } else {
            None
        };
        section.check("login-longest", problem);
    }
}
