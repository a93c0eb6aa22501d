//! `waxwing plugin`: what an operator asks of the plugins that serve and are tried out, how one goes forth and back, and what an author makes, tries and signs.
//!
//! The author's commands need no server and no configuration.

mod bench;
mod build;
mod builds;
mod check;
mod component;
mod diff;
mod history;
mod inspect;
mod list;
mod new;
mod replay;
mod run;
mod sign;
mod test;

use clap::Subcommand;
use serde_json::Value;

use super::{Common, load, print, put, show};
use crate::admin::{Exit, Failure, ModeName, PluginRequest, Request, ask};

#[derive(Debug, Subcommand)]
pub(super) enum PluginCommand {
    /// Every step with its plugin, version and state, and what was wrong with the last change.
    List,
    /// What the steps that are tried out say, beside what serves.
    Diff {
        /// Only this step.
        step: Option<String>,
    },
    /// The generations that served: when, why, and what changed.
    History,
    /// The builds that lie in the plugin folders, and which steps run them.
    Builds,
    /// Try a build out in a step's place: policy.toml gets a step for it, which judges and changes nothing.
    Try {
        /// The step that enforces.
        step: String,
        /// The build: NAME.wasm in a plugin folder.
        #[arg(long, value_name = "NAME")]
        plugin: String,
        /// What the trial is called, instead of as the plugin.
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// Let it decide so many of a hundred transactions: a canary.
        #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=100))]
        percent: Option<u8>,
    },
    /// Let a step count more or less.
    Mode {
        /// The step's name.
        step: String,
        /// How much.
        mode: ModeName,
        /// The share that a canary decides.
        #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=100))]
        percent: Option<u8>,
    },
    /// Try a step out no more: it is taken out of policy.toml.
    Withdraw {
        /// The step's name.
        step: String,
    },
    /// After going back: let policy.toml become that of the generation that serves.
    Restore,
    /// Judge recent mail as things are and as they would be with another build, a trial that enforces, or another policy.
    Replay(replay::Replay),
    /// Let a step that is tried out enforce: it takes the place of the one that it replaces.
    Promote {
        /// The step's name.
        step: String,
    },
    /// Go back to the generation before, at once; the files that serve now are not taken again until they change.
    Rollback {
        /// To this generation of the history, instead.
        #[arg(long, value_name = "GENERATION")]
        to: Option<u64>,
        /// Why, for the history.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Make a project for a new plugin: it builds, has a case, and needs nothing of this repository.
    New(new::New),
    /// Build a project's plugin: a component with its manifest.
    Build(build::Build),
    /// Try whether a plugin would load: verified, linked, its settings checked, tested by itself.
    Check(check::Check),
    /// Run a plugin's cases against the component.
    Test(test::Test),
    /// Show a plugin one message: what it asked, said and did, and what that cost.
    Run(Box<run::Run>),
    /// Measure a plugin: its calls, a fresh instance, its size, its compilation.
    Bench(Box<bench::Bench>),
    /// What a plugin is, wants and says of itself.
    Inspect(inspect::Inspect),
    /// Sign a plugin, or make a key to sign with.
    Sign(sign::Sign),
}

impl PluginCommand {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        match self {
            Self::List => list::list(common),
            Self::Diff { step } => show(common, &Request::PluginDiff { step }, diff::print),
            Self::History => history::history(common),
            Self::Builds => builds::builds(common),
            Self::Try {
                step,
                plugin,
                name,
                percent,
            } => amend(
                common,
                PluginRequest::Try {
                    step,
                    plugin,
                    name,
                    percent,
                    digest: None,
                    build: None,
                },
            ),
            Self::Mode {
                step,
                mode,
                percent,
            } => amend(
                common,
                PluginRequest::Mode {
                    step,
                    mode,
                    percent,
                    digest: None,
                    build: None,
                },
            ),
            Self::Withdraw { step } => {
                let digest = None;
                amend(common, PluginRequest::Withdraw { step, digest })
            }
            Self::Restore => amend(common, PluginRequest::Restore { digest: None }),
            Self::Replay(replay) => replay.run(common),
            Self::Promote { step } => {
                let (digest, build) = (None, None);
                amend(
                    common,
                    PluginRequest::Promote {
                        step,
                        digest,
                        build,
                    },
                )
            }
            Self::Rollback { to, reason } => {
                change(common, &Request::PluginRollback { to, reason })
            }
            Self::New(new) => new.run(common),
            Self::Build(build) => build.run(common),
            Self::Check(check) => check.run(common),
            Self::Test(test) => test.run(common),
            Self::Run(run) => run.run(common),
            Self::Bench(bench) => bench.run(common),
            Self::Inspect(inspect) => inspect.run(common),
            Self::Sign(sign) => sign.run(common),
        }
    }
}

fn amend(common: &Common, request: PluginRequest) -> Result<(), Failure> {
    change(common, &Request::Plugin(request))
}

/// A change of what serves takes a server that runs.
fn change(common: &Common, request: &Request) -> Result<(), Failure> {
    let config = load(common)?;
    let answer = ask(&config.admin_socket(), request).unwrap_or_else(|| {
        Err(Failure::new(
            Exit::Unavailable,
            "no server runs on this data directory; change the policy file, it is read at the next start",
        ))
    })?;
    put(&if common.json {
        print::json(&answer)
    } else {
        told(&answer)
    });
    Ok(())
}

fn told(answer: &Value) -> String {
    format!("generation {} serves\n", print::text(answer, "generation"))
}
