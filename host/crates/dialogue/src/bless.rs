//! Blessing: the server's lines of a dialogue, rewritten to what the session says now.
//!
//! Invariant: blocks of server lines that fit stay as they are, wildcards and comments included.

use crate::escape::escape;
use crate::parse::{Dialogue, Line, LineKind};
use crate::pattern::Pattern;
use crate::run::{Received, Wire};

/// Server lines that did not fit.
struct Block {
    /// The line after which the server spoke; beyond the end for a dialogue without lines.
    after: usize,
    /// Numbers of the lines that go.
    old: Vec<usize>,
    /// The lines that come in their place.
    new: Vec<String>,
}

/// The dialogue's text with the server's lines replaced where they differ, from what a wire in memory says.
///
/// # Errors
/// The wire failed for another reason than a differing line.
pub fn bless(dialogue: &Dialogue, wire: &mut dyn Wire) -> Result<String, String> {
    let mut blocks = Vec::new();
    let mut lines = dialogue.lines.iter().peekable();
    // A greeting that is missing goes before the first line, not before the title.
    let mut after = dialogue
        .lines
        .first()
        .map_or(usize::MAX, |line| line.number - 1);
    loop {
        let mut expected = Vec::new();
        while let Some(line) = lines.next_if(|line| !acts(&line.kind)) {
            expected.push(line);
        }
        let actual = drain(wire)?;
        if !fits(&expected, &actual) {
            let is_line = |line: &&&Line| {
                matches!(
                    line.kind,
                    LineKind::Server(_) | LineKind::ServerAny(_) | LineKind::Close
                )
            };
            let old = expected
                .iter()
                .filter(is_line)
                .map(|line| line.number)
                .collect();
            blocks.push(Block {
                after,
                old,
                new: actual,
            });
        }
        let Some(line) = lines.next() else { break };
        after = line.number;
        act(wire, line, lines.peek().map(|line| &line.kind))?;
        while let Some(more) = lines.next_if(|line| matches!(line.kind, LineKind::Client(_))) {
            after = more.number;
            act(wire, more, lines.peek().map(|line| &line.kind))?;
        }
    }
    Ok(rewrite(&dialogue.source, &blocks))
}

fn acts(kind: &LineKind) -> bool {
    !matches!(
        kind,
        LineKind::Server(_) | LineKind::ServerAny(_) | LineKind::Ask(_) | LineKind::Close
    )
}

fn act(wire: &mut dyn Wire, line: &Line, next: Option<&LineKind>) -> Result<(), String> {
    match &line.kind {
        LineKind::Client(octets) => {
            wire.send(octets)?;
            if matches!(next, Some(LineKind::Client(_))) {
                Ok(())
            } else {
                wire.send(&[])
            }
        }
        LineKind::Tls => wire.secure(),
        LineKind::Hangup => {
            wire.hangup();
            Ok(())
        }
        other => wire
            .reach_in(other)
            .then_some(())
            .ok_or_else(|| "this wire cannot do that".to_owned()),
    }
}

/// All that the server says now, as dialogue lines.
fn drain(wire: &mut dyn Wire) -> Result<Vec<String>, String> {
    let mut actual = Vec::new();
    loop {
        match wire.line()? {
            Received::Line(line) => actual.push(format!("S: {}", escape(&line))),
            Received::Closed => {
                actual.push("X: close".to_owned());
                return Ok(actual);
            }
            Received::Nothing => return Ok(actual),
        }
    }
}

/// Whether the actual lines are what the block expects.
fn fits(expected: &[&Line], actual: &[String]) -> bool {
    let mut actual = actual.iter().peekable();
    for (index, line) in expected.iter().enumerate() {
        let server = |text: &String, pattern: &Pattern| {
            text.strip_prefix("S: ")
                .is_some_and(|text| pattern.matches_text(text))
        };
        match &line.kind {
            LineKind::Server(pattern) if actual.next_if(|text| server(text, pattern)).is_none() => {
                return false;
            }
            LineKind::Close if actual.next_if(|text| *text == "X: close").is_none() => {
                return false;
            }
            LineKind::ServerAny(pattern) => {
                let stop = |text: &String| match expected.get(index + 1).map(|line| &line.kind) {
                    Some(LineKind::Server(next)) => server(text, next),
                    _ => text == "X: close",
                };
                while actual
                    .next_if(|text| !stop(text) && server(text, pattern))
                    .is_some()
                {}
            }
            _ => {}
        }
    }
    actual.next().is_none()
}

fn rewrite(source: &str, blocks: &[Block]) -> String {
    let mut out = Vec::new();
    let insert = |out: &mut Vec<String>, number: usize| {
        for Block { after, old, new } in blocks {
            // Where old lines stood, or right after the line that provoked them.
            if old.first().copied().map_or(*after == number, |first| {
                Some(first) == number.checked_add(1)
            }) {
                out.extend(new.iter().cloned());
            }
        }
    };
    for (index, line) in source.lines().enumerate() {
        if !blocks.iter().any(|block| block.old.contains(&(index + 1))) {
            out.push(line.to_owned());
        }
        insert(&mut out, index + 1);
    }
    insert(&mut out, usize::MAX);
    out.join("\n") + "\n"
}
