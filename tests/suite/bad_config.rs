//! Broken configurations and what `waxwing check` says about them, to the letter.
//!
//! A file of `tests/bad-config/` stands in for the file that its name begins with (`waxwing-…`, `policy-…`, `rules-…`) among sound ones. Its last
//! lines, `#= …`, are what is printed; `WAXWING_BLESS=1` writes them anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use waxwing_tests::{place, process};

/// The exit code of a wrong configuration (`EX_CONFIG`).
const CONFIGURATION: i32 = 78;

#[test]
fn say_what_is_wrong() {
    let mut files: Vec<_> = fs::read_dir(place::tests().join("bad-config"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "toml")
    });
    files.sort();
    assert!(!files.is_empty());
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(difference) = check(file) {
                        wrong.lock().unwrap().push(difference);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    eprintln!("{} broken configurations", files.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn check(file: &Path) -> Result<(), String> {
    let text = fs::read_to_string(file).unwrap();
    let expected: String = text
        .lines()
        .filter_map(|line| line.strip_prefix("#= "))
        .fold(String::new(), |all, line| all + line + "\n");
    let (said, code) = said_about(file, &text);
    let name = file
        .strip_prefix(place::repository())
        .unwrap_or(file)
        .display();
    if code != Some(CONFIGURATION) {
        return Err(format!(
            "{name}: exit code {code:?}, not {CONFIGURATION}; printed:\n{said}"
        ));
    }
    if said != expected && std::env::var_os("WAXWING_BLESS").is_some() {
        let mut new: String = text
            .lines()
            .filter(|line| !line.starts_with("#= "))
            .fold(String::new(), |all, line| all + line + "\n");
        for line in said.lines() {
            new.push_str(&format!("#= {line}\n"));
        }
        fs::write(file, new).unwrap();
        return Ok(());
    }
    if said == expected {
        Ok(())
    } else {
        Err(format!(
            "{name}: expected\n{expected}but it printed\n{said}"
        ))
    }
}

/// What the check prints, with the folder's path taken out, and its exit code.
fn said_about(file: &Path, text: &str) -> (String, Option<i32>) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let kind = file
        .file_stem()
        .unwrap()
        .to_str()
        .unwrap()
        .split('-')
        .next()
        .unwrap();
    let config = place::repository().join("config");
    let sound = format!(
        "data = \"data\"\nhostname = \"mx.waxwing.example\"\n[policy]\nplugins = [{:?}]\n",
        place::plugins().display().to_string()
    );
    fs::create_dir(root.join("rules")).unwrap();
    fs::write(root.join("waxwing.toml"), sound).unwrap();
    fs::write(root.join("policy.toml"), "").unwrap();
    waxwing_tests::setup::share_compiled(root);
    let broken: PathBuf = match kind {
        "waxwing" => "waxwing.toml".into(),
        "policy" => "policy.toml".into(),
        "rules" => {
            fs::copy(config.join("policy.toml"), root.join("policy.toml")).unwrap();
            "rules/local.toml".into()
        }
        other => panic!(
            "{}: a name begins with waxwing-, policy- or rules-, not {other}-",
            file.display()
        ),
    };
    fs::write(root.join(broken), text).unwrap();
    let mut command = Command::new(place::binary());
    command
        .arg("check")
        .arg("--config")
        .arg(root.join("waxwing.toml"));
    command
        .env_remove("WAXWING_DATABASE_URL")
        .env_remove("WAXWING_BLOB_URL");
    let output = process::run(&mut command, "");
    let said = String::from_utf8(output.stdout).unwrap();
    let said = said.replace(&format!("{}/", root.display()), "");
    (
        said.replace(&place::plugins().display().to_string(), "PLUGINS"),
        output.status.code(),
    )
}
