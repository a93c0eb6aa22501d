//! Logging in by what stands for a password: app passwords, tokens that were made here and those of an issuer, certificates.

use std::fs;
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rustls::SignatureScheme;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use waxwing_tests::client::{Connection, Imap, Pop3, Smtp};
use waxwing_tests::pages::Pages;
use waxwing_tests::setup::PASSWORD;
use waxwing_tests::{Server, Setup, place};

const ALICE: &str = "alice@waxwing.test";

/// The initial response of OAUTHBEARER, with and without a name.
fn bearer(user: Option<&str>, token: &str) -> String {
    let name = user.map_or_else(String::new, |user| format!("a={user}"));
    STANDARD.encode(format!("n,{name},\u{1}auth=Bearer {token}\u{1}\u{1}"))
}

fn xoauth2(user: &str, token: &str) -> String {
    STANDARD.encode(format!("user={user}\u{1}auth=Bearer {token}\u{1}\u{1}"))
}

/// Whether IMAP lets somebody in by an initial response; a refusal is confirmed, as RFC 7628 §3.2.3 has it.
fn imap(server: &Server, mechanism: &str, response: &str) -> bool {
    let mut imap = Imap::open(server.address("imap")).unwrap();
    let command = format!("a AUTHENTICATE {mechanism} {response}\r\n");
    imap.connection.send(command.as_bytes()).unwrap();
    let mut line = imap.connection.line().unwrap().unwrap();
    if line.starts_with(b"+ ") {
        imap.connection.send(b"AQ==\r\n").unwrap();
        line = imap.connection.line().unwrap().unwrap();
    }
    let said = String::from_utf8(line).unwrap();
    assert!(
        said.starts_with("a OK") || said.starts_with("a NO [AUTHENTICATIONFAILED]"),
        "{said}"
    );
    said.starts_with("a OK")
}

fn submission(server: &Server, mechanism: &str, response: &str) -> bool {
    let mut smtp = Smtp::open(server.address("submission")).unwrap();
    let mut said = smtp
        .command(&format!("AUTH {mechanism} {response}"))
        .unwrap();
    if said.code == 334 {
        said = smtp.command("AQ==").unwrap();
    }
    assert!(
        [235, 535].contains(&said.code),
        "{} {}",
        said.code,
        said.text
    );
    said.code == 235
}

/// A secret that the command line makes.
fn made(server: &Server, arguments: &[&str]) -> String {
    server.cli(arguments).trim().to_owned()
}

#[test]
fn own_tokens() {
    let server = Setup::new().start();
    let token = made(
        &server,
        &[
            "account",
            "token",
            "add",
            ALICE,
            "--scope",
            "imap",
            "--name",
            "laptop",
            "--expires",
            "90d",
        ],
    );
    assert!(token.starts_with("wxt_") && token.len() == 68, "{token}");
    assert!(imap(&server, "OAUTHBEARER", &bearer(None, &token)));
    assert!(imap(&server, "OAUTHBEARER", &bearer(Some(ALICE), &token)));
    assert!(imap(
        &server,
        "XOAUTH2",
        &xoauth2("Alice@Waxwing.Test", &token)
    ));
    // Not as somebody else, not for another protocol, not as a password, and no other one.
    assert!(!imap(
        &server,
        "XOAUTH2",
        &xoauth2("bob@waxwing.test", &token)
    ));
    assert!(!submission(&server, "XOAUTH2", &xoauth2(ALICE, &token)));
    assert!(Imap::login(server.address("imap"), ALICE, &token).is_err());
    assert!(!imap(
        &server,
        "OAUTHBEARER",
        &bearer(Some(ALICE), &"wxt_0".repeat(8))
    ));
    assert!(!imap(&server, "OAUTHBEARER", &bearer(None, "e30.e30.e30")));

    let listed = server.json(&["account", "token", "list", ALICE]);
    assert_eq!(
        (&listed[0]["name"], &listed[0]["scopes"]),
        (&json!("laptop"), &json!(["imap"]))
    );
    assert!(!listed.to_string().contains(&token));
    let id = listed[0]["id"].to_string();
    let _ = server.cli(&["account", "token", "remove", ALICE, &id]);
    assert!(!imap(&server, "OAUTHBEARER", &bearer(Some(ALICE), &token)));
}

