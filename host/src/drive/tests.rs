//! The driver with a toy session of one-letter commands, over real sockets.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::*;
use crate::config::{Config, Limits, Service};
use crate::sessions::Sessions;
use crate::shutdown::Shutdown;
use crate::tls::Certificates;

/// `a` asks, `f` floods, `d` sets a deadline that is over, `s` starts TLS, `t` begins what takes time, `q` quits; the rest is echoed.
#[derive(Default)]
struct Toy {
    input: VecDeque<u8>,
    output: VecDeque<Step<()>>,
    deadline: Option<Instant>,
    /// `t`: a transaction runs, which is not at its end.
    stays: bool,
    flooding: Option<Arc<AtomicUsize>>,
    floods: Arc<AtomicUsize>,
}

impl Toy {
    fn say(&mut self, text: &'static str) {
        self.output
            .push_back(Step::Write(Bytes::from_static(text.as_bytes())));
    }

    fn goodbye(&mut self, text: &'static str) {
        self.say(text);
        self.output.push_back(Step::Close);
    }
}

impl Session for Toy {
    type Ask = ();
    type Answer = &'static str;

    fn receive(&mut self, bytes: &[u8], _now: Instant) {
        self.input.extend(bytes);
    }

    fn step(&mut self) -> Step<()> {
        if let Some(step) = self.output.pop_front() {
            return step;
        }
        if let Some(floods) = &self.flooding {
            floods.fetch_add(1, Ordering::Relaxed);
            return Step::Write(Bytes::from(vec![b'x'; HIGH_WATER]));
        }
        match self.input.pop_front() {
            None => Step::Read,
            Some(b'a') => Step::Ask(()),
            Some(b'f') => {
                self.flooding = Some(Arc::clone(&self.floods));
                self.step()
            }
            Some(b'd') => {
                self.deadline = Some(Instant::now());
                self.step()
            }
            Some(b't') => {
                self.stays = true;
                self.step()
            }
            Some(b's') => {
                self.input.clear();
                self.output.push_back(Step::StartTls);
                Step::Write(Bytes::from_static(b"go"))
            }
            Some(b'q') => {
                self.goodbye("bye");
                self.step()
            }
            Some(other) => Step::Write(Bytes::from(vec![other])),
        }
    }

    fn answer(&mut self, answer: &'static str, _now: Instant) {
        self.say(answer);
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    fn expire(&mut self, _now: Instant) {
        self.deadline = None;
        self.goodbye("late");
    }

    fn secured(&mut self, _now: Instant) {
        self.say("secured");
    }

    fn wake(&mut self) {
        self.say("news");
    }

    fn shutdown(&mut self) {
        if !self.stays {
            self.goodbye("down");
        }
    }

    fn cut(&mut self, why: Cut) {
        self.flooding = None;
        self.goodbye(match why {
            Cut::Shutdown => "cut",
            Cut::Crowded => "crowded",
            Cut::Excess => "excess",
        });
    }
}

/// Answers when it is let, and has news when it is told.
#[derive(Default)]
struct Slowly {
    let_go: Arc<Notify>,
    news: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    facts: Arc<std::sync::Mutex<Option<TlsFacts>>>,
    /// Octets that the peer may send.
    allowed: Option<u64>,
    /// Octets that it sent before it was answered.
    early: Arc<AtomicUsize>,
}

impl Answers<Toy> for Slowly {
    fn early(&mut self, octets: usize) {
        self.early.store(octets, Ordering::Relaxed);
    }

    fn spent(&mut self, _did: Counts, octets: u64) -> bool {
        let Some(allowed) = &mut self.allowed else {
            return true;
        };
        *allowed = allowed.saturating_sub(octets);
        *allowed > 0
    }

    fn answer(&mut self, (): ()) -> Answering<'_, &'static str> {
        Box::pin(async {
            self.let_go.notified().await;
            "answered"
        })
    }

    fn secured(&mut self, facts: TlsFacts) {
        *self.facts.lock().unwrap() = Some(facts);
    }

