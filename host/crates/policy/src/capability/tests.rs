//! Host calls as a guest makes them, without the guest: what they give, what they cost, where they end.

mod sights;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use wasmtime::component::Resource;
use waxwing_mail::{Address, ForwardPath, Protocol, Recipient, ReversePath};

use crate::auth::{AuthResults, AuthVerdict, DkimVerdict, DomainVerdict};
use crate::bindings::waxwing::policy as wit;
use crate::facts::{ConnectionFacts, TransactionFacts};
use crate::hook::Hook;
use crate::limits::Limits;
use crate::memory::MemoryServices;
use crate::policy_file::{HttpGrant, Mode, Network, Origin};
use crate::recorder::{HostCall, Recorder};
use crate::services::dns::{DnsAnswer, DnsOutcome, DnsRecord, DnsSecurity};
use crate::services::http::HttpResponse;
use crate::sight::Sight;
use crate::state::{Context, Shared, State};
use crate::step::StepInfo;
use crate::subject::{Addressee, Connection, Mail};
use crate::view::MessageView;

/// The names of host calls, as a recorder sees them.
#[derive(Default)]
struct Calls(Mutex<Vec<String>>);

impl Recorder for Calls {
    fn host_call(&self, call: &HostCall<'_>) {
        let told = format!("{} {:?} {:?}", call.name, call.arguments, call.answer);
        self.0.lock().unwrap().push(told);
    }
}

/// A step in a world of its own.
struct World {
    services: Arc<MemoryServices>,
    calls: Arc<Calls>,
    limits: Limits,
    sight: Sight,
    network: Network,
}

impl World {
    fn new() -> Self {
        Self {
            services: Arc::new(MemoryServices::new()),
            calls: Arc::default(),
            limits: Limits::default(),
            sight: Sight::All,
            network: Network::default(),
        }
    }

    /// A call of a hook about this message.
    fn call(&self, mail: &[u8]) -> State {
        let mut state = self.bare();
        let address = |text: &str| Address::parse(text).unwrap();
        let connection = Arc::new(Connection::new(ConnectionFacts {
            id: "c1".into(),
            protocol: Protocol::Smtp,
            listener: "mx".into(),
            client: "192.0.2.7:4321".parse().unwrap(),
            local: "192.0.2.1:25".parse().unwrap(),
            tls: None,
        }));
        connection.state().helo = Some("client.example".into());
        let facts = TransactionFacts {
            queue_id: "q1".into(),
            sender: ReversePath::Address(address("bob@example.org")),
            params: Vec::new(),
            declared_size: None,
            smtputf8: false,
        };
        let transaction = Mail::new(facts, &connection);
        transaction
            .state()
            .recipients
            .push(Addressee::new(&Recipient::new(ForwardPath::Address(
                address("alice@waxwing.test"),
            ))));
        let context = Context {
            connection: Some(connection),
            mail: Some(Arc::new(transaction)),
            message: Some(Arc::new(MessageView::new(Bytes::copy_from_slice(mail)))),
            ..Context::default()
        };
        state.begin(context, Some(Hook::Message), Instant::now());
        state
    }

    /// An instance that no hook has been asked of yet.
    fn bare(&self) -> State {
        State::new(Arc::new(Shared {
            info: Arc::new(StepInfo {
                name: "step".into(),
                plugin: "plugin".into(),
                version: String::new(),
                digest: String::new(),
                signer: None,
            }),
            name: "step".into(),
            space: "step".into(),
            scratch: "scratch".into(),
            copies: crate::copies::Copies::over(self.services.clone()),
            mode: Mode::Enforce,
            limits: self.limits,
            sight: self.sight,
            network: Arc::new(self.network.clone()),
            relay: false,
            settings: "{}".into(),
            scores: Arc::default(),
            services: self.services.clone(),
            recorder: Some(self.calls.clone()),
            patterns: Arc::default(),
            kept: Mutex::default(),
            figures: crate::capability::Figures::default(),
        }))
    }

    fn recorded(&self) -> Vec<String> {
        self.calls.0.lock().unwrap().clone()
    }
}

fn question(name: &str, kind: wit::dns::RecordType) -> wit::dns::Question {
    wit::dns::Question {
        name: name.into(),
        kind,
    }
}

