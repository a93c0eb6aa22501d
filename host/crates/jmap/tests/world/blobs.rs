//! Contents as data, which remember what is kept, and quotas.
//!
//! A case has `blobs`: of each id its text, or its octets as `{"base64": …}`; `uses`: of a content's id where it is; and `quotas`.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;
use waxwing_jmap::{BlobAnswer, BlobAsk, ContentId, DigestAlgorithm, Octets, QuotaRoot, Uses};

/// What there is.
#[derive(Default)]
pub(crate) struct Blobs {
    all: BTreeMap<String, Bytes>,
    uses: Value,
}

impl Blobs {
    pub(crate) fn of(case: &Value) -> Option<Self> {
        let octets = |value: &Value| -> Bytes {
            match value.as_str() {
                Some(text) => text.to_owned().into(),
                None => STANDARD
                    .decode(value["base64"].as_str().unwrap())
                    .unwrap()
                    .into(),
            }
        };
        let blobs = case["blobs"].as_object()?.iter();
        Some(Self {
            all: blobs
                .map(|(id, value)| (id.clone(), octets(value)))
                .collect(),
            uses: case["uses"].clone(),
        })
    }

    pub(crate) fn answer(&mut self, ask: &BlobAsk) -> BlobAnswer {
        match ask {
            BlobAsk::Read {
                piece,
                most,
                digests,
                ..
            } => {
                let Some(whole) = self.all.get(&piece.blob.to_string()) else {
                    return BlobAnswer::Octets(None);
                };
                let size = whole.len() as u64;
                let start = piece.offset.min(size);
                let length = piece.length.unwrap_or(u64::MAX).min(size - start);
                let at = |place: u64| usize::try_from(place).unwrap();
                let octets = whole.slice(at(start)..at(start + length));
                BlobAnswer::Octets(Some(Octets {
                    size,
                    digests: digests.iter().map(|by| digest(*by, &octets)).collect(),
                    octets: (length <= *most).then_some(octets),
                }))
            }
            BlobAsk::Keep { octets, .. } => {
                let id = ContentId(900 + self.all.len() as u64);
                self.all.insert(id.to_string(), octets.clone());
                BlobAnswer::Kept(id)
            }
            BlobAsk::Uses { contents, .. } => {
                BlobAnswer::Uses(contents.iter().map(|id| self.uses(*id)).collect())
            }
        }
    }

    fn uses(&self, id: ContentId) -> Option<Uses> {
        let uses = self.uses.get(id.to_string())?;
        let names = |kind: &str| -> Vec<String> {
            let names = uses[kind].as_array().into_iter().flatten();
            names
                .map(|name| name.as_str().unwrap().to_owned())
                .collect()
        };
        Some(Uses {
            emails: names("emails"),
            mailboxes: names("mailboxes"),
            threads: names("threads"),
        })
    }
}

/// No digest, but what one is of.
fn digest(by: DigestAlgorithm, octets: &[u8]) -> Bytes {
    [by.as_str().as_bytes(), b" of ", octets].concat().into()
}

/// The quotas of a case.
pub(crate) fn quotas(case: &Value) -> Option<Vec<QuotaRoot>> {
    let roots = case["quotas"].as_array()?.iter();
    let root = |root: &Value| QuotaRoot {
        name: root["name"].as_str().unwrap().to_owned(),
        own: root["own"] != false,
        bytes: root["bytes"].as_u64().unwrap_or(0),
        bytes_limit: root["bytesLimit"].as_u64(),
        messages: root["messages"].as_u64().unwrap_or(0),
        messages_limit: root["messagesLimit"].as_u64(),
    };
    Some(roots.map(root).collect())
}
