//! Every route: what is served, and what the document says is served, are this table.

use axum::http::Method;
use waxwing_store::{AdminScope, Area, CredentialKind, QueueAction};

use super::body;
use super::call::{Call, decode};
use super::problem::Problem;
use super::route::{Answer, Kind, Parameter, Route, Shape, Verb};
use crate::admin::rules::RuleRequest;
use crate::admin::{
    DomainRequest, Import, KeyRequest, Page, QueueRequest, QueueSelection, QuotaChange, Request,
};
use crate::flow;

/// Items of a page that does not say how many, and at most.
pub(super) const PAGE: usize = 100;
const MOST: usize = 500;

const fn text(name: &'static str, about: &'static str) -> Parameter {
    Parameter {
        name,
        kind: Kind::Text,
        about,
    }
}

const LIMIT: Parameter = Parameter {
    name: "limit",
    kind: Kind::Count(MOST),
    about: "So many at most; 100 if it is left out.",
};
const AFTER: Parameter = text(
    "after",
    "The `next` of the page before: only what comes after that.",
);
const ADDRESSES: &[Parameter] = &[
    text("domain", "Only those of this domain."),
    text("search", "Only those that have this in them."),
    AFTER,
    LIMIT,
];
const ENTRIES: &[Parameter] = &[
    text("id", "Only those of the message with this queue id."),
    text("sender", "Only those of this sender; empty: reports."),
    text("destination", "Only those to this destination."),
    text(
        "search",
        "Only those that have this in an address, a name, the queue id or the last words.",
    ),
    Parameter {
        name: "held",
        kind: Kind::Flag,
        about: "Only those that are held, or that are not.",
    },
    Parameter {
        name: "after",
        kind: Kind::Number,
        about: "The `next` of the page before: only what comes after that.",
    },
    LIMIT,
];
const AUDITED: &[Parameter] = &[
    text(
        "before",
        "The `next` of the page before: only what was before that.",
    ),
    text("who", "Only what this one did."),
    text("subject", "Only what was done to this."),
    LIMIT,
];
const LATELY: &[Parameter] = &[Parameter {
    name: "minutes",
    kind: Kind::Count(flow::MINUTES),
    about: "So many minutes back from now; 60 if it is left out.",
}];

const fn read(area: Area) -> AdminScope {
    AdminScope::Read(area)
}

const fn write(area: Area) -> AdminScope {
    AdminScope::Write(area)
}

/// A route that looks.
const fn get(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    area: Area,
    schema: &'static str,
    request: fn(&Call) -> Result<Request, Problem>,
) -> Route {
    Route {
        verb: Verb::Get,
        path,
        id,
        summary,
        scope: read(area),
        query: &[],
        body: None,
        status: 200,
        schema: Some(schema),
        shape: Shape::Plain,
        answer: Answer::Of(request),
    }
}

/// A route that changes something and has no more to say of it.
const fn change(
    verb: Verb,
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    area: Area,
    request: fn(&Call) -> Result<Request, Problem>,
) -> Route {
    Route {
        verb,
        path,
        id,
        summary,
        scope: write(area),
        query: &[],
        body: None,
        status: 204,
        schema: None,
        shape: Shape::Plain,
        answer: Answer::Of(request),
    }
}

impl Route {
    const fn query(self, query: &'static [Parameter]) -> Self {
        Self { query, ..self }
    }

    const fn takes(self, body: &'static str) -> Self {
        Self {
            body: Some(body),
            ..self
        }
    }

    const fn gives(self, status: u16, schema: &'static str) -> Self {
        Self {
            status,
            schema: Some(schema),
            ..self
        }
    }

    const fn shaped(self, shape: Shape) -> Self {
        Self { shape, ..self }
    }

    /// It is sent something, and looks only.
    const fn reads(self, area: Area) -> Self {
        Self {
            scope: read(area),
            ..self
        }
    }

    const fn answered(self, answer: Answer) -> Self {
        Self { answer, ..self }
    }
}

fn bounds(call: &Call) -> Page {
    Page {
        search: call.text("search"),
        after: call.text("after"),
        limit: call.count("limit").unwrap_or(PAGE),
    }
}

