//! What names in a Maildir say: flags of files, paths of folders.

use waxwing_imap::utf7;
use waxwing_store::Flags;

use super::super::Marks;

/// The flags of a file's name; letters in lower case are keywords by their place in a list.
const LETTERS: [(char, Flags); 5] = [
    ('D', Flags::DRAFT),
    ('F', Flags::FLAGGED),
    ('R', Flags::ANSWERED),
    ('S', Flags::SEEN),
    ('T', Flags::DELETED),
];
/// `P`, passed on, has a keyword for its like.
const FORWARDED: &str = "$Forwarded";
/// Keywords that a list can name: `a` to `z`.
pub(super) const MAX_LETTERS: usize = 26;

/// A file's name without its flags: what it is called as long as it lives.
pub(super) fn base(name: &str) -> &str {
    name.split_once(":2,").map_or(name, |(base, _)| base)
}

/// The same of a name in any octets.
pub(super) fn base_octets(name: &[u8]) -> &[u8] {
    let end = name.windows(3).position(|three| three == b":2,");
    end.and_then(|end| name.get(..end)).unwrap_or(name)
}

/// The flags of a file's name.
pub(super) fn marks(name: &str, keywords: &[String]) -> Marks {
    let mut marks = Marks::default();
    let letters = name.split_once(":2,").map_or("", |(_, letters)| letters);
    for letter in letters.chars() {
        match letter {
            'P' => marks.keyword(FORWARDED),
            'a'..='z' => {
                let place = usize::from(letter as u8 - b'a');
                if let Some(keyword) = keywords.get(place) {
                    marks.keyword(keyword);
                }
            }
            _ => LETTERS
                .iter()
                .filter(|(known, _)| *known == letter)
                .for_each(|(_, flag)| marks.flag(*flag)),
        }
    }
    marks
}

/// The letters of flags in their order, as part of a file's name. Keywords that are not in the list are added to it, as long as
/// there are letters; those without one come second.
pub(super) fn letters(marks: &Marks, list: &mut Vec<String>) -> (String, Vec<String>) {
    let mut lost = Vec::new();
    let mut letters: Vec<char> = LETTERS
        .iter()
        .filter(|(_, flag)| marks.flags.contains(*flag))
        .map(|(letter, _)| *letter)
        .collect();
    for keyword in &marks.keywords {
        if keyword.eq_ignore_ascii_case(FORWARDED) {
            letters.push('P');
            continue;
        }
        let known = list.iter().position(|known| known == keyword);
        let place = known.or_else(|| {
            (list.len() < MAX_LETTERS).then(|| {
                list.push(keyword.clone());
                list.len() - 1
            })
        });
        match place.and_then(|place| u8::try_from(place).ok()) {
            Some(place) => letters.push(char::from(b'a' + place)),
            None => lost.push(keyword.clone()),
        }
    }
    letters.sort_unstable();
    (letters.into_iter().collect(), lost)
}

/// The path of a Maildir++ folder, `.Work.Old`; none if it is no such name.
pub(super) fn path_of(folder: &str) -> Option<String> {
    let levels = folder.strip_prefix('.')?.split('.');
    let levels: Option<Vec<String>> = levels.map(level_of).collect();
    levels.map(|levels| levels.join("/"))
}

/// A level of a path: in modified UTF-7, or in UTF-8 as some have it; with `\2e` for what would be taken for a separator.
pub(super) fn level_of(name: &str) -> Option<String> {
    if name.is_empty() {
        return None;
    }
    let text = utf7::decode(name.as_bytes()).unwrap_or_else(|_| name.to_owned());
    let mut level = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('\\') {
        level.push_str(before);
        let code = after
            .get(..2)
            .and_then(|code| u8::from_str_radix(code, 16).ok());
        match code.filter(u8::is_ascii) {
            Some(code) => {
                level.push(char::from(code));
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                level.push('\\');
                rest = after;
            }
        }
    }
    level.push_str(rest);
    // Here `/` stands between levels.
    Some(level.replace('/', "_"))
}

/// The Maildir++ folder of a path; empty for INBOX, which is the Maildir itself.
pub(super) fn folder_of(path: &str) -> String {
    if path == "INBOX" {
        return String::new();
    }
    let escaped = |level: &str| level.replace('\\', "\\5c").replace('.', "\\2e");
    let levels = path.split('/').map(|level| utf7::encode(&escaped(level)));
    levels.fold(String::new(), |folder, level| folder + "." + &level)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn flags_are_letters() {
        let list = ["work".to_owned(), "$Junk".to_owned()];
        let found = marks("123.x,S=5:2,FSPb", &list);
        assert_eq!(found.flags, Flags::FLAGGED | Flags::SEEN);
        assert_eq!(found.keywords, ["$Forwarded", "$Junk"]);
        let mut list = Vec::from(list);
        assert_eq!(letters(&found, &mut list).0, "FPSb");
        assert_eq!(marks("123.x", &list), Marks::default());
        assert_eq!(marks("123.x:2,z", &list), Marks::default());
        assert_eq!(base("123.x,S=5:2,FS"), "123.x,S=5");
        assert_eq!(base_octets(b"123.\xff:2,FS"), b"123.\xff");
    }

    #[test]
    fn keywords_without_a_letter_are_lost() {
        let mut list: Vec<String> = (0..MAX_LETTERS).map(|n| format!("k{n}")).collect();
        let mut more = Marks::default();
        more.keyword("k25");
        more.keyword("another");
        let (letters, lost) = letters(&more, &mut list);
        assert_eq!((letters.as_str(), lost), ("z", vec!["another".to_owned()]));
        assert_eq!(list.len(), MAX_LETTERS);
    }

    #[test]
    fn folders_are_paths() {
        for (folder, path) in [
            (".Work", "Work"),
            (".Work.Old", "Work/Old"),
            (".Entw&APw-rfe", "Entwürfe"),
            (".Entwürfe", "Entwürfe"),
            (".a\\2eb.c", "a.b/c"),
            (".R&D", "R&D"),
            (".a\\", "a\\"),
        ] {
            assert_eq!(path_of(folder).as_deref(), Some(path));
        }
        for none in ["", ".", "..", "Work", ".a..b"] {
            assert_eq!(path_of(none), None, "{none:?}");
        }
    }

    proptest! {
        #[test]
        fn paths_come_back(levels in proptest::collection::vec("[ -.0-~ä☃]{1,8}", 1..4)) {
            let path = levels.join("/");
            prop_assume!(path != "INBOX");
            prop_assert_eq!(path_of(&folder_of(&path)), Some(path));
        }
    }
}
