//! Statements in the common dialect, and lists of rows as one argument.
//!
//! A statement takes a list of rows, however long, as one JSON argument, so that there is one prepared statement for
//! every batch size. `{1: id i, path t}` in a template stands for a subquery with the columns `id` and `path` over the
//! JSON list of lists in `$1`. Types: `i` 64-bit, `n` 32-bit, `t` text. `{text: e}` stands for the UTF-8 text that the
//! bytes `e` are, `{joined: e}` for the bytes `e` of all rows, one after another. These are the places where the dialects differ, with
//! two that nobody has to think of: SQLite is given the rows of a list as JSONB, and a `LIMIT $n` that it does not look into.

use std::fmt::Write as _;
use std::sync::OnceLock;

/// Which SQL is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// A statement template, expanded once for each dialect.
#[derive(Debug)]
pub(crate) struct Sql {
    template: &'static str,
    sqlite: OnceLock<String>,
    postgres: OnceLock<String>,
}

impl Sql {
    pub(crate) const fn new(template: &'static str) -> Sql {
        Sql {
            template,
            sqlite: OnceLock::new(),
            postgres: OnceLock::new(),
        }
    }

    /// The text for a dialect.
    pub(crate) fn text(&'static self, dialect: Dialect) -> &'static str {
        let cell = match dialect {
            Dialect::Sqlite => &self.sqlite,
            Dialect::Postgres => &self.postgres,
        };
        cell.get_or_init(|| expand(self.template, dialect))
    }
}

fn expand(template: &str, dialect: Dialect) -> String {
    let mut out = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((rows, tail)) = after.split_once('}') else {
            break;
        };
        let (number, columns) = rows.split_once(':').unwrap_or((rows, ""));
        out.push_str(&match (number, dialect) {
            ("text", Dialect::Sqlite) => format!("CAST({columns} AS TEXT)"),
            ("text", Dialect::Postgres) => format!("convert_from({columns}, 'UTF8')"),
            // As what they are: SQLite takes octets for text here, and counts them.
            ("joined", Dialect::Sqlite) => format!("CAST(group_concat({columns}, '') AS BLOB)"),
            ("joined", Dialect::Postgres) => format!("string_agg({columns}, ''::bytea)"),
            _ => subquery(number, columns, dialect),
        });
        rest = tail;
    }
    out.push_str(rest);
    match dialect {
        Dialect::Sqlite => hide_limits(&out),
        Dialect::Postgres => out,
    }
}

/// SQLite plans with the value of a `LIMIT $n`: each time one is bound, the whole statement is compiled again. It does not with that of
/// an expression.
fn hide_limits(sql: &str) -> String {
    const LIMIT: &str = "LIMIT $";
    let mut out = String::with_capacity(sql.len() + 16);
    let mut rest = sql;
    while let Some((before, after)) = rest.split_once(LIMIT) {
        let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, tail) = after.split_at(digits);
        out.push_str(before);
        let _ = write!(out, "{LIMIT}{number} + 0");
        rest = tail;
    }
    out.push_str(rest);
    out
}

fn subquery(number: &str, columns: &str, dialect: Dialect) -> String {
    let columns: Vec<String> = columns
        .split(',')
        .enumerate()
        .map(|(i, column)| {
            let (name, kind) = column.trim().split_once(' ').unwrap_or((column, "t"));
            match (dialect, kind) {
                (Dialect::Postgres, "i") => format!("(value->>{i})::bigint AS {name}"),
                (Dialect::Postgres, "n") => format!("(value->>{i})::int AS {name}"),
                _ => format!("(value->>{i}) AS {name}"),
            }
        })
        .collect();
    let source = match dialect {
        // As text, each row would be printed and parsed again for each of its columns.
        Dialect::Sqlite => format!("jsonb_each(${number})"),
        Dialect::Postgres => format!("jsonb_array_elements(${number}::jsonb)"),
    };
    format!("(SELECT {} FROM {source})", columns.join(", "))
}

