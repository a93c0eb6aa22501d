//! The `waxwing` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    waxwing::cli::main()
}
