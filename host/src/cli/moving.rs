//! `waxwing import` and `waxwing export`: mail in bulk, into an account and out of it.

use std::io::{IsTerminal, Read};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{Common, load, print, put, runtime};
use crate::admin::{Exit, Failure};
use crate::moving::emptying::empty;
use crate::moving::imap::{ImapSource, Security, Server, Trust};
use crate::moving::maildir::{Maildir, MaildirTarget};
use crate::moving::mbox::{Mbox, MboxTarget, Quoting};
use crate::moving::{Account, Filling, Progress, Source, Tally, Target, Wishes};

/// Octets of a password, at most.
const LONGEST_PASSWORD: u64 = 1024;

#[derive(Debug, Subcommand)]
pub(super) enum ImportCommand {
    /// From a Maildir, with subfolders as Maildir++ or as folders in folders, and what Dovecot keeps beside.
    Maildir {
        #[command(flatten)]
        into: Into,
        /// The Maildir: the folder with `cur` in it.
        folder: PathBuf,
    },
    /// From an mbox, or a folder of them.
    Mbox {
        #[command(flatten)]
        into: Into,
        /// The file, which goes to INBOX, or the folder, whose files go to mailboxes of their names.
        path: PathBuf,
        /// How lines are quoted that look like the beginning of a message. Without it, Content-Length is believed where it is right, and mboxrd is
        /// taken for the rest.
        #[arg(long, value_enum)]
        quoting: Option<Quoting>,
    },
    /// From an account of another IMAP server. Nothing is changed there.
    Imap {
        #[command(flatten)]
        into: Into,
        #[command(flatten)]
        from: From,
    },
}

/// Where to, and what of it.
///
/// Flags, keywords, dates, mailboxes and subscriptions come along. What was imported before, from the same place into the same account, is not
/// imported again, even if it was removed meanwhile: a run that was cut off is gone on with by running it once more.
///
/// What cannot be imported is told of and counted, and the exit code is 65 then. Links are not followed.
///
/// This is the operator's act, so the policy's quota hook is not asked: what is imported counts, and may be more than the account's quota.
#[derive(Debug, Args)]
pub(super) struct Into {
    /// The account's address.
    address: String,
    /// Only this folder, with those below it; may be given several times.
    #[arg(long = "only", value_name = "FOLDER")]
    only: Vec<String>,
    /// Put all folders under this mailbox, instead of beside those that are there.
    #[arg(long, value_name = "MAILBOX")]
    under: Option<String>,
    /// Import once more what was imported before.
    #[arg(long)]
    again: bool,
}

/// The other server. The password comes from a file, the environment or standard input, never from the command line.
#[derive(Debug, Args)]
pub(super) struct From {
    /// Its name.
    host: String,
    /// The user there; the account's address unless given.
    #[arg(long)]
    user: Option<String>,
    /// Its port; 993 with implicit TLS and else 143 unless given.
    #[arg(long)]
    port: Option<u16>,
    /// How the connection is protected.
    #[arg(long, value_enum, default_value = "implicit")]
    tls: Security,
    /// A PEM file with the authorities to check its certificate by, instead of the system's.
    #[arg(long, value_name = "FILE")]
    authority: Option<PathBuf>,
    /// Take any certificate: whoever is in between can read the password, and all mail.
    #[arg(long, conflicts_with = "authority")]
    no_certificate_check: bool,
    #[command(flatten)]
    password: PasswordArgs,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct PasswordArgs {
    /// The password is the first line of this file.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The password is in this variable of the environment.
    #[arg(long, value_name = "VARIABLE")]
    password_env: Option<String>,
    /// The password is the first line of standard input.
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum ExportCommand {
    /// To a Maildir, with Maildir++ subfolders and Dovecot's lists of keywords and subscriptions.
    Maildir {
        #[command(flatten)]
        out: Out,
    },
    /// To a folder of mboxes, one for each mailbox.
    ///
    /// Flags are written as Status, X-Status and X-Keywords. A message's own fields of these names, and others that programs would take for the mbox's,
    /// get a `>` before them; importing takes it off.
    ///
    /// Files are named as IMAP names mailboxes, in modified UTF-7. `&AC4-` stands for a `.` that would hide a file or make a folder's name that of one,
    /// `&AFw-` and `&ADo-` stand for a backslash and a colon; importing reads them so.
    Mbox {
        #[command(flatten)]
        out: Out,
        /// How lines are quoted that look like the beginning of a message.
        #[arg(long, value_enum, default_value = "rd")]
        quoting: Quoting,
    },
}

/// What of an account, and where to.
///
/// What is there from a run before stays, and is not written again: a run that was cut off is gone on with by running it once more. What cannot
/// be exported is told of and counted, and the exit code is 65 then; the next run tries it again.
#[derive(Debug, Args)]
pub(super) struct Out {
    /// The account's address.
    address: String,
    /// The folder, which is made if it is not there.
    folder: PathBuf,
    /// Only this mailbox; may be given several times.
    #[arg(long = "only", value_name = "MAILBOX")]
    only: Vec<String>,
}

impl ImportCommand {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        match self {
            Self::Maildir { into, folder } => fill(common, into, &mut Maildir::at(&folder)?),
            Self::Mbox {
                into,
                path,
                quoting,
            } => fill(common, into, &mut Mbox::at(&path, quoting)?),
            Self::Imap { into, from } => {
                let server = from.server(&into.address)?;
                fill(common, into, &mut ImapSource::open(&server)?)
            }
        }
    }
}

fn fill(common: &Common, into: Into, source: &mut dyn Source) -> Result<(), Failure> {
    let wishes = Wishes {
        only: into.only,
        under: into.under,
        again: into.again,
    };
    moved(common, &into.address, "imported", |account, progress| {
        Filling::fill(account, source, &wishes, progress)
    })
}

impl ExportCommand {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        match self {
            Self::Maildir { out } => {
                let mut target = MaildirTarget::at(&out.folder);
                write(common, &out, &mut target)
            }
            Self::Mbox { out, quoting } => {
                let mut target = MboxTarget::at(&out.folder, quoting);
                write(common, &out, &mut target)
            }
        }
    }
}

