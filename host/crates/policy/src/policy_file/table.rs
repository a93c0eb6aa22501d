//! A table of TOML that is read key by key, every mistake with its line.

use std::ops::{Range, RangeInclusive};
use std::path::Path;

use toml_edit::{Item, TableLike, Value};

use super::line_of;
use crate::problem::Problem;

/// A table while it is read. What was not asked for by the time of [`Table::finish`] is unknown.
pub(super) struct Table<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
    what: &'static str,
    table: &'a dyn TableLike,
    line: usize,
    known: Vec<&'static str>,
}

impl<'a> Table<'a> {
    pub(super) fn new(
        path: &'a Path,
        text: &'a str,
        table: &'a toml_edit::Table,
        what: &'static str,
    ) -> Self {
        Self::over(path, text, table, table.span(), what)
    }

    fn over(
        path: &'a Path,
        text: &'a str,
        table: &'a dyn TableLike,
        span: Option<Range<usize>>,
        what: &'static str,
    ) -> Self {
        let line = span.map_or(1, |span| line_of(text, span.start));
        Self {
            path,
            text,
            what,
            table,
            line,
            known: Vec::new(),
        }
    }

    /// The line where the table begins.
    pub(super) fn line(&self) -> usize {
        self.line
    }

    /// The item of a key.
    pub(super) fn item(&mut self, key: &'static str) -> Option<&'a Item> {
        self.known.push(key);
        self.table.get(key).filter(|item| !item.is_none())
    }

    /// The line of a key of this table, or of the table itself where it is not written.
    pub(super) fn line_of(&self, key: &str) -> usize {
        let span = self.table.get(key).and_then(Item::span);
        span.map_or(self.line, |span| line_of(self.text, span.start))
    }

    /// A problem at the line of a key of this table, or of the table itself.
    pub(super) fn problem(&self, key: &str, text: impl Into<String>) -> Problem {
        Problem::new(self.path, Some(self.line_of(key)), text)
    }

    /// A key's text.
    pub(super) fn text(
        &mut self,
        key: &'static str,
        problems: &mut Vec<Problem>,
    ) -> Option<&'a str> {
        let item = self.item(key)?;
        let text = item.as_str();
        if text.is_none() {
            problems.push(self.problem(key, format!("`{key}` must be a text in quotes")));
        }
        text
    }

    /// A key's truth value.
    pub(super) fn truth(&mut self, key: &'static str, problems: &mut Vec<Problem>) -> Option<bool> {
        let item = self.item(key)?;
        let truth = item.as_bool();
        if truth.is_none() {
            problems.push(self.problem(key, format!("`{key}` must be true or false")));
        }
        truth
    }

    /// A key's whole number within bounds.
    pub(super) fn number(
        &mut self,
        key: &'static str,
        within: Range<u64>,
        problems: &mut Vec<Problem>,
    ) -> Option<u64> {
        let item = self.item(key)?;
        let number = item
            .as_integer()
            .and_then(|number| u64::try_from(number).ok())
            .filter(|number| within.contains(number));
        if number.is_none() {
            let text = format!(
                "`{key}` must be a whole number from {} to {}",
                within.start,
                within.end - 1
            );
            problems.push(self.problem(key, text));
        }
        number
    }

    /// A key's number within bounds.
    pub(super) fn decimal(
        &mut self,
        key: &'static str,
        within: RangeInclusive<f64>,
        problems: &mut Vec<Problem>,
    ) -> Option<f64> {
        let item = self.item(key)?;
        #[expect(
            clippy::cast_precision_loss,
            reason = "what is beyond 2^53 is out of bounds"
        )]
        let number = item
            .as_float()
            .or_else(|| item.as_integer().map(|number| number as f64))
            .filter(|number| within.contains(number));
        if number.is_none() {
            let text = format!(
                "`{key}` must be a number from {} to {}",
                within.start(),
                within.end()
            );
            problems.push(self.problem(key, text));
        }
        number
    }

    /// A key's list of texts.
    pub(super) fn texts(
        &mut self,
        key: &'static str,
        problems: &mut Vec<Problem>,
    ) -> Option<Vec<&'a str>> {
        let item = self.item(key)?;
        let texts = item
            .as_array()
            .and_then(|array| array.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
        if texts.is_none() {
            problems.push(self.problem(
                key,
                format!("`{key}` must be a list of texts, such as [\"one\", \"two\"]"),
            ));
        }
        texts
    }

    /// A key's table.
    pub(super) fn table(
        &mut self,
        key: &'static str,
        what: &'static str,
        problems: &mut Vec<Problem>,
    ) -> Option<Table<'a>> {
        let item = self.item(key)?;
        let Some(table) = item.as_table_like() else {
            problems.push(self.problem(key, format!("`{key}` must be a table")));
            return None;
        };
        Some(Table::over(self.path, self.text, table, item.span(), what))
    }

    /// The tables of a key that is written `[[key]]`.
    pub(super) fn tables(
        &mut self,
        key: &'static str,
        problems: &mut Vec<Problem>,
    ) -> Vec<Table<'a>> {
        let Some(item) = self.item(key) else {
            return Vec::new();
        };
        let Some(tables) = item.as_array_of_tables() else {
            problems.push(self.problem(key, format!("`{key}` must be written as [[{key}]]")));
            return Vec::new();
        };
        tables
            .iter()
            .map(|table| Table::new(self.path, self.text, table, "a step"))
            .collect()
    }

    /// Every key with its item.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a str, &'a Item)> + use<'a> {
        self.table.iter()
    }

    /// Tells of keys that nobody asked for.
    pub(super) fn finish(self, problems: &mut Vec<Problem>) {
        for (key, _) in self.table.iter() {
            if !self.known.contains(&key) {
                let text = format!(
                    "unknown key `{key}` in {}; known are {}",
                    self.what,
                    self.known.join(", ")
                );
                problems.push(self.problem(key, text));
            }
        }
    }
}
