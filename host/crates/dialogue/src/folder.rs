//! A folder of dialogues, held against sessions in memory.

use std::path::{Path, PathBuf};

use crate::bless::bless;
use crate::memory::{SessionWire, Split, World};
use crate::parse::Dialogue;
use crate::run::run;

/// What came of a folder.
#[derive(Debug, Default)]
pub struct Report {
    /// Dialogues read.
    pub dialogues: usize,
    /// Every mismatch, one text each.
    pub mismatches: Vec<String>,
}

/// The dialogue files of a folder, sorted.
///
/// # Errors
/// The folder cannot be read, or holds none.
pub fn dialogues_in(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    if files.is_empty() {
        Err(format!("no dialogues in {}", folder.display()))
    } else {
        Ok(files)
    }
}

/// Runs every dialogue of a folder straight, cut at every octet, and cut at random eight times.
///
/// With `WAXWING_BLESS=1` in the environment the server's lines that differ are rewritten in the files instead.
///
/// # Panics
/// With all mismatches, if there are any.
#[expect(
    clippy::panic,
    clippy::print_stderr,
    reason = "this is the body of a test"
)]
pub fn check_folder<W: World>(folder: &Path, world: impl Fn(&Dialogue) -> W) {
    let blessing = std::env::var_os("WAXWING_BLESS").is_some();
    let mut report = Report::default();
    let files = dialogues_in(folder).unwrap_or_else(|reason| panic!("{reason}"));
    for file in files {
        if let Err(mismatch) = check_file(&file, &world, blessing) {
            report.mismatches.push(mismatch);
        }
        report.dialogues += 1;
    }
    eprintln!(
        "{} dialogues of {}, three ways each",
        report.dialogues,
        folder.display()
    );
    assert!(
        report.mismatches.is_empty(),
        "\n{}\n",
        report.mismatches.join("\n")
    );
}

fn check_file<W: World>(
    file: &Path,
    world: &impl Fn(&Dialogue) -> W,
    blessing: bool,
) -> Result<(), String> {
    let source = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let name = file.display().to_string();
    let mut dialogue = Dialogue::parse(&name, &source)?;
    // Only servers' lines are blessed.
    if blessing && dialogue.directive("side").is_none() {
        let text = bless(
            &dialogue,
            &mut SessionWire::open(world(&dialogue), &dialogue, Split::Straight),
        )
        .map_err(|reason| format!("{name}: {reason}"))?;
        if text != source {
            std::fs::write(file, &text).map_err(|e| format!("{name}: {e}"))?;
        }
        dialogue = Dialogue::parse(&name, &text)?;
    }
    let seed = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, octet| {
        (hash ^ u64::from(octet)).wrapping_mul(0x100_0000_01b3)
    });
    let random = (0..8).map(|round| Split::Random(seed.wrapping_add(round * 2)));
    for split in [Split::Straight, Split::EveryOctet]
        .into_iter()
        .chain(random)
    {
        let mut wire = SessionWire::open(world(&dialogue), &dialogue, split);
        run(&dialogue, &mut wire).map_err(|mismatch| format!("{mismatch}\n    cut: {split:?}"))?;
    }
    Ok(())
}
