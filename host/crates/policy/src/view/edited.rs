//! The header of a message after edits, for the steps that come after those that made them.

use std::sync::OnceLock;

use super::{FieldView, MAX_FIELDS, MessageView};
use crate::outcome::HeaderEdit;
use crate::rewrite::{Header, Line};

/// The fields as the edits left them.
pub(super) fn fields(base: &MessageView, edits: &[HeaderEdit]) -> Vec<FieldView> {
    let mut header = Header::read(base.raw());
    for edit in edits {
        header.apply(edit);
    }
    let originals = base.fields();
    let field = |line: Line<'_>| match line {
        Line::New { name, value } => Some(given(name, value)),
        Line::Original(place) => originals.get(place).cloned(),
        Line::Changed { place, value } => {
            originals.get(place).map(|field| given(&field.name, value))
        }
    };
    header.lines().filter_map(field).take(MAX_FIELDS).collect()
}

/// The authors that an edited header names.
pub(super) fn authors(view: &MessageView) -> Vec<String> {
    let mut header = Vec::new();
    for (_, field) in view.named("From") {
        header.extend_from_slice(b"From: ");
        header.extend_from_slice(view.raw_value(field).trim_ascii());
        header.extend_from_slice(b"\r\n");
    }
    super::authors(&header)
}

/// A field with a value that a plugin gave.
fn given(name: &str, value: &str) -> FieldView {
    FieldView {
        name: name.to_owned(),
        raw_value: None,
        value: OnceLock::from(value.trim().to_owned()),
    }
}
