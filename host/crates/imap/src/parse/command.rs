//! Commands (RFC 3501 §6 and §9).

use crate::ask::FlagAction;
use crate::config::Limits;
use crate::parse::core::{Parser, SyntaxError, is_atom_char};
use crate::types::{
    AppendHead, AppendMessage, Command, FlagSet, NameForm, Replaced, StatusItem, SystemFlag,
};

/// Flags in one list.
const MAX_FLAGS: usize = 200;
/// Names in one ENABLE.
const MAX_ENABLED: usize = 64;
/// Tags in one CANCELUPDATE.
const MAX_CANCELLED: usize = 64;
/// Longest keyword.
const MAX_KEYWORD: usize = 100;

/// Parses what follows the tag and its space.
pub(crate) fn command(
    octets: &[u8],
    limits: &Limits,
    names: NameForm,
) -> Result<Command, SyntaxError> {
    let mut parser = Parser::new(octets).with_names(names);
    let name = parser
        .atom()
        .map_err(|_| SyntaxError::UnknownCommand)?
        .to_ascii_uppercase();
    let command = if name == "UID" {
        parser.space()?;
        let name = parser.atom()?.to_ascii_uppercase();
        parser.message_command(&name, true, limits)?
    } else if let Some(command) = plain(&name) {
        command
    } else if let Some(command) = parser.mailbox_command(&name, limits)? {
        command
    } else {
        parser.message_command(&name, false, limits)?
    };
    parser.end()?;
    Ok(command)
}

/// Parses `APPEND mailbox [flags] [date-time]`, or `[UID] REPLACE number mailbox …` (RFC 8508 §5), up to the literal; `None` if it is another
/// command, or the literal is the mailbox's name and the message comes later.
pub(crate) fn append_head(
    octets: &[u8],
    names: NameForm,
    has_literal: bool,
) -> Option<Result<AppendHead, SyntaxError>> {
    let mut parser = Parser::new(octets).with_names(names);
    let uid = parser.accept_prefix("UID ");
    let replace = parser.accept_word("REPLACE");
    let known = replace || !uid && parser.accept_word("APPEND");
    if !known || parser.space().is_err() {
        return None;
    }
    let replaces = match replace.then(|| parser.replaced(uid)).transpose() {
        Ok(replaces) => replaces,
        Err(error) => return Some(Err(error)),
    };
    if parser.is_done() {
        return None;
    }
    let head = parser.append_arguments(replaces, has_literal);
    // Without a literal it is a message of parts, or nothing.
    let whole = |head: &AppendHead| head.message.catenate.is_some();
    (has_literal || head.as_ref().is_ok_and(whole)).then_some(head)
}

/// Parses what stands between two messages of an APPEND: `[SP flag-list] [SP date-time] SP` (RFC 3502).
pub(crate) fn append_next(octets: &[u8], has_literal: bool) -> Result<AppendMessage, SyntaxError> {
    let mut parser = Parser::new(octets);
    parser.space()?;
    parser.append_options(has_literal)
}

fn plain(name: &str) -> Option<Command> {
    Some(match name {
        "CAPABILITY" => Command::Capability,
        "NOOP" => Command::Noop { check: false },
        "CHECK" => Command::Noop { check: true },
        "LOGOUT" => Command::Logout,
        "UNAUTHENTICATE" => Command::Unauthenticate,
        "STARTTLS" => Command::StartTls,
        "NAMESPACE" => Command::Namespace,
        "GETJMAPACCESS" => Command::GetJmapAccess,
        "CLOSE" => Command::Close { unselect: false },
        "UNSELECT" => Command::Close { unselect: true },
        "EXPUNGE" => Command::Expunge(None),
        "IDLE" => Command::Idle,
        _ => return None,
    })
}

