//! `waxwing plugin run`: one call of a hook, with all that was seen of it.

use std::fmt::Write as _;
use std::path::PathBuf;

use bytes::Bytes;
use clap::Args;
use waxwing_policy::{Bench, Case, CaseStep, ConnectionCase, EnvelopeCase, Seen};

use super::super::{Common, runtime};
use super::component::{self, refused, show};
use crate::admin::Failure;

/// The call that a plugin is shown.
#[derive(Debug, Args)]
pub(super) struct Call {
    /// A component, or a project, which is built.
    #[arg(value_name = "FILE|DIR")]
    pub(super) plugin: PathBuf,
    /// The message, as it would come by SMTP; a short one if left out.
    #[arg(long, value_name = "FILE")]
    message: Option<PathBuf>,
    /// The hook; login-before, login-after and login-failed for the three of login.
    #[arg(long, default_value = "message")]
    hook: String,
    /// The settings of a step, as a TOML file.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// The client's address.
    #[arg(long, default_value = "192.0.2.1")]
    client: String,
    /// What the client greeted with.
    #[arg(long, default_value = "mail.example.net")]
    helo: String,
    /// The sender.
    #[arg(long, default_value = "sender@example.net")]
    from: String,
    /// The recipient, who is the account and whose domain is the one at hand, too.
    #[arg(long, default_value = "alice@waxwing.test")]
    to: String,
    /// Who is logged in, or logs in.
    #[arg(long)]
    user: Option<String>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Run {
    #[command(flatten)]
    call: Call,
}

impl Call {
    /// The plugin, made ready for this call, and the call.
    pub(super) async fn ready(
        &self,
        workbench: &waxwing_policy::Workbench,
        listening: bool,
    ) -> Result<(Bench, CaseStep), Failure> {
        let case = Case {
            connection: ConnectionCase {
                client: self.client.clone(),
                helo: Some(self.helo.clone()),
                identity: self.user.clone(),
                ..ConnectionCase::default()
            },
            envelope: EnvelopeCase {
                sender: self.from.clone(),
                recipients: match self.hook.as_str() {
                    "message" | "verdict" => vec![self.to.clone()],
                    _ => Vec::new(),
                },
                ..EnvelopeCase::default()
            },
            directory: Some(self.directory()),
            ..Case::default()
        };
        let settings = self.settings.as_deref();
        let ready = if listening {
            workbench.bench(&case, settings).await
        } else {
            workbench.quiet_bench(&case, settings).await
        };
        let mut bench = ready.map_err(|problems| refused(&problems))?;
        if let Some(path) = &self.message {
            let content = std::fs::read(path).map_err(|error| {
                Failure::data(format!("{} cannot be read: {error}", path.display()))
            })?;
            bench.content(Bytes::from(content));
        }
        Ok((bench, self.step()))
    }

    fn directory(&self) -> waxwing_policy::Directory {
        let mut directory = waxwing_policy::Directory::default();
        directory.domains.extend(self.domain().map(str::to_owned));
        directory
            .accounts
            .insert(self.to.clone(), waxwing_policy::AccountCase::default());
        directory
    }

    fn domain(&self) -> Option<&str> {
        self.to.rsplit_once('@').map(|(_, domain)| domain)
    }

    fn step(&self) -> CaseStep {
        let user = self.user.clone();
        CaseStep {
            hook: self.hook.clone(),
            helo: self.helo.clone(),
            recipient: self.to.clone(),
            account: self.to.clone(),
            domain: match self.hook.as_str() {
                "verdict" => self.domain().unwrap_or_default().to_owned(),
                _ => String::new(),
            },
            user: user.unwrap_or_else(|| self.to.clone()),
            ..CaseStep::default()
        }
    }
}

impl Run {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let workbench = component::open(&self.call.plugin)?;
        let seen = runtime()?.block_on(async {
            let (mut bench, step) = self.call.ready(&workbench, true).await?;
            bench.call(&step).await.map_err(Failure::data)
        })?;
        show(common, &seen, || told(&seen));
        if seen.failed {
            return Err(Failure::data("the plugin failed"));
        }
        Ok(())
    }
}

/// What was seen, for people.
fn told(seen: &Seen) -> String {
    let mut out = String::new();
    let mut line = |what: &str, text: &str| {
        let _infallible = writeln!(out, "{what:<9} {text}");
    };
    for call in &seen.host_calls {
        line(
            "asked",
            &format!("{} {} -> {}", call.name, call.arguments, call.answer),
        );
    }
    line("answered", &seen.answer);
    for (what, lines) in [
        ("found", &seen.findings),
        ("did", &seen.actions),
        ("explained", &seen.explained),
        ("logged", &seen.log),
    ] {
        lines.iter().for_each(|text| line(what, text));
    }
    let cost = format!(
        "{} µs, {} host calls, {} KiB of memory",
        seen.microseconds,
        seen.host_call_count,
        seen.memory >> 10
    );
    line("cost", &cost);
    out
}
