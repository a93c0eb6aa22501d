//! A step's settings: the table in `policy.toml`, and the files it names, as one JSON document for the plugin.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Number, Value as Json};
use toml_edit::{Document, Item, TableLike, Value};

use super::ground::{Ground, kept};
use super::table::Table;
use super::{line_of, read_text, syntax};
use crate::problem::Problem;

/// Files that one pattern may name.
const MAX_FILES: usize = 1000;

/// What a policy was read from: a change of these is a change of the policy.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    /// Every file that was read.
    pub(crate) files: Vec<PathBuf>,
    /// The folders in which a file may appear that would be read too.
    pub(crate) folders: Vec<PathBuf>,
    /// What was read of them, `policy.toml` first, each by where a snapshot keeps it.
    pub(crate) texts: Vec<(PathBuf, Arc<str>)>,
    /// Where the policy was found.
    pub(crate) ground: Ground,
    /// The settings files as the policy calls them, with where they lie.
    pub(crate) named: Vec<(String, PathBuf)>,
    /// The patterns that name such files.
    pub(crate) patterns: Vec<Pattern>,
}

/// What settings files are called: a folder, and a name whose beginning and end are given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// The folder as the policy calls it, with its slash.
    folder: String,
    place: PathBuf,
    before: String,
    after: String,
}

impl Pattern {
    /// Where a file of this name lies, or would lie. A name is plain: it leads nowhere else, and is not hidden.
    pub(crate) fn path_of(&self, name: &str) -> Option<PathBuf> {
        let last = name.strip_prefix(self.folder.as_str())?;
        let plain =
            |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.');
        (last.bytes().all(plain) && self.fits(last)).then(|| self.place.join(last))
    }

    /// Hidden files (editors leave such) are not meant.
    fn fits(&self, last: &str) -> bool {
        !last.starts_with('.')
            && last.len() >= self.before.len() + self.after.len()
            && last.starts_with(self.before.as_str())
            && last.ends_with(self.after.as_str())
    }
}

/// Settings as the plugin gets them, and where each of them is written. Equal if the plugin gets the same.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    json: Arc<str>,
    policy: Source,
    files: Vec<Source>,
}

impl PartialEq for Settings {
    fn eq(&self, other: &Self) -> bool {
        self.json == other.json
    }
}

/// Where settings are written.
#[derive(Clone, Debug)]
struct Source {
    path: PathBuf,
    /// The lines of the values, as JSON Pointers relative to this source.
    lines: Arc<[(String, usize)]>,
    /// The line of the whole.
    line: Option<usize>,
}

impl Settings {
    /// The JSON document.
    pub(crate) fn json(&self) -> &str {
        &self.json
    }

    /// Whether they are read from a file, among others.
    pub(crate) fn has_file(&self, path: &Path) -> bool {
        self.files.iter().any(|file| file.path == path)
    }

    /// The problem that a plugin reports at a JSON Pointer, told where the setting is written.
    pub(crate) fn locate(&self, pointer: &str, text: &str) -> Problem {
        let (source, inner) = match within_files(pointer) {
            Some((place, inner)) => (self.files.get(place).unwrap_or(&self.policy), inner),
            None => (&self.policy, pointer),
        };
        Problem::new(&source.path, source.line_of(inner), text)
    }

