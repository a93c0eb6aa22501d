//! The body of an email that is created: `bodyStructure`, or `textBody`, `htmlBody` and `attachments` (RFC 8621 §4.1.4, §4.6).

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::compose::{Content, Part, Property, clean, folded, is_header, parameter};
use super::draft::{Fields, Wrong, multipart};
use crate::id::{BlobId, ContentId, is_id};

const STRUCTURE: &str = "bodyStructure";
const TEXT: &str = "textBody";
const HTML: &str = "htmlBody";
const ATTACHMENTS: &str = "attachments";
const VALUES: &str = "bodyValues";

/// Takes the properties of the body out of an object.
pub(super) fn take(object: &mut Map<String, Value>) -> Map<String, Value> {
    let names = [STRUCTURE, TEXT, HTML, ATTACHMENTS, VALUES];
    let found = names.into_iter().filter_map(|name| {
        let value = object.remove(name).filter(|value| !value.is_null())?;
        Some((name.to_owned(), value))
    });
    found.collect()
}

/// The tree of parts, and the ids of the blobs in it; `above` are the fields of the email, in lower case.
pub(super) fn read(
    properties: &Map<String, Value>,
    above: &BTreeSet<String>,
    wrong: &mut Wrong,
) -> (Part, Vec<String>) {
    let values = values(properties.get(VALUES), wrong);
    let mut reader = Reader {
        values,
        above,
        blobs: Vec::new(),
    };
    let Some(structure) = properties.get(STRUCTURE) else {
        let part = reader.of_lists(properties, wrong);
        return (part, reader.blobs);
    };
    for name in [TEXT, HTML, ATTACHMENTS] {
        if properties.contains_key(name) {
            wrong.add(name, "the structure of the body is given as a whole");
        }
    }
    let root = reader.part(structure, Expected::Any, true);
    let root = root.unwrap_or_else(|text| {
        wrong.add(STRUCTURE, text);
        empty()
    });
    (root, reader.blobs)
}

fn empty() -> Part {
    Part {
        kind: "text/plain".into(),
        fields: String::new(),
        content: Content::Text(String::new()),
    }
}

/// The texts of `bodyValues` by their names.
fn values(values: Option<&Value>, wrong: &mut Wrong) -> Map<String, Value> {
    let mut texts = Map::new();
    let Some(values) = values else {
        return texts;
    };
    for (name, value) in values.as_object().into_iter().flatten() {
        match body_value(value) {
            Some(text) => {
                texts.insert(name.clone(), text.into());
            }
            None => wrong.add(VALUES, "a value has a text, which is whole"),
        }
    }
    if !values.is_object() {
        wrong.add(VALUES, "it is an object");
    }
    texts
}

/// The text of an EmailBodyValue. RFC 8621 §4.6: one that is not whole is not one to be sent.
fn body_value(value: &Value) -> Option<&str> {
    let members = value.as_object()?;
    let known = ["value", "isEncodingProblem", "isTruncated"];
    let unset = |name: &str| {
        matches!(
            members.get(name),
            None | Some(Value::Null | Value::Bool(false))
        )
    };
    let known = members.keys().all(|name| known.contains(&name.as_str()));
    let whole = known && unset("isEncodingProblem") && unset("isTruncated");
    members.get("value")?.as_str().filter(|_| whole)
}

/// What a part is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Any,
    /// A leaf of this type.
    Leaf(&'static str),
    Attachment,
}

struct Reader<'r> {
    values: Map<String, Value>,
    above: &'r BTreeSet<String>,
    /// Ids of blobs, each once, in the order of their parts.
    blobs: Vec<String>,
}

