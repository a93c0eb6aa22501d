//! `http`, answered from the world's network.

use super::world;

pub use crate::bindings::imports::http::{HeaderValue, HttpError, Request, Response, Secret};

pub fn send(requests: &[Request]) -> Vec<Result<Response, HttpError>> {
    requests.iter().map(answer).collect()
}

fn answer(request: &Request) -> Result<Response, HttpError> {
    world(|world| {
        world
            .requests
            .push(format!("{} {}", request.method, request.url));
        let page = world
            .network
            .http
            .get(&request.url)
            .ok_or_else(|| HttpError::Unreachable(format!("nobody is at {}", request.url)))?;
        Ok(Response {
            status: page.status,
            headers: page
                .headers
                .iter()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            body: page.body.clone().into_bytes(),
        })
    })
}