fn credential(call: &Call, kind: CredentialKind) -> Result<Request, Problem> {
    let body: body::Credential = call.body()?;
    Ok(Request::CredentialAdd {
        address: call.place(0),
        kind,
        name: body.name,
        scopes: body.scopes,
        expires: body.expires,
    })
}

fn credentials(call: &Call, kind: CredentialKind) -> Request {
    Request::CredentialList {
        address: call.place(0),
        kind,
    }
}

fn no_credential(call: &Call, kind: CredentialKind) -> Result<Request, Problem> {
    Ok(Request::CredentialRemove {
        address: call.place(0),
        kind,
        id: call.number(1)?,
    })
}

fn totp(call: &Call, enabled: bool) -> Request {
    Request::AccountTotp {
        address: call.place(0),
        enabled,
    }
}

/// Entries are named in one way only: several together would be read as "those", and only one could be meant.
fn entries(call: &Call) -> Result<Request, Problem> {
    let named = [
        call.text("id").map(QueueSelection::Id),
        call.text("sender").map(QueueSelection::Sender),
        call.text("destination").map(QueueSelection::Destination),
        call.text("search").map(QueueSelection::Text),
    ];
    let mut named = named.into_iter().flatten();
    let which = named.next().unwrap_or(QueueSelection::All);
    if named.next().is_some() {
        return Err(Problem::bad(
            "Give one of id, sender, destination and search",
        ));
    }
    Ok(Request::Queue(QueueRequest::List {
        which,
        held: call.flag("held"),
        after: call.text("after").and_then(|after| after.parse().ok()),
        limit: Some(call.count("limit").unwrap_or(PAGE)),
    }))
}

fn act(call: &Call, action: QueueAction) -> Request {
    Request::Queue(QueueRequest::Act {
        action,
        which: QueueSelection::Id(call.place(0)),
    })
}

