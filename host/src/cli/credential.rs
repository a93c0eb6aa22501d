//! `waxwing account app-password`, `token` and `totp`.

use clap::{Args, Subcommand};
use serde_json::Value;
use waxwing_store::{CredentialKind, Scope};

use super::{Common, print, show};
use crate::admin::{Exit, Failure, Request};
use crate::config::Period;

/// App passwords, or tokens: `add ADDRESS` may be written `ADDRESS`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct CredentialArgs {
    #[command(subcommand)]
    command: Option<CredentialCommand>,
    #[command(flatten)]
    add: Option<AddArgs>,
}

#[derive(Debug, Subcommand)]
enum CredentialCommand {
    /// Make one, and print it: it is not shown again.
    Add(AddArgs),
    /// List those of an account.
    List {
        /// Its address.
        address: String,
    },
    /// Take one back.
    Remove {
        /// The account's address.
        address: String,
        /// Its number in the list.
        id: i64,
    },
}

#[derive(Debug, Args)]
struct AddArgs {
    /// The account's address.
    address: String,
    /// What it is called in the list, such as the device that it is for.
    #[arg(long, default_value = "")]
    name: String,
    /// What it is good for, with commas between: smtp (sending), imap, pop3, jmap (reading and sending).
    #[arg(long, value_name = "PROTOCOLS", value_delimiter = ',', value_parser = scope, default_value = "smtp,imap,pop3,jmap")]
    scope: Vec<Scope>,
    /// For how long it is good, such as 90d; for ever if not given.
    #[arg(long, value_name = "PERIOD", value_parser = period)]
    expires: Option<Period>,
}

#[derive(Debug, Subcommand)]
pub(super) enum TotpCommand {
    /// Want a six-digit code behind the password from now on; prints the secret for an authenticator and recovery codes, which are not shown
    /// again.
    Enable {
        /// The account's address.
        address: String,
    },
    /// Want no code any more.
    Disable {
        /// The account's address.
        address: String,
    },
    /// Make new recovery codes in the place of those before, and print them: each takes the place of a code once.
    Recovery {
        /// The account's address.
        address: String,
    },
}

fn scope(text: &str) -> Result<Scope, String> {
    Scope::parse(text).ok_or_else(|| "expected smtp, imap, pop3 or jmap".into())
}

fn period(text: &str) -> Result<Period, String> {
    text.parse()
        .map_err(|()| "expected a period such as 90d or 12h".into())
}

impl CredentialArgs {
    pub(super) fn run(self, kind: CredentialKind, common: &Common) -> Result<(), Failure> {
        let command = self.command.or(self.add.map(CredentialCommand::Add));
        match command {
            Some(CredentialCommand::Add(add)) => {
                show(common, &add.request(kind), |answer| line(answer, "secret"))
            }
            Some(CredentialCommand::List { address }) => show(
                common,
                &Request::CredentialList { address, kind },
                print::credentials,
            ),
            Some(CredentialCommand::Remove { address, id }) => show(
                common,
                &Request::CredentialRemove { address, kind, id },
                |_| String::new(),
            ),
            None => Err(Failure::new(
                Exit::Usage,
                "whose? Give an address, or add, list or remove",
            )),
        }
    }
}

impl AddArgs {
    fn request(self, kind: CredentialKind) -> Request {
        let expires = self.expires.map(|period| {
            let period = i64::try_from(period.duration().as_millis()).unwrap_or(i64::MAX);
            crate::answer::now_millis().saturating_add(period)
        });
        Request::CredentialAdd {
            address: self.address,
            kind,
            name: self.name,
            scopes: self.scope,
            expires,
        }
    }
}

impl TotpCommand {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        match self {
            Self::Enable { address } => show(
                common,
                &Request::AccountTotp {
                    address,
                    enabled: true,
                },
                |answer| line(answer, "uri") + &codes(answer),
            ),
            Self::Disable { address } => show(
                common,
                &Request::AccountTotp {
                    address,
                    enabled: false,
                },
                |_| String::new(),
            ),
            Self::Recovery { address } => {
                show(common, &Request::AccountRecoveryCodes { address }, codes)
            }
        }
    }
}

/// Recovery codes, one a line.
fn codes(answer: &Value) -> String {
    let list = answer.get("recoveryCodes").and_then(Value::as_array);
    let codes = list.into_iter().flatten().filter_map(Value::as_str);
    codes.map(|code| format!("{code}\n")).collect()
}

fn line(answer: &Value, member: &str) -> String {
    print::text(answer, member) + "\n"
}
