//! JMAP requests.

use std::sync::Arc;

use waxwing_jmap::{
    Access, AccountId, Answer, Ask, Exchange, Failure, Limits, Request, Step, Viewer,
};

/// Steps that no request within the limits needs.
const MAX_STEPS: usize = 50_000;
/// Octets of a response that no request of so few octets can make.
const MAX_RESPONSE: usize = 64 << 20;

/// A request: it is refused or comes to an end, and its response is bounded.
pub fn jmap(octets: &[u8]) {
    let limits = Arc::new(Limits::default());
    let Ok(request) = Request::parse(Some("application/json"), octets, &limits) else {
        return;
    };
    let calls = request.calls.len();
    let viewer = Viewer {
        username: "alice".into(),
        accounts: vec![Access {
            id: AccountId(1),
            name: "alice".into(),
            personal: true,
            read_only: false,
        }],
    };
    let mut exchange = Exchange::new(request, Arc::new(viewer), limits);
    for _ in 0..MAX_STEPS {
        match exchange.step() {
            Step::Ask(Ask::CopyContents { contents, .. }) => {
                exchange.answer(Answer::Copied(vec![true; contents.len()]));
            }
            Step::Ask(_) => {
                let reference = "x".into();
                exchange.answer(Answer::Failed(Failure::Unavailable { reference }));
            }
            Step::Done(response) => {
                assert!(response.responses.len() >= calls, "every call is answered");
                let text = response.to_json().to_string();
                assert!(text.len() < MAX_RESPONSE, "{} octets", text.len());
                return;
            }
        }
    }
    panic!("a request does not end");
}
