//! The life of keys, as an administrator sees it.

use super::*;

fn selectors(server: &Server, phase: &str) -> Vec<String> {
    let keys = keys(server, "waxwing.test");
    let of = keys.iter().filter(|key| key["phase"] == phase);
    of.map(|key| key["selector"].as_str().unwrap().to_owned())
        .collect()
}

fn fails(server: &Server, arguments: &[&str], why: &str) {
    let output = server.run(arguments, "");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(why), "{arguments:?}: {said}");
    assert_eq!(output.status.code(), Some(65), "{arguments:?}: {said}");
}

#[test]
fn keys_replace_each_other() {
    for database in Database::all() {
        let published = Published::default();
        let names = published.serve();
        let peer = Peer::start(|_, _| Act::Usual);
        let server = sender(&names, database, peer.address());
        fails(
            &server,
            &["domain", "key", "rotate", "waxwing.test"],
            "has no keys",
        );
        fails(
            &server,
            &["domain", "key", "list", "other.example"],
            "no such domain",
        );
        let _added = server.cli(&["domain", "key", "add", "waxwing.test"]);
        fails(
            &server,
            &["domain", "key", "add", "waxwing.test"],
            "has keys already",
        );
        published.keys(&server, "waxwing.test");
        until_it_signs(&server, "waxwing.test");
        let first = selectors(&server, "signing");

        let _rotated = server.cli(&["domain", "key", "rotate", "waxwing.test"]);
        // Nobody has published the new ones: the old ones sign.
        assert_eq!(selectors(&server, "to be published").len(), 2);
        assert_eq!(selectors(&server, "signing"), first);
        published.keys(&server, "waxwing.test");
        until("other keys sign", PATIENCE, || {
            let signing = selectors(&server, "signing");
            (signing.len() == 2 && signing.iter().all(|key| !first.contains(key))).then_some(())
        });
        let listed = server.cli(&["domain", "key", "list", "waxwing.test"]);
        assert!(listed.contains("signs, to be replaced after "), "{listed}");
        // They stay published for a while, and are forgotten.
        until("the first keys are forgotten", PATIENCE, || {
            (keys(&server, "waxwing.test").len() == 2).then_some(())
        });
        // The two keys of a pair go together, and each has its line.
        for line in [
            "a key was seen in the DNS",
            "a key signs no more",
            "a key is forgotten",
        ] {
            until(line, PATIENCE, || {
                let told = server.log().matches(line).count();
                (told > 0 && told % 2 == 0).then_some(())
            });
        }
        let leaked = selectors(&server, "signing").remove(0);
        let _removed = server.cli(&["domain", "key", "remove", "waxwing.test", &leaked]);
        assert!(!selectors(&server, "signing").contains(&leaked));
        fails(
            &server,
            &["domain", "key", "remove", "waxwing.test", &leaked],
            "has no key",
        );
        let _removed = server.cli(&["domain", "key", "remove", "waxwing.test", "--all"]);
        assert!(keys(&server, "waxwing.test").is_empty());
        server.verify();
    }
}

#[test]
fn a_key_from_elsewhere_is_taken_and_sealed() {
    let mut server = Setup::new().start();
    let folder = server.folder().to_owned();
    let file = folder.join("key.pem");
    std::fs::copy(
        waxwing_tests::place::repository().join("host/crates/auth/tests/signatures/ec.pem"),
        folder.join("wrong.pem"),
    )
    .unwrap();
    let made = waxwing_tests::process::run(
        std::process::Command::new("openssl")
            .args([
                "genpkey",
                "-algorithm",
                "RSA",
                "-pkeyopt",
                "rsa_keygen_bits:2048",
                "-out",
            ])
            .arg(&file),
        "",
    );
    assert!(made.status.success());
    let text = std::fs::read_to_string(&file).unwrap();
    let add = |name: &str, path: &std::path::Path| {
        let path = path.display().to_string();
        [
            "domain",
            "key",
            "add",
            "waxwing.test",
            "--selector",
            name,
            "--key-file",
            &path,
        ]
        .map(str::to_owned)
    };
    let run = |server: &Server, arguments: &[String]| {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        server.run(&arguments, "")
    };
    assert!(run(&server, &add("Old", &file)).status.success());
    let wrong = run(&server, &add("ec", &folder.join("wrong.pem")));
    assert_eq!(wrong.status.code(), Some(65), "{wrong:?}");
    let again = run(&server, &add("old", &file));
    assert!(String::from_utf8_lossy(&again.stderr).contains("has a key old already"));
    // Without a server the commands work on the store.
    server.stop();
    let listed = server.cli(&["domain", "key", "list", "waxwing.test"]);
    assert!(
        listed.contains("old") && listed.contains("to be published"),
        "{listed}"
    );
    // Neither the file's text nor its octets are anywhere in the store.
    let octets = |line: &str| line.as_bytes().to_vec();
    let secret = octets(text.lines().nth(3).unwrap());
    for entry in std::fs::read_dir(server.data()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let content = std::fs::read(&path).unwrap();
            let found = content.windows(secret.len()).any(|part| part == secret);
            assert!(!found, "{}", path.display());
        }
    }
}
