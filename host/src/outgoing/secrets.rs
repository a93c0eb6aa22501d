//! The secrets of rewritten senders, in a file of the data directory: made when there is none, changed now and then.
//!
//! A line a secret: when it was made, in milliseconds of Unix time, and 32 octets in base64. The newest signs, the others are
//! kept for as long as addresses made with them may come back.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// After so long another secret signs.
const CHANGED_AFTER: i64 = 90 * 86_400_000;
/// So long after its last day as the newest one a secret is still believed.
const KEPT: i64 = 30 * 86_400_000;

/// The secrets, the newest first.
///
/// # Errors
/// The file cannot be read or written.
pub(super) fn open(path: &Path, now: i64) -> io::Result<Vec<Vec<u8>>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    let mut secrets: Vec<(i64, Vec<u8>)> = text.lines().filter_map(line).collect();
    secrets.sort_by_key(|(made, _)| std::cmp::Reverse(*made));
    if secrets
        .first()
        .is_none_or(|(made, _)| made + CHANGED_AFTER < now)
    {
        secrets.insert(0, (now, rand::random::<[u8; 32]>().to_vec()));
        retire(&mut secrets, now);
        write(path, &secrets)?;
    }
    Ok(secrets.into_iter().map(|(_, secret)| secret).collect())
}

fn line(text: &str) -> Option<(i64, Vec<u8>)> {
    let (made, secret) = text.split_once(' ')?;
    Some((made.parse().ok()?, STANDARD.decode(secret.trim()).ok()?))
}

/// A secret was the newest until the next one was made.
fn retire(secrets: &mut Vec<(i64, Vec<u8>)>, now: i64) {
    let mut followed_at = now;
    secrets.retain(|(made, _)| {
        let kept = followed_at + KEPT >= now;
        followed_at = *made;
        kept
    });
}

fn write(path: &Path, secrets: &[(i64, Vec<u8>)]) -> io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut text = String::new();
    for (made, secret) in secrets {
        let _infallible = writeln!(text, "{made} {}", STANDARD.encode(secret));
    }
    let fresh = path.with_extension("new");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&fresh)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(fresh, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_kept_and_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("srs.secrets");
        let first = open(&path, 0).unwrap();
        assert_eq!(first.len(), 1);
        assert_eq!(open(&path, CHANGED_AFTER).unwrap(), first);
        let changed = open(&path, CHANGED_AFTER + 1).unwrap();
        assert_eq!(changed[1..], first);
        // The first one was replaced so long ago that nothing made with it can come back.
        let later = open(&path, 3 * CHANGED_AFTER).unwrap();
        assert_eq!((later.len(), &later[1]), (2, &changed[0]));
    }
}