fn write(common: &Common, out: &Out, target: &mut dyn Target) -> Result<(), Failure> {
    moved(common, &out.address, "exported", |account, progress| {
        empty(account, target, &out.only, progress)
    })
}

/// Opens the account, has mail moved, and tells what came of it.
fn moved(
    common: &Common,
    address: &str,
    done: &str,
    work: impl FnOnce(&mut Account, &Progress) -> Result<Tally, Failure>,
) -> Result<(), Failure> {
    let mut account = Account::new(load(common)?, runtime()?, address)?;
    let progress = Progress::new();
    let worked = work(&mut account, &progress);
    progress.end();
    account.close();
    let tally = worked?;
    if common.json {
        put(&print::json(&json!(tally)));
    } else {
        let Tally {
            mailboxes,
            messages,
            known,
            ..
        } = tally;
        put(&format!(
            "{messages} messages {done}, {known} were there already; {mailboxes} mailboxes\n"
        ));
    }
    if tally.left_out > 0 {
        return Err(Failure::data(format!("{} left out", tally.left_out)));
    }
    Ok(())
}

impl From {
    fn server(self, address: &str) -> Result<Server, Failure> {
        let port = match self.tls {
            Security::Implicit => 993,
            Security::Starttls | Security::None => 143,
        };
        Ok(Server {
            host: self.host,
            port: self.port.unwrap_or(port),
            security: self.tls,
            trust: match self.authority {
                Some(path) => Trust::Authorities(path),
                None if self.no_certificate_check => Trust::Anybody,
                None => Trust::System,
            },
            user: self.user.unwrap_or_else(|| address.to_owned()),
            password: self.password.read()?,
        })
    }
}

impl PasswordArgs {
    fn read(self) -> Result<String, Failure> {
        let unread =
            |error: std::io::Error| Failure::data(format!("the password cannot be read: {error}"));
        let mut text = String::new();
        if let Some(path) = self.password_file {
            let file = std::fs::File::open(path).map_err(unread)?;
            file.take(LONGEST_PASSWORD)
                .read_to_string(&mut text)
                .map_err(unread)?;
        } else if let Some(variable) = self.password_env {
            text = std::env::var(&variable)
                .map_err(|error| Failure::data(format!("the variable {variable}: {error}")))?;
        } else {
            let input = std::io::stdin();
            if input.is_terminal() {
                super::complain("the password, and the return key:");
            }
            input
                .lock()
                .take(LONGEST_PASSWORD)
                .read_to_string(&mut text)
                .map_err(unread)?;
        }
        let password = text.lines().next().unwrap_or_default();
        if password.is_empty() {
            return Err(Failure::new(Exit::Data, "the password is empty"));
        }
        Ok(password.to_owned())
    }
}