impl Reader<'_> {
    /// RFC 8621 §4.1.4: what shows the text as one of several, with what is shown in it, then what is attached.
    fn of_lists(&mut self, properties: &Map<String, Value>, wrong: &mut Wrong) -> Part {
        let given = properties.get(ATTACHMENTS);
        let attaches = given
            .and_then(Value::as_array)
            .is_some_and(|all| !all.is_empty());
        // With nothing beside it, a text is the body of the message.
        let both = properties.contains_key(TEXT) && properties.contains_key(HTML);
        let root = !attaches && !both;
        let text = self.single(properties, TEXT, ("text/plain", root), wrong);
        let html = self.single(properties, HTML, ("text/html", root), wrong);
        let (mut related, mut attached) = (Vec::new(), Vec::new());
        if given.is_some_and(|value| !value.is_array()) {
            wrong.add(ATTACHMENTS, "it is a list of parts");
        }
        for item in given.and_then(Value::as_array).into_iter().flatten() {
            match self.part(item, Expected::Attachment, false) {
                Ok(part) if html.is_some() && is_shown(item) => related.push(part),
                Ok(part) => attached.push(part),
                Err(text) => wrong.add(ATTACHMENTS, text),
            }
        }
        let html = html.map(|html| match related.is_empty() {
            true => html,
            false => {
                related.insert(0, html);
                multipart("multipart/related; type=\"text/html\"", related)
            }
        });
        let body = match (text, html) {
            (Some(text), Some(html)) => multipart("multipart/alternative", vec![text, html]),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => empty(),
        };
        if attached.is_empty() {
            return body;
        }
        attached.insert(0, body);
        multipart("multipart/mixed", attached)
    }

    /// The one part of `textBody` or `htmlBody`.
    fn single(
        &mut self,
        properties: &Map<String, Value>,
        name: &str,
        (kind, root): (&'static str, bool),
        wrong: &mut Wrong,
    ) -> Option<Part> {
        let part = match properties.get(name)?.as_array().map(Vec::as_slice) {
            Some([only]) => self.part(only, Expected::Leaf(kind), root),
            _ => Err("it is a list of one part"),
        };
        part.map_err(|text| wrong.add(name, text)).ok()
    }

    /// A part as it is written. `root`: its fields are those of the message.
    fn part(
        &mut self,
        value: &Value,
        expected: Expected,
        root: bool,
    ) -> Result<Part, &'static str> {
        let members = value.as_object().ok_or("a part is an object")?;
        let mut members = members.clone();
        members.retain(|_, value| !value.is_null());
        let content = self.content(&mut members, expected)?;
        let kind = kind(&mut members, &content, expected)?;
        let fields = self.fields(members, expected, root)?;
        Ok(Part {
            kind,
            fields,
            content,
        })
    }

    fn content(
        &mut self,
        members: &mut Map<String, Value>,
        expected: Expected,
    ) -> Result<Content, &'static str> {
        let [id, blob, parts, size] =
            ["partId", "blobId", "subParts", "size"].map(|name| members.remove(name));
        if let Some(parts) = parts {
            if id.is_some() || blob.is_some() || expected != Expected::Any {
                return Err("a part has other parts, a value or a blob");
            }
            let parts = parts.as_array().ok_or("subParts is a list")?.iter();
            let parts = parts.map(|part| self.part(part, Expected::Any, false));
            return Ok(Content::Parts(parts.collect::<Result<_, _>>()?));
        }
        match (id, blob) {
            (Some(id), None) => {
                if size.is_some() || members.contains_key("charset") {
                    return Err("of a part with a value neither charset nor size is given");
                }
                let text = id.as_str().and_then(|id| self.values.get(id));
                let text = text.and_then(Value::as_str);
                let text = text.ok_or("partId names one of bodyValues")?;
                Ok(Content::Text(text.to_owned()))
            }
            (None, Some(blob)) => {
                let id = blob.as_str().filter(|id| is_id(id));
                let id = id.ok_or("a blobId is an id")?;
                if !self.blobs.iter().any(|known| known == id) {
                    self.blobs.push(id.to_owned());
                }
                // What could be no blob here is not there: that is said of all at once.
                let blob = BlobId::parse(id).unwrap_or(BlobId::Whole(ContentId(0)));
                Ok(Content::Blob(blob))
            }
            _ => Err("a part has a partId or a blobId"),
        }
    }

    /// The fields of a part but for its type and encoding.
    fn fields(
        &self,
        mut members: Map<String, Value>,
        expected: Expected,
        root: bool,
    ) -> Result<String, &'static str> {
        let mut fields = Fields::default();
        let mut given = |name: &str, value: String| {
            fields.names.insert(name.to_ascii_lowercase());
            fields.written.push((name.to_owned(), value));
        };
        let [name, disposition, cid, language, location] =
            ["name", "disposition", "cid", "language", "location"].map(|it| members.remove(it));
        let fallback = (expected == Expected::Attachment).then(|| "attachment".into());
        if let Some(value) = disposition.or(fallback) {
            let value = value.as_str().filter(|it| is_token(it));
            let value = value.ok_or("a disposition is a word")?;
            let name = name.as_ref().map(|name| name.as_str().and_then(clean));
            let name = match name {
                Some(name) => parameter("filename", name.ok_or("a name is a text")?),
                None => String::new(),
            };
            given("Content-Disposition", format!("{value}{name}"));
        }
        if let Some(cid) = cid {
            let odd = |c: char| c.is_whitespace() || c.is_control() || "<>".contains(c);
            let cid = cid
                .as_str()
                .filter(|it| !it.is_empty() && !it.contains(odd));
            given("Content-ID", format!("<{}>", cid.ok_or("a cid is an id")?));
        }
        if let Some(language) = language {
            let tags = language.as_array().into_iter().flatten();
            let tags: Option<Vec<&str>> = tags.map(|it| it.as_str().and_then(clean)).collect();
            let tags = tags.filter(|tags| !tags.is_empty());
            given(
                "Content-Language",
                tags.ok_or("language is a list")?.join(", "),
            );
        }
        if let Some(location) = location {
            let location = location.as_str().and_then(clean);
            let location = location.ok_or("location is a text")?.to_owned();
            given("Content-Location", location);
        }
        for (name, value) in &members {
            self.field(name, value, &mut fields, root)?;
        }
        let written = fields
            .written
            .iter()
            .map(|(name, value)| folded(name, value));
        let written: Option<String> = written.collect();
        written.ok_or("a word is longer than a line can be")
    }

    fn field(
        &self,
        name: &str,
        value: &Value,
        fields: &mut Fields,
        root: bool,
    ) -> Result<(), &'static str> {
        if !is_header(name) {
            return Err("a part has no such property");
        }
        let property = Property::parse(name);
        let property = property.ok_or("a header field cannot be given like this")?;
        let lower = property.field.to_ascii_lowercase();
        match lower.as_str() {
            "content-transfer-encoding" => return Err("the encoding is the server's to say"),
            "content-type" => return Err("a type is given as type, charset and name"),
            "mime-version" if root => return Err("it is the server's to say"),
            _ => {}
        }
        if root && self.above.contains(&lower) {
            return Err("the email has that header field already");
        }
        fields.take(&property, value)
    }
}

