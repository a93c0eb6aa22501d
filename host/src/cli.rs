//! The command line: what can be asked of the program, and how it ends (sysexits.h).
//!
//! Invariants: administration goes through a running server where there is one, and to the store itself where there
//! is none; `--json` gives every answer as one JSON document; passwords come from standard input only.

mod account;
mod audit;
mod certificate;
mod check;
mod compile;
mod credential;
mod domain;
mod keys;
mod moving;
mod plugin;
mod print;
mod profile;
mod queue;
mod quickstart;
mod report;
mod rules;
mod serve;
mod token;
mod trace;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use serde_json::Value;
use waxwing_policy::CompilerLimits;

use crate::admin::{self, Actor, Exit, Failure, Request};
use crate::config::{Config, Overrides, Problem};

/// A mail server whose policy is plugins.
#[derive(Debug, Parser)]
#[command(name = "waxwing", version, disable_help_subcommand = true)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
struct Common {
    /// The configuration file.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        default_value = "/etc/waxwing/waxwing.toml"
    )]
    config: PathBuf,
    /// The data directory, instead of the configured one.
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Set up a server for a domain: configuration, keys, certificates, a first account; and print what to publish.
    Quickstart(quickstart::QuickstartArgs),
    /// Run the server in the foreground; it prints `ready` when it answers on all listeners.
    Serve,
    /// Print every problem of the configuration and the policy.
    Check,
    /// Print the effective configuration.
    Config,
    /// Domains that are served here.
    #[command(subcommand)]
    Domain(account::DomainCommand),
    /// Accounts: who logs in and has mailboxes.
    #[command(subcommand)]
    Account(account::AccountCommand),
    /// Aliases: addresses that lead to others.
    #[command(subcommand)]
    Alias(account::AliasCommand),
    /// Certificates that the server gets by itself (ACME).
    #[command(subcommand)]
    Certificate(certificate::CertificateCommand),
    /// What the running server does.
    Status,
    /// Plugins of the live policy.
    #[command(subcommand)]
    Plugin(plugin::PluginCommand),
    /// Rule files of the live policy.
    #[command(subcommand)]
    Rules(rules::RulesCommand),
    /// Mail that waits to be sent on.
    #[command(subcommand)]
    Queue(queue::QueueCommand),
    /// What is told to other domains: of their TLS (RFC 8460), and of mail in their name (RFC 7489).
    #[command(subcommand)]
    Report(report::ReportCommand),
    /// Tokens for the HTTP API of administration.
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// What administrators did, the latest first.
    Audit(audit::Audit),
    /// The life of a message, by its queue id or Message-ID.
    Trace {
        /// The queue id from the reply or the Received field, or the Message-ID.
        id: String,
    },
    /// Bring mail from elsewhere into an account: a Maildir, mboxes, another IMAP server.
    #[command(subcommand)]
    Import(moving::ImportCommand),
    /// Write an account's mail out: to a Maildir, to mboxes.
    #[command(subcommand)]
    Export(moving::ExportCommand),
    /// Check the store: counts, contents, references.
    Verify,
    /// Compile the plugin on standard input to standard output, within limits: what the server starts for each plugin that it has not met before.
    #[command(hide = true)]
    CompilePlugin {
        /// Seconds of processor time
        #[arg(default_value_t = CompilerLimits::default().seconds)]
        seconds: u64,
        /// Octets of memory
        #[arg(default_value_t = CompilerLimits::default().memory)]
        memory: u64,
    },
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _closed = error.print();
            return if error.use_stderr() {
                ExitCode::from(Exit::Usage.code())
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(&failure.text);
            ExitCode::from(failure.exit.code())
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let Cli { common, command } = cli;
    match command {
        Command::Quickstart(arguments) => arguments.run(&common),
        Command::Serve => serve::serve(load(&common)?),
        Command::Check => check::check(&common),
        Command::Config => check::print_config(&common),
        Command::Domain(command) => command.run(&common),
        Command::Account(command) => command.run(&common),
        Command::Alias(command) => command.run(&common),
        Command::Certificate(command) => command.run(&common),
        Command::Status => show(&common, &Request::Status, print::status),
        Command::Plugin(command) => command.run(&common),
        Command::CompilePlugin { seconds, memory } => {
            compile::compile(CompilerLimits { seconds, memory })
        }
        Command::Queue(command) => command.run(&common),
        Command::Rules(command) => command.run(&common),
        Command::Report(command) => command.run(&common),
        Command::Token(command) => command.run(&common),
        Command::Audit(audit) => audit.run(&common),
        Command::Trace { id } => show(&common, &Request::Trace { id }, trace::print),
        Command::Import(command) => command.run(&common),
        Command::Export(command) => command.run(&common),
        Command::Verify => verify(&common),
    }
}

fn verify(common: &Common) -> Result<(), Failure> {
    let found = ask(common, &Request::Verify)?;
    let problems = found
        .get("problems")
        .and_then(Value::as_array)
        .map_or(0, Vec::len);
    put(&if common.json {
        print::json(&found)
    } else {
        print::verification(&found)
    });
    if problems > 0 {
        return Err(Failure::data(format!("{problems} problems")));
    }
    Ok(())
}

/// Asks, and prints the answer for a person or as JSON.
fn show(
    common: &Common,
    request: &Request,
    human: impl FnOnce(&Value) -> String,
) -> Result<(), Failure> {
    let answer = ask(common, request)?;
    put(&if common.json {
        print::json(&answer)
    } else {
        print::harmless(&human(&answer))
    });
    Ok(())
}

/// Asks the running server, or the store where none runs.
fn ask(common: &Common, request: &Request) -> Result<Value, Failure> {
    let config = load(common)?;
    match admin::ask(&config.admin_socket(), request) {
        Some(answer) => answer,
        None => runtime()?.block_on(async {
            let store = crate::wiring::open_store(&config).await?;
            let actor = Actor::new(admin::own_user(), "command");
            let answer = admin::perform(&store, &config, None, &actor, request.clone()).await;
            store.close().await;
            answer
        }),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    runtime
        .map_err(|error| Failure::new(Exit::Software, format!("the runtime cannot start: {error}")))
}

fn overrides(common: &Common) -> Overrides {
    Overrides {
        data: common.data.clone(),
        ..Overrides::from_environment()
    }
}

/// The configuration, or all of its problems.
fn load(common: &Common) -> Result<Config, Failure> {
    Config::load(&common.config, &overrides(common))
        .map_err(|problems| Failure::new(Exit::Configuration, list(&problems)))
}

fn list(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

/// Prints to standard output; a reader that has seen enough is no error.
fn put(text: &str) {
    let mut out = std::io::stdout().lock();
    let _closed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

pub(crate) fn complain(text: &str) {
    let _closed = writeln!(std::io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn passwords_are_no_arguments() {
        assert!(
            Cli::try_parse_from(["waxwing", "account", "add", "a@b.test", "--password", "x"])
                .is_err()
        );
        assert!(
            Cli::try_parse_from([
                "waxwing",
                "account",
                "add",
                "a@b.test",
                "--password-stdin",
                "--config",
                "x"
            ])
            .is_ok()
        );
    }
}