/// All of them.
pub(super) static TABLE: &[Route] = &[
    get(
        "/me",
        "me",
        "The token that asks",
        Area::Status,
        "Token",
        |_| Err(Problem::not_offered()),
    )
    .answered(Answer::Own),
    get(
        "/status",
        "status",
        "How the server is",
        Area::Status,
        "Status",
        |_| Ok(Request::Status),
    ),
    get(
        "/flow",
        "flow",
        "How much of everything there was lately, minute by minute",
        Area::Flow,
        "Flow",
        |call| {
            Ok(Request::FlowShow {
                minutes: call.count("minutes").unwrap_or(60),
            })
        },
    )
    .query(LATELY),
    get(
        "/flow/live",
        "flowLive",
        "The same as it happens: server-sent events called `sample`, every few seconds",
        Area::Flow,
        "Sample",
        |_| Err(Problem::not_offered()),
    )
    .answered(Answer::Live),
    get(
        "/domains",
        "domains",
        "The domains that are served",
        Area::Domains,
        "Domains",
        |_| Ok(Request::DomainList),
    )
    .shaped(Shape::List),
    change(
        Verb::Post,
        "/domains",
        "addDomain",
        "Serve a domain",
        Area::Domains,
        |call| {
            let body: body::Domain = call.body()?;
            Ok(Request::DomainAdd {
                domain: body.domain,
            })
        },
    )
    .takes("NewDomain")
    .gives(201, "Domain"),
    get(
        "/domains/{domain}",
        "domain",
        "What a domain's accounts keep together, and may keep",
        Area::Domains,
        "DomainUsage",
        |call| {
            Ok(Request::DomainQuota {
                domain: call.place(0),
                quota: QuotaChange::default(),
            })
        },
    ),
    change(
        Verb::Patch,
        "/domains/{domain}",
        "setDomainQuota",
        "Set what a domain's accounts may keep together",
        Area::Domains,
        |call| {
            let body: body::Quota = call.body()?;
            Ok(Request::DomainQuota {
                domain: call.place(0),
                quota: body.quota,
            })
        },
    )
    .takes("QuotaChange")
    .gives(200, "DomainUsage"),
    change(
        Verb::Delete,
        "/domains/{domain}",
        "removeDomain",
        "Stop serving a domain that has no accounts and aliases left",
        Area::Domains,
        |call| {
            Ok(Request::DomainRemove {
                domain: call.place(0),
            })
        },
    ),
    get(
        "/domains/{domain}/records",
        "domainRecords",
        "Every record that a domain is to publish",
        Area::Domains,
        "Records",
        |call| {
            Ok(Request::Domain(DomainRequest::Dns {
                domain: call.place(0),
            }))
        },
    ),
    get(
        "/domains/{domain}/check",
        "checkDomain",
        "What is wrong with what a domain publishes, looked up now",
        Area::Domains,
        "Findings",
        |call| {
            Ok(Request::Domain(DomainRequest::Check {
                domain: call.place(0),
            }))
        },
    ),
    change(
        Verb::Put,
        "/domains/{domain}/mta-sts",
        "setMtaSts",
        "Set what a domain promises of the TLS of its hosts (RFC 8461)",
        Area::Domains,
        |call| {
            Ok(Request::Domain(DomainRequest::MtaSts {
                domain: call.place(0),
                policy: call.body()?,
            }))
        },
    )
    .takes("MtaSts")
    .gives(200, "MtaStsSet"),
    change(
        Verb::Delete,
        "/domains/{domain}/mta-sts",
        "removeMtaSts",
        "Promise nothing of the TLS of a domain's hosts any more",
        Area::Domains,
        |call| {
            Ok(Request::Domain(DomainRequest::NoMtaSts {
                domain: call.place(0),
            }))
        },
    ),
    get(
        "/domains/{domain}/keys",
        "domainKeys",
        "What a domain signs its mail with",
        Area::Domains,
        "Keys",
        |call| {
            Ok(Request::DomainKey(KeyRequest::List {
                domain: call.place(0),
            }))
        },
    )
    .shaped(Shape::List),
    change(
        Verb::Post,
        "/domains/{domain}/keys",
        "addDomainKey",
        "Make a domain's first keys, or take one that was made elsewhere",
        Area::Domains,
        |call| {
            let body: body::Key = call.body()?;
            let import = match (body.selector, body.file) {
                (None, None) => None,
                (Some(selector), Some(file)) => Some(Import { selector, file }),
                _ => {
                    return Err(Problem::bad(
                        "A key from elsewhere has both selector and file",
                    ));
                }
            };
            Ok(Request::DomainKey(KeyRequest::Add {
                domain: call.place(0),
                import,
            }))
        },
    )
    .takes("NewKey")
    .gives(201, "Keys")
    .shaped(Shape::List),
    change(
        Verb::Post,
        "/domains/{domain}/keys/rotate",
        "rotateDomainKeys",
        "Make other keys, which take over when they are published",
        Area::Domains,
        |call| {
            Ok(Request::DomainKey(KeyRequest::Rotate {
                domain: call.place(0),
            }))
        },
    )
    .gives(200, "Keys")
    .shaped(Shape::List),
    change(
        Verb::Delete,
        "/domains/{domain}/keys/{selector}",
        "removeDomainKey",
        "Remove a key",
        Area::Domains,
        |call| {
            Ok(Request::DomainKey(KeyRequest::Remove {
                domain: call.place(0),
                selector: Some(call.place(1)),
            }))
        },
    ),
    get(
        "/accounts",
        "accounts",
        "The accounts, a page of them",
        Area::Accounts,
        "Accounts",
        |call| {
            Ok(Request::AccountList {
                domain: call.text("domain"),
                page: Some(bounds(call)),
            })
        },
    )
    .query(ADDRESSES),
    change(
        Verb::Post,
        "/accounts",
        "addAccount",
        "Add an account with its mailboxes",
        Area::Accounts,
        |call| {
            let body: body::Account = call.body()?;
            Ok(Request::AccountAdd {
                addresses: vec![body.address],
                password: body.password,
                quota: body.quota,
            })
        },
    )
    .takes("NewAccount")
    .gives(201, "AccountMade")
    .shaped(Shape::First),
    get(
        "/accounts/{address}",
        "account",
        "An account, with what it keeps",
        Area::Accounts,
        "Account",
        |call| {
            Ok(Request::AccountShow {
                address: call.place(0),
            })
        },
    ),
    change(
        Verb::Patch,
        "/accounts/{address}",
        "setAccountQuota",
        "Set what an account may keep",
        Area::Accounts,
        |call| {
            let body: body::Quota = call.body()?;
            Ok(Request::AccountQuota {
                address: call.place(0),
                quota: body.quota,
            })
        },
    )
    .takes("QuotaChange")
    .gives(200, "Account"),
    change(
        Verb::Delete,
        "/accounts/{address}",
        "removeAccount",
        "Remove an account and all its mail",
        Area::Accounts,
        |call| {
            Ok(Request::AccountRemove {
                address: call.place(0),
            })
        },
    ),
    change(
        Verb::Put,
        "/accounts/{address}/password",
        "setPassword",
        "Set an account's password; null closes it for log-ins",
        Area::Accounts,
        |call| {
            let body: body::Password = call.body()?;
            Ok(Request::AccountPassword {
                address: call.place(0),
                password: body.password,
            })
        },
    )
    .takes("Password"),
    get(
        "/accounts/{address}/app-passwords",
        "appPasswords",
        "The app passwords of an account",
        Area::Accounts,
        "Credentials",
        |call| Ok(credentials(call, CredentialKind::AppPassword)),
    )
    .shaped(Shape::List),
    change(
        Verb::Post,
        "/accounts/{address}/app-passwords",
        "addAppPassword",
        "Make an app password; it is told this once",
        Area::Accounts,
        |call| credential(call, CredentialKind::AppPassword),
    )
    .takes("NewCredential")
    .gives(201, "CredentialMade"),
    change(
        Verb::Delete,
        "/accounts/{address}/app-passwords/{id}",
        "removeAppPassword",
        "Take an app password back",
        Area::Accounts,
        |call| no_credential(call, CredentialKind::AppPassword),
    ),
    get(
        "/accounts/{address}/tokens",
        "tokens",
        "The access tokens of an account",
        Area::Accounts,
        "Credentials",
        |call| Ok(credentials(call, CredentialKind::Token)),
    )
    .shaped(Shape::List),
    change(
        Verb::Post,
        "/accounts/{address}/tokens",
        "addToken",
        "Make an access token of an account; it is told this once",
        Area::Accounts,
        |call| credential(call, CredentialKind::Token),
    )
    .takes("NewCredential")
    .gives(201, "CredentialMade"),
    change(
        Verb::Delete,
        "/accounts/{address}/tokens/{id}",
        "removeToken",
        "Take an access token back",
        Area::Accounts,
        |call| no_credential(call, CredentialKind::Token),
    ),
    change(
        Verb::Put,
        "/accounts/{address}/totp",
        "enableTotp",
        "Want a one-time code behind an account's password; its secret is told this once",
        Area::Accounts,
        |call| Ok(totp(call, true)),
    )
    .gives(200, "Totp"),
    change(
        Verb::Delete,
        "/accounts/{address}/totp",
        "disableTotp",
        "Want no code any more",
        Area::Accounts,
        |call| Ok(totp(call, false)),
    ),
    get(
        "/aliases",
        "aliases",
        "The aliases, a page of them",
        Area::Accounts,
        "Aliases",
        |call| {
            Ok(Request::AliasList {
                domain: call.text("domain"),
                page: Some(bounds(call)),
            })
        },
    )
    .query(ADDRESSES),
    change(
        Verb::Post,
        "/aliases",
        "addAlias",
        "Add an alias: an address that leads to others, or *@DOMAIN",
        Area::Accounts,
        |call| {
            let body: body::Alias = call.body()?;
            Ok(Request::AliasAdd {
                address: body.address,
                targets: body.targets,
            })
        },
    )
    .takes("Alias")
    .gives(201, "Alias"),
    change(
        Verb::Delete,
        "/aliases/{address}",
        "removeAlias",
        "Remove an alias",
        Area::Accounts,
        |call| {
            Ok(Request::AliasRemove {
                address: call.place(0),
            })
        },
    ),
    get(
        "/queue",
        "queue",
        "What waits to be sent on, a page of it: an entry for each message and destination",
        Area::Queue,
        "Entries",
        entries,
    )
    .query(ENTRIES)
    .shaped(Shape::Entries),
    change(
        Verb::Post,
        "/queue/actions",
        "actOnQueue",
        "Do something to all entries that are meant",
        Area::Queue,
        |call| {
            let body: body::Act = call.body()?;
            Ok(Request::Queue(QueueRequest::Act {
                action: body.action.into(),
                which: body.which,
            }))
        },
    )
    .takes("QueueAct")
    .gives(200, "Changed"),
    get(
        "/queue/{id}",
        "queued",
        "A message of the queue, or one entry of it, with its recipients, attempts, and what was last said",
        Area::Queue,
        "Queued",
        |call| Ok(Request::Queue(QueueRequest::Show { id: call.place(0) })),
    ),
    change(
        Verb::Post,
        "/queue/{id}/hold",
        "hold",
        "Do not send it until it is released",
        Area::Queue,
        |call| Ok(act(call, QueueAction::Hold)),
    )
    .gives(200, "Changed"),
    change(
        Verb::Post,
        "/queue/{id}/release",
        "release",
        "Send what was held",
        Area::Queue,
        |call| Ok(act(call, QueueAction::Release)),
    )
    .gives(200, "Changed"),
    change(
        Verb::Post,
        "/queue/{id}/retry",
        "retry",
        "Try it now",
        Area::Queue,
        |call| Ok(act(call, QueueAction::Retry)),
    )
    .gives(200, "Changed"),
    change(
        Verb::Delete,
        "/queue/{id}",
        "removeQueued",
        "Remove it without a word to its sender",
        Area::Queue,
        |call| Ok(act(call, QueueAction::Remove)),
    )
    .gives(200, "Changed"),
    get(
        "/trace/{id}",
        "trace",
        "The life of a message, by its queue id or Message-ID",
        Area::Trace,
        "Trace",
        |call| Ok(Request::Trace { id: call.place(0) }),
    )
    .shaped(Shape::List),
    get(
        "/plugins",
        "plugins",
        "The pipeline: every step in its order, with its plugin, mode, cost and faults",
        Area::Policy,
        "Pipeline",
        |_| Ok(Request::PluginList),
    )
    .shaped(Shape::Pipeline),
    get(
        "/plugins/history",
        "pluginHistory",
        "The generations that served",
        Area::Policy,
        "History",
        |_| Ok(Request::PluginHistory),
    )
    .shaped(Shape::List),
    get(
        "/plugins/comparison",
        "comparePlugins",
        "What the steps that are tried out say, beside what serves",
        Area::Policy,
        "Comparisons",
        |call| {
            Ok(Request::PluginDiff {
                step: call.text("step"),
            })
        },
    )
    .query(&[text("step", "Only this one.")])
    .shaped(Shape::List),
    change(
        Verb::Post,
        "/plugins/rollback",
        "rollBack",
        "Go back to the generation before, or to another one, at once",
        Area::Policy,
        |call| {
            let body: body::Rollback = call.body()?;
            Ok(Request::PluginRollback {
                to: body.to,
                reason: body.reason,
            })
        },
    )
    .takes("Rollback")
    .gives(200, "Serves"),
    change(
        Verb::Post,
        "/plugins/{step}/promote",
        "promote",
        "Let a step that is tried out enforce",
        Area::Policy,
        |call| {
            Ok(Request::PluginPromote {
                step: call.place(0),
            })
        },
    )
    .gives(200, "Serves"),
    get(
        "/rules",
        "rules",
        "The rule files that the policy names",
        Area::Policy,
        "RuleFiles",
        |_| Ok(Request::Rules(RuleRequest::List)),
    )
    .shaped(Shape::List),
    get(
        "/rules/{file}",
        "ruleFile",
        "A rule file: its name is one segment, with %2F for its slashes",
        Area::Policy,
        "RuleFile",
        |call| {
            Ok(Request::Rules(RuleRequest::Show {
                file: call.place(0),
            }))
        },
    ),
    change(
        Verb::Put,
        "/rules/{file}",
        "saveRuleFile",
        "Put a text into a rule file and serve it; nothing is saved that does not load",
        Area::Policy,
        |call| {
            let body: body::Save = call.body()?;
            Ok(Request::Rules(RuleRequest::Save {
                file: call.place(0),
                text: body.text,
                digest: body.digest,
            }))
        },
    )
    .takes("RuleSave")
    .gives(200, "RulesSaved"),
    change(
        Verb::Post,
        "/rules/{file}/check",
        "checkRuleFile",
        "What would be wrong with a text",
        Area::Policy,
        |call| {
            let body: body::Text = call.body()?;
            Ok(Request::Rules(RuleRequest::Check {
                file: call.place(0),
                text: body.text,
            }))
        },
    )
    .takes("RuleText")
    .gives(200, "Problems")
    .reads(Area::Policy),
    change(
        Verb::Post,
        "/rules/{file}/preview",
        "previewRuleFile",
        "What recent mail would come to with a text",
        Area::Policy,
        |call| {
            let body: body::Preview = call.body()?;
            Ok(Request::Rules(RuleRequest::Preview {
                file: call.place(0),
                text: body.text,
                messages: body.messages,
            }))
        },
    )
    .takes("RulePreview")
    .gives(200, "Preview"),
    get(
        "/reports",
        "reports",
        "What is to be told to other domains",
        Area::Reports,
        "Reports",
        |_| Ok(Request::ReportList),
    )
    .shaped(Shape::List),
    change(
        Verb::Post,
        "/reports/send",
        "sendReports",
        "Send what is there, of days that are not over, too",
        Area::Reports,
        |_| Ok(Request::ReportSend),
    )
    .gives(200, "Sent"),
    get(
        "/audit",
        "audit",
        "What administrators did, the latest first",
        Area::Audit,
        "Audit",
        |call| {
            Ok(Request::AuditList {
                before: call.text("before"),
                who: call.text("who"),
                subject: call.text("subject"),
                limit: Some(call.count("limit").unwrap_or(PAGE)),
            })
        },
    )
    .query(AUDITED),
];

