//! Exchanges, from the line of the command to the credentials.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use waxwing_sasl::{Credentials, Exchange, Mechanism, Offer, Progress, SaslError};

fn plain(message: &[u8]) -> Result<Credentials, SaslError> {
    match Exchange::start(Mechanism::Plain, Some(STANDARD.encode(message).as_bytes()))? {
        Progress::Done(Offer::Password(credentials)) => Ok(credentials),
        _ => panic!("PLAIN has one message"),
    }
}

#[test]
fn plain_has_three_parts() {
    // RFC 4616 §4: the second example, with an authorisation identity.
    let credentials = plain(b"Ursel\0Kurt\0xipj3plmq").unwrap();
    assert_eq!(credentials.authorise_as, "Ursel");
    assert_eq!(
        (credentials.user.as_str(), credentials.password.as_str()),
        ("Kurt", "xipj3plmq")
    );
    assert_eq!(
        plain(b"\0tim\0tanstaaftanstaaf").unwrap(),
        Credentials::new("tim", "tanstaaftanstaaf")
    );
    assert_eq!(plain(b"tim\0secret"), Err(SaslError::Malformed));
    assert_eq!(plain(b"\0\0secret"), Err(SaslError::Malformed));
    assert_eq!(plain(b"\0\xff\0secret"), Err(SaslError::Malformed));
    assert_eq!(
        plain(&[b"\0tim\0".as_slice(), &[b'x'; 1025]].concat()),
        Err(SaslError::TooLong)
    );
}

#[test]
fn external_says_as_whom_or_nothing() {
    let offered = |initial: &[u8]| Exchange::start(Mechanism::External, Some(initial));
    let external = |name: &str| Ok(Progress::Done(Offer::External(name.to_owned())));
    assert_eq!(offered(b"="), external(""));
    assert_eq!(offered(b"dGlt"), external("tim"));
    assert_eq!(offered(b"AA=="), Err(SaslError::Malformed));
}

#[test]
fn login_asks_twice() {
    let Ok(Progress::Challenge { text, exchange }) = Exchange::start(Mechanism::Login, None) else {
        panic!()
    };
    assert_eq!(STANDARD.decode(text.as_ref()).unwrap(), b"Username:");
    let Ok(Progress::Challenge { text, exchange }) = exchange.respond(b"dGlt") else {
        panic!()
    };
    assert_eq!(STANDARD.decode(text.as_ref()).unwrap(), b"Password:");
    assert_eq!(
        exchange.respond(b"eA=="),
        Ok(Progress::Done(Offer::Password(Credentials::new(
            "tim", "x"
        ))))
    );
}

#[test]
fn a_star_cancels_and_an_equals_sign_is_empty() {
    let Ok(Progress::Challenge { exchange, .. }) = Exchange::start(Mechanism::Plain, None) else {
        panic!()
    };
    assert_eq!(exchange.respond(b"*"), Err(SaslError::Cancelled));
    assert_eq!(
        Exchange::start(Mechanism::Plain, Some(b"=")),
        Err(SaslError::Malformed)
    );
    assert_eq!(
        Exchange::start(Mechanism::Plain, Some(b"*")),
        Err(SaslError::Base64)
    );
}

#[test]
fn passwords_are_not_printed() {
    let credentials = Credentials::new("tim", "sesame");
    assert!(!format!("{credentials:?}").contains("sesame"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_line_panics(line in prop::collection::vec(any::<u8>(), 0..100), message in prop::collection::vec(any::<u8>(), 0..100)) {
        for mechanism in Mechanism::ALL {
            for line in [line.as_slice(), STANDARD.encode(&message).as_bytes()] {
                if let Ok(Progress::Challenge { exchange, .. }) = Exchange::start(mechanism, Some(line)) {
                    let _ = exchange.respond(line);
                }
            }
        }
    }
}
