//! How far each name is: what failed, how often, and when it is tried again. That is written down, so that a server which is started again and
//! again does not ask again and again.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::schedule;
use super::shelf::{Held, Shelf};
use super::trouble::{Kind, Trouble};

/// The file of it.
const FILE: &str = "attempts.json";
/// What the authority said of all orders is kept under a name that none has.
const ALL: &str = "*";

/// What has failed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Failed {
    failures: u32,
    /// Nothing is tried before, in seconds since 1970.
    next: i64,
    told: String,
}

/// What an administrator wants of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    No,
    /// That nothing is waited for which has failed.
    Now,
    /// The same, of this name: wherever it leads.
    Insisted,
}

/// A name.
struct Entry {
    asked: Asked,
    /// Why the authority is not asked yet, how often that was so, and when it is looked again.
    waits: Option<(String, u32, i64)>,
    /// When the authority wants the certificate to be renewed.
    window: Option<(i64, i64)>,
    /// When it is asked for that again.
    look: i64,
    /// Where in windows and pauses this name is, from 0 to 1.
    chance: f64,
}

impl Default for Entry {
    fn default() -> Self {
        Self {
            asked: Asked::No,
            waits: None,
            window: None,
            look: 0,
            chance: rand::random(),
        }
    }
}

#[derive(Default)]
struct Pages {
    names: BTreeMap<String, Entry>,
    failed: BTreeMap<String, Failed>,
}

/// The book.
#[derive(Default)]
pub(super) struct Book(Mutex<Pages>);

impl Book {
    /// With what was written down.
    pub(super) fn open(shelf: Option<&Shelf>) -> Self {
        let text = shelf.and_then(|shelf| shelf.read(FILE));
        let failed = text.and_then(|text| serde_json::from_str(&text).ok());
        Self(Mutex::new(Pages {
            names: BTreeMap::new(),
            failed: failed.unwrap_or_default(),
        }))
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These are the names from now on.
    pub(super) fn keep<'a>(&self, names: impl Iterator<Item = &'a str>) {
        let mut pages = self.pages();
        let mut old = std::mem::take(&mut pages.names);
        pages.names = names
            .map(|name| (name.to_owned(), old.remove(name).unwrap_or_default()))
            .collect();
    }

    /// Whether an order is due: because somebody wants it, or by the time.
    pub(super) fn is_due(&self, name: &str, held: Option<&Held>, now: i64) -> bool {
        let pages = self.pages();
        let Some(entry) = pages.names.get(name) else {
            return false;
        };
        let held_off = |name: &str| {
            pages
                .failed
                .get(name)
                .is_some_and(|failed| now < failed.next)
        };
        let wanted = held.is_none_or(|held| now >= renewal(entry, held));
        let waits = entry.waits.as_ref().is_some_and(|(.., next)| now < *next);
        entry.asked != Asked::No || (wanted && !waits && !held_off(name) && !held_off(ALL))
    }

    /// Whether an administrator wants it now, wherever the name leads.
    pub(super) fn is_insisted_on(&self, name: &str) -> bool {
        let pages = self.pages();
        let entry = pages.names.get(name);
        entry.is_some_and(|entry| entry.asked == Asked::Insisted)
    }

    /// Whether the authority is to be asked when it wants a certificate to be renewed.
    pub(super) fn looks(&self, name: &str, now: i64) -> bool {
        let pages = self.pages();
        pages.names.get(name).is_some_and(|entry| now >= entry.look)
    }

    /// What it said; the next time it is asked is `look`.
    pub(super) fn suggest(&self, name: &str, window: Option<(i64, i64)>, look: i64) {
        if let Some(entry) = self.pages().names.get_mut(name) {
            entry.window = window;
            entry.look = look;
        }
    }

    /// Whether it says such things.
    pub(super) fn has_window(&self, name: &str) -> bool {
        let pages = self.pages();
        pages
            .names
            .get(name)
            .is_some_and(|entry| entry.window.is_some())
    }

    /// How often it has failed.
    pub(super) fn failures(&self, name: &str) -> u32 {
        let pages = self.pages();
        pages.failed.get(name).map_or(0, |failed| failed.failures)
    }

    /// The authority is not asked: why.
    pub(super) fn wait(&self, name: &str, why: String, now: i64) {
        if let Some(entry) = self.pages().names.get_mut(name) {
            let waited = entry.waits.as_ref().map_or(0, |(_, waited, _)| *waited);
            let next = now + schedule::look(waited);
            entry.waits = Some((why, waited + 1, next));
            entry.asked = Asked::No;
        }
    }

    /// It is there.
    pub(super) fn got(&self, shelf: &Shelf, name: &str) {
        let mut pages = self.pages();
        pages.names.insert(name.to_owned(), Entry::default());
        pages.failed.remove(name);
        pages.failed.remove(ALL);
        write(shelf, &pages.failed);
    }

    /// It failed; how long is waited now.
    pub(super) fn failed(
        &self,
        shelf: &Shelf,
        name: &str,
        trouble: &Trouble,
        now: i64,
    ) -> Duration {
        let mut pages = self.pages();
        let entry = pages.names.entry(name.to_owned()).or_default();
        (entry.asked, entry.waits) = (Asked::No, None);
        let chance = entry.chance;
        let failed = pages.failed.entry(name.to_owned()).or_default();
        failed.failures += 1;
        let pause = schedule::pause(failed.failures, trouble.kind, chance);
        failed.next = now + i64::try_from(pause.as_secs()).unwrap_or(i64::MAX / 2);
        failed.told.clone_from(&trouble.told);
        let failed = failed.clone();
        if matches!(trouble.kind, Kind::Later(_)) {
            // Limits are of the account, too.
            pages.failed.insert(ALL.to_owned(), failed);
        }
        write(shelf, &pages.failed);
        pause
    }