#[test]
fn app_passwords() {
    let server = Setup::new().start();
    let all = made(&server, &["account", "app-password", ALICE]);
    let sending = made(
        &server,
        &["account", "app-password", "add", ALICE, "--scope", "smtp"],
    );
    for password in [&all, PASSWORD] {
        Imap::login(server.address("imap"), ALICE, password).unwrap();
        Pop3::login(server.address("pop3"), ALICE, password).unwrap();
    }
    assert!(Imap::login(server.address("imap"), ALICE, &sending).is_err());
    let plain = |password: &str| STANDARD.encode(format!("\0{ALICE}\0{password}"));
    assert!(submission(&server, "PLAIN", &plain(&sending)));
    // Behind the account's own password a code is wanted from now on; app passwords are what they were.
    let uri = made(&server, &["account", "totp", "enable", ALICE]);
    assert!(
        uri.starts_with("otpauth://totp/Waxwing:alice@waxwing.test?secret="),
        "{uri}"
    );
    assert!(!submission(&server, "PLAIN", &plain(PASSWORD)));
    assert!(submission(&server, "PLAIN", &plain(&sending)));
    let _ = server.cli(&["account", "totp", "disable", ALICE]);
    assert!(submission(&server, "PLAIN", &plain(PASSWORD)));
    let _ = server.cli(&["account", "password", ALICE, "--close"]);
    assert!(!submission(&server, "PLAIN", &plain(&sending)));
}

/// Where the issuer of the test is.
static ISSUER: OnceLock<String> = OnceLock::new();

const ED25519: &str = "ezBp53qwdZbdFX2gRHCD59DiD9oYPpqVlLbQN2Ih4rs";
const P256: [&str; 2] = [
    "mfhn1AFX737OVqYO6TdFiijhhLiaXQyhqkViLvGVKIc",
    "QpQMy7pjO7rxYCRTV5-et55cc5lYbY2dZ9KZne4iYrA",
];
const RSA: &str = "phchsJgMfbWxLxrK8Jkf-GvepJj2aYZE4xIcDmpoEP8J7fvNnayvHB8ay4wwGUkD_I69-V00EYAgf4NC5S-rOQrSmwYK15k08fAYepizOu1I5UkQVy-eKvFiiBv5-Iq8CCFog4ZAnSdMA1aEO7iV1Xfw6d6ppTWZkXBi-1RgWfzL_ZkWXiI31p4jTREzA5ZdSa8l5dGkp-Imc1dT1o4pYw2Pe2aky0mnD7E1mUrs1FCDZhSeXiJROgE9AANle3XB5X3afHYt-oMML1p0GIUHCGOYwKGLxwvdTA4Ji_LlTDu7k-4VuF-SjPHK_bSovM4UCYtIYYHMh7Yc4CTeEUjl1Q";

fn web(target: &str) -> Option<Vec<u8>> {
    let issuer = ISSUER.get()?;
    let answer = match target {
        "/.well-known/openid-configuration" => {
            json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/keys") })
        }
        _ => json!({ "keys": [
            { "kty": "OKP", "crv": "Ed25519", "kid": "ed", "alg": "EdDSA", "use": "sig", "x": ED25519 },
            { "kty": "EC", "crv": "P-256", "kid": "es", "alg": "ES256", "use": "sig", "x": P256[0], "y": P256[1] },
            { "kty": "RSA", "kid": "rsa", "alg": "RS256", "use": "sig", "n": RSA, "e": "AQAB" },
        ] }),
    };
    let body = answer.to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    Some((head + &body).into_bytes())
}