    fn poll_news(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(news) = &mut self.news else {
            return Poll::Pending;
        };
        let polled = news.as_mut().poll(context);
        if polled.is_ready() {
            self.news = None;
        }
        polled
    }
}

struct Server {
    address: SocketAddr,
    shutdown: Shutdown,
    certificate: Vec<u8>,
    ended: JoinHandle<io::Result<()>>,
    floods: Arc<AtomicUsize>,
    let_go: Arc<Notify>,
    facts: Arc<std::sync::Mutex<Option<TlsFacts>>>,
    _data: tempfile::TempDir,
}

/// Drives one connection of the toy.
async fn server(answers: Slowly, write: Duration) -> Server {
    let data = tempfile::tempdir().unwrap();
    let mut config = Config {
        hostname: "localhost".into(),
        data: data.path().into(),
        ..Config::default()
    };
    config.complete();
    let acceptor = Certificates::open(&config).unwrap().acceptor(false).clone();
    let certificate = std::fs::read(&config.tls.certificate).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = Shutdown::new();
    let phase = shutdown.phase();
    let (floods, let_go, facts) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::clone(&answers.let_go),
        Arc::clone(&answers.facts),
    );
    let toy = Toy {
        floods: Arc::clone(&floods),
        ..Toy::default()
    };
    let ended = tokio::spawn(async move {
        let (stream, client) = listener.accept().await?;
        let sessions = Sessions::new(&Limits::default());
        let origin = sessions.origin(client.ip());
        let seat = sessions
            .admit(origin, Service::Smtp, Instant::now())
            .unwrap();
        let link = Link {
            id: 1,
            transport: Transport::new(stream),
            implicit_tls: false,
            terms: Arc::new(Terms {
                acceptor,
                handshake: Duration::from_secs(10),
                write,
            }),
            phase,
            seat: Arc::new(seat),
        };
        Drive::new(toy, answers, link).run().await
    });
    Server {
        address,
        shutdown,
        certificate,
        ended,
        floods,
        let_go,
        facts,
        _data: data,
    }
}

const MINUTE: Duration = Duration::from_secs(60);