#[tokio::test]
async fn the_dns_is_asked_within_the_steps_limit_and_in_hooks_only() {
    use wit::dns::{Host as _, Outcome, RecordType, Security};
    let mut world = World::new();
    world.limits.dns_queries = 3;
    let address = DnsRecord::Address("192.0.2.1".parse().unwrap());
    let found = DnsAnswer::found(vec![address], Duration::from_secs(60));
    world.services.add_answer("a.example", 1, found);
    let bogus = DnsAnswer {
        security: DnsSecurity::Bogus,
        ..DnsAnswer::found(vec![DnsRecord::Text(b"x".to_vec())], Duration::ZERO)
    };
    world.services.add_answer("bogus.example", 16, bogus);
    let questions = vec![
        question("A.example.", RecordType::A),
        question("no name", RecordType::A),
        question("bogus.example", RecordType::Txt),
        question("a.example", RecordType::Number(257)),
        question("a.example", RecordType::A),
    ];
    let mut state = world.call(b"");
    let answers = state.look_up(questions.clone()).await.unwrap();
    let outcomes: Vec<_> = answers.iter().map(|answer| answer.outcome).collect();
    assert_eq!(
        outcomes,
        [
            Outcome::Found,
            Outcome::InvalidName,
            Outcome::TemporaryFailure,
            Outcome::NoData,
            Outcome::Limit
        ]
    );
    assert_eq!(answers[0].ttl_seconds, 60);
    assert_eq!(answers[2].security, Security::Bogus);
    assert!(answers[2].records.is_empty(), "what is bogus is no answer");
    assert!(world.recorded()[0].starts_with("dns.look-up "));

    let answers = world.bare().look_up(questions).await.unwrap();
    assert!(answers.iter().all(|answer| answer.records.is_empty()));
    assert_eq!(answers[0].outcome, Outcome::Limit, "init asks nobody");
}

#[tokio::test]
async fn lists_answer_in_their_own_codes() {
    use wit::dnsbl::{DnsblError, Host as _, Outcome, Subject};
    let mut world = World::new();
    world.network.zones = vec!["one.example".into(), "two.example".into()];
    let address = |text: &str| DnsRecord::Address(text.parse().unwrap());
    for (name, record) in [
        ("7.2.0.192.one.example", "127.0.0.2"),
        ("7.2.0.192.two.example", "203.0.113.1"),
        ("shop.example.one.example", "127.255.255.254"),
    ] {
        let answer = DnsAnswer::found(vec![address(record)], Duration::ZERO);
        world.services.add_answer(name, 1, answer);
    }
    let reason = DnsRecord::Text(b"seen in a trap".to_vec());
    let reason = DnsAnswer::found(vec![reason], Duration::ZERO);
    world
        .services
        .add_answer("7.2.0.192.one.example", 16, reason);
    let failed = DnsAnswer::without(DnsOutcome::TemporaryFailure, DnsSecurity::Indeterminate);
    world
        .services
        .add_answer("shop.example.two.example", 1, failed);

    let client = Subject::Address(wit::types::IpAddress::Ipv4((192, 0, 2, 7)));
    let subjects = vec![client.clone(), Subject::Domain("shop.example".into())];
    let mut state = world.call(b"");
    let listings = state.look_up(subjects.clone(), Vec::new(), true).await;
    let listings = listings.unwrap().unwrap();
    let told: Vec<_> = listings
        .iter()
        .map(|listing| (listing.subject, listing.zone.as_str(), listing.outcome))
        .collect();
    assert_eq!(
        told,
        [
            (0, "one.example", Outcome::Listed),
            // No list answers outside of 127/8.
            (0, "two.example", Outcome::Unavailable),
            // The list refuses who asks; that lists nobody.
            (1, "one.example", Outcome::Unavailable),
            (1, "two.example", Outcome::Unavailable),
        ]
    );
    assert_eq!(listings[0].texts, ["seen in a trap"]);
    assert_eq!(listings[0].codes.len(), 1);

    let other = state
        .look_up(subjects.clone(), vec!["three.example".into()], false)
        .await;
    assert!(matches!(other.unwrap(), Err(DnsblError::NotGranted(zone)) if zone == "three.example"));
    let invalid = state
        .look_up(vec![Subject::Domain("a..b".into())], Vec::new(), false)
        .await;
    assert!(matches!(invalid.unwrap(), Err(DnsblError::Invalid(_))));
    let mut state = world.call(b"");
    let many = vec![client; 60];
    let limit = state.look_up(many, Vec::new(), false).await;
    assert!(matches!(limit.unwrap(), Err(DnsblError::Limit)));
}

