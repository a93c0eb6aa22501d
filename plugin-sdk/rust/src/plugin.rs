//! The life of an instance: settings read, plugin made, self-test run.

use crate::hook::HookError;
use crate::settings::{self, Problem};
use serde::de::DeserializeOwned;
use std::cell::OnceCell;

/// What every plugin is, whichever hooks it answers.
pub trait Plugin: Sized + 'static {
    /// The step's `settings`, read by serde. Derive with `deny_unknown_fields`, so that a misspelt key is told.
    type Settings: DeserializeOwned;

    /// Makes the plugin of settings that serde and [`Plugin::check`] found good. Costly work belongs here: it is
    /// done once per instance.
    ///
    /// # Errors
    /// Every problem, each with its place in the settings.
    fn new(settings: Self::Settings) -> Result<Self, Vec<Problem>>;

    /// What is wrong with the settings beyond what serde sees.
    fn check(_settings: &Self::Settings) -> Vec<Problem> {
        Vec::new()
    }

    /// Tries the plugin while it is being loaded, with an empty store and an empty directory; one case that did
    /// not pass keeps it from going live.
    fn self_test(&self) -> Vec<SelfTest> {
        Vec::new()
    }
}

/// One case of [`Plugin::self_test`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelfTest {
    /// What was tried.
    pub name: String,
    /// Whether it went well.
    pub passed: bool,
    /// What was seen.
    pub detail: String,
}

impl SelfTest {
    /// A case that passes if what was seen is what should be.
    pub fn equal<T: PartialEq + std::fmt::Debug>(name: &str, seen: &T, expected: &T) -> Self {
        Self {
            name: name.to_owned(),
            passed: seen == expected,
            detail: format!("{seen:?}, expected {expected:?}"),
        }
    }
}

/// Where a component keeps its one plugin; implemented by [`export!`](crate::export).
pub trait Instance: Plugin {
    /// Lends the place.
    fn slot<R>(visit: impl FnOnce(&OnceCell<Self>) -> R) -> R;
}

/// Makes a plugin of settings: read, check, build.
pub(crate) fn make<P: Plugin>(text: &str) -> Result<P, Vec<Problem>> {
    // The first of the author's code runs here, whether settings are checked or the plugin is to serve.
    #[cfg(target_family = "wasm")]
    report_panics();
    let settings: P::Settings = settings::parse(text)?;
    let problems = P::check(&settings);
    if problems.is_empty() {
        P::new(settings)
    } else {
        Err(problems)
    }
}

/// Panics are written to the log, with their place: the trap that follows says only that there was one.
#[cfg(target_family = "wasm")]
fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(|place| format!("{}:{}", place.file(), place.line()));
        let text = panic.payload_as_str().unwrap_or("a panic");
        let fields = [("at".to_owned(), place.unwrap_or_default())];
        crate::host::log::log(crate::host::log::Level::Error, text, &fields);
    }));
}

/// `lifecycle.init`.
#[cfg_attr(
    not(target_family = "wasm"),
    expect(dead_code, reason = "only a component is initialised")
)]
pub(crate) fn init<P: Instance>(text: &str) -> Result<(), String> {
    let plugin = make::<P>(text).map_err(|problems| {
        problems
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; ")
    })?;
    P::slot(|slot| slot.set(plugin)).map_err(|_| "init was called twice".to_owned())
}

/// Calls the plugin of this component.
#[cfg_attr(
    not(target_family = "wasm"),
    expect(dead_code, reason = "only a component holds an instance")
)]
pub(crate) fn call<P: Instance, R>(
    hook: impl FnOnce(&P) -> Result<R, HookError>,
) -> Result<R, HookError> {
    P::slot(|slot| match slot.get() {
        Some(plugin) => hook(plugin),
        None => Err(HookError::Internal(
            "a hook was called before init".to_owned(),
        )),
    })
}
