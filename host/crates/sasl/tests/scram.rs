//! SCRAM: the standard's own exchange, a client against a server, and what must fail.
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
use waxwing_sasl::{
    ChannelBinding, ClientExchange, Credentials, Exchange, KeysWanted, Login, Mechanism, Offer,
    Progress, Proof, Proven, SaslError, ScramKeys, ServerPart,
};

const CHANNEL: ChannelBinding = [7; 32];

fn start(mechanism: Mechanism, message: &str) -> Result<KeysWanted, SaslError> {
    match Exchange::start(mechanism, Some(STANDARD.encode(message).as_bytes()))? {
        Progress::Keys(wanted) => Ok(wanted),
        other => panic!("{other:?}"),
    }
}

/// A challenge in clear, and what waits for the response.
fn challenge(progress: Result<Progress, SaslError>) -> (String, Exchange) {
    match progress {
        Ok(Progress::Challenge { text, exchange }) => {
            let text = STANDARD.decode(text.as_ref()).unwrap();
            (String::from_utf8(text).unwrap(), exchange)
        }
        other => panic!("{other:?}"),
    }
}

/// What is put to policy, and what waits for its yes.
fn proved(progress: Result<Progress, SaslError>) -> (Offer, Proven) {
    match progress {
        Ok(Progress::Proved { offer, proven }) => (offer, proven),
        other => panic!("{other:?}"),
    }
}

fn respond(exchange: Exchange, message: &str) -> Result<Progress, SaslError> {
    exchange.respond(STANDARD.encode(message).as_bytes())
}

fn part(keys: ScramKeys, channel: Option<ChannelBinding>) -> ServerPart {
    ServerPart {
        keys,
        nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0".to_owned(),
        channel,
    }
}

fn pencil() -> ScramKeys {
    let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
    ScramKeys::derive("pencil", &salt, 4096).unwrap()
}

const NONCE: &str = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";

