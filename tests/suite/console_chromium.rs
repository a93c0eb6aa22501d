//! The console in Chromium against the server that it looks after, while mail flows: what `host/web/tests/real/console.test.ts` does there.

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use waxwing_tests::names::Zones;
use waxwing_tests::peer::{Act, Peer};
use waxwing_tests::{Setup, place, process};

use crate::admin_api::trials;
use crate::outbound::submit;

const WEB: &str = "[[listener]]\nname = \"web\"\nprotocol = \"http\"\naddress = \"127.0.0.1:0\"\ntls = \"none\"\nplaintext-auth = true\n";

#[test]
fn a_sitting_in_the_console() {
    let web = place::repository().join("host/web");
    let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".into());
    if !process::has_file(chromium.as_ref())
        || !process::has_file(&web.join("node_modules/.bin/vitest"))
    {
        eprintln!(
            "SKIPPED: Chromium is not installed, or what tools/web.sh installs is missing; tools/setup.sh browser does the former"
        );
        return;
    }
    // It wants to be asked twice.
    let asked = AtomicU32::new(0);
    let peer = Peer::start(move |_, command| match command {
        rcpt if rcpt.starts_with("RCPT") && asked.fetch_add(1, Ordering::Relaxed) == 0 => {
            Act::Say("450 4.2.1 come back tomorrow")
        }
        _ => Act::Usual,
    });
    let names = Zones::new()
        .zone("test", "")
        .zone("example", "")
        .zone(
            "waxwing.test",
            "@ IN MX 10 mx.waxwing.example.\n@ IN TXT \"v=spf1 mx ~all\"",
        )
        .zone("waxwing.example", "mx IN A 127.0.0.1")
        .serve();
    let builds = trials::builds();
    let route = format!(
        "routes.\"remote.example\" = {{ hosts = [{{ host = \"127.0.0.1\", port = {} }}] }}\n",
        peer.address().port()
    );
    let server = Setup::new()
        .policy(trials::policy(&route))
        .plugins(builds.path().to_owned())
        .settings(&format!(
            "[dns]\nservers = [\"{}\"]\nvalidate = \"never\"\n{WEB}",
            names.address()
        ))
        .start();
    let rules = place::repository().join("config/rules/basic.toml");
    server.change(|| {
        fs::copy(rules, server.folder().join("rules/basic.toml")).unwrap();
    });
    let token = server.cli(&["token", "add", "console", "--scope", "*"]);
    submit(
        &server,
        &["carol@remote.example"],
        "From: alice@waxwing.test\r\nSubject: Tulips\r\nMessage-ID: <tulips@waxwing.test>\r\n\r\nThey are out.\r\n",
    );
    let ended = AtomicBool::new(false);
    let (output, sent) = std::thread::scope(|scope| {
        let _end = trials::End(&ended);
        let flow = scope.spawn(|| trials::flow(&server, &ended));
        let mut command = Command::new("npm");
        command
            .args([
                "run",
                "--silent",
                "real",
                "--",
                "tests/real/console.test.ts",
            ])
            .current_dir(&web)
            .env("NO_COLOR", "1")
            .env("CHROMIUM", chromium)
            .env(
                "WAXWING_CONSOLE",
                format!("http://{}/admin", server.address("web")),
            )
            .env("WAXWING_TOKEN", token.trim());
        let output = process::run(&mut command, "");
        ended.store(true, Ordering::Relaxed);
        (output, flow.join().unwrap())
    });
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");
    assert_eq!(trials::kept(&server), sent, "each message is there");
    let log = server.log();
    assert!(!log.contains(token.trim()) && !log.contains("They are out"));
    server.verify();
}
