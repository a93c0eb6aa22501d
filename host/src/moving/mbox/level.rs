//! What a level of a mailbox's path is called as a file or folder: in modified UTF-7, as IMAP writes it, and in no way that leads elsewhere or that
//! another level has.
//!
//! Invariants: a name begins with no `.`, has no `\` or `:`, which are more than a character on some systems, and ends with `.mbox` only if it is a
//! file's. What stands for these is what modified UTF-7 would have for them, and never has, since they are ASCII (RFC 3501 §5.1.3): so each name
//! leads back to the one level that it was made of.

use waxwing_imap::utf7;

const DOT: &str = "&AC4-";
const ELSEWHERE: [(char, &str); 2] = [('\\', "&AFw-"), (':', "&ADo-")];
/// Ends that a reader takes off.
const ENDS: [&str; 2] = ["mbox", "sbd"];

/// The name of a mailbox's file, with `/` between levels.
pub(in super::super) fn name_of(mailbox: &str) -> String {
    let (above, last) = match mailbox.rsplit_once('/') {
        Some((above, last)) => (Some(above), last),
        None => (None, mailbox),
    };
    let folders = above.into_iter().flat_map(|above| above.split('/'));
    let mut name: String = folders.map(|level| folder(escaped(level)) + "/").collect();
    name += &escaped(last);
    name + ".mbox"
}

/// A level that others lie below: no file has its name.
fn folder(level: String) -> String {
    let end = level.rsplit_once('.').filter(|(_, end)| ENDS.contains(end));
    match end {
        Some((start, end)) => format!("{start}{DOT}{end}"),
        None => level,
    }
}

fn escaped(level: &str) -> String {
    let mut text = utf7::encode(level);
    for (plain, escape) in ELSEWHERE {
        text = text.replace(plain, escape);
    }
    match text.strip_prefix('.') {
        Some(rest) => format!("{DOT}{rest}"),
        None => text,
    }
}

/// A name with what its level has in place of what stands for that.
pub(super) fn unescaped(name: &str) -> String {
    let mut text = name.replace(DOT, ".");
    for (plain, escape) in ELSEWHERE {
        text = text.replace(escape, &plain.to_string());
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_mailboxes_have_a_name_and_none_leads_elsewhere() {
        let mut names = HashSet::new();
        for (mailbox, name) in [
            ("Work/Old", "Work/Old.mbox"),
            (".x", "&AC4-x.mbox"),
            ("_x", "_x.mbox"),
            ("&AC4-x", "&-AC4-x.mbox"),
            ("../x", "&AC4-./x.mbox"),
            ("a", "a.mbox"),
            ("a.mbox/b", "a&AC4-mbox/b.mbox"),
            ("a.sbd/b", "a&AC4-sbd/b.mbox"),
            ("a.mbox", "a.mbox.mbox"),
            ("..\\..\\x", "&AC4-.&AFw-..&AFw-x.mbox"),
            ("C:\\x", "C&ADo-&AFw-x.mbox"),
            ("ü\\&/é", "&APw-&AFw-&-/&AOk-.mbox"),
        ] {
            assert_eq!(name_of(mailbox), name);
            assert!(names.insert(name.to_lowercase()), "{name}");
            let file = name.strip_suffix(".mbox").unwrap();
            let back: Vec<String> = file
                .split('/')
                .map(|level| utf7::decode(unescaped(level).as_bytes()).unwrap())
                .collect();
            assert_eq!(back.join("/"), mailbox);
        }
    }
}