#[tokio::test]
async fn requests_are_counted_and_secrets_are_the_hosts() {
    use wit::http::{HeaderValue, Host as _, HttpError, Request, Secret};
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("api"), "t0p s3cret\n").unwrap();
    std::fs::write(
        folder.path().join("policy.toml"),
        "[[step]]\nplugin = 'p'\ngrants = ['http']\nlimits = { http-requests = 2 }\nhttp = { hosts = ['api.example.org'], secrets = { api = 'api' } }\n",
    )
    .unwrap();
    let policy = crate::policy_file::PolicyFile::read(
        &folder.path().join("policy.toml"),
        crate::policy_file::Ground::Own,
    )
    .unwrap();
    assert!(
        policy.inputs.files.iter().any(|file| file.ends_with("api")),
        "a new secret is a new policy"
    );
    let config = &policy.steps[0].step;
    assert!(!format!("{config:?}").contains("s3cret"));
    let mut world = World::new();
    world.network = (*config.network).clone();
    world.limits = config.limits;
    let response = HttpResponse {
        status: 200,
        headers: Vec::new(),
        body: Bytes::from_static(b"good"),
    };
    world
        .services
        .add_response("https://api.example.org:443/x", response);
    let request = |secret: &str| Request {
        method: "GET".into(),
        url: "https://api.example.org/x".into(),
        headers: vec![(
            "Authorization".into(),
            HeaderValue::Secret(Secret {
                prefix: "Bearer ".into(),
                name: secret.into(),
            }),
        )],
        body: Vec::new(),
        timeout_ms: None,
    };
    let mut state = world.call(b"");
    let answers = state
        .send(vec![
            request("api"),
            request("other"),
            request("api"),
            request("api"),
        ])
        .await
        .unwrap();
    assert_eq!(answers[0].as_ref().unwrap().body, b"good");
    assert!(matches!(answers[1], Err(HttpError::NotGranted(_))));
    assert!(answers[2].is_ok());
    assert!(matches!(answers[3], Err(HttpError::Limit)));
    let sent = world.services.fetched();
    let sent = &sent[0];
    assert_eq!(
        sent.headers,
        [("authorization".to_owned(), "Bearer t0p s3cret".to_owned())]
    );
    assert!(!format!("{sent:?}").contains("s3cret"));
    assert!(
        !world.recorded().concat().contains("s3cret"),
        "the recorder sees the name"
    );
}

#[tokio::test]
async fn what_a_response_brings_counts_as_read() {
    use wit::http::{Host as _, HttpError, Request};
    let mut world = World::new();
    world.limits.read = 5;
    world.network.http = HttpGrant {
        origins: vec![Origin {
            secure: false,
            host: "[::1]".into(),
            port: 8080,
        }],
        ..HttpGrant::default()
    };
    let response = HttpResponse {
        status: 200,
        headers: Vec::new(),
        body: Bytes::from_static(b"four"),
    };
    world.services.add_response("http://::1:8080/", response);
    let request = Request {
        method: "GET".into(),
        url: "http://[::1]:8080/".into(),
        headers: Vec::new(),
        body: Vec::new(),
        timeout_ms: Some(1),
    };
    let mut state = world.call(b"");
    let answers = state.send(vec![request.clone(), request]).await.unwrap();
    assert!(answers[0].is_ok());
    assert!(matches!(answers[1], Err(HttpError::TooLarge)));
}

#[tokio::test]
async fn passwords_are_recorded_nowhere() {
    use wit::passwords::{Host as _, PasswordsError};
    let world = World::new();
    let mut state = world.call(b"");
    let stored = state.hash("horse".into()).await.unwrap().unwrap();
    assert!(
        state
            .verify("horse".into(), stored.clone())
            .await
            .unwrap()
            .unwrap()
    );
    assert!(!state.verify("mouse".into(), stored).await.unwrap().unwrap());
    let unknown = state.verify("horse".into(), "$9$x".into()).await.unwrap();
    assert!(matches!(unknown, Err(PasswordsError::Unsupported(_))));
    let long = state.hash("p".repeat(1025)).await.unwrap();
    assert!(matches!(long, Err(PasswordsError::TooLong)));
    assert_eq!(world.recorded().len(), 5);
    assert!(!world.recorded().concat().contains("horse"));
}