/// A token (RFC 7519 §7.1), signed by the key of this name.
fn token(kid: &str, claims: &Value) -> String {
    let (file, algorithm, scheme) = match kid {
        "rsa" => ("issuer-rsa.pem", "RS256", SignatureScheme::RSA_PKCS1_SHA256),
        "es" => (
            "issuer-es256.pem",
            "ES256",
            SignatureScheme::ECDSA_NISTP256_SHA256,
        ),
        _ => ("issuer-ed25519.pem", "EdDSA", SignatureScheme::ED25519),
    };
    let pem = fs::read(place::tests().join("keys").join(file)).unwrap();
    let key = PrivateKeyDer::from_pem_slice(&pem).unwrap();
    let key: Arc<dyn rustls::sign::SigningKey> = any_supported_type(&key).unwrap();
    let signer = key.choose_scheme(&[scheme]).unwrap();
    let header = json!({ "typ": "JWT", "alg": algorithm, "kid": kid });
    let encoded = [header, claims.clone()].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let signed = encoded.join(".");
    let mut signature = signer.sign(signed.as_bytes()).unwrap();
    if algorithm == "ES256" {
        signature = fixed(&signature);
    }
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// RFC 7518 §3.4: both numbers of a signature in 32 octets each, from the DER of TLS (RFC 3279 §2.2.3).
fn fixed(der: &[u8]) -> Vec<u8> {
    let mut rest = &der[2..];
    let mut out = Vec::new();
    for _ in 0..2 {
        let (number, after) = rest[2..].split_at(usize::from(rest[1]));
        let digits = &number[number.len().saturating_sub(32)..];
        out.extend(std::iter::repeat_n(0, 32 - digits.len()).chain(digits.iter().copied()));
        rest = after;
    }
    out
}

/// The token with a header that names another key or algorithm; the signature stays.
fn under(token: &str, kid: &str, algorithm: &str) -> String {
    let (_, rest) = token.split_once('.').unwrap();
    let header = json!({ "typ": "JWT", "alg": algorithm, "kid": kid });
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

fn changed(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    claims[name] = value;
    claims
}

#[test]
fn tokens_of_an_issuer() {
    let pages = Pages::serve(web);
    let issuer = format!("http://{}", pages.address());
    ISSUER.set(issuer.clone()).unwrap();
    let settings = format!("[oauth]\nissuer = \"{issuer}\"\naudience = \"mail\"\n");
    let server = Setup::new().settings(&settings).start();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let good = json!({
        "iss": issuer, "aud": ["mail", "calendar"], "exp": now + 600, "nbf": now - 10, "sub": "17",
        "email": "Alice@waxwing.test", "email_verified": true,
    });
    for kid in ["ed", "es", "rsa"] {
        let token = token(kid, &good);
        assert!(imap(&server, "OAUTHBEARER", &bearer(None, &token)), "{kid}");
        assert!(
            submission(&server, "XOAUTH2", &xoauth2(ALICE, &token)),
            "{kid}"
        );
        assert!(!submission(
            &server,
            "XOAUTH2",
            &xoauth2("bob@waxwing.test", &token)
        ));
        let tampered = token.replacen('.', ".e30", 1);
        assert!(!imap(&server, "OAUTHBEARER", &bearer(None, &tampered)));
    }
    // RFC 8725 §3.1: the algorithm belongs to the key, and there is one.
    let es = token("es", &good);
    for (kid, algorithm) in [
        ("rsa", "ES256"),
        ("ed", "ES256"),
        ("es", "RS256"),
        ("es", "EdDSA"),
        ("es", "ES384"),
        ("es", "HS256"),
        ("es", "none"),
    ] {
        let token = under(&es, kid, algorithm);
        assert!(
            !imap(&server, "OAUTHBEARER", &bearer(None, &token)),
            "{kid} {algorithm}"
        );
    }
    // Another signature, and one of other claims.
    let (said, signature) = es.rsplit_once('.').unwrap();
    let mut octets = URL_SAFE_NO_PAD.decode(signature).unwrap();
    octets[40] ^= 1;
    let others = token("es", &changed(&good, "email", json!("bob@waxwing.test")));
    let (_, others) = others.rsplit_once('.').unwrap();
    for signature in [URL_SAFE_NO_PAD.encode(&octets).as_str(), others, ""] {
        let token = format!("{said}.{signature}");
        assert!(!imap(&server, "OAUTHBEARER", &bearer(None, &token)));
    }
    // RFC 8725 §3.8, §3.9: of another issuer, for others; RFC 7519 §4.1: too late, too early; nobody's, not here.
    for (claim, value) in [
        ("iss", json!("https://other.example")),
        ("aud", json!("calendar")),
        ("exp", json!(now - 120)),
        ("nbf", json!(now + 300)),
        ("email_verified", json!(false)),
        ("email_verified", json!("false")),
        ("email_verified", json!(null)),
        ("email", json!("nobody@waxwing.test")),
    ] {
        let token = token("ed", &changed(&good, claim, value));
        assert!(
            !imap(&server, "OAUTHBEARER", &bearer(None, &token)),
            "{claim}"
        );
    }
    // A key that the issuer does not have makes the server look once, and no more for a while.
    let asked = pages.asked().len();
    let header = URL_SAFE_NO_PAD.encode(json!({ "alg": "EdDSA", "kid": "lost" }).to_string());
    for _ in 0..3 {
        let token = format!(
            "{header}.{}.{}",
            URL_SAFE_NO_PAD.encode(good.to_string()),
            "AAAA"
        );
        assert!(!imap(&server, "OAUTHBEARER", &bearer(None, &token)));
    }
    assert!(pages.asked().len() <= asked + 2);
}

#[test]
fn certificates_of_clients() {
    let keys = place::tests().join("keys");
    let authorities = keys.join("clients-ca.pem");
    let settings = format!(
        "[tls]\nclient-authorities = {authorities:?}\n\
         [[listener]]\nname = \"certified\"\nprotocol = \"imap\"\naddress = \"127.0.0.1:0\"\ntls = \"implicit\"\nclient-certificates = true\n"
    );
    let server = Setup::new().settings(&settings).start();
    let at = server.address("certified");
    let certificate = |name: &str| fs::read(keys.join(name)).unwrap();
    let say = |connection: &mut Connection, line: &str| {
        connection.send(format!("{line}\r\n").as_bytes()).unwrap();
        String::from_utf8(connection.line().unwrap().unwrap()).unwrap()
    };
    for (wanted, ends) in [
        ("=", "a OK"),
        (STANDARD.encode(ALICE).as_str(), "a OK"),
        (
            STANDARD.encode("bob@waxwing.test").as_str(),
            "a NO [AUTHENTICATIONFAILED]",
        ),
    ] {
        let mut connection =
            Connection::open_certified(at, &certificate("client-alice.pem")).unwrap();
        let greeting = String::from_utf8(connection.line().unwrap().unwrap()).unwrap();
        assert!(greeting.contains("AUTH=EXTERNAL"), "{greeting}");
        let said = say(
            &mut connection,
            &format!("a AUTHENTICATE EXTERNAL {wanted}"),
        );
        assert!(said.starts_with(ends), "{wanted}: {said}");
    }
    // Without a certificate there is everything else; with one of another authority there is nothing.
    let mut connection = Connection::open_tls(at).unwrap();
    let greeting = String::from_utf8(connection.line().unwrap().unwrap()).unwrap();
    assert!(
        !greeting.contains("AUTH=EXTERNAL") && greeting.contains("AUTH=PLAIN"),
        "{greeting}"
    );
    let said = say(&mut connection, "a AUTHENTICATE EXTERNAL =");
    assert!(said.starts_with("a NO [CANNOT]"), "{said}");
    let stranger = Connection::open_certified(at, &certificate("client-stranger.pem"));
    let refused = stranger.and_then(|mut connection| connection.line());
    assert!(!matches!(refused, Ok(Some(_))), "{refused:?}");
}