/// The type of a part with its parameters, but for those that follow from how it is written.
fn kind(
    members: &mut Map<String, Value>,
    content: &Content,
    expected: Expected,
) -> Result<String, &'static str> {
    let given = members.remove("type");
    let charset = members.remove("charset");
    let default = match (expected, content) {
        (Expected::Leaf(kind), _) => kind,
        (_, Content::Parts(_)) => "multipart/mixed",
        (_, Content::Text(_)) => "text/plain",
        (_, Content::Blob(_)) => "application/octet-stream",
    };
    let given = match &given {
        Some(value) => value.as_str().ok_or("a type is a text")?,
        None => default,
    };
    let halves = given.split_once('/');
    if !halves.is_some_and(|(one, other)| is_token(one) && is_token(other)) {
        return Err("a type is two words");
    }
    let lower = given.to_ascii_lowercase();
    if matches!(expected, Expected::Leaf(wanted) if wanted != lower) {
        return Err("the part is of another type");
    }
    if lower.starts_with("multipart/") != matches!(content, Content::Parts(_)) {
        return Err("parts are in a part of the type multipart, and there only");
    }
    if matches!(content, Content::Text(_)) && lower.starts_with("message/") {
        return Err("a message is given as a blob");
    }
    let mut kind = lower;
    if let Some(charset) = charset {
        let charset = charset.as_str().filter(|it| is_token(it));
        kind.push_str(&parameter("charset", charset.ok_or("a charset is a word")?));
    }
    // Where there is a disposition, it has the name.
    if expected != Expected::Attachment
        && !members.contains_key("disposition")
        && let Some(name) = members.get("name")
    {
        let name = name.as_str().and_then(clean).ok_or("a name is a text")?;
        kind.push_str(&parameter("name", name));
    }
    Ok(kind)
}

/// Whether a part is shown where the text refers to it.
fn is_shown(part: &Value) -> bool {
    let inline = part.get("disposition").and_then(Value::as_str);
    let inline = inline.is_some_and(|it| it.eq_ignore_ascii_case("inline"));
    inline && part.get("cid").is_some_and(Value::is_string)
}

/// RFC 2045 §5.1.
fn is_token(text: &str) -> bool {
    let special = |octet: u8| b"()<>@,;:\\\"/[]?=".contains(&octet);
    let allowed = |octet: u8| octet.is_ascii_graphic() && !special(octet);
    (1..=127).contains(&text.len()) && text.bytes().all(allowed)
}
