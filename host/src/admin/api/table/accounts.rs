//! Accounts, what they log in with, and aliases.

use waxwing_store::{Area, CredentialKind};

use super::{AFTER, LIMIT, PAGE, change, get, line, text};
use crate::admin::api::body;
use crate::admin::api::call::Call;
use crate::admin::api::problem::Problem;
use crate::admin::api::route::{Parameter, Route, Shape, Verb};
use crate::admin::{Page, Request};

const ADDRESSES: &[Parameter] = &[
    text("domain", "Only those of this domain."),
    text("search", "Only those that have this in them."),
    AFTER,
    LIMIT,
];
pub(super) static ROUTES: &[Route] = &[
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
                password: line(body.password, "password")?,
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
                password: line(body.password, "password")?,
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
        Verb::Post,
        "/accounts/{address}/totp/recovery-codes",
        "makeRecoveryCodes",
        "Make new recovery codes of an account in the place of those before; they are told this once",
        Area::Accounts,
        |call| {
            Ok(Request::AccountRecoveryCodes {
                address: call.place(0),
            })
        },
    )
    .gives(201, "RecoveryCodes"),
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
];

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
