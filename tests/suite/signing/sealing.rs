//! Forwarded mail tells what was found out about it.

use super::*;

#[test]
fn forwarded_mail_is_sealed() {
    let published = Published::default();
    published.set("elsewhere.example", "v=spf1 ip4:127.0.0.1 -all");
    let names = published.serve();
    let there = receiver(&names);
    let here = sender(&names, Database::Sqlite, there.address("mx"));
    here.admin().add_domain("waxwing.example");
    let _added = here.cli(&["domain", "key", "add", "waxwing.example"]);
    published.keys(&here, "waxwing.example");
    until_it_signs(&here, "waxwing.example");
    here.admin()
        .add_alias("away@waxwing.test", &["carol@remote.example"]);
    let message = "From: eve@elsewhere.example\r\nSubject: sealed\r\n\r\ngr\u{fc}n\r\n";
    let mut smtp = Smtp::open(here.address("mx")).unwrap();
    let sent = smtp.send(
        "eve@elsewhere.example",
        &["away@waxwing.test"],
        message.as_bytes(),
    );
    sent.unwrap().class(2).unwrap();
    let forwarded = arrived(&there, "carol@remote.example", "sealed");
    let found = results(&forwarded);
    assert!(found.contains("arc=pass"), "{forwarded}");
    // Its octets are as its author wrote them.
    assert!(forwarded.ends_with("gr\u{fc}n\r\n"), "{forwarded}");
    assert!(!forwarded.contains("DKIM-Signature"), "{forwarded}");
    let unfolded = forwarded.replace("\r\n\t", " ");
    let sealed = unfolded
        .lines()
        .find(|line| line.starts_with("ARC-Authentication-Results: i=1; mx.waxwing.example;"));
    let sealed = sealed.unwrap_or_else(|| panic!("{forwarded}"));
    assert!(
        sealed.contains("spf=pass smtp.mailfrom=eve@elsewhere.example"),
        "{sealed}"
    );
    assert!(
        unfolded.contains("ARC-Seal: i=1; a=rsa-sha256;")
            && unfolded.contains("cv=none; d=waxwing.example;")
    );
}
