//! Domains: what they publish, and what they sign with.

use waxwing_store::Area;

use super::{change, get};
use crate::admin::api::body;
use crate::admin::api::problem::Problem;
use crate::admin::api::route::{Route, Shape, Verb};
use crate::admin::{DomainRequest, Import, KeyRequest, QuotaChange, Request};

pub(super) static ROUTES: &[Route] = &[
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
];
