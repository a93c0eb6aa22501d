//! Which command does what, in which state (RFC 3501 §3).

use crate::encode::texts;
use crate::parse::{self, tag};
use crate::session::job::{Core, Flow};
use crate::session::{
    acl, connection, context, copy, enable, esearch, expunge, fetch, idle, list, login, mailboxes,
    metadata, notify, quota, search_result, select, sort, store, thread,
};
use crate::types::{Command, UidSet};

/// Begins a command.
pub(crate) fn command(core: &mut Core, octets: &[u8]) -> Flow {
    core.tag = String::from("*");
    core.numbers_stay = false;
    core.own_delete = false;
    core.tells_modseq = false;
    core.limited = None;
    core.own_arrivals = UidSet::new();
    core.progress.begin();
    let Some((tag, rest)) = tag(octets) else {
        return Flow::Tagged(texts::NO_TAG);
    };
    tag.clone_into(&mut core.tag);
    let Some(rest) = rest.strip_prefix(b" ") else {
        return Flow::Tagged(texts::NO_TAG);
    };
    match parse::command(rest, &core.config.limits, core.names()) {
        Ok(command) => begin(core, command),
        Err(error) => Flow::Tagged(texts::syntax(error)),
    }
}

fn begin(core: &mut Core, command: Command) -> Flow {
    match command {
        Command::Capability => connection::capability(core),
        Command::Noop { check: false } => Flow::Done(texts::ok("NOOP completed")),
        Command::Id => connection::id(core),
        Command::Logout => connection::logout(core),
        Command::StartTls if core.logged_in => Flow::Tagged(texts::LOGGED_IN_ALREADY),
        Command::StartTls => connection::start_tls(core),
        Command::Login { .. } | Command::Authenticate { .. } if core.logged_in => {
            Flow::Tagged(texts::LOGGED_IN_ALREADY)
        }
        Command::Login { user, password } => login::login(core, user, password),
        Command::Authenticate { mechanism, initial } => {
            login::authenticate(core, &mechanism, initial.as_deref())
        }
        _ if !core.logged_in => Flow::Tagged(texts::NOT_LOGGED_IN),
        search if search.misses_fuzzy() => Flow::Tagged(texts::NO_FUZZY),
        // RFC 9586 §3.2
        numbered if core.enabled.uid_only && numbered.names_numbers() => {
            Flow::Tagged(texts::UID_REQUIRED)
        }
        other => authenticated(core, other),
    }
}

fn authenticated(core: &mut Core, command: Command) -> Flow {
    match command {
        Command::Namespace => connection::namespace(core),
        Command::GetJmapAccess => connection::jmap_access(core),
        Command::Unauthenticate => connection::unauthenticate(core),
        Command::Compress => connection::compress(core),
        Command::Enable(names) => enable::begin(core, &names),
        Command::Select {
            mailbox,
            given,
            read_only,
            parameters,
        } => select::begin(core, mailbox, given, read_only, parameters),
        Command::Create {
            mailbox,
            special_use,
        } => {
            notify::own(core, &[&mailbox]);
            mailboxes::create(mailbox, special_use)
        }
        Command::Delete(mailbox) => {
            core.own_delete = true;
            notify::own(core, &[&mailbox]);
            mailboxes::delete(mailbox)
        }
        Command::Rename { from, to } => {
            notify::own(core, &[&from, &to]);
            mailboxes::rename(from, to)
        }
        Command::Subscribe {
            mailbox,
            subscribed,
        } => {
            notify::own(core, &[&mailbox]);
            mailboxes::subscribe(mailbox, subscribed)
        }
        Command::List(list) => list::begin(core, list),
        Command::Status { mailbox, items } => mailboxes::status(core, mailbox, items),
        Command::SetAcl {
            mailbox,
            identifier,
            change,
            delete,
        } => acl::set(mailbox, identifier, change, delete),
        Command::GetAcl(mailbox) => acl::get(mailbox),
        Command::ListRights {
            mailbox,
            identifier,
        } => acl::list(mailbox, identifier),
        Command::MyRights(mailbox) => acl::mine(mailbox),
        Command::GetMetadata {
            mailbox,
            options,
            entries,
        } => metadata::get(mailbox, options, entries),
        Command::SetMetadata { mailbox, values } => metadata::set(mailbox, values),
        Command::GetQuota(root) => quota::get(root),
        Command::GetQuotaRoot(mailbox) => quota::get_root(mailbox),
        Command::SetQuota => Flow::Done(texts::NO_SETQUOTA),
        // RFC 6855 §3: strings are in UTF-8 then.
        Command::Search { charset: true, .. } | Command::EsearchIn { charset: true, .. }
            if core.enabled.utf8 =>
        {
            Flow::Tagged(texts::CHARSET_BESIDE_UTF8)
        }
        Command::EsearchIn {
            sources,
            returns,
            key,
            ..
        } => esearch::begin(core, sources, returns, key),
        Command::Idle => idle::begin(core),
        Command::Notify(command) => notify::begin(core, command),
        _ if core.selected.is_none() => Flow::Tagged(texts::NOTHING_SELECTED),
        selected => in_selected(core, selected),
    }
}

fn in_selected(core: &mut Core, command: Command) -> Flow {
    match command {
        Command::Noop { .. } => Flow::Done(texts::ok("CHECK completed")),
        Command::Close { unselect } => expunge::close(core, unselect),
        Command::Expunge(uids) => expunge::expunge(core, uids.as_ref()),
        Command::Search {
            uid,
            returns,
            fetched,
            key,
            ..
        } => search_result::begin(core, uid, returns, fetched, key),
        Command::CancelUpdate(tags) => context::cancel(core, &tags),
        Command::Sort {
            uid,
            returns,
            fetched,
            criteria,
            key,
        } => {
            let sort = sort::Sort {
                uid,
                returns,
                criteria,
                wanted: None,
            };
            sort::begin(core, sort, fetched, key)
        }
        Command::Thread {
            uid,
            algorithm,
            key,
        } => thread::begin(core, uid, algorithm, key),
        Command::Fetch {
            uid,
            set,
            items,
            modifiers,
        } => fetch::begin(core, uid, &set, items, modifiers),
        Command::Store {
            uid,
            set,
            action,
            silent,
            flags,
            unchanged_since,
        } => {
            let change = store::Change {
                action,
                silent,
                flags,
                unchanged_since,
            };
            store::begin(core, uid, &set, change)
        }
        Command::Copy {
            uid,
            set,
            mailbox,
            moving,
        } => copy::begin(core, uid, &set, mailbox, moving),
        // The commands of other states were dealt with before.
        _ => Flow::Tagged(texts::NOT_LOGGED_IN),
    }
}
