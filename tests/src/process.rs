//! What the kernel says about a process.

use std::fs;

/// Resident memory in octets (`VmRSS`).
#[must_use]
pub fn resident(pid: u32) -> u64 {
    field(pid, "VmRSS:")
}

/// The most resident memory so far, in octets (`VmHWM`).
#[must_use]
pub fn peak(pid: u32) -> u64 {
    field(pid, "VmHWM:")
}

fn field(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status
        .lines()
        .find(|line| line.starts_with(name))
        .expect("Linux tells this");
    let kib: u64 = line
        .split_whitespace()
        .nth(1)
        .and_then(|number| number.parse().ok())
        .expect("a number of kB");
    kib * 1024
}

/// Whether this test runs as root.
#[must_use]
pub fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find(|line| line.starts_with("Uid:"))
        .and_then(|line| line.split_whitespace().nth(2))
        == Some("0")
}

/// Whether a program is there, by its path.
#[must_use]
pub fn has_file(path: &std::path::Path) -> bool {
    path.is_file()
}

/// Whether a program is installed.
#[must_use]
pub fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