    /// Notes that an administrator wants a name's certificate now, or all that are missing; false if there is none such.
    pub(super) fn ask(&self, shelf: &Shelf, name: Option<&str>) -> bool {
        let mut any = false;
        for (own, entry) in &mut self.pages().names {
            let asked = match name {
                Some(name) if name == own => Asked::Insisted,
                None if shelf.held(own).is_none() => Asked::Now,
                _ => continue,
            };
            entry.asked = asked;
            any = true;
        }
        any
    }

    /// Whether something that was asked for is not done yet.
    pub(super) fn is_asked(&self) -> bool {
        let pages = self.pages();
        let mut entries = pages.names.values();
        entries.any(|entry| entry.asked != Asked::No)
    }

    /// All of it, for an administrator.
    pub(super) fn told(&self, shelf: &Shelf) -> Value {
        let pages = self.pages();
        let one = |(name, entry): (&String, &Entry)| {
            let held = shelf.held(name);
            let failed = pages.failed.get(name);
            let state = match (&held, failed, &entry.waits) {
                (Some(_), None, _) => "in use",
                (Some(_), Some(_), _) => "in use, not renewed",
                (None, _, Some(_)) => "waiting",
                (None, Some(_), None) => "failed",
                (None, None, None) => "to be ordered",
            };
            json!({
                "name": name,
                "state": state,
                "expires": held.as_ref().map(|held| held.until.saturating_mul(1000)),
                "renewal": held.as_ref().map(|held| renewal(entry, held).saturating_mul(1000)),
                "problem": entry.waits.as_ref().map(|(why, ..)| why.as_str()).or(failed.map(|failed| failed.told.as_str())),
                "next": failed.map(|failed| failed.next.saturating_mul(1000)),
            })
        };
        pages.names.iter().map(one).collect()
    }
}

fn renewal(entry: &Entry, held: &Held) -> i64 {
    match entry.window {
        Some((start, end)) => schedule::suggested(start, end, entry.chance),
        None => schedule::renewal(held.from, held.until),
    }
}

fn write(shelf: &Shelf, failed: &BTreeMap<String, Failed>) {
    let text = serde_json::to_vec_pretty(failed).unwrap_or_default();
    if let Err(error) = shelf.write(FILE, &text) {
        tracing::warn!(%error, "what failed with certificates could not be written down");
    }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::CertificateDer;

    use super::*;
    use crate::config::Config;

    fn held(from: i64, until: i64) -> Held {
        Held {
            der: CertificateDer::from(Vec::new()),
            from,
            until,
        }
    }

    fn shelf(data: &std::path::Path) -> Shelf {
        let mut config = Config {
            data: data.into(),
            ..Config::default()
        };
        config.acme.directory = "https://ca.example/dir".into();
        Shelf::of(&config).unwrap()
    }

    #[test]
    fn what_failed_is_not_tried_before_its_time_and_a_restart_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = shelf(folder.path());
        let book = Book::default();
        book.keep(["a.example"].into_iter());
        assert!(book.is_due("a.example", None, 1000));
        let no = Trouble::new(Kind::Refused, "no");
        let pause = book.failed(&shelf, "a.example", &no, 1000).as_secs();
        let pause = i64::try_from(pause).unwrap();
        let again = Book::open(Some(&shelf));
        again.keep(["a.example", "b.example"].into_iter());
        for book in [&book, &again] {
            assert!(!book.is_due("a.example", None, 999 + pause));
            assert!(book.is_due("a.example", None, 1001 + pause));
            assert_eq!(book.failures("a.example"), 1);
        }
        assert!(again.is_due("b.example", None, 1000), "others go on");
        // Unless somebody says so.
        assert!(again.ask(&shelf, Some("a.example")));
        assert!(again.is_due("a.example", None, 1000));
        assert!(!again.ask(&shelf, Some("c.example")));
        again.got(&shelf, "a.example");
        assert!(!again.is_asked());
        assert_eq!(again.failures("a.example"), 0);
    }

    #[test]
    fn a_limit_of_the_authority_holds_all_names_off() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = shelf(folder.path());
        let book = Book::default();
        book.keep(["a.example", "b.example"].into_iter());
        let later = Trouble::new(Kind::Later(3600), "too many");
        book.failed(&shelf, "a.example", &later, 1000);
        assert!(!book.is_due("b.example", None, 4599));
        assert!(book.is_due("b.example", None, 1000 + 2 * 3600));
    }

    #[test]
    fn renewal_is_by_the_lifetime_or_as_the_authority_suggests() {
        let book = Book::default();
        book.keep(["a.example"].into_iter());
        let held = held(0, 900);
        assert!(!book.is_due("a.example", Some(&held), 599));
        assert!(book.is_due("a.example", Some(&held), 600));
        book.suggest("a.example", Some((100, 100)), 50);
        assert!(!book.is_due("a.example", Some(&held), 99));
        assert!(book.is_due("a.example", Some(&held), 100));
        assert!(!book.looks("a.example", 49));
    }
}
