//! `waxwing plugin replay`: recent mail, judged as things are and as they would be.

use std::path::PathBuf;

use clap::Args;
use waxwing_policy::Candidate;

use super::super::{Common, rules, show};
use crate::admin::{Exit, Failure, PluginRequest, Request};

/// Mail of the store that the ledger knows is judged twice, in a pretended world: nothing is remembered, looked up, counted or changed.
#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// A step that is tried out, as if it enforced; with a build, the step that would have it.
    #[arg(required_unless_present = "policy", conflicts_with = "policy")]
    step: Option<String>,
    /// A component, wherever it lies.
    #[arg(conflicts_with_all = ["plugin", "policy"])]
    file: Option<PathBuf>,
    /// A build of the plugin folders, by its name.
    #[arg(long, value_name = "NAME", conflicts_with = "policy")]
    plugin: Option<String>,
    /// Another policy.toml, whole; what it names is looked for beside the one that serves.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// So many messages, back from the last; 50 unless another number is given, 1000 at most.
    #[arg(long)]
    messages: Option<usize>,
}

impl Replay {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let messages = self.messages;
        let candidate = self.candidate()?;
        let request = PluginRequest::Replay {
            candidate,
            messages,
        };
        show(common, &Request::Plugin(request), rules::outcome)
    }

    fn candidate(self) -> Result<Candidate, Failure> {
        let unread = |path: &PathBuf, error: std::io::Error| {
            Failure::data(format!("{} cannot be read: {error}", path.display()))
        };
        if let Some(path) = self.policy {
            let text = std::fs::read_to_string(&path).map_err(|error| unread(&path, error))?;
            return Ok(Candidate::Policy { text });
        }
        let step = self
            .step
            .ok_or_else(|| Failure::new(Exit::Usage, "name a step, or a policy"))?;
        Ok(match (self.file, self.plugin) {
            (Some(path), _) => Candidate::File {
                // The server is another process, in another folder.
                path: std::path::absolute(&path).map_err(|error| unread(&path, error))?,
                step,
            },
            (None, Some(plugin)) => Candidate::Build { step, plugin },
            (None, None) => Candidate::Trial { step },
        })
    }
}
