//! Whom a step may ask beyond this server: `[step.dnsbl]` and `[step.http]`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::read_text;
use super::settings::Inputs;
use super::table::Table;
use crate::capability::ascii_domain;
use crate::grant::Grant;
use crate::problem::Problem;

/// Zones, servers and secrets that a step may have.
const MAX_ENTRIES: usize = 100;
/// Octets of a secret.
const MAX_SECRET: usize = 4096;

/// What the grants `dnsbl` and `http` reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Network {
    /// The lists that may be asked, lower case.
    pub(crate) zones: Vec<String>,
    /// The servers that may be asked, and how.
    pub(crate) http: HttpGrant,
}

/// What the grant `http` reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HttpGrant {
    /// The servers.
    pub(crate) origins: Vec<Origin>,
    /// The methods.
    pub(crate) methods: Vec<String>,
    /// Octets of a request's content.
    pub(crate) max_request: usize,
    /// Octets of a response's content.
    pub(crate) max_response: usize,
    /// How long a request may take.
    pub(crate) timeout: Duration,
    /// Whether private addresses may be connected to.
    pub(crate) private: bool,
    /// Values that the plugin may use and not see.
    pub(crate) secrets: BTreeMap<String, Secret>,
}

/// A server: scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// `https`, or `http` where that is written.
    pub(crate) secure: bool,
    /// As URLs write it: A-labels, IPv6 in brackets.
    pub(crate) host: String,
    /// The port.
    pub(crate) port: u16,
}

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(Arc<str>);

impl Secret {
    /// What stands for a secret where there is none to keep.
    pub(crate) fn pretended() -> Self {
        Self("pretended".into())
    }

    /// The text.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Default for HttpGrant {
    fn default() -> Self {
        Self {
            origins: Vec::new(),
            methods: vec!["GET".into(), "POST".into()],
            max_request: 256 << 10,
            max_response: 256 << 10,
            timeout: Duration::from_secs(1),
            private: false,
            secrets: BTreeMap::new(),
        }
    }
}

impl Origin {
    /// The server that an URL leads to; none if it is no URL of HTTP.
    pub(crate) fn of(url: &Url) -> Option<Self> {
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        Some(Self {
            secure,
            host: url.host_str()?.trim_end_matches('.').to_owned(),
            port: url.port_or_known_default()?,
        })
    }

    /// `api.example.org`, `api.example.org:8443` (both over TLS) or `http://10.0.0.7:8080`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let whole = if text.contains("://") {
            text.to_owned()
        } else {
            format!("https://{text}")
        };
        let url = Url::parse(&whole).ok()?;
        let bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
            && !text.ends_with('/');
        Self::of(&url).filter(|_| bare)
    }
}

impl Network {
    /// Reads the tables of a step. Each needs its grant, each grant its table.
    pub(super) fn read(
        table: &mut Table<'_>,
        grants: &BTreeSet<Grant>,
        inputs: &mut Inputs,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let zones = table.table("dnsbl", "a step's [step.dnsbl]", problems);
        agree(
            table,
            Grant::Dnsbl,
            zones.is_some(),
            "zones",
            grants,
            problems,
        );
        let http = table.table("http", "a step's [step.http]", problems);
        agree(
            table,
            Grant::Http,
            http.is_some(),
            "hosts",
            grants,
            problems,
        );
        Self {
            zones: zones.map_or_else(Vec::new, |zones| read_zones(zones, problems)),
            http: http.map_or_else(HttpGrant::default, |http| read_http(http, inputs, problems)),
        }
    }
}

fn agree(
    table: &Table<'_>,
    grant: Grant,
    written: bool,
    list: &str,
    grants: &BTreeSet<Grant>,
    problems: &mut Vec<Problem>,
) {
    let name = grant.as_str();
    match (grants.contains(&grant), written) {
        (true, false) => problems.push(table.problem(
            "grants",
            format!("the grant `{name}` reaches nobody: say whom in `[step.{name}] {list} = […]`"),
        )),
        (false, true) => problems.push(table.problem(
            name,
            format!("`[step.{name}]` is of no use without its grant: add \"{name}\" to `grants`"),
        )),
        _ => {}
    }
}

fn read_zones(mut table: Table<'_>, problems: &mut Vec<Problem>) -> Vec<String> {
    let mut zones = Vec::new();
    for text in required(&mut table, "zones", problems) {
        match ascii_domain(text).filter(|zone| !zone.is_empty()) {
            Some(zone) => zones.push(zone),
            None => problems.push(table.problem("zones", format!("`{text}` is no domain"))),
        }
    }
    table.finish(problems);
    zones
}