/// The text with every `$n` raised by `by`: statements joined into one string keep their own arguments.
pub(crate) fn shift_arguments(sql: &str, by: usize) -> String {
    let mut out = String::with_capacity(sql.len() + 16);
    let mut rest = sql;
    while let Some((before, after)) = rest.split_once('$') {
        let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, tail) = after.split_at(digits);
        out.push_str(before);
        let number: usize = number.parse().unwrap_or(0);
        let _ = write!(out, "${}", number + by);
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// A JSON list of lists under construction.
#[derive(Debug)]
pub(crate) struct Rows {
    text: String,
    rows: usize,
}

impl Default for Rows {
    fn default() -> Rows {
        Rows {
            text: String::from("["),
            rows: 0,
        }
    }
}

impl Rows {
    pub(crate) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Begins the next row; add its columns with `int` and `str`.
    pub(crate) fn row(&mut self) -> Row<'_> {
        self.text.push_str(if self.rows == 0 { "[" } else { ",[" });
        self.rows += 1;
        Row {
            rows: self,
            first: true,
        }
    }

    /// One column of numbers.
    pub(crate) fn of_ints(values: impl IntoIterator<Item = i64>) -> Rows {
        let mut rows = Rows::default();
        for value in values {
            rows.row().int(value);
        }
        rows
    }

    /// The JSON text.
    pub(crate) fn finish(mut self) -> String {
        self.text.push(']');
        self.text
    }
}

/// A row under construction; it ends when dropped.
pub(crate) struct Row<'a> {
    rows: &'a mut Rows,
    first: bool,
}

impl Row<'_> {
    fn separate(&mut self) {
        if !std::mem::take(&mut self.first) {
            self.rows.text.push(',');
        }
    }

    pub(crate) fn int(mut self, value: i64) -> Self {
        self.separate();
        let _ = write!(self.rows.text, "{value}");
        self
    }

    /// A text. NUL, which PostgreSQL has no text for, becomes U+FFFD.
    pub(crate) fn str(mut self, value: &str) -> Self {
        self.separate();
        let text = &mut self.rows.text;
        text.push('"');
        let mut plain = 0;
        for (at, byte) in value.bytes().enumerate() {
            if byte >= 0x20 && byte != b'"' && byte != b'\\' {
                continue;
            }
            text.push_str(value.get(plain..at).unwrap_or_default());
            match byte {
                0 => text.push('\u{fffd}'),
                b'"' => text.push_str("\\\""),
                b'\\' => text.push_str("\\\\"),
                other => {
                    let _ = write!(text, "\\u{other:04x}");
                }
            }
            plain = at + 1;
        }
        text.push_str(value.get(plain..).unwrap_or_default());
        text.push('"');
        self
    }
}

impl Drop for Row<'_> {
    fn drop(&mut self) {
        self.rows.text.push(']');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expands_rows_for_each_dialect() {
        static SQL: Sql = Sql::new("SELECT a FROM {2: a i, b t} AS r");
        assert_eq!(
            SQL.text(Dialect::Sqlite),
            "SELECT a FROM (SELECT (value->>0) AS a, (value->>1) AS b FROM jsonb_each($2)) AS r"
        );
        assert_eq!(
            SQL.text(Dialect::Postgres),
            "SELECT a FROM (SELECT (value->>0)::bigint AS a, (value->>1) AS b FROM jsonb_array_elements($2::jsonb)) AS r"
        );
        assert_eq!(shift_arguments("x $1, $12", 3), "x $4, $15");
    }

    #[test]
    fn sqlite_does_not_see_the_value_of_a_limit() {
        static SQL: Sql = Sql::new("SELECT a FROM b ORDER BY a LIMIT $12 OFFSET $3");
        assert_eq!(
            SQL.text(Dialect::Sqlite),
            "SELECT a FROM b ORDER BY a LIMIT $12 + 0 OFFSET $3"
        );
        assert!(SQL.text(Dialect::Postgres).ends_with("LIMIT $12 OFFSET $3"));
    }

    #[test]
    fn rows_are_json() {
        let mut rows = Rows::default();
        rows.row().int(-1).str("a\"b\\c\n\0é");
        rows.row().int(2).str("");
        let json: serde_json::Value = serde_json::from_str(&rows.finish()).unwrap();
        assert_eq!(
            json,
            serde_json::json!([[-1, "a\"b\\c\n\u{fffd}é"], [2, ""]])
        );
    }
}