/// The route of a request, and the variable parts of its path.
pub(super) fn find(method: &Method, path: &str) -> Result<(&'static Route, Vec<String>), Problem> {
    let mut allowed: Vec<&str> = Vec::new();
    for route in TABLE {
        let Some(places) = places(route.path, path) else {
            continue;
        };
        if method.as_str() == route.verb.as_str() {
            return Ok((route, places));
        }
        allowed.push(route.verb.as_str());
    }
    if allowed.is_empty() {
        return Err(Problem::not_found());
    }
    Err(Problem::method(allowed.join(", ")))
}

/// What stands for the variable parts of a path. Each is a segment, decoded after it was cut out, so that no slash in it leads elsewhere.
fn places(pattern: &str, path: &str) -> Option<Vec<String>> {
    let mut segments = path.split('/');
    let mut places = Vec::new();
    for part in pattern.split('/') {
        let segment = segments.next()?;
        if part.starts_with('{') {
            let place = decode(segment)?;
            if place.is_empty() || place.chars().any(char::is_control) {
                return None;
            }
            places.push(place);
        } else if part != segment {
            return None;
        }
    }
    segments.next().is_none().then_some(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_one_route() {
        let found = |method: Method, path: &str| {
            find(&method, path).map(|(route, places)| (route.id, places))
        };
        let at = |id, places: &[&str]| Ok((id, places.iter().map(ToString::to_string).collect()));
        assert_eq!(
            found(Method::GET, "/plugins/history"),
            at("pluginHistory", &[])
        );
        assert_eq!(
            found(Method::POST, "/plugins/history/promote"),
            at("promote", &["history"])
        );
        assert_eq!(
            found(Method::GET, "/rules/rules%2Fa.toml"),
            at("ruleFile", &["rules/a.toml"])
        );
        assert_eq!(
            found(Method::GET, "/trace/%3Ca@b%3E"),
            at("trace", &["<a@b>"])
        );
        for missing in [
            "",
            "/",
            "/domains/",
            "/rules/rules/a.toml",
            "/trace/%",
            "/trace/a%00",
            "/queue/x/y",
            "//domains",
        ] {
            assert_eq!(
                found(Method::GET, missing),
                Err(Problem::not_found()),
                "{missing}"
            );
        }
        assert_eq!(
            found(Method::PUT, "/domains"),
            Err(Problem::method("GET, POST".into()))
        );
    }

    #[test]
    fn no_two_routes_are_alike() {
        for (place, route) in TABLE.iter().enumerate() {
            for other in TABLE.iter().skip(place + 1) {
                assert_ne!(route.id, other.id);
                assert!(
                    route.path != other.path || route.verb != other.verb,
                    "{}",
                    route.path
                );
            }
        }
    }
}
