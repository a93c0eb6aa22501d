//! A request on its way to its response: the calls one after the other, each asking what it has to know.
//!
//! The calls are an `async` block, which the compiler makes a state machine of. It is polled by [`Exchange::step`] and nothing else: the only
//! thing that it ever waits for is the answer to its ask.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};

use serde_json::Value;

use crate::ask::{Answer, Ask};
use crate::context::{Context, Shared};
use crate::error::MethodError;
use crate::limits::Limits;
use crate::methods::{self, Arguments};
use crate::reference::{self, MAX_REFERENCED};
use crate::request::{Invocation, Request};
use crate::response::Response;
use crate::room::Room;
use crate::session::Viewer;

/// What to do next.
#[derive(Debug)]
pub enum Step {
    /// Find out, and [`answer`](Exchange::answer).
    Ask(Ask),
    /// Send it; there is nothing more.
    Done(Response),
}

/// A request that is being worked on.
pub struct Exchange {
    port: Shared,
    work: Option<Pin<Box<dyn Future<Output = Response> + Send>>>,
    /// Of the Session object.
    state: String,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ended = self.work.is_none();
        f.debug_struct("Exchange").field("ended", &ended).finish()
    }
}

impl Exchange {
    /// Begins with a request of somebody.
    #[must_use]
    pub fn new(request: Request, viewer: Arc<Viewer>, limits: Arc<Limits>) -> Self {
        let port = Shared::default();
        let state = viewer.state(&limits);
        let context = Context {
            viewer,
            limits,
            port: port.clone(),
            room: Room::default(),
        };
        Self {
            port,
            work: Some(Box::pin(work(request, context))),
            state,
        }
    }

    /// What to do next. To be called until it says [`Step::Done`].
    pub fn step(&mut self) -> Step {
        let mut context = TaskContext::from_waker(Waker::noop());
        let polled = match &mut self.work {
            Some(work) => work.as_mut().poll(&mut context),
            None => return Step::Done(Response::empty(self.state.clone())),
        };
        match (polled, self.port.with(|port| port.asked.take())) {
            (Poll::Pending, Some(ask)) => Step::Ask(ask),
            (Poll::Ready(response), _) => {
                self.work = None;
                Step::Done(response)
            }
            // Stepped without an answer: there is nothing else to wait for.
            (Poll::Pending, None) => {
                self.work = None;
                Step::Done(Response::empty(self.state.clone()))
            }
        }
    }

    /// The answer to the last [`Step::Ask`].
    pub fn answer(&mut self, answer: Answer) {
        self.port.with(|port| port.answered = Some(answer));
    }
}

/// The response to a call.
fn answered(name: String, call: String, result: Result<Arguments, MethodError>) -> Invocation {
    match result {
        Ok(arguments) => Invocation {
            name,
            arguments,
            call,
        },
        Err(error) => Invocation {
            name: "error".into(),
            arguments: error.to_arguments(),
            call,
        },
    }
}

/// A call that another one led to. It leads to no others.
async fn follow(
    name: &str,
    arguments: Value,
    context: &Context,
    created: &mut BTreeMap<String, String>,
) -> Result<Arguments, MethodError> {
    match (methods::find(name), arguments) {
        (Some(method), Value::Object(arguments)) => {
            methods::call(method, arguments, context, created).await
        }
        _ => Err(MethodError::UnknownMethod),
    }
}

/// RFC 8620 §3.3: the calls are processed one after the other; §3.6.2: one that fails leaves the others alone.
async fn work(request: Request, context: Context) -> Response {
    let mut responses: Vec<Invocation> = Vec::with_capacity(request.calls.len());
    let mut left = MAX_REFERENCED;
    let mut created: BTreeMap<String, String> = request.created_ids.clone().unwrap_or_default();
    for call in request.calls {
        let Invocation {
            name,
            arguments,
            call,
        } = call;
        let known =
            methods::find(&name).filter(|method| request.using.contains(&method.capability()));
        let result = match (known, reference::resolve(arguments, &responses, &mut left)) {
            (None, _) => Err(MethodError::UnknownMethod),
            (Some(_), Err(error)) => Err(error),
            (Some(method), Ok(arguments)) => {
                methods::call(method, arguments, &context, &mut created).await
            }
        };
        responses.push(answered(name, call.clone(), result));
        let following = context
            .port
            .with(|port| std::mem::take(&mut port.following));
        for (name, arguments) in following {
            let result = follow(name, arguments, &context, &mut created).await;
            responses.push(answered(name.to_owned(), call.clone(), result));
        }
    }
    Response {
        responses,
        // RFC 8620 §3.4: only if the request has some.
        created_ids: request.created_ids.map(|_| created),
        session_state: context.viewer.state(&context.limits),
    }
}
