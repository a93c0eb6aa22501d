//! Questions to whoever sits at the terminal.

use std::io::{self, BufRead, IsTerminal, Write};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use super::super::account::LONGEST_PASSWORD;
use crate::admin::{Exit, Failure};

/// Whether there is somebody to ask.
pub(super) fn is_there() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks, with an answer for who just presses return.
pub(super) fn ask(question: &str, usual: &str) -> Result<String, Failure> {
    say(&format!("{question} [{usual}]: "));
    let answer = read()?;
    Ok(if answer.is_empty() {
        usual.to_owned()
    } else {
        answer
    })
}

/// Asks for yes or no.
pub(super) fn agrees(question: &str) -> Result<bool, Failure> {
    let answer = ask(question, "yes")?.to_ascii_lowercase();
    Ok(matches!(answer.as_str(), "y" | "yes"))
}

/// Asks for a new password, twice, and shows neither; nothing for who just presses return.
pub(super) fn password(of: &str) -> Result<Option<String>, Failure> {
    loop {
        let first = hidden(&format!("Password of {of} (return: one is made): "))?;
        if first.is_empty() {
            return Ok(None);
        }
        if first.len() as u64 > LONGEST_PASSWORD {
            say(&format!("That is longer than {LONGEST_PASSWORD} octets.\n"));
        } else if hidden("Again: ")? == first {
            return Ok(Some(first));
        } else {
            say("These were two.\n");
        }
    }
}

/// Reads a line that is not shown.
fn hidden(question: &str) -> Result<String, Failure> {
    say(question);
    let input = io::stdin();
    let shown = tcgetattr(&input).map_err(|error| failed(&error.into()))?;
    let mut silent = shown.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&input, OptionalActions::Flush, &silent).map_err(|error| failed(&error.into()))?;
    let line = read();
    let restored = tcsetattr(&input, OptionalActions::Flush, &shown);
    say("\n");
    restored.map_err(|error| failed(&error.into()))?;
    line
}

fn read() -> Result<String, Failure> {
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    match read {
        Ok(0) => Err(Failure::new(Exit::Data, "nobody answers")),
        Ok(_) => Ok(line.trim_end_matches(['\r', '\n']).to_owned()),
        Err(error) => Err(failed(&error)),
    }
}

/// To standard error: what the command prints may go elsewhere.
fn say(text: &str) {
    let mut out = io::stderr().lock();
    let _closed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn failed(error: &io::Error) -> Failure {
    Failure::new(Exit::Data, format!("the terminal cannot be read: {error}"))
}
