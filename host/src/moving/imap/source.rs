//! An account of another server as a source.

use std::collections::HashMap;
use std::{io, mem};

use waxwing_imap::utf7;
use waxwing_store::Flags;

use super::super::filling::spooling;
use super::super::{
    Contents, Filling, Folder, LeftOut, Marks, Message, Source, Spool, dates, item,
};
use super::connection::{Connection, Ended, quoted};
use super::response::Value;
use super::{Server, date};
use crate::admin::Failure;
use crate::admin::mail::{BATCH, BATCH_OCTETS};

const FLAGS: [(&str, Flags); 5] = [
    ("\\Answered", Flags::ANSWERED),
    ("\\Deleted", Flags::DELETED),
    ("\\Draft", Flags::DRAFT),
    ("\\Flagged", Flags::FLAGGED),
    ("\\Seen", Flags::SEEN),
];

/// An account there.
pub(crate) struct ImapSource {
    connection: Connection,
    /// What the account is, for items.
    place: String,
    names: Names,
}

/// How names there become paths.
#[derive(Debug, Default)]
struct Names {
    /// What the user's own mailboxes begin with, apart from INBOX (RFC 2342 §5).
    own: String,
    /// What mailboxes of others begin with.
    others: Vec<String>,
}

/// A message there, without its content.
#[derive(Debug, Default)]
struct Row {
    uid: u32,
    marks: Marks,
    date: Option<(i64, i16)>,
    octets: Option<u64>,
    content: Option<Spool>,
}

/// A mailbox that is open.
struct Examined {
    validity: String,
    rows: Vec<Row>,
    /// Why there are messages that are not among the rows.
    unlisted: Option<String>,
}

impl ImapSource {
    /// Logs in.
    pub(crate) fn open(server: &Server) -> Result<Self, Failure> {
        Ok(Self {
            connection: Connection::open(server)?,
            place: format!("{}:{} {}", server.host, server.port, server.user),
            names: Names::default(),
        })
    }

    /// LIST or LSUB: names as they are there, and the paths that they become.
    fn list(&mut self, command: &str) -> Result<(Vec<Folder>, Ended), Failure> {
        let names = mem::take(&mut self.names);
        let mut folders = Vec::new();
        let listed = self
            .connection
            .attempt(&format!("{command} \"\" \"*\""), |mut values| {
                if let [kind, attributes, separator, name] = values.as_mut_slice()
                    && kind.text().eq_ignore_ascii_case(command)
                {
                    let dead = |attribute: &mut Value| {
                        let text = attribute.text().to_ascii_lowercase();
                        matches!(text.as_str(), "\\noselect" | "\\nonexistent")
                    };
                    let (separator, name) = (separator.text(), name.text());
                    if !attributes.members().iter_mut().any(dead)
                        && let Some(path) = names.path(&name, &separator)
                    {
                        folders.push(Folder { path, place: name });
                    }
                }
                Ok(())
            });
        self.names = names;
        listed.map(|ended| (folders, ended))
    }

    fn namespace(&mut self) -> Result<(), Failure> {
        let mut names = Names::default();
        self.connection.command("NAMESPACE", |mut values| {
            if let [kind, own, users, shared] = values.as_mut_slice()
                && kind.text().eq_ignore_ascii_case("NAMESPACE")
            {
                names.own = prefixes(own).into_iter().next().unwrap_or_default();
                names.others = [prefixes(users), prefixes(shared)].concat();
            }
            Ok(())
        })?;
        names.others.retain(|prefix| !prefix.is_empty());
        self.names = names;
        Ok(())
    }

    /// Opens a mailbox to read; or why it cannot be read.
    fn examine(&mut self, folder: &Folder) -> Result<Result<Examined, String>, Failure> {
        let name = quoted(&folder.place);
        let mut exists = 0_usize;
        let examine = format!("EXAMINE {name}");
        let ended = self.connection.attempt(&examine, |mut values| {
            if let [number, kind] = values.as_mut_slice()
                && kind.text().eq_ignore_ascii_case("EXISTS")
            {
                exists = number.text().parse().unwrap_or(0);
            }
            Ok(())
        })?;
        if let Ended::Refused(text) = ended {
            return Ok(Err(text));
        }
        let mut validity = String::new();
        let status = format!("STATUS {name} (UIDVALIDITY)");
        let _refused_without_one = self.connection.attempt(&status, |mut values| {
            // Other news may come between.
            if let [kind, _, items] = values.as_mut_slice()
                && kind.text().eq_ignore_ascii_case("STATUS")
                && let [name, number] = items.members()
                && name.text().eq_ignore_ascii_case("UIDVALIDITY")
            {
                validity = number.text();
            }
            Ok(())
        })?;
        if validity.is_empty() {
            let why = "the server tells no UIDVALIDITY, by which messages are known again";
            return Ok(Err(why.to_owned()));
        }
        let (rows, unlisted) = match exists {
            0 => (Vec::new(), None),
            exists => self.rows(exists)?,
        };
        Ok(Ok(Examined {
            validity,
            rows,
            unlisted,
        }))
    }

