//! Processes of tests: programs that are run to their end, and what the kernel says about one.
//!
//! No test waits for a program without an end: what hangs is killed and named.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, Write as _};
use std::process::{Child, Command, ExitStatus, Output};
use std::time::Duration;

use crate::wait::{PATIENCE, within};

/// The most that a program may take that a test runs to its end.
const LONGEST: Duration = Duration::from_secs(600);

/// Runs a program to its end, with this on its standard input.
///
/// What it prints goes into files: a pipe would be open for as long as anything that it started and left behind.
///
/// # Panics
/// If it cannot be started, or has not ended after ten minutes; it is killed then.
pub fn run(command: &mut Command, input: impl AsRef<[u8]>) -> Output {
    run_within(command, input.as_ref(), LONGEST, |_| ())
}

/// Runs a program as [`run`] with nothing on its standard input, and gives the most memory in octets that it had.
///
/// # Panics
/// As [`run`].
pub fn run_measured(command: &mut Command) -> (Output, u64) {
    let mut most = 0;
    let output = run_within(command, b"", LONGEST, |pid| {
        // One that has ended and is not reaped yet has no memory.
        most = find_field(pid, "VmHWM:").unwrap_or(0).max(most);
    });
    (output, most)
}

fn run_within(
    command: &mut Command,
    input: &[u8],
    longest: Duration,
    look: impl FnMut(u32),
) -> Output {
    let file = || tempfile::tempfile().expect("a temporary file");
    let again = |file: &File| file.try_clone().expect("a file is opened twice");
    let (mut given, mut said, mut errors) = (file(), file(), file());
    given.write_all(input).expect("a file is written");
    given.rewind().expect("a file is read again");
    let mut child = command
        .stdin(given)
        .stdout(again(&said))
        .stderr(again(&errors))
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let ended = ends_within(&mut child, longest, look);
    let [stdout, stderr] = [&mut said, &mut errors].map(|file| {
        let mut octets = Vec::new();
        file.rewind().expect("a file is read again");
        file.read_to_end(&mut octets).expect("a file is read");
        octets
    });
    let Some(status) = ended else {
        let (said, errors) = (
            String::from_utf8_lossy(&stdout),
            String::from_utf8_lossy(&stderr),
        );
        panic!("{command:?} has not ended after {longest:?}\n{said}\n{errors}");
    };
    Output {
        status,
        stdout,
        stderr,
    }
}

/// Runs a small program of the system to its end, with nothing on its standard input.
///
/// # Panics
/// As [`run`].
pub fn ask(program: &str, arguments: &[&str]) -> Output {
    run(Command::new(program).args(arguments), "")
}

/// Waits for the end of a process that ends by itself.
///
/// # Panics
/// If it has not ended in time; it is killed then.
pub fn ends(child: &mut Child, what: &str) -> ExitStatus {
    ends_within(child, PATIENCE, |_| ())
        .unwrap_or_else(|| panic!("waited {PATIENCE:?} in vain: {what}"))
}

/// Asks a process to end, and kills it if it does not.
pub fn end(child: &mut Child) {
    let _asked = ask("kill", &["-TERM", &child.id().to_string()]);
    if ends_within(child, PATIENCE, |_| ()).is_none() {
        eprintln!("process {} did not end when it was asked", child.id());
    }
}

/// `kill -9`.
///
/// # Panics
/// If it is not there any more to be waited for.
#[expect(
    clippy::disallowed_methods,
    reason = "nothing outlives SIGKILL for long"
)]
pub fn kill(child: &mut Child) {
    let _ended = child.kill();
    let _reaped = child.wait().expect("it is dead");
}

/// Its status, or nothing if it had to be killed.
fn ends_within(
    child: &mut Child,
    longest: Duration,
    mut look: impl FnMut(u32),
) -> Option<ExitStatus> {
    let pid = child.id();
    let ended = within(longest, || {
        look(pid);
        child.try_wait().expect("it can be waited for")
    });
    if ended.is_none() {
        kill(child);
    }
    ended.map(|(status, _)| status)
}

/// Resident memory in octets (`VmRSS`).
#[must_use]
pub fn resident(pid: u32) -> u64 {
    field(pid, "VmRSS:")
}

/// Resident memory that no file is behind, in octets (`RssAnon`): without the code, which a debug build has much of.
#[must_use]
pub fn anonymous(pid: u32) -> u64 {
    field(pid, "RssAnon:")
}

/// The most resident memory so far, in octets (`VmHWM`).
#[must_use]
pub fn peak(pid: u32) -> u64 {
    field(pid, "VmHWM:")
}

fn field(pid: u32, name: &str) -> u64 {
    find_field(pid, name).expect("the process runs, and Linux tells this")
}

fn find_field(pid: u32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_run_to_its_end() {
        let output = run(&mut Command::new("cat"), "given");
        assert!(output.status.success());
        assert_eq!(output.stdout, b"given");
        assert_eq!(ask("sh", &["-c", "echo no >&2; exit 3"]).stderr, b"no\n");
    }

    #[test]
    fn what_a_program_leaves_behind_is_not_waited_for() {
        let output = ask("sh", &["-c", "sleep 20 & echo $!"]);
        let left = String::from_utf8(output.stdout).unwrap();
        assert!(
            ask("kill", &[left.trim()]).status.success(),
            "it still runs"
        );
    }

    #[test]
    #[should_panic(expected = "has not ended after")]
    fn a_program_that_does_not_end_is_killed() {
        run_within(
            Command::new("sleep").arg("600"),
            b"",
            Duration::from_millis(50),
            |_| (),
        );
    }
}
