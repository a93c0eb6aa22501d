//! What Dovecot keeps in a Maildir beside messages.

use std::collections::HashMap;

use super::super::safely::Folder;
use super::names::{MAX_LETTERS, base, level_of};

/// The list of keywords, by their letters (`dovecot-keywords`: `0 name`, a line each). Nothing where there is none.
pub(super) fn keywords(folder: &Folder) -> Vec<String> {
    let text = folder.text("dovecot-keywords");
    let mut keywords = Vec::new();
    for line in text.lines() {
        let Some((number, name)) = line.split_once(' ') else {
            continue;
        };
        if let Some(number) = number
            .parse::<usize>()
            .ok()
            .filter(|number| *number < MAX_LETTERS)
        {
            keywords.resize(keywords.len().max(number + 1), String::new());
            if let Some(place) = keywords.get_mut(number) {
                name.clone_into(place);
            }
        }
    }
    keywords
}

/// The list in its file's form.
pub(super) fn keywords_file(keywords: &[String]) -> String {
    let lines = keywords.iter().enumerate();
    lines
        .map(|(number, name)| format!("{number} {name}\n"))
        .collect()
}

/// The UIDs of files by their names without flags (`dovecot-uidlist`): the order of messages. Nothing where there is none.
pub(super) fn uids(folder: &Folder) -> HashMap<String, u32> {
    let text = folder.text("dovecot-uidlist");
    let mut lines = text.lines();
    // Version 3: a header, then `UID [extensions] :name`.
    if !lines.next().is_some_and(|header| header.starts_with("3 ")) {
        return HashMap::new();
    }
    let uid = |line: &str| {
        let (before, name) = line.split_once(" :")?;
        let uid = before.split(' ').next()?.parse().ok()?;
        Some((base(name).to_owned(), uid))
    };
    lines.filter_map(uid).collect()
}

/// Subscribed paths (`subscriptions`). Nothing where there is none.
pub(super) fn subscriptions(folder: &Folder) -> Vec<String> {
    let text = folder.text("subscriptions");
    let (separator, lines) = match text.strip_prefix("V\t2\n") {
        Some(rest) => ('\t', rest),
        None => ('.', text.as_str()),
    };
    let path = |line: &str| {
        let line = line.strip_prefix("INBOX.").unwrap_or(line);
        let levels: Option<Vec<String>> = line.split(separator).map(level_of).collect();
        levels.map(|levels| levels.join("/"))
    };
    lines
        .lines()
        .filter(|line| !line.is_empty())
        .filter_map(path)
        .collect()
}

/// Subscriptions in their file's form, by the Maildir++ folders of their paths.
pub(super) fn subscriptions_file(folders: impl IntoIterator<Item = String>) -> String {
    let name = |folder: String| match folder.strip_prefix('.') {
        Some(name) => format!("{name}\n"),
        None => "INBOX\n".to_owned(),
    };
    folders.into_iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn its_files_are_read() {
        let place = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(place.path().join(name), text).unwrap();
        let folder = Folder::at(place.path()).unwrap();
        assert!(keywords(&folder).is_empty());
        write("dovecot-keywords", "0 $Junk\n2 work\nnonsense\n99 far\n");
        assert_eq!(keywords(&folder), ["$Junk", "", "work"]);
        write("dovecot-uidlist", "3 V1 N9 Gabc\n4 W12 :2.b:2,S\n3 :1.a\n");
        assert_eq!(
            uids(&folder),
            HashMap::from([("2.b".into(), 4), ("1.a".into(), 3)])
        );
        write("subscriptions", "INBOX\nWork.Old\nEntw&APw-rfe\n");
        assert_eq!(subscriptions(&folder), ["INBOX", "Work/Old", "Entwürfe"]);
        write("subscriptions", "V\t2\n\nWork\tOld\na.b\n");
        assert_eq!(subscriptions(&folder), ["Work/Old", "a.b"]);
    }
}
