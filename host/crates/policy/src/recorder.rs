//! The seam that every host call passes: who listens here sees all that a plugin learns and says (design invariant 7).
//!
//! It costs one branch where nobody listens.

use std::fmt::Debug;

use crate::hook::Hook;

/// Sees every host call.
pub trait Recorder: Send + Sync + 'static {
    /// A host call has been answered. Passwords are never among the arguments.
    fn host_call(&self, call: &HostCall<'_>);

    /// A plugin wrote a line for the log, at `trace`, `debug`, `info`, `warn` or `error`.
    fn log_line(&self, _level: &str, _line: &str) {}
}

/// One host call.
#[derive(Clone, Copy)]
pub struct HostCall<'a> {
    /// The step that called.
    pub step: &'a str,
    /// While it ran this hook; none while it was being set up.
    pub hook: Option<Hook>,
    /// The connection.
    pub connection: &'a str,
    /// `interface.function`, as in the WIT.
    pub name: &'static str,
    /// Its arguments.
    pub arguments: &'a dyn Debug,
    /// Its answer.
    pub answer: &'a dyn Debug,
}