fn read_http(mut table: Table<'_>, inputs: &mut Inputs, problems: &mut Vec<Problem>) -> HttpGrant {
    let default = HttpGrant::default();
    let mut origins = Vec::new();
    for text in required(&mut table, "hosts", problems) {
        match Origin::parse(text) {
            Some(origin) => origins.push(origin),
            None => problems.push(table.problem(
                "hosts",
                format!("`{text}` is no server: write \"api.example.org\", with a port if it is not 443, or \"http://10.0.0.7:8080\""),
            )),
        }
    }
    let methods = table.texts("methods", problems).map(|methods| {
        for method in &methods {
            if method.is_empty() || !method.bytes().all(|octet| octet.is_ascii_uppercase()) {
                problems.push(table.problem(
                    "methods",
                    format!("`{method}` is no method: \"GET\" is one"),
                ));
            }
        }
        methods.into_iter().map(str::to_owned).collect()
    });
    let mut kib = |key, most: u64| {
        table
            .number(key, 0..most + 1, problems)
            .and_then(|kib| usize::try_from(kib << 10).ok())
    };
    let max_request = kib("max-request-kib", 16 << 10).unwrap_or(default.max_request);
    let max_response = kib("max-response-kib", 16 << 10).unwrap_or(default.max_response);
    let grant = HttpGrant {
        origins,
        methods: methods.unwrap_or(default.methods),
        max_request,
        max_response,
        timeout: table
            .number("timeout-ms", 1..30_001, problems)
            .map_or(default.timeout, Duration::from_millis),
        private: table.truth("private", problems).unwrap_or(default.private),
        secrets: read_secrets(&mut table, inputs, problems),
    };
    table.finish(problems);
    grant
}

/// Secrets by their names. Each is a file beside `policy.toml`, so that the policy can be shown to anybody; a change of it is a change of
/// the policy.
fn read_secrets(
    table: &mut Table<'_>,
    inputs: &mut Inputs,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, Secret> {
    let mut secrets = BTreeMap::new();
    let Some(files) = table.table("secrets", "secrets", problems) else {
        return secrets;
    };
    for (name, item) in files.entries().take(MAX_ENTRIES) {
        let Some(file) = item.as_str() else {
            problems.push(files.problem(
                name,
                format!("`{name}` must be the name of a file, in quotes"),
            ));
            continue;
        };
        let base = files.path.parent().unwrap_or(files.path);
        let path = inputs.ground.secrets(base).join(file);
        inputs.files.push(path.clone());
        let text = match read_text(&path) {
            Ok(text) => text,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        let text = text.trim_end_matches(['\r', '\n']);
        // RFC 9110 §5.5: what may stand in a field's value.
        let fits = (1..=MAX_SECRET).contains(&text.len()) && !text.chars().any(char::is_control);
        if fits {
            secrets.insert(name.to_owned(), Secret(text.into()));
        } else {
            problems.push(Problem::new(
                &path,
                None,
                format!("a secret is one line of 1 to {MAX_SECRET} octets"),
            ));
        }
    }
    secrets
}

fn required<'a>(
    table: &mut Table<'a>,
    key: &'static str,
    problems: &mut Vec<Problem>,
) -> Vec<&'a str> {
    let texts = table.texts(key, problems).unwrap_or_default();
    let written = table.item(key).map(toml_edit::Item::as_array);
    // Anything but a list was told already.
    if written.is_none_or(|list| list.is_some_and(toml_edit::Array::is_empty)) {
        problems.push(table.problem(key, format!("`{key}` must name at least one")));
    }
    if texts.len() > MAX_ENTRIES {
        problems.push(table.problem(key, format!("`{key}` names at most {MAX_ENTRIES}")));
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_scheme_host_and_port_and_nothing_else() {
        let origin =
            |text| Origin::parse(text).map(|origin| (origin.secure, origin.host, origin.port));
        assert_eq!(
            origin("API.example.org"),
            Some((true, "api.example.org".into(), 443))
        );
        assert_eq!(
            origin("bücher.example:8443"),
            Some((true, "xn--bcher-kva.example".into(), 8443))
        );
        assert_eq!(origin("http://[::1]:80"), Some((false, "[::1]".into(), 80)));
        for text in ["", "/", "a/b", "user@a", "ftp://a", "https://a?b", "a b"] {
            assert_eq!(origin(text), None, "{text:?}");
        }
    }
}
