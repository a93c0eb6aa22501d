//! A disk that fills up: mail is deferred, none that was acknowledged is lost, and it goes on when there is room.

use std::fs;
use std::path::Path;
use std::process::Command;

use waxwing_tests::{Setup, process};

/// A small file system in memory; unmounted with this value.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    fn mount(at: &'a Path) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mounted = process::run(
            Command::new("mount")
                .args(["-t", "tmpfs", "-o", "size=96m", "tmpfs"])
                .arg(at),
            "",
        );
        mounted.status.success().then_some(Disk(at))
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _late = process::run(Command::new("umount").arg("-l").arg(self.0), "");
    }
}

#[test]
fn full_disk() {
    if !process::is_root() {
        eprintln!("SKIPPED: only root may mount a small disk to fill");
        return;
    }
    // The disk itself is to say that it is full, not the reserve that is kept on larger ones.
    let mut server = Setup::new()
        .settings("[limits]\nsessions-per-address = 20000\ndisk-reserve = \"0B\"\n")
        .start();
    server.stop();
    // The data folder moves to the small disk.
    let (data, aside) = (server.data(), server.folder().join("aside"));
    fs::rename(&data, &aside).unwrap();
    let Some(_disk) = Disk::mount(&data) else {
        eprintln!("SKIPPED: tmpfs cannot be mounted here");
        return;
    };
    let copied = process::run(
        Command::new("cp")
            .arg("-a")
            .arg(format!("{}/.", aside.display()))
            .arg(&data),
        "",
    );
    assert!(copied.status.success());
    server.start();

    let message = format!(
        "Subject: filling\r\n\r\n{}",
        "0123456789abcdef\r\n".repeat(2000)
    );
    let mut smtp = server.smtp();
    smtp.send(
        "sender@example.net",
        &["alice@waxwing.test"],
        message.as_bytes(),
    )
    .unwrap()
    .class(2)
    .unwrap();
    fill(&data.join("ballast"));
    let (mut taken, mut deferred) = (1, 0);
    for _ in 0..200 {
        match smtp
            .send(
                "sender@example.net",
                &["alice@waxwing.test"],
                message.as_bytes(),
            )
            .and_then(|reply| reply.class(2))
        {
            Ok(_) => taken += 1,
            Err(error) => {
                let text = error.to_string();
                assert!(
                    text.starts_with("452 4.3.1 ") || text.starts_with("451 4.3."),
                    "{text}"
                );
                deferred += 1;
                smtp = server.smtp();
            }
        }
        if deferred == 5 {
            break;
        }
    }
    assert_eq!(deferred, 5, "a full disk defers mail");
    fs::remove_file(data.join("ballast")).unwrap();
    smtp.send(
        "sender@example.net",
        &["alice@waxwing.test"],
        message.as_bytes(),
    )
    .unwrap()
    .class(2)
    .unwrap();
    taken += 1;
    let mut imap = server.imap("alice@waxwing.test");
    assert_eq!(
        imap.select("INBOX").unwrap(),
        taken,
        "what was acknowledged is there, and nothing else"
    );
    server.verify();
    server.kill();
}

/// Writes until nothing fits any more.
fn fill(path: &Path) {
    use std::io::Write;
    let mut file = fs::File::create(path).unwrap();
    let block = vec![0_u8; 64 * 1024];
    while file.write_all(&block).is_ok() {}
    while file.write_all(&[0_u8; 512]).is_ok() {}
}