    /// The settings that a file holds: what would stand below `[step.settings]`.
    pub(crate) fn of_file(path: &Path) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let file = Named {
            name: String::new(),
            path: path.to_owned(),
            kept: PathBuf::new(),
        };
        match read_file(&file, &mut Inputs::default(), &mut problems) {
            Some((source, content)) if problems.is_empty() => Ok(Self {
                json: Json::Object(content).to_string().into(),
                policy: source,
                files: Vec::new(),
            }),
            _ => Err(problems),
        }
    }

    /// Settings that stand nowhere; `place` is where problems are said to be.
    pub(crate) fn of_value(place: &Path, settings: &toml::Value) -> Self {
        let json = serde_json::to_value(settings).unwrap_or_default();
        Self {
            json: json.to_string().into(),
            policy: Source {
                path: place.to_owned(),
                lines: Arc::default(),
                line: None,
            },
            files: Vec::new(),
        }
    }

    /// Reads `settings` and `settings-files` of a step.
    pub(super) fn read(
        table: &mut Table<'_>,
        inputs: &mut Inputs,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut lines = Vec::new();
        let mut json = Map::new();
        let mut line = table.line();
        if let Some(item) = table.item("settings") {
            line = item
                .span()
                .map_or(line, |span| line_of(table.text, span.start));
            match item.as_table_like() {
                Some(settings) => {
                    let mut reader = Reader {
                        path: table.path,
                        line_ends: line_ends(table.text),
                        lines: &mut lines,
                        problems,
                    };
                    json = reader.table(settings, "");
                }
                None => problems.push(table.problem("settings", "`settings` must be a table")),
            }
        }
        let patterns = table.texts("settings-files", problems);
        let mut files = Vec::new();
        if let Some(patterns) = patterns {
            let mut members = Vec::new();
            for file in expand(table, &patterns, inputs, problems) {
                inputs.named.push((file.name.clone(), file.path.clone()));
                if let Some((source, content)) = read_file(&file, inputs, problems) {
                    members.push(Json::Object(Map::from_iter([
                        ("name".to_owned(), Json::String(file.name)),
                        ("content".to_owned(), Json::Object(content)),
                    ])));
                    files.push(source);
                }
                inputs.files.push(file.path);
            }
            json.insert("files".to_owned(), Json::Array(members));
        }
        Self {
            json: Json::Object(json).to_string().into(),
            policy: Source {
                path: table.path.to_owned(),
                lines: lines.into(),
                line: Some(line),
            },
            files,
        }
    }
}

impl Source {
    /// The line of the value at a pointer, or of the nearest value that holds it.
    fn line_of(&self, pointer: &str) -> Option<usize> {
        let mut pointer = pointer;
        loop {
            if let Some((_, line)) = self.lines.iter().find(|(known, _)| known == pointer) {
                return Some(*line);
            }
            match pointer.rsplit_once('/') {
                Some((outer, _)) if !outer.is_empty() => pointer = outer,
                _ => return self.line,
            }
        }
    }
}

/// `/files/N/content/rest` as `N` and `/rest`.
fn within_files(pointer: &str) -> Option<(usize, &str)> {
    let rest = pointer.strip_prefix("/files/")?;
    let (place, inner) = rest.split_once('/').unwrap_or((rest, ""));
    Some((
        place.parse().ok()?,
        inner.strip_prefix("content").unwrap_or(""),
    ))
}

/// A settings file that a policy names.
struct Named {
    /// As the policy calls it.
    name: String,
    path: PathBuf,
    /// Where a snapshot of the policy keeps it.
    kept: PathBuf,
}

fn read_file(
    file: &Named,
    inputs: &mut Inputs,
    problems: &mut Vec<Problem>,
) -> Option<(Source, Map<String, Json>)> {
    let path = file.path.as_path();
    let draft = inputs.ground.draft().filter(|draft| draft.path == path);
    let text = match draft.map_or_else(|| read_text(path), |draft| Ok(draft.text.clone())) {
        Ok(text) => text,
        Err(problem) => {
            problems.push(problem);
            return None;
        }
    };
    inputs
        .texts
        .push((file.kept.clone(), Arc::from(text.as_str())));
    let document = match Document::parse(text.as_str()) {
        Ok(document) => document,
        Err(error) => {
            problems.push(syntax(path, &text, &error));
            return None;
        }
    };
    let mut lines = Vec::new();
    let mut reader = Reader {
        path,
        line_ends: line_ends(&text),
        lines: &mut lines,
        problems,
    };
    let content = reader.table(document.as_table(), "");
    Some((
        Source {
            path: path.to_owned(),
            lines: lines.into(),
            line: None,
        },
        content,
    ))
}