async fn read_all(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn what_is_said_arrives_in_order_and_the_end_is_seen() {
    let server = server(Slowly::default(), MINUTE).await;
    server.let_go.notify_one();
    let mut client = TcpStream::connect(server.address).await.unwrap();
    client.write_all(b"12a3q").await.unwrap();
    assert_eq!(read_all(&mut client).await, "12answered3bye");
    drop(client);
    server.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_was_said_goes_out_before_a_slow_answer() {
    let server = server(Slowly::default(), MINUTE).await;
    let mut client = TcpStream::connect(server.address).await.unwrap();
    client.write_all(b"12a").await.unwrap();
    let mut two = [0; 2];
    client.read_exact(&mut two).await.unwrap();
    assert_eq!(&two, b"12");
    server.let_go.notify_one();
    client.write_all(b"q").await.unwrap();
    assert_eq!(read_all(&mut client).await, "answeredbye");
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_dropped_and_costs_little() {
    let server = server(Slowly::default(), Duration::from_millis(50)).await;
    let mut client = TcpStream::connect(server.address).await.unwrap();
    client.write_all(b"f").await.unwrap();
    let error = server.ended.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    // What the sockets' buffers took, and not more.
    assert!(server.floods.load(Ordering::Relaxed) * HIGH_WATER < 64 << 20);
}

#[tokio::test]
async fn deadlines_news_and_the_end_of_the_server_reach_the_session() {
    let late = server(Slowly::default(), MINUTE).await;
    let mut client = TcpStream::connect(late.address).await.unwrap();
    client.write_all(b"1d").await.unwrap();
    assert_eq!(read_all(&mut client).await, "1late");

    let news = Slowly {
        news: Some(Box::pin(std::future::ready(()))),
        ..Slowly::default()
    };
    let down = server(news, MINUTE).await;
    let mut client = TcpStream::connect(down.address).await.unwrap();
    let mut four = [0; 4];
    client.read_exact(&mut four).await.unwrap();
    assert_eq!(&four, b"news");
    down.shutdown.enter(Phase::Draining);
    assert_eq!(read_all(&mut client).await, "down");
}

#[tokio::test]
async fn what_is_not_at_its_end_when_the_server_stops_hears_so() {
    // Between two commands, and while an answer is worked out; what was said before is not lost.
    for (said, heard) in [("t1", "1cut"), ("t12a", "12cut")] {
        let server = server(Slowly::default(), MINUTE).await;
        let mut client = TcpStream::connect(server.address).await.unwrap();
        client.write_all(said.as_bytes()).await.unwrap();
        let mut first = [0; 1];
        client.read_exact(&mut first).await.unwrap();
        server.shutdown.enter(Phase::Draining);
        server.shutdown.enter(Phase::Stopping);
        assert_eq!(format!("1{}", read_all(&mut client).await), heard);
        server.ended.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn what_is_too_much_ends_the_session() {
    let answers = Slowly {
        allowed: Some(4),
        ..Slowly::default()
    };
    let server = server(answers, MINUTE).await;
    let mut client = TcpStream::connect(server.address).await.unwrap();
    client.write_all(b"123").await.unwrap();
    let mut three = [0; 3];
    client.read_exact(&mut three).await.unwrap();
    client.write_all(b"4").await.unwrap();
    assert_eq!(read_all(&mut client).await, "4excess");
}

#[tokio::test]
async fn what_is_said_before_the_first_answer_is_noticed() {
    let answers = Slowly::default();
    let early = Arc::clone(&answers.early);
    let server = server(answers, MINUTE).await;
    let mut client = TcpStream::connect(server.address).await.unwrap();
    client.write_all(b"a").await.unwrap();
    client.write_all(b"12").await.unwrap();
    // What comes while the answer is worked out was there before it.
    server.let_go.notify_one();
    client.write_all(b"q").await.unwrap();
    assert!(read_all(&mut client).await.starts_with("answered"));
    assert!(early.load(Ordering::Relaxed) <= 3);
}

#[tokio::test]
async fn nothing_is_said_in_the_middle_of_what_is_being_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let _client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let mut transport = Transport::new(listener.accept().await.unwrap().0);
    let mut output = Output::default();
    assert!(output.is_whole());
    // More than the sockets' buffers take, and the peer does not read.
    output.push(Bytes::from(vec![b'x'; 64 << 20]));
    let given_up = Duration::from_millis(50);
    let sent = tokio::time::timeout(given_up, transport.send(&mut output, MINUTE));
    assert!(sent.await.is_err());
    assert!(!output.is_whole());
}

#[tokio::test]
async fn tls_starts_when_it_is_asked_for() {
    use rustls::pki_types::pem::PemObject;
    let server = server(Slowly::default(), MINUTE).await;
    let mut client = TcpStream::connect(server.address).await.unwrap();
    client.write_all(b"s").await.unwrap();
    let mut two = [0; 2];
    client.read_exact(&mut two).await.unwrap();

    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(rustls::pki_types::CertificateDer::from_pem_slice(&server.certificate).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let settings = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    let settings = settings.with_root_certificates(roots).with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let mut client = tokio_rustls::TlsConnector::from(Arc::new(settings))
        .connect(name, client)
        .await
        .unwrap();
    client.write_all(b"1q").await.unwrap();
    let mut text = String::new();
    client.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "secured1bye");
    let facts = server.facts.lock().unwrap().take().unwrap();
    assert_eq!(
        (facts.version, facts.server_name.as_deref()),
        ("TLSv1.3", Some("localhost"))
    );
    assert!(facts.cipher.starts_with("TLS_"), "{}", facts.cipher);
}

#[test]
fn an_idle_session_is_small() {
    use crate::answer::smtp::SmtpAnswers;
    use waxwing_smtp::ServerSession;
    fn waiting<S: Session, A: Answers<S>>(
        drive: &mut Drive<S, A>,
    ) -> impl Future<Output = io::Result<()>> {
        drive.run()
    }
    fn size_of_output<T, F>(_: impl FnOnce(T) -> F) -> usize {
        size_of::<F>()
    }
    let state = size_of::<Drive<ServerSession, SmtpAnswers>>();
    let future = size_of_output(waiting::<ServerSession, SmtpAnswers>);
    assert!(state + future < 3 * 1024, "{state} and {future} octets");
}