    /// All messages of the open mailbox, of which there are so many; and, if there are fewer, why.
    fn rows(&mut self, exists: usize) -> Result<(Vec<Row>, Option<String>), Failure> {
        let (mut rows, mut gone) = (Vec::new(), 0);
        let command = "UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)";
        let ended = self.connection.attempt(command, |mut values| {
            if let [_, kind] = values.as_mut_slice()
                && kind.text().eq_ignore_ascii_case("EXPUNGE")
            {
                gone += 1;
            }
            rows.extend(Row::read(values).filter(|row| row.uid > 0 && row.is_asked_for()));
            Ok(())
        })?;
        rows.sort_by_key(|row: &Row| row.uid);
        rows.dedup_by_key(|row| row.uid);
        let missing = exists.saturating_sub(rows.len() + gone);
        let unlisted = match ended {
            Ended::Refused(text) => Some(text),
            Ended::Done if missing > 0 => Some(format!(
                "the server lists {} of {exists} messages",
                rows.len()
            )),
            Ended::Done => None,
        };
        Ok((rows, unlisted))
    }

    /// Fetches some messages and puts them into the account. Those that do not come with the others are asked for alone.
    fn fetch(
        &mut self,
        folder: &Folder,
        rows: &mut HashMap<u32, (Row, String)>,
        into: &mut Filling<'_>,
    ) -> Result<(), Failure> {
        self.ask(folder, rows, into)?;
        let mut left: Vec<u32> = rows.keys().copied().collect();
        left.sort_unstable();
        for uid in left {
            let Some(row) = rows.remove(&uid) else {
                continue;
            };
            let mut one = HashMap::from([(uid, row)]);
            let ended = self.ask(folder, &mut one, into)?;
            if !one.is_empty() {
                let why = match ended {
                    Ended::Refused(text) => text,
                    Ended::Done => "the server does not send it".to_owned(),
                };
                into.leave_out(&format!("UID {uid} of {:?}", folder.path), &why);
            }
        }
        Ok(())
    }

    /// Asks for some messages; those that come are taken out.
    fn ask(
        &mut self,
        folder: &Folder,
        rows: &mut HashMap<u32, (Row, String)>,
        into: &mut Filling<'_>,
    ) -> Result<Ended, Failure> {
        let mut uids: Vec<u32> = rows.keys().copied().collect();
        uids.sort_unstable();
        let set: Vec<String> = uids.iter().map(u32::to_string).collect();
        let command = format!("UID FETCH {} (UID BODY.PEEK[])", set.join(","));
        self.connection.attempt(&command, |values| {
            let Some(found) = Row::read(values) else {
                return Ok(());
            };
            let (Some(content), Some((row, item))) = (found.content, rows.remove(&found.uid))
            else {
                return Ok(());
            };
            let name = format!("UID {} of {:?}", row.uid, folder.path);
            let message = row.message(item, content);
            into.take(&name, message.map_err(|error| spooling(&error))?)
        })
    }
}

/// The prefixes of a kind of namespace: `(("INBOX." ".")("#mh/" "/"))` (RFC 2342 §5).
fn prefixes(namespaces: &mut Value) -> Vec<String> {
    let namespaces = namespaces.members().iter_mut();
    let prefix = |namespace: &mut Value| Some(namespace.members().first_mut()?.text());
    namespaces.filter_map(prefix).collect()
}

impl Names {
    /// The path of a mailbox; none if it is somebody else's.
    fn path(&self, name: &str, separator: &str) -> Option<String> {
        if name.eq_ignore_ascii_case("INBOX") {
            return Some("INBOX".to_owned());
        }
        if self.others.iter().any(|prefix| name.starts_with(prefix)) {
            return None;
        }
        let own = name
            .strip_prefix(self.own.as_str())
            .filter(|own| !own.is_empty())
            .unwrap_or(name);
        // RFC 3501 §5.1.3; some servers have UTF-8.
        let text =
            |level: &str| utf7::decode(level.as_bytes()).unwrap_or_else(|_| level.to_owned());
        if separator.is_empty() || separator.eq_ignore_ascii_case("NIL") {
            return Some(text(own).replace('/', "_"));
        }
        let levels: Vec<String> = own
            .split(separator)
            .map(|level| text(level).replace('/', "_"))
            .collect();
        Some(levels.join("/"))
    }
}

impl Row {
    /// Whether it was asked for: news of flags that others changed have neither a date nor a size.
    fn is_asked_for(&self) -> bool {
        self.date.is_some() || self.octets.is_some()
    }

    /// The message with its content. Lines end with CRLF in IMAP, whatever they did where it came from.
    fn message(self, item: String, mut content: Spool) -> io::Result<Message> {
        let (date, offset) = match self.date {
            Some(date) => date,
            None => (dates::of(&mut content)?.unwrap_or_default(), 0),
        };
        Ok(Message {
            item,
            marks: self.marks,
            date,
            offset,
            verbatim: false,
            content,
        })
    }

