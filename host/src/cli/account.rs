//! `waxwing domain`, `account` and `alias`.

use std::io::Read;

use clap::{Args, Subcommand};
use waxwing_store::CredentialKind;

use super::credential::{CredentialArgs, TotpCommand};
use super::{Common, print, show};
use crate::admin::{Exit, Failure, QuotaChange, Request};
use crate::config::Size;

/// The longest password taken, in octets.
pub(super) const LONGEST_PASSWORD: u64 = 1024;

#[derive(Debug, Subcommand)]
pub(super) enum DomainCommand {
    /// Serve a domain.
    Add {
        /// Its name.
        domain: String,
    },
    /// List the domains.
    List,
    /// Stop serving a domain that has no accounts and aliases left.
    Remove {
        /// Its name.
        domain: String,
    },
    /// Print every record that a domain is to publish, as lines of a zone file.
    Dns {
        /// Its name.
        domain: String,
    },
    /// Look at what a domain publishes, and say what is wrong.
    Check {
        /// Its name.
        domain: String,
    },
    /// Set what the domain promises of the TLS of its host (MTA-STS), served over HTTPS.
    MtaSts {
        /// Its name.
        domain: String,
        #[command(flatten)]
        policy: super::domain::StsArgs,
    },
    /// What a domain signs its mail with (DKIM).
    #[command(subcommand)]
    Key(super::keys::KeyCommand),
    /// Show or set what all accounts of a domain may keep together.
    Quota {
        /// Its name.
        domain: String,
        #[command(flatten)]
        quota: QuotaArgs,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum AccountCommand {
    /// Add an account with its mailboxes, or several at once.
    Add {
        /// Its address.
        #[arg(required = true, value_name = "ADDRESS")]
        addresses: Vec<String>,
        /// Read the password from standard input; without it nobody can log in yet.
        #[arg(long)]
        password_stdin: bool,
        #[command(flatten)]
        quota: QuotaArgs,
    },
    /// List the accounts.
    List {
        /// Only those of this domain.
        domain: Option<String>,
    },
    /// Remove an account and all its mail.
    Remove {
        /// Its address.
        address: String,
    },
    /// Set an account's password.
    Password {
        /// Its address.
        address: String,
        /// Read it from standard input.
        #[arg(long, required_unless_present = "close")]
        password_stdin: bool,
        /// Close the account for log-ins: its app passwords and tokens go, too.
        #[arg(long, conflicts_with = "password_stdin")]
        close: bool,
    },
    /// Print a link, and a QR code of it, by which an iPhone, iPad or Mac gets its settings; there is no password in them.
    Profile {
        /// The account's address.
        address: String,
        /// Print the code as an image (SVG).
        #[arg(long)]
        svg: bool,
    },
    /// App passwords: made here, for programs that are not to have the account's own, each for some protocols.
    AppPassword(CredentialArgs),
    /// Access tokens for OAUTHBEARER and XOAUTH2, each for some protocols.
    Token(CredentialArgs),
    /// One-time codes of an authenticator (TOTP), written right behind the password; app passwords and tokens need none.
    #[command(subcommand)]
    Totp(TotpCommand),
    /// Show or set what an account may keep.
    Quota {
        /// Its address.
        address: String,
        #[command(flatten)]
        quota: QuotaArgs,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum AliasCommand {
    /// Add an alias.
    Add {
        /// The address, or `*@DOMAIN` for whatever else comes to the domain.
        address: String,
        /// Where its mail goes.
        #[arg(required = true)]
        targets: Vec<String>,
    },
    /// List the aliases.
    List {
        /// Only those of this domain.
        domain: Option<String>,
    },
    /// Remove an alias.
    Remove {
        /// The address.
        address: String,
    },
}

/// Limits on what is kept.
#[derive(Debug, Args)]
pub(super) struct QuotaArgs {
    /// How much, such as 5GiB, or `none`.
    #[arg(long = "quota-bytes", value_name = "SIZE", value_parser = size)]
    bytes: Option<Limit>,
    /// How many messages, or `none`.
    #[arg(long = "quota-messages", value_name = "COUNT", value_parser = count)]
    messages: Option<Limit>,
}

#[derive(Debug, Clone, Copy)]
struct Limit(Option<u64>);

fn size(text: &str) -> Result<Limit, String> {
    match text {
        "none" => Ok(Limit(None)),
        _ => text
            .parse::<Size>()
            .map(|size| Limit(Some(size.bytes())))
            .map_err(|()| "expected a size such as 5GiB, or none".into()),
    }
}

fn count(text: &str) -> Result<Limit, String> {
    match text {
        "none" => Ok(Limit(None)),
        _ => text
            .parse()
            .map(|count| Limit(Some(count)))
            .map_err(|_| "expected a number, or none".into()),
    }
}

impl QuotaArgs {
    fn change(&self) -> QuotaChange {
        QuotaChange {
            bytes: self.bytes.map(|limit| limit.0),
            messages: self.messages.map(|limit| limit.0),
        }
    }
}

impl DomainCommand {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        match self {
            Self::Add { domain } => show(common, &Request::DomainAdd { domain }, |_| String::new()),
            Self::List => show(common, &Request::DomainList, print::domains),
            Self::Dns { domain } => super::domain::dns(common, domain),
            Self::Check { domain } => super::domain::check(common, domain),
            Self::MtaSts { domain, policy } => super::domain::mta_sts(common, domain, &policy),
            Self::Key(command) => command.run(common),
            Self::Remove { domain } => {
                show(common, &Request::DomainRemove { domain }, |_| String::new())
            }
            Self::Quota { domain, quota } => show(
                common,
                &Request::DomainQuota {
                    domain,
                    quota: quota.change(),
                },
                |answer| print::quota("domain", answer),
            ),
        }
    }
}

impl AccountCommand {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        match self {
            Self::Add {
                addresses,
                password_stdin,
                quota,
            } => {
                let password = password_stdin.then(read_password).transpose()?;
                show(
                    common,
                    &Request::AccountAdd {
                        addresses,
                        password,
                        quota: quota.change(),
                    },
                    |_| String::new(),
                )
            }
            Self::List { domain } => show(
                common,
                &Request::AccountList { domain, page: None },
                print::accounts,
            ),
            Self::Remove { address } => show(common, &Request::AccountRemove { address }, |_| {
                String::new()
            }),
            Self::Password { address, close, .. } => {
                let password = if close { None } else { Some(read_password()?) };
                show(
                    common,
                    &Request::AccountPassword { address, password },
                    |_| String::new(),
                )
            }
            Self::Profile { address, svg } => super::profile::print(common, address, svg),
            Self::AppPassword(args) => args.run(CredentialKind::AppPassword, common),
            Self::Token(args) => args.run(CredentialKind::Token, common),
            Self::Totp(command) => command.run(common),
            Self::Quota { address, quota } => show(
                common,
                &Request::AccountQuota {
                    address,
                    quota: quota.change(),
                },
                |answer| print::quota("address", answer),
            ),
        }
    }
}

impl AliasCommand {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        match self {
            Self::Add { address, targets } => {
                show(common, &Request::AliasAdd { address, targets }, |_| {
                    String::new()
                })
            }
            Self::List { domain } => show(
                common,
                &Request::AliasList { domain, page: None },
                print::aliases,
            ),
            Self::Remove { address } => {
                show(common, &Request::AliasRemove { address }, |_| String::new())
            }
        }
    }
}

/// The first line of standard input.
pub(super) fn read_password() -> Result<String, Failure> {
    let mut text = String::new();
    let read = std::io::stdin()
        .lock()
        .take(LONGEST_PASSWORD + 2)
        .read_to_string(&mut text);
    read.map_err(|error| {
        Failure::new(Exit::Data, format!("the password cannot be read: {error}"))
    })?;
    let password = text.lines().next().unwrap_or_default();
    if password.is_empty() || password.len() as u64 > LONGEST_PASSWORD {
        return Err(Failure::data(format!(
            "a password has 1 to {LONGEST_PASSWORD} octets, on one line of standard input"
        )));
    }
    Ok(password.to_owned())
}
