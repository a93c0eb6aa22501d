//! The tutorial of plugin-sdk/README.md, typed as it stands: from `waxwing plugin new` to a plugin that judges mail.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use waxwing_tests::{Setup, place, process};

/// What the tutorial promises, for whoever types and waits. A debug build of the server compiles plugins slowly, on a machine that runs
/// other tests.
const PROMISED: Duration = Duration::from_secs(if cfg!(debug_assertions) { 600 } else { 120 });

/// The fenced commands, in order, without those that say where the reader's server is.
fn commands() -> String {
    let text = fs::read_to_string(place::repository().join("plugin-sdk/README.md"))
        .expect("plugin-sdk/README.md");
    let mut commands = String::new();
    let mut inside = false;
    for line in text.lines() {
        match (inside, line) {
            (false, "```sh") => inside = true,
            (true, "```") => inside = false,
            (true, command) => {
                let _ = writeln!(commands, "{command}");
            }
            (false, _) => {}
        }
    }
    commands
}

#[test]
fn every_command_does_what_the_tutorial_says() {
    let server = Setup::new().own_plugins().start();
    let folder = server.folder();
    let typed = folder.join("typed");
    fs::create_dir(&typed).expect("a folder to type in");
    let begun = Instant::now();
    // A reader who waits in vain for a line would stop at some time, too.
    let output = process::run(
        Command::new("timeout")
            .args([&PROMISED.as_secs().to_string(), "bash"])
            .args(["-e", "-u", "-o", "pipefail", "-c", &commands()])
            .current_dir(&typed)
            .env("PATH", path())
            .env("CONFIG", folder.join("waxwing.toml"))
            .env("POLICY", folder.join("policy.toml"))
            .env("PLUGINS", folder.join("plugins"))
            .env("SMTP", server.address("smtp").to_string()),
        "",
    );
    let took = begun.elapsed();
    let (said, errors) = (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    assert!(output.status.success(), "{said}\n{errors}");
    for part in [
        "bad-words is a plugin at the hook message",
        "3 cases, 0 failed",
        "BAD_WORDS",
        "grants      actions message",
        "answered  pass",
        "found     BAD_WORDS=2",
        "a new instance",
        "wrong.toml:1: plugin `bad-words`: unknown key `wrods`; known are words",
        "exit code 65",
        "bad-words: signed by ed25519:",
    ] {
        assert!(said.contains(part), "{part:?} is not in\n{said}\n{errors}");
    }
    assert!(took < PROMISED, "it took {took:?}");
    let mut imap = server.imap("alice@waxwing.test");
    assert_eq!(imap.select("Junk").expect("Junk is there"), 1);
}

/// The binary under test first.
fn path() -> std::ffi::OsString {
    let binary = place::binary();
    let own = binary
        .parent()
        .expect("the binary is in a folder")
        .to_owned();
    let others = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(std::iter::once(own).chain(std::env::split_paths(&others)))
        .expect("a search path")
}