/// The files that patterns name, relative to the policy file. A pattern is a path whose last part may hold one `*`;
/// hidden files (editors leave such) are not meant by it.
fn expand(
    table: &Table<'_>,
    patterns: &[&str],
    inputs: &mut Inputs,
    problems: &mut Vec<Problem>,
) -> Vec<Named> {
    let base = table.path.parent().unwrap_or(Path::new(""));
    let mut found = Vec::new();
    for pattern in patterns {
        let begin = pattern.rfind('/').map_or(0, |slash| slash + 1);
        let (folder, last) = pattern.split_at_checked(begin).unwrap_or(("", pattern));
        let place = inputs.ground.folder(base, folder);
        let named = |name: &str| Named {
            name: format!("{folder}{name}"),
            path: place.join(name),
            kept: kept(folder).join(name),
        };
        let Some((before, after)) = last.split_once('*') else {
            found.push(named(last));
            continue;
        };
        inputs.folders.push(place.clone());
        let pattern_of = Pattern {
            folder: folder.to_owned(),
            place: place.clone(),
            before: before.to_owned(),
            after: after.to_owned(),
        };
        let mut names: Vec<String> = match std::fs::read_dir(&place) {
            Ok(entries) => entries
                .flatten()
                .filter_map(|entry| entry.file_name().into_string().ok())
                .collect(),
            Err(error) => {
                problems.push(table.problem(
                    "settings-files",
                    format!("the folder of `{pattern}` cannot be read: {error}"),
                ));
                continue;
            }
        };
        if let Some(draft) = inputs.ground.draft()
            && draft.path.parent() == Some(place.as_path())
            && let Some(name) = draft.path.file_name().and_then(|name| name.to_str())
        {
            names.push(name.to_owned());
        }
        names.retain(|name| pattern_of.fits(name));
        names.sort();
        names.dedup();
        inputs.patterns.push(pattern_of);
        if names.len() > MAX_FILES {
            problems.push(table.problem(
                "settings-files",
                format!("`{pattern}` names more than {MAX_FILES} files"),
            ));
            names.truncate(MAX_FILES);
        }
        found.extend(names.iter().map(|name| named(name)));
    }
    found
}

/// Turns TOML into JSON and notes the line of each value.
struct Reader<'a> {
    path: &'a Path,
    /// Where the lines end, so that each value finds its own without reading from the top.
    line_ends: Vec<usize>,
    lines: &'a mut Vec<(String, usize)>,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    fn table(&mut self, table: &dyn TableLike, at: &str) -> Map<String, Json> {
        let mut json = Map::new();
        for (key, item) in table.iter() {
            // RFC 6901 §3.
            let pointer = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
            let value = self.item(item, &pointer);
            json.insert(key.to_owned(), value);
        }
        json
    }

    fn item(&mut self, item: &Item, at: &str) -> Json {
        self.note(item.span(), at);
        match item {
            Item::None => Json::Null,
            Item::Value(value) => self.value(value, at),
            Item::Table(table) => Json::Object(self.table(table, at)),
            Item::ArrayOfTables(tables) => {
                let mut rows = Vec::new();
                for (place, table) in tables.iter().enumerate() {
                    let pointer = format!("{at}/{place}");
                    self.note(table.span(), &pointer);
                    rows.push(Json::Object(self.table(table, &pointer)));
                }
                Json::Array(rows)
            }
        }
    }

    fn value(&mut self, value: &Value, at: &str) -> Json {
        match value {
            Value::String(text) => Json::String(text.value().clone()),
            Value::Integer(number) => Json::Number((*number.value()).into()),
            Value::Float(number) => match Number::from_f64(*number.value()) {
                Some(number) => Json::Number(number),
                None => {
                    let line = value.span().map(|span| self.line_of(span.start));
                    self.problems
                        .push(Problem::new(self.path, line, "a number must be finite"));
                    Json::Null
                }
            },
            Value::Boolean(truth) => Json::Bool(*truth.value()),
            Value::Datetime(time) => Json::String(time.value().to_string()),
            Value::Array(array) => {
                let mut values = Vec::new();
                for (place, value) in array.iter().enumerate() {
                    let pointer = format!("{at}/{place}");
                    self.note(value.span(), &pointer);
                    values.push(self.value(value, &pointer));
                }
                Json::Array(values)
            }
            Value::InlineTable(table) => Json::Object(self.table(table, at)),
        }
    }

    fn note(&mut self, span: Option<Range<usize>>, at: &str) {
        if let Some(span) = span {
            let line = self.line_of(span.start);
            self.lines.push((at.to_owned(), line));
        }
    }

    fn line_of(&self, offset: usize) -> usize {
        self.line_ends.partition_point(|end| *end < offset) + 1
    }
}

fn line_ends(text: &str) -> Vec<usize> {
    text.bytes()
        .enumerate()
        .filter(|(_, octet)| *octet == b'\n')
        .map(|(place, _)| place)
        .collect()
}
