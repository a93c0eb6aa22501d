//! `waxwing quickstart`: from nothing to a server that can be started, in one step.
//!
//! Invariants: a file that is there is not touched, and the configuration is written last, so that what was broken off can be begun again;
//! what is in the store already stays.

mod settings;
mod steps;
mod terminal;
mod told;

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use waxwing_mail::{Address, Domain};

use self::settings::Settings;
use super::account::read_password;
use super::{Common, list, overrides, print, put, runtime};
use crate::admin::{self, Exit, Failure, Request, plain};
use crate::config::Config;

/// What authorities are called for short.
const AUTHORITIES: [(&str, &str); 2] = [
    (
        "letsencrypt",
        "https://acme-v02.api.letsencrypt.org/directory",
    ),
    (
        "letsencrypt-staging",
        "https://acme-staging-v02.api.letsencrypt.org/directory",
    ),
];

/// What is set up. What is left out is asked for where there is a terminal, and else the usual.
#[derive(Debug, Args)]
pub(super) struct QuickstartArgs {
    /// The domain to serve.
    domain: String,
    /// The first account, of the domain; the postmaster's mail comes to it, too.
    address: String,
    /// The name of this host. The usual one: mx. and the domain.
    #[arg(long, value_name = "NAME")]
    hostname: Option<String>,
    /// Where certificates come from: letsencrypt, letsencrypt-staging, the URL of another directory (ACME), or none. By naming one you agree to its terms.
    #[arg(long, value_name = "AUTHORITY")]
    acme: Option<String>,
    /// The roots (PEM) that the authority's own server is verified by, where the system's are not it.
    #[arg(long, value_name = "FILE")]
    acme_roots: Option<PathBuf>,
    /// The address to listen on.
    #[arg(long, value_name = "ADDRESS", default_value = "::")]
    listen: IpAddr,
    /// Which ports: the registered ones, or any that are free, to try things out.
    #[arg(long, value_enum, default_value_t = Ports::Registered)]
    ports: Ports,
    /// The folder with the plugins (*.wasm). The usual one: where this program was installed or built.
    #[arg(long, value_name = "DIR")]
    plugins: Option<PathBuf>,
    /// Read the account's password from standard input; without it and without a terminal one is made, and printed once.
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Ports {
    Registered,
    Free,
}

/// What is to be done, all questions answered.
pub(super) struct Plan {
    pub(super) domain: String,
    pub(super) address: Address,
    pub(super) password: String,
    /// It was made here, and has to be shown.
    pub(super) made: bool,
    pub(super) file: PathBuf,
    /// Its text, and what it means.
    pub(super) text: String,
    pub(super) config: Config,
}

impl QuickstartArgs {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let plan = self.plan(common)?;
        let done = runtime()?.block_on(steps::take(&plan))?;
        put(&if common.json {
            print::json(&told::json(&plan, &done))
        } else {
            told::text(&plan, &done)
        });
        Ok(())
    }

    /// Looks at all that could stand in the way before anything is written, and asks what is missing.
    fn plan(self, common: &Common) -> Result<Plan, Failure> {
        let wrong = |what: &str, cause: &dyn std::fmt::Display| {
            Failure::new(Exit::Usage, format!("{what:?}: {cause}"))
        };
        let domain = Domain::parse(&self.domain)
            .map_err(|cause| wrong(&self.domain, &cause))?
            .to_string();
        let address =
            Address::parse(&self.address).map_err(|cause| wrong(&self.address, &cause))?;
        if address.domain().to_string() != domain {
            return Err(wrong(&self.address, &format!("is no address of {domain}")));
        }
        let file = std::path::absolute(&common.config)
            .map_err(|cause| wrong(&common.config.display().to_string(), &cause))?;
        if file.exists() {
            return Err(Failure::data(format!(
                "{} is there already, and quickstart overwrites nothing: `waxwing domain add` and `waxwing account add` add to what is set up",
                file.display()
            )));
        }
        let plugins = self.plugins()?;
        let hostname = self.hostname(&domain)?;
        let acme = self.authority()?;
        let data = common.data.clone().unwrap_or(Config::default().data);
        let data = std::path::absolute(&data)
            .map_err(|cause| wrong(&data.display().to_string(), &cause))?;
        let roots = self.acme_roots.as_deref().map(std::path::absolute);
        let text = Settings {
            hostname: &hostname,
            domain: &domain,
            data: &data,
            plugins: &plugins,
            listen: self.listen,
            registered: self.ports == Ports::Registered,
            acme: &acme,
            acme_roots: roots
                .transpose()
                .map_err(|cause| wrong("--acme-roots", &cause))?,
        }
        .write();
        let config = Config::of(&text, &file, &overrides(common))
            .map_err(|problems| Failure::new(Exit::Usage, list(&problems)))?;
        if admin::ask(&config.admin_socket(), &Request::Status).is_some() {
            return Err(Failure::data(format!(
                "a server runs on {}: `waxwing domain add` and `waxwing account add` add to it",
                data.display()
            )));
        }
        let given = self.password(&plain(&address))?;
        Ok(Plan {
            domain,
            address,
            made: given.is_none(),
            password: given.unwrap_or_else(made),
            file,
            text,
            config,
        })
    }

