//! Every route: what is served, and what the document says is served, are this table.

mod accounts;
mod domains;
mod policy;
mod queue;
mod server;

use axum::http::Method;
use waxwing_store::{AdminScope, Area};

use super::call::{Call, decode};
use super::problem::Problem;
use super::route::{Answer, Kind, Parameter, Route, Shape, Verb};
use crate::admin::Request;

/// Items of a page that does not say how many, and at most.
pub(super) const PAGE: usize = 100;
const MOST: usize = 500;

const fn text(name: &'static str, about: &'static str) -> Parameter {
    Parameter {
        name,
        kind: Kind::Text,
        about,
    }
}

const LIMIT: Parameter = Parameter {
    name: "limit",
    kind: Kind::Count(MOST),
    about: "So many at most; 100 if it is left out.",
};
pub(super) const AFTER: Parameter = text(
    "after",
    "The `next` of the page before: only what comes after that.",
);

const fn read(area: Area) -> AdminScope {
    AdminScope::Read(area)
}

const fn write(area: Area) -> AdminScope {
    AdminScope::Write(area)
}

/// A route that looks.
const fn get(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    area: Area,
    schema: &'static str,
    request: fn(&Call) -> Result<Request, Problem>,
) -> Route {
    Route {
        verb: Verb::Get,
        path,
        id,
        summary,
        scope: read(area),
        query: &[],
        body: None,
        status: 200,
        schema: Some(schema),
        shape: Shape::Plain,
        answer: Answer::Of(request),
        conditional: false,
    }
}

/// A route that changes something and has no more to say of it.
const fn change(
    verb: Verb,
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    area: Area,
    request: fn(&Call) -> Result<Request, Problem>,
) -> Route {
    Route {
        verb,
        path,
        id,
        summary,
        scope: write(area),
        query: &[],
        body: None,
        status: 204,
        schema: None,
        shape: Shape::Plain,
        answer: Answer::Of(request),
        conditional: false,
    }
}

impl Route {
    const fn query(self, query: &'static [Parameter]) -> Self {
        Self { query, ..self }
    }

    const fn takes(self, body: &'static str) -> Self {
        Self {
            body: Some(body),
            ..self
        }
    }

    const fn gives(self, status: u16, schema: &'static str) -> Self {
        Self {
            status,
            schema: Some(schema),
            ..self
        }
    }

    const fn shaped(self, shape: Shape) -> Self {
        Self { shape, ..self }
    }

    /// It is sent something, and looks only.
    const fn reads(self, area: Area) -> Self {
        Self {
            scope: read(area),
            ..self
        }
    }

    /// It is done to what the ETag in If-Match is of, if there is one.
    const fn conditional(self) -> Self {
        Self {
            conditional: true,
            ..self
        }
    }

    const fn answered(self, answer: Answer) -> Self {
        Self { answer, ..self }
    }
}

/// Longest text that people write about something, and longest password, in octets.
const LONGEST: usize = 1024;

/// A text that is kept in a list: bounded, and of one line.
fn line(text: Option<String>, what: &str) -> Result<Option<String>, Problem> {
    let long = |text: &str| text.len() > LONGEST || text.chars().any(char::is_control);
    if text.as_deref().is_some_and(long) {
        let title = format!("The {what} is one line of {LONGEST} octets at most");
        return Err(Problem::bad(title));
    }
    Ok(text)
}

/// All of them.
pub(super) fn all() -> impl Iterator<Item = &'static Route> {
    let parts = [
        server::ROUTES,
        domains::ROUTES,
        accounts::ROUTES,
        queue::ROUTES,
        policy::ROUTES,
    ];
    parts.into_iter().flatten()
}

/// The route of a request, and the variable parts of its path.
pub(super) fn find(method: &Method, path: &str) -> Result<(&'static Route, Vec<String>), Problem> {
    let mut allowed: Vec<&str> = Vec::new();
    for route in all() {
        let Some(places) = places(route.path, path) else {
            continue;
        };
        if method.as_str() == route.verb.as_str() {
            return Ok((route, places));
        }
        allowed.push(route.verb.as_str());
    }
    if allowed.is_empty() {
        return Err(Problem::not_found());
    }
    Err(Problem::method(allowed.join(", ")))
}

/// What stands for the variable parts of a path. Each is a segment, decoded after it was cut out, so that no slash in it leads elsewhere.
fn places(pattern: &str, path: &str) -> Option<Vec<String>> {
    let mut segments = path.split('/');
    let mut places = Vec::new();
    for part in pattern.split('/') {
        let segment = segments.next()?;
        if part.starts_with('{') {
            let place = decode(segment)?;
            if place.is_empty() || place.chars().any(char::is_control) {
                return None;
            }
            places.push(place);
        } else if part != segment {
            return None;
        }
    }
    segments.next().is_none().then_some(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_one_route() {
        let found = |method: Method, path: &str| {
            find(&method, path).map(|(route, places)| (route.id, places))
        };
        let at = |id, places: &[&str]| Ok((id, places.iter().map(ToString::to_string).collect()));
        assert_eq!(
            found(Method::GET, "/plugins/history"),
            at("pluginHistory", &[])
        );
        assert_eq!(
            found(Method::POST, "/plugins/history/promote"),
            at("promote", &["history"])
        );
        assert_eq!(
            found(Method::GET, "/rules/rules%2Fa.toml"),
            at("ruleFile", &["rules/a.toml"])
        );
        assert_eq!(
            found(Method::GET, "/trace/%3Ca@b%3E"),
            at("trace", &["<a@b>"])
        );
        for missing in [
            "",
            "/",
            "/domains/",
            "/rules/rules/a.toml",
            "/trace/%",
            "/trace/a%00",
            "/queue/x/y",
            "//domains",
        ] {
            assert_eq!(
                found(Method::GET, missing),
                Err(Problem::not_found()),
                "{missing}"
            );
        }
        assert_eq!(
            found(Method::PUT, "/domains"),
            Err(Problem::method("GET, POST".into()))
        );
    }

    #[test]
    fn no_two_routes_are_alike() {
        for (place, route) in all().enumerate() {
            for other in all().skip(place + 1) {
                assert_ne!(route.id, other.id);
                assert!(
                    route.path != other.path || route.verb != other.verb,
                    "{}",
                    route.path
                );
            }
        }
    }
}
