//! OAUTHBEARER and XOAUTH2: the standard's own messages, and what must fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use waxwing_sasl::{Exchange, Mechanism, Offer, Progress, SaslError, Token};

fn token(mechanism: Mechanism, message: &str) -> Result<Token, SaslError> {
    match Exchange::start(mechanism, Some(STANDARD.encode(message).as_bytes()))? {
        Progress::Done(Offer::Token(token)) => Ok(token),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_example_of_rfc_7628() {
    // RFC 7628 §4.1, as IMAP sends it.
    let line = "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB";
    let Ok(Progress::Done(Offer::Token(token))) =
        Exchange::start(Mechanism::OAuthBearer, Some(line.as_bytes()))
    else {
        panic!()
    };
    assert_eq!(token.user, "user@example.com");
    assert_eq!(token.token, "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==");
    assert_eq!(
        (token.host.as_deref(), token.port),
        (Some("server.example.com"), Some(143))
    );
    assert!(!format!("{token:?}").contains("vF9"));
}

#[test]
fn bearers_are_read_strictly() {
    let read = |message: &str| token(Mechanism::OAuthBearer, message);
    let plain = read("n,,\u{1}auth=bearer abc\u{1}new=x\u{1}\u{1}").unwrap();
    assert_eq!((plain.user.as_str(), plain.token.as_str()), ("", "abc"));
    for bad in [
        "",
        "\u{1}",
        "n,,\u{1}\u{1}",
        "n,,\u{1}auth=Bearer abc\u{1}",
        "n,,\u{1}auth=Basic abc\u{1}\u{1}",
        "n,,\u{1}auth=Bearer \u{1}\u{1}",
        "n,,\u{1}auth=Bearer a b\u{1}\u{1}",
        "p=x,,\u{1}auth=Bearer abc\u{1}\u{1}",
        "n,user,\u{1}auth=Bearer abc\u{1}\u{1}",
        "n,,\u{1}port=x\u{1}auth=Bearer abc\u{1}\u{1}",
        "n,,\u{1}auth\u{1}\u{1}",
    ] {
        assert_eq!(read(bad).err(), Some(SaslError::Malformed), "{bad:?}");
    }
    let long = format!("n,,\u{1}auth=Bearer {}\u{1}\u{1}", "x".repeat(8193));
    assert_eq!(read(&long).err(), Some(SaslError::TooLong));
}

#[test]
fn the_older_form_is_read_too() {
    let read = |message: &str| token(Mechanism::XOAuth2, message);
    let good = read("user=someuser@example.com\u{1}auth=Bearer ya29.vF9dft4q\u{1}\u{1}").unwrap();
    assert_eq!(
        (good.user.as_str(), good.token.as_str()),
        ("someuser@example.com", "ya29.vF9dft4q")
    );
    for bad in [
        "user=\u{1}auth=Bearer x\u{1}\u{1}",
        "auth=Bearer x\u{1}\u{1}",
        "user=a\u{1}\u{1}",
        "\u{1}",
    ] {
        assert_eq!(read(bad).err(), Some(SaslError::Malformed), "{bad:?}");
    }
}

#[test]
fn a_refused_token_is_confirmed_by_the_client() {
    for mechanism in [Mechanism::OAuthBearer, Mechanism::XOAuth2] {
        let Progress::Challenge { text, exchange } = Exchange::refuse(mechanism) else {
            panic!()
        };
        assert!(
            STANDARD
                .decode(text.as_ref())
                .unwrap()
                .starts_with(b"{\"status\":")
        );
        assert_eq!(exchange.respond(b"AQ=="), Err(SaslError::Refused));
    }
}
