//! From what a file says to what is in effect: paths against the folder of the file, overrides, what follows from the rest.

use std::path::{Component, Path, PathBuf};

use super::Config;

/// What may override a file: the command line and the environment.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--data DIR`, relative to the current directory.
    pub data: Option<PathBuf>,
    /// `WAXWING_DATABASE_URL`.
    pub database: Option<String>,
    /// `WAXWING_BLOB_URL`.
    pub blobs: Option<String>,
    /// `WAXWING_DNS_SERVERS`, with commas between them.
    pub dns_servers: Option<String>,
}

impl Overrides {
    /// The overrides of the process environment.
    pub fn from_environment() -> Self {
        let set = |name| {
            std::env::var(name)
                .ok()
                .filter(|value: &String| !value.is_empty())
        };
        Self {
            data: None,
            database: set("WAXWING_DATABASE_URL"),
            blobs: set("WAXWING_BLOB_URL"),
            dns_servers: set("WAXWING_DNS_SERVERS"),
        }
    }
}

impl Config {
    /// What a broken file is taken to mean, to find the policy that belongs to it.
    pub(crate) fn beside(path: &Path) -> Self {
        let mut config = Self::default();
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        config.resolve(
            path.parent().unwrap_or(Path::new("/")),
            &Overrides::default(),
        );
        config
    }

    /// Without passwords, to be shown.
    #[must_use]
    pub fn without_secrets(mut self) -> Self {
        if let Some((scheme, rest)) = self.store.database.split_once("://")
            && let Some((login, place)) = rest.rsplit_once('@')
            && let Some((user, _)) = login.split_once(':')
        {
            self.store.database = format!("{scheme}://{user}:***@{place}");
        }
        self
    }

    /// Makes paths absolute, applies overrides, fills in what was left empty.
    pub(super) fn resolve(&mut self, folder: &Path, overrides: &Overrides) {
        let resolved = |path: &Path| {
            if path.as_os_str().is_empty() {
                PathBuf::new()
            } else {
                tidy(&folder.join(path))
            }
        };
        self.data = match &overrides.data {
            Some(data) => std::path::absolute(data).unwrap_or_else(|_| data.clone()),
            None => resolved(&self.data),
        };
        self.policy.file = resolved(&self.policy.file);
        self.policy.plugins = self
            .policy
            .plugins
            .iter()
            .map(|path| resolved(path))
            .collect();
        self.tls.certificate = resolved(&self.tls.certificate);
        self.tls.key = resolved(&self.tls.key);
        self.tls.client_authorities = resolved(&self.tls.client_authorities);
        for pair in &mut self.tls.more {
            pair.certificate = resolved(&pair.certificate);
            pair.key = resolved(&pair.key);
        }
        for path in self.acme.paths() {
            *path = resolved(path);
        }
        self.dns.trust_anchors = resolved(&self.dns.trust_anchors);
        for login in &mut self.queue.credentials {
            login.password_file = resolved(&login.password_file);
        }
        for (url, scheme) in [
            (&mut self.store.database, "sqlite://"),
            (&mut self.store.blobs, "file://"),
        ] {
            let path = url
                .strip_prefix(scheme)
                .map(|path| resolved(Path::new(path)));
            if let Some(path) = path {
                *url = format!("{scheme}{}", path.display());
            }
        }
        if let Some(database) = &overrides.database {
            self.store.database.clone_from(database);
        }
        if let Some(blobs) = &overrides.blobs {
            self.store.blobs.clone_from(blobs);
        }
        if let Some(servers) = &overrides.dns_servers {
            let servers = servers.split(',').map(str::trim);
            self.dns.servers = servers.map(str::to_owned).collect();
        }
        self.complete();
    }

    /// Fills in what was left empty and follows from the rest: host name and places in the data directory.
    pub fn complete(&mut self) {
        if self.hostname.is_empty() {
            self.hostname = system_hostname();
        }
        if self.auth.authserv_id.is_empty() {
            self.auth.authserv_id.clone_from(&self.hostname);
        }
        if self.store.database.is_empty() {
            self.store.database = format!("sqlite://{}", self.data.join("waxwing.db").display());
        }
        if self.store.blobs.is_empty() {
            self.store.blobs = format!("file://{}", self.data.join("blobs").display());
        }
        if self.queue.srs_domain.is_empty() {
            self.queue.srs_domain.clone_from(&self.hostname);
        }
        if self.tls.certificate.as_os_str().is_empty() {
            self.tls.certificate = self.data.join("tls/certificate.pem");
            self.tls.key = self.data.join("tls/key.pem");
        }
    }

    /// Whether the certificate is the development one, which the server makes where it is missing.
    pub fn development_certificate(&self) -> bool {
        self.tls.certificate == self.data.join("tls/certificate.pem")
    }

    /// The socket of the administration commands.
    pub fn admin_socket(&self) -> PathBuf {
        self.data.join("admin.sock")
    }

    /// The file in which a running server writes what it listens on.
    pub fn listeners_file(&self) -> PathBuf {
        self.data.join("listeners.json")
    }
}

/// Removes `.` and `x/..` without asking the file system, so that messages name short paths.
fn tidy(path: &Path) -> PathBuf {
    let mut tidied = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir if tidied.file_name().is_some() => {
                tidied.pop();
            }
            other => tidied.push(other),
        }
    }
    tidied
}

fn system_hostname() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| std::fs::read_to_string("/etc/hostname"));
    let name = name.unwrap_or_default().trim().to_ascii_lowercase();
    if name.is_empty() {
        "localhost".into()
    } else {
        name
    }
}
