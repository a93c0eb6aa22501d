//! Plugins that loop, trap, grow, log or answer without end or sense: their step defers or is passed over, and nobody else notices.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use waxwing_tests::client::Imap;
use waxwing_tests::live::replace;
use waxwing_tests::setup::ACCEPTING;
use waxwing_tests::{Policy, Server, Setup, process};

const MISBEHAVIOURS: [&str; 8] = [
    "loop", "trap", "memory", "stack", "log", "calls", "nonsense", "internal",
];
const MESSAGE: &[u8] = b"Subject: x\r\n\r\ntext\r\n";

/// A policy that accepts, with a step of the fixture that does this at this hook, and that nobody takes back for it.
fn policy(hook: &str, behaviour: &str, on_error: &str) -> String {
    let grants = "[\"message\", \"actions\", \"kv\", \"credentials\", \"directory\", \"relay\"]";
    let limits = "{ deadline-ms = 250 }";
    let step = format!(
        "[[step]]\nplugin = \"fixture\"\ngrants = {grants}\nlimits = {limits}\non-error = \"{on_error}\"\n"
    );
    format!(
        "[drift]\nenabled = false\n{step}settings = {{ hooks = {{ {hook} = \"{behaviour}\" }} }}\n{ACCEPTING}"
    )
}

fn serve(server: &Server, text: String) {
    server.change(|| replace(&server.folder().join("policy.toml"), text));
}

#[test]
fn the_step_defers_or_is_passed_over() {
    let server = Setup::new().policy(Policy::Accepting).start();
    let send = || {
        server
            .smtp()
            .send("sender@example.net", &["alice@waxwing.test"], MESSAGE)
    };
    let before = process::resident(server.pid());
    let mut delivered = 0;
    for behaviour in MISBEHAVIOURS {
        serve(&server, policy("message", behaviour, "defer"));
        let reply = send().unwrap();
        assert_eq!(reply.code, 451, "{behaviour} under defer: {}", reply.text);
        assert!(reply.text.starts_with("4."), "{behaviour}: {}", reply.text);
        assert!(
            !reply.text.contains("fixture"),
            "the peer learns nothing of plugins: {}",
            reply.text
        );
        let faults = server.policy()["steps"][0]["faults"].as_u64();
        assert_eq!(
            faults,
            Some(1),
            "{behaviour} is counted: {}",
            server.policy()["steps"][0]
        );

        serve(&server, policy("message", behaviour, "skip"));
        let reply = send().unwrap();
        assert_eq!(reply.code, 250, "{behaviour} under skip: {}", reply.text);
        delivered += 1;
    }
    // At RCPT the recipient is deferred, and the session goes on.
    serve(&server, policy("rcpt-to", "trap", "defer"));
    let mut smtp = server.smtp();
    smtp.command("MAIL FROM:<sender@example.net>")
        .unwrap()
        .class(2)
        .unwrap();
    let reply = smtp.command("RCPT TO:<alice@waxwing.test>").unwrap();
    assert_eq!(reply.code, 451, "{}", reply.text);
    smtp.command("RSET").unwrap().class(2).unwrap();
    // A login that cannot be judged is told apart from a wrong password.
    serve(&server, policy("authenticate", "trap", "defer"));
    let reply = Imap::open(server.address("imap"))
        .unwrap()
        .command("LOGIN alice@waxwing.test waxwing-demo")
        .unwrap();
    assert!(
        reply.tagged.starts_with("NO [UNAVAILABLE] "),
        "{}",
        reply.tagged
    );

    serve(&server, ACCEPTING.to_owned());
    assert_eq!(
        server.imap("alice@waxwing.test").select("INBOX").unwrap(),
        delivered,
        "what was deferred is not there"
    );
    let after = process::resident(server.pid());
    assert!(
        after < before + (64 << 20),
        "memory went from {before} to {after} octets"
    );
}

#[test]
fn other_sessions_hardly_notice() {
    let server = Setup::new().policy(Policy::Accepting).start();
    for behaviour in ["loop", "memory", "trap", "log"] {
        // Other tests run on the same processors: what only they cause does not come back in every round.
        let noticed = (0..ROUNDS)
            .map(|_| beside(&server, behaviour))
            .find(|(usual, beside)| {
                let bound = (*usual * 2).max(*usual + GRACE);
                *beside <= bound
            });
        assert!(
            noticed.is_some(),
            "{behaviour}: more than twice the usual in each of {ROUNDS} rounds"
        );
    }
}

/// Rounds of which one has to keep the promise.
const ROUNDS: usize = 4;
/// What a debug build, or a single slow flush, may cost on top.
const GRACE: Duration = Duration::from_millis(if cfg!(debug_assertions) { 100 } else { 20 });

/// The p99 of a delivery by itself, and beside logins at which the fixture misbehaves. It is asked at logins only: whoever delivers
/// mail is another session.
fn beside(server: &Server, behaviour: &str) -> (Duration, Duration) {
    serve(server, policy("login", "pass", "defer"));
    let usual = p99(server);
    serve(server, policy("login", behaviour, "defer"));
    let (stop, logins) = (AtomicBool::new(false), AtomicUsize::new(0));
    let beside = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let _refused =
                    Imap::login(server.address("imap"), "alice@waxwing.test", "waxwing-demo")
                        .is_err();
                logins.fetch_add(1, Ordering::Relaxed);
            }
        });
        let beside = p99(server);
        stop.store(true, Ordering::Relaxed);
        beside
    });
    eprintln!(
        "p99 of a delivery: {usual:.1?}, beside a plugin that does {behaviour} at logins: {beside:.1?}"
    );
    assert!(logins.into_inner() > 0, "{behaviour} was provoked");
    (usual, beside)
}

/// The 99th percentile of the time of a delivery, over 300 of them.
fn p99(server: &Server) -> Duration {
    let mut smtp = server.smtp();
    let mut times: Vec<Duration> = (0..300)
        .map(|_| {
            let begun = Instant::now();
            smtp.send("sender@example.net", &["bob@waxwing.test"], MESSAGE)
                .unwrap()
                .class(2)
                .unwrap();
            begun.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() * 99 / 100]
}
