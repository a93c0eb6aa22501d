//! `message.pattern-set`: regular expressions that the host runs.

use std::sync::Arc;

use wasmtime::component::Resource;
use wasmtime::{Result, bail};

use super::{at, narrow};
use crate::bindings::waxwing::policy::message::{Hit, HostPatternSet, PatternSet, Scope};
use crate::fault::Fault;
use crate::state::{MAX_PATTERN_SETS, Patterns, State};
use crate::view::{self, Pattern, PatternSetBuilder};

impl HostPatternSet for State {
    fn new(&mut self) -> Result<Resource<PatternSet>> {
        self.host_call("pattern-set.new", (), |state, ()| {
            if state.patterns.len() >= MAX_PATTERN_SETS {
                return state.stop(Fault::Limit("the number of pattern sets"));
            }
            state
                .patterns
                .push(Patterns::Building(PatternSetBuilder::default()));
            Ok(Resource::new_own(narrow(state.patterns.len() - 1)))
        })
    }

    fn add(
        &mut self,
        set: Resource<PatternSet>,
        scope: Scope,
        regex: String,
        case_insensitive: bool,
    ) -> Result<std::result::Result<u32, String>> {
        self.host_call(
            "pattern-set.add",
            (set.rep(), scope, regex),
            |state, (set, scope, regex)| {
                let pattern = Pattern {
                    scope: from_scope(scope),
                    regex: regex.clone(),
                    case_insensitive,
                };
                let cache = state.shared.patterns.clone();
                Ok(match state.patterns.get_mut(at(*set)) {
                    Some(Patterns::Building(builder)) => builder
                        .add(pattern, &cache)
                        .map_err(|error| error.to_string()),
                    _ => Err("the set is compiled already".into()),
                })
            },
        )
    }

    fn compile(&mut self, set: Resource<PatternSet>) -> Result<std::result::Result<(), String>> {
        self.host_call("pattern-set.compile", set.rep(), |state, set| {
            let cache = state.shared.patterns.clone();
            let Some(slot) = state.patterns.get_mut(at(*set)) else {
                bail!("no such pattern set");
            };
            let Patterns::Building(builder) = std::mem::replace(slot, Patterns::Dropped) else {
                return Ok(Err("the set is compiled already".into()));
            };
            Ok(match builder.compile(&cache) {
                Ok(compiled) => {
                    state.shared.keep(&compiled);
                    *slot = Patterns::Ready(compiled);
                    Ok(())
                }
                Err(error) => Err(error.to_string()),
            })
        })
    }

    fn search_value(
        &mut self,
        set: Resource<PatternSet>,
        name: String,
        text: String,
    ) -> Result<Vec<Hit>> {
        self.host_call(
            "pattern-set.search-value",
            (set.rep(), name, text),
            |state, (set, name, text)| {
                let hits = state.ready(*set).map(|set| set.search_value(name, text));
                Ok(hits.unwrap_or_default().into_iter().map(hit).collect())
            },
        )
    }

    fn drop(&mut self, set: Resource<PatternSet>) -> Result<()> {
        if let Some(slot) = self.patterns.get_mut(at(set.rep())) {
            *slot = Patterns::Dropped;
        }
        Ok(())
    }
}

impl State {
    pub(super) fn ready(&self, set: u32) -> Option<Arc<view::PatternSet>> {
        match self.patterns.get(at(set)) {
            Some(Patterns::Ready(set)) => Some(set.clone()),
            _ => None,
        }
    }
}

fn from_scope(scope: &Scope) -> view::Scope {
    match scope {
        Scope::Raw => view::Scope::Raw,
        Scope::Headers => view::Scope::Headers,
        Scope::Header(name) => view::Scope::Header(name.to_ascii_lowercase()),
        Scope::Body => view::Scope::Body,
        Scope::Text => view::Scope::Text,
        Scope::Html => view::Scope::Html,
        Scope::Urls => view::Scope::Urls,
        Scope::AttachmentNames => view::Scope::AttachmentNames,
        Scope::Value(name) => view::Scope::Value(name.clone()),
    }
}

pub(super) fn hit(hit: view::Hit) -> Hit {
    Hit {
        pattern: hit.pattern,
        offset: hit.offset,
        length: hit.length,
        excerpt: hit.excerpt,
    }
}
