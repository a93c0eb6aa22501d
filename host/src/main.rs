//! The `waxwing` program.

use std::process::ExitCode;

/// Messages of all sizes come and go on many threads: this allocator costs a tenth less of the server's processor time than the C library's, and
/// gives back what is not used (`.cargo/config.toml` says how much it may keep).
#[global_allocator]
static MEMORY: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    waxwing::cli::main()
}