impl Parser<'_> {
    fn append_arguments(
        &mut self,
        replaces: Option<Replaced>,
        has_literal: bool,
    ) -> Result<AppendHead, SyntaxError> {
        let mailbox = self.mailbox()?;
        self.space()?;
        let message = self.append_options(has_literal)?;
        Ok(AppendHead {
            replaces,
            mailbox,
            message,
        })
    }

    /// `seq-number SP` of REPLACE.
    fn replaced(&mut self, uid: bool) -> Result<Replaced, SyntaxError> {
        let message = self.single()?;
        self.space()?;
        Ok(Replaced { uid, message })
    }

    /// `[flag-list SP] [date-time SP] ["UTF8" SP "("]`, and nothing else (RFC 6855 §4), or `CATENATE` with its first parts (RFC 4469).
    fn append_options(&mut self, has_literal: bool) -> Result<AppendMessage, SyntaxError> {
        let mut flags = FlagSet::default();
        if self.peek() == Some(b'(') {
            flags = self.flag_list()?;
            self.space()?;
        }
        let mut internal_date = None;
        if self.peek() == Some(b'"') {
            internal_date = Some(self.date_time()?);
            self.space()?;
        }
        if self.accept_word("CATENATE") {
            self.space()?;
            self.expect(b'(', "(")?;
            let segment = self.catenate_segment(true, has_literal)?;
            return Ok(AppendMessage {
                flags,
                internal_date,
                utf8: false,
                catenate: Some(segment),
            });
        }
        let utf8 = self.accept_word("UTF8");
        if utf8 {
            self.space()?;
            self.expect(b'(', "(")?;
        }
        self.end()?;
        if !has_literal {
            return Err(SyntaxError::Trailing);
        }
        Ok(AppendMessage {
            flags,
            internal_date,
            utf8,
            catenate: None,
        })
    }

    /// Commands about the connection and about mailboxes.
    fn mailbox_command(
        &mut self,
        name: &str,
        limits: &Limits,
    ) -> Result<Option<Command>, SyntaxError> {
        let known = [
            "ID",
            "ENABLE",
            "COMPRESS",
            "AUTHENTICATE",
            "LOGIN",
            "SELECT",
            "EXAMINE",
            "CREATE",
            "DELETE",
            "RENAME",
            "SUBSCRIBE",
            "UNSUBSCRIBE",
            "LIST",
            "LSUB",
            "STATUS",
            "GETQUOTA",
            "GETQUOTAROOT",
            "SETQUOTA",
            "NOTIFY",
            "CANCELUPDATE",
            "SETACL",
            "DELETEACL",
            "GETACL",
            "LISTRIGHTS",
            "MYRIGHTS",
            "ESEARCH",
            "GETMETADATA",
            "SETMETADATA",
        ];
        if !known.contains(&name) {
            return Ok(None);
        }
        self.space()?;
        Ok(Some(match name {
            "ID" => self.id()?,
            "ENABLE" => self.enable()?,
            // RFC 4978 §3: an algorithm that is not known is BAD.
            "COMPRESS" if self.accept_word("DEFLATE") => Command::Compress,
            "COMPRESS" => return Err(SyntaxError::Expected("DEFLATE")),
            "AUTHENTICATE" => self.authenticate()?,
            "LOGIN" => {
                let user = self.text()?;
                self.space()?;
                Command::Login {
                    user,
                    password: self.text()?,
                }
            }
            "SELECT" | "EXAMINE" => {
                let (mailbox, given) = self.selected_mailbox()?;
                Command::Select {
                    mailbox,
                    given,
                    read_only: name == "EXAMINE",
                    parameters: self.select_parameters(limits.elements)?,
                }
            }
            "CREATE" => self.create()?,
            "DELETE" => Command::Delete(self.mailbox()?),
            "RENAME" => {
                let from = self.mailbox()?;
                self.space()?;
                Command::Rename {
                    from,
                    to: self.new_mailbox()?,
                }
            }
            "SUBSCRIBE" => Command::Subscribe {
                mailbox: self.mailbox()?,
                subscribed: true,
            },
            "UNSUBSCRIBE" => Command::Subscribe {
                mailbox: self.mailbox()?,
                subscribed: false,
            },
            "LIST" => self.list_command()?,
            "LSUB" => self.lsub()?,
            "SETACL" | "DELETEACL" | "GETACL" | "LISTRIGHTS" | "MYRIGHTS" => {
                self.acl_command(name)?
            }
            "ESEARCH" => self.esearch(limits)?,
            "GETMETADATA" => self.get_metadata()?,
            "SETMETADATA" => self.set_metadata()?,
            "GETQUOTA" | "GETQUOTAROOT" | "SETQUOTA" => self.quota_command(name)?,
            "NOTIFY" => self.notify()?,
            "CANCELUPDATE" => self.cancel_update()?,
            _ => self.status()?,
        }))
    }

    /// Commands about messages, with and without UID.
    fn message_command(
        &mut self,
        name: &str,
        uid: bool,
        limits: &Limits,
    ) -> Result<Command, SyntaxError> {
        match name {
            "FETCH" | "STORE" | "COPY" | "MOVE" | "SEARCH" | "SORT" | "THREAD" => self.space()?,
            "EXPUNGE" if uid => {
                self.space()?;
                return Ok(Command::Expunge(Some(self.sequence_set(limits.elements)?)));
            }
            _ => return Err(SyntaxError::UnknownCommand),
        }
        if name == "THREAD" {
            return self.thread(uid, limits);
        }
        if name == "SORT" {
            return self.sort(uid, limits);
        }
        if name == "SEARCH" {
            let mut fetched = Vec::new();
            return Ok(Command::Search {
                uid,
                returns: self.search_returns(&mut fetched)?,
                fetched,
                charset: self.clone().accept_word("CHARSET"),
                key: self.search(limits)?,
            });
        }
        let set = self.sequence_set(limits.elements)?;
        self.space()?;
        match name {
            "FETCH" => Ok(Command::Fetch {
                uid,
                set,
                items: self.fetch_items()?,
                modifiers: self.fetch_modifiers()?,
            }),
            "STORE" => {
                let unchanged_since = self.store_modifiers()?;
                let (action, silent) = self.store_action()?;
                self.space()?;
                let flags = self.store_flags()?;
                Ok(Command::Store {
                    uid,
                    set,
                    action,
                    silent,
                    flags,
                    unchanged_since,
                })
            }
            moving => Ok(Command::Copy {
                uid,
                set,
                mailbox: self.mailbox()?,
                moving: moving == "MOVE",
            }),
        }
    }

    /// `"ID" SP id_params_list` (RFC 2971 §3.3: at most 30 fields).
    fn id(&mut self) -> Result<Command, SyntaxError> {
        if !self.accept_word("NIL") {
            self.list(60, Self::nstring)?;
        }
        Ok(Command::Id)
    }

    /// `"ENABLE" 1*(SP capability)` (RFC 5161 §4)
    fn enable(&mut self) -> Result<Command, SyntaxError> {
        let mut names = vec![self.atom()?.to_owned()];
        while self.accept(b' ') && !self.is_done() {
            if names.len() >= MAX_ENABLED {
                return Err(SyntaxError::TooMany);
            }
            names.push(self.atom()?.to_owned());
        }
        Ok(Command::Enable(names))
    }

    /// `"CANCELUPDATE" 1*(SP quoted)` (RFC 5267 §5)
    fn cancel_update(&mut self) -> Result<Command, SyntaxError> {
        let mut tags = vec![self.text()?];
        while self.accept(b' ') && !self.is_done() {
            if tags.len() >= MAX_CANCELLED {
                return Err(SyntaxError::TooMany);
            }
            tags.push(self.text()?);
        }
        Ok(Command::CancelUpdate(tags))
    }

    fn authenticate(&mut self) -> Result<Command, SyntaxError> {
        let mechanism = self.atom()?.to_owned();
        let mut initial = None;
        if self.accept(b' ') {
            // RFC 4959 §3: base64, or `=` for nothing.
            initial = Some(self.take_while(|octet| octet.is_ascii_graphic()).to_vec());
        }
        Ok(Command::Authenticate { mechanism, initial })
    }

    fn status(&mut self) -> Result<Command, SyntaxError> {
        let mailbox = self.mailbox()?;
        self.space()?;
        Ok(Command::Status {
            mailbox,
            items: self.status_items()?,
        })
    }

    /// `"(" status-att *(SP status-att) ")"`
    pub(super) fn status_items(&mut self) -> Result<Vec<StatusItem>, SyntaxError> {
        const ITEM: SyntaxError = SyntaxError::Expected("a STATUS item");
        let items = self.list(16, |parser| {
            let found = StatusItem::ALL
                .iter()
                .find(|(_, name)| parser.accept_word(name));
            found.map(|&(item, _)| item).ok_or(ITEM)
        })?;
        if items.is_empty() {
            return Err(ITEM);
        }
        Ok(items)
    }

    /// `["+" / "-"] "FLAGS" [".SILENT"]`
    fn store_action(&mut self) -> Result<(FlagAction, bool), SyntaxError> {
        let action = if self.accept(b'+') {
            FlagAction::Add
        } else if self.accept(b'-') {
            FlagAction::Remove
        } else {
            FlagAction::Replace
        };
        if self.accept_word("FLAGS.SILENT") {
            Ok((action, true))
        } else if self.accept_word("FLAGS") {
            Ok((action, false))
        } else {
            Err(SyntaxError::Expected("FLAGS"))
        }
    }

    /// `flag-list / (flag *(SP flag))`
    fn store_flags(&mut self) -> Result<FlagSet, SyntaxError> {
        if self.peek() == Some(b'(') {
            return self.flag_list();
        }
        let mut flags = vec![self.flag()?];
        while self.accept(b' ') && !self.is_done() {
            if flags.len() >= MAX_FLAGS {
                return Err(SyntaxError::TooMany);
            }
            flags.push(self.flag()?);
        }
        Ok(collect(flags))
    }

    fn flag_list(&mut self) -> Result<FlagSet, SyntaxError> {
        self.list(MAX_FLAGS, Self::flag).map(collect)
    }

    /// `flag`: a system flag, or a keyword.
    fn flag(&mut self) -> Result<Flag, SyntaxError> {
        const FLAG: SyntaxError = SyntaxError::Expected("a flag");
        if self.accept(b'\\') {
            let name = format!("\\{}", self.atom().map_err(|_| FLAG)?);
            // RFC 3501 §2.3.2: \Recent can not be altered by the client; asking for it is ignored.
            if name.eq_ignore_ascii_case("\\Recent") {
                return Ok(Flag::Recent);
            }
            return SystemFlag::parse(&name).map(Flag::System).ok_or(FLAG);
        }
        let word = self.take_while(is_atom_char);
        if word.is_empty() || word.len() > MAX_KEYWORD {
            return Err(FLAG);
        }
        Ok(Flag::Keyword(String::from_utf8_lossy(word).into_owned()))
    }
}

enum Flag {
    System(SystemFlag),
    Keyword(String),
    Recent,
}

fn collect(flags: Vec<Flag>) -> FlagSet {
    let mut bits = 0;
    let mut keywords = Vec::new();
    for flag in flags {
        match flag {
            Flag::System(flag) => bits |= flag as u8,
            Flag::Keyword(word) => keywords.push(word),
            Flag::Recent => {}
        }
    }
    FlagSet::new(bits, keywords)
}