    /// A FETCH response; none if it is another one.
    fn read(mut values: Vec<Value>) -> Option<Self> {
        let [_, kind, Value::List(items)] = values.as_mut_slice() else {
            return None;
        };
        if !kind.text().eq_ignore_ascii_case("FETCH") {
            return None;
        }
        let mut row = Self::default();
        let mut items = mem::take(items).into_iter();
        while let (Some(mut name), Some(mut value)) = (items.next(), items.next()) {
            match name.text().to_ascii_uppercase().as_str() {
                "UID" => row.uid = value.text().parse().ok()?,
                "FLAGS" => row.marks = marks(value.members()),
                "INTERNALDATE" => row.date = date::internal_date(&value.text()),
                "RFC822.SIZE" => row.octets = value.text().parse().ok(),
                "BODY[]" => row.content = content(value),
                _ => {}
            }
        }
        Some(row)
    }
}

fn content(value: Value) -> Option<Spool> {
    match value {
        Value::Literal(spool) => Some(spool),
        Value::Quoted(octets) => Spool::of(&mut octets.as_slice()).ok(),
        Value::Atom(_) | Value::List(_) => None,
    }
}

fn marks(flags: &mut [Value]) -> Marks {
    let mut marks = Marks::default();
    for flag in flags {
        let flag = flag.text();
        match FLAGS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(&flag))
        {
            Some((_, flag)) => marks.flag(*flag),
            None => marks.keyword(&flag),
        }
    }
    marks
}

impl Source for ImapSource {
    fn open(&mut self) -> Result<Contents, Failure> {
        if self.connection.can("NAMESPACE") {
            self.namespace()?;
        }
        let (mut folders, listed) = self.list("LIST")?;
        if let Ended::Refused(text) = listed {
            return Err(Failure::data(format!(
                "the server lists no mailboxes: {text}"
            )));
        }
        // Two mailboxes there may become one here: `INBOX` and `INBOX.INBOX`, where `INBOX.` is the prefix of one's own.
        folders.sort_by(|a, b| a.place.cmp(&b.place));
        folders.dedup_by(|a, b| a.place == b.place);
        folders.sort_by(|a, b| (a.path != "INBOX", &a.path).cmp(&(b.path != "INBOX", &b.path)));
        let (subscribed, listed) = self.list("LSUB")?;
        let left_out = match listed {
            Ended::Done => None,
            Ended::Refused(why) => Some(LeftOut {
                path: String::new(),
                name: "the subscriptions".to_owned(),
                why,
            }),
        };
        Ok(Contents {
            folders,
            subscriptions: subscribed.into_iter().map(|folder| folder.path).collect(),
            left_out: left_out.into_iter().collect(),
        })
    }

    fn bring(&mut self, folder: &Folder, into: &mut Filling<'_>) -> Result<(), Failure> {
        let Examined {
            validity,
            rows,
            unlisted,
        } = match self.examine(folder)? {
            Ok(examined) => examined,
            Err(why) => {
                into.leave_out(&format!("folder {:?}", folder.path), &why);
                return Ok(());
            }
        };
        if let Some(why) = unlisted {
            into.leave_out(&format!("messages of {:?}", folder.path), &why);
        }
        let name = |row: &Row| {
            item(&[
                b"imap",
                self.place.as_bytes(),
                folder.place.as_bytes(),
                validity.as_bytes(),
                &row.uid.to_be_bytes(),
            ])
        };
        let items: Vec<String> = rows.iter().map(name).collect();
        into.begin(folder, rows.len());
        let wanted = into.wanted(&items)?;
        let mut rows: Vec<Option<(Row, String)>> = rows.into_iter().zip(items).map(Some).collect();
        let (mut batch, mut octets) = (HashMap::new(), 0);
        for place in wanted {
            let Some((row, item)) = rows.get_mut(place).and_then(Option::take) else {
                continue;
            };
            let size = row.octets.unwrap_or_default();
            if let Some(why) = into.too_large(size) {
                into.leave_out(&format!("UID {} of {:?}", row.uid, folder.path), &why);
                continue;
            }
            if !batch.is_empty() && (batch.len() >= BATCH || octets + size > BATCH_OCTETS) {
                self.fetch(folder, &mut batch, into)?;
                batch.clear();
                octets = 0;
            }
            octets += size;
            batch.insert(row.uid, (row, item));
        }
        if !batch.is_empty() {
            self.fetch(folder, &mut batch, into)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_paths() {
        let names = Names {
            own: "INBOX.".into(),
            others: vec!["user.".into()],
        };
        for (name, path) in [
            ("inbox", Some("INBOX")),
            ("INBOX.Work.Old", Some("Work/Old")),
            ("INBOX.Entw&APw-rfe", Some("Entwürfe")),
            ("INBOX.a/b", Some("a_b")),
            ("Elsewhere", Some("Elsewhere")),
            ("user.bob", None),
        ] {
            assert_eq!(names.path(name, ".").as_deref(), path, "{name}");
        }
        assert_eq!(Names::default().path("a/b", "/").as_deref(), Some("a/b"));
        assert_eq!(Names::default().path("a/b", "NIL").as_deref(), Some("a_b"));
    }
}
