//! `waxwing compile-plugin`: the limited process in which the server compiles what it has not met before.

use std::io::{stdin, stdout};

use waxwing_policy::CompilerLimits;

use crate::admin::Failure;

/// From standard input to standard output.
pub(super) fn compile(limits: CompilerLimits) -> Result<(), Failure> {
    waxwing_policy::compile_plugin(limits, stdin().lock(), stdout().lock()).map_err(Failure::data)
}