#[tokio::test]
async fn keys_in_bulk_are_bounded() {
    use wit::kv::{Area, Host as _, KvError};
    let world = World::new();
    let mut state = world.call(b"");
    let words: Vec<(String, i64)> = (0..1000).map(|n| (format!("w{n}"), n)).collect();
    let sums = state
        .increment_many(Area::Plugin, words.clone(), None)
        .await;
    assert_eq!(sums.unwrap().unwrap()[999], 999);
    let keys: Vec<String> = words.iter().map(|(word, _)| word.clone()).collect();
    let counters = state.counters(Area::Plugin, keys).await.unwrap().unwrap();
    assert_eq!((counters[0], counters[999]), (0, 999));
    let many = vec![("x".to_owned(), 1); 1001];
    let refused = state
        .increment_many(Area::Plugin, many, None)
        .await
        .unwrap();
    assert!(matches!(refused, Err(KvError::TooLarge)));
    let large = vec![("x".to_owned(), vec![0; 64 << 10]); 17];
    let refused = state.set_many(Area::Plugin, large, None).await.unwrap();
    assert!(matches!(refused, Err(KvError::TooLarge)), "1 MiB in all");
    let nowhere = state
        .set_many(Area::Domain, Vec::new(), None)
        .await
        .unwrap();
    assert!(matches!(nowhere, Err(KvError::NoDomain)));
}

#[test]
fn results_of_authentication_are_the_hosts_and_none_where_it_has_none() {
    use wit::auth_results::{Host as _, Verdict};
    let mut world = World::new();
    let mut state = world.call(b"");
    assert_eq!(state.spf().unwrap().verdict, Verdict::None);
    assert!(state.dkim().unwrap().is_empty());
    assert_eq!(state.dmarc().unwrap().verdict, Verdict::None);
    let results = AuthResults {
        spf: DomainVerdict {
            verdict: AuthVerdict::SoftFail,
            domain: "example.org".into(),
            ..DomainVerdict::default()
        },
        dkim: vec![DkimVerdict::default(); 60],
        ..AuthResults::default()
    };
    let told = |state: &mut State| {
        let mail = state.context.mail.clone().unwrap();
        mail.state().auth = Some(Arc::new(results.clone()));
        (state.spf().unwrap().verdict, state.dkim().unwrap().len())
    };
    assert_eq!(told(&mut state), (Verdict::Softfail, 50));
    world.sight = Sight::Urls;
    assert_eq!(told(&mut world.call(b"")), (Verdict::None, 0));
}

const MAIL: &[u8] = b"From: Ann <ann@example.org>\r\nReceived: from client.example\r\nSubject: Offer\r\nMessage-ID: <1@example.org>\r\n\
    MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nsee http://shop.example/ or mailto:ann@example.org\r\n\
    --b\r\nContent-Type: application/zip; name=n.zip\r\n\r\nPK\r\n--b--\r\n";

fn sender(state: &mut State) -> Option<wit::types::MailAddress> {
    wit::envelope::HostEnvelope::sender(state, Resource::new_borrow(0)).unwrap()
}

/// How many recipients are shown, by either call.
fn recipients(state: &mut State) -> usize {
    use wit::envelope::HostEnvelope as _;
    let some = state
        .recipients(Resource::new_borrow(0), 0, 10)
        .unwrap()
        .len();
    let one = state.recipient(Resource::new_borrow(0), 0).unwrap();
    assert_eq!(one.is_some(), some == 1);
    some
}

#[test]
fn what_is_asked_of_the_header_costs_what_the_header_costs() {
    use wit::message::HostMessage as _;
    let mail = |body: usize| {
        let mut mail =
            b"From: Ann <ann@example.org>\r\nSubject: Offer\r\nMessage-ID: <1@example.org>\r\n\
            Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n"
                .to_vec();
        while mail.len() < body {
            mail.extend_from_slice(b"a line of text, and then another\r\n");
        }
        mail
    };
    let world = World::new();
    // The least of many tries: what only the machine's other work costs is in none of them for long.
    let cost = |mail: &[u8]| {
        let raw = Bytes::copy_from_slice(mail);
        let tries = (0..200).map(|_| {
            let mut state = world.call(b"");
            state.context.message = Some(Arc::new(MessageView::new(raw.clone())));
            let begun = Instant::now();
            let view = || Resource::new_borrow(0);
            assert_eq!(state.subject(view()).unwrap(), "Offer");
            assert_eq!(state.from_addresses(view()).unwrap(), ["ann@example.org"]);
            assert_eq!(state.message_id(view()).unwrap().unwrap(), "1@example.org");
            begun.elapsed()
        });
        tries.min().unwrap()
    };
    let (small, large) = (cost(&mail(2 << 10)), cost(&mail(20 << 20)));
    assert!(
        large < small * 3,
        "three headers of a message of 2 KB cost {small:?}, of one of 20 MB {large:?}"
    );
}