#[test]
fn the_example_of_rfc_7677() {
    let wanted = start(Mechanism::ScramSha256, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO").unwrap();
    assert_eq!(wanted.user(), "user");
    let (first, exchange) = challenge(wanted.keys(part(pencil(), None)));
    assert_eq!(
        first,
        format!("r={NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
    );
    let proof = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    let (offer, proven) = proved(respond(exchange, &format!("c=biws,r={NONCE},p={proof}")));
    let expected = Proof {
        user: "user".to_owned(),
        authorise_as: String::new(),
        proved: true,
    };
    assert_eq!(offer, Offer::Proof(expected));
    let (last, exchange) = proven.confirm();
    let last = STANDARD.decode(last.as_ref()).unwrap();
    assert_eq!(last, b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    assert_eq!(exchange.respond(b""), Ok(Progress::Confirmed));
}

#[test]
fn a_proof_that_the_client_does_not_take_ends_it() {
    for line in [&b"*"[..], b"eA==", b"="] {
        let wanted = start(Mechanism::ScramSha256, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO").unwrap();
        let (_, exchange) = challenge(wanted.keys(part(pencil(), None)));
        let proof = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        let (_, proven) = proved(respond(exchange, &format!("c=biws,r={NONCE},p={proof}")));
        let (_, exchange) = proven.confirm();
        assert_eq!(exchange.respond(line), Err(SaslError::Unconfirmed));
    }
}

#[test]
fn keys_are_kept_as_text() {
    let keys = pencil();
    let text = keys.to_stored();
    assert!(
        text.starts_with("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"),
        "{text}"
    );
    assert_eq!(ScramKeys::from_stored(&text), Some(keys));
    let salt_is_missing = text.replace("W22ZaJ0SNY7soEsUEjb6gQ==", "");
    for other in [
        "",
        "SCRAM-SHA-256$1:$:",
        "$argon2id$v=19$m=1",
        &salt_is_missing,
    ] {
        assert_eq!(ScramKeys::from_stored(other), None, "{other}");
    }
}

fn proof_of(message: &str) -> Result<Progress, SaslError> {
    let wanted = start(Mechanism::ScramSha256, "n,a=o=2Cther,n=user,r=abc").unwrap();
    let (_, exchange) = challenge(wanted.keys(part(pencil(), None)));
    respond(exchange, message)
}

#[test]
fn a_wrong_proof_is_told_to_policy() {
    let nonce = "abc%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    let header = STANDARD.encode("n,a=o=2Cther,");
    let wrong = format!("c={header},r={nonce},p={}", STANDARD.encode([0; 32]));
    let Ok(Progress::Done(Offer::Proof(proof))) = proof_of(&wrong) else {
        panic!()
    };
    assert!(!proof.proved);
    assert_eq!(
        (proof.user.as_str(), proof.authorise_as.as_str()),
        ("user", "o,ther")
    );
    let malformed = [
        format!("c={header},r=abc,p={}", STANDARD.encode([0; 32])),
        format!("c={header},r={nonce},p={}", STANDARD.encode([0; 31])),
        format!("c={header},r={nonce}"),
        format!("r={nonce},p={}", STANDARD.encode([0; 32])),
        "c=\u{0},r=,p=".to_owned(),
    ];
    for message in malformed {
        assert_eq!(
            proof_of(&message).err(),
            Some(SaslError::Malformed),
            "{message}"
        );
    }
}

#[test]
fn first_messages_that_are_none() {
    let plain = [
        "",
        "n",
        "n,",
        "n,,",
        "n,,n=,r=x",
        "n,,n=user",
        "n,,n=user,r=",
        "n,,r=x,n=user",
        "n,,m=ext,n=user,r=x",
        "n,,n=us=er,r=x",
        "n,user,n=user,r=x",
        "p=tls-exporter,,n=user,r=x",
        "x,,n=user,r=x",
        "n,,n=us\u{7}er,r=x",
    ];
    for message in plain {
        assert_eq!(
            start(Mechanism::ScramSha256, message).err(),
            Some(SaslError::Malformed),
            "{message}"
        );
    }
    for message in ["n,,n=user,r=x", "y,,n=user,r=x", "p=tls-unique,,n=user,r=x"] {
        assert_eq!(
            start(Mechanism::ScramSha256Plus, message).err(),
            Some(SaslError::Malformed),
            "{message}"
        );
    }
    let long = format!("n,,n={},r=x", "u".repeat(1025));
    assert_eq!(
        start(Mechanism::ScramSha256, &long).err(),
        Some(SaslError::TooLong)
    );
}

#[test]
fn hiding_the_better_mechanism_is_noticed() {
    let first = |flag: &str, mechanism| start(mechanism, &format!("{flag},,n=user,r=x")).unwrap();
    let keys = |wanted: KeysWanted, channel| wanted.keys(part(pencil(), channel)).err();
    // RFC 5802 §6: the client was told that there is no -PLUS, and there is.
    let fooled = first("y", Mechanism::ScramSha256);
    assert_eq!(keys(fooled, Some(CHANNEL)), Some(SaslError::Malformed));
    assert_eq!(keys(first("y", Mechanism::ScramSha256), None), None);
    assert_eq!(
        keys(first("n", Mechanism::ScramSha256), Some(CHANNEL)),
        None
    );
    let plus = first("p=tls-exporter", Mechanism::ScramSha256Plus);
    assert_eq!(keys(plus, None), Some(SaslError::Malformed));
}

/// A client logs in to a server; what both make of it.
fn meet(
    mechanism: Mechanism,
    password: &str,
    keys: ScramKeys,
    channels: [Option<ChannelBinding>; 2],
) -> (bool, Result<(), SaslError>) {
    let login = Login {
        credentials: Credentials::new("u,s=er", password),
        nonce: "fyko+d2lbbFgONRv9qkxdawL".to_owned(),
    };
    let (initial, client) = ClientExchange::start(mechanism, &login, channels[0].as_ref()).unwrap();
    let Ok(Progress::Keys(wanted)) =
        Exchange::start(mechanism, initial.as_deref().map(str::as_bytes))
    else {
        panic!("no keys wanted")
    };
    assert_eq!(wanted.user(), "u,s=er");
    let Ok(Progress::Challenge { text, exchange }) = wanted.keys(part(keys, channels[1])) else {
        panic!("no challenge")
    };
    let (response, client) = client.respond(&text).unwrap();
    match exchange.respond(response.as_bytes()).unwrap() {
        Progress::Done(Offer::Proof(proof)) => (proof.proved, client.succeeded()),
        Progress::Proved { proven, .. } => {
            let (text, exchange) = proven.confirm();
            let (response, client) = client.respond(&text).unwrap();
            let taken = exchange.respond(response.as_bytes());
            (taken == Ok(Progress::Confirmed), client.succeeded())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_client_meets_a_server() {
    let keys = || ScramKeys::derive("pass\u{a0}w\u{f6}rd", b"salt", 4096).unwrap();
    let both = [Some(CHANNEL), Some(CHANNEL)];
    // RFC 4013: a non-breaking space is a space.
    let plain = meet(
        Mechanism::ScramSha256,
        "pass w\u{f6}rd",
        keys(),
        [None, None],
    );
    assert_eq!(plain, (true, Ok(())));
    let plus = meet(Mechanism::ScramSha256Plus, "pass w\u{f6}rd", keys(), both);
    assert_eq!(plus, (true, Ok(())));
    let wrong = meet(Mechanism::ScramSha256, "password", keys(), [None, None]);
    assert_eq!(wrong, (false, Err(SaslError::Impostor)));
    // Somebody between: two TLS connections.
    let between = [Some(CHANNEL), Some([8; 32])];
    assert!(
        !meet(
            Mechanism::ScramSha256Plus,
            "pass w\u{f6}rd",
            keys(),
            between
        )
        .0
    );
    let nobody = ScramKeys::pretend(b"secret", "user", 4096);
    assert_eq!(nobody, ScramKeys::pretend(b"secret", "user", 4096));
    assert!(!meet(Mechanism::ScramSha256, "x", nobody, [None, None]).0);
}

#[test]
fn a_server_that_knows_nothing_is_an_impostor() {
    let login = Login {
        credentials: Credentials::new("user", "pencil"),
        nonce: "abc".to_owned(),
    };
    let begin = || {
        ClientExchange::start(Mechanism::ScramSha256, &login, None)
            .unwrap()
            .1
    };
    assert_eq!(begin().succeeded(), Err(SaslError::Impostor));
    for first in [
        "r=xyz,s=c2FsdA==,i=4096",
        "r=abc,s=c2FsdA==,i=4096",
        "r=abcd,s=c2FsdA==,i=1",
        "r=abcd,s=c2FsdA==,i=4000000000",
        "r=abcd,s=*,i=4096",
        "e=unknown-user",
    ] {
        assert_eq!(
            begin().respond(&STANDARD.encode(first)).err(),
            Some(SaslError::Malformed),
            "{first}"
        );
    }
    let (_, client) = begin()
        .respond(&STANDARD.encode("r=abcd,s=c2FsdA==,i=4096"))
        .unwrap();
    let wrong = format!("v={}", STANDARD.encode([0; 32]));
    assert_eq!(
        client.respond(&STANDARD.encode(wrong)).err(),
        Some(SaslError::Impostor)
    );
}

#[test]
fn clients_choose_the_best_that_is_safe() {
    use Mechanism::{Login, OAuthBearer, Plain, ScramSha256, ScramSha256Plus};
    let all = [Login, Plain, ScramSha256, ScramSha256Plus, OAuthBearer];
    assert_eq!(
        ClientExchange::choose(&all, true, true),
        Some(ScramSha256Plus)
    );
    assert_eq!(ClientExchange::choose(&all, true, false), Some(ScramSha256));
    assert_eq!(
        ClientExchange::choose(&[Login, Plain], true, true),
        Some(Plain)
    );
    assert_eq!(ClientExchange::choose(&[Login, Plain], false, false), None);
    assert_eq!(ClientExchange::choose(&[OAuthBearer], true, true), None);
}

#[test]
fn keys_are_not_printed() {
    let keys = format!("{:?}", pencil());
    assert_eq!(keys, "ScramKeys { iterations: 4096, .. }");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_message_panics(first in "[npy]?,?(a=)?[a-z=,]{0,9},?n=[a-z=,]{0,6},r=[!-~]{0,9}", last in "(c=)?[A-Za-z=+/,]{0,12}(,r=)?[!-~]{0,20}(,p=)?[A-Za-z=]{0,44}") {
        for mechanism in [Mechanism::ScramSha256, Mechanism::ScramSha256Plus] {
            if let Ok(wanted) = start(mechanism, &first) {
                let keys = ScramKeys::pretend(b"secret", wanted.user(), 4096);
                if let Ok(Progress::Challenge { exchange, .. }) = wanted.keys(part(keys, None)) {
                    let _ = respond(exchange, &last);
                }
            }
        }
    }
}
