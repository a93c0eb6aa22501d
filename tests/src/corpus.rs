//! Real mail: the folder that `WAXWING_CORPUS` names, or `../shared/corpus` beside the repository.

use std::path::{Path, PathBuf};

/// The message files, sorted; `None`, with a word on standard error, where there is no corpus.
#[must_use]
pub fn files() -> Option<Vec<PathBuf>> {
    let given = std::env::var_os("WAXWING_CORPUS").filter(|path| !path.is_empty());
    let root = given.map_or_else(
        || crate::place::repository().join("../shared/corpus"),
        PathBuf::from,
    );
    let mut files = Vec::new();
    collect(&root, &mut files);
    if files.is_empty() {
        eprintln!(
            "SKIPPED: no corpus at {}; set WAXWING_CORPUS to a folder of .eml files",
            root.display()
        );
        return None;
    }
    files.sort();
    Some(files)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "eml") {
            files.push(path);
        }
    }
}

/// About `count` of them, spread over all.
#[must_use]
pub fn sample(files: &[PathBuf], count: usize) -> Vec<PathBuf> {
    files
        .iter()
        .step_by((files.len() / count.max(1)).max(1))
        .cloned()
        .collect()
}

/// A message as SMTP can carry it: line ends are CRLF, and no CR or LF stands alone (RFC 5321 §2.3.8).
#[must_use]
pub fn canonical(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + message.len() / 30);
    for line in message.split_inclusive(|octet| *octet == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        // A CR within a line cannot be sent; a space keeps the length.
        out.extend(
            text.iter()
                .map(|octet| if *octet == b'\r' { b' ' } else { *octet }),
        );
        out.extend_from_slice(b"\r\n");
    }
    out
}
