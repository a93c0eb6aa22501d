//! The project's own source files.

use std::path::Path;

use waxwing_tests::place;

/// A text file of the project.
pub(super) struct File {
    /// Its path from the root of the repository.
    pub(super) name: String,
    /// What is in it.
    pub(super) text: String,
}

/// The files with these extensions in these folders of the repository.
pub(super) fn files(folders: &[&str], extensions: &[&str]) -> Vec<File> {
    let root = place::repository();
    let mut found = Vec::new();
    for folder in folders {
        collect(&root, &root.join(folder), extensions, &mut found);
    }
    assert!(!found.is_empty(), "no source in {folders:?}");
    found
}

fn collect(root: &Path, folder: &Path, extensions: &[&str], found: &mut Vec<File>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            let made = ["target", "node_modules", "__pycache__"]
                .iter()
                .any(|name| path.ends_with(name));
            if !made {
                collect(root, &path, extensions, found);
            }
        } else if path
            .extension()
            .is_some_and(|own| extensions.iter().any(|wanted| own == *wanted))
        {
            let name = path
                .strip_prefix(root)
                .unwrap_or(&path)
                .display()
                .to_string();
            found.push(File {
                name,
                text: std::fs::read_to_string(&path).expect("source is text"),
            });
        }
    }
}

/// The numbers of the RFCs that a text cites, as `RFC 5321`.
pub(super) fn rfcs(text: &str) -> impl Iterator<Item = u32> + '_ {
    text.split("RFC ").skip(1).filter_map(|rest| {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        (digits >= 3).then(|| rest[..digits].parse().ok()).flatten()
    })
}

#[test]
fn citations_are_found() {
    let text = ["RFC", "5321 §4, RFC", "822; RFC", "x"].join(" ");
    assert_eq!(rfcs(&text).collect::<Vec<_>>(), [5321, 822]);
}
