//! Where the files lie that a policy names: where it says, or in a snapshot of it.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::code::hex;

/// The folder of a snapshot that has what lies outside the policy's own.
const OUTSIDE: &str = ".outside";

/// Where a policy was found.
#[derive(Clone, Debug, Default)]
pub(crate) enum Ground {
    /// Where an operator wrote it.
    #[default]
    Own,
    /// In a snapshot of the one that lies in this folder.
    Snapshot(PathBuf),
    /// Where an operator wrote it, as if it, or one of its settings files, were another.
    Draft(Arc<Draft>),
}

/// What a file may become: the policy's own, or one of settings.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl Ground {
    /// Where the settings files lie that the policy in `base` names by their folder.
    pub(crate) fn folder(&self, base: &Path, named: &str) -> PathBuf {
        match self {
            Self::Own | Self::Draft(_) => base.join(named),
            Self::Snapshot(_) => base.join(kept(named)),
        }
    }

    /// Where its secrets lie. They are in no snapshot: a policy that serves again has them as they are now.
    pub(crate) fn secrets<'a>(&'a self, base: &'a Path) -> &'a Path {
        match self {
            Self::Own | Self::Draft(_) => base,
            Self::Snapshot(own) => own,
        }
    }
}

impl Ground {
    /// What a file may become, if this is about one.
    pub(crate) fn draft(&self) -> Option<&Draft> {
        match self {
            Self::Draft(draft) => Some(draft),
            Self::Own | Self::Snapshot(_) => None,
        }
    }
}

/// Where a snapshot has the files of a folder, by what the policy calls it: beside the policy as there, or, if it is outside, in a folder of its own.
pub(crate) fn kept(named: &str) -> PathBuf {
    let parts = || Path::new(named).components();
    let outside = parts().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir));
    if outside {
        let digest = hex(&Sha256::digest(named.as_bytes()));
        return Path::new(OUTSIDE).join(digest);
    }
    parts()
        .filter(|part| matches!(part, Component::Normal(_)))
        .collect()
}
