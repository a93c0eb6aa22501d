//! Commands as the client writes them.
//!
//! Standards: RFC 1939 §3 (keywords in any case, arguments after single spaces), §5, §7; RFC 2449 §5 (CAPA), RFC 2595 §4
//! (STLS), RFC 5034 §4 (AUTH), RFC 6856 §2.1 (UTF8).

/// A command that could be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command<'a> {
    Capa,
    Stls,
    Utf8,
    User(&'a str),
    Pass(&'a str),
    Auth {
        mechanism: &'a str,
        initial: Option<&'a str>,
    },
    Stat,
    List(Option<usize>),
    Uidl(Option<usize>),
    Retr(usize),
    Top {
        number: usize,
        lines: u64,
    },
    Dele(usize),
    Noop,
    Rset,
    Quit,
}

/// Why a line is no command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// No command has this keyword.
    Unknown,
    /// The keyword is known; this is how it is to be used.
    Usage(&'static str),
    /// RFC 1939 §3: commands are printable; names and passwords are taken as UTF-8.
    NotUtf8,
}

impl<'a> Command<'a> {
    /// Reads a line, without its CRLF.
    pub(crate) fn parse(line: &'a [u8]) -> Result<Self, Mistake> {
        let line = std::str::from_utf8(line).map_err(|_| Mistake::NotUtf8)?;
        let (keyword, rest) = match line.split_once(' ') {
            Some((keyword, rest)) => (keyword, Some(rest)),
            None => (line, None),
        };
        let mut upper = [0; 4];
        let Some(upper) = upper_case(keyword, &mut upper) else {
            return Err(Mistake::Unknown);
        };
        Self::with_arguments(upper, rest)
    }

    fn with_arguments(keyword: &[u8], rest: Option<&'a str>) -> Result<Self, Mistake> {
        Ok(match keyword {
            b"CAPA" => bare(rest, Command::Capa, "CAPA")?,
            b"STLS" => bare(rest, Command::Stls, "STLS")?,
            b"UTF8" => bare(rest, Command::Utf8, "UTF8")?,
            b"STAT" => bare(rest, Command::Stat, "STAT")?,
            b"NOOP" => bare(rest, Command::Noop, "NOOP")?,
            b"RSET" => bare(rest, Command::Rset, "RSET")?,
            b"QUIT" => bare(rest, Command::Quit, "QUIT")?,
            b"USER" => Command::User(some(rest, "USER name")?),
            // RFC 1939 §7: the whole rest is the password, spaces included.
            b"PASS" => Command::Pass(some(rest, "PASS password")?),
            b"AUTH" => auth(rest)?,
            b"LIST" => Command::List(optional_number(rest, "LIST [message]")?),
            b"UIDL" => Command::Uidl(optional_number(rest, "UIDL [message]")?),
            b"RETR" => Command::Retr(number(rest, "RETR message")?),
            b"DELE" => Command::Dele(number(rest, "DELE message")?),
            b"TOP" => top(rest)?,
            _ => return Err(Mistake::Unknown),
        })
    }
}

/// RFC 1939 §3: keywords are three or four characters, in any case.
fn upper_case<'b>(keyword: &str, buffer: &'b mut [u8; 4]) -> Option<&'b [u8]> {
    let upper = buffer.get_mut(..keyword.len())?;
    upper.copy_from_slice(keyword.as_bytes());
    upper.make_ascii_uppercase();
    Some(upper)
}

/// Trailing spaces are forgiven: clients send them.
fn trimmed(rest: Option<&str>) -> &str {
    rest.unwrap_or_default().trim_end_matches(' ')
}

fn bare<'a>(
    rest: Option<&str>,
    command: Command<'a>,
    usage: &'static str,
) -> Result<Command<'a>, Mistake> {
    if trimmed(rest).is_empty() {
        Ok(command)
    } else {
        Err(Mistake::Usage(usage))
    }
}

fn some<'a>(rest: Option<&'a str>, usage: &'static str) -> Result<&'a str, Mistake> {
    rest.filter(|rest| !rest.is_empty())
        .ok_or(Mistake::Usage(usage))
}

fn digits<T: std::str::FromStr>(text: &str) -> Option<T> {
    // `parse` alone would take a sign.
    text.bytes()
        .all(|octet| octet.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

fn number(rest: Option<&str>, usage: &'static str) -> Result<usize, Mistake> {
    digits(trimmed(rest)).ok_or(Mistake::Usage(usage))
}

fn optional_number(rest: Option<&str>, usage: &'static str) -> Result<Option<usize>, Mistake> {
    if trimmed(rest).is_empty() {
        Ok(None)
    } else {
        number(rest, usage).map(Some)
    }
}

fn top<'a>(rest: Option<&str>) -> Result<Command<'a>, Mistake> {
    const USAGE: Mistake = Mistake::Usage("TOP message lines");
    let (number, lines) = trimmed(rest).split_once(' ').ok_or(USAGE)?;
    Ok(Command::Top {
        number: digits(number).ok_or(USAGE)?,
        lines: digits(lines).ok_or(USAGE)?,
    })
}

/// RFC 5034 §4: `AUTH mechanism [initial-response]`.
fn auth(rest: Option<&str>) -> Result<Command<'_>, Mistake> {
    let text = some(rest, "AUTH mechanism [initial-response]")?.trim_end_matches(' ');
    Ok(match text.split_once(' ') {
        Some((mechanism, initial)) => Command::Auth {
            mechanism,
            initial: Some(initial),
        },
        None => Command::Auth {
            mechanism: text,
            initial: None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_of_any_case_and_spaces_may_trail() {
        assert_eq!(Command::parse(b"noop"), Ok(Command::Noop));
        assert_eq!(Command::parse(b"Stat  "), Ok(Command::Stat));
        assert_eq!(
            Command::parse(b"top 1 10"),
            Ok(Command::Top {
                number: 1,
                lines: 10
            })
        );
        assert_eq!(Command::parse(b"LIST "), Ok(Command::List(None)));
    }

    #[test]
    fn a_password_keeps_its_spaces() {
        assert_eq!(Command::parse(b"PASS  a b "), Ok(Command::Pass(" a b ")));
    }

    #[test]
    fn mistakes_are_told_apart() {
        assert_eq!(Command::parse(b""), Err(Mistake::Unknown));
        assert_eq!(Command::parse(b"RETRIEVE 1"), Err(Mistake::Unknown));
        assert_eq!(Command::parse(b"RETR"), Err(Mistake::Usage("RETR message")));
        assert_eq!(
            Command::parse(b"RETR +1"),
            Err(Mistake::Usage("RETR message"))
        );
        assert_eq!(
            Command::parse(b"RETR 99999999999999999999999"),
            Err(Mistake::Usage("RETR message"))
        );
        assert_eq!(
            Command::parse(b"TOP 1"),
            Err(Mistake::Usage("TOP message lines"))
        );
        assert_eq!(Command::parse(b"QUIT now"), Err(Mistake::Usage("QUIT")));
        assert_eq!(Command::parse(b"USER \xff"), Err(Mistake::NotUtf8));
    }
}
