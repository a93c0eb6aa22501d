//! `waxwing compile-plugin`: the limited process in which the server compiles what it has not met before.

use std::io::{stdin, stdout};

use crate::admin::Failure;

/// From standard input to standard output.
pub(super) fn compile() -> Result<(), Failure> {
    waxwing_policy::compile_plugin(stdin().lock(), stdout().lock()).map_err(Failure::data)
}