    fn hostname(&self, domain: &str) -> Result<String, Failure> {
        let usual = format!("mx.{domain}");
        let given = match &self.hostname {
            Some(name) => name.clone(),
            None if terminal::is_there() => terminal::ask("The name of this host", &usual)?,
            None => usual,
        };
        let name = Domain::parse(&given).ok();
        // Certificates have it in A-labels.
        let name = name.and_then(|name| idna::domain_to_ascii(&name.to_string()).ok());
        // RFC 5321 §2.3.5: a name that others can look up.
        name.filter(|name| name.contains('.') && !name.starts_with('['))
            .ok_or_else(|| {
                Failure::new(Exit::Usage, format!("{given:?} is no full name of a host"))
            })
    }

    /// The directory; empty for none.
    fn authority(&self) -> Result<String, Failure> {
        let given = match &self.acme {
            Some(given) => given.as_str(),
            None if terminal::is_there() => {
                let question = "Get certificates from Let's Encrypt, and agree to its terms (letsencrypt.org/repository)?";
                if terminal::agrees(question)? {
                    "letsencrypt"
                } else {
                    "none"
                }
            }
            None => "none",
        };
        let known = AUTHORITIES.iter().find(|(name, _)| *name == given);
        Ok(match (given, known) {
            ("none", _) => "",
            (_, Some((_, url))) => url,
            (other, None) => other,
        }
        .to_owned())
    }

    /// The folder with the plugins: as it was said, or where packages and builds have it.
    fn plugins(&self) -> Result<PathBuf, Failure> {
        let program = std::env::current_exe().unwrap_or_default();
        let beside =
            |steps: usize, path: &str| program.ancestors().nth(steps).map(|at| at.join(path));
        let usual = [
            Some(PathBuf::from("/usr/lib/waxwing/plugins")),
            Some(PathBuf::from("/usr/local/lib/waxwing/plugins")),
            beside(1, "plugins"),
            // Of a build: target/release/waxwing and target/plugins.
            beside(2, "plugins"),
        ];
        let has = |folder: &Path| folder.join("recipients.wasm").is_file();
        let found = match &self.plugins {
            Some(folder) => std::path::absolute(folder)
                .ok()
                .filter(|folder| has(folder)),
            None => usual.into_iter().flatten().find(|folder| has(folder)),
        };
        found.ok_or_else(|| {
            let said = self.plugins.as_deref().map_or_else(
                || "the plugins were not found".to_owned(),
                |folder| format!("{} has no plugins", folder.display()),
            );
            Failure::new(
                Exit::Usage,
                format!(
                    "{said}: `make plugins` builds them, and --plugins DIR says where they are"
                ),
            )
        })
    }

    /// What was given; nothing if one is to be made.
    fn password(&self, address: &str) -> Result<Option<String>, Failure> {
        if self.password_stdin {
            read_password().map(Some)
        } else if terminal::is_there() {
            terminal::password(address)
        } else {
            Ok(None)
        }
    }
}

/// A hundred bits, in groups that can be read out.
fn made() -> String {
    // RFC 4648 §6, in lower case.
    let octets: [u8; 15] = rand::random();
    let text = data_encoding::BASE32_NOPAD.encode(&octets).to_lowercase();
    let letters: Vec<char> = text.chars().take(20).collect();
    let groups = letters.chunks(5).map(|group| group.iter().collect());
    groups.collect::<Vec<String>>().join("-")
}
