//! A resolver that serves zones written down in YAML, in the form of the SPF test suite.
//!
//! Each name has a list of `TYPE: value`; `TIMEOUT` says that nobody answers for what else is asked of the name. `SPF` stands for a text,
//! unless the name has texts of its own.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use serde_yaml_ng::Value;
use waxwing_auth::dns::{Answer, LookUp, Outcome, Record, RecordKind, Resolver};

/// Names and what is there.
#[derive(Default)]
pub(crate) struct Zones {
    names: HashMap<String, Vec<(String, Value)>>,
    /// Every question, in order.
    pub(crate) asked: Mutex<Vec<(String, RecordKind)>>,
}

impl Zones {
    /// From a mapping of names to lists of records.
    pub(crate) fn read(zones: &Value) -> Self {
        let mut names = HashMap::new();
        for (name, records) in zones.as_mapping().into_iter().flatten() {
            let mut list = Vec::new();
            for record in records.as_sequence().into_iter().flatten() {
                match record {
                    Value::Mapping(map) => {
                        for (kind, value) in map {
                            list.push((kind.as_str().unwrap().to_owned(), value.clone()));
                        }
                    }
                    other => list.push((other.as_str().unwrap().to_owned(), Value::Null)),
                }
            }
            let name = name.as_str().unwrap().to_ascii_lowercase();
            names.insert(name, list);
        }
        Self {
            names,
            asked: Mutex::default(),
        }
    }

    fn answer(&self, name: &str, kind: RecordKind) -> Answer {
        let Some(records) = self.names.get(name) else {
            return Answer::without(Outcome::NoSuchName);
        };
        let of = |wanted: &str| {
            let matching = records.iter().filter(move |(kind, _)| kind == wanted);
            matching.map(|(_, value)| value).collect::<Vec<_>>()
        };
        if let [Value::String(target)] = of("CNAME").as_slice() {
            return self.answer(target, kind);
        }
        let wanted = match kind {
            RecordKind::A => "A",
            RecordKind::Aaaa => "AAAA",
            RecordKind::Mx => "MX",
            RecordKind::Ptr => "PTR",
            RecordKind::Txt if of("TXT").is_empty() => "SPF",
            RecordKind::Txt => "TXT",
        };
        let found: Vec<Record> = of(wanted)
            .into_iter()
            .filter(|value| value.as_str() != Some("NONE"))
            .map(|value| record(kind, value))
            .collect();
        if found.is_empty() && !of("TIMEOUT").is_empty() {
            return Answer::without(Outcome::Failed);
        }
        Answer::found(found, Duration::from_secs(300))
    }
}

impl Resolver for Zones {
    fn look_up<'a>(&'a self, name: &'a str, kind: RecordKind) -> LookUp<'a> {
        self.asked.lock().unwrap().push((name.to_owned(), kind));
        Box::pin(async move { self.answer(name, kind) })
    }
}

fn record(kind: RecordKind, value: &Value) -> Record {
    match (kind, value) {
        (RecordKind::A | RecordKind::Aaaa, Value::String(text)) => {
            Record::Address(text.parse().unwrap())
        }
        (RecordKind::Ptr, Value::String(name)) => Record::Name(name.clone()),
        (RecordKind::Txt, Value::String(text)) => Record::Text(text.as_bytes().to_vec()),
        (RecordKind::Txt, Value::Sequence(texts)) => {
            let texts: Vec<&str> = texts.iter().filter_map(Value::as_str).collect();
            Record::Text(texts.concat().into_bytes())
        }
        (RecordKind::Mx, Value::Sequence(pair)) => Record::Mx {
            preference: pair[0].as_u64().unwrap().try_into().unwrap(),
            exchange: pair[1].as_str().unwrap().to_owned(),
        },
        _ => panic!("no record of kind {kind:?}: {value:?}"),
    }
}
